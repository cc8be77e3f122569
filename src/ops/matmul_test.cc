#include "ops/matmul.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "ops/elementwise.h"
#include "tests/support/interleaved_matrix.h"
#include "tests/support/kernel_tables.h"
#include "tests/support/random_blocks.h"

namespace carat {
namespace {

struct RandomMatrix {
  std::vector<std::byte> bytes;
  MatrixView view;
  std::vector<float> values;  // decoded

  RandomMatrix(std::mt19937_64& random, DType dtype, size_t rows, size_t cols, size_t shift = 0) {
    bytes = RandomBlocks(random, dtype, rows * cols, Scales::kTame);
    bytes.insert(bytes.begin(), shift, std::byte{0});
    view = {.data = bytes.data() + shift, .dtype = dtype, .rows = rows, .cols = cols};
    values.resize(rows * cols);
    kernels::ReferenceTable().decode[static_cast<size_t>(dtype)](view.data, rows * cols,
                                                                 values.data());
  }
};

// Tolerance as derived in kernels/kernels_test.cc, with one rounding for the scale.
void ExpectProduct(const RandomMatrix& w, const std::vector<float>& x, size_t tokens,
                   const std::vector<float>& out) {
  const size_t rows = w.view.rows, cols = w.view.cols;
  for (size_t i = 0; i < tokens * rows; ++i) {
    double sum = 0, size = 0;
    for (size_t c = 0; c < cols; ++c) {
      const double term = double{w.values[i % rows * cols + c]} * x[i / rows * cols + c];
      sum += term;
      size += std::abs(term);
    }
    const double tolerance = 1.01 * (static_cast<double>(cols) / 8 + 7) * 0x1p-24;
    ASSERT_NEAR(out[i], sum * w.view.scale, tolerance * size * std::abs(w.view.scale));
  }
}

TEST(MatMul, EveryFormatIsNearTheExactProduct) {
  std::mt19937_64 random(1);
  for (size_t i = 0; i < kNumWeightDTypes; ++i) {
    for (const float scale : {1.0f, -0.37f}) {
      for (const size_t shift : {0, 1}) {
        RandomMatrix w(random, static_cast<DType>(i), 70, 512, shift);
        w.view.scale = scale;
        const auto x = RandomFloats(random, 3 * 512);
        for (const kernels::Table* table : Tables()) {
          SCOPED_TRACE(std::string(table->name) + " " + std::string(Info(w.view.dtype).name));
          ThreadPool pool(2);
          OpContext context(pool, *table);
          std::vector<float> out(3 * 70, -5.0f);
          MatMul(context, Role::kGenerated, w.view, x.data(), 3, out.data());
          ExpectProduct(w, x, 3, out);
        }
      }
    }
  }
}

TEST(MatMul, SizesAroundAPart) {
  std::mt19937_64 random(2);
  ThreadPool pool(3);
  OpContext context(pool, *Tables()[0]);
  for (const size_t rows : {1, 3, 4, 5, 63, 64, 65, 127, 128, 129}) {
    for (const size_t cols : {1, 33, 3840}) {
      const RandomMatrix w(random, DType::kBF16, rows, cols);
      const auto x = RandomFloats(random, 2 * cols);
      std::vector<float> out(2 * rows);
      MatMul(context, Role::kGenerated, w.view, x.data(), 2, out.data());
      ExpectProduct(w, x, 2, out);
    }
  }
  // So wide that a part holds the fewest rows.
  const RandomMatrix wide(random, DType::kF16, 9, 70000);
  const auto x = RandomFloats(random, 70000);
  std::vector<float> out(9);
  MatMul(context, Role::kGenerated, wide.view, x.data(), 1, out.data());
  ExpectProduct(wide, x, 1, out);
}

TEST(MatMul, DoesNotDependOnThreadsOrTokens) {
  std::mt19937_64 random(3);
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kQ8_0, DType::kQ4_K}) {
    const RandomMatrix w(random, dtype, 201, 256);
    const auto x = RandomFloats(random, 9 * 256);
    for (const kernels::Table* table : Tables()) {
      std::vector<float> expected(9 * 201);
      ThreadPool one(1);
      OpContext single(one, *table);
      for (size_t t = 0; t < 9; ++t) {
        MatMul(single, Role::kGenerated, w.view, x.data() + t * 256, 1, expected.data() + t * 201);
      }
      for (const int threads : {1, 2, 3, 5, 8}) {
        ThreadPool pool(threads);
        OpContext context(pool, *table);
        std::vector<float> out(9 * 201);
        MatMul(context, Role::kGenerated, w.view, x.data(), 9, out.data());
        EXPECT_EQ(out, expected) << table->name << ", " << threads << " threads";
      }
    }
  }
}

