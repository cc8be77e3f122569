#include "api/openai/responses_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "api/ask_fields.h"
#include "api/fields.h"
#include "api/openai/response_items.h"
#include "api/openai/response_tools.h"
#include "base/utf8.h"

namespace carat {
namespace {

// Each is looked for among all items that are kept.
constexpr size_t kMaxReferences = 256;
constexpr size_t kMaxMetadata = 16;
constexpr int64_t kMaxTokens = int64_t{1} << 31;

// --- input ---------------------------------------------------------------------------------------

bool IsReference(const Json& item) {
  const Json* const type = item.Find("type");
  if (type == nullptr || type->is_null()) {
    return item.Find("id") != nullptr && item.Find("role") == nullptr;
  }
  return type->is_string() && type->string() == "item_reference";
}

Result<Json> Referred(const Json& item, const std::string& path, const std::string& owner,
                      ResponseStore& store) {
  CARAT_ASSIGN(Fields fields, Fields::Of(item, path));
  fields.Ignore({"type"});
  CARAT_ASSIGN(const std::string id, fields.RequireString("id"));
  CARAT_TRY(fields.Done());
  std::optional<Json> found = store.Item(owner, id);
  if (found) return *std::move(found);
  return Fail(
      {.what = "no such item is stored", .where = fields.PathOf("id"), .found = Quoted(id)});
}

// The new items, references resolved.
Result<Json::Array> NewItems(const Json* input, const std::string& owner, ResponseStore& store) {
  Json::Array items;
  if (input == nullptr) return items;
  if (input->is_string()) {
    Json message;
    message.Set("role", "user");
    message.Set("content", *input);
    items.push_back(std::move(message));
    return items;
  }
  if (!input->is_array()) return WrongKind("input", "a string or an array of items", *input);
  size_t references = 0;
  for (size_t i = 0; i < input->array().size(); ++i) {
    const Json& item = input->array()[i];
    const std::string path = fmt::format("input[{}]", i);
    if (!IsReference(item)) {
      items.push_back(item);
      continue;
    }
    if (++references > kMaxReferences) {
      return Fail({.what = "too many item references",
                   .where = path,
                   .wanted = fmt::format("at most {}", kMaxReferences)});
    }
    CARAT_ASSIGN(Json found, Referred(item, path, owner, store));
    items.push_back(std::move(found));
  }
  return items;
}

Status ReadInput(Fields& fields, const std::string& instructions, const std::string& owner,
                 ResponseStore& store, ResponsesRequest& out) {
  const Json* const given = fields.Take("input");
  CARAT_ASSIGN(const std::optional<std::string> previous, fields.String("previous_response_id"));
  if (given == nullptr && !previous) return Fail({.what = "missing", .where = "input"});
  Json::Array before;
  if (previous) {
    auto kept = store.Conversation(owner, *previous);
    if (!kept) {
      Error error = std::move(kept).error();
      error.code = ErrorCode::kInvalid;  // the request is wrong, not its address
      error.where = "previous_response_id";
      return Fail(std::move(error));
    }
    before = *std::move(kept);
  }
  CARAT_ASSIGN(Json::Array items, NewItems(given, owner, store));
  std::vector<PlacedItem> placed;
  for (const Json& item : before) placed.push_back({&item, "previous_response_id"});
  for (size_t i = 0; i < items.size(); ++i) {
    placed.push_back({&items[i], given->is_string() ? "input" : fmt::format("input[{}]", i)});
  }
  CARAT_ASSIGN(out.ask.messages, MessagesOf(instructions, placed));
  out.input = std::move(items);
  out.echo.Set("previous_response_id", previous ? Json(*previous) : Json());
  return {};
}

// --- how it is to be answered --------------------------------------------------------------------

Status ReadFormat(const Json& format, Ask& ask) {
  CARAT_ASSIGN(Fields fields, Fields::Of(format, "text.format"));
  CARAT_ASSIGN(const std::string type, fields.RequireString("type"));
  if (type == "json_object") ask.format = AnswerFormat::kJson;
  if (type == "text" || type == "json_object") return fields.Done();
  if (type != "json_schema") {
    return Fail({.what = "no such format",
                 .where = fields.PathOf("type"),
                 .wanted = "text, json_object or json_schema",
                 .found = Quoted(type, 40)});
  }
  CARAT_TRY(fields.RequireString("name"));
  CARAT_ASSIGN(const Json* const schema, fields.Require("schema"));
  CARAT_TRY(fields.String("description"));
  CARAT_TRY(fields.Bool("strict"));  // the schema is followed either way
  CARAT_TRY(fields.Done());
  if (!schema->is_object()) return WrongKind(fields.PathOf("schema"), "an object", *schema);
  ask.format = AnswerFormat::kJsonSchema;
  ask.schema = *schema;
  ask.schema_where = fields.PathOf("schema");
  return {};
}

Status ReadText(Fields& fields, ResponsesRequest& out) {
  Json shown;
  Json plain;
  plain.Set("type", "text");
  shown.Set("format", std::move(plain));
  if (const Json* const text = fields.Take("text"); text != nullptr) {
    CARAT_ASSIGN(Fields inner, Fields::Of(*text, "text"));
    if (const Json* const format = inner.Take("format"); format != nullptr) {
      CARAT_TRY(ReadFormat(*format, out.ask));
      shown.Set("format", *format);
    }
    CARAT_TRY(inner.Only("verbosity", {"medium"}));
    CARAT_TRY(inner.Done());
  }
  shown.Set("verbosity", "medium");
  out.echo.Set("text", std::move(shown));
  return {};
}

Status ReadReasoning(Fields& fields, ResponsesRequest& out) {
  Json effort, summary;
  ThinkingWish wish;
  if (const Json* const reasoning = fields.Take("reasoning"); reasoning != nullptr) {
    CARAT_ASSIGN(Fields inner, Fields::Of(*reasoning, "reasoning"));
    const Json* const level = inner.Take("effort");
    CARAT_TRY(wish.TakeEffort(inner, "effort"));
    CARAT_ASSIGN(const auto wanted, inner.OneOf("summary", {"auto", "concise", "detailed"}));
    CARAT_ASSIGN(const auto old, inner.OneOf("generate_summary", {"auto", "concise", "detailed"}));
    CARAT_TRY(inner.Only("context", {"auto", "current_turn"}));
    CARAT_TRY(inner.Only("mode", {"standard"}));
    CARAT_TRY(inner.Done());
    if (level != nullptr) effort = *level;
    out.summary = wanted || old;
    if (out.summary) summary = wanted ? *wanted : *old;
  }
  CARAT_TRY(wish.TakeTemplateOptions(fields, out.ask));
  wish.Apply(out.ask);
  Json shown;
  shown.Set("effort", std::move(effort));
  shown.Set("summary", std::move(summary));
  out.echo.Set("reasoning", std::move(shown));
  return {};
}

Status ReadSampling(Fields& fields, ResponsesRequest& out) {
  CARAT_TRY(TakeSampling(fields, out.ask));
  const SamplingWishes& wishes = out.ask.sampling;
  CARAT_ASSIGN(const auto most, fields.Int("max_output_tokens", 1, kMaxTokens));
  if (most) out.ask.max_tokens = static_cast<size_t>(*most);
  out.echo.Set("max_output_tokens", most ? Json(*most) : Json());
  out.echo.Set("temperature", wishes.temperature ? Json(*wishes.temperature) : Json());
  out.echo.Set("top_p", wishes.top_p ? Json(*wishes.top_p) : Json());
  return {};
}

// --- the rest ------------------------------------------------------------------------------------

Status ReadInclude(Fields& fields, ResponsesRequest& out) {
  // What only servers with tools of their own could include is included where it is: nowhere.
  constexpr std::array<std::string_view, 8> kKnown = {"reasoning.encrypted_content",
                                                      "message.output_text.logprobs",
                                                      "message.input_image.image_url",
                                                      "file_search_call.results",
                                                      "web_search_call.results",
                                                      "web_search_call.action.sources",
                                                      "computer_call_output.output.image_url",
                                                      "code_interpreter_call.outputs"};
  if (const Json* const include = fields.Take("include"); include != nullptr) {
    if (!include->is_array()) return WrongKind("include", "an array", *include);
    for (size_t i = 0; i < include->array().size(); ++i) {
      const Json& name = include->array()[i];
      if (!name.is_string() || std::ranges::find(kKnown, name.string()) == kKnown.end()) {
        return NotSupported("carat can't include this", fmt::format("include[{}]", i), name.Dump());
      }
      if (name.string() == kKnown[0]) out.sealed = true;
      if (name.string() == kKnown[1]) out.logprobs = true;
    }
  }
  CARAT_ASSIGN(const auto top,
               fields.Int("top_logprobs", 0, static_cast<int64_t>(Ask::kMaxLogprobs)));
  out.logprobs = out.logprobs || top.value_or(0) > 0;
  if (out.logprobs) out.ask.logprobs = static_cast<size_t>(top.value_or(0));
  out.echo.Set("top_logprobs", top.value_or(0));
  return {};
}

Status ReadMetadata(Fields& fields, ResponsesRequest& out) {
  const Json* const metadata = fields.Take("metadata");
  out.echo.Set("metadata", metadata == nullptr ? Json(Json::Object()) : *metadata);
  if (metadata == nullptr) return {};
  const bool sound = metadata->is_object() && metadata->object().size() <= kMaxMetadata &&
                     std::ranges::all_of(metadata->object(), [](const Json::Member& member) {
                       return member.first.size() <= 64 && member.second.is_string() &&
                              member.second.string().size() <= 2048;
                     });
  if (sound) return {};
  return WrongKind("metadata", fmt::format("an object of at most {} short strings", kMaxMetadata),
                   *metadata);
}

Status ReadKeeping(Fields& fields, ResponsesRequest& out) {
  CARAT_ASSIGN(const auto stream, fields.Bool("stream"));
  CARAT_ASSIGN(const auto background, fields.Bool("background"));
  CARAT_ASSIGN(const auto store, fields.Bool("store"));
  out.stream = stream.value_or(false);
  out.background = background.value_or(false);
  out.store = store.value_or(true);
  if (out.background && !out.store) {
    return Fail({.what = "a response in the background has to be stored",
                 .where = "background",
                 .wanted = "store: true"});
  }
  CARAT_ASSIGN(out.detached, TakeCarat(fields, out.ask, out.stream));
  out.progress = out.ask.progress;
  out.ask.progress = out.stream;  // the first event tells a client its id
  out.echo.Set("background", out.background);
  out.echo.Set("store", out.store);
  return {};
}

// What names the client or asks for ways of billing, and what carat has no part of.
Status ReadOthers(Fields& fields, ResponsesRequest& out) {
  for (const std::string_view key : {"user", "safety_identifier", "prompt_cache_key"}) {
    CARAT_ASSIGN(const auto value, fields.String(key));
    out.echo.Set(key, value ? Json(*value) : Json());
  }
  fields.Ignore({"prompt_cache_retention", "prompt_cache_options", "client_metadata"});
  if (const Json* const options = fields.Take("stream_options"); options != nullptr) {
    CARAT_ASSIGN(Fields inner, Fields::Of(*options, "stream_options"));
    CARAT_TRY(inner.Only("include_obfuscation", {false}));
    CARAT_TRY(inner.Done());
  }
  CARAT_TRY(fields.OneOf("service_tier", {"auto", "default", "flex", "scale", "priority", "fast"}));
  out.echo.Set("service_tier", "default");
  // What does not fit is an error here, never left out in silence.
  CARAT_TRY(fields.Only("truncation", {"disabled"}));
  out.echo.Set("truncation", "disabled");
  for (const std::string_view key : {"prompt", "conversation", "context_management", "moderation",
                                     "access_programs", "background_options"}) {
    CARAT_TRY(fields.Only(key, {}));
  }
  if (const Json* const image = fields.Take("image"); image != nullptr) {
    CARAT_ASSIGN(Fields inner, Fields::Of(*image, "image"));
    CARAT_TRY(inner.Only("context_compression", {"auto", "disabled"}));
    CARAT_TRY(inner.Done());
  }
  return {};
}

}  // namespace

Result<ResponsesRequest> ReadResponsesRequest(const Json& body, const std::string& owner,
                                              ResponseStore& store, bool count) {
  CARAT_ASSIGN(Fields fields, Fields::Of(body, ""));
  ResponsesRequest out;
  out.ask.owner = owner;
  out.ask.messages_where = "input";
  CARAT_ASSIGN(out.model, fields.String("model"));
  CARAT_ASSIGN(const auto instructions, fields.String("instructions"));
  out.echo.Set("instructions", instructions ? Json(*instructions) : Json());
  CARAT_TRY(ReadKeeping(fields, out));
  CARAT_TRY(ReadResponseTools(fields, out));
  CARAT_TRY(ReadText(fields, out));
  CARAT_TRY(ReadReasoning(fields, out));
  CARAT_TRY(ReadSampling(fields, out));
  CARAT_TRY(ReadInclude(fields, out));
  CARAT_TRY(ReadMetadata(fields, out));
  CARAT_TRY(ReadOthers(fields, out));
  if (count) CARAT_TRY(fields.Only("personality", {}));
  CARAT_TRY(ReadInput(fields, instructions.value_or(""), owner, store, out));
  CARAT_TRY(fields.Done());
  return out;
}

}  // namespace carat
