#include "grammar/regex_parser.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/utf8.h"

namespace carat {
namespace {

constexpr char32_t kLast = 0x10FFFF;
constexpr int kMaxGroups = 64;  // inside one another
constexpr uint32_t kMaxRepeats = 10'000;

using Ranges = std::vector<CodeRange>;

const Ranges kDigits = {{'0', '9'}};
const Ranges kWord = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
// ECMA-262's WhiteSpace and LineTerminator.
const Ranges kSpace = {{0x09, 0x0D},     {0x20, 0x20},     {0xA0, 0xA0},     {0x1680, 0x1680},
                       {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F},
                       {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
const Ranges kLineEnds = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};

Ranges Sorted(Ranges ranges) {
  std::ranges::sort(ranges, {}, &CodeRange::low);
  Ranges out;
  for (const CodeRange& range : ranges) {
    if (!out.empty() && range.low <= out.back().high + 1) {
      out.back().high = std::max(out.back().high, range.high);
    } else {
      out.push_back(range);
    }
  }
  return out;
}

Ranges Others(const Ranges& ranges) {
  Ranges out;
  char32_t at = 0;
  for (const CodeRange& range : Sorted(ranges)) {
    if (range.low > at) out.push_back({at, range.low - 1});
    at = range.high + 1;
  }
  if (at <= kLast) out.push_back({at, kLast});
  return out;
}

struct Part {
  uint32_t begin = 0, end = 0;
};

class Parser {
 public:
  explicit Parser(std::string_view pattern) : text_(pattern) {}

  Result<CodeAutomaton> Whole() {
    automaton_.start = New();
    automaton_.accept = New();
    while (true) {
      CARAT_TRY(Alternative());
      if (at_ == text_.size()) break;
      if (!Take('|')) return Bad("an unmatched )");
    }
    return std::move(automaton_);
  }

 private:
  std::unexpected<Error> Bad(std::string what) const {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "a pattern that is not understood: " + std::move(what),
                 .where = "offset " + std::to_string(at_),
                 .found = Quoted(text_)});
  }

  uint32_t New() {
    automaton_.states.emplace_back();
    return static_cast<uint32_t>(automaton_.states.size() - 1);
  }
  void Free(uint32_t from, uint32_t to) { automaton_.states[from].free.push_back(to); }

  bool Take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool AtAny(std::string_view of) const {
    return at_ < text_.size() && of.find(text_[at_]) != std::string_view::npos;
  }

  // What an alternative of the whole does not anchor may have anything beside it.
  void Anything(uint32_t from, uint32_t to) {
    const uint32_t loop = New();
    Free(from, loop);
    automaton_.states[loop].edges.push_back({{0, kLast}, loop});
    Free(loop, to);
  }

  Status Alternative() {
    const bool anchored_begin = Take('^');
    CARAT_ASSIGN(const Part part, Sequence(0));
    const bool anchored_end = Take('$');
    if (at_ < text_.size() && text_[at_] != '|') return Bad("something behind $");
    if (anchored_begin) {
      Free(automaton_.start, part.begin);
    } else {
      Anything(automaton_.start, part.begin);
    }
    if (anchored_end) {
      Free(part.end, automaton_.accept);
    } else {
      Anything(part.end, automaton_.accept);
    }
    return {};
  }

  Result<Part> Sequence(int depth) {
    Part part;
    part.begin = part.end = New();
    while (at_ < text_.size() && !AtAny("|)$")) {
      CARAT_ASSIGN(const Part next, Repeated(depth));
      Free(part.end, next.begin);
      part.end = next.end;
    }
    return part;
  }

  Result<Part> Group(int depth) {
    if (depth >= kMaxGroups) return Bad("groups too deep");
    if (Take('?') && !Take(':')) return Bad("a group that looks around, or has a name or flags");
    const Part part{New(), New()};
    while (true) {
      CARAT_ASSIGN(const Part one, Sequence(depth + 1));
      Free(part.begin, one.begin);
      Free(one.end, part.end);
      if (Take(')')) return part;
      if (!Take('|')) return Bad(at_ == text_.size() ? "an open group" : "$ inside a group");
    }
  }

  Result<Part> Repeated(int depth) {
    const size_t begin = at_;
    CARAT_ASSIGN(const Part first, Atom(depth));
    uint32_t low = 1, high = 1;
    CARAT_TRY(Quantifier(low, high));
    const size_t behind = at_;
    if (low == 1 && high == 1) return first;
    Part all;
    all.begin = all.end = New();
    const uint32_t copies = high == UINT32_MAX ? std::max(low, 1U) : high;
    const uint32_t exit = New();
    for (uint32_t i = 0; i < copies; ++i) {
      Part one = first;
      if (i > 0) {  // the atom is read again for each copy
        if (automaton_.states.size() > kMaxRegexStates) return Bad("too many repeats");
        at_ = begin;
        CARAT_ASSIGN(one, Atom(depth));
      }
      if (i >= low) Free(all.end, exit);
      Free(all.end, one.begin);
      if (high == UINT32_MAX && i + 1 == copies) Free(one.end, one.begin);
      all.end = one.end;
    }
    at_ = behind;
    if (high > 0) Free(all.end, exit);
    if (high == 0) Free(all.begin, exit);
    all.end = exit;
    return all;
  }

