// Regular expressions of JSON schemas (a subset of ECMA-262's) as automata over bytes.
//
//   Understood: characters, ., classes, \d \D \w \W \s \S, \t \n \r \f \v, \xHH \uHHHH \u{H…},
//   escaped punctuation, ( ) (?: ), |, * + ? {n} {n,} {n,m} and their lazy forms; ^ and $ only at
//   the ends of an alternative of the whole. Everything else is kUnsupported.
//
// As in JSON schema, an expression matches a text if it matches any part of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "grammar/budget.h"
#include "grammar/machine.h"

namespace carat {

// How the text is written down.
enum class Spelling : uint8_t {
  kPlain,  // as UTF-8
  kJson,   // as UTF-8 inside a JSON string: quotes, backslashes and controls escaped
};

// Deterministic; from every state an accepting one is reached. State 0 is the first.
struct ByteAutomaton {
  struct State {
    std::vector<Edge> edges;
    bool accepts = false;
  };
  std::vector<State> states;  // none: nothing matches
};

// `low` and `high` bound the text's length in code points (kNoLimit: no upper bound).
Result<ByteAutomaton> CompileRegex(std::string_view pattern, Spelling spelling, uint32_t low,
                                   uint32_t high, const GrammarBudget& budget);

// An expression for the decimal integers from `low` to `high`, without leading zeros; no anchors.
std::string IntegerRange(int64_t low, int64_t high);

}  // namespace carat
