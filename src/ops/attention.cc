#include "ops/attention.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "tensor/half.h"

namespace carat {
namespace {

void StoreRow(DType dtype, const float* src, size_t n, std::byte* dst) {
  if (dtype == DType::kF32) {
    std::memcpy(dst, src, n * sizeof(float));
    return;
  }
  auto* out = reinterpret_cast<uint16_t*>(dst);
  for (size_t i = 0; i < n; ++i) out[i] = dtype == DType::kF16 ? ToF16(src[i]) : ToBf16(src[i]);
}

// Positions [begin, end) as at most two runs of neighbouring slots.
struct Runs {
  size_t slot[2];
  size_t count[2];
};

Runs RunsOf(const CacheView& cache, Pos begin, Pos end) {
  const auto n = static_cast<size_t>(end - begin);
  CARAT_DCHECK(n <= cache.capacity);
  const size_t slot = static_cast<size_t>(begin) % cache.capacity;
  const size_t head = std::min(n, cache.capacity - slot);
  return {{slot, 0}, {head, n - head}};
}

}  // namespace

void StoreRows(const CacheView& cache, Pos first, size_t count, const float* k, const float* v) {
  const size_t width = cache.kv_heads * cache.head_dim;
  const size_t bytes = cache.position_bytes();
  for (size_t t = 0; t < count; ++t) {
    const size_t slot = (static_cast<size_t>(first) + t) % cache.capacity;
    StoreRow(cache.dtype, k + t * width, width, cache.keys + slot * bytes);
    StoreRow(cache.dtype, v + t * width, width, cache.values + slot * bytes);
  }
}

void Attention(OpContext& context, const CacheView& cache, const float* q, size_t num_heads,
               std::span<const KeyRange> seen, float* out) {
  const kernels::Table& table = context.table();
  const auto format = static_cast<size_t>(cache.dtype);
  CARAT_CHECK(format < kernels::kNumCacheFormats);
  const size_t group = num_heads / cache.kv_heads;
  const size_t dim = cache.head_dim;
  const size_t stride = cache.position_bytes();
  const size_t head_bytes = dim * Info(cache.dtype).block_bytes;
  context.pool().Run(seen.size() * num_heads, [&](size_t part, int thread) {
    const size_t head = part % num_heads;
    const auto [begin, end] = seen[part / num_heads];
    const auto n = static_cast<size_t>(end - begin);
    const Runs runs = RunsOf(cache, begin, end);
    float* scores = context.Scratch(thread, n);
    float* row = out + part * dim;
    std::fill(row, row + dim, 0.0f);
    const size_t offset = head / group * head_bytes;
    float* at = scores;
    for (int run = 0; run < 2; ++run) {
      const std::byte* keys = cache.keys + runs.slot[run] * stride + offset;
      table.dot_keys[format](q + part * dim, keys, stride, runs.count[run], dim, at);
      at += runs.count[run];
    }
    table.softmax(scores, n);
    at = scores;
    for (int run = 0; run < 2; ++run) {
      const std::byte* values = cache.values + runs.slot[run] * stride + offset;
      table.mix_values[format](at, values, stride, runs.count[run], dim, row);
      at += runs.count[run];
    }
  });
}

}  // namespace carat
