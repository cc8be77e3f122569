// Q4_0, Q4_1, Q5_0 and Q5_1: blocks of 32 with one scale, and a minimum in the "_1" types (gguf
// specification, sections 5.3 and 5.4).
#include <algorithm>

#include "quant/fit.h"
#include "quant/row_makers.h"

namespace carat::quant_internal {
namespace {

constexpr size_t kBlock = 32;
constexpr size_t kTogether = 8;  // blocks that a fit takes at a time

// kBits per code, a scale and, with kMin, a minimum: f16 scale [, f16 minimum] [, u32 fifth bits],
// 16 bytes of low nibbles, those of elements 16 to 31 in the upper halves (section 5.2).
template <int kBits, bool kMin>
struct Format {
  static constexpr int kCodes = 1 << kBits;
  static constexpr size_t kScales = kMin ? 4 : 2;
  static constexpr size_t kBytes = kScales + (kBits == 5 ? 4 : 0) + kBlock / 2;

  static void Store(float scale, float min, const uint8_t* codes, std::byte* dst) {
    StoreF16(scale, dst);
    if (kMin) StoreF16(min, dst + 2);
    if (kBits == 5) {
      uint32_t fifth = 0;
      for (size_t i = 0; i < kBlock; ++i) fifth |= uint32_t{codes[i]} >> 4 << i;
      std::memcpy(dst + kScales, &fifth, sizeof fifth);
    }
    std::byte* const nibbles = dst + kBytes - kBlock / 2;
    for (size_t i = 0; i < kBlock / 2; ++i)
      nibbles[i] = static_cast<std::byte>((codes[i] & 15) | (codes[kBlock / 2 + i] & 15) << 4);
  }
};

// The rules without an importance matrix: the largest magnitude gets the lowest code.
template <int kBits>
void MakeSymmetric(const float* x, std::byte* dst) {
  constexpr int kHalf = 1 << (kBits - 1);
  const float largest = SignedLargest(x, kBlock);
  const float scale = largest / static_cast<float>(-kHalf);
  const float inverse = scale != 0.0f ? 1.0f / scale : 0.0f;
  uint8_t codes[kBlock];
  for (size_t i = 0; i < kBlock; ++i) {
    const int code = static_cast<int8_t>(Truncate(x[i] * inverse + (kHalf + 0.5f)));
    codes[i] = static_cast<uint8_t>(std::min(code, 2 * kHalf - 1));
  }
  Format<kBits, false>::Store(scale, 0.0f, codes, dst);
}

template <int kBits>
void MakeWithMin(const float* x, std::byte* dst) {
  constexpr int kTop = (1 << kBits) - 1;
  const float least = *std::min_element(x, x + kBlock), most = *std::max_element(x, x + kBlock);
  const float scale = (most - least) / static_cast<float>(kTop);
  const float inverse = scale != 0.0f ? 1.0f / scale : 0.0f;
  uint8_t codes[kBlock];
  for (size_t i = 0; i < kBlock; ++i) {
    const int code = static_cast<int8_t>(Truncate((x[i] - least) * inverse + 0.5f));
    codes[i] = static_cast<uint8_t>(std::min(code, kTop));
  }
  Format<kBits, true>::Store(scale, least, codes, dst);
}

// The same with importance for up to kTogether blocks, `sigma2` the mean square of the row.
template <int kBits, bool kMin>
void FitBlocks(size_t blocks, const float* x, const float* importance, float sigma2,
               std::byte* dst) {
  float weights[kTogether * kBlock], scales[kTogether], mins[kTogether] = {};
  uint8_t codes[kTogether * kBlock];
  WeighByImportance(x, importance, sigma2, blocks * kBlock, weights);
  if constexpr (kMin) {
    constexpr ScaleMinSearch kSearch = {(1 << kBits) - 1, -0.9f, 0.05f, 36};
    FitScaleAndMin<kBlock>(kSearch, blocks, x, weights, {scales, mins, codes});
  } else {
    FitSymmetric<kBlock>(1 << (kBits - 1), blocks, x, weights, scales, codes);
  }
  using F = Format<kBits, kMin>;
  for (size_t b = 0; b < blocks; ++b)
    F::Store(scales[b], -mins[b], codes + b * kBlock, dst + b * F::kBytes);
}

template <int kBits, bool kMin>
void MakeRow(const float* x, size_t cols, const float* importance, std::byte* dst) {
  constexpr size_t kBytes = Format<kBits, kMin>::kBytes;
  const size_t blocks = cols / kBlock;
  if (importance == nullptr) {
    for (size_t b = 0; b < blocks; ++b)
      (kMin ? MakeWithMin<kBits> : MakeSymmetric<kBits>)(x + b * kBlock, dst + b * kBytes);
    return;
  }
  const float sigma2 = SumOfSquares(x, cols) / static_cast<float>(cols);
  for (size_t b = 0; b < blocks; b += kTogether)
    FitBlocks<kBits, kMin>(std::min(kTogether, blocks - b), x + b * kBlock, importance + b * kBlock,
                           sigma2, dst + b * kBytes);
}

}  // namespace

namespace make {

void Q4_0(const float* x, size_t cols, const float* importance, std::byte* dst) {
  MakeRow<4, false>(x, cols, importance, dst);
}
void Q4_1(const float* x, size_t cols, const float* importance, std::byte* dst) {
  MakeRow<4, true>(x, cols, importance, dst);
}
void Q5_0(const float* x, size_t cols, const float* importance, std::byte* dst) {
  MakeRow<5, false>(x, cols, importance, dst);
}
void Q5_1(const float* x, size_t cols, const float* importance, std::byte* dst) {
  MakeRow<5, true>(x, cols, importance, dst);
}

}  // namespace make

}  // namespace carat::quant_internal