// Rounding to eight bits errs by at most 1 / 254 of the largest activation, which is at most 1.
TEST(MatMul, InterleavedWeightsAreNearTheExactProduct) {
  std::mt19937_64 random(6);
  for (const DType dtype : {DType::kF16, DType::kBF16, DType::kQ8_0, DType::kQ4_0}) {
    for (const size_t tokens : {size_t{1}, size_t{5}, size_t{17}, size_t{39}}) {
      const RandomMatrix a(random, dtype, 201, 192), b(random, dtype, 16, 192);
      InterleavedMatrix w(a.view), v(b.view);
      w.view.scale = -0.5f;
      const auto x = RandomFloats(random, tokens * 192);
      ThreadPool pool(2);
      OpContext context(pool, *Tables()[0]);
      std::vector<float> out(tokens * 201 + 1, -7.0f), other(tokens * 16);
      const Product products[] = {{w.view, out.data()}, {v.view, other.data()}};
      MatMul(context, Role::kGenerated, x.data(), tokens, products);
      EXPECT_EQ(out.back(), -7.0f) << "wrote past the end";
      std::vector<float> alone(tokens * 16);
      MatMul(context, Role::kGenerated, v.view, x.data(), tokens, alone.data());
      EXPECT_EQ(other, alone) << "a product depends on its neighbour";
      for (size_t i = 0; i < tokens * 201; ++i) {
        double sum = 0, size = 0;
        for (size_t c = 0; c < 192; ++c) {
          sum += double{a.values[i % 201 * 192 + c]} * x[i / 201 * 192 + c];
          size += std::abs(double{a.values[i % 201 * 192 + c]});
        }
        const bool rounded = Info(dtype).block_elements > 1;
        ASSERT_NEAR(out[i], -0.5 * sum, 0.5 * size * (rounded ? 1.01 / 254 : 1e-5))
            << Info(dtype).name << " " << i;
      }
    }
  }
}

TEST(MatMul, InterleavedOnesDoNotDependOnThreadsOrTokensOrTable) {
  std::mt19937_64 random(7);
  for (const DType dtype : {DType::kBF16, DType::kQ4_0, DType::kQ4_K, DType::kQ6_K}) {
    const RandomMatrix stored(random, dtype, 330, 512);
    const InterleavedMatrix w(stored.view);
    const auto x = RandomFloats(random, 37 * 512);
    std::vector<float> expected(37 * 330);
    ThreadPool one(1);
    OpContext single(one, kernels::ReferenceTable());
    for (size_t t = 0; t < 37; ++t)
      MatMul(single, Role::kGenerated, w.view, x.data() + t * 512, 1, expected.data() + t * 330);
    for (const kernels::Table* table : Tables()) {
      for (const int threads : {1, 3}) {
        ThreadPool pool(threads);
        OpContext context(pool, *table);
        std::vector<float> out(37 * 330);
        MatMul(context, Role::kGenerated, w.view, x.data(), 37, out.data());
        EXPECT_EQ(out, expected) << table->name << ", " << threads << " threads";
      }
    }
  }
}

