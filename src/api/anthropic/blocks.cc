#include "api/anthropic/blocks.h"

#include <fmt/format.h>

#include <cstdint>
#include <set>
#include <utility>

#include "api/anthropic/parts.h"
#include "api/fields.h"
#include "base/base64.h"
#include "base/utf8.h"

namespace carat {
namespace {

constexpr std::string_view kWholeMark = "carat-thought:", kDigestMark = "carat-";

std::unexpected<Error> Wrong(std::string what, std::string where, std::string wanted = {}) {
  return Fail({.what = std::move(what), .where = std::move(where), .wanted = std::move(wanted)});
}

// Empty where the signature does not hold the text.
std::string ThoughtIn(std::string_view signature) {
  if (!signature.starts_with(kWholeMark)) return "";
  const auto bytes = DecodeBase64(signature.substr(kWholeMark.size()));
  if (!bytes) return "";
  return SanitizeUtf8({reinterpret_cast<const char*>(bytes->data()), bytes->size()});
}

class Converter {
 public:
  Status Add(const Json& message, const std::string& where) {
    CARAT_ASSIGN(Fields fields, Fields::Of(message, where));
    CARAT_ASSIGN(const std::string role, fields.RequireString("role"));
    CARAT_ASSIGN(const Json* const content, fields.Require("content"));
    CARAT_TRY(fields.Done());
    const std::string place = fields.PathOf("content");
    last_is_assistant_ = role == "assistant";
    if (role == "user") return User(*content, place);
    CARAT_TRY(AllAnswered(place));
    if (role == "assistant") return Assistant(*content, place);
    if (role == "system") return System(*content, place);
    return Fail({.what = "no such role",
                 .where = fields.PathOf("role"),
                 .wanted = "user, assistant or system",
                 .found = Quoted(role, 40)});
  }

  Status System(const Json& content, const std::string& place) {
    CARAT_ASSIGN(Json read, ContentOf(content, place, BlockMedia::kRefused));
    Push("system", std::move(read));
    return {};
  }

  Result<Json> Finish() {
    CARAT_TRY(AllAnswered("messages"));
    if (last_is_assistant_) {
      return Fail({.code = ErrorCode::kUnsupported,
                   .what = "carat does not go on with an assistant's message",
                   .where = "messages",
                   .wanted = "a message of the user at the end"});
    }
    return Json(std::move(messages_));
  }

 private:
  void Push(std::string_view role, Json content) {
    Json message;
    message.Set("role", role);
    message.Set("content", std::move(content));
    messages_.push_back(std::move(message));
  }

  Status AllAnswered(const std::string& place) const {
    if (open_.empty()) return {};
    return Wrong("a tool_use before this has no tool_result", place,
                 fmt::format("the result of {}", Quoted(*open_.begin(), 60)));
  }

  Status User(const Json& content, const std::string& place) {
    if (!content.is_array()) {
      CARAT_TRY(AllAnswered(place));
      CARAT_ASSIGN(Json read, ContentOf(content, place, BlockMedia::kAllowed));
      Push("user", std::move(read));
      return {};
    }
    Json::Array parts;
    for (size_t i = 0; i < content.array().size(); ++i) {
      const Json& block = content.array()[i];
      const std::string where = fmt::format("{}[{}]", place, i);
      const Json* const type = block.Find("type");
      if (type == nullptr || !type->is_string() || type->string() != "tool_result") {
        CARAT_TRY(AllAnswered(where));
        CARAT_TRY(AppendBlock(block, where, BlockMedia::kAllowed, parts));
        continue;
      }
      if (!parts.empty()) return Wrong("tool_result blocks come first", where);
      CARAT_TRY(ToolResult(block, where));
    }
    CARAT_TRY(AllAnswered(place));
    if (!parts.empty() || content.array().empty()) Push("user", Json(std::move(parts)));
    return {};
  }

  Status ToolResult(const Json& block, const std::string& where) {
    CARAT_ASSIGN(Fields fields, Fields::Of(block, where));
    CARAT_ASSIGN(const std::string id, fields.RequireString("tool_use_id"));
    CARAT_ASSIGN(const auto failed, fields.Bool("is_error"));
    const Json* const content = fields.Take("content");
    fields.Ignore({"type", "cache_control"});
    CARAT_TRY(fields.Only("toolset_name", {}));
    CARAT_TRY(fields.Done());
    Json read("");
    if (content != nullptr) {
      CARAT_ASSIGN(read, ContentOf(*content, fields.PathOf("content"), BlockMedia::kAllowed));
    }
    if (failed.value_or(false)) MarkError(read);
    if (open_.erase(id) == 0) {
      return Wrong(
          "no tool_use of the assistant's message before it has this id, or it has its "
          "result already",
          fields.PathOf("tool_use_id"));
    }
    Json message;
    message.Set("role", "tool");
    message.Set("tool_call_id", id);
    message.Set("content", std::move(read));
    messages_.push_back(std::move(message));
    return {};
  }

