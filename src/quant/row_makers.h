// One function for each format: a row of `cols` values to its blocks. Contracts as QuantiseRows has
// them. Internal to the room.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "tensor/half.h"

namespace carat::quant_internal {

using RowMaker = void (*)(const float* x, size_t cols, const float* importance, std::byte* dst);

namespace make {

// plain.cc
void F32(const float* x, size_t cols, const float* importance, std::byte* dst);
void F16(const float* x, size_t cols, const float* importance, std::byte* dst);
void BF16(const float* x, size_t cols, const float* importance, std::byte* dst);
void Q8_0(const float* x, size_t cols, const float* importance, std::byte* dst);
void MXFP4(const float* x, size_t cols, const float* importance, std::byte* dst);
// legacy.cc
void Q4_0(const float* x, size_t cols, const float* importance, std::byte* dst);
void Q4_1(const float* x, size_t cols, const float* importance, std::byte* dst);
void Q5_0(const float* x, size_t cols, const float* importance, std::byte* dst);
void Q5_1(const float* x, size_t cols, const float* importance, std::byte* dst);
// k_symmetric.cc
void Q3_K(const float* x, size_t cols, const float* importance, std::byte* dst);
void Q6_K(const float* x, size_t cols, const float* importance, std::byte* dst);
// k_scale_min.cc
void Q2_K(const float* x, size_t cols, const float* importance, std::byte* dst);
void Q4_K(const float* x, size_t cols, const float* importance, std::byte* dst);
void Q5_K(const float* x, size_t cols, const float* importance, std::byte* dst);

}  // namespace make

// Helpers A, C and D and Q6_K take a group for zero where no magnitude reaches this.
inline constexpr float kTiny = 1e-15f;

// The value nearest to x, ties to even, for |x| <= 4194303; something harmless beyond and for NaN
// (nint of section 5.3: the sum leaves the integer in the low mantissa bits).
inline int NearestInt(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x + 12582912.0f);
  return static_cast<int>(bits & 0x7FFFFF) - 0x400000;
}

// The integer part. What does not fit gives the smallest integer, whose low byte, 0, is the code
// that the reference's own build stores. It happens where 1/scale is infinite, for magnitudes below
// 2^-120: undefined in the reference, where another build stores 128; the scale, 0, hides either.
inline int Truncate(float x) { return std::fabs(x) < 0x1p31f ? static_cast<int>(x) : INT32_MIN; }

// The first of the values of largest magnitude, with its sign; 0 for none but zeros.
inline float SignedLargest(const float* x, size_t count) {
  float most = 0.0f, value = 0.0f;
  for (size_t i = 0; i < count; ++i) {
    if (std::fabs(x[i]) > most) {
      most = std::fabs(x[i]);
      value = x[i];
    }
  }
  return value;
}

inline int SymmetricCode(float scaled, int half_range) {
  return std::clamp(NearestInt(scaled), -half_range, half_range - 1);
}

inline void StoreF16(float value, std::byte* at) {
  const uint16_t bits = ToF16(value);
  std::memcpy(at, &bits, sizeof bits);
}

// As read back from the file: codes are chosen for the scale that the reader sees.
inline float StoreAndReadF16(float value, std::byte* at) {
  StoreF16(value, at);
  return FromF16(ToF16(value));
}

inline float SumOfSquares(const float* x, size_t count) {
  float sum = 0.0f;
  for (size_t i = 0; i < count; ++i) sum += x[i] * x[i];
  return sum;
}

// The reference's weights where there is an importance matrix (section 5.4): v * sqrt(s2 + x^2).
inline void WeighByImportance(const float* x, const float* importance, float sigma2, size_t count,
                              float* weights) {
  for (size_t i = 0; i < count; ++i) weights[i] = importance[i] * std::sqrt(sigma2 + x[i] * x[i]);
}

}  // namespace carat::quant_internal
