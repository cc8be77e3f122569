#include "grammar/budget.h"

#include <ctime>
#include <utility>

namespace carat {
namespace {

double ThreadSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace

GrammarBudget::GrammarBudget(const GrammarLimits& limits)
    : limits_(limits), end_(ThreadSeconds() + limits.max_seconds) {}

Status GrammarBudget::Check(size_t states) const {
  if (states > limits_.max_states) return TooMuch("states of its automaton", limits_.max_states);
  if (ThreadSeconds() > end_) {
    return Fail({.what = "the schema takes too long to compile",
                 .wanted = "at most " + std::to_string(limits_.max_seconds) + " s"});
  }
  return {};
}

Status GrammarBudget::SpendNode() {
  if (++nodes_ > limits_.max_schema_nodes) return TooMuch("parts", limits_.max_schema_nodes);
  return {};
}

Status GrammarBudget::SpendEnumBytes(size_t bytes) {
  enum_bytes_ += bytes;
  if (enum_bytes_ > limits_.max_enum_bytes)
    return TooMuch("bytes in enum and const", limits_.max_enum_bytes);
  return {};
}

std::unexpected<Error> TooMuch(std::string what, size_t most) {
  return Fail({.what = "the schema is too large",
               .wanted = "at most " + std::to_string(most) + " " + std::move(what)});
}

}  // namespace carat
