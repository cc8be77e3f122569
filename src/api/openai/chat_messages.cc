#include "api/openai/chat_messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "api/fields.h"
#include "api/media_parts.h"
#include "base/utf8.h"

namespace carat {
namespace {

enum class Media { kAllowed, kRefused };

Result<Json> ReadParts(const Json::Array& parts, const std::string& where, Media media) {
  Json::Array read;
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string place = fmt::format("{}[{}]", where, i);
    CARAT_ASSIGN(Json part, ChatPart(parts[i], place));
    if (media == Media::kRefused && part.Find("type")->string() != "text") {
      return Fail({.code = ErrorCode::kUnsupported,
                   .what = "only messages of users and tools may hold media",
                   .where = place});
    }
    read.push_back(std::move(part));
  }
  return Json(std::move(read));
}

// A string or an array of parts; null where it is absent.
Result<Json> TakeContent(Fields& message, Media media) {
  const Json* const content = message.Take("content");
  if (content == nullptr) return Json();
  if (content->is_string()) return *content;
  if (content->is_array()) return ReadParts(content->array(), message.PathOf("content"), media);
  return WrongKind(message.PathOf("content"), "a string or an array of parts", *content);
}

Result<Json> RequireContent(Fields& message, Media media) {
  CARAT_ASSIGN(Json content, TakeContent(message, media));
  if (content.is_null()) return Fail({.what = "missing", .where = message.PathOf("content")});
  return content;
}

// One conversation, message by message.
class Reader {
 public:
  explicit Reader(std::vector<std::string>& warnings) : warnings_(warnings) {}

  Result<Json> Read(const Json& value, const std::string& where) {
    CARAT_ASSIGN(Fields message, Fields::Of(value, where));
    CARAT_ASSIGN(const std::string role, message.RequireString("role"));
    if (role != "tool") CARAT_TRY(AllAnswered(where));
    Json read;
    if (role == "user") {
      CARAT_ASSIGN(read, Plain(message, "user", Media::kAllowed));
    } else if (role == "system" || role == "developer") {
      CARAT_ASSIGN(read, Plain(message, "system", Media::kRefused));
    } else if (role == "assistant") {
      CARAT_ASSIGN(read, Assistant(message));
    } else if (role == "tool") {
      CARAT_ASSIGN(read, Tool(message));
    } else {
      return Fail(
          {.code = role == "function" ? ErrorCode::kUnsupported : ErrorCode::kInvalid,
           .what = role == "function" ? "carat takes no functions in the old form" : "no such role",
           .where = message.PathOf("role"),
           .wanted = "system, developer, user, assistant or tool",
           .found = Quoted(role, 40)});
    }
    message.Ignore({"cache_control"});
    CARAT_TRY(message.Done());
    return read;
  }

  // The template renders calls without answers as if the model were to answer them itself.
  Status AllAnswered(const std::string& where) const {
    if (open_.empty()) return {};
    return Fail({.what = "a tool call before this has no tool message that answers it",
                 .where = where,
                 .wanted = "tool_call_id " + Quoted(open_.front(), 40)});
  }

 private:
  Result<Json> Plain(Fields& message, std::string_view role, Media media) {
    CARAT_TRY(TakeName(message));
    CARAT_ASSIGN(Json content, RequireContent(message, media));
    Json read;
    read.Set("role", role);
    read.Set("content", std::move(content));
    return read;
  }

  Status TakeName(Fields& message) {
    CARAT_ASSIGN(const std::optional<std::string> name, message.String("name"));
    if (name) {
      warnings_.push_back(message.PathOf("name") +
                          ": the model does not see names of participants");
    }
    return {};
  }

  Result<Json> Assistant(Fields& message) {
    CARAT_TRY(TakeName(message));
    CARAT_ASSIGN(Json content, TakeContent(message, Media::kRefused));
    CARAT_ASSIGN(std::optional<std::string> refusal, message.String("refusal"));
    CARAT_TRY(message.Only("audio", {}));
    CARAT_TRY(message.Only("function_call", {}));
    message.Ignore({"annotations", "carat"});  // of an answer that comes back
    const Json* const calls = message.Take("tool_calls");
    Json read;
    read.Set("role", "assistant");
    CARAT_TRY(TakeThoughts(message, read));
    if (content.is_null() && refusal) content = Json(*std::move(refusal));
    if (calls != nullptr) {
      CARAT_ASSIGN(Json list, Calls(*calls, message.PathOf("tool_calls")));
      if (!list.array().empty()) read.Set("tool_calls", std::move(list));
    }
    if (content.is_null() && read.Find("tool_calls") == nullptr) {
      return Fail({.what = "missing", .where = message.PathOf("content")});
    }
    read.Set("content", std::move(content));
    return read;
  }

