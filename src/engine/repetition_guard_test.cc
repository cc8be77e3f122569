#include "engine/repetition_guard.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace carat {
namespace {

constexpr size_t kNever = SIZE_MAX;

// How many tokens of the text go in until the guard trips.
size_t TripsAfter(const std::vector<TokenId>& text) {
  RepetitionGuard guard;
  for (size_t i = 0; i < text.size(); ++i) {
    if (guard.Push(text[i])) return i + 1;
  }
  return kNever;
}

std::vector<TokenId> Repeated(size_t period, size_t count) {
  std::vector<TokenId> text;
  for (size_t i = 0; i < count; ++i) text.push_back(static_cast<TokenId>(1000 + i % period));
  return text;
}

TEST(RepetitionGuard, TripsExactlyAtTheStatedLength) {
  for (const size_t period : {1, 2, 3, 7, 31, 32, 33, 63, 64}) {
    const size_t stated = std::max(RepetitionGuard::kMinTokens, RepetitionGuard::kRepeats * period);
    EXPECT_EQ(TripsAfter(Repeated(period, 2000)), stated) << period;
    EXPECT_EQ(TripsAfter(Repeated(period, stated - 1)), kNever) << period;
  }
}

TEST(RepetitionGuard, WholeParagraphsNeedFewerRepeats) {
  for (const size_t period : {65, 100, 511, 512}) {
    const size_t stated = RepetitionGuard::kRepeatsLong * period;
    EXPECT_EQ(TripsAfter(Repeated(period, 5000)), std::max(stated, RepetitionGuard::kMinTokens));
  }
  EXPECT_EQ(TripsAfter(Repeated(513, 5000)), kNever);
}

TEST(RepetitionGuard, CountsFromWhereTheLoopBegins) {
  std::vector<TokenId> text(777);
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<TokenId>(i);
  const auto loop = Repeated(5, 2000);
  text.insert(text.end(), loop.begin(), loop.end());
  EXPECT_EQ(TripsAfter(text), 777 + RepetitionGuard::kMinTokens);
}

TEST(RepetitionGuard, ABreakStartsAgain) {
  auto text = Repeated(2, 255);
  text.push_back(5);
  const auto more = Repeated(2, 255);
  text.insert(text.end(), more.begin(), more.end());
  EXPECT_EQ(TripsAfter(text), kNever);
}

TEST(RepetitionGuard, CountedListsAndTablesAreNoLoops) {
  // "N. item\n": the number changes in every line.
  std::vector<TokenId> list;
  for (TokenId line = 0; line < 500; ++line) {
    for (const TokenId id : {line % 10, 100 + line / 10, 7, 8, 9, 10}) list.push_back(id);
  }
  EXPECT_EQ(TripsAfter(list), kNever);
  // Rows of 12 cells with one that is random.
  std::mt19937_64 random(1);
  std::vector<TokenId> table;
  for (int row = 0; row < 300; ++row) {
    for (TokenId cell = 0; cell < 12; ++cell) table.push_back(cell);
    table.push_back(static_cast<TokenId>(100 + random() % 1000));
  }
  EXPECT_EQ(TripsAfter(table), kNever);
}

TEST(RepetitionGuard, RandomTextsDoNotTrip) {
  std::mt19937_64 random(2);
  std::vector<TokenId> text(5000);
  for (TokenId& id : text) id = static_cast<TokenId>(random() % 3);
  EXPECT_EQ(TripsAfter(text), kNever);
}

}  // namespace
}  // namespace carat
