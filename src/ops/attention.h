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
  std::byte* keys = nullptr;    // [kv_heads, capacity, head_dim] in `dtype`
  std::byte* values = nullptr;  // likewise
  DType dtype = DType::kF32;    // kF32, kF16, kBF16 or kQ8_0
  size_t capacity = 0;
  size_t kv_heads = 0;
  size_t head_dim = 0;  // a multiple of 16, and of 32 for kQ8_0

  size_t row_bytes() const {  // of one position of one head
    return head_dim / Info(dtype).block_elements * Info(dtype).block_bytes;
  }
  size_t head_bytes() const { return capacity * row_bytes(); }
  size_t bytes() const { return kv_heads * head_bytes(); }  // of all keys, or of all values
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
// In one pass over the cache: the positions are taken in blocks, and a block's part is added to
// what came before as in Milakov and Gimelshein, "Online normalizer calculation for softmax"
// (2018). The blocks' borders are fixed, so every (t, h) is the same whatever is computed beside
// it.
// Rows of positions that a query does not see count as zero only where they are finite numbers.
void Attention(OpContext& context, const CacheView& cache, const float* q, size_t num_heads,
               std::span<const KeyRange> seen, float* out);

// Most bytes that a call keeps between two of its steps, for so many positions.
size_t AttentionPartsBytes(Pos positions, size_t head_dim);

}  // namespace carat
