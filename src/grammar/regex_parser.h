// Expressions as automata over code points, before they become bytes (regex.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace carat {

struct CodeRange {
  char32_t low = 0, high = 0;
  bool operator==(const CodeRange&) const = default;
};

// Nondeterministic.
struct CodeAutomaton {
  struct Edge {
    CodeRange range;
    uint32_t to = 0;
  };
  struct State {
    std::vector<uint32_t> free;  // where it goes without taking anything
    std::vector<Edge> edges;
  };
  std::vector<State> states;
  uint32_t start = 0, accept = 0;
};

inline constexpr size_t kMaxRegexStates = 8'000;

Result<CodeAutomaton> ParseRegex(std::string_view pattern);

}  // namespace carat
