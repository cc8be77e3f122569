#include "ops/matmul.h"

#include <algorithm>
#include <cstdint>

#include "base/check.h"

namespace carat {
namespace {

// Rows of one part: as many as keep the decoded weights near 512 KiB, within the second-level cache
// of every processor of the last ten years, and enough to make the part worth a thread's while.
size_t RowsPerPart(size_t cols) {
  return std::clamp<size_t>((size_t{1} << 17) / cols / 4 * 4, 4, 64);
}

bool UsableInPlace(const MatrixView& w) {
  return w.dtype == DType::kF32 && reinterpret_cast<uintptr_t>(w.data) % alignof(float) == 0;
}

}  // namespace

void MatMul(OpContext& context, const MatrixView& w, const float* x, size_t tokens, float* out) {
  CARAT_CHECK(!w.empty() && tokens > 0);
  const kernels::Table& table = context.table();
  const auto decode = table.decode[static_cast<size_t>(w.dtype)];
  const size_t part_rows = RowsPerPart(w.cols);
  const size_t parts = (w.rows + part_rows - 1) / part_rows;
  context.pool().Run(parts, [&](size_t part, int thread) {
    const size_t first = part * part_rows;
    const size_t rows = std::min(part_rows, w.rows - first);
    const float* values = reinterpret_cast<const float*>(w.row(first));
    if (!UsableInPlace(w)) {
      float* decoded = context.Scratch(thread, part_rows * w.cols);
      decode(w.row(first), rows * w.cols, decoded);
      values = decoded;
    }
    table.matmul(values, rows, x, tokens, w.cols, out + first, w.rows);
    if (w.scale == 1.0f) return;
    for (size_t t = 0; t < tokens; ++t) {
      for (size_t r = 0; r < rows; ++r) out[t * w.rows + first + r] *= w.scale;
    }
  });
}

void DecodeRow(const OpContext& context, const MatrixView& w, size_t index, float* out) {
  CARAT_CHECK(index < w.rows);
  context.table().decode[static_cast<size_t>(w.dtype)](w.row(index), w.cols, out);
  if (w.scale == 1.0f) return;
  for (size_t c = 0; c < w.cols; ++c) out[c] *= w.scale;
}

}  // namespace carat
