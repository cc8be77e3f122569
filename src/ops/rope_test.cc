#include "ops/rope.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "tests/support/random_blocks.h"

namespace carat {
namespace {

RopeFrequencies Sliding() { return MakeRope(256, 1e4, 128, nullptr); }
RopeFrequencies Global() { return MakeRope(512, 1e6, 64, nullptr); }

// Check values of the gemma4-12b specification, section 4.4.
TEST(Rope, HasTheSpecifiedFrequencies) {
  const auto sliding = Sliding().frequencies;
  ASSERT_EQ(sliding.size(), 128u);
  EXPECT_EQ(sliding[0], 1.0f);
  EXPECT_FLOAT_EQ(sliding[1], 0.9305720f);
  EXPECT_FLOAT_EQ(sliding[64], 0.01f);
  EXPECT_FLOAT_EQ(sliding[127], 1.0746078e-4f);
  const auto global = Global().frequencies;
  ASSERT_EQ(global.size(), 64u);
  EXPECT_FLOAT_EQ(global[1], 0.94746353f);
  EXPECT_FLOAT_EQ(global[32], 0.17782794f);
  EXPECT_FLOAT_EQ(global[63], 0.03337625f);
}

TEST(Rope, HasTorchsTwoOddUlps) {
  EXPECT_EQ(Sliding().frequencies[111], 0x1.6453f6p-12f);
  EXPECT_EQ(Global().frequencies[29], 0x1.ac3224p-3f);
}

TEST(Rope, FactorsDivideAndStop) {
  std::vector<float> factors(256, 1e30f);
  std::fill_n(factors.begin(), 64, 1.0f);
  EXPECT_EQ(MakeRope(512, 1e6, 256, factors.data()).frequencies, Global().frequencies);
  std::fill_n(factors.begin(), 64, 8.0f);
  const auto divided = MakeRope(512, 1e6, 256, factors.data()).frequencies;
  ASSERT_EQ(divided.size(), 64u);
  for (size_t j = 0; j < 64; ++j) EXPECT_EQ(divided[j], Global().frequencies[j] / 8);
  factors[3] = 1e30f;  // a stopped pair before a turning one keeps its place
  const auto gap = MakeRope(512, 1e6, 256, factors.data()).frequencies;
  ASSERT_EQ(gap.size(), 64u);
  EXPECT_EQ(gap[3], 0.0f);
  EXPECT_EQ(gap[4], divided[4]);
}

TEST(Rope, LeavesTheOtherDimensionsOfAGlobalHead) {
  std::mt19937_64 random(1);
  const auto before = RandomFloats(random, 512);
  auto x = before;
  RopeTable table;
  table.Fill(Global(), 1234, 1);
  table.Apply(x.data(), 1);
  for (size_t d = 0; d < 512; ++d) {
    const bool turns = d < 64 || (d >= 256 && d < 320);
    EXPECT_EQ(x[d] != before[d], turns) << d;
  }
}

TEST(Rope, DoesNothingAtPositionZero) {
  std::mt19937_64 random(2);
  for (const RopeFrequencies& rope : {Sliding(), Global()}) {
    const auto before = RandomFloats(random, 3 * rope.head_dim);
    auto x = before;
    RopeTable table;
    table.Fill(rope, 0, 1);
    table.Apply(x.data(), 3);
    EXPECT_EQ(x, before);
  }
}

// Angle rounded to f32 once, as the specification says; then exact. cos, sin, two products and a
// sum round once each: 3 u of a product's size, two products.
TEST(Rope, TurnsPairsByTheRoundedAngle) {
  std::mt19937_64 random(3);
  for (const RopeFrequencies& rope : {Sliding(), Global()}) {
    const size_t dim = rope.head_dim, half = dim / 2;
    for (const Pos first : {Pos{1}, Pos{1300}, Pos{262140}}) {
      constexpr size_t kRows = 3, kHeads = 2;
      const auto before = RandomFloats(random, kRows * kHeads * dim);
      auto x = before;
      RopeTable table;
      table.Fill(rope, first, kRows);
      table.Apply(x.data(), kHeads);
      for (size_t i = 0; i < kRows * kHeads; ++i) {
        const auto position = static_cast<float>(first + static_cast<Pos>(i / kHeads));
        for (size_t j = 0; j < rope.frequencies.size(); ++j) {
          const double angle = double{rope.frequencies[j] * position};
          const double a = before[i * dim + j], b = before[i * dim + j + half];
          const double tolerance = 3 * 0x1p-24 * 1.01 * (std::abs(a) + std::abs(b));
          ASSERT_NEAR(x[i * dim + j], a * std::cos(angle) - b * std::sin(angle), tolerance);
          ASSERT_NEAR(x[i * dim + j + half], b * std::cos(angle) + a * std::sin(angle), tolerance);
        }
      }
    }
  }
}

TEST(Rope, ATableCanBeFilledAgain) {
  std::mt19937_64 random(4);
  const auto before = RandomFloats(random, 2 * 256);
  RopeTable used, fresh;
  used.Fill(Global(), 7, 5);
  used.Fill(Sliding(), 11, 2);
  fresh.Fill(Sliding(), 11, 2);
  auto a = before, b = before;
  used.Apply(a.data(), 1);
  fresh.Apply(b.data(), 1);
  EXPECT_EQ(a, b);
}

}  // namespace
}  // namespace carat
