// Operations on rows: norms, gelu, sums, the soft cap.
#pragma once

#include <cstddef>
#include <span>

#include "ops/context.h"

namespace carat {

// out[r, i] = x[r, i] * (mean_i(x[r]²) + eps)^(-1/2) * weight[i]; weight null: no factor. out may
// be x. (gemma4-12b specification, 4.2)
void RmsNorm(OpContext& context, const float* x, const float* weight, size_t rows, size_t width,
             float eps, float* out);

// out[r, i] = (x[r, i] - mean) / sqrt(variance + eps) * weight[i] + bias[i], mean and (biased)
// variance over a row, summed in f64. out may be x. (5.6)
void LayerNorm(OpContext& context, const float* x, const float* weight, const float* bias,
               size_t rows, size_t width, float eps, float* out);

// gate[i] = gelu_tanh(gate[i]) * up[i], i < rows * width (4.6)
void GeluMul(OpContext& context, float* gate, const float* up, size_t rows, size_t width);

// x[i] += y[i]
void AddTo(float* x, const float* y, size_t n);

// x[i] *= factor
void Scale(float* x, float factor, size_t n);

// x[i] = cap * tanh(x[i] / cap) (4.7)
void SoftCap(OpContext& context, float* x, float cap, size_t n);

// Whether every number is finite.
bool AllFinite(std::span<const float> x);

}  // namespace carat
