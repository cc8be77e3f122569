// Q2_K, Q4_K and Q5_K: groups with a scale and a minimum each, which are coded in their turn (gguf
// specification, sections 5.2 to 5.4).
#include <algorithm>

#include "quant/fit.h"
#include "quant/row_makers.h"

namespace carat::quant_internal {
namespace {

constexpr size_t kBlock = 256;

// Scales and minimums of a block's groups, their codes and those of the values.
template <size_t kGroups>
struct CodedBlock {
  float scales[kGroups], mins[kGroups];
  uint8_t scale_codes[kGroups], min_codes[kGroups], codes[kBlock];
};

// Without importance: the largest gets the highest code. Returns the codes' unit.
float CodeByLargest(int max_code, size_t count, const float* x, uint8_t* codes) {
  const float largest = std::max(0.0f, *std::max_element(x, x + count));  // 0, never -0
  const float inverse = largest > 0.0f ? static_cast<float>(max_code) / largest : 0.0f;
  for (size_t g = 0; g < count; ++g)
    codes[g] = static_cast<uint8_t>(std::min(NearestInt(inverse * x[g]), max_code));
  return largest / static_cast<float>(max_code);
}

// What the three formats differ in.
struct Rules {
  int max_code;          // of a value
  int max_scale;         // of a scale and a minimum
  ScaleMinSearch plain;  // without importance
  float sigma_factor;    // of the block's mean square in the weights with importance
};
constexpr ScaleMinSearch Weighted(int max_code) { return {max_code, -0.9f, 0.05f, 36}; }

// Chooses all codes of a block; writes the f16 unit of the scales to dst and that of the minimums
// behind it. `weights` are those without importance; `importance` may be null.
template <size_t kGroups>
void CodeBlock(const Rules& rules, const float* x, const float* importance, float* weights,
               CodedBlock<kGroups>& block, std::byte* dst) {
  constexpr size_t kSize = kBlock / kGroups;
  float unit = 0.0f, min_unit = 0.0f;
  if (importance == nullptr) {
    FitScaleAndMin<kSize>(rules.plain, kGroups, x, weights,
                          {block.scales, block.mins, block.codes});
    unit = CodeByLargest(rules.max_scale, kGroups, block.scales, block.scale_codes);
    min_unit = CodeByLargest(rules.max_scale, kGroups, block.mins, block.min_codes);
  } else {
    const float sigma2 = rules.sigma_factor * SumOfSquares(x, kBlock) / static_cast<float>(kBlock);
    WeighByImportance(x, importance, sigma2, kBlock, weights);
    float group_weights[kGroups] = {};
    for (size_t i = 0; i < kBlock; ++i) group_weights[i / kSize] += weights[i];
    FitScaleAndMin<kSize>(Weighted(rules.max_code), kGroups, x, weights,
                          {block.scales, block.mins, block.codes});
    unit = FitNonNegative(rules.max_scale, kGroups, block.scales, group_weights, block.scale_codes);
    min_unit = FitNonNegative(rules.max_scale, kGroups, block.mins, group_weights, block.min_codes);
  }
  unit = StoreAndReadF16(unit, dst);
  min_unit = StoreAndReadF16(min_unit, dst + 2);
  for (size_t g = 0; g < kGroups; ++g) {
    const float scale = unit * static_cast<float>(block.scale_codes[g]);
    if (scale == 0.0f) continue;  // the fit's codes stay
    const float min = min_unit * static_cast<float>(block.min_codes[g]);
    for (size_t i = g * kSize; i < (g + 1) * kSize; ++i)
      block.codes[i] =
          static_cast<uint8_t>(std::clamp(NearestInt((x[i] + min) / scale), 0, rules.max_code));
  }
}

// The default weights of Q4_K and Q5_K: root mean square of the group, plus the magnitude.
void WeighGroups(const float* x, float* weights) {
  for (size_t g = 0; g < 8; ++g, x += 32, weights += 32) {
    const float root = std::sqrt(SumOfSquares(x, 32) / 32.0f);
    for (size_t i = 0; i < 32; ++i) weights[i] = root + std::fabs(x[i]);
  }
}

// Eight 6-bit scales and minimums in 12 bytes, as section 5.2 has them under Q4_K.
void StoreSixBits(const CodedBlock<8>& block, std::byte* dst) {
  uint8_t packed[12];
  for (size_t j = 0; j < 4; ++j) {
    const unsigned scale = block.scale_codes[j + 4], min = block.min_codes[j + 4];
    packed[j] = static_cast<uint8_t>(block.scale_codes[j] | scale >> 4 << 6);
    packed[j + 4] = static_cast<uint8_t>(block.min_codes[j] | min >> 4 << 6);
    packed[j + 8] = static_cast<uint8_t>((scale & 15) | (min & 15) << 4);
  }
  std::memcpy(dst, packed, sizeof packed);
}

template <int kBits>
void MakeQ45(const Rules& rules, const float* x, size_t cols, const float* importance,
             std::byte* dst) {
  constexpr size_t kHigh = kBits == 5 ? 32 : 0;  // bytes of fifth bits
  for (const float* const end = x + cols; x != end; x += kBlock, dst += 16 + kHigh + 128) {
    float weights[kBlock];
    uint8_t packed[kHigh + 128] = {};
    CodedBlock<8> block;
    if (importance == nullptr) WeighGroups(x, weights);
    CodeBlock<8>(rules, x, importance, weights, block, dst);
    if (importance != nullptr) importance += kBlock;
    StoreSixBits(block, dst + 4);
    for (size_t e = 0; e < kBlock; ++e) {
      const size_t j = e / 32, l = e % 32;
      if (kBits == 5) packed[l] |= static_cast<uint8_t>(block.codes[e] >> 4 << j);
      packed[kHigh + 32 * (j / 2) + l] |=
          static_cast<uint8_t>((block.codes[e] & 15) << (j % 2 * 4));
    }
    std::memcpy(dst + 16, packed, sizeof packed);
  }
}

}  // namespace

namespace make {

void Q2_K(const float* x, size_t cols, const float* importance, std::byte* dst) {
  constexpr Rules kRules = {3, 15, {3, -0.5f, 0.1f, 15, true}, 1.0f};
  for (const float* const end = x + cols; x != end; x += kBlock, dst += 84) {
    float weights[kBlock];
    uint8_t packed[80] = {};
    CodedBlock<16> block;
    for (size_t i = 0; i < kBlock; ++i) weights[i] = std::fabs(x[i]);
    CodeBlock<16>(kRules, x, importance, weights, block, dst + 80);
    if (importance != nullptr) importance += kBlock;
    for (size_t g = 0; g < 16; ++g)
      packed[g] = static_cast<uint8_t>(block.scale_codes[g] | block.min_codes[g] << 4);
    for (size_t e = 0; e < kBlock; ++e)
      packed[16 + e / 128 * 32 + e % 32] |=
          static_cast<uint8_t>(block.codes[e] << (e % 128 / 32 * 2));
    std::memcpy(dst, packed, sizeof packed);
  }
}

void Q4_K(const float* x, size_t cols, const float* importance, std::byte* dst) {
  constexpr Rules kRules = {15, 63, {15, -1.0f, 0.1f, 20}, 2.0f};
  MakeQ45<4>(kRules, x, cols, importance, dst);
}

void Q5_K(const float* x, size_t cols, const float* importance, std::byte* dst) {
  constexpr Rules kRules = {31, 63, {31, -0.5f, 0.1f, 15}, 2.0f};
  MakeQ45<5>(kRules, x, cols, importance, dst);
}

}  // namespace make

}  // namespace carat::quant_internal
