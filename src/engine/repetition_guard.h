// RepetitionGuard: notices that an answer has fallen into an endless loop.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "base/ids.h"

namespace carat {

// An answer loops when its newest tokens repeat with some period p <= kMaxPeriod for at least
// max(kMinTokens, r * p) tokens, where r is kRepeats, or kRepeatsLong for whole paragraphs
// (p > kLongPeriod). Counted lists and tables whose rows differ change inside each period, so they
// do not trip it; a table of hundreds of equal rows does. Constant work per token.
class RepetitionGuard {
 public:
  static constexpr size_t kMaxPeriod = 512;
  static constexpr size_t kLongPeriod = 64;
  static constexpr size_t kMinTokens = 256;
  static constexpr size_t kRepeats = 8;
  static constexpr size_t kRepeatsLong = 4;

  // Adds a token; true if the answer loops now.
  bool Push(TokenId id);

 private:
  std::vector<TokenId> ids_;
  std::array<size_t, kMaxPeriod + 1>
      run_{};  // run_[p]: newest tokens equal to the one p places earlier
};

}  // namespace carat
