#include "grammar/regex.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/utf8.h"
#include "grammar/regex_parser.h"

namespace carat {
namespace {

constexpr size_t kMaxWork = 20'000'000;  // edges looked at while determinising

// The automaton over bytes, still nondeterministic.
class Spell {
 public:
  struct State {
    std::vector<uint32_t> free;
    std::vector<Edge> edges;
  };

  Spell(const CodeAutomaton& code, Spelling spelling) : spelling_(spelling) {
    states.resize(code.states.size());
    for (size_t i = 0; i < code.states.size(); ++i) {
      states[i].free = code.states[i].free;
      for (const CodeAutomaton::Edge& edge : code.states[i].edges)
        Range(static_cast<uint32_t>(i), edge.range, edge.to);
    }
  }

  std::vector<State> states;

 private:
  uint32_t New() {
    states.emplace_back();
    return static_cast<uint32_t>(states.size() - 1);
  }
  void Byte(uint32_t from, unsigned low, unsigned high, uint32_t to) {
    states[from].edges.push_back({static_cast<uint8_t>(low), static_cast<uint8_t>(high), to});
  }

  void Range(uint32_t from, CodeRange range, uint32_t to) {
    if (spelling_ == Spelling::kJson) {
      JsonEscapes(from, range, to);
      Plain(from, {std::max(range.low, U'\x20'), std::min(range.high, U'!')}, to);
      Plain(from, {std::max(range.low, U'#'), std::min(range.high, U'[')}, to);
      Plain(from, {std::max(range.low, U']'), range.high}, to);
    } else {
      Plain(from, range, to);
    }
  }

  // Controls without a short escape are left out: nobody's text needs them.
  void JsonEscapes(uint32_t from, CodeRange range, uint32_t to) {
    constexpr std::pair<char32_t, char> kEscapes[] = {
        {'"', '"'}, {'\\', '\\'}, {'\b', 'b'}, {'\f', 'f'}, {'\n', 'n'}, {'\r', 'r'}, {'\t', 't'}};
    std::optional<uint32_t> escape;
    for (const auto& [code, letter] : kEscapes) {
      if (code < range.low || code > range.high) continue;
      if (!escape) {
        escape = New();
        Byte(from, '\\', '\\', *escape);
      }
      Byte(*escape, static_cast<unsigned>(letter), static_cast<unsigned>(letter), to);
    }
  }

  void Plain(uint32_t from, CodeRange range, uint32_t to) {
    constexpr CodeRange kParts[] = {
        {0, 0x7F}, {0x80, 0x7FF}, {0x800, 0xD7FF}, {0xE000, 0xFFFF}, {0x10000, 0x10FFFF}};
    for (const CodeRange& part : kParts) {
      const CodeRange both{std::max(range.low, part.low), std::min(range.high, part.high)};
      if (both.low > both.high) continue;
      std::string low, high;
      AppendUtf8(both.low, low);
      AppendUtf8(both.high, high);
      Between(from, low, high, to);
    }
  }

  // Sequences of the same length from `low` to `high`.
  void Between(uint32_t from, std::string_view low, std::string_view high, uint32_t to) {
    const auto l = static_cast<uint8_t>(low[0]), h = static_cast<uint8_t>(high[0]);
    if (low.size() == 1) return Byte(from, l, h, to);
    const auto deeper = [&](unsigned first, unsigned last, std::string_view a, std::string_view b) {
      const uint32_t next = New();
      Byte(from, first, last, next);
      Between(next, a, b, to);
    };
    const std::string least(low.size() - 1, '\x80'), most(low.size() - 1, '\xBF');
    if (l == h) return deeper(l, h, low.substr(1), high.substr(1));
    unsigned first = l, last = h;
    if (low.substr(1) != least) deeper(first++, l, low.substr(1), most);
    if (high.substr(1) != most) deeper(last--, h, least, high.substr(1));
    if (first <= last) deeper(first, last, least, most);
  }

