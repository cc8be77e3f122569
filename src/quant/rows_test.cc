// The bytes are compared with the reference's in tests/quantise_golden_test.cc; here are the rules
// that need no reference.
#include "quant/rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace carat {
namespace {

std::vector<std::byte> Quantise(DType type, const std::vector<float>& x, size_t cols,
                                const std::vector<float>& importance = {}) {
  const DTypeInfo& info = Info(type);
  std::vector<std::byte> out(x.size() / info.block_elements * info.block_bytes);
  QuantiseRows(type, x.data(), x.size() / cols, cols,
               importance.empty() ? nullptr : importance.data(), out.data());
  return out;
}

std::vector<float> Waves(size_t count) {
  std::vector<float> x(count);
  for (size_t i = 0; i < count; ++i) x[i] = std::sin(0.7f * static_cast<float>(i * i % 1009));
  return x;
}

TEST(QuantiseRows, KnowsWhatItMakes) {
  EXPECT_TRUE(CanQuantise(DType::kQ4_K));
  EXPECT_TRUE(CanQuantise(DType::kMXFP4));
  EXPECT_FALSE(CanQuantise(DType::kIQ4_XS));
  EXPECT_FALSE(CanQuantise(DType::kNVFP4));
  EXPECT_FALSE(CanQuantise(DType::kI32));
}

TEST(QuantiseRows, RowsDoNotInfluenceEachOther) {
  const std::vector<float> x = Waves(3 * 768);
  const std::vector<float> importance(768, 0.5f);
  for (size_t t = 0; t < kNumDTypes; ++t) {
    const DType type = static_cast<DType>(t);
    if (!CanQuantise(type)) continue;
    SCOPED_TRACE(Info(type).name);
    const std::vector<std::byte> all = Quantise(type, x, 768, importance);
    for (size_t row = 0; row < 3; ++row) {
      const size_t bytes = all.size() / 3;
      const std::vector<float> one(x.begin() + static_cast<ptrdiff_t>(row * 768),
                                   x.begin() + static_cast<ptrdiff_t>((row + 1) * 768));
      const std::vector<std::byte> wanted(all.begin() + static_cast<ptrdiff_t>(row * bytes),
                                          all.begin() + static_cast<ptrdiff_t>((row + 1) * bytes));
      EXPECT_EQ(Quantise(type, one, 768, importance), wanted);
    }
  }
}

TEST(QuantiseRows, RoundsBf16ToEvenAndKeepsNanQuiet) {
  std::vector<float> x(4);
  x[0] = 1.0f + 0x1p-8f;      // a tie, down to even
  x[1] = 1.0f + 3 * 0x1p-8f;  // a tie, up to even
  x[2] = std::numeric_limits<float>::quiet_NaN();
  x[3] = -3.5f;
  const std::vector<std::byte> out = Quantise(DType::kBF16, x, 4);
  const std::vector<uint8_t> wanted = {0x80, 0x3F, 0x82, 0x3F, 0xC0, 0x7F, 0x60, 0xC0};
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(static_cast<uint8_t>(out[i]), wanted[i]) << i;
}

// Worked by hand from section 5.3: the largest magnitude, 7, gets code 0 with scale -7/8.
TEST(QuantiseRows, GivesTheLargestMagnitudeTheLowestCode) {
  std::vector<float> x(32, 0.0f);
  x[3] = 7.0f;
  x[17] = -3.5f;
  const std::vector<std::byte> out = Quantise(DType::kQ4_0, x, 32);
  EXPECT_EQ(out[0], std::byte{0x00});  // f16 of -0.875 is 0xBB00
  EXPECT_EQ(out[1], std::byte{0xBB});
  EXPECT_EQ(out[2], std::byte{0x88});
  EXPECT_EQ(out[2 + 1], std::byte{0xC8});
  EXPECT_EQ(out[2 + 3], std::byte{0x80});
}

// Where 1/scale overflows, codes are 0 and nothing is undefined (the sanitizers' test).
TEST(QuantiseRows, SurvivesSubnormalsAndHugeValues) {
  for (const float unit : {0x1p-149f, 0x1p-130f, 0x1p-60f, 0x1p60f, 0x1p125f}) {
    std::vector<float> x = Waves(512);
    for (float& value : x) value *= unit;
    for (size_t t = 0; t < kNumDTypes; ++t) {
      if (!CanQuantise(static_cast<DType>(t))) continue;
      Quantise(static_cast<DType>(t), x, 256);
      Quantise(static_cast<DType>(t), x, 256, std::vector<float>(256, 0.25f));
    }
  }
}

}  // namespace
}  // namespace carat
