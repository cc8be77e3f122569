#include "model/draft_head.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "tests/support/kernel_tables.h"
#include "tests/support/random_blocks.h"

namespace carat {
namespace {

constexpr size_t kVocab = 9000, kWidth = 256;  // more than one part

struct Head {
  std::vector<std::byte> bytes;
  MatrixView view;
  explicit Head(DType dtype, uint64_t seed, size_t width = kWidth) {
    std::mt19937_64 random(seed);
    bytes = RandomBlocks(random, dtype, kVocab * width, Scales::kTame);
    view = {.data = bytes.data(), .dtype = dtype, .rows = kVocab, .cols = width};
  }
};

std::vector<float> Input(uint64_t seed, size_t width = kWidth) {
  std::mt19937_64 random(seed);
  return RandomFloats(random, width, 3.0f);
}

TEST(DraftHead, ChoosesAsAllLogitsDo) {
  for (const kernels::Table* table : DistinctTables()) {
    ThreadPool pool(2);
    OpContext context(pool, *table);
    for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16, DType::kQ8_0, DType::kQ6_K,
                              DType::kQ5_K, DType::kQ4_K, DType::kQ4_0, DType::kQ4_1}) {
      SCOPED_TRACE(std::string(table->name) + " " + std::string(Info(dtype).name));
      const Head head(dtype, 5);
      for (const bool screened : {false, true}) {
        DraftHead draft = DraftHead::Create(context, head.view, screened).value();
        std::vector<TokenId> excluded;
        std::vector<float> logits(kVocab);
        size_t full = 0;
        for (uint64_t seed = 1; seed <= 12; ++seed) {
          const auto y = Input(seed);
          draft.Logits(context, y, logits);
          for (const TokenId id : excluded) logits[static_cast<size_t>(id)] = -INFINITY;
          const auto best = std::ranges::max_element(logits) - logits.begin();
          const DraftHead::Choice choice = draft.Best(context, y, excluded);
          EXPECT_EQ(choice.id, best);
          EXPECT_FLOAT_EQ(choice.logit, logits[static_cast<size_t>(best)]);
          double sum = 0;
          for (const float logit : logits)
            sum += std::exp(double{logit} - double{logits[static_cast<size_t>(best)]});
          if (!screened) {
            EXPECT_NEAR(choice.probability * sum, 1, 1e-3);
          }
          EXPECT_GT(choice.probability, 0);
          EXPECT_LE(choice.probability, 1);
          full += choice.full_rows;
          if (seed % 2 == 0) excluded.push_back(choice.id);  // the next may be chosen
        }
        EXPECT_LT(full, screened ? 12 * kVocab / 2 : SIZE_MAX);
      }
    }
  }
}

TEST(DraftHead, TiesGoToTheLowestId) {
  ThreadPool pool(1);
  OpContext context(pool, *Tables().front());
  std::vector<float> rows(kVocab * kWidth, 0.0f);
  for (const size_t r : {8500, 700, 41}) rows[r * kWidth + 3] = 2.0f;
  const MatrixView view{.data = reinterpret_cast<const std::byte*>(rows.data()),
                        .dtype = DType::kF32,
                        .rows = kVocab,
                        .cols = kWidth};
  std::vector<float> y(kWidth, 0.0f);
  y[3] = 1.5f;
  for (const bool screened : {false, true}) {
    DraftHead head = DraftHead::Create(context, view, screened).value();
    EXPECT_EQ(head.Best(context, y, {}).id, 41);
    const TokenId excluded[] = {41, 700, -1, 1 << 20};
    EXPECT_EQ(head.Best(context, y, excluded).id, 8500);
  }
}

TEST(DraftHead, WidthsWithoutAScreenAreComputedInFull) {
  ThreadPool pool(1);
  OpContext context(pool, *Tables().front());
  const Head head(DType::kBF16, 3, 48);
  EXPECT_EQ(DraftHead::Bytes(head.view, true), kVocab * sizeof(float));
  DraftHead draft = DraftHead::Create(context, head.view, true).value();
  const auto y = Input(4, 48);
  std::vector<float> logits(kVocab);
  draft.Logits(context, y, logits);
  EXPECT_EQ(draft.Best(context, y, {}).id, std::ranges::max_element(logits) - logits.begin());
}

TEST(DraftHead, GivesNoIdWhereThereIsNone) {
  ThreadPool pool(1);
  OpContext context(pool, *Tables().front());
  const Head head(DType::kQ8_0, 3);
  DraftHead draft = DraftHead::Create(context, head.view, true).value();
  auto y = Input(4);
  std::vector<TokenId> all(kVocab);
  for (size_t i = 0; i < kVocab; ++i) all[i] = static_cast<TokenId>(i);
  EXPECT_EQ(draft.Best(context, y, all).id, -1);
  EXPECT_GE(draft.Best(context, y, {}).id, 0);
  for (const float bad : {NAN, INFINITY}) {
    y[100] = bad;
    EXPECT_EQ(draft.Best(context, y, {}).id, -1);
  }
}

}  // namespace
}  // namespace carat
