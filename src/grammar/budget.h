// What compiling a grammar may still cost.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"
#include "grammar/grammar.h"

namespace carat {

class GrammarBudget {
 public:
  explicit GrammarBudget(const GrammarLimits& limits);

  const GrammarLimits& limits() const { return limits_; }
  // `states` as there are now. Checks the clock too.
  Status Check(size_t states) const;
  Status SpendNode();
  Status SpendEnumBytes(size_t bytes);

 private:
  GrammarLimits limits_;
  double end_;  // of this thread's processor time
  size_t nodes_ = 0, enum_bytes_ = 0;
};

// `what` over a limit of `most`.
std::unexpected<Error> TooMuch(std::string what, size_t most);

}  // namespace carat
