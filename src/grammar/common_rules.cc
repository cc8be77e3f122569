// The rules that every grammar has: what JSON and the native notation are made of.
#include <utility>
#include <vector>

#include "grammar/machine.h"

namespace carat {
namespace {

constexpr int kMaxIndent = 64;         // blanks behind a new line
constexpr int kMaxIntegerDigits = 18;  // so that it is an int64_t
constexpr int kMaxFraction = 17;

}  // namespace

// Well-formed sequences of the Unicode Standard's table 3-7.
std::vector<Edge> MachineBuilder::UnicodeEdges(StateId next, bool hashes) {
  const auto tail = [&](uint8_t low, uint8_t high, StateId then) {
    return Bytes({{low, high, then}}, hashes);
  };
  const StateId last = tail(0x80, 0xBF, next);
  const StateId last_two = tail(0x80, 0xBF, last);
  return {{0xC2, 0xDF, last},
          {0xE0, 0xE0, tail(0xA0, 0xBF, last)},
          {0xE1, 0xEC, last_two},
          {0xED, 0xED, tail(0x80, 0x9F, last)},  // no surrogates
          {0xEE, 0xEF, last_two},
          {0xF0, 0xF0, tail(0x90, 0xBF, last_two)},
          {0xF1, 0xF3, tail(0x80, 0xBF, last_two)},
          {0xF4, 0xF4, tail(0x80, 0x8F, last_two)}};
}

StateId MachineBuilder::NativeCharacter(StateId next, bool hashes) {
  std::vector<Edge> edges = UnicodeEdges(next, hashes);
  edges.push_back({0x00, 0x7F, next});
  return Bytes(std::move(edges), hashes);
}

StateId MachineBuilder::PlainJsonCharacter(StateId next, bool hashes) {
  std::vector<Edge> edges = UnicodeEdges(next, hashes);
  edges.insert(edges.end(),
               {{0x20, '"' - 1, next}, {'"' + 1, '\\' - 1, next}, {'\\' + 1, 0x7F, next}});
  return Bytes(std::move(edges), hashes);
}

StateId MachineBuilder::JsonCharacter(StateId next) {
  const auto hex = [&](StateId then) {
    return Bytes({{'0', '9', then}, {'A', 'F', then}, {'a', 'f', then}});
  };
  const StateId hex1 = hex(next), hex2 = hex(hex1), hex3 = hex(hex2);
  // A high surrogate, \uD8xx to \uDBxx, needs its low one; a low one cannot stand alone.
  const StateId low_half =
      Text("\\u", Bytes({{'D', 'D', Bytes({{'C', 'F', hex2}, {'c', 'f', hex2}})},
                         {'d', 'd', Bytes({{'C', 'F', hex2}, {'c', 'f', hex2}})}}));
  const StateId high_half = hex(hex(low_half));
  const StateId after_d = Bytes(
      {{'0', '7', hex2}, {'8', '9', high_half}, {'A', 'B', high_half}, {'a', 'b', high_half}});
  const StateId unicode = Bytes({{'0', '9', hex3},
                                 {'A', 'C', hex3},
                                 {'D', 'D', after_d},
                                 {'E', 'F', hex3},
                                 {'a', 'c', hex3},
                                 {'d', 'd', after_d},
                                 {'e', 'f', hex3}});
  std::vector<Edge> escapes = {{'u', 'u', unicode}};
  for (const char c : {'"', '\\', '/', 'b', 'f', 'n', 'r', 't'}) {
    escapes.push_back({static_cast<uint8_t>(c), static_cast<uint8_t>(c), next});
  }
  std::vector<Edge> edges = UnicodeEdges(next, false);
  edges.insert(edges.end(), {{0x20, '"' - 1, next},
                             {'"' + 1, '\\' - 1, next},
                             {'\\', '\\', Bytes(std::move(escapes))},
                             {'\\' + 1, 0x7F, next}});
  return Bytes(std::move(edges));
}

void MachineBuilder::AddCommonRules() {
  StateId indent = return_;
  for (int i = 0; i < kMaxIndent; ++i) indent = Split({Byte(' ', indent), return_});
  common_.blank = Split({return_, Bytes({{' ', ' ', return_}, {'\n', '\n', indent}})});

  const auto counted = [&](StateId end, auto character) {
    const StateId loop = Reserve();
    const StateId inside = Split({Make(Op::kMore, character(loop)), Make(Op::kEnough, end)});
    Lead(loop, inside);
    return inside;
  };
  common_.json_string =
      Byte('"', counted(Byte('"', return_), [&](StateId loop) { return JsonCharacter(loop); }));
  common_.native_string =
      Make(Op::kQuote,
           counted(Make(Op::kQuote, return_), [&](StateId loop) { return NativeCharacter(loop); }));
  AddNumbers();
  common_.any_json = AnyValue(false);
  common_.any_native = AnyValue(true);
}

// A number stays well within what a double holds, and ends.
void MachineBuilder::AddNumbers() {
  StateId integer_tail = return_;
  const StateId second_digit = Split({Range('0', '9', return_), return_});
  const StateId first_digit = Range('0', '9', second_digit);
  StateId exponent =
      Bytes({{'+', '+', first_digit}, {'-', '-', first_digit}, {'0', '9', second_digit}});
  exponent = Bytes({{'E', 'E', exponent}, {'e', 'e', exponent}});
  const StateId after_digits = Split({exponent, return_});
  StateId fraction = after_digits;
  for (int i = 1; i < kMaxFraction; ++i)
    fraction = Split({Range('0', '9', fraction), after_digits});
  const StateId dot = Byte('.', Range('0', '9', fraction));
  const StateId after_integer = Split({dot, exponent, return_});
  StateId number_tail = after_integer;
  for (int i = 1; i < kMaxIntegerDigits; ++i) {
    integer_tail = Split({Range('0', '9', integer_tail), return_});
    number_tail = Split({Range('0', '9', number_tail), after_integer});
  }
  const auto with_sign = [&](StateId zero_then, StateId digits_then) {
    const std::vector<Edge> unsigned_edges = {{'0', '0', zero_then}, {'1', '9', digits_then}};
    std::vector<Edge> edges = unsigned_edges;
    edges.push_back({'-', '-', Bytes(unsigned_edges)});
    return Bytes(std::move(edges));
  };
  common_.number = with_sign(after_integer, number_tail);
  common_.integer = with_sign(return_, integer_tail);
}

// Any value; objects have any keys, each once.
StateId MachineBuilder::AnyValue(bool native) {
  const StateId any = Reserve();
  const auto blank = [&](StateId next) { return native ? next : Call(common_.blank, next); };
  const auto list = [&](char open, char close, auto item) {
    const StateId loop = Reserve();
    const StateId one = item(blank(loop));
    const StateId end = Byte(static_cast<uint8_t>(close), return_);
    Lead(loop, Split({end, Make(Op::kMore, Byte(',', blank(one)))}));
    const StateId inside = blank(Split({Make(Op::kMore, one), end}));
    return Make(Op::kEnter,
                Make(Op::kInit, Byte(static_cast<uint8_t>(open), inside), kMaxFreeMembers), 1);
  };
  const StateId array = list('[', ']', [&](StateId next) { return Call(any, next); });
  const StateId object = list('{', '}', [&](StateId next) {
    return FreeKey(native, {}, blank(Byte(':', blank(Call(any, next)))));
  });
  const StateId string =
      Make(Op::kInit, native ? common_.native_string : common_.json_string, kNoLimit);
  Lead(any, Split({string, common_.number, Text("true", return_), Text("false", return_),
                   Text("null", return_), array, object}));
  return any;
}

// A key that this object has not had, and that is none of `names`.
StateId MachineBuilder::FreeKey(bool native, std::vector<uint64_t> names, StateId next) {
  const StateId is_new = NewKey(std::move(names), next);
  const StateId loop = Reserve();
  if (!native) {
    const StateId inside = Split({PlainJsonCharacter(loop, true), Byte('"', is_new)});
    Lead(loop, inside);
    return Make(Op::kKey, Byte('"', inside));
  }
  const StateId quoted = Split({NativeCharacter(loop, true), Make(Op::kQuote, is_new)});
  Lead(loop, quoted);
  const StateId bare_loop = Reserve();
  const StateId bare = Bytes({{'-', '.', bare_loop},
                              {'0', '9', bare_loop},
                              {'A', 'Z', bare_loop},
                              {'_', '_', bare_loop},
                              {'a', 'z', bare_loop}},
                             true);
  Lead(bare_loop, Split({bare, is_new}));
  const StateId first =
      Bytes({{'A', 'Z', bare_loop}, {'_', '_', bare_loop}, {'a', 'z', bare_loop}}, true);
  return Make(Op::kKey, Split({Make(Op::kQuote, quoted), first}));
}

}  // namespace carat
