#include "grammar/emitter.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/utf8.h"
#include "grammar/regex.h"

namespace carat {
namespace {

// More properties stand in the schema's order, so that a key does not start in too many places.
constexpr size_t kMaxAnyOrder = 48;

void Append(std::string_view text, Symbols& out) {
  for (const char c : text) out.push_back(static_cast<uint8_t>(c));
}

// As chat/tool_call_syntax.h reads a key without quotes.
bool CanBeBare(std::string_view name) {
  return !name.empty() && name.find_first_of(":,{}[]\"") == std::string_view::npos &&
         name.front() != ' ' && name.back() != ' ' &&
         std::ranges::none_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

}  // namespace

Symbols LiteralKey(std::string_view name, Notation notation) {
  Symbols out;
  if (notation == Notation::kJson) {
    Append(Json(name).Dump(), out);
  } else if (CanBeBare(name)) {
    Append(name, out);
  } else {
    out.push_back(kQuoteSymbol);
    Append(name, out);
    out.push_back(kQuoteSymbol);
  }
  return out;
}

Symbols Literal(const Json& value, Notation notation) {
  Symbols out;
  const auto append = [&](const Symbols& more) { out.insert(out.end(), more.begin(), more.end()); };
  if (notation == Notation::kJson ||
      !(value.is_string() || value.is_array() || value.is_object())) {
    Append(value.Dump(), out);
  } else if (value.is_string()) {
    out.push_back(kQuoteSymbol);
    Append(value.string(), out);
    out.push_back(kQuoteSymbol);
  } else if (value.is_array()) {
    Append("[", out);
    for (const Json& one : value.array()) {
      if (out.size() > 1) Append(",", out);
      append(Literal(one, notation));
    }
    Append("]", out);
  } else {
    Append("{", out);
    for (const auto& [name, one] : value.object()) {
      if (out.size() > 1) Append(",", out);
      append(LiteralKey(name, notation));
      Append(":", out);
      append(Literal(one, notation));
    }
    Append("}", out);
  }
  return out;
}

Emitter::Emitter(MachineBuilder& builder, const SchemaParts& parts, Notation notation, bool loosen,
                 const GrammarBudget& budget)
    : builder_(builder),
      parts_(parts),
      notation_(notation),
      loosen_(loosen),
      budget_(budget),
      rules_(parts.parts.size()) {}

Result<StateId> Emitter::Rule(PartId part) {
  if (!CanBe(part)) return Fail({.what = "no value fits the schema, or only one nested too deep"});
  const StateId rule = Later(part);
  while (!waiting_.empty()) {
    const PartId next = waiting_.back();
    waiting_.pop_back();
    CARAT_TRY(budget_.Check(builder_.num_states()));
    CARAT_ASSIGN(const StateId written, Write(parts_.parts[next]));
    builder_.Lead(*rules_[next], written);
  }
  CARAT_TRY(budget_.Check(builder_.num_states()));
  return rule;
}

StateId Emitter::Later(PartId part) {
  if (!rules_[part]) {
    rules_[part] = builder_.Reserve();
    waiting_.push_back(part);
  }
  return *rules_[part];
}

Result<StateId> Emitter::Write(const SchemaPart& part) {
  const CommonRules& common = builder_.common();
  switch (part.kind) {
    case Kind::kAny:
      return notation_ == Notation::kJson ? common.any_json : common.any_native;
    case Kind::kNumber:
      return part.integer ? common.integer : common.number;
    case Kind::kLiterals:
      return Literals(part);
    case Kind::kBare:
      return Automaton(part.pattern, Spelling::kPlain, 0, kNoLimit, builder_.Return());
    case Kind::kString:
      return String(part);
    case Kind::kAnyOf:
      return Choice(part);
    case Kind::kArray:
      return Array(part);
    case Kind::kObject:
      if (notation_ == Notation::kNative && part.rest == kNoPart &&
          part.properties.size() <= kMaxAnyOrder)
        return ObjectAnyOrder(part);
      return ObjectInOrder(part);
  }
  return builder_.Return();
}

StateId Emitter::Blank(StateId next) {
  return notation_ == Notation::kNative ? next : builder_.Call(builder_.common().blank, next);
}

StateId Emitter::Spell(const Symbols& symbols, StateId next) {
  for (size_t i = symbols.size(); i > 0; --i) {
    const uint16_t symbol = symbols[i - 1];
    next = symbol == kQuoteSymbol ? builder_.Make(Op::kQuote, next)
                                  : builder_.Byte(static_cast<uint8_t>(symbol), next);
  }
  return next;
}

// A tree of the words, written from its leaves.
StateId Emitter::Words(const std::vector<std::pair<Symbols, StateId>>& words) {
  struct Node {
    std::map<uint16_t, size_t> below;
    std::vector<StateId> ends = {};
  };
  std::vector<Node> nodes(1);
  for (const auto& [word, next] : words) {
    size_t at = 0;
    for (const uint16_t symbol : word) {
      const auto [to, is_new] = nodes[at].below.try_emplace(symbol, nodes.size());
      at = to->second;
      if (is_new) nodes.emplace_back();
    }
    if (std::ranges::find(nodes[at].ends, next) == nodes[at].ends.end())
      nodes[at].ends.push_back(next);
  }
  std::vector<StateId> states(nodes.size());
  for (size_t i = nodes.size(); i > 0; --i) {  // a node stands behind the one above it
    const Node& node = nodes[i - 1];
    std::vector<Edge> edges;
    std::vector<StateId> choices;
    for (const auto& [symbol, to] : node.below) {
      if (symbol == kQuoteSymbol) {
        choices.push_back(builder_.Make(Op::kQuote, states[to]));
      } else {
        edges.push_back({static_cast<uint8_t>(symbol), static_cast<uint8_t>(symbol), states[to]});
      }
    }
    if (!edges.empty()) choices.push_back(builder_.Bytes(std::move(edges)));
    choices.insert(choices.end(), node.ends.begin(), node.ends.end());
    states[i - 1] = builder_.Split(choices);
  }
  return states[0];
}

Result<StateId> Emitter::Literals(const SchemaPart& part) {
  std::vector<std::pair<Symbols, StateId>> words;
  words.reserve(part.values.size());
  for (const Json& value : part.values)
    words.emplace_back(Literal(value, notation_), builder_.Return());
  // All must fit where the shallowest does; deep constants at the depth limit are nobody's.
  const StateId rule = Words(words);
  return part.depth == 0 ? rule : builder_.Make(Op::kRoom, rule, part.depth);
}

Result<StateId> Emitter::Automaton(const std::string& pattern, Spelling spelling, uint32_t least,
                                   uint32_t most, StateId next) {
  CARAT_ASSIGN(const ByteAutomaton automaton,
               CompileRegex(pattern, spelling, least, most, budget_));
  if (automaton.states.empty()) {
    return Fail({.what = "no text fits a pattern and its length", .found = Quoted(pattern)});
  }
  std::vector<StateId> states;
  states.reserve(automaton.states.size());
  for (size_t i = 0; i < automaton.states.size(); ++i) states.push_back(builder_.Reserve());
  for (size_t i = 0; i < automaton.states.size(); ++i) {
    std::vector<StateId> choices;
    std::vector<Edge> edges = automaton.states[i].edges;
    for (Edge& edge : edges) edge.next = states[edge.next];
    if (!edges.empty()) choices.push_back(builder_.Bytes(std::move(edges)));
    if (automaton.states[i].accepts) choices.push_back(next);
    builder_.Lead(states[i], builder_.Split(choices));
  }
  return states[0];
}

Result<StateId> Emitter::String(const SchemaPart& part) {
  const bool json = notation_ == Notation::kJson;
  const StateId plain = json ? builder_.common().json_string : builder_.common().native_string;
  if (part.pattern.empty()) return builder_.Make(Op::kInit, plain, part.most, part.least);
  const StateId end =
      json ? builder_.Byte('"', builder_.Return()) : builder_.Make(Op::kQuote, builder_.Return());
  const Result<StateId> inside = Automaton(part.pattern, json ? Spelling::kJson : Spelling::kPlain,
                                           part.least, part.most, end);
  if (!inside.has_value()) {
    if (!loosen_) return inside;
    return builder_.Make(Op::kInit, plain, part.most, part.least);
  }
  return json ? builder_.Byte('"', *inside) : builder_.Make(Op::kQuote, *inside);
}

// Choices within choices are one choice; words to choose from are one tree.
Result<StateId> Emitter::Choice(const SchemaPart& part) {
  std::set<PartId> seen;
  std::vector<PartId> todo(part.children.rbegin(), part.children.rend());
  std::vector<StateId> targets;
  std::vector<std::pair<Symbols, StateId>> words;
  while (!todo.empty()) {
    const PartId id = todo.back();
    todo.pop_back();
    if (!CanBe(id) || !seen.insert(id).second) continue;
    const SchemaPart& one = parts_.parts[id];
    if (one.kind == Kind::kAnyOf) {
      todo.insert(todo.end(), one.children.rbegin(), one.children.rend());
    } else if (one.kind == Kind::kLiterals && one.depth == 0) {
      for (const Json& value : one.values)
        words.emplace_back(Literal(value, notation_), builder_.Return());
    } else {
      targets.push_back(Later(id));
    }
  }
  if (!words.empty()) targets.push_back(Words(words));
  if (targets.size() <= kMaxAlternatives) return builder_.Split(targets);
  if (loosen_)
    return notation_ == Notation::kJson ? builder_.common().any_json : builder_.common().any_native;
  return TooMuch("alternatives in one place", kMaxAlternatives);
}

StateId Emitter::Open(const SchemaPart& part, char open, StateId next) {
  return builder_.Make(Op::kEnter, builder_.Byte(static_cast<uint8_t>(open), next), part.depth);
}

// For what need not come: only where it fits.
StateId Emitter::Room(PartId part, StateId next) {
  const uint32_t depth = parts_.parts[part].depth;
  return depth == 0 ? next : builder_.Make(Op::kRoom, next, depth);
}

StateId Emitter::Array(const SchemaPart& part) {
  const StateId close = builder_.Make(Op::kEnough, builder_.Byte(']', builder_.Return()));
  const auto item = [&](PartId id, StateId next) { return builder_.Call(Later(id), Blank(next)); };
  // `at`: behind as many items; both are where another may come, the first without a comma.
  StateId first = 0, others = 0;
  const auto step = [&](PartId id, StateId behind) {
    if (!CanBe(id)) {
      first = others = close;
      return;
    }
    const StateId one = item(id, behind);
    const StateId comma = builder_.Byte(',', Blank(one));
    first = builder_.Split({Room(id, builder_.Make(Op::kMore, one)), close});
    others = builder_.Split({Room(id, builder_.Make(Op::kMore, comma)), close});
  };
  const StateId loop = builder_.Reserve();
  step(part.rest, loop);
  builder_.Lead(loop, others);
  for (size_t i = part.children.size(); i > 0; --i) step(part.children[i - 1], others);
  const StateId begin = builder_.Make(Op::kInit, Blank(first), part.most, part.least);
  return Open(part, '[', begin);
}

// From the key on.
StateId Emitter::Member(const SchemaPart::Property& property, StateId next) {
  const StateId value = Blank(builder_.Call(Later(property.part), Blank(next)));
  return Spell(LiteralKey(property.name, notation_), Blank(builder_.Byte(':', value)));
}

// Members that have no name in the schema.
Emitter::Others Emitter::OtherMembers(const SchemaPart& part, StateId end) {
  std::vector<uint64_t> names;
  names.reserve(part.properties.size());
  for (const SchemaPart::Property& property : part.properties)
    names.push_back(HashKey(property.name));
  const StateId more = builder_.Reserve();
  const StateId value = Blank(builder_.Call(Later(part.rest), Blank(more)));
  const StateId key = builder_.FreeKey(notation_ == Notation::kNative, std::move(names),
                                       Blank(builder_.Byte(':', value)));
  const StateId comma = builder_.Make(Op::kMore, builder_.Byte(',', Blank(key)));
  builder_.Lead(more, builder_.Split({Room(part.rest, comma), end}));
  return {.more = more, .key = Room(part.rest, builder_.Make(Op::kMore, key))};
}

// Each member is followed by a comma and one of those that may come next, or by the end.
StateId Emitter::ObjectInOrder(const SchemaPart& part) {
  const StateId end = builder_.Make(Op::kEnough, builder_.Byte('}', builder_.Return()));
  std::vector<StateId> keys;        // that may come next
  uint32_t least_depth = kNoLimit;  // of their values
  bool may_end = true;
  StateId behind = end;
  if (CanBe(part.rest) && part.most > 0) {
    const Others others = OtherMembers(part, end);
    behind = others.more;
    keys.push_back(others.key);
    least_depth = parts_.parts[part.rest].depth;
  }
  for (size_t i = part.properties.size(); i > 0; --i) {
    const SchemaPart::Property& property = part.properties[i - 1];
    if (!CanBe(property.part)) continue;
    const uint32_t depth = parts_.parts[property.part].depth;
    const StateId key = Member(property, behind);
    if (property.required) {
      keys = {key};
      may_end = false;
      least_depth = 0;  // the object itself comes only where its required members fit
    } else {
      keys.insert(keys.begin(), Room(property.part, key));
      least_depth = std::min(least_depth, depth);
    }
    const StateId comma = builder_.Byte(',', Blank(builder_.Split(keys)));
    behind = least_depth == 0 ? comma : builder_.Make(Op::kRoom, comma, least_depth);
    if (may_end) behind = builder_.Split({behind, end});
  }
  if (may_end) keys.push_back(end);
  const uint32_t most = part.most == kNoLimit ? kMaxFreeMembers : part.most;
  return Open(part, '{', builder_.Make(Op::kInit, Blank(builder_.Split(keys)), most, part.least));
}

// Every member marks itself before its comma, so that a comma comes only where a member can.
StateId Emitter::ObjectAnyOrder(const SchemaPart& part) {
  const StateId loop = builder_.Reserve();
  uint64_t required = 0;
  std::vector<StateId> first, others;
  for (size_t i = 0; i < part.properties.size(); ++i) {
    const SchemaPart::Property& property = part.properties[i];
    if (!CanBe(property.part)) continue;
    if (property.required) required |= uint64_t{1} << i;
    const StateId key = Member(property, loop);
    const auto mark = [&](StateId next) {
      return Room(property.part, builder_.Make(Op::kMark, next, static_cast<uint32_t>(i)));
    };
    first.push_back(mark(key));
    others.push_back(mark(builder_.Byte(',', key)));
  }
  const StateId end = builder_.Marked(required, builder_.Byte('}', builder_.Return()));
  first.push_back(end);
  others.push_back(end);
  builder_.Lead(loop, builder_.Split(others));
  return Open(part, '{', builder_.Split(first));
}

}  // namespace carat
