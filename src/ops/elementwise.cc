#include "ops/elementwise.h"

#include <algorithm>
#include <cmath>

namespace carat {

void RmsNorm(OpContext& context, const float* x, const float* weight, size_t rows, size_t width,
             float eps, float* out) {
  context.pool().Run(rows, [&](size_t row, int) {
    context.table().rms_norm(x + row * width, weight, width, eps, out + row * width);
  });
}

void LayerNorm(OpContext& context, const float* x, const float* weight, const float* bias,
               size_t rows, size_t width, float eps, float* out) {
  context.pool().Run(rows, [&](size_t row, int) {
    const float* in = x + row * width;
    float* to = out + row * width;
    double sum = 0;
    for (size_t i = 0; i < width; ++i) sum += in[i];
    const double mean = sum / static_cast<double>(width);
    double squares = 0;
    for (size_t i = 0; i < width; ++i) squares += (in[i] - mean) * (in[i] - mean);
    const double variance = squares / static_cast<double>(width);
    const auto scale = static_cast<float>(1 / std::sqrt(variance + double{eps}));
    const auto middle = static_cast<float>(mean);
    for (size_t i = 0; i < width; ++i) to[i] = (in[i] - middle) * scale * weight[i] + bias[i];
  });
}

void GeluMul(OpContext& context, float* gate, const float* up, size_t rows, size_t width) {
  context.pool().Run(rows, [&](size_t row, int) {
    context.table().gelu_mul(gate + row * width, up + row * width, width);
  });
}

void AddTo(float* x, const float* y, size_t n) {
  for (size_t i = 0; i < n; ++i) x[i] += y[i];
}

void Scale(float* x, float factor, size_t n) {
  for (size_t i = 0; i < n; ++i) x[i] *= factor;
}

void SoftCap(OpContext& context, float* x, float cap, size_t n) {
  constexpr size_t kPart = 4096;
  context.pool().Run((n + kPart - 1) / kPart, [&](size_t part, int) {
    const size_t end = std::min(n, (part + 1) * kPart);
    for (size_t i = part * kPart; i < end; ++i) x[i] = cap * std::tanh(x[i] / cap);
  });
}

bool AllFinite(std::span<const float> x) {
  constexpr size_t kLanes = 16;  // compilers turn them into vectors
  float sums[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= x.size(); i += kLanes)
    for (size_t l = 0; l < kLanes; ++l) sums[l] += x[i + l] * 0.0f;
  for (; i < x.size(); ++i) sums[0] += x[i] * 0.0f;
  float sum = 0;
  for (const float s : sums) sum += s;
  return sum == 0.0f;  // else it is not a number
}

}  // namespace carat
