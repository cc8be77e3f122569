#include "media/budget.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace carat {
namespace {

Pixels Plain() { return {600, 800, std::vector<uint8_t>(size_t{3} * 600 * 800, 90)}; }

// Lines of one pixel every `step`: the finer, the more of them is lost.
Pixels Lines(size_t step) {
  Pixels lines{1200, 1600, std::vector<uint8_t>(size_t{3} * 1200 * 1600, 255)};
  for (size_t i = 0; i < lines.rgb.size(); ++i)
    if (i / 3 % 1600 % step == 0) lines.rgb[i] = 0;
  return lines;
}

TEST(Budget, WhatIsPlainGetsTheSmallest) {
  const BudgetChoice choice = ChooseBudget(Plain(), 4096);
  EXPECT_EQ(choice.budget, kBudgets.front());
  EXPECT_LT(choice.loss, 1);
}

TEST(Budget, DetailGetsMoreAsFarAsThereIsRoom) {
  const BudgetChoice rich = ChooseBudget(Lines(8), 4096);
  EXPECT_GT(rich.budget, 280u);
  size_t before = 0;
  for (const size_t room : {0, 100, 200, 400, 700, 4096}) {
    const BudgetChoice choice = ChooseBudget(Lines(8), room);
    EXPECT_GE(choice.budget, before);
    EXPECT_LE(choice.budget, std::max(kBudgets.front(), room + room / 5)) << room;
    before = choice.budget;
  }
  EXPECT_EQ(before, rich.budget);
}

TEST(Budget, TheLossFallsAsTheBudgetGrows) {
  double before = 1e9;
  for (const size_t budget : kBudgets) {
    const double loss = LossOf(Lines(24), budget);
    EXPECT_LT(loss, before) << budget;
    before = loss;
  }
  EXPECT_EQ(before, 0);
  EXPECT_GT(LossOf(Lines(8), 70), kAcceptedLoss);
}

}  // namespace
}  // namespace carat
