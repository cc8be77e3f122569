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

}  // namespace
}  // namespace carat::kernels
