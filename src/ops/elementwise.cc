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

}  // namespace carat
