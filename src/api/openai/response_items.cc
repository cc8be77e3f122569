#include "api/openai/response_items.h"

#include <fmt/format.h>

#include <optional>
#include <set>
#include <utility>

#include "api/fields.h"
#include "api/media_parts.h"
#include "base/base64.h"
#include "base/utf8.h"
#include "chat/media_request.h"

namespace carat {
namespace {

constexpr std::string_view kSeal = "carat-thought:";

std::unexpected<Error> NotTaken(std::string what, std::string where, std::string_view found) {
  return Fail({.code = ErrorCode::kUnsupported,
               .what = std::move(what),
               .where = std::move(where),
               .found = Quoted(found, 40)});
}

Result<Json> TextOf(Fields& fields, std::string_view key) {
  CARAT_ASSIGN(std::string text, fields.RequireString(key));
  // What comes back from an answer, and hints for a cache that works without.
  fields.Ignore({"annotations", "logprobs", "prompt_cache_breakpoint"});
  CARAT_TRY(fields.Done());
  return TextPart(std::move(text));
}

Result<Json> ImageOf(Fields& fields) {
  MediaRequest medium{.kind = PartKind::kImage};
  if (fields.Take("file_id") != nullptr) {
    return NotTaken("carat keeps no files: send image_url with a data: URL",
                    fields.PathOf("file_id"), "file_id");
  }
  CARAT_ASSIGN(medium.path, fields.RequireString("image_url"));
  CARAT_ASSIGN(medium.budget, TakeDetail(fields));
  CARAT_ASSIGN(const std::optional<size_t> budget, TakeBudget(fields));
  if (budget) medium.budget = budget;
  fields.Ignore({"prompt_cache_breakpoint"});
  CARAT_TRY(fields.Done());
  return MediaPartOf(medium, fields.PathOf("image_url"));
}

Result<Json> VideoOf(Fields& fields) {
  MediaRequest medium{.kind = PartKind::kVideo};
  CARAT_ASSIGN(medium.path, fields.RequireString("video_url"));
  CARAT_TRY(TakeFilm(fields, medium));
  CARAT_TRY(fields.Done());
  return MediaPartOf(medium, fields.PathOf("video_url"));
}

// A part of what somebody other than the model says.
Result<Json> InputPart(const Json& part, const std::string& path, bool media) {
  CARAT_ASSIGN(Fields fields, Fields::Of(part, path));
  CARAT_ASSIGN(const std::string type, fields.RequireString("type"));
  if (type == "input_text") return TextOf(fields, "text");
  if (media && type == "input_image") return ImageOf(fields);
  if (media && type == "input_video") return VideoOf(fields);
  if (media && type == "input_audio") return ChatPart(part, path);
  if (type == "input_file") {
    return NotTaken("carat reads no documents: send text or pictures", fields.PathOf("type"), type);
  }
  return NotTaken(media ? "carat takes no such part" : "only text can stand here",
                  fields.PathOf("type"), type);
}

// A string, or the list of parts in `key`.
Result<Json> InputContent(Fields& fields, std::string_view key, bool media) {
  CARAT_ASSIGN(const Json* const content, fields.Require(key));
  if (content->is_string()) return *content;
  const std::string path = fields.PathOf(key);
  if (!content->is_array()) {
    return WrongKind(path, "a string or an array of parts", *content);
  }
  Json::Array parts;
  for (size_t i = 0; i < content->array().size(); ++i) {
    CARAT_ASSIGN(Json part, InputPart(content->array()[i], fmt::format("{}[{}]", path, i), media));
    parts.push_back(std::move(part));
  }
  return Json(std::move(parts));
}

// The text of one part of the given type, or of any of the other; "" where it is another's.
Result<std::string> OutputPart(const Json& part, const std::string& path) {
  CARAT_ASSIGN(Fields fields, Fields::Of(part, path));
  CARAT_ASSIGN(const std::string type, fields.RequireString("type"));
  if (type != "output_text" && type != "input_text" && type != "refusal") {
    return NotTaken("only text can stand here", fields.PathOf("type"), type);
  }
  CARAT_ASSIGN(const Json text, TextOf(fields, type == "refusal" ? "refusal" : "text"));
  return text.Find("text")->string();
}

// What the model said: all parts joined.
Result<std::string> OutputContent(Fields& fields) {
  CARAT_ASSIGN(const Json* const content, fields.Require("content"));
  if (content->is_string()) return content->string();
  const std::string path = fields.PathOf("content");
  if (!content->is_array()) {
    return Fail({.what = "wrong value", .where = path, .wanted = "a string or an array of parts"});
  }
  std::string text;
  for (size_t i = 0; i < content->array().size(); ++i) {
    CARAT_ASSIGN(const std::string piece,
                 OutputPart(content->array()[i], fmt::format("{}[{}]", path, i)));
    text += piece;
  }
  return text;
}

// A list of {"type", "text"}, joined.
Result<std::string> JoinedTexts(Fields& fields, std::string_view key) {
  const Json* const list = fields.Take(key);
  if (list == nullptr) return "";
  if (!list->is_array()) {
    return Fail({.what = "wrong value", .where = fields.PathOf(key), .wanted = "an array"});
  }
  std::string text;
  for (size_t i = 0; i < list->array().size(); ++i) {
    CARAT_ASSIGN(Fields part,
                 Fields::Of(list->array()[i], fmt::format("{}[{}]", fields.PathOf(key), i)));
    CARAT_TRY(part.OneOf("type", {"summary_text", "reasoning_text"}));
    CARAT_ASSIGN(const std::string piece, part.RequireString("text"));
    CARAT_TRY(part.Done());
    if (!text.empty() && !piece.empty()) text += "\n";
    text += piece;
  }
  return text;
}

// Empty where it is another server's.
std::string Unsealed(std::string_view sealed) {
  if (!sealed.starts_with(kSeal)) return "";
  const auto bytes = DecodeBase64(sealed.substr(kSeal.size()));
  if (!bytes) return "";
  return SanitizeUtf8({reinterpret_cast<const char*>(bytes->data()), bytes->size()});
}

class Converter {
 public:
  explicit Converter(std::string instructions) : system_(std::move(instructions)) {}