  Spelling spelling_;
};

// The automaton with the text's length counted: a copy of every state for each length.
Result<CodeAutomaton> Counted(const CodeAutomaton& code, uint32_t low, uint32_t high) {
  const bool endless = high == kNoLimit;
  const size_t levels = size_t{endless ? low : high} + 1;
  const size_t n = code.states.size();
  if (levels > kMaxRegexStates || n * levels > kMaxRegexStates) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "a pattern together with so large a minLength or maxLength"});
  }
  CodeAutomaton out;
  out.states.resize(n * levels + 1);
  out.accept = static_cast<uint32_t>(n * levels);
  out.start = code.start;
  for (size_t level = 0; level < levels; ++level) {
    const auto at = [&](size_t l, uint32_t state) { return static_cast<uint32_t>(l * n + state); };
    for (uint32_t i = 0; i < n; ++i) {
      CodeAutomaton::State& state = out.states[at(level, i)];
      for (const uint32_t to : code.states[i].free) state.free.push_back(at(level, to));
      const size_t next = endless ? std::min(level + 1, levels - 1) : level + 1;
      if (next == levels) continue;
      for (const CodeAutomaton::Edge& edge : code.states[i].edges)
        state.edges.push_back({edge.range, at(next, edge.to)});
    }
    if (level >= low) out.states[at(level, code.accept)].free.push_back(out.accept);
  }
  return out;
}

class Determinise {
 public:
  Determinise(const Spell& spell, uint32_t start, uint32_t accept, const GrammarBudget& budget)
      : spell_(spell), accept_(accept), budget_(budget), in_set_(spell.states.size()) {
    Find(Closure({start}));
  }

  Result<ByteAutomaton> Run() {
    for (size_t i = 0; i < sets_.size(); ++i) {
      CARAT_TRY(budget_.Check(sets_.size()));
      Expand(i);
      if (work_ > kMaxWork || sets_.size() > kMaxRegexStates)
        return TooMuch("states of a pattern", kMaxRegexStates);
    }
    return Trimmed();
  }

 private:
  using Set = std::vector<uint32_t>;

  Set Closure(Set set) {
    for (const uint32_t state : set) in_set_[state] = true;
    for (size_t i = 0; i < set.size(); ++i) {
      for (const uint32_t to : spell_.states[set[i]].free) {
        ++work_;
        if (in_set_[to]) continue;
        in_set_[to] = true;
        set.push_back(to);
      }
    }
    for (const uint32_t state : set) in_set_[state] = false;
    // Only states that do something tell sets apart.
    std::erase_if(set, [&](uint32_t s) { return s != accept_ && spell_.states[s].edges.empty(); });
    std::ranges::sort(set);
    return set;
  }

  uint32_t Find(Set set) {
    work_ += set.size();
    const auto [at, is_new] = ids_.try_emplace(set, static_cast<uint32_t>(sets_.size()));
    if (is_new) {
      out_.states.emplace_back();
      out_.states.back().accepts = std::ranges::binary_search(set, accept_);
      sets_.push_back(std::move(set));
    }
    return at->second;
  }

  void Expand(size_t i) {
    std::vector<Edge> edges;
    std::vector<unsigned> cuts;
    for (const uint32_t state : sets_[i]) {
      for (const Edge& edge : spell_.states[state].edges) {
        edges.push_back(edge);
        cuts.push_back(edge.low);
        cuts.push_back(edge.high + 1U);
      }
    }
    std::ranges::sort(cuts);
    cuts.erase(std::ranges::unique(cuts).begin(), cuts.end());
    for (size_t c = 0; c + 1 < cuts.size(); ++c) {
      Set to;
      for (const Edge& edge : edges) {
        if (edge.low <= cuts[c] && cuts[c] <= edge.high) to.push_back(edge.next);
      }
      work_ += edges.size();
      if (to.empty()) continue;
      std::ranges::sort(to);
      to.erase(std::ranges::unique(to).begin(), to.end());
      const uint32_t next = Find(Closure(std::move(to)));
      out_.states[i].edges.push_back(
          {static_cast<uint8_t>(cuts[c]), static_cast<uint8_t>(cuts[c + 1] - 1), next});
    }
  }

