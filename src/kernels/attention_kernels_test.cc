// The kernels of attention against sums in double precision. u and the bound of a sum's errors are
// those of kernels_test.cc; where a table takes q or p as bf16, each term errs by 2^-9 more.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/kernels.h"
#include "tensor/dtype.h"
#include "tests/support/kernel_tables.h"
#include "tests/support/random_blocks.h"
#include "tests/support/same_bits.h"

namespace carat::kernels {
namespace {

constexpr double kU = 0x1p-24;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

double SumErrors(size_t n) { return 1.01 * (static_cast<double>(n) / 8 + 6) * kU; }

// Rows of a cache, a few bytes apart, and their values.
struct Stored {
  size_t dim, stride;
  std::vector<std::byte> bytes;
  std::vector<float> values;  // [n, dim]

  Stored(std::mt19937_64& random, size_t format, size_t n, size_t width)
      : dim(width), values(n * width) {
    const auto dtype = static_cast<DType>(format);
    const size_t row = dim / Info(dtype).block_elements * Info(dtype).block_bytes;
    stride = row + 12;
    bytes.resize(n * stride);
    for (size_t i = 0; i < n; ++i) {
      const auto blocks = RandomBlocks(random, dtype, dim, Scales::kTame);
      std::ranges::copy(blocks, bytes.begin() + static_cast<long>(i * stride));
      ReferenceTable().decode[format](blocks.data(), dim, values.data() + i * dim);
    }
  }
  CacheRows rows(size_t first, size_t n, bool next = false) const {
    return {bytes.data() + first * stride, stride, n, dim, next ? bytes.data() : nullptr};
  }
};

// Calls check(format, dim, rows, n) for all that a cache may hold.
template <class Check>
void ForShapes(const Check& check) {
  for (size_t format = 0; format < kNumCacheFormats; ++format) {
    for (const size_t dim : {16, 32, 48, 256, 512}) {
      if (dim % Info(static_cast<DType>(format)).block_elements != 0) continue;
      for (const size_t rows : {1, 2, 3, 4, 5, 17}) {
        for (const size_t n : {1, 3, 4, 5, 16, 33, 70}) check(format, dim, rows, n);
      }
    }
  }
}

// How much a term may err relatively because a table rounds an operand to bf16.
double Bf16Errors(const Table& table, size_t format, size_t dim) {
  return table.attention_bf16 && format == 2 && dim % 32 == 0 ? 0x1p-8 : 0;
}

// exp errs by 4 u above and below the line; the sum of positive terms by SumErrors relatively.
// Below -87.33 a vector kernel gives its smallest power, 1.2e-38.
TEST(ExpScoresKernel, IsNearTheExactValues) {
  std::mt19937_64 random(7);
  for (const size_t n : {1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 255, 256}) {
    for (const float size : {0.0f, 1.0f, 30.0f, 200.0f}) {
      auto x = RandomFloats(random, n, size);
      if (n > 3) x[n / 2] = -1e30f;
      if (n > 9) x[n / 3] = -kInfinity;
      const float top = *std::ranges::max_element(x);
      for (const Table* table : Tables()) {
        std::vector<float> out = x;
        float found = 0;
        const float sum = table->exp_scores(out.data(), n, &found);
        EXPECT_EQ(found, top) << table->name;
        double exact_sum = 0;
        for (size_t i = 0; i < n; ++i) {
          const double exact = std::exp(double{x[i] - top});  // x - top rounds alike everywhere
          exact_sum += exact;
          ASSERT_NEAR(out[i], exact, 8 * kU * exact + 1.3e-38) << table->name << " at " << x[i];
        }
        ASSERT_NEAR(sum, exact_sum, (SumErrors(n) + 8 * kU) * exact_sum) << table->name;
      }
    }
  }
}

// A broken weight must reach the logits, where it is reported, instead of turning into a likely
// value.
TEST(ExpScoresKernel, PassesOnWhatIsNotANumber) {
  for (const Table* table : Tables()) {
    for (const size_t n : {1, 2, 8, 16, 17, 40}) {
      for (size_t at = 0; at < n; ++at) {
        std::vector<float> x(n, 0.5f);
        x[at] = std::numeric_limits<float>::quiet_NaN();
        float top = 0;
        ASSERT_TRUE(std::isnan(table->exp_scores(x.data(), n, &top))) << table->name << " " << n;
      }
    }
  }
}

TEST(DotKeysKernel, IsNearTheExactScoresWholeAndInParts) {
  std::mt19937_64 random(8);
  ForShapes([&](size_t format, size_t dim, size_t rows, size_t n) {
    const Stored keys(random, format, n, dim);
    const auto q = RandomFloats(random, rows * dim);
    const size_t stride = n + 3;
    for (const Table* table : Tables()) {
      const auto dot = table->dot_keys[format];
      std::vector<float> scores(rows * stride, -5.0f), parts = scores, alone = scores;
      dot(q.data(), rows, keys.rows(0, n, true), scores.data(), stride);
      for (size_t i = 0; i < rows * stride; ++i) {
        const size_t r = i / stride, k = i % stride;
        if (k >= n) {
          ASSERT_EQ(scores[i], -5.0f) << table->name << " wrote past the end";
          continue;
        }
        double exact = 0, size = 0;
        for (size_t d = 0; d < dim; ++d) {
          const double term = double{q[r * dim + d]} * double{keys.values[k * dim + d]};
          exact += term;
          size += std::abs(term);
        }
        ASSERT_NEAR(scores[i], exact, (SumErrors(dim) + Bf16Errors(*table, format, dim)) * size)
            << table->name << " format " << format << " dim " << dim;
      }
      const size_t cut = n / 2;
      if (cut > 0) dot(q.data(), rows, keys.rows(0, cut), parts.data(), stride);
      dot(q.data(), rows, keys.rows(cut, n - cut), parts.data() + cut, stride);
      for (size_t r = 0; r < rows; ++r)
        dot(&q[r * dim], 1, keys.rows(0, n), &alone[r * stride], stride);
      ASSERT_TRUE(SameBits(parts, scores)) << table->name << " " << n << " cut at " << cut;
      ASSERT_TRUE(SameBits(alone, scores)) << table->name << " " << rows << " rows";
    }
  });
}

// A chain of n products and sums: n + 1 roundings of partial sums no larger than the sum of sizes.
TEST(MixValuesKernel, IsNearTheExactMixWhateverStandsBesideIt) {
  std::mt19937_64 random(9);
  ForShapes([&](size_t format, size_t dim, size_t rows, size_t n) {
    constexpr size_t kMore = 64;  // values before and behind that count for nothing
    const Stored values(random, format, n + 2 * kMore, dim);
    const size_t stride = n + 2 * kMore;
    std::vector<float> p(rows * stride, 0.0f);
    for (size_t r = 0; r < rows; ++r)
      for (size_t i = 0; i < n; ++i) p[r * stride + kMore + i] = RandomUnit(random);
    for (const Table* table : Tables()) {
      const auto mix = table->mix_values[format];
      std::vector<float> out(rows * dim + 1, -5.0f), wide = out, alone = out;
      mix(&p[kMore], rows, stride, values.rows(kMore, n, true), out.data());
      ASSERT_EQ(out.back(), -5.0f);
      for (size_t i = 0; i < rows * dim; ++i) {
        double exact = 0, size = 0;
        for (size_t k = 0; k < n; ++k) {
          const double term = double{p[i / dim * stride + kMore + k]} *
                              double{values.values[(kMore + k) * dim + i % dim]};
          exact += term;
          size += std::abs(term);
        }
        const double errors = 1.01 * kU * static_cast<double>(n + 1);
        ASSERT_NEAR(out[i], exact, (errors + Bf16Errors(*table, format, dim)) * size + 1e-30)
            << table->name << " format " << format << " dim " << dim << " n " << n;
      }
      mix(p.data(), rows, stride, values.rows(0, stride), wide.data());
      for (size_t r = 0; r < rows; ++r)
        mix(&p[r * stride + kMore], 1, stride, values.rows(kMore, n), &alone[r * dim]);
      ASSERT_TRUE(SameBits(wide, out)) << table->name << " with zeros around";
      ASSERT_TRUE(SameBits(alone, out)) << table->name << " " << rows << " rows";
    }
  });
}

}  // namespace
}  // namespace carat::kernels
