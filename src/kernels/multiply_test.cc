// Products with interleaved weights: the order loses nothing, every table gives the reference's
// bits whatever the batch, and these are near the exact product.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "kernels/interleaved.h"
#include "kernels/kernels.h"
#include "tensor/lazy_buffer.h"
#include "tests/support/interleaved_matrix.h"
#include "tests/support/kernel_tables.h"
#include "tests/support/random_blocks.h"
#include "tests/support/same_bits.h"

namespace carat::kernels {
namespace {

constexpr DType kFormats[] = {DType::kF16,  DType::kBF16, DType::kQ8_0, DType::kQ4_0,
                              DType::kQ4_K, DType::kQ5_K, DType::kQ6_K};
constexpr size_t kColumns[] = {64, 192, 256, 640, 1280};

// Memory for a batch.
struct Tokens {
  Tokens(const Table& table, const std::vector<float>& rows, size_t tokens, size_t cols)
      : x(rows.size()),
        q(tokens * cols),
        scale(tokens * ((cols + 255) / 256)),
        sum32(tokens * cols / 32),
        start16(tokens * cols / 16),
        start32(tokens * cols / 32),
        batch{tokens,       cols,           x.data(),       q.data(),
              scale.data(), start16.data(), start32.data(), sum32.data()} {
    for (size_t t = 0; t < tokens; ++t) {
      table.quantise(rows.data() + t * cols, t, batch);
      for (size_t c = 0; c < cols; ++c) x[c * tokens + t] = rows[t * cols + c];
    }
  }
  std::vector<float> x;
  std::vector<int8_t> q;
  std::vector<float> scale, sum32;
  std::vector<int32_t> start16, start32;
  Batch batch;
};

constexpr size_t kGroups = 2;
constexpr size_t kStride = kGroups * kGroupRows + 3;

InterleavedMatrix RandomGroups(std::mt19937_64& random, DType format, size_t cols, Scales scales) {
  const auto stored = RandomBlocks(random, format, kGroups * kGroupRows * cols, scales);
  return InterleavedMatrix(
      {.data = stored.data(), .dtype = format, .rows = kGroups * kGroupRows, .cols = cols});
}

std::vector<float> Product(const Table& table, const InterleavedMatrix& w, const Batch& x) {
  std::vector<float> out(x.tokens * kStride, -5.0f);
  table.multiply[static_cast<size_t>(w.view.dtype)](w.view.data, w.view.rows / kGroupRows, x,
                                                    out.data(), kStride);
  return out;
}

TEST(Interleaved, LosesNothing) {
  std::mt19937_64 random(1);
  for (const DType format : kFormats) {
    for (const size_t cols : kColumns) {
      if (!CanInterleave(format, cols)) continue;
      for (const size_t rows : {size_t{1}, size_t{15}, kGroupRows}) {
        const auto stored = RandomBlocks(random, format, rows * cols, Scales::kOdd);
        LazyBuffer group = LazyBuffer::Create(GroupBytes(format, cols)).value();
        std::memset(group.data(), 0xFF, GroupBytes(format, cols));
        InterleaveGroup(format, stored.data(), rows, cols, group.data());
        const size_t row_bytes = stored.size() / rows;
        std::vector<std::byte> row(row_bytes);
        for (size_t r = 0; r < kGroupRows; ++r) {
          StoredRow(format, group.data(), r, cols, row.data());
          const std::vector<std::byte> zero(row_bytes);
          const std::byte* expected = r < rows ? stored.data() + r * row_bytes : zero.data();
          ASSERT_EQ(std::memcmp(row.data(), expected, row_bytes), 0)
              << Info(format).name << " " << cols << " row " << r << " of " << rows;
        }
      }
    }
  }
}

TEST(Interleaved, RefusesWhatHasNoOrder) {
  EXPECT_FALSE(CanInterleave(DType::kQ4_1, 256));
  EXPECT_FALSE(CanInterleave(DType::kF32, 256));
  EXPECT_FALSE(CanInterleave(DType::kQ4_0, 32));
  EXPECT_FALSE(CanInterleave(DType::kQ4_0, 0));
  EXPECT_FALSE(CanInterleave(DType::kQ4_K, 192));
  EXPECT_TRUE(CanInterleave(DType::kQ4_0, 192));
}

TEST(MultiplyKernel, HasTheReferencesBits) {
  std::mt19937_64 random(2);
  for (const DType format : kFormats) {
    for (const size_t cols : kColumns) {
      if (!CanInterleave(format, cols)) continue;
      for (const Scales scales : {Scales::kTame, Scales::kOdd}) {
        const InterleavedMatrix group = RandomGroups(random, format, cols, scales);
        for (const size_t tokens : kBatchSizes) {
          const auto rows = RandomFloats(random, tokens * cols, 3.0f);
          const Tokens x(ReferenceTable(), rows, tokens, cols);
          const auto expected = Product(ReferenceTable(), group, x.batch);
          for (const Table* table : Tables()) {
            const auto out = Product(*table, group, x.batch);
            for (size_t i = 0; i < out.size(); ++i) {
              if (std::isnan(expected[i]) && std::isnan(out[i])) continue;
              ASSERT_EQ(out[i], expected[i])
                  << table->name << " " << Info(format).name << " " << cols << " columns, "
                  << tokens << " tokens, at " << i;
            }
          }
        }
      }
    }
  }
}

TEST(MultiplyKernel, DoesNotDependOnTheBatch) {
  std::mt19937_64 random(3);
  constexpr size_t kCols = 768;
  const auto rows = RandomFloats(random, kMaxBatch * kCols, 2.0f);
  for (const DType format : kFormats) {
    const InterleavedMatrix group = RandomGroups(random, format, kCols, Scales::kTame);
    for (const Table* table : Tables()) {
      for (const size_t tokens : kBatchSizes) {
        const Tokens all(*table, {rows.begin(), rows.begin() + static_cast<long>(tokens * kCols)},
                         tokens, kCols);
        const auto out = Product(*table, group, all.batch);
        for (size_t t = 0; t < tokens; ++t) {
          const auto begin = rows.begin() + static_cast<long>(t * kCols);
          const Tokens one(*table, {begin, begin + kCols}, 1, kCols);
          const auto single = Product(*table, group, one.batch);
          const auto at = out.begin() + static_cast<long>(t * kStride);
          ASSERT_TRUE(SameBits({at, at + kStride}, single)) << table->name << " " << t;
        }
      }
    }
  }
}

// Rounding to q errs by half a step of max|x| / 127 per column; 1 % for the sums' own rounding.
TEST(MultiplyKernel, IsNearTheExactProduct) {
  std::mt19937_64 random(4);
  constexpr size_t kCols = 512;
  const auto rows = RandomFloats(random, kCols, 2.0f);
  for (const DType format : kFormats) {
    const auto stored = RandomBlocks(random, format, kGroupRows * kCols, Scales::kTame);
    const InterleavedMatrix group(
        {.data = stored.data(), .dtype = format, .rows = kGroupRows, .cols = kCols});
    std::vector<float> weights(kGroupRows * kCols);
    const Table& reference = ReferenceTable();
    reference.decode[static_cast<size_t>(format)](stored.data(), weights.size(), weights.data());
    const Tokens x(reference, rows, 1, kCols);
    const auto out = Product(reference, group, x.batch);
    for (size_t r = 0; r < kGroupRows; ++r) {
      double sum = 0, size = 0;
      for (size_t c = 0; c < kCols; ++c) {
        sum += double{weights[r * kCols + c]} * double{rows[c]};
        size += std::abs(double{weights[r * kCols + c]});
      }
      const bool whole = Info(format).block_elements > 1;
      const double tolerance = whole ? 1.01 * size * 2.0 / 127 / 2 : 1e-5 * size;
      EXPECT_NEAR(out[r], sum, tolerance) << Info(format).name;
    }
  }
}

// Weights and activations each err by 2^-9 as bf16; sums in f32.
TEST(MultiplyPromptKernel, IsNearTheExactProductAndAloneTheSame) {
  std::mt19937_64 random(9);
  constexpr size_t kRows = 3 * kGroupRows - 5, kMost = 70;
  for (const DType format : kFormats) {
    for (const size_t cols : {size_t{64}, size_t{256}, size_t{640}, size_t{1280}}) {
      if (!CanInterleave(format, cols)) continue;
      const auto stored = RandomBlocks(random, format, kRows * cols, Scales::kTame);
      const InterleavedMatrix w(
          {.data = stored.data(), .dtype = format, .rows = kRows, .cols = cols});
      std::vector<float> weights(kRows * cols);
      const auto f = static_cast<size_t>(format);
      ReferenceTable().decode[f](stored.data(), weights.size(), weights.data());
      const auto x = RandomFloats(random, kMost * cols, 2.0f);
      for (const Table* table : Tables()) {
        if (table->multiply_prompt[f] == nullptr) continue;
        const auto product = [&](size_t first, size_t tokens) {
          LazyBuffer tiles = LazyBuffer::Create((tokens + 15) / 16 * 16 * cols * 2).value();
          LazyBuffer scratch =
              LazyBuffer::Create(kPromptPanel + (tokens + 15) / 16 * 16 * kPromptSums).value();
          auto* rounded = reinterpret_cast<uint16_t*>(tiles.data());
          for (size_t t = 0; t < tokens; ++t)
            table->round_prompt(&x[(first + t) * cols], t, cols, rounded);
          std::vector<float> out(tokens * (kRows + 1), -5.0f);
          table->multiply_prompt[f](w.view.data, kRows, {rounded, tokens, cols}, scratch.data(),
                                    out.data(), kRows + 1);
          return out;
        };
        const auto all = product(0, kMost);
        for (size_t i = 0; i < all.size(); ++i) {
          const size_t t = i / (kRows + 1), r = i % (kRows + 1);
          if (r == kRows) {
            ASSERT_EQ(all[i], -5.0f) << table->name << " wrote past the end";
            continue;
          }
          double sum = 0, size = 0;
          for (size_t c = 0; c < cols; ++c) {
            const double term = double{weights[r * cols + c]} * double{x[t * cols + c]};
            sum += term;
            size += std::abs(term);
          }
          ASSERT_NEAR(all[i], sum, 1.05 * 0x1p-8 * size)
              << table->name << " " << Info(format).name << " " << cols << " columns";
        }
        for (const size_t tokens : {1, 15, 16, 17, 31, 33}) {
          const auto part = product(7, tokens);
          ASSERT_TRUE(std::equal(part.begin(), part.end(), all.begin() + 7 * (kRows + 1)))
              << table->name << " " << Info(format).name << " " << tokens << " tokens";
        }
      }
    }
  }
}

TEST(QuantiseKernel, HasTheReferencesBits) {
  std::mt19937_64 random(5);
  for (const size_t cols : kColumns) {
    auto rows = RandomFloats(random, 2 * cols, 5.0f);
    std::fill(rows.begin(), rows.begin() + 40, 0.0f);
    for (size_t i = cols; i < cols + 64; ++i) rows[i] *= 1e-32f;
    rows[3] = 127.0f;  // with these neighbours on the middle between two steps
    rows[5] = 0.5f;
    rows[6] = -1.5f;
    const Tokens expected(ReferenceTable(), rows, 2, cols);
    for (const Table* table : Tables()) {
      const Tokens x(*table, rows, 2, cols);
      EXPECT_EQ(x.q, expected.q) << table->name;
      EXPECT_TRUE(SameBits(x.scale, expected.scale)) << table->name;
      EXPECT_EQ(x.start16, expected.start16);
      EXPECT_EQ(x.start32, expected.start32);
      EXPECT_EQ(x.sum32, expected.sum32);
    }
  }
}

TEST(QuantiseKernel, KeepsZeroAndTellsWhatIsNoNumber) {
  for (const Table* table : Tables()) {
    const Tokens zero(*table, std::vector<float>(64, 0.0f), 1, 64);
    EXPECT_EQ(zero.scale[0], 0.0f);
    EXPECT_TRUE(std::ranges::all_of(zero.q, [](int8_t q) { return q == 0; }));
    for (const float broken : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
      std::vector<float> row(512, 1.0f);
      row[300] = broken;
      const Tokens x(*table, row, 1, 512);
      EXPECT_EQ(x.scale[0], 1.0f / 127.0f) << table->name;
      EXPECT_TRUE(std::isnan(x.scale[1])) << table->name;
    }
  }
}

}  // namespace
}  // namespace carat::kernels