  Status Add(const PlacedItem& placed) {
    CARAT_ASSIGN(Fields fields, Fields::Of(*placed.item, placed.path));
    CARAT_ASSIGN(const std::optional<std::string> named, fields.String("type"));
    const std::string type = named.value_or("message");
    CARAT_TRY(fields.String("id"));
    fields.Ignore({"status"});
    if (type == "function_call") return Call(fields);
    if (type == "function_call_output") return Output(fields);
    if (type == "reasoning") return Reasoning(fields);
    if (type != "message") return NotTaken("carat takes no such item", fields.PathOf("type"), type);
    CARAT_TRY(NoneIsOpen(placed.path));
    return Message(fields);
  }

  Result<Json> Finish() {
    CARAT_TRY(NoneIsOpen("input"));
    FlushSystem();
    if (messages_.empty()) return Fail({.what = "missing", .where = "input"});
    return Json(std::move(messages_));
  }

 private:
  Status Message(Fields& fields) {
    CARAT_ASSIGN(const std::string role, fields.RequireString("role"));
    fields.Ignore({"phase"});
    if (role == "assistant") {
      CARAT_ASSIGN(std::string text, OutputContent(fields));
      CARAT_TRY(fields.Done());
      Json message = Assistant();
      message.Set("content", std::move(text));
      messages_.push_back(std::move(message));
      return {};
    }
    const bool system = role == "system" || role == "developer";
    if (!system && role != "user") {
      return Fail({.what = "no such role",
                   .where = fields.PathOf("role"),
                   .wanted = "user, assistant, system or developer",
                   .found = Quoted(role, 40)});
    }
    CARAT_ASSIGN(Json content, InputContent(fields, "content", !system));
    CARAT_TRY(fields.Done());
    thought_.clear();  // nothing of the model's came of it
    if (system && messages_.empty()) {
      AddSystem(content);
      return {};
    }
    FlushSystem();
    Json message;
    message.Set("role", system ? "system" : "user");
    message.Set("content", std::move(content));
    messages_.push_back(std::move(message));
    return {};
  }

  Status Reasoning(Fields& fields) {
    CARAT_TRY(JoinedTexts(fields, "summary"));
    CARAT_ASSIGN(std::string text, JoinedTexts(fields, "content"));
    CARAT_ASSIGN(const std::optional<std::string> sealed, fields.String("encrypted_content"));
    CARAT_TRY(fields.Done());
    if (text.empty() && sealed) text = Unsealed(*sealed);
    if (!thought_.empty() && !text.empty()) thought_ += "\n";
    thought_ += text;
    return {};
  }