  // Without the states from which nothing is accepted.
  ByteAutomaton Trimmed() {
    const size_t n = out_.states.size();
    std::vector<std::vector<uint32_t>> back(n);
    std::vector<bool> useful(n);
    std::vector<uint32_t> todo;
    for (uint32_t i = 0; i < n; ++i) {
      for (const Edge& edge : out_.states[i].edges) back[edge.next].push_back(i);
      if (!out_.states[i].accepts) continue;
      useful[i] = true;
      todo.push_back(i);
    }
    while (!todo.empty()) {
      const uint32_t i = todo.back();
      todo.pop_back();
      for (const uint32_t from : back[i]) {
        if (useful[from]) continue;
        useful[from] = true;
        todo.push_back(from);
      }
    }
    if (!useful[0]) return {};
    std::vector<uint32_t> moved(n);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; ++i) moved[i] = useful[i] ? kept++ : 0;
    ByteAutomaton trimmed;
    for (uint32_t i = 0; i < n; ++i) {
      if (!useful[i]) continue;
      std::erase_if(out_.states[i].edges, [&](const Edge& edge) { return !useful[edge.next]; });
      for (Edge& edge : out_.states[i].edges) edge.next = moved[edge.next];
      trimmed.states.push_back(std::move(out_.states[i]));
    }
    return trimmed;
  }

  const Spell& spell_;
  uint32_t accept_;
  const GrammarBudget& budget_;
  std::vector<bool> in_set_;
  std::map<Set, uint32_t> ids_;
  std::vector<Set> sets_;
  ByteAutomaton out_;
  size_t work_ = 0;
};

// Digits from `low` to `high`, both of the same length.
std::string DigitRange(std::string_view low, std::string_view high) {
  if (low.empty()) return "";
  if (low == high) return std::string(low);
  const auto any = [](size_t n) { return n == 0 ? "" : fmt::format("[0-9]{{{}}}", n); };
  const size_t rest = low.size() - 1;
  if (low[0] == high[0]) return low[0] + DigitRange(low.substr(1), high.substr(1));
  const std::string zeros(rest, '0'), nines(rest, '9');
  char first = low[0], last = high[0];
  std::string out;
  if (low.substr(1) != zeros)
    out += fmt::format("{}{}|", first++, DigitRange(low.substr(1), nines));
  if (high.substr(1) != nines)
    out += fmt::format("{}{}|", last--, DigitRange(zeros, high.substr(1)));
  if (first <= last) out += fmt::format("[{}-{}]{}|", first, last, any(rest));
  out.pop_back();
  return "(?:" + out + ")";
}

std::string NaturalRange(uint64_t low, uint64_t high) {
  std::string out;
  while (true) {
    const std::string begin = std::to_string(low);
    const std::string nines(begin.size(), '9');
    const bool last = std::to_string(high).size() == begin.size();
    out += DigitRange(begin, last ? std::to_string(high) : nines);
    if (last) return out;
    out += '|';
    low = std::stoull(nines) + 1;
  }
}

}  // namespace

Result<ByteAutomaton> CompileRegex(std::string_view pattern, Spelling spelling, uint32_t low,
                                   uint32_t high, const GrammarBudget& budget) {
  CARAT_ASSIGN(CodeAutomaton code, ParseRegex(pattern));
  if (low > 0 || high != kNoLimit) {
    CARAT_ASSIGN(code, Counted(code, low, high));
  }
  const Spell spell(code, spelling);
  return Determinise(spell, code.start, code.accept, budget).Run();
}

std::string IntegerRange(int64_t low, int64_t high) {
  std::string out;
  const auto magnitude = [](int64_t value) { return uint64_t{0} - static_cast<uint64_t>(value); };
  if (low < 0) out += "-(?:" + NaturalRange(high < 0 ? magnitude(high) : 1, magnitude(low)) + ")";
  if (low < 0 && high >= 0) out += '|';
  if (high >= 0)
    out += NaturalRange(low < 0 ? 0 : static_cast<uint64_t>(low), static_cast<uint64_t>(high));
  return "(?:" + out + ")";
}

}  // namespace carat
