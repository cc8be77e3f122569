// Grouped-query attention over a cache (gemma4-12b specification, 4.3 step 6 and 4.5).
#pragma once

#include <cstddef>
#include <span>

#include "base/ids.h"
#include "ops/context.h"
#include "tensor/dtype.h"

namespace carat {

// One layer's keys and values: position p lies in slot p mod capacity. Borrows the memory.
struct CacheView {
  std::byte* keys = nullptr;    // [capacity, kv_heads, head_dim] in `dtype`
  std::byte* values = nullptr;  // likewise
  DType dtype = DType::kF32;    // kF32, kF16 or kBF16
  size_t capacity = 0;
  size_t kv_heads = 0;
  size_t head_dim = 0;

  size_t position_bytes() const { return kv_heads * head_dim * Info(dtype).block_bytes; }
};

// Stores the rows k, v [count, kv_heads, head_dim] at positions first, first + 1, …
void StoreRows(const CacheView& cache, Pos first, size_t count, const float* k, const float* v);

// The positions [begin, end) that a query sees; not empty.
struct KeyRange {
  Pos begin = 0;
  Pos end = 0;
};

// out[t, h] = sum_p softmax_p(q[t, h] · key[p, h / group]) value[p, h / group], scores times 1.0,
// over the positions p of seen[t].
//   q, out [seen.size(), num_heads, head_dim]. The cache holds all those positions.
// Every (t, h) is computed alone, keys in the order of their positions.
void Attention(OpContext& context, const CacheView& cache, const float* q, size_t num_heads,
               std::span<const KeyRange> seen, float* out);

}  // namespace carat
