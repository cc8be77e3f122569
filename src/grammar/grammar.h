// Grammar: what an answer may look like, compiled from a JSON schema or from tools.
//
// An answer of Gemma 4 (gemma4-12b specification, 8.3):
//   answer  = { thought } body end
//   thought = <|channel> any text <channel|>
//   end     = one of the stop tokens
// and, by what is asked for, its body:
//   JSON    = one JSON text that fits the schema; white space bounded
//   both    = the JSON text, or calls
//   tools   = text, or calls, or text and then calls; each call
//             <|tool_call>call:NAME{key:value,…}<tool_call|>, arguments typed by the tool's schema
// Thoughts stay free: a grammar begins where the thought has ended, by construction.
//
// What is written fits the schema, but not all that fits can be written:
//   objects   properties in the schema's order (in calls any order, up to 48 of them); others only
//             where "additionalProperties" says so or there are no "properties"; no key twice; at
//             most 1000 others
//   numbers   up to 18 digits, 17 of fraction, two of exponent
//   blanks    between JSON's parts nothing, one blank, or a new line and up to 64 blanks
//   depth     64 arrays and objects, as what reads it back allows
// Honoured: type, enum, const, anyOf, oneOf whose alternatives exclude each other, allOf that can
// be joined, $ref within the schema; properties, required, additionalProperties, minProperties and
// maxProperties (without properties); items, prefixItems, minItems, maxItems; minLength, maxLength,
// pattern (regex.h), format date, time, date-time, uuid, ipv4; minimum, maximum, exclusiveMinimum,
// exclusiveMaximum (of numbers only integral ones); nullable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "grammar/vocabulary.h"
#include "io/json.h"
#include "sampling/constraint.h"

namespace carat {

// What compiling and running a grammar may cost.
struct GrammarLimits {
  size_t max_schema_nodes = 20'000;  // JSON values of all schemas together
  size_t max_states = 200'000;       // of the compiled form, 16 bytes each and as much for edges
  double max_seconds = 2;            // of processor time
  size_t max_enum_bytes = 1 << 20;   // names of properties included
};

enum class ToolChoice : uint8_t {
  kAuto,      // text, calls, or both
  kRequired,  // at least one call, and no text
  kNone,      // no call: <|tool_call> is never allowed
};

struct ToolGrammar {
  const Json* tools = nullptr;  // the array in OpenAI's form (template.h); borrowed for the call
  ToolChoice choice = ToolChoice::kAuto;
  std::optional<std::string> only = {};  // with kRequired: this tool alone
  bool parallel = true;                  // false: at most one call
};

struct GrammarBody;

// Immutable, shareable between threads; borrows the vocabulary.
class Grammar {
 public:
  // Precondition for all: `vocabulary` outlives what comes of it.
  // `where` names the schema in errors ("response_format.json_schema.schema"). kUnsupported names
  // every keyword that is not honoured, with its path; kInvalid: no schema, or over the limits.
  static Result<std::shared_ptr<const Grammar>> FromJsonSchema(const GrammarVocabulary& vocabulary,
                                                               const Json& schema,
                                                               const std::string& where,
                                                               const GrammarLimits& limits);
  // Keywords that are not honoured loosen what is allowed, down to any value. kInvalid: no tools,
  // no schema, over the limits, or `only` is none of the tools.
  static Result<std::shared_ptr<const Grammar>> FromTools(const GrammarVocabulary& vocabulary,
                                                          const ToolGrammar& tools,
                                                          const GrammarLimits& limits);

  // One or the other, at the model's own choice where `tools` leaves it: a JSON text that fits the
  // schema, or calls. Errors as of both.
  static Result<std::shared_ptr<const Grammar>> JsonOrCalls(const GrammarVocabulary& vocabulary,
                                                            const Json& schema,
                                                            const std::string& where,
                                                            const ToolGrammar& tools,
                                                            const GrammarLimits& limits);

  explicit Grammar(std::shared_ptr<const GrammarBody> body) : body_(std::move(body)) {}

  // At the beginning of an answer; `in_thought`: the prompt has opened a thought already
  // (RenderedPrompt::opens_thought). `stop`: the tokens that end an answer, at least one. What
  // comes of it may outlive the grammar.
  std::unique_ptr<Constraint> Start(bool in_thought, std::vector<TokenId> stop) const;

  // Shared with every constraint, the masks that are kept included.
  size_t MemoryBytes() const;

 private:
  std::shared_ptr<const GrammarBody> body_;
};

}  // namespace carat
