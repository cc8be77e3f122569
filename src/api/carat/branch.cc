#include "api/carat/branch.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "api/openai/chat_request.h"

namespace carat {
namespace {

Json Message(std::string_view role, Json content) {
  Json message;
  message.Set("role", role);
  message.Set("content", std::move(content));
  return message;
}

// As Chat Completions have it.
Result<Json> PartOf(const Json& kept, const MediumUrl& url) {
  Json part;
  const std::string type = StringIn(kept, "type");
  if (type == "text") {
    const std::string name = StringIn(kept, "name"), text = StringIn(kept, "text");
    part.Set("type", "text");
    part.Set("text", name.empty() ? text : fmt::format("{}:\n{}", name, text));
    return part;
  }
  CARAT_ASSIGN(std::string address, url(StringIn(kept, "media")));
  Json inner;
  inner.Set("url", std::move(address));
  const std::string key = type + "_url";
  part.Set("type", key);
  part.Set(key, std::move(inner));
  for (const char* const member : {"budget", "frames", "fps"}) {
    if (const Json* const value = kept.Find(member)) part.Set(member, *value);
  }
  return part;
}

Result<Json> ContentOf(const Json& body, const MediumUrl& url) {
  const Json* const content = body.Find("content");
  if (content == nullptr) return Json("");
  if (!content->is_array()) return *content;
  Json::Array parts;
  for (const Json& kept : content->array()) {
    CARAT_ASSIGN(Json part, PartOf(kept, url));
    parts.push_back(std::move(part));
  }
  return Json(std::move(parts));
}

bool IsSilent(const Json& body) {
  const Json* const content = body.Find("content");
  return content == nullptr || (content->is_string() && content->string().empty());
}

// Members that the conversation itself gives, or that make no sense for one.
constexpr std::string_view kNotSettings[] = {"messages", "stream",   "n",    "stream_options",
                                             "model",    "logprobs", "carat"};

}  // namespace

Result<std::vector<const HistoryMessage*>> BranchTo(const HistoryConversation& conversation,
                                                    const std::string& leaf) {
  std::map<std::string_view, const HistoryMessage*> by_id;
  for (const HistoryMessage& message : conversation.messages) by_id[message.id] = &message;
  std::vector<const HistoryMessage*> branch;
  for (std::string_view at = leaf; !at.empty(); at = branch.back()->parent) {
    const auto found = by_id.find(at);
    if (found == by_id.end()) {
      return Fail({.code = ErrorCode::kNotFound, .what = "there is no such message"});
    }
    branch.push_back(found->second);
  }
  std::ranges::reverse(branch);
  return branch;
}

Result<Json> ChatRequestOf(const HistoryConversation& conversation, const std::string& leaf,
                           const MediumUrl& url) {
  CARAT_ASSIGN(const auto branch, BranchTo(conversation, leaf));
  Json::Array messages;
  const std::string system = StringIn(conversation.settings, "system");
  if (!system.empty()) messages.push_back(Message("system", system));
  for (const HistoryMessage* const kept : branch) {
    if (kept->role == "assistant" && IsSilent(kept->body)) {
      if (!messages.empty() && StringIn(messages.back(), "role") == "user") messages.pop_back();
      continue;
    }
    CARAT_ASSIGN(Json content, ContentOf(kept->body, url));
    messages.push_back(Message(kept->role, std::move(content)));
  }
  Json request;
  request.Set("messages", Json(std::move(messages)));
  if (!conversation.settings.is_object()) return request;
  for (const auto& [key, value] : conversation.settings.object()) {
    if (key != "system" && key != "page") request.Set(key, value);
  }
  return request;
}

Status CheckSettings(const Json& settings) {
  if (!settings.is_object()) {
    return Fail({.what = "wrong value", .where = "settings", .wanted = "an object"});
  }
  for (const std::string_view name : kNotSettings) {
    if (settings.Find(name) == nullptr) continue;
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "this is no setting of a conversation",
                 .where = fmt::format("settings.{}", name)});
  }
  const Json* const system = settings.Find("system");
  if (system != nullptr && !system->is_string()) {
    return Fail({.what = "wrong value", .where = "settings.system", .wanted = "a string"});
  }
  HistoryConversation probe{.settings = settings};
  probe.messages.push_back({.id = "x", .role = "user"});
  probe.messages.back().body.Set("content", "x");
  CARAT_ASSIGN(const Json request, ChatRequestOf(probe, "x", {}));
  const auto read = ReadChatRequest(request);
  if (read) return {};
  Error error = read.error();
  error.where = "settings." + error.where;
  return Fail(std::move(error));
}

}  // namespace carat
