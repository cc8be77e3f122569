// Every kernel of every table that this processor runs, against sums in double precision.
//
// u = 2^-24 is the largest relative error of one rounding. A kernel sums n terms in at least 8
// lanes and then in a tree of at most four levels, so a term passes at most n / 8 + 1 + 4 additions
// and one product: the sum errs by at most (n / 8 + 6) u times the sum of the terms' absolute
// values (Higham, Accuracy and Stability of Numerical Algorithms, 4.2). 1 % is added for the terms
// in u².
#include "kernels/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "tests/support/kernel_tables.h"
#include "tests/support/random_blocks.h"
#include "tests/support/same_bits.h"

namespace carat::kernels {
namespace {

constexpr double kU = 0x1p-24;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr size_t kSizes[] = {1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 255, 4099};

double SumErrors(size_t n) { return 1.01 * (static_cast<double>(n) / 8 + 6) * kU; }

struct Product {
  double sum = 0;
  double size = 0;  // sum of absolute values
};
template <class A, class B>
Product Dot(size_t n, const A& a, const B& b) {
  Product out;
  for (size_t i = 0; i < n; ++i) {
    const double term = double{a(i)} * double{b(i)};
    out.sum += term;
    out.size += std::abs(term);
  }
  return out;
}

TEST(MatMulKernel, IsNearTheExactProduct) {
  std::mt19937_64 random(3);
  for (const size_t cols : kSizes) {
    const auto w = RandomFloats(random, 9 * cols);
    const auto x = RandomFloats(random, 9 * cols);
    for (const Table* table : Tables()) {
      for (size_t rows = 1; rows <= 9; ++rows) {
        for (size_t tokens = 1; tokens <= 9; ++tokens) {
          const size_t stride = rows + 3;
          std::vector<float> out(tokens * stride, -5.0f);
          table->matmul(w.data(), rows, x.data(), tokens, cols, out.data(), stride);
          for (size_t i = 0; i < out.size(); ++i) {
            const size_t t = i / stride, r = i % stride;
            if (r >= rows) {
              ASSERT_EQ(out[i], -5.0f) << "wrote between the rows";
              continue;
            }
            const Product exact = Dot(
                cols, [&](size_t c) { return w[r * cols + c]; },
                [&](size_t c) { return x[t * cols + c]; });
            ASSERT_LE(std::abs(out[i] - exact.sum), SumErrors(cols) * exact.size)
                << table->name << " " << rows << " x " << cols << ", " << tokens << " tokens";
          }
        }
      }
    }
  }
}

TEST(MatMulKernel, DoesNotDependOnTheBatch) {
  std::mt19937_64 random(4);
  for (const size_t cols : kSizes) {
    constexpr size_t kMost = 13;
    // One float off, so that no row is aligned to a vector.
    const auto w_memory = RandomFloats(random, kMost * cols + 1);
    const auto x_memory = RandomFloats(random, kMost * cols + 1);
    const float* w = w_memory.data() + 1;
    const float* x = x_memory.data() + 1;
    for (const Table* table : Tables()) {
      std::vector<float> single(kMost * kMost);
      for (size_t t = 0; t < kMost; ++t) {
        for (size_t r = 0; r < kMost; ++r) {
          table->matmul(w + r * cols, 1, x + t * cols, 1, cols, &single[t * kMost + r], 1);
        }
      }
      for (size_t rows = 1; rows <= kMost; ++rows) {
        for (size_t tokens = 1; tokens <= kMost; ++tokens) {
          std::vector<float> out(tokens * rows);
          table->matmul(w, rows, x, tokens, cols, out.data(), rows);
          for (size_t i = 0; i < out.size(); ++i) {
            ASSERT_EQ(out[i], single[i / rows * kMost + i % rows]) << table->name << " " << cols;
          }
        }
      }
    }
  }
}

// The mean errs by SumErrors, its root by half of that; root, division and two products add four
// roundings, the mean's own division and the sum with eps two (halved by the root).
TEST(RmsNormKernel, IsNearTheExactNorm) {
  std::mt19937_64 random(5);
  for (const size_t n : kSizes) {
    for (const float size : {1e-6f, 1e-2f, 1.0f, 1e4f}) {
      const auto x = RandomFloats(random, n, size);
      const auto weight = RandomFloats(random, n, 100.0f);
      const double mean = Dot(
                              n, [&](size_t i) { return x[i]; }, [&](size_t i) { return x[i]; })
                              .sum /
                          static_cast<double>(n);
      const double factor = 1 / std::sqrt(mean + double{1e-6f});
      for (const Table* table : Tables()) {
        std::vector<float> weighted(n), plain(n), in_place = x;
        table->rms_norm(x.data(), weight.data(), n, 1e-6f, weighted.data());
        table->rms_norm(x.data(), nullptr, n, 1e-6f, plain.data());
        table->rms_norm(in_place.data(), weight.data(), n, 1e-6f, in_place.data());
        EXPECT_TRUE(SameBits(weighted, in_place)) << table->name;
        const double tolerance = SumErrors(n) / 2 + 6 * kU;
        for (size_t i = 0; i < n; ++i) {
          ASSERT_NEAR(plain[i], x[i] * factor, tolerance * std::abs(x[i] * factor)) << table->name;
          const double exact = x[i] * factor * weight[i];
          ASSERT_NEAR(weighted[i], exact, tolerance * std::abs(exact)) << table->name;
        }
      }
    }
  }
}

TEST(RmsNormKernel, MakesZeroOfZero) {
  for (const Table* table : Tables()) {
    std::vector<float> x(33, 0.0f);
    table->rms_norm(x.data(), nullptr, x.size(), 1e-6f, x.data());
    EXPECT_EQ(x, std::vector<float>(33, 0.0f));
  }
}

// With y the inner value: y errs by 6 u relatively, which moves tanh(y) by at most 6 u y sech²(y) <
// 3 u; exp errs by 4 u (2 ulp) and moves it by 2 u; adding, dividing and subtracting at sizes up to
// 2 makes 5 u. 1 + tanh thus errs by 10 u, and the factor u / 2 with its roundings leaves 16 u
// safe.
TEST(GeluMulKernel, IsNearTheExactValue) {
  std::mt19937_64 random(6);
  for (const size_t n : kSizes) {
    for (const float size : {1e-3f, 1.0f, 5.0f, 100.0f}) {
      const auto gate = RandomFloats(random, n, size);
      const auto up = RandomFloats(random, n, 3.0f);
      for (const Table* table : Tables()) {
        std::vector<float> out = gate;
        table->gelu_mul(out.data(), up.data(), n);
        for (size_t i = 0; i < n; ++i) {
          const double g = gate[i];
          const double inner = 0.7978845608028654 * (g + 0.044715 * g * g * g);
          const double exact = 0.5 * g * (1 + std::tanh(inner)) * up[i];
          ASSERT_NEAR(out[i], exact, 16 * kU * std::abs(0.5 * g * up[i]) + 1e-40)
              << table->name << " at " << g;
        }
      }
    }
  }
}

TEST(GeluMulKernel, IsTheIdentityOrZeroFarOut) {
  for (const Table* table : Tables()) {
    for (const float far : {20.0f, 100.0f, 1e4f, 1e13f, 1e20f, 3e38f}) {
      std::vector<float> gate(17);
      for (size_t i = 0; i < gate.size(); ++i) gate[i] = i % 2 == 0 ? far : -far;
      const std::vector<float> up(17, 1.0f);
      table->gelu_mul(gate.data(), up.data(), gate.size());
      for (size_t i = 0; i < gate.size(); ++i) {
        EXPECT_EQ(gate[i], i % 2 == 0 ? far : 0.0f) << table->name << " at " << far;
      }
    }
  }
}

// The sum of positive terms errs by SumErrors relatively; exp by 4 u above and below the line; the
// reciprocal and the product add 2 u. Below -87.33 a vector kernel gives its smallest
// power, 1.2e-38.
TEST(SoftmaxKernel, IsNearTheExactValue) {
  std::mt19937_64 random(7);
  for (const size_t n : kSizes) {
    for (const float size : {0.0f, 1.0f, 30.0f, 200.0f}) {
      auto x = RandomFloats(random, n, size);
      if (n > 3) x[n / 2] = -1e30f;
      if (n > 9) x[n / 3] = -kInfinity;
      const float top = *std::ranges::max_element(x);
      double sum = 0;
      for (const float v : x) sum += std::exp(double{v - top});  // v - top rounds alike everywhere
      for (const Table* table : Tables()) {
        std::vector<float> out = x;
        table->softmax(out.data(), n);
        for (size_t i = 0; i < n; ++i) {
          const double exact = std::exp(double{x[i] - top}) / sum;
          ASSERT_NEAR(out[i], exact, (SumErrors(n) + 10 * kU) * exact + 1.3e-38)
              << table->name << " n " << n << " at " << x[i];
        }
      }
    }
  }
}

TEST(SoftmaxKernel, OneElementHasAll) {
  for (const Table* table : Tables()) {
    for (const float value : {0.0f, -1e38f, 3e38f, 88.0f}) {
      float x = value;
      table->softmax(&x, 1);
      EXPECT_EQ(x, 1.0f) << table->name;
    }
  }
}

// A broken weight must reach the logits, where it is reported, instead of turning into a likely
// value.
TEST(SoftmaxKernel, PassesOnWhatIsNotANumber) {
  for (const Table* table : Tables()) {
    for (const size_t n : {1, 2, 8, 16, 17, 40}) {
      for (size_t at = 0; at < n; ++at) {
        std::vector<float> x(n, 0.5f);
        x[at] = std::numeric_limits<float>::quiet_NaN();
        table->softmax(x.data(), n);
        for (const float value : x) ASSERT_TRUE(std::isnan(value)) << table->name << " " << n;
      }
    }
  }
}

TEST(GeluMulKernel, PassesOnWhatIsNotANumber) {
  for (const Table* table : Tables()) {
    std::vector<float> gate(20, 0.5f), up(20, 1.0f);
    gate[3] = std::numeric_limits<float>::quiet_NaN();
    up[18] = gate[3];
    table->gelu_mul(gate.data(), up.data(), gate.size());
    for (size_t i = 0; i < gate.size(); ++i) {
      EXPECT_EQ(std::isnan(gate[i]), i == 3 || i == 18) << table->name;
    }
  }
}

// Rows of a cache, a few elements apart, and their values.
struct CacheRows {
  size_t format, dim, stride;  // stride in bytes
  std::vector<std::byte> bytes;
  std::vector<float> values;  // [n, dim]

