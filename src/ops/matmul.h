// Matrix products with weights in any storage format.
#pragma once

#include <cstddef>

#include "ops/context.h"
#include "tensor/view.h"

namespace carat {

// out[t, r] = w.scale * sum_c w[r, c] * x[t, c], summed in f32 over the decoded weights.
//   x [tokens, w.cols], out [tokens, w.rows], no overlap; tokens >= 1.
// Every output is computed alone, so it does not depend on `tokens` or on the number of threads.
void MatMul(OpContext& context, const MatrixView& w, const float* x, size_t tokens, float* out);

// out = row `index` of w as f32 [w.cols].
void DecodeRow(const OpContext& context, const MatrixView& w, size_t index, float* out);

}  // namespace carat
