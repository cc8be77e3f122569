#include "ops/matmul.h"

#include <algorithm>
#include <cstdint>

#include "base/check.h"
#include "kernels/interleaved.h"

namespace carat {
namespace {

// Weights of one part stay in the second-level cache of every processor of the last ten years, for
// the tokens that come after the first, and are enough to be worth a thread's while.
constexpr size_t kPartBytes = size_t{256} << 10;

bool UsableInPlace(const MatrixView& w) {
  return w.dtype == DType::kF32 && reinterpret_cast<uintptr_t>(w.data) % alignof(float) == 0;
}

// Rows of one part of weights as they are stored: decoded they take twice kPartBytes.
size_t StoredRowsPerPart(size_t cols) {
  return std::clamp<size_t>(2 * kPartBytes / sizeof(float) / cols / 4 * 4, 4, 64);
}

void ScaleRows(const MatrixView& w, float* out, size_t tokens, size_t first, size_t rows) {
  if (w.scale == 1.0f) return;
  for (size_t t = 0; t < tokens; ++t) {
    for (size_t r = 0; r < rows; ++r) out[t * w.rows + first + r] *= w.scale;
  }
}

void StoredPart(OpContext& context, int thread, const MatrixView& w, const float* x, size_t tokens,
                size_t part, float* out) {
  const size_t part_rows = StoredRowsPerPart(w.cols);
  const size_t first = part * part_rows, rows = std::min(part_rows, w.rows - first);
  const float* values = reinterpret_cast<const float*>(w.row(first));
  if (!UsableInPlace(w)) {
    float* decoded = context.Scratch(thread, part_rows * w.cols);
    context.table().decode[static_cast<size_t>(w.dtype)](w.row(first), rows * w.cols, decoded);
    values = decoded;
  }
  context.table().matmul(values, rows, x, tokens, w.cols, out + first, w.rows);
  ScaleRows(w, out, tokens, first, rows);
}

size_t GroupsPerPart(const MatrixView& w) {
  return std::max<size_t>(1, kPartBytes / kernels::GroupBytes(w.dtype, w.cols));
}

void InterleavedPart(OpContext& context, const MatrixView& w, size_t part, float* out) {
  constexpr size_t kRows = kernels::kGroupRows;
  const auto multiply = context.table().multiply[static_cast<size_t>(w.dtype)];
  const size_t group_bytes = kernels::GroupBytes(w.dtype, w.cols);
  const size_t begin = part * GroupsPerPart(w);
  const size_t end = std::min(begin + GroupsPerPart(w), (w.rows + kRows - 1) / kRows);
  constexpr size_t kGroups = 8;  // of one call: their sums take 8 KiB of the stack
  alignas(64) float sums[kernels::kMaxBatch * kGroups * kRows];
  for (const Batches::Entry& entry : context.batches().entries()) {
    for (size_t group = begin; group < end; group += kGroups) {
      const size_t groups = std::min(kGroups, end - group), stride = groups * kRows;
      multiply(w.data + group * group_bytes, groups, entry.batch, sums, stride);
      const size_t first = group * kRows, rows = std::min(stride, w.rows - first);
      for (size_t t = 0; t < entry.tokens; ++t) {
        for (size_t r = 0; r < rows; ++r)
          out[(entry.first + t) * w.rows + first + r] = w.scale * sums[t * stride + r];
      }
    }
  }
}

// Rows of one part of a prompt's product, for which all tokens' activations are read once; fewer
// where threads would have nothing to do.
size_t PromptRowsPerPart(const MatrixView& w, int threads) {
  constexpr size_t kPair = 2 * kernels::kGroupRows;  // that are multiplied together
  const size_t share = w.rows / (8 * static_cast<size_t>(threads));
  return std::clamp<size_t>(share / kPair * kPair, 2 * kPair, kernels::kPromptRows);
}

void PromptPart(OpContext& context, int thread, const MatrixView& w, size_t tokens, size_t part,
                float* out) {
  const size_t per_part = PromptRowsPerPart(w, context.pool().threads());
  const size_t first = part * per_part, rows = std::min(per_part, w.rows - first);
  const size_t group = first / kernels::kGroupRows;
  const size_t sums = (tokens + 15) / 16 * 16 * kernels::kPromptSums;
  void* scratch = context.Scratch(thread, (kernels::kPromptPanel + sums) / sizeof(float));
  context.table().multiply_prompt[static_cast<size_t>(w.dtype)](
      w.data + group * kernels::GroupBytes(w.dtype, w.cols), rows,
      {context.batches().prompt(), tokens, w.cols}, scratch, out + first, w.rows);
  ScaleRows(w, out, tokens, first, rows);
}

enum class Way { kStored, kBatches, kPrompt };

Way WayOf(const OpContext& context, Role role, const MatrixView& w) {
  if (!w.interleaved) return Way::kStored;
  const bool tiles = context.table().multiply_prompt[static_cast<size_t>(w.dtype)] != nullptr;
  return role == Role::kPrompt && tiles ? Way::kPrompt : Way::kBatches;
}

size_t Parts(const MatrixView& w, Way way, int threads) {
  const auto up = [](size_t a, size_t b) { return (a + b - 1) / b; };
  switch (way) {
    case Way::kStored:
      return up(w.rows, StoredRowsPerPart(w.cols));
    case Way::kBatches:
      return up(up(w.rows, kernels::kGroupRows), GroupsPerPart(w));
    case Way::kPrompt:
      return up(w.rows, PromptRowsPerPart(w, threads));
  }
  return 0;
}

}  // namespace

void MatMul(OpContext& context, Role role, const float* x, size_t tokens,
            std::span<const Product> products) {
  bool rounded = false, plain = false, prompt = false;
  size_t parts = 0;
  const int threads = context.pool().threads();
  for (const auto& [w, out] : products) {
    CARAT_CHECK(!w.empty() && tokens > 0 && w.cols == products[0].w.cols);
    const Way way = WayOf(context, role, w);
    parts += Parts(w, way, threads);
    if (way == Way::kPrompt) prompt = true;
    if (way == Way::kBatches) (Info(w.dtype).block_elements > 1 ? rounded : plain) = true;
  }
  // Formats of both ways side by side, which no usual file has, go in turn.
  if (prompt && (rounded || plain)) {
    for (const Product& product : products) MatMul(context, role, x, tokens, {&product, 1});
    return;
  }
  if (prompt)
    context.batches().FillPrompt(context.pool(), context.table(), x, tokens, products[0].w.cols);
  if (rounded || plain) {
    context.batches().Fill(context.pool(), context.table(), x, tokens, products[0].w.cols, rounded,
                           plain);
  }
  context.pool().Run(parts, [&](size_t part, int thread) {
    for (const auto& [w, out] : products) {
      const Way way = WayOf(context, role, w);
      if (const size_t own = Parts(w, way, threads); part >= own) {
        part -= own;
        continue;
      }
      if (way == Way::kStored) return StoredPart(context, thread, w, x, tokens, part, out);
      if (way == Way::kBatches) return InterleavedPart(context, w, part, out);
      return PromptPart(context, thread, w, tokens, part, out);
    }
  });
}

void DecodeRow(OpContext& context, const MatrixView& w, size_t index, float* out) {
  CARAT_CHECK(index < w.rows);
  const std::byte* row = nullptr;
  if (w.interleaved) {
    const size_t group = index / kernels::kGroupRows;
    auto* stored = reinterpret_cast<std::byte*>(
        context.Scratch(0, (w.row_bytes() + sizeof(float) - 1) / sizeof(float)));
    kernels::StoredRow(w.dtype, w.data + group * kernels::GroupBytes(w.dtype, w.cols),
                       index % kernels::kGroupRows, w.cols, stored);
    row = stored;
  } else {
    row = w.row(index);
  }
  context.table().decode[static_cast<size_t>(w.dtype)](row, w.cols, out);
  if (w.scale == 1.0f) return;
  for (size_t c = 0; c < w.cols; ++c) out[c] *= w.scale;
}

}  // namespace carat
