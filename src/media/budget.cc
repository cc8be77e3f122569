#include "media/budget.h"

#include <cmath>

namespace carat {
namespace {

double Difference(const Pixels& a, const Pixels& b) {
  double sum = 0;
  for (size_t i = 0; i < a.rgb.size(); ++i) {
    const int d = int{a.rgb[i]} - int{b.rgb[i]};
    sum += d * d;
  }
  return std::sqrt(sum / static_cast<double>(a.rgb.size()));
}

double LossBeside(const Pixels& best, const Pixels& picture, size_t budget) {
  const Pixels small = Resize(picture, FittedSize({picture.height, picture.width}, budget));
  return Difference(best, Resize(small, {best.height, best.width}));
}

Pixels Best(const Pixels& picture) {
  return Resize(picture, FittedSize({picture.height, picture.width}, kBudgets.back()));
}

}  // namespace

double LossOf(const Pixels& picture, size_t budget) {
  return budget == kBudgets.back() ? 0 : LossBeside(Best(picture), picture, budget);
}

BudgetChoice ChooseBudget(const Pixels& picture, size_t most_tokens) {
  const Pixels best = Best(picture);
  BudgetChoice choice{kBudgets.front(), 0};
  for (const size_t budget : kBudgets) {
    const PixelSize size = FittedSize({picture.height, picture.width}, budget);
    const size_t tokens = size.height / kPatchSide * (size.width / kPatchSide);
    if (budget > kBudgets.front() && tokens > most_tokens) break;
    choice = {budget, budget == kBudgets.back() ? 0 : LossBeside(best, picture, budget)};
    if (choice.loss <= kAcceptedLoss) break;
  }
  return choice;
}

}  // namespace carat
