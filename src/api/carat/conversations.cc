#include "api/carat/conversations.h"

#include <fmt/format.h>

#include <atomic>
#include <set>
#include <utility>

#include "api/carat/branch.h"
#include "api/carat/kept_content.h"
#include "api/fields.h"
#include "api/query.h"
#include "base/base64.h"
#include "history/history.h"
#include "net/sse_writer.h"
#include "sys/clock.h"

namespace carat {
namespace {

constexpr int64_t kMaxPage = 200;
constexpr size_t kMaxTitle = 1000;  // bytes
constexpr size_t kMaxImported = 100'000;
constexpr int64_t kLookMs = 500;
constexpr double kPingEvery = 15;  // seconds

std::string_view NameOf(MessageState state) {
  switch (state) {
    case MessageState::kWhole:
      return "whole";
    case MessageState::kWriting:
      return "writing";
    case MessageState::kCut:
      return "cut";
  }
  return "";
}

Json SummaryOf(const HistoryConversation& conversation) {
  Json json;
  json.Set("id", conversation.id);
  json.Set("title", conversation.title);
  json.Set("created_ms", conversation.created_ms);
  json.Set("updated_ms", conversation.updated_ms);
  return json;
}

Json JsonOf(const HistoryMessage& message) {
  Json json;
  json.Set("id", message.id);
  json.Set("parent", message.parent.empty() ? Json() : Json(message.parent));
  json.Set("role", message.role);
  json.Set("state", NameOf(message.state));
  json.Set("created_ms", message.created_ms);
  json.Set("body", message.body);
  return json;
}

// {HASH: {"type", "data"}} of all that a conversation shows.
Result<Json> MediaOf(const History& history, const std::string& owner,
                     const HistoryConversation& conversation) {
  Json media{Json::Object()};
  std::set<std::string> seen;
  for (const HistoryMessage& message : conversation.messages) {
    const Json* const content = message.body.Find("content");
    if (content == nullptr || !content->is_array()) continue;
    for (const Json& part : content->array()) {
      const Json* const hash = part.Find("media");
      if (hash == nullptr || !seen.insert(hash->string()).second) continue;
      CARAT_ASSIGN(const HistoryMedium medium, history.Medium(owner, hash->string()));
      CARAT_ASSIGN(const std::string bytes, history.MediumBytes(owner, medium.hash));
      Json one;
      one.Set("type", medium.type);
      one.Set("data", EncodeBase64(bytes));
      media.Set(medium.hash, std::move(one));
    }
  }
  return media;
}

Result<std::optional<std::string>> TakeTitle(Fields& fields) {
  CARAT_ASSIGN(auto title, fields.String("title"));
  if (title && title->size() > kMaxTitle) {
    return Fail({.what = "too long",
                 .where = fields.PathOf("title"),
                 .wanted = fmt::format("at most {} bytes", kMaxTitle)});
  }
  return title;
}

Result<std::optional<Json>> TakeSettings(Fields& fields) {
  const Json* const settings = fields.Take("settings");
  if (settings == nullptr) return std::nullopt;
  CARAT_TRY(CheckSettings(*settings));
  return *settings;
}

// --- import --------------------------------------------------------------------------------------

Status ImportMedia(const Json& media, const std::string& owner, History& history) {
  if (!media.is_object()) return Fail({.what = "wrong value", .where = "media"});
  for (const auto& [hash, medium] : media.object()) {
    CARAT_ASSIGN(Fields fields, Fields::Of(medium, fmt::format("media.{}", hash.substr(0, 64))));
    CARAT_TRY(fields.RequireString("type"));  // what the bytes show counts
    CARAT_ASSIGN(const std::string data, fields.RequireString("data"));
    CARAT_TRY(fields.Done());
    const auto bytes = DecodeBase64(data);
    if (!bytes) return Fail({.what = "no base64", .where = fields.PathOf("data")});
    CARAT_ASSIGN(const HistoryMedium kept,
                 KeepSniffed(history, owner, std::as_bytes(std::span(*bytes)), fields.path()));
    if (kept.hash != hash)
      return Fail({.what = "these are other bytes than the name says", .where = fields.path()});
  }
  return {};
}

Result<HistoryMessage> ImportedMessage(const Json& json, const std::string& where) {
  CARAT_ASSIGN(Fields fields, Fields::Of(json, where));
  HistoryMessage message;
  CARAT_ASSIGN(message.id, fields.RequireString("id"));
  CARAT_ASSIGN(const auto parent, fields.String("parent"));
  message.parent = parent.value_or("");
  CARAT_ASSIGN(message.role, fields.RequireString("role"));
  CARAT_TRY(fields.OneOf("role", {"user", "assistant"}));
  CARAT_ASSIGN(const auto state, fields.OneOf("state", {"whole", "writing", "cut"}));
  message.state = state.value_or("whole") == "whole" ? MessageState::kWhole : MessageState::kCut;
  CARAT_ASSIGN(const auto created, fields.Int("created_ms", 0, INT64_MAX));
  message.created_ms = created.value_or(0);
  CARAT_ASSIGN(const Json* const body, fields.Require("body"));
  CARAT_TRY(fields.Done());
  CARAT_ASSIGN(message.body, CheckedBody(*body, fields.PathOf("body"), message.role == "user"));
  return message;
}

Result<std::string> Import(const Json& json, const std::string& owner, History& history) {
  CARAT_ASSIGN(Fields fields, Fields::Of(json, ""));
  HistoryConversation conversation{.settings = Json(Json::Object())};
  fields.Ignore({"id", "updated_ms"});
  CARAT_ASSIGN(const auto title, TakeTitle(fields));
  conversation.title = title.value_or("");
  CARAT_ASSIGN(const auto settings, TakeSettings(fields));
  if (settings) conversation.settings = *settings;
  CARAT_ASSIGN(const auto leaf, fields.String("leaf"));
  conversation.leaf = leaf.value_or("");
  CARAT_ASSIGN(const auto created, fields.Int("created_ms", 0, INT64_MAX));
  conversation.created_ms = created.value_or(0);
  CARAT_ASSIGN(const Json* const messages, fields.Require("messages"));
  const Json* const media = fields.Take("media");
  CARAT_TRY(fields.Done());
  if (!messages->is_array() || messages->array().size() > kMaxImported) {
    return Fail({.what = "wrong value",
                 .where = "messages",
                 .wanted = fmt::format("an array of at most {}", kMaxImported)});
  }
  for (size_t i = 0; i < messages->array().size(); ++i) {
    CARAT_ASSIGN(HistoryMessage message,
                 ImportedMessage(messages->array()[i], fmt::format("messages[{}]", i)));
    conversation.messages.push_back(std::move(message));
  }
  if (media != nullptr) CARAT_TRY(ImportMedia(*media, owner, history));
  return history.Import(owner, conversation);
}

// The answer of a message that is deleted.
void Forget(Api& api, const std::string& owner, const std::string& message) {
  if (const auto entry = api.answers().Find(owner, message)) entry->answer->Cancel();
  api.answers().Forget(owner, message);
}

}  // namespace

History* HistoryOf(Api& api, Call& call) {
  History* const history = api.options().history;
  if (history == nullptr) {
    call.SendError({.status = 501,
                    .code = "unsupported",
                    .message = "This server keeps no conversations (--no-history)."});
  }
  return history;
}

void AnswerFromHistory(Api& api, Call& call, const std::function<Result<Json>(History&)>& work) {
  if (History* const history = HistoryOf(api, call)) call.SendResult(work(*history));
}

void ListConversations(Api& api, Call& call) {
  AnswerFromHistory(api, call, [&](History& history) -> Result<Json> {
    CARAT_ASSIGN(const Json members, ParseQuery(call.request.head.query));
    CARAT_ASSIGN(Fields fields, Fields::Of(members, ""));
    CARAT_ASSIGN(const auto limit, fields.Int("limit", 1, kMaxPage));
    CARAT_ASSIGN(const auto before, fields.String("before"));
    CARAT_TRY(fields.Done());
    const auto most = static_cast<size_t>(limit.value_or(50));
    CARAT_ASSIGN(auto page, history.List(call.owner, most + 1, before.value_or("")));
    Json body;
    body.Set("has_more", page.size() > most);
    page.resize(std::min(page.size(), most));
    Json::Array shown;
    for (const HistoryConversation& one : page) shown.push_back(SummaryOf(one));
    body.Set("conversations", Json(std::move(shown)));
    return body;
  });
}

void CreateConversation(Api& api, Call& call) {
  AnswerFromHistory(api, call, [&](History& history) -> Result<Json> {
    CARAT_ASSIGN(const Json json, call.ParseBody());
    CARAT_ASSIGN(Fields fields, Fields::Of(json, ""));
    CARAT_ASSIGN(const auto title, TakeTitle(fields));
    CARAT_ASSIGN(const auto settings, TakeSettings(fields));
    CARAT_TRY(fields.Done());
    CARAT_ASSIGN(const std::string id, history.Create(call.owner, title.value_or(""),
                                                      settings.value_or(Json(Json::Object()))));
    Json body;
    body.Set("id", id);
    return body;
  });
}

void ImportConversation(Api& api, Call& call) {
  AnswerFromHistory(api, call, [&](History& history) -> Result<Json> {
    CARAT_ASSIGN(const Json json, call.ParseBody());
    CARAT_ASSIGN(const std::string id, Import(json, call.owner, history));
    Json body;
    body.Set("id", id);
    return body;
  });
}

void ShowConversation(Api& api, Call& call) {
  AnswerFromHistory(api, call, [&](History& history) -> Result<Json> {
    CARAT_ASSIGN(const Json members, ParseQuery(call.request.head.query));
    CARAT_ASSIGN(Fields fields, Fields::Of(members, ""));
    CARAT_ASSIGN(const auto media, fields.Bool("media"));
    CARAT_TRY(fields.Done());
    CARAT_ASSIGN(const HistoryConversation read, history.Get(call.owner, call.path_id));
    Json body = SummaryOf(read);
    body.Set("settings", read.settings);
    body.Set("leaf", read.leaf.empty() ? Json() : Json(read.leaf));
    Json::Array messages;
    for (const HistoryMessage& message : read.messages) messages.push_back(JsonOf(message));
    body.Set("messages", Json(std::move(messages)));
    if (media.value_or(false)) {
      CARAT_ASSIGN(Json bytes, MediaOf(history, call.owner, read));
      body.Set("media", std::move(bytes));
    }
    return body;
  });
}

void ChangeConversation(Api& api, Call& call) {
  AnswerFromHistory(api, call, [&](History& history) -> Result<Json> {
    CARAT_ASSIGN(const Json json, call.ParseBody());
    CARAT_ASSIGN(Fields fields, Fields::Of(json, ""));
    CARAT_ASSIGN(const auto title, TakeTitle(fields));
    CARAT_ASSIGN(const auto settings, TakeSettings(fields));
    CARAT_ASSIGN(const auto leaf, fields.String("leaf"));
    CARAT_TRY(fields.Done());
    CARAT_TRY(history.Change(call.owner, call.path_id, title, settings, leaf));
    Json body;
    body.Set("id", call.path_id);
    return body;
  });
}

void DeleteConversation(Api& api, Call& call) {
  AnswerFromHistory(api, call, [&](History& history) -> Result<Json> {
    CARAT_ASSIGN(const HistoryConversation gone, history.Get(call.owner, call.path_id));
    CARAT_TRY(history.Delete(call.owner, call.path_id));
    for (const HistoryMessage& message : gone.messages) Forget(api, call.owner, message.id);
    Json body;
    body.Set("id", call.path_id);
    body.Set("deleted", true);
    return body;
  });
}

void DeleteMessage(Api& api, Call& call) {
  AnswerFromHistory(api, call, [&](History& history) -> Result<Json> {
    CARAT_TRY(history.DeleteMessage(call.owner, call.path_id));
    Forget(api, call.owner, call.path_id);
    Json body;
    body.Set("id", call.path_id);
    body.Set("deleted", true);
    return body;
  });
}

void SearchConversations(Api& api, Call& call) {
  AnswerFromHistory(api, call, [&](History& history) -> Result<Json> {
    CARAT_ASSIGN(const Json members, ParseTexts(call.request.head.query));
    CARAT_ASSIGN(Fields fields, Fields::Of(members, ""));
    CARAT_ASSIGN(const std::string text, fields.RequireString("text"));
    CARAT_TRY(fields.Done());
    if (text.empty() || text.size() > kMaxTitle || text.find('\0') != std::string::npos) {
      return Fail({.what = "wrong value", .where = "text", .wanted = "1 to 1000 bytes"});
    }
    CARAT_ASSIGN(const auto hits, history.Search(call.owner, text, kMaxPage));
    Json::Array shown;
    for (const HistoryHit& hit : hits) {
      Json one;
      one.Set("conversation", hit.conversation);
      if (!hit.message.empty()) one.Set("message", hit.message);
      one.Set("title", hit.title);
      one.Set("snippet", hit.snippet);
      shown.push_back(std::move(one));
    }
    Json body;
    body.Set("hits", Json(std::move(shown)));
    return body;
  });
}

void WatchConversations(Api& api, Call& call) {
  History* const history = HistoryOf(api, call);
  if (history == nullptr) return;
  const auto read = [&]() -> Result<std::optional<int64_t>> {
    CARAT_ASSIGN(const Json members, ParseQuery(call.request.head.query));
    CARAT_ASSIGN(Fields fields, Fields::Of(members, ""));
    CARAT_ASSIGN(const auto after, fields.Int("after", 0, INT64_MAX));
    CARAT_TRY(fields.Done());
    return after;
  };
  const auto after = read();
  if (!after) return call.SendError(ToApiError(after.error()));
  uint64_t seen = *after ? static_cast<uint64_t>(**after) : history->last_change();
  const auto left = std::make_shared<std::atomic<bool>>(false);
  call.exchange.OnClosed([left] { *left = true; });
  const auto piece = [](uint64_t number, const std::string& conversation) {
    Json event;
    event.Set("number", static_cast<int64_t>(number));
    if (!conversation.empty()) event.Set("conversation", conversation);
    return net::Format({.name = "change", .data = event.Dump(), .id = number});
  };
  Json hello;
  hello.Set("number", static_cast<int64_t>(seen));
  bool open = call.exchange.Begin({.content_type = std::string(net::kEventStream),
                                   .body = net::Format({.name = "hello", .data = hello.Dump()}),
                                   .fields = {{"x-accel-buffering", "no"}}});
  double spoken = Now();
  while (open && !*left && api.watching()) {
    const auto changes = history->WaitForChanges(call.owner, seen, kLookMs);
    std::string pieces;
    for (const HistoryChange& change : changes) {
      pieces += piece(change.number, change.conversation);
      seen = change.number;
    }
    if (pieces.empty() && Now() - spoken >= kPingEvery) pieces = net::KeepAlive();
    if (pieces.empty()) continue;
    open = call.exchange.Write(pieces);
    spoken = Now();
  }
  call.exchange.End();
}

}  // namespace carat
