#include <algorithm>
#include <cmath>

#include "quant/fit.h"
#include "quant/row_makers.h"

namespace carat::quant_internal {
namespace {

constexpr int kMaxPasses = 5;

}  // namespace

float FitByMoves(const float* x, uint8_t* codes) {
  constexpr size_t kSize = 16;
  constexpr int kHalfRange = 4;
  const float largest = SignedLargest(x, kSize);
  if (std::fabs(largest) < kTiny) {
    std::fill_n(codes, kSize, uint8_t{0});
    return 0.0f;
  }
  const float inverse = -static_cast<float>(kHalfRange) / largest;
  int code[kSize];
  float sum_xl = 0.0f, sum_ll = 0.0f;
  for (size_t i = 0; i < kSize; ++i) {
    code[i] = SymmetricCode(inverse * x[i], kHalfRange);
    const float l = static_cast<float>(code[i]), w = x[i] * x[i];
    sum_xl += w * x[i] * l;
    sum_ll += w * l * l;
  }
  bool moved = true;
  for (int pass = 0; pass < kMaxPasses && moved; ++pass) {
    moved = false;
    for (size_t i = 0; i < kSize; ++i) {
      const float l = static_cast<float>(code[i]), w = x[i] * x[i];
      float xl = sum_xl - w * x[i] * l;
      if (!(xl > 0.0f)) continue;
      float ll = sum_ll - w * l * l;
      const int next = SymmetricCode(x[i] * ll / xl, kHalfRange);
      if (next == code[i]) continue;
      const float n = static_cast<float>(next);
      xl += w * x[i] * n;
      ll += w * n * n;
      if (ll > 0.0f && xl * xl * sum_ll > sum_xl * sum_xl * ll) {
        code[i] = next;
        sum_xl = xl;
        sum_ll = ll;
        moved = true;
      }
    }
  }
  for (size_t i = 0; i < kSize; ++i) codes[i] = static_cast<uint8_t>(code[i] + kHalfRange);
  return sum_ll > 0.0f ? sum_xl / sum_ll : 0.0f;
}

namespace {

// The start of helper D: the inverse scale of nine around max_code / high with the least error.
float BestInverse(int max_code, float high, size_t count, const float* x, const float* weights) {
  float best = 0.0f, chosen = 0.0f;
  const auto attempt = [&](int k, bool first) {
    const float inverse = (0.1f * static_cast<float>(k) + static_cast<float>(max_code)) / high;
    const float scale = 1.0f / inverse;
    float error = 0.0f;
    for (size_t i = 0; i < count; ++i) {
      const float miss =
          x[i] - scale * static_cast<float>(std::min(NearestInt(inverse * x[i]), max_code));
      error += weights[i] * miss * miss;
    }
    if (first || error < best) {
      best = error;
      chosen = inverse;
    }
  };
  attempt(0, true);
  for (int k = -4; k <= 4; ++k)
    if (k != 0) attempt(k, false);
  return chosen;
}

}  // namespace

float FitNonNegative(int max_code, size_t count, const float* x, const float* weights,
                     uint8_t* codes) {
  float high = 0.0f;
  for (size_t i = 0; i < count; ++i) high = std::max(high, x[i]);
  if (high < kTiny) {
    std::fill_n(codes, count, uint8_t{0});
    return 0.0f;
  }
  const float inverse = BestInverse(max_code, high, count, x, weights);
  float sum_xl = 0.0f, sum_ll = 0.0f;
  for (size_t i = 0; i < count; ++i) {
    const int code = std::min(NearestInt(inverse * x[i]), max_code);
    codes[i] = static_cast<uint8_t>(code);
    const float l = static_cast<float>(code);
    sum_xl += weights[i] * x[i] * l;
    sum_ll += weights[i] * l * l;
  }
  bool moved = true;
  for (int pass = 0; pass < kMaxPasses && moved; ++pass) {
    moved = false;
    for (size_t i = 0; i < count; ++i) {
      const float l = static_cast<float>(codes[i]), w = weights[i];
      float xl = sum_xl - w * x[i] * l;
      float ll = sum_ll - w * l * l;
      if (!(xl > 0.0f && ll > 0.0f)) continue;
      const int next = std::min(NearestInt(x[i] * ll / xl), max_code);
      if (next == codes[i]) continue;
      const float n = static_cast<float>(next);
      xl += w * x[i] * n;
      ll += w * n * n;
      if (xl * xl * sum_ll > sum_xl * sum_xl * ll) {
        codes[i] = static_cast<uint8_t>(next);
        sum_xl = xl;
        sum_ll = ll;
        moved = true;
      }
    }
  }
  return sum_ll > 0.0f ? sum_xl / sum_ll : 0.0f;
}

}  // namespace carat::quant_internal
