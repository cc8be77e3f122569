#include "engine/repetition_guard.h"

#include <algorithm>

namespace carat {

bool RepetitionGuard::Push(TokenId id) {
  ids_.push_back(id);
  bool loops = false;
  for (size_t p = 1; p <= kMaxPeriod && p < ids_.size(); ++p) {
    run_[p] = ids_[ids_.size() - 1 - p] == id ? run_[p] + 1 : 0;
    loops |= run_[p] + p >= std::max(kMinTokens, (p > kLongPeriod ? kRepeatsLong : kRepeats) * p);
  }
  return loops;
}

}  // namespace carat