  Status Quantifier(uint32_t& low, uint32_t& high) {
    if (Take('*')) {
      low = 0, high = UINT32_MAX;
    } else if (Take('+')) {
      high = UINT32_MAX;
    } else if (Take('?')) {
      low = 0;
    } else if (Take('{')) {
      CARAT_ASSIGN(low, Count());
      high = low;
      if (Take(',')) {
        high = UINT32_MAX;
        if (!AtAny("}")) {
          CARAT_ASSIGN(high, Count());
        }
      }
      if (!Take('}') || high < low) return Bad("a repetition's numbers");
    } else {
      return {};
    }
    Take('?');  // lazy or not, it matches the same
    if (AtAny("*+?{")) return Bad("two repetitions of the same thing");
    return {};
  }

  Result<uint32_t> Count() {
    if (!AtAny("0123456789")) return Bad("a { without a number");
    uint32_t count = 0;
    while (AtAny("0123456789")) {
      count = count * 10 + static_cast<uint32_t>(text_[at_++] - '0');
      if (count > kMaxRepeats) return Bad("more than 10000 repeats");
    }
    return count;
  }

  Result<Part> Atom(int depth) {
    if (automaton_.states.size() > kMaxRegexStates) return Bad("too many states");
    if (Take('(')) return Group(depth);
    if (AtAny("*+?{")) return Bad("a repetition of nothing");
    if (AtAny("^")) return Bad("^ that is not at the beginning");
    Ranges ranges;
    if (Take('.')) {
      ranges = Others(kLineEnds);
    } else if (Take('[')) {
      CARAT_ASSIGN(ranges, Class());
    } else {
      CARAT_ASSIGN(ranges, One());
    }
    const Part part{New(), New()};
    for (const CodeRange& range : ranges)
      automaton_.states[part.begin].edges.push_back({range, part.end});
    return part;
  }

  Result<Ranges> Class() {
    const bool negated = Take('^');
    Ranges all;
    while (!Take(']')) {
      if (at_ == text_.size()) return Bad("an open class");
      CARAT_ASSIGN(Ranges low, One());
      if (AtAny("-") && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
        ++at_;
        CARAT_ASSIGN(const Ranges high, One());
        if (low.size() != 1 || high.size() != 1 || low[0].low != low[0].high ||
            high[0].low != high[0].high || high[0].low < low[0].low)
          return Bad("a range's ends");
        low[0].high = high[0].high;
      }
      all.insert(all.end(), low.begin(), low.end());
    }
    return negated ? Others(all) : Sorted(std::move(all));
  }

  // A character or an escape.
  Result<Ranges> One() {
    if (Take('\\')) return Escape();
    const Utf8Step step = DecodeUtf8(text_, at_);
    if (!step.valid) return Bad("no UTF-8");
    at_ += step.size;
    return Ranges{{step.code, step.code}};
  }

  Result<Ranges> Escape() {
    if (at_ == text_.size()) return Bad("a lone backslash");
    const char c = text_[at_++];
    const auto one = [](char32_t code) { return Ranges{{code, code}}; };
    switch (c) {
      case 'd':
        return kDigits;
      case 'D':
        return Others(kDigits);
      case 'w':
        return kWord;
      case 'W':
        return Others(kWord);
      case 's':
        return kSpace;
      case 'S':
        return Others(kSpace);
      case 't':
        return one('\t');
      case 'n':
        return one('\n');
      case 'r':
        return one('\r');
      case 'f':
        return one('\f');
      case 'v':
        return one('\v');
      case 'x':
        return Hex(2);
      case 'u':
        return Hex(4);
      default:
        break;
    }
    constexpr std::string_view kPunctuation = "^$\\.*+?()[]{}|/-\"'#&,:;<=>@`~!% _";
    if (kPunctuation.find(c) == std::string_view::npos)
      return Bad(std::string("the escape \\") + Quoted(std::string_view(&c, 1)));
    return one(static_cast<unsigned char>(c));
  }

  Result<Ranges> Hex(size_t digits) {
    const bool braces = digits == 4 && Take('{');
    constexpr std::string_view kHex = "0123456789abcdefABCDEF";
    char32_t code = 0;
    size_t n = 0;
    for (; AtAny(kHex) && (braces ? n < 6 : n < digits); ++n) {
      const size_t digit = kHex.find(text_[at_++]);
      code = code * 16 + static_cast<char32_t>(digit < 16 ? digit : digit - 6);
    }
    if ((braces ? n == 0 || !Take('}') : n != digits) || code > kLast ||
        (code >= 0xD800 && code <= 0xDFFF))
      return Bad("an escaped code point");
    return Ranges{{code, code}};
  }

  std::string_view text_;  // borrows
  size_t at_ = 0;
  CodeAutomaton automaton_;
};

}  // namespace

Result<CodeAutomaton> ParseRegex(std::string_view pattern) { return Parser(pattern).Whole(); }

}  // namespace carat
