#include "api/openai/chat_request.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "api/ask_fields.h"
#include "api/fields.h"
#include "api/openai/chat_messages.h"
#include "api/tool_fields.h"

namespace carat {
namespace {

Status TakeTools(Fields& fields, Ask& ask) {
  for (const char* const old : {"functions", "function_call"}) {
    if (fields.Take(old) == nullptr) continue;
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "carat takes no functions in the old form",
                 .where = old,
                 .wanted = "tools and tool_choice"});
  }
  if (const Json* const tools = fields.Take("tools"))
    CARAT_TRY(ReadChatTools(*tools, "tools", ask));
  if (const Json* const choice = fields.Take("tool_choice")) {
    CARAT_TRY(ReadChatToolChoice(*choice, "tool_choice", ask));
  }
  CARAT_ASSIGN(const std::optional<bool> parallel, fields.Bool("parallel_tool_calls"));
  ask.parallel_tools = parallel.value_or(true);
  return {};
}

Status ReadSchema(const Json& value, const std::string& where, ChatRequest& request) {
  CARAT_ASSIGN(Fields fields, Fields::Of(value, where));
  CARAT_TRY(fields.RequireString("name"));
  // Answers always fit the schema.
  CARAT_TRY(fields.Bool("strict"));
  CARAT_ASSIGN(const std::optional<std::string> description, fields.String("description"));
  if (description) {
    request.ask.warnings.push_back(fields.PathOf("description") +
                                   ": the model does not see it; say it in a message");
  }
  const Json* const schema = fields.Take("schema");
  CARAT_TRY(fields.Done());
  request.ask.format = schema == nullptr ? AnswerFormat::kJson : AnswerFormat::kJsonSchema;
  if (schema == nullptr) return {};
  request.ask.schema_where = fields.PathOf("schema");
  if (!schema->is_object()) {
    return WrongKind(request.ask.schema_where, "a JSON schema, an object", *schema);
  }
  request.ask.schema = *schema;
  return {};
}

Status TakeFormat(Fields& fields, ChatRequest& request) {
  const Json* const format = fields.Take("response_format");
  if (format == nullptr) return {};
  CARAT_ASSIGN(Fields inner, Fields::Of(*format, "response_format"));
  CARAT_ASSIGN(const std::string type, inner.RequireString("type"));
  CARAT_TRY(inner.OneOf("type", {"text", "json_object", "json_schema"}));
  if (type == "json_object") request.ask.format = AnswerFormat::kJson;
  if (type == "json_schema") {
    CARAT_ASSIGN(const Json* const schema, inner.Require("json_schema"));
    CARAT_TRY(ReadSchema(*schema, inner.PathOf("json_schema"), request));
  }
  return inner.Done();
}

Status TakeLength(Fields& fields, Ask& ask) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  CARAT_ASSIGN(const std::optional<int64_t> old, fields.Int("max_tokens", 1, kMost));
  CARAT_ASSIGN(const std::optional<int64_t> most, fields.Int("max_completion_tokens", 1, kMost));
  if (old && most && *old != *most) {
    return Fail({.what = "max_completion_tokens says otherwise", .where = "max_tokens"});
  }
  if (old || most) ask.max_tokens = static_cast<size_t>(most ? *most : *old);
  return {};
}

Status TakeChoices(Fields& fields, Ask& ask) {
  CARAT_ASSIGN(const std::optional<int64_t> choices, fields.Int("n", 1, Ask::kMaxChoices));
  ask.choices = static_cast<size_t>(choices.value_or(1));
  CARAT_ASSIGN(const std::optional<bool> logprobs, fields.Bool("logprobs"));
  CARAT_ASSIGN(const std::optional<int64_t> top, fields.Int("top_logprobs", 0, Ask::kMaxLogprobs));
  if (top && !logprobs.value_or(false)) {
    return Fail({.what = "logprobs are not asked for",
                 .where = "top_logprobs",
                 .wanted = "logprobs true beside it"});
  }
  if (logprobs.value_or(false)) ask.logprobs = static_cast<size_t>(top.value_or(0));
  return {};
}

Status TakeStream(Fields& fields, ChatRequest& request) {
  CARAT_ASSIGN(const std::optional<bool> stream, fields.Bool("stream"));
  request.stream = stream.value_or(false);
  const Json* const options = fields.Take("stream_options");
  if (options == nullptr) return {};
  if (!request.stream) {
    return Fail({.what = "options of a stream that is not asked for",
                 .where = "stream_options",
                 .wanted = "stream true beside it"});
  }
  CARAT_ASSIGN(Fields inner, Fields::Of(*options, "stream_options"));
  CARAT_ASSIGN(const std::optional<bool> usage, inner.Bool("include_usage"));
  request.include_usage = usage.value_or(false);
  CARAT_TRY(inner.Only("include_obfuscation", {false}));
  return inner.Done();
}

Status TakeThinking(Fields& fields, Ask& ask) {
  ThinkingWish wish;
  CARAT_TRY(wish.TakeEffort(fields, "reasoning_effort"));
  CARAT_TRY(wish.TakeThinking(fields));
  CARAT_TRY(wish.TakeTemplateOptions(fields, ask));
  wish.Apply(ask);
  return {};
}

// What carat has nothing for.
Status TakeRest(Fields& fields) {
  fields.Ignore({"user", "metadata", "prompt_cache_key", "prompt_cache_options",
                 "prompt_cache_retention", "safety_identifier"});
  CARAT_TRY(fields.Only("frequency_penalty", {0}));
  CARAT_TRY(fields.Only("presence_penalty", {0}));
  CARAT_TRY(fields.OneOf("service_tier", {"auto", "default", "flex", "scale", "priority", "fast"}));
  CARAT_TRY(fields.Only("store", {false}));
  CARAT_TRY(fields.Only("modalities", {Json(Json::Array{"text"})}));
  CARAT_TRY(fields.Only("verbosity", {"medium"}));
  for (const char* const key : {"prediction", "audio", "web_search_options"}) {
    CARAT_TRY(fields.Only(key, {}));
  }
  return {};
}

}  // namespace

Result<ChatRequest> ReadChatRequest(const Json& body) {
  CARAT_ASSIGN(Fields fields, Fields::Of(body, ""));
  ChatRequest request;
  Ask& ask = request.ask;
  CARAT_ASSIGN(request.model, fields.String("model"));
  CARAT_ASSIGN(const Json* const messages, fields.Require("messages"));
  CARAT_TRY(TakeTools(fields, ask));
  CARAT_TRY(TakeFormat(fields, request));
  CARAT_TRY(TakeLength(fields, ask));
  CARAT_TRY(TakeChoices(fields, ask));
  CARAT_TRY(TakeStream(fields, request));
  CARAT_TRY(TakeThinking(fields, ask));
  CARAT_TRY(TakeSampling(fields, ask));
  CARAT_TRY(TakeLogitBias(fields, ask));
  CARAT_TRY(TakeStop(fields, "stop", ask));
  CARAT_ASSIGN(request.detached, TakeCarat(fields, ask, request.stream));
  CARAT_TRY(TakeRest(fields));
  CARAT_TRY(fields.Done());
  CARAT_ASSIGN(ask.messages, ReadChatMessages(*messages, ask.warnings));
  return request;
}

}  // namespace carat