  static Status TakeThoughts(Fields& message, Json& read) {
    for (const char* const key : {"reasoning", "reasoning_content"}) {
      CARAT_ASSIGN(std::optional<std::string> thoughts, message.String(key));
      if (thoughts) read.Set(key, *std::move(thoughts));
    }
    return {};
  }

  Result<Json> Calls(const Json& calls, const std::string& where) {
    if (!calls.is_array())
      return Fail({.what = "wrong value", .where = where, .wanted = "an array"});
    Json::Array read;
    for (size_t i = 0; i < calls.array().size(); ++i) {
      CARAT_ASSIGN(Json call, OneCall(calls.array()[i], fmt::format("{}[{}]", where, i)));
      read.push_back(std::move(call));
    }
    return Json(std::move(read));
  }

  // Or nothing but blanks, which the template takes for no arguments.
  static bool IsObjectText(const std::string& text) {
    if (text.find_first_not_of(" \t\r\n") == std::string::npos) return true;
    const auto json = ParseJson(text);
    return json && (json->is_object() || json->is_null());
  }

  Result<Json> OneCall(const Json& call, const std::string& where) {
    CARAT_ASSIGN(Fields fields, Fields::Of(call, where));
    CARAT_ASSIGN(std::string id, fields.RequireString("id"));
    CARAT_TRY(fields.OneOf("type", {"function"}));
    fields.Ignore({"index"});  // of a stream that comes back
    CARAT_ASSIGN(const Json* const function, fields.Require("function"));
    CARAT_TRY(fields.Done());
    CARAT_ASSIGN(Fields inner, Fields::Of(*function, fields.PathOf("function")));
    CARAT_ASSIGN(std::string name, inner.RequireString("name"));
    const Json* const arguments = inner.Take("arguments");
    CARAT_TRY(inner.Done());
    if (arguments != nullptr && arguments->is_string() && !IsObjectText(arguments->string())) {
      return Fail({.what = "no JSON text of an object",
                   .where = inner.PathOf("arguments"),
                   .found = Quoted(arguments->string(), 40)});
    }
    if (std::ranges::find(open_, id) != open_.end()) {
      return Fail({.what = "two calls have this id", .where = fields.PathOf("id"), .found = id});
    }
    open_.push_back(id);
    Json named, read;
    named.Set("name", std::move(name));
    named.Set("arguments", arguments == nullptr ? Json("{}") : *arguments);
    read.Set("id", std::move(id));
    read.Set("type", "function");
    read.Set("function", std::move(named));
    return read;
  }

  Result<Json> Tool(Fields& message) {
    CARAT_ASSIGN(std::string id, message.RequireString("tool_call_id"));
    CARAT_ASSIGN(Json content, RequireContent(message, Media::kAllowed));
    message.Ignore({"name"});  // the call has it
    const auto call = std::ranges::find(open_, id);
    if (call == open_.end()) {
      return Fail({.what = "no call of the assistant's message before it has this id, or it was "
                           "answered already",
                   .where = message.PathOf("tool_call_id"),
                   .found = Quoted(id, 40)});
    }
    open_.erase(call);
    Json read;
    read.Set("role", "tool");
    read.Set("tool_call_id", std::move(id));
    read.Set("content", std::move(content));
    return read;
  }

  std::vector<std::string>& warnings_;  // borrows
  std::vector<std::string> open_;       // ids of calls that are not answered yet
};

}  // namespace

Result<Json> ReadChatMessages(const Json& messages, std::vector<std::string>& warnings) {
  if (!messages.is_array() || messages.array().empty()) {
    return Fail({.what = "wrong value",
                 .where = "messages",
                 .wanted = "an array of at least one message",
                 .found = messages.is_array() ? "an empty one" : std::string(messages.KindName())});
  }
  Reader reader(warnings);
  Json::Array read;
  for (size_t i = 0; i < messages.array().size(); ++i) {
    CARAT_ASSIGN(Json message, reader.Read(messages.array()[i], fmt::format("messages[{}]", i)));
    read.push_back(std::move(message));
  }
  CARAT_TRY(reader.AllAnswered("messages"));
  return Json(std::move(read));
}

}  // namespace carat
