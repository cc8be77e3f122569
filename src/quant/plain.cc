// The formats that ignore the importance matrix (gguf specification, section 5.3).
#include <algorithm>

#include "quant/row_makers.h"

namespace carat::quant_internal {
namespace {

constexpr size_t kBlock = 32;

float LargestMagnitude(const float* x) {
  float most = 0.0f;
  for (size_t i = 0; i < kBlock; ++i) most = std::max(most, std::fabs(x[i]));
  return most;
}

// 2^(e - 128): the unit of a block of MXFP4 (section 5.2), subnormal below e = 2.
float UnitOf(uint8_t e) {
  return std::bit_cast<float>(e < 2 ? uint32_t{0x200000} << e : uint32_t{e - 1u} << 23);
}

// The code of the nearest value, the lowest on ties: 0 for -0, the smaller of two neighbours.
unsigned NearestE2M1(float x, float unit) {
  constexpr float kValues[16] = {0, 1, 2, 3, 4, 6, 8, 12, -0.0f, -1, -2, -3, -4, -6, -8, -12};
  unsigned best = 0;
  float least = std::fabs(kValues[0] * unit - x);
  for (unsigned code = 1; code < 16; ++code) {
    const float error = std::fabs(kValues[code] * unit - x);
    if (error < least) {
      least = error;
      best = code;
    }
  }
  return best;
}

// Halves away from zero, as C's roundf, which is a call where the processor has no instruction.
int Round(float x) {
  const int whole = Truncate(x);
  const float rest = x - static_cast<float>(whole);
  const bool up = rest >= 0.5f && rest < 1.0f, down = rest <= -0.5f && rest > -1.0f;
  return whole + (up ? 1 : 0) - (down ? 1 : 0);
}

}  // namespace

namespace make {

void F32(const float* x, size_t cols, const float*, std::byte* dst) {
  std::memcpy(dst, x, cols * sizeof(float));
}

void F16(const float* x, size_t cols, const float*, std::byte* dst) {
  for (size_t i = 0; i < cols; ++i) StoreF16(x[i], dst + 2 * i);
}

void BF16(const float* x, size_t cols, const float*, std::byte* dst) {
  for (size_t i = 0; i < cols; ++i) {
    const uint16_t bits = ToBf16(x[i]);
    std::memcpy(dst + 2 * i, &bits, sizeof bits);
  }
}

void Q8_0(const float* x, size_t cols, const float*, std::byte* dst) {
  for (const float* const end = x + cols; x != end; x += kBlock, dst += 34) {
    const float scale = LargestMagnitude(x) / 127.0f;
    const float inverse = scale != 0.0f ? 1.0f / scale : 0.0f;
    StoreF16(scale, dst);
    for (size_t i = 0; i < kBlock; ++i) dst[2 + i] = static_cast<std::byte>(Round(x[i] * inverse));
  }
}

void MXFP4(const float* x, size_t cols, const float*, std::byte* dst) {
  for (const float* const end = x + cols; x != end; x += kBlock, dst += 17) {
    const float most = LargestMagnitude(x);
    // Below 2^-125 this wraps to a huge unit, in the reference too: all codes are then 0.
    const uint8_t e =
        most > 0.0f ? static_cast<uint8_t>(Truncate(std::floor(std::log2(most)) - 2.0f + 127.0f))
                    : uint8_t{0};
    const float unit = UnitOf(e);
    dst[0] = std::byte{e};
    for (size_t i = 0; i < kBlock / 2; ++i) {
      const unsigned low = NearestE2M1(x[i], unit);
      const unsigned high = NearestE2M1(x[kBlock / 2 + i], unit);
      dst[1 + i] = static_cast<std::byte>(low | high << 4);
    }
  }
}

}  // namespace make

}  // namespace carat::quant_internal
