// Random bytes that are valid blocks of a storage format.
#pragma once

#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <vector>

#include "tensor/dtype.h"
#include "tensor/half.h"

namespace carat {

enum class Scales {
  kOdd,   // any finite f16: subnormal, negative, zero, the largest
  kTame,  // such that elements stay within a few units, for running a model
};

// Where a block holds f16 factors (gguf specification, section 5.2).
inline std::vector<size_t> ScaleOffsets(DType dtype) {
  switch (dtype) {
    case DType::kQ8_0:
    case DType::kQ4_0:
    case DType::kQ5_0:
    case DType::kIQ4_NL:
    case DType::kIQ4_XS:
    case DType::kQ1_0:
    case DType::kQ2_0:
      return {0};
    case DType::kQ4_1:
    case DType::kQ5_1:
    case DType::kQ4_K:
    case DType::kQ5_K:
      return {0, 2};
    case DType::kQ2_K:
      return {80, 82};
    case DType::kQ3_K:
      return {108};
    case DType::kQ6_K:
      return {208};
    case DType::kTQ1_0:
      return {52};
    case DType::kTQ2_0:
      return {64};
    default:
      return {};
  }
}

// The largest element of a block whose f16 factors are 1.
inline float LargestCode(DType dtype) {
  switch (dtype) {
    case DType::kQ2_K:
      return 15 * 3;
    case DType::kQ3_K:
      return 32 * 4;
    case DType::kQ4_K:
      return 63 * 15;
    case DType::kQ5_K:
      return 63 * 31;
    case DType::kQ6_K:
      return 128 * 32;
    case DType::kIQ4_XS:
      return 32 * 127;
    case DType::kTQ1_0:
    case DType::kTQ2_0:
    case DType::kQ1_0:
    case DType::kQ2_0:
      return 2;
    default:
      return 128;
  }
}

inline uint16_t OddF16(std::mt19937_64& random) {
  static constexpr uint16_t kCorners[] = {0x0000, 0x8000, 0x0001, 0x8001, 0x03FF,
                                          0x83FF, 0x0400, 0x7BFF, 0xFBFF, 0x3C00};
  if (random() % 3 == 0) return kCorners[random() % std::size(kCorners)];
  const auto bits = static_cast<uint16_t>(random());
  return (bits & 0x7C00) == 0x7C00 ? static_cast<uint16_t>(bits & 0x83FF) : bits;  // finite
}

// A number in [-1, 1).
inline float RandomUnit(std::mt19937_64& random) {
  return static_cast<float>(static_cast<int64_t>(random() >> 40) - (int64_t{1} << 23)) * 0x1p-23f;
}

inline std::vector<float> RandomFloats(std::mt19937_64& random, size_t n, float size = 1.0f) {
  std::vector<float> values(n);
  for (float& v : values) v = size * RandomUnit(random);
  return values;
}

// Plain numbers: f32, f16 or bf16, finite.
inline void RandomNumber(std::mt19937_64& random, DType dtype, Scales scales, std::byte* out) {
  const float tame = RandomUnit(random);
  if (dtype == DType::kF32) {
    const float value = scales == Scales::kTame ? tame : FromF16(OddF16(random));
    std::memcpy(out, &value, sizeof value);
    return;
  }
  uint16_t bits = dtype == DType::kF16 ? ToF16(tame) : ToBf16(tame);
  if (scales == Scales::kOdd) {
    bits = OddF16(random);
    if (dtype == DType::kBF16) {
      bits = static_cast<uint16_t>(random());
      if ((bits & 0x7F80) == 0x7F80) bits &= 0x807F;
    }
  }
  std::memcpy(out, &bits, sizeof bits);
}

// `elements` elements in `dtype`, a multiple of its block size.
inline std::vector<std::byte> RandomBlocks(std::mt19937_64& random, DType dtype, size_t elements,
                                           Scales scales) {
  const DTypeInfo& info = Info(dtype);
  const size_t blocks = elements / info.block_elements;
  std::vector<std::byte> out(blocks * info.block_bytes);
  for (std::byte& b : out) b = static_cast<std::byte>(random());
  for (size_t i = 0; i < blocks; ++i) {
    std::byte* block = out.data() + i * info.block_bytes;
    if (info.block_elements == 1) RandomNumber(random, dtype, scales, block);
    for (const size_t at : ScaleOffsets(dtype)) {
      const float tame = RandomUnit(random) / LargestCode(dtype);
      const uint16_t bits = scales == Scales::kTame ? ToF16(tame) : OddF16(random);
      std::memcpy(block + at, &bits, sizeof bits);
    }
    // The exponents of MXFP4 and NVFP4 are bytes; 255 stands for no number, and 254 overflows.
    if (dtype == DType::kMXFP4) {
      block[0] =
          static_cast<std::byte>(scales == Scales::kTame ? 122 + random() % 4 : random() % 253);
    }
    if (dtype == DType::kNVFP4 && scales == Scales::kTame) {
      for (size_t s = 0; s < 4; ++s) block[s] = static_cast<std::byte>(24 + random() % 16);
    }
  }
  return out;
}

}  // namespace carat
