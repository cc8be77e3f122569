// The compiled form of a grammar: states over bytes and special tokens, with calls.
//
// A machine is run by walker.h. At any time it is in a few places at once; a place is a state, the
// stack of states to return to, and the registers of the innermost call. Counts are registers, so
// that "at most a million items" takes as many states as "at most two".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace carat {

using StateId = uint32_t;

// Depth of arrays and objects, as io/json.h and chat/tool_call_syntax.h read them back.
inline constexpr uint32_t kMaxGrammarDepth = 64;
// Of one choice, choices within it included; words to choose from do not count.
inline constexpr size_t kMaxAlternatives = 64;
inline constexpr uint32_t kMaxFreeMembers = 1000;  // of an object whose keys are free
inline constexpr uint32_t kNoLimit = UINT32_MAX;

enum class Op : uint8_t {
  // The first three take something.
  kBytes,   // takes a byte: edges [a, a + b)
  kQuote,   // takes the token <|"|>, then `next`
  kAccept,  // the whole has ended; takes nothing
  kSplit,   // goes on at each of targets [a, a + b)
  kCall,    // runs the rule at `a`, with registers of its own, then `next`
  kReturn,  // ends a rule
  kInit,    // registers: remaining = a, needed = b
  kMore,    // one more: only if remaining > 0; counts both registers down
  kEnough,  // only if needed == 0
  kEnter,   // one level deeper: only if `a` levels are left, this one included
  kRoom,    // only if `a` levels are left
  kMark,    // only if property `a` was not marked in this object; marks it
  kMarked,  // only if all properties of masks[a] are marked
  kKey,     // begins a key: kBytes states with `hashes` hash it
  kNewKey,  // ends a key: only if no key before it was the same, nor any of names [a, a + b)
};

struct State {
  Op op = Op::kReturn;
  bool hashes = false;  // kBytes: the bytes are part of a key
  bool wide = false;    // kBytes: takes so many bytes that its mask is worth keeping
  uint32_t a = 0, b = 0;
  StateId next = 0;
};

// Disjoint within a state, ascending.
struct Edge {
  uint8_t low = 0, high = 0;
  StateId next = 0;
};

struct Machine {
  std::vector<State> states;
  std::vector<Edge> edges;
  std::vector<StateId> targets;
  std::vector<uint64_t> masks;
  std::vector<uint64_t> names;  // hashes of keys, each range sorted
  StateId start = 0;
  size_t num_common = 0;  // states below this are the same in every machine

  size_t MemoryBytes() const;
};

inline constexpr uint64_t kKeyHashStart = 0xCBF29CE484222325ULL;
constexpr uint64_t HashKey(uint64_t hash, uint8_t byte) {  // FNV-1a
  return (hash ^ byte) * 0x100000001B3ULL;
}
uint64_t HashKey(std::string_view key);

// Rules that every grammar has, at the same places in every machine.
struct CommonRules {
  StateId blank;        // optional white space of JSON: one blank, or a new line and its indent
  StateId json_string;  // these two count code points in the caller's registers: kInit, then here
  StateId native_string;
  StateId number, integer;
  StateId any_json, any_native;
};

// Adds states from the last to the first: every call gives the state that does its part and then
// goes on at `next`.
class MachineBuilder {
 public:
  MachineBuilder();  // with the common rules

  const CommonRules& common() const { return common_; }
  size_t num_states() const { return machine_.states.size(); }

  StateId Byte(uint8_t byte, StateId next) { return Range(byte, byte, next); }
  StateId Range(uint8_t low, uint8_t high, StateId next);
  StateId Bytes(std::vector<Edge> edges, bool hashes = false);  // sorts them
  StateId Text(std::string_view text, StateId next);
  StateId Split(const std::vector<StateId>& targets);
  StateId Call(StateId rule, StateId next) {
    return Add({.op = Op::kCall, .a = rule, .next = next});
  }
  StateId Return() const { return return_; }
  StateId Make(Op op, StateId next, uint32_t a = 0, uint32_t b = 0) {
    return Add({.op = op, .a = a, .b = b, .next = next});
  }
  StateId Marked(uint64_t mask, StateId next);
  StateId NewKey(std::vector<uint64_t> names, StateId next);

  // A state that is told later where it leads.
  StateId Reserve();
  void Lead(StateId reserved, StateId to);

  // One code point of UTF-8, or of a JSON string.
  StateId NativeCharacter(StateId next, bool hashes = false);
  StateId JsonCharacter(StateId next);
  StateId PlainJsonCharacter(StateId next, bool hashes);  // that needs no escape
  // A key that this object has not had, and that is none of `names` (hashes).
  StateId FreeKey(bool native, std::vector<uint64_t> names, StateId next);

  Machine Finish(StateId start);

 private:
  StateId Add(State state);
  std::vector<Edge> UnicodeEdges(StateId next, bool hashes);  // beyond ASCII
  void AddCommonRules();
  void AddNumbers();
  StateId AnyValue(bool native);

  Machine machine_;  // before return_, which is put into it
  CommonRules common_{};
  StateId return_;
};

}  // namespace carat
