#include "tensor/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace carat {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A 16-bit format by its description, in exact double arithmetic.
struct Format {
  int mantissa_bits;
  int min_exponent;  // of the smallest normal number
  int max_exponent;  // of the largest number

  double Value(uint16_t bits) const {
    const int exponent_bits = 15 - mantissa_bits;
    const int code = (bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
    const double mantissa = bits & ((1 << mantissa_bits) - 1);
    const double sign = (bits & 0x8000) != 0 ? -1 : 1;
    if (code == (1 << exponent_bits) - 1) {
      return mantissa == 0 ? sign * kInfinity : std::numeric_limits<double>::quiet_NaN();
    }
    const double whole = code == 0 ? mantissa : mantissa + (1 << mantissa_bits);
    return sign * std::ldexp(whole, std::max(code - 1, 0) + min_exponent - mantissa_bits);
  }

  // The nearest value, ties to even (nearbyint's default), infinity past the largest.
  double Round(float value) const {
    if (value == 0 || std::isinf(value)) return value;
    const int exponent = std::max(std::ilogb(value), min_exponent);
    const double quantum = std::ldexp(1.0, exponent - mantissa_bits);
    const double rounded = std::nearbyint(value / quantum) * quantum;
    return std::abs(rounded) >= std::ldexp(2.0, max_exponent) ? std::copysign(kInfinity, value)
                                                              : rounded;
  }
};
constexpr Format kF16 = {10, -14, 15};
constexpr Format kBf16 = {7, -126, 127};

TEST(Half, EveryValueReadsAsDescribedAndComesBack) {
  for (uint32_t i = 0; i < 65536; ++i) {
    const auto bits = static_cast<uint16_t>(i);
    for (const bool f16 : {true, false}) {
      const float value = f16 ? FromF16(bits) : FromBf16(bits);
      const double expected = (f16 ? kF16 : kBf16).Value(bits);
      const uint16_t back = f16 ? ToF16(value) : ToBf16(value);
      if (std::isnan(expected)) {
        EXPECT_TRUE(std::isnan(value));
        EXPECT_TRUE(std::isnan(f16 ? FromF16(back) : FromBf16(back)));
        EXPECT_EQ(back & 0x8000, bits & 0x8000);
        continue;
      }
      ASSERT_EQ(static_cast<double>(value), expected) << std::hex << i;
      ASSERT_EQ(std::signbit(value), (bits & 0x8000) != 0) << std::hex << i;
      ASSERT_EQ(back, bits) << std::hex << i;
    }
  }
}

void ExpectRounds(float value) {
  ASSERT_EQ(static_cast<double>(FromF16(ToF16(value))), kF16.Round(value)) << value;
  ASSERT_EQ(static_cast<double>(FromBf16(ToBf16(value))), kBf16.Round(value)) << value;
  ASSERT_EQ(std::signbit(FromF16(ToF16(value))), std::signbit(value)) << value;
  ASSERT_EQ(std::signbit(FromBf16(ToBf16(value))), std::signbit(value)) << value;
}

TEST(Half, RoundsToNearestEven) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 300000; ++i) {
    const float any = std::bit_cast<float>(static_cast<uint32_t>(random()));
    if (!std::isnan(any)) ExpectRounds(any);
    // Most random bit patterns lie outside f16's range.
    ExpectRounds(std::ldexp(static_cast<float>(static_cast<int32_t>(random())),
                            -static_cast<int>(random() % 64)));
  }
}

TEST(Half, TiesAndTheirNeighbours) {
  for (uint32_t i = 0; i < 0x7F80; ++i) {
    for (const bool f16 : {true, false}) {
      if (f16 && i >= 0x7C00) continue;
      const auto at = [&](uint32_t bits) {
        const auto b = static_cast<uint16_t>(bits);
        return static_cast<double>(f16 ? FromF16(b) : FromBf16(b));
      };
      const double high = std::isinf(at(i + 1)) ? std::ldexp(1.0, f16 ? 16 : 128) : at(i + 1);
      const double tie = (at(i) + high) / 2;  // exact in f32: one bit more than the format
      const auto value = static_cast<float>(tie);
      ASSERT_EQ(static_cast<double>(value), tie);
      for (const float near :
           {value, std::nextafter(value, kInfinity), std::nextafter(value, 0.0f)}) {
        if (std::isinf(near)) continue;
        ExpectRounds(near);
        ExpectRounds(-near);
      }
    }
  }
}

}  // namespace
}  // namespace carat