  // The template has no place for it but the text.
  static void MarkError(Json& content) {
    constexpr std::string_view kMark = "Error: ";
    if (content.is_string()) {
      content = Json(std::string(kMark) + content.string());
      return;
    }
    Json part;
    part.Set("type", "text");
    part.Set("text", kMark);
    content.array().insert(content.array().begin(), std::move(part));
  }

  // --- what the model wrote ---

  Status Assistant(const Json& content, const std::string& place) {
    said_.clear();
    thought_.clear();
    calls_.clear();
    if (content.is_string()) {
      said_ = content.string();
    } else if (content.is_array()) {
      for (size_t i = 0; i < content.array().size(); ++i) {
        CARAT_TRY(AssistantBlock(content.array()[i], fmt::format("{}[{}]", place, i)));
      }
    } else {
      return Wrong("wrong value", place, "a string or an array of blocks");
    }
    if (!said_.empty() || calls_.empty()) PushAssistant(std::exchange(said_, {}), {});
    if (!calls_.empty()) PushAssistant("", std::exchange(calls_, {}));
    return {};
  }

  void PushAssistant(std::string text, Json::Array calls) {
    Json message;
    message.Set("role", "assistant");
    if (!thought_.empty()) message.Set("reasoning", std::exchange(thought_, {}));
    message.Set("content", std::move(text));
    if (!calls.empty()) message.Set("tool_calls", Json(std::move(calls)));
    messages_.push_back(std::move(message));
  }

  Status AssistantBlock(const Json& block, const std::string& where) {
    CARAT_ASSIGN(Fields fields, Fields::Of(block, where));
    CARAT_ASSIGN(const std::string type, fields.RequireString("type"));
    fields.Ignore({"cache_control"});
    if (type == "text") {
      CARAT_ASSIGN(const std::string text, fields.RequireString("text"));
      fields.Ignore({"citations"});
      CARAT_TRY(fields.Done());
      said_ += text;
      return {};
    }
    if (type == "thinking") return Thinking(fields);
    if (type == "redacted_thinking") {  // another server's secret
      CARAT_TRY(fields.RequireString("data"));
      return fields.Done();
    }
    if (type == "tool_use") return ToolUse(fields);
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "carat takes no such block here",
                 .where = fields.PathOf("type"),
                 .wanted = "text, thinking, redacted_thinking or tool_use",
                 .found = Quoted(type, 40)});
  }

  Status Thinking(Fields& fields) {
    CARAT_ASSIGN(std::string text, fields.RequireString("thinking"));
    CARAT_ASSIGN(const auto signature, fields.String("signature"));
    CARAT_TRY(fields.Done());
    if (text.empty() && signature) text = ThoughtIn(*signature);
    if (!thought_.empty() && !text.empty()) thought_ += "\n";
    thought_ += text;
    return {};
  }

  Status ToolUse(Fields& fields) {
    CARAT_ASSIGN(std::string id, fields.RequireString("id"));
    CARAT_ASSIGN(std::string name, fields.RequireString("name"));
    CARAT_ASSIGN(const Json* const input, fields.Require("input"));
    fields.Ignore({"caller"});
    CARAT_TRY(fields.Only("toolset_name", {}));
    CARAT_TRY(fields.Done());
    if (!input->is_object()) return Wrong("wrong value", fields.PathOf("input"), "an object");
    if (!open_.insert(id).second) return Wrong("two tool_use have this id", fields.PathOf("id"));
    Json function, call;
    function.Set("name", std::move(name));
    function.Set("arguments", *input);
    call.Set("id", std::move(id));
    call.Set("type", "function");
    call.Set("function", std::move(function));
    calls_.push_back(std::move(call));
    return {};
  }

  Json::Array messages_;
  std::set<std::string> open_;  // ids of calls without a result
  bool last_is_assistant_ = false;
  // Of the assistant's message that is being read.
  std::string said_, thought_;
  Json::Array calls_;
};

}  // namespace

Result<Json> ReadAnthropicMessages(const Json* system, const Json& messages) {
  if (!messages.is_array() || messages.array().empty()) {
    return Wrong("wrong value", "messages", "an array of at least one message");
  }
  Converter converter;
  if (system != nullptr) CARAT_TRY(converter.System(*system, "system"));
  for (size_t i = 0; i < messages.array().size(); ++i) {
    CARAT_TRY(converter.Add(messages.array()[i], fmt::format("messages[{}]", i)));
  }
  return converter.Finish();
}

std::string ThoughtSignature(std::string_view text, bool whole) {
  if (whole) return std::string(kWholeMark) + EncodeBase64(text);
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return fmt::format("{}{:016x}", kDigestMark, hash);
}

}  // namespace carat