  CacheRows(std::mt19937_64& random, size_t f, size_t n, size_t d)
      : format(f), dim(d), stride((d + 6) * (f == 0 ? 4 : 2)), bytes(n * stride), values(n * d) {
    for (size_t i = 0; i < n * d; ++i) {
      values[i] = RandomUnit(random);
      std::byte* at = bytes.data() + i / d * stride + i % d * (f == 0 ? 4 : 2);
      if (f == 0) {
        std::memcpy(at, &values[i], 4);
        continue;
      }
      const uint16_t bits = f == 1 ? ToF16(values[i]) : ToBf16(values[i]);
      values[i] = f == 1 ? FromF16(bits) : FromBf16(bits);
      std::memcpy(at, &bits, 2);
    }
  }
  const std::byte* row(size_t i) const { return bytes.data() + i * stride; }
};

TEST(DotKeysKernel, IsNearTheExactScoresWholeAndInParts) {
  std::mt19937_64 random(8);
  for (size_t format = 0; format < kNumCacheFormats; ++format) {
    for (const size_t dim : {16, 32, 48, 256, 512}) {
      for (const size_t n : {0, 1, 2, 3, 4, 5, 8, 9, 33}) {
        const CacheRows keys(random, format, n, dim);
        const auto q = RandomFloats(random, dim);
        for (const Table* table : Tables()) {
          const auto dot = table->dot_keys[format];
          std::vector<float> scores(n + 1, -5.0f);
          dot(q.data(), keys.row(0), keys.stride, n, dim, scores.data());
          ASSERT_EQ(scores[n], -5.0f);
          for (size_t i = 0; i < n; ++i) {
            const Product exact = Dot(
                dim, [&](size_t d) { return q[d]; },
                [&](size_t d) { return keys.values[i * dim + d]; });
            ASSERT_NEAR(scores[i], exact.sum, SumErrors(dim) * exact.size) << table->name;
          }
          for (size_t cut = 0; cut <= n; ++cut) {
            std::vector<float> parts(n + 1, -5.0f);
            dot(q.data(), keys.row(0), keys.stride, cut, dim, parts.data());
            dot(q.data(), keys.row(cut), keys.stride, n - cut, dim, parts.data() + cut);
            ASSERT_TRUE(SameBits(parts, scores)) << table->name << " cut at " << cut;
          }
        }
      }
    }
  }
}

// A chain of n products and sums: n + 1 roundings of partial sums no larger than the sum of sizes.
TEST(MixValuesKernel, IsNearTheExactMixWholeAndInParts) {
  std::mt19937_64 random(9);
  for (size_t format = 0; format < kNumCacheFormats; ++format) {
    for (const size_t dim : {16, 32, 48, 256, 512}) {
      for (const size_t n : {0, 1, 2, 3, 4, 5, 8, 9, 33}) {
        const CacheRows values(random, format, n, dim);
        const auto p = RandomFloats(random, n);
        const auto start = RandomFloats(random, dim);
        for (const Table* table : Tables()) {
          const auto mix = table->mix_values[format];
          std::vector<float> out = start;
          mix(p.data(), values.row(0), values.stride, n, dim, out.data());
          for (size_t d = 0; d < dim; ++d) {
            const Product exact = Dot(
                n, [&](size_t i) { return p[i]; },
                [&](size_t i) { return values.values[i * dim + d]; });
            ASSERT_NEAR(
                out[d], start[d] + exact.sum,
                1.01 * kU * static_cast<double>(n + 1) * (exact.size + std::abs(double{start[d]})))
                << table->name;
          }
          for (size_t cut = 0; cut <= n; ++cut) {
            std::vector<float> parts = start;
            mix(p.data(), values.row(0), values.stride, cut, dim, parts.data());
            mix(p.data() + cut, values.row(cut), values.stride, n - cut, dim, parts.data());
            ASSERT_TRUE(SameBits(parts, out)) << table->name << " cut at " << cut;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace carat::kernels
