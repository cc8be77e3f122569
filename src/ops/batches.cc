#include "ops/batches.h"

#include <algorithm>
#include <cstring>

namespace carat {
namespace {

size_t BatchSize(size_t tokens) {
  return *std::ranges::lower_bound(kernels::kBatchSizes, std::min(tokens, kernels::kMaxBatch));
}

// Floats, or as many bytes, of one token of a batch.
struct Widths {
  explicit Widths(size_t cols)
      : x(cols),
        q(cols / sizeof(float)),
        scale((cols + 255) / 256),
        sums16(cols / 16),
        sums32(cols / 32) {}
  size_t x, q, scale, sums16, sums32;
  size_t all() const { return x + q + scale + sums16 + 2 * sums32; }
};

// Columns [begin, begin + count) of a batch; begin is a multiple of 256.
kernels::Batch Columns(const kernels::Batch& all, size_t begin, size_t count) {
  const size_t n = begin * all.tokens;
  return {.tokens = all.tokens,
          .cols = count,
          .x = all.x + n,
          .q = all.q + n,
          .scale = all.scale + n / 256,
          .start16 = all.start16 + n / 16,
          .start32 = all.start32 + n / 32,
          .sum32 = all.sum32 + n / 32};
}

}  // namespace

void Batches::Lay(size_t tokens, size_t cols) {
  const Widths widths(cols);
  constexpr size_t kLine = 16;  // floats; every part begins at a line
  const size_t most = (tokens + kernels::kMaxBatch - 1) / kernels::kMaxBatch * kernels::kMaxBatch;
  memory_.Resize(most * widths.all() + (most / kernels::kMaxBatch) * 6 * kLine);
  entries_.clear();
  float* at = memory_.data();
  const auto take = [&](size_t floats) {
    float* part = at;
    at += (floats + kLine - 1) / kLine * kLine;
    return part;
  };
  for (size_t first = 0; first < tokens; first += kernels::kMaxBatch) {
    const size_t n = std::min(tokens - first, kernels::kMaxBatch), size = BatchSize(n);
    kernels::Batch batch{.tokens = size, .cols = cols};
    batch.x = take(size * widths.x);
    batch.q = reinterpret_cast<int8_t*>(take(size * widths.q));
    batch.scale = take(size * widths.scale);
    batch.start16 = reinterpret_cast<int32_t*>(take(size * widths.sums16));
    batch.start32 = reinterpret_cast<int32_t*>(take(size * widths.sums32));
    batch.sum32 = take(size * widths.sums32);
    entries_.push_back({batch, first, n});
  }
}

void Batches::Fill(ThreadPool& pool, const kernels::Table& table, const float* x, size_t tokens,
                   size_t cols, bool rounded, bool plain) {
  Lay(tokens, cols);
  if (nothing_.size() < cols) nothing_.resize(cols, 0.0f);
  // By columns, so that no two threads write to the same lines of memory.
  constexpr size_t kColumns = 1024;
  const size_t slices = (cols + kColumns - 1) / kColumns;
  pool.Run(entries_.size() * slices, [&](size_t part, int) {
    const Entry& entry = entries_[part / slices];
    const size_t begin = part % slices * kColumns;
    const kernels::Batch slice = Columns(entry.batch, begin, std::min(kColumns, cols - begin));
    for (size_t t = 0; t < slice.tokens; ++t) {
      const float* row = t < entry.tokens ? x + (entry.first + t) * cols + begin : nothing_.data();
      if (rounded) table.quantise(row, t, slice);
      if (!plain) continue;
      for (size_t c = 0; c < slice.cols; ++c) slice.x[c * slice.tokens + t] = row[c];
    }
  });
}

void Batches::FillPrompt(ThreadPool& pool, const kernels::Table& table, const float* x,
                         size_t tokens, size_t cols) {
  entries_.clear();
  memory_.Resize((tokens + 15) / 16 * 16 * cols * sizeof(uint16_t) / sizeof(float));
  auto* tiles = reinterpret_cast<uint16_t*>(memory_.data());
  pool.Run(tokens, [&](size_t t, int) { table.round_prompt(x + t * cols, t, cols, tiles); });
}

}  // namespace carat
