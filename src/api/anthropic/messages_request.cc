#include "api/anthropic/messages_request.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "api/anthropic/blocks.h"
#include "api/ask_fields.h"
#include "api/fields.h"
#include "api/tool_fields.h"
#include "base/utf8.h"

namespace carat {
namespace {

constexpr size_t kMaxStopSequences = 64;
constexpr int64_t kMostTokens = std::numeric_limits<int32_t>::max();

Status ReadTool(const Json& tool, const std::string& where, Ask& ask) {
  CARAT_ASSIGN(Fields fields, Fields::Of(tool, where));
  CARAT_ASSIGN(const auto type, fields.String("type"));
  if (type && *type != "custom") {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "carat has no tools of its own",
                 .where = fields.PathOf("type"),
                 .wanted = "custom",
                 .found = Quoted(*type, 40)});
  }
  ToolDeclaration declared;
  CARAT_ASSIGN(declared.name, fields.RequireString("name"));
  declared.description = fields.Take("description");
  CARAT_ASSIGN(declared.parameters, fields.Require("input_schema"));
  // Calls follow the schema as far as the grammar knows its keywords, and come whole.
  CARAT_TRY(fields.Bool("strict"));
  fields.Ignore({"cache_control", "eager_input_streaming"});
  CARAT_TRY(fields.Only("defer_loading", {false}));
  CARAT_TRY(fields.Only("allowed_callers", {Json(Json::Array{"direct"})}));
  CARAT_TRY(fields.Only("input_examples", {Json(Json::Array())}));
  CARAT_TRY(fields.Done());
  return AddTool(declared, where, "input_schema", ask);
}

Status ReadToolChoice(const Json& choice, Ask& ask) {
  CARAT_ASSIGN(Fields fields, Fields::Of(choice, "tool_choice"));
  CARAT_ASSIGN(const std::string type, fields.RequireString("type"));
  CARAT_TRY(fields.OneOf("type", {"auto", "any", "tool", "none"}));
  CARAT_ASSIGN(const auto single, fields.Bool("disable_parallel_tool_use"));
  ask.parallel_tools = !single.value_or(false);
  if (type == "none") ask.tool_choice = ToolChoice::kNone;
  if (type == "any") CARAT_TRY(RequireAnyTool("tool_choice", ask));
  if (type == "tool") {
    CARAT_ASSIGN(const std::string name, fields.RequireString("name"));
    CARAT_TRY(RequireTool(name, fields.PathOf("name"), ask));
  }
  return fields.Done();
}

Status TakeTools(Fields& fields, Ask& ask) {
  if (const Json* const tools = fields.Take("tools"); tools != nullptr) {
    if (!tools->is_array()) {
      return Fail({.what = "wrong value", .where = "tools", .wanted = "an array"});
    }
    for (size_t i = 0; i < tools->array().size(); ++i) {
      CARAT_TRY(ReadTool(tools->array()[i], fmt::format("tools[{}]", i), ask));
    }
  }
  const Json* const choice = fields.Take("tool_choice");
  return choice == nullptr ? Status{} : ReadToolChoice(*choice, ask);
}

Status ReadThinking(const Json& thinking, ThinkingWish& wish, MessagesRequest& request) {
  CARAT_ASSIGN(Fields fields, Fields::Of(thinking, "thinking"));
  CARAT_ASSIGN(const std::string type, fields.RequireString("type"));
  CARAT_TRY(fields.OneOf("type", {"enabled", "adaptive", "disabled"}));
  std::optional<size_t> most;
  if (type == "enabled") {
    CARAT_ASSIGN(const auto budget, fields.Int("budget_tokens", 1, kMostTokens));
    if (!budget) return Fail({.what = "missing", .where = fields.PathOf("budget_tokens")});
    most = static_cast<size_t>(*budget);
  }
  if (type != "disabled") {
    CARAT_ASSIGN(const auto display, fields.OneOf("display", {"summarized", "omitted"}));
    request.omit_thinking = display == "omitted";
  }
  CARAT_TRY(fields.Done());
  return wish.Say(type != "disabled", most, "thinking");
}

Status ReadFormat(const Json& format, const std::string& where, Ask& ask) {
  CARAT_ASSIGN(Fields fields, Fields::Of(format, where));
  CARAT_TRY(fields.RequireString("type"));
  CARAT_TRY(fields.OneOf("type", {"json_schema"}));
  CARAT_ASSIGN(const Json* const schema, fields.Require("schema"));
  CARAT_TRY(fields.Done());
  if (!schema->is_object()) {
    return Fail({.what = "wrong value",
                 .where = fields.PathOf("schema"),
                 .wanted = "a JSON schema, an object"});
  }
  ask.format = AnswerFormat::kJsonSchema;
  ask.schema = *schema;
  ask.schema_where = fields.PathOf("schema");
  return {};
}