TEST(MatMul, PromptsDoNotDependOnThreadsOrTokens) {
  std::mt19937_64 random(8);
  for (const DType dtype : {DType::kBF16, DType::kQ4_0, DType::kQ6_K}) {
    const RandomMatrix stored(random, dtype, 1333, 512);
    InterleavedMatrix w(stored.view);
    w.view.scale = 0.5f;
    const auto x = RandomFloats(random, 37 * 512);
    for (const kernels::Table* table : Tables()) {
      if (table == &kernels::ReferenceTable()) continue;  // slow, and tested as a kernel
      ThreadPool one(1);
      OpContext single(one, *table);
      std::vector<float> expected(37 * 1333);
      for (size_t t = 0; t < 37; ++t)
        MatMul(single, Role::kPrompt, w.view, x.data() + t * 512, 1, expected.data() + t * 1333);
      for (const int threads : {1, 3}) {
        ThreadPool pool(threads);
        OpContext context(pool, *table);
        std::vector<float> out(37 * 1333);
        MatMul(context, Role::kPrompt, w.view, x.data(), 37, out.data());
        EXPECT_EQ(out, expected) << table->name << ", " << threads << " threads";
      }
    }
  }
}

TEST(DecodeRow, GivesOneRowTimesTheScale) {
  std::mt19937_64 random(4);
  ThreadPool pool(1);
  OpContext context(pool, *Tables()[0]);
  RandomMatrix w(random, DType::kQ6_K, 5, 256);
  std::vector<float> row(256);
  DecodeRow(context, w.view, 3, row.data());
  EXPECT_TRUE(std::equal(row.begin(), row.end(), w.values.begin() + 3 * 256));
  w.view.scale = 0.5f;
  DecodeRow(context, w.view, 4, row.data());
  for (size_t c = 0; c < 256; ++c) EXPECT_EQ(row[c], w.values[4 * 256 + c] * 0.5f);
  const RandomMatrix more(random, DType::kQ6_K, 37, 256);
  const InterleavedMatrix interleaved(more.view);
  for (const size_t r : {size_t{0}, size_t{15}, size_t{16}, size_t{36}}) {
    DecodeRow(context, interleaved.view, r, row.data());
    EXPECT_TRUE(
        std::equal(row.begin(), row.end(), more.values.begin() + static_cast<long>(r * 256)));
  }
}

TEST(Elementwise, RowsAreIndependentOfThreads) {
  std::mt19937_64 random(5);
  const auto x = RandomFloats(random, 7 * 100, 3.0f);
  const auto weight = RandomFloats(random, 100);
  ThreadPool one(1), many(4);
  OpContext single(one, *Tables()[0]), multi(many, *Tables()[0]);
  std::vector<float> a(x.size()), b(x.size());
  RmsNorm(single, x.data(), weight.data(), 7, 100, 1e-6f, a.data());
  RmsNorm(multi, x.data(), weight.data(), 7, 100, 1e-6f, b.data());
  EXPECT_EQ(a, b);
  auto c = x, d = x;
  GeluMul(single, c.data(), a.data(), 7, 100);
  GeluMul(multi, d.data(), a.data(), 7, 100);
  EXPECT_EQ(c, d);
}

TEST(Elementwise, SoftCapBoundsAndKeepsSmallValues) {
  ThreadPool pool(3);
  OpContext context(pool, *Tables()[0]);
  for (const size_t n : {1, 4095, 4096, 4097, 20000}) {
    std::vector<float> x(n, 1e9f);
    x[0] = 0.001f;
    x[n / 2] = n > 1 ? -60.0f : 0.001f;
    SoftCap(context, x.data(), 30.0f, n);
    EXPECT_NEAR(x[0], 0.001f, 1e-9f);
    if (n > 1) {
      EXPECT_FLOAT_EQ(x[n / 2], 30.0f * std::tanh(-2.0f));
      EXPECT_EQ(x[n - 1], 30.0f);
    }
  }
}

TEST(Elementwise, AddsAndScales) {
  float x[] = {1, 2, 3};
  const float y[] = {10, 20, 30};
  AddTo(x, y, 2);
  EXPECT_EQ(std::vector<float>(x, x + 3), (std::vector<float>{11, 22, 3}));
  Scale(x, 0.5f, 3);
  EXPECT_EQ(std::vector<float>(x, x + 3), (std::vector<float>{5.5f, 11, 1.5f}));
}

}  // namespace
}  // namespace carat
