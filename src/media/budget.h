// How many soft tokens a picture is worth.
#pragma once

#include <array>
#include <cstddef>

#include "media/resize.h"

namespace carat {

// What the model was trained with (gemma4-12b specification, 2.4).
inline constexpr std::array<size_t, 5> kBudgets = {70, 140, 280, 560, 1120};
inline constexpr size_t kFrameBudget = 70;  // of a frame of a film

struct BudgetChoice {
  size_t budget = 0;
  // What is lost beside the largest budget: the root mean square over the channels' differences, in
  // steps of 255, of the picture made small and large again.
  double loss = 0;
};

// A loss that a budget may have when it is chosen automatically; beyond it small print goes.
inline constexpr double kAcceptedLoss = 6.0;

// The loss of one budget. Precondition: no side is 0.
double LossOf(const Pixels& picture, size_t budget);

// The smallest budget that loses at most kAcceptedLoss; the largest of at most `most_tokens` soft
// tokens where none does or where that comes first. The smallest of all where none fits.
BudgetChoice ChooseBudget(const Pixels& picture, size_t most_tokens);

}  // namespace carat