// Of both places where a client may ask for it.
Status TakeOutput(Fields& fields, MessagesRequest& request) {
  Ask& ask = request.ask;
  ThinkingWish wish, effort;
  if (const Json* const thinking = fields.Take("thinking"); thinking != nullptr) {
    CARAT_TRY(ReadThinking(*thinking, wish, request));
  }
  CARAT_TRY(wish.TakeTemplateOptions(fields, ask));
  wish.Apply(ask);
  if (const Json* const format = fields.Take("output_format"); format != nullptr) {
    CARAT_TRY(ReadFormat(*format, "output_format", ask));
  }
  const Json* const output = fields.Take("output_config");
  if (output == nullptr) return {};
  CARAT_ASSIGN(Fields inner, Fields::Of(*output, "output_config"));
  if (const Json* const format = inner.Take("format"); format != nullptr) {
    if (ask.format != AnswerFormat::kText) {
      return Fail({.what = "output_format says it already", .where = inner.PathOf("format")});
    }
    CARAT_TRY(ReadFormat(*format, inner.PathOf("format"), ask));
  }
  if (inner.Has("effort") && !ask.think)
    ask.warnings.emplace_back("output_config.effort: it changes nothing without thinking");
  CARAT_TRY(effort.TakeEffort(inner, "effort"));
  CARAT_TRY(inner.Done());
  Ask limits;
  effort.Apply(limits);
  if (ask.think && !ask.thinking_budget) ask.thinking_budget = limits.thinking_budget;
  return {};
}

// Thoughts of earlier turns are cleared by the template, whatever is asked for.
Status TakeContextManagement(Fields& fields, Ask& ask) {
  const Json* const management = fields.Take("context_management");
  if (management == nullptr) return {};
  CARAT_ASSIGN(Fields inner, Fields::Of(*management, "context_management"));
  const Json* const edits = inner.Take("edits");
  CARAT_TRY(inner.Done());
  if (edits == nullptr) return {};
  const std::string where = inner.PathOf("edits");
  if (!edits->is_array())
    return Fail({.what = "wrong value", .where = where, .wanted = "an array"});
  for (size_t i = 0; i < edits->array().size(); ++i) {
    CARAT_ASSIGN(Fields edit, Fields::Of(edits->array()[i], fmt::format("{}[{}]", where, i)));
    CARAT_ASSIGN(const std::string type, edit.RequireString("type"));
    if (!type.starts_with("clear_thinking")) {
      return Fail({.code = ErrorCode::kUnsupported,
                   .what = "carat clears nothing but thoughts",
                   .where = edit.path()});
    }
    const Json* const keep = edit.Take("keep");
    if (keep != nullptr && keep->is_string() && keep->string() == "all") {
      ask.preserve_thinking = true;
    } else if (keep != nullptr) {
      ask.warnings.push_back(edit.PathOf("keep") +
                             ": the template keeps the thoughts of the last turn");
    }
    CARAT_TRY(edit.Done());
  }
  return {};
}

Status TakeRest(Fields& fields, Ask& ask) {
  fields.Ignore({"metadata", "cache_control"});
  CARAT_TRY(fields.OneOf("service_tier", {"auto", "standard_only"}));
  CARAT_TRY(fields.Only("speed", {"standard"}));
  for (const char* const key : {"container", "mcp_servers", "diagnostics", "inference_geo",
                                "user_profile_id", "workspace_id"}) {
    CARAT_TRY(fields.Only(key, {}));
  }
  return TakeContextManagement(fields, ask);
}

}  // namespace

Result<MessagesRequest> ReadMessagesRequest(const Json& body, bool count) {
  CARAT_ASSIGN(Fields fields, Fields::Of(body, ""));
  MessagesRequest request;
  Ask& ask = request.ask;
  CARAT_ASSIGN(request.model, fields.String("model"));
  CARAT_ASSIGN(const Json* const messages, fields.Require("messages"));
  const Json* const system = fields.Take("system");
  CARAT_ASSIGN(const auto most, fields.Int("max_tokens", 1, kMostTokens));
  if (!most && !count) return Fail({.what = "missing", .where = "max_tokens"});
  if (most) ask.max_tokens = static_cast<size_t>(*most);
  CARAT_ASSIGN(const auto stream, fields.Bool("stream"));
  request.stream = stream.value_or(false);
  CARAT_TRY(TakeTools(fields, ask));
  CARAT_TRY(TakeOutput(fields, request));
  CARAT_TRY(fields.Number("temperature", 0, 1));  // less than other dialects
  CARAT_TRY(TakeSampling(fields, ask));
  CARAT_TRY(TakeStop(fields, "stop_sequences", ask, kMaxStopSequences));
  CARAT_ASSIGN(request.detached, TakeCarat(fields, ask, request.stream));
  CARAT_TRY(TakeRest(fields, ask));
  CARAT_TRY(fields.Done());
  CARAT_ASSIGN(ask.messages, ReadAnthropicMessages(system, *messages));
  return request;
}

}  // namespace carat
