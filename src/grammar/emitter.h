// Parts of a schema to states of a machine: the second half of compiling a schema.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "grammar/budget.h"
#include "grammar/machine.h"
#include "grammar/regex.h"
#include "grammar/schema.h"

namespace carat {

enum class Notation : uint8_t {
  kJson,
  kNative,  // as in tool calls: strings between <|"|>, bare keys in any order, no white space
};

// Literals as symbols: bytes, and kQuoteSymbol for the token <|"|>.
using Symbols = std::vector<uint16_t>;
inline constexpr uint16_t kQuoteSymbol = 256;
Symbols Literal(const Json& value, Notation notation);
// A key of an object, without the colon.
Symbols LiteralKey(std::string_view name, Notation notation);

class Emitter {
 public:
  // Borrows all. `loosen`: what would take too much becomes any value.
  Emitter(MachineBuilder& builder, const SchemaParts& parts, Notation notation, bool loosen,
          const GrammarBudget& budget);

  // The rule that reads a part. Errors: over the limits, or nothing fits.
  Result<StateId> Rule(PartId part);
  // A choice of words, and where each leads.
  StateId Words(const std::vector<std::pair<Symbols, StateId>>& words);

 private:
  using Kind = SchemaPart::Kind;

  StateId Later(PartId part);  // the rule of a part, which is written some time
  Result<StateId> Write(const SchemaPart& part);
  Result<StateId> Literals(const SchemaPart& part);
  Result<StateId> Bare(const SchemaPart& part);
  Result<StateId> String(const SchemaPart& part);
  Result<StateId> Choice(const SchemaPart& part);
  StateId Array(const SchemaPart& part);
  StateId ObjectInOrder(const SchemaPart& part);
  StateId ObjectAnyOrder(const SchemaPart& part);
  Result<StateId> Automaton(const std::string& pattern, Spelling spelling, uint32_t least,
                            uint32_t most, StateId next);

  bool CanBe(PartId part) const { return part != kNoPart && parts_.parts[part].depth != kNoLimit; }
  StateId Blank(StateId next);
  StateId Spell(const Symbols& symbols, StateId next);
  StateId Member(const SchemaPart::Property& property, StateId next);
  StateId Open(const SchemaPart& part, char open, StateId next);
  StateId Room(PartId part, StateId next);
  struct Others {
    StateId more;  // where a comma and another may come
    StateId key;   // where its key may come
  };
  Others OtherMembers(const SchemaPart& part, StateId end);

  MachineBuilder& builder_;
  const SchemaParts& parts_;
  Notation notation_;
  bool loosen_;
  const GrammarBudget& budget_;
  std::vector<std::optional<StateId>> rules_;  // reserved states, by part
  std::vector<PartId> waiting_;
};

}  // namespace carat