  Status Call(Fields& fields) {
    CARAT_ASSIGN(std::string id, fields.RequireString("call_id"));
    CARAT_ASSIGN(std::string name, fields.RequireString("name"));
    CARAT_ASSIGN(const auto space, fields.String("namespace"));
    if (space) name = *space + "." + name;
    CARAT_ASSIGN(const std::string text, fields.RequireString("arguments"));
    fields.Ignore({"caller"});
    CARAT_TRY(fields.Only("async", {false}));
    CARAT_TRY(fields.Done());
    Json arguments{Json::Object()};
    if (!text.empty()) {
      auto parsed = ParseJson(text);
      if (!parsed || !parsed->is_object()) {
        return Fail({.what = "no JSON text of an object",
                     .where = fields.PathOf("arguments"),
                     .found = Quoted(text, 40)});
      }
      arguments = *std::move(parsed);
    }
    if (!open_.insert(id).second) {
      return Fail({.what = "two calls have this id", .where = fields.PathOf("call_id")});
    }
    Json function, call;
    function.Set("name", std::move(name));
    function.Set("arguments", std::move(arguments));
    call.Set("id", id);
    call.Set("type", "function");
    call.Set("function", std::move(function));
    CallsOfLast().push_back(std::move(call));
    return {};
  }

  // Those of the assistant's message that the call belongs to: the last one, if it has calls and no
  // output came yet, else a new one.
  Json::Array& CallsOfLast() {
    if (messages_.empty() || messages_.back().Find("tool_calls") == nullptr) {
      Json message = Assistant();
      message.Set("content", "");
      message.Set("tool_calls", Json(Json::Array()));
      messages_.push_back(std::move(message));
    }
    return messages_.back().object().back().second.array();
  }

  Status Output(Fields& fields) {
    CARAT_ASSIGN(const std::string id, fields.RequireString("call_id"));
    CARAT_ASSIGN(Json output, InputContent(fields, "output", true));
    fields.Ignore({"caller", "name", "namespace"});
    CARAT_TRY(fields.Done());
    if (open_.erase(id) == 0) {
      return Fail({.what = "no function call before it that waits for it",
                   .where = fields.PathOf("call_id"),
                   .found = Quoted(id)});
    }
    Json message;
    message.Set("role", "tool");
    message.Set("tool_call_id", id);
    message.Set("content", std::move(output));
    messages_.push_back(std::move(message));
    return {};
  }

  Status NoneIsOpen(const std::string& path) const {
    if (open_.empty()) return {};
    return Fail({.what = "a function call has no output before this",
                 .where = path,
                 .wanted = fmt::format("function_call_output of {}", Quoted(*open_.begin()))});
  }

  // An assistant's message with the thought that led to it.
  Json Assistant() {
    FlushSystem();
    Json message;
    message.Set("role", "assistant");
    if (!thought_.empty()) message.Set("reasoning", std::exchange(thought_, {}));
    return message;
  }

  void AddSystem(const Json& content) {
    const auto append = [&](const std::string& text) {
      if (!system_.empty() && !text.empty()) system_ += "\n\n";
      system_ += text;
    };
    if (content.is_string()) return append(content.string());
    for (const Json& part : content.array()) append(part.Find("text")->string());
  }

  void FlushSystem() {
    if (system_.empty()) return;
    Json message;
    message.Set("role", "system");
    message.Set("content", std::exchange(system_, {}));
    messages_.insert(messages_.begin(), std::move(message));
  }

  std::string system_;   // what is to become the first message
  std::string thought_;  // that the assistant's next message gets
  Json::Array messages_;
  std::set<std::string> open_;  // ids of calls without an output
};

}  // namespace

Result<Json> MessagesOf(const std::string& instructions, const std::vector<PlacedItem>& items) {
  Converter converter(instructions);
  for (const PlacedItem& placed : items) CARAT_TRY(converter.Add(placed));
  return converter.Finish();
}

Json KeptItem(Json item, const std::string& id) {
  const Json* const given = item.Find("type");
  if (given == nullptr || given->is_null()) item.Set("type", "message");
  const std::string type = item.Find("type")->string();
  const Json* const own = item.Find("id");
  if (own == nullptr || own->is_null() || own->string().empty()) {
    const std::string_view prefix = type == "message"         ? "msg_"
                                    : type == "function_call" ? "fc_"
                                    : type == "reasoning"     ? "rs_"
                                                              : "fco_";
    item.Set("id", std::string(prefix) + id);
  }
  if (type != "reasoning" && item.Find("status") == nullptr) item.Set("status", "completed");
  const Json* const content = item.Find("content");
  if (type != "message" || content == nullptr || !content->is_string()) return item;
  const bool output = item.Find("role")->string() == "assistant";
  Json part;
  part.Set("type", output ? "output_text" : "input_text");
  part.Set("text", *content);
  if (output) part.Set("annotations", Json(Json::Array()));
  item.Set("content", Json(Json::Array{std::move(part)}));
  return item;
}

std::string SealedThought(std::string_view text) { return std::string(kSeal) + EncodeBase64(text); }

}  // namespace carat
