#include "grammar/grammar.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/utf8.h"
#include "grammar/answer.h"
#include "grammar/budget.h"
#include "grammar/emitter.h"
#include "grammar/machine.h"
#include "grammar/schema.h"

namespace carat {
namespace {

constexpr size_t kOwnMasks = 64;  // of patterns; 2 MiB for 262,144 tokens

using Kind = GrammarBody::Kind;

std::shared_ptr<const Grammar> Make(const GrammarVocabulary& vocabulary, Kind kind, bool parallel,
                                    Machine machine, StateId calls = 0) {
  return std::make_shared<const Grammar>(
      std::shared_ptr<const GrammarBody>(new GrammarBody{.vocabulary = vocabulary,
                                                         .kind = kind,
                                                         .parallel = parallel,
                                                         .machine = std::move(machine),
                                                         .calls = calls,
                                                         .masks = MaskCache(kOwnMasks)}));
}

Error NotHonoured(const std::vector<Unsupported>& unsupported, const std::string& where) {
  constexpr size_t kMost = 8;
  std::string names;
  for (size_t i = 0; i < std::min(kMost, unsupported.size()); ++i)
    names +=
        fmt::format("{}{}: {}", i > 0 ? "; " : "", unsupported[i].where, unsupported[i].keyword);
  if (unsupported.size() > kMost) names += fmt::format("; and {} more", unsupported.size() - kMost);
  return {.code = ErrorCode::kUnsupported,
          .what = "schema keywords that are not supported: " + names,
          .where = where};
}

// Whether all that fits the part is objects.
bool IsObject(const SchemaParts& parts, PartId root) {
  std::set<PartId> seen;
  std::vector<PartId> todo = {root};
  while (!todo.empty()) {
    const PartId id = todo.back();
    todo.pop_back();
    if (!seen.insert(id).second) continue;
    const SchemaPart& part = parts.parts[id];
    if (part.kind == SchemaPart::Kind::kAnyOf) {
      todo.insert(todo.end(), part.children.begin(), part.children.end());
    } else if (part.kind != SchemaPart::Kind::kObject) {
      return false;
    }
  }
  return true;
}

struct Tool {
  std::string name;
  PartId parameters;
};

// "call:" and these names end at these bytes (chat/tool_call_syntax.h).
bool CanBeCalled(std::string_view name) {
  return !name.empty() && name.find_first_of("{}[]\"") == std::string_view::npos &&
         name.front() != ' ' && name.back() != ' ' &&
         std::ranges::none_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

Result<Tool> ReadTool(const Json& tool, const std::string& where, SchemaReader& reader) {
  const Json* function = tool.Find("function");
  if (function == nullptr) function = &tool;
  const Json* name = function->Find("name");
  if (name == nullptr || !name->is_string() || !CanBeCalled(name->string())) {
    return Fail({.what = "a tool without a name that can be called",
                 .where = where + ".function.name",
                 .wanted = "text without {}[]\", control characters, and blanks at its ends",
                 .found = name == nullptr ? "nothing" : Quoted(name->Dump())});
  }
  static const Json none(Json::Object{{"type", "object"}, {"additionalProperties", false}});
  const Json* parameters = function->Find("parameters");
  const bool empty = parameters == nullptr || parameters->is_null() ||
                     (parameters->is_object() && parameters->object().empty());
  CARAT_ASSIGN(const PartId part,
               reader.Read(empty ? none : *parameters, where + ".function.parameters"));
  return Tool{name->string(), part};
}

Result<std::vector<Tool>> ReadTools(const ToolGrammar& grammar, SchemaReader& reader) {
  std::vector<Tool> tools;
  if (grammar.tools == nullptr || !grammar.tools->is_array() || grammar.tools->array().empty())
    return Fail({.what = "no tools", .where = "tools", .wanted = "an array that is not empty"});
  const Json::Array& all = grammar.tools->array();
  for (size_t i = 0; i < all.size(); ++i) {
    CARAT_ASSIGN(Tool tool, ReadTool(all[i], fmt::format("tools[{}]", i), reader));
    if (!grammar.only || tool.name == *grammar.only) tools.push_back(std::move(tool));
  }
  if (tools.empty()) {
    return Fail({.what = "a tool that is not declared",
                 .where = "tool_choice",
                 .found = Quoted(*grammar.only)});
  }
  return tools;
}

// Between <|tool_call> and <tool_call|>: where a call starts.
Result<StateId> CallStart(const std::vector<Tool>& tools, SchemaReader& reader,
                          const GrammarBudget& budget, MachineBuilder& builder) {
  // For schemas that are no objects, or that nothing fits.
  CARAT_ASSIGN(const PartId any, reader.Read(Json(Json::Object{{"type", "object"}}), "tools"));
  const SchemaParts parts = reader.Finish();
  Emitter emitter(builder, parts, Notation::kNative, true, budget);
  const StateId end = builder.Make(Op::kAccept, 0);
  std::vector<std::pair<Symbols, StateId>> names;
  for (const Tool& tool : tools) {
    const bool usable =
        parts.parts[tool.parameters].depth != kNoLimit && IsObject(parts, tool.parameters);
    CARAT_ASSIGN(const StateId rule, emitter.Rule(usable ? tool.parameters : any));
    const std::string begin = "call:" + tool.name;
    names.emplace_back(Symbols(begin.begin(), begin.end()), builder.Call(rule, end));
    for (uint16_t& symbol : names.back().first) symbol &= 0xFF;
  }
  return emitter.Words(names);
}

// Where a JSON text starts that fits the schema.
Result<StateId> JsonStart(const Json& schema, const std::string& where, GrammarBudget& budget,
                          MachineBuilder& builder) {
  const auto within = [&](Error error) {
    return Fail(error.where.starts_with(where) ? std::move(error)
                                               : Within(where, std::move(error)));
  };
  SchemaReader reader(budget, false);
  const Result<PartId> root = reader.Read(schema, where);
  if (!root.has_value()) return within(root.error());
  if (!reader.unsupported().empty()) return Fail(NotHonoured(reader.unsupported(), where));
  const SchemaParts parts = reader.Finish();
  Emitter emitter(builder, parts, Notation::kJson, false, budget);
  const Result<StateId> rule = emitter.Rule(*root);
  if (!rule.has_value()) return within(rule.error());
  return builder.Call(*rule, builder.Make(Op::kAccept, 0));
}

Status CheckCallTokens(const GrammarVocabulary& vocabulary) {
  const SpecialIds& special = vocabulary.tokenizer().special();
  if (special.tool_call >= 0 && special.tool_call_end >= 0 && special.quote >= 0) return {};
  return Fail({.code = ErrorCode::kUnsupported,
               .what = "a vocabulary without the tokens of tool calls",
               .wanted = "<|tool_call>, <tool_call|> and <|\"|>"});
}

}  // namespace

Result<std::shared_ptr<const Grammar>> Grammar::FromJsonSchema(const GrammarVocabulary& vocabulary,
                                                               const Json& schema,
                                                               const std::string& where,
                                                               const GrammarLimits& limits) {
  GrammarBudget budget(limits);
  MachineBuilder builder;
  CARAT_ASSIGN(const StateId start, JsonStart(schema, where, budget, builder));
  return Make(vocabulary, Kind::kJson, false, builder.Finish(start));
}

Result<std::shared_ptr<const Grammar>> Grammar::FromTools(const GrammarVocabulary& vocabulary,
                                                          const ToolGrammar& tools,
                                                          const GrammarLimits& limits) {
  MachineBuilder builder;
  if (tools.choice == ToolChoice::kNone)
    return Make(vocabulary, Kind::kText, false, builder.Finish(builder.Make(Op::kAccept, 0)));
  CARAT_TRY(CheckCallTokens(vocabulary));
  GrammarBudget budget(limits);
  SchemaReader reader(budget, true);
  CARAT_ASSIGN(const std::vector<Tool> called, ReadTools(tools, reader));
  CARAT_ASSIGN(const StateId start, CallStart(called, reader, budget, builder));
  const Kind kind = tools.choice == ToolChoice::kAuto ? Kind::kTextAndCalls : Kind::kCalls;
  return Make(vocabulary, kind, tools.parallel, builder.Finish(start));
}

Result<std::shared_ptr<const Grammar>> Grammar::JsonOrCalls(const GrammarVocabulary& vocabulary,
                                                            const Json& schema,
                                                            const std::string& where,
                                                            const ToolGrammar& tools,
                                                            const GrammarLimits& limits) {
  if (tools.choice == ToolChoice::kNone) return FromJsonSchema(vocabulary, schema, where, limits);
  if (tools.choice == ToolChoice::kRequired) return FromTools(vocabulary, tools, limits);
  CARAT_TRY(CheckCallTokens(vocabulary));
  GrammarBudget budget(limits);
  MachineBuilder builder;
  CARAT_ASSIGN(const StateId json, JsonStart(schema, where, budget, builder));
  SchemaReader reader(budget, true);
  CARAT_ASSIGN(const std::vector<Tool> called, ReadTools(tools, reader));
  CARAT_ASSIGN(const StateId calls, CallStart(called, reader, budget, builder));
  return Make(vocabulary, Kind::kJsonOrCalls, tools.parallel, builder.Finish(json), calls);
}

std::unique_ptr<Constraint> Grammar::Start(bool in_thought, std::vector<TokenId> stop) const {
  return std::make_unique<AnswerConstraint>(body_, in_thought, std::move(stop));
}

size_t Grammar::MemoryBytes() const {
  return sizeof(GrammarBody) + body_->machine.MemoryBytes() + body_->masks.MemoryBytes();
}

}  // namespace carat
