// Q3_K and Q6_K: 16 groups of 16 with a signed scale each (gguf specification, sections 5.2
// to 5.4).
#include <algorithm>

#include "quant/fit.h"
#include "quant/row_makers.h"

namespace carat::quant_internal {
namespace {

constexpr size_t kBlock = 256;
constexpr size_t kGroups = 16;
constexpr size_t kSize = 16;

float Squared(float x) { return x * x; }

// Codes for the scales that the reader sees, dd = scale * sub[g]; where dd is 0 the fit's stay.
void Recode(const float* x, float scale, const int8_t* sub, int half_range, uint8_t* codes) {
  for (size_t g = 0; g < kGroups; ++g) {
    const float dd = scale * static_cast<float>(sub[g]);
    if (dd == 0.0f) continue;
    for (size_t i = g * kSize; i < (g + 1) * kSize; ++i) {
      codes[i] = static_cast<uint8_t>(SymmetricCode(x[i] / dd, half_range) + half_range);
    }
  }
}

// The six-bit scales of Q3_K, 0 to 63, in 12 bytes: low nibbles, then the upper two bits.
void StoreScales(const uint8_t* scales, uint8_t* dst) {
  std::fill_n(dst, 12, uint8_t{0});
  for (size_t g = 0; g < kGroups; ++g) {
    dst[g % 8] |= static_cast<uint8_t>((scales[g] & 15) << (g / 8 * 4));
    dst[8 + g % 4] |= static_cast<uint8_t>(scales[g] >> 4 << (g / 4 * 2));
  }
}

// The scales of the groups and their own scale, as the reader sees it: with importance fitted as
// the values are, weighted with the groups' weights; without, the largest gets -32.
float FitScales(const float* x, const float* importance, uint8_t* codes, uint8_t* six_bits,
                std::byte* dst) {
  float scales[kGroups];
  if (importance != nullptr) {
    float weights[kBlock], group_weights[kGroups] = {};
    const float sigma2 = 2.0f * SumOfSquares(x, kBlock) / static_cast<float>(kBlock);
    WeighByImportance(x, importance, sigma2, kBlock, weights);
    for (size_t i = 0; i < kBlock; ++i) group_weights[i / kSize] += weights[i];
    FitSymmetric<kSize>(4, kGroups, x, weights, scales, codes);
    float scale = 0.0f;
    FitSymmetric<kGroups>(32, 1, scales, group_weights, &scale, six_bits);
    return StoreAndReadF16(scale, dst);
  }
  for (size_t g = 0; g < kGroups; ++g) scales[g] = FitByMoves(x + g * kSize, codes + g * kSize);
  const float largest = SignedLargest(scales, kGroups);
  std::fill_n(six_bits, kGroups, uint8_t{0});
  if (largest == 0.0f) return StoreAndReadF16(0.0f, dst);
  const float inverse = -32.0f / largest;
  for (size_t g = 0; g < kGroups; ++g)
    six_bits[g] = static_cast<uint8_t>(std::clamp(NearestInt(inverse * scales[g]), -32, 31) + 32);
  return StoreAndReadF16(1.0f / inverse, dst);
}

}  // namespace

namespace make {

void Q3_K(const float* x, size_t cols, const float* importance, std::byte* dst) {
  for (const float* const end = x + cols; x != end; x += kBlock, dst += 110) {
    uint8_t codes[kBlock], six_bits[kGroups], packed[108] = {};
    const float scale = FitScales(x, importance, codes, six_bits, dst + 108);
    if (importance != nullptr) importance += kBlock;
    int8_t sub[kGroups];
    for (size_t g = 0; g < kGroups; ++g) sub[g] = static_cast<int8_t>(six_bits[g] - 32);
    Recode(x, scale, sub, 4, codes);
    for (size_t e = 0; e < kBlock; ++e) {
      packed[e % 32] |= static_cast<uint8_t>(codes[e] >> 2 << (e / 32));
      packed[32 + e / 128 * 32 + e % 32] |=
          static_cast<uint8_t>((codes[e] & 3) << (e % 128 / 32 * 2));
    }
    StoreScales(six_bits, packed + 96);
    std::memcpy(dst, packed, sizeof packed);
  }
}

void Q6_K(const float* x, size_t cols, const float* importance, std::byte* dst) {
  for (const float* const end = x + cols; x != end; x += kBlock, dst += 210) {
    float weights[kBlock], scales[kGroups];
    uint8_t codes[kBlock], packed[208] = {};
    if (importance != nullptr) {
      std::copy_n(importance, kBlock, weights);
      importance += kBlock;
    } else {
      std::transform(x, x + kBlock, weights, Squared);
    }
    FitSymmetric<kSize>(32, kGroups, x, weights, scales, codes);
    const float largest = SignedLargest(scales, kGroups);
    if (std::fabs(largest) < kTiny) {
      std::fill_n(dst, 210, std::byte{0});
      continue;
    }
    const float inverse = -128.0f / largest;
    const float scale = StoreAndReadF16(1.0f / inverse, dst + 208);
    int8_t sub[kGroups];
    for (size_t g = 0; g < kGroups; ++g)
      sub[g] = static_cast<int8_t>(std::min(NearestInt(inverse * scales[g]), 127));
    Recode(x, scale, sub, 32, codes);
    for (size_t e = 0; e < kBlock; ++e) {
      const size_t half = e / 128, group = e % 128 / 32, l = e % 32;
      packed[64 * half + 32 * (group & 1) + l] |=
          static_cast<uint8_t>((codes[e] & 15) << (group / 2 * 4));
      packed[128 + 32 * half + l] |= static_cast<uint8_t>(codes[e] >> 4 << (2 * group));
    }
    std::memcpy(packed + 192, sub, kGroups);
    std::memcpy(dst, packed, sizeof packed);
  }
}

}  // namespace make

}  // namespace carat::quant_internal
