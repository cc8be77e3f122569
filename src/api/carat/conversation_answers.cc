// Questions and answers in conversations that are kept.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "api/carat/branch.h"
#include "api/carat/conversations.h"
#include "api/carat/kept_content.h"
#include "api/carat/recorder.h"
#include "api/fields.h"
#include "api/model_choice.h"
#include "api/openai/chat_request.h"
#include "api/openai/chat_writer.h"
#include "base/base64.h"
#include "base/utf8.h"

namespace carat {
namespace {

constexpr size_t kTitleCharacters = 60;

// The first line of what was asked, as a title.
std::string TitleOf(const Json& body) {
  const Json* const content = body.Find("content");
  std::string text;
  if (content != nullptr && content->is_string()) text = content->string();
  if (content != nullptr && content->is_array()) {
    for (const Json& part : content->array()) {
      const Json* const piece = part.Find("text");
      if (piece != nullptr && part.Find("name") == nullptr) text = piece->string();
      if (!text.empty()) break;
    }
  }
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return "";
  text = text.substr(begin, text.find('\n', begin) - begin);
  size_t at = 0;
  for (size_t count = 0; count < kTitleCharacters && at < text.size(); ++count)
    at += DecodeUtf8(text, at).size;
  return at < text.size() ? text.substr(0, at) + "…" : text;
}

MediumUrl Urls(const History& history, const std::string& owner) {
  return [&history, owner](const std::string& hash) -> Result<std::string> {
    CARAT_ASSIGN(const HistoryMedium medium, history.Medium(owner, hash));
    CARAT_ASSIGN(const std::string bytes, history.MediumBytes(owner, hash));
    return fmt::format("data:{};base64,{}", medium.type, EncodeBase64(bytes));
  };
}

struct Started {
  std::shared_ptr<LoadedService> loaded;
  std::shared_ptr<Answer> answer;
};

// Errors of the last message, by what the client has sent of it: "content[0].media".
Error AtItsPart(Error error, const Ask& ask) {
  const size_t last = ask.messages.array().size() - 1;
  const std::string prefix = fmt::format("messages[{}].", last);
  if (!error.where.starts_with(prefix)) return error;
  error.where = error.where.substr(prefix.size());
  for (const std::string_view type : {"image", "audio", "video"}) {
    const std::string url = fmt::format(".{0}_url.url", type);
    if (error.where.ends_with(url))
      error.where = error.where.substr(0, error.where.size() - url.size()) + ".media";
  }
  return error;
}

// The branch that ends with the question `leaf`, as the service takes it.
Result<Ask> AskOf(const Call& call, const History& history, const HistoryConversation& conversation,
                  const std::string& leaf) {
  CARAT_ASSIGN(const Json json, ChatRequestOf(conversation, leaf, Urls(history, call.owner)));
  CARAT_ASSIGN(ChatRequest request, ReadChatRequest(json));
  request.ask.owner = call.owner;
  request.ask.progress = true;
  return std::move(request.ask);
}

// Has it answered. Nothing is kept yet.
std::expected<Started, ApiError> Start(Api& api, Call& call, const History& history,
                                       const HistoryConversation& conversation,
                                       const std::string& leaf) {
  const auto refused = [](const Error& error) { return std::unexpected(ToApiError(error)); };
  const auto ask = AskOf(call, history, conversation, leaf);
  if (!ask) return refused(ask.error());
  const auto loaded = ServiceFor(api.host(), std::nullopt);
  if (!loaded) return std::unexpected(loaded.error());
  auto answer = (*loaded)->service->Submit(*ask, call.StillThere());
  if (!answer) return refused(AtItsPart(answer.error(), *ask));
  return Started{*loaded, *std::move(answer)};
}

// Keeps the answer behind `question`, and lets it be read. Gives its id.
Result<std::string> Record(Api& api, Call& call, History& history, const std::string& conversation,
                           const std::string& question, const Started& started) {
  HistoryMessage message{.parent = question, .role = "assistant", .state = MessageState::kWriting};
  message.body.Set("content", "");
  auto id = history.Add(call.owner, conversation, message);
  if (!id) {
    started.answer->Cancel();
    return id;
  }
  const ChatWriterOptions options{.id = *id,
                                  .model = started.loaded->name,
                                  .fingerprint = "carat-" + api.options().version,
                                  .include_usage = true};
  api.answers().Add({.id = *id,
                     .owner = call.owner,
                     .answer = started.answer,
                     .make_writer = [options]() -> std::unique_ptr<AnswerWriter> {
                       return std::make_unique<ChatWriter>(options);
                     }});
  api.recorder()->Follow(call.owner, *id, started.answer);
  return id;
}

}  // namespace

void AskInConversation(Api& api, Call& call) {
  History* const history = HistoryOf(api, call);
  if (history == nullptr) return;
  struct Asked {
    HistoryConversation conversation = {};
    HistoryMessage message = {};
  };
  const auto read = [&]() -> Result<Asked> {
    CARAT_ASSIGN(const Json json, call.ParseBody());
    CARAT_ASSIGN(Fields fields, Fields::Of(json, ""));
    Asked asked;
    CARAT_ASSIGN(const auto parent, fields.String("parent"));
    asked.message = {.parent = parent.value_or(""), .role = "user"};
    CARAT_ASSIGN(const Json* const content, fields.Require("content"));
    CARAT_TRY(fields.Done());
    Json body;
    body.Set("content", *content);
    CARAT_ASSIGN(asked.message.body, CheckedBody(body, "", true));
    CARAT_ASSIGN(asked.conversation, history->Get(call.owner, call.path_id));
    return asked;
  };
  auto asked = read();
  if (!asked) return call.SendError(ToApiError(asked.error()));
  asked->conversation.messages.push_back(asked->message);
  asked->conversation.messages.back().id = "new";
  const auto started = Start(api, call, *history, asked->conversation, "new");
  if (!started) return call.SendError(started.error());
  const AnswerGuard guard(*started->answer);
  const auto keep = [&]() -> Result<Json> {
    auto question = history->Add(call.owner, call.path_id, asked->message);
    if (!question) {
      started->answer->Cancel();
      return Fail(std::move(question).error());
    }
    CARAT_ASSIGN(const std::string answer,
                 Record(api, call, *history, call.path_id, *question, *started));
    if (asked->conversation.title.empty()) {
      CARAT_TRY(history->Change(call.owner, call.path_id, TitleOf(asked->message.body), {}, {}));
    }
    Json body;
    body.Set("message", *question);
    body.Set("answer", answer);
    return body;
  };
  call.SendResult(keep());
}

void AnswerAgain(Api& api, Call& call) {
  History* const history = HistoryOf(api, call);
  if (history == nullptr) return;
  const auto find = [&]() -> Result<HistoryConversation> {
    CARAT_ASSIGN(const std::string id, history->ConversationOf(call.owner, call.path_id));
    CARAT_ASSIGN(HistoryConversation conversation, history->Get(call.owner, id));
    CARAT_ASSIGN(const auto branch, BranchTo(conversation, call.path_id));
    if (branch.back()->role == "user") return conversation;
    return Fail({.what = "this message is no question", .wanted = "a message of the user"});
  };
  const auto conversation = find();
  if (!conversation) return call.SendError(ToApiError(conversation.error()));
  const auto started = Start(api, call, *history, *conversation, call.path_id);
  if (!started) return call.SendError(started.error());
  const AnswerGuard guard(*started->answer);
  const auto keep = [&]() -> Result<Json> {
    CARAT_ASSIGN(const std::string answer,
                 Record(api, call, *history, conversation->id, call.path_id, *started));
    Json body;
    body.Set("answer", answer);
    return body;
  };
  call.SendResult(keep());
}

void CountMediaTokens(Api& api, Call& call) {
  const History* const history = HistoryOf(api, call);
  if (history == nullptr) return;
  const auto read = [&]() -> Result<Ask> {
    CARAT_ASSIGN(const Json json, call.ParseBody());
    CARAT_ASSIGN(Fields fields, Fields::Of(json, ""));
    CARAT_ASSIGN(const Json* const content, fields.Require("content"));
    CARAT_TRY(fields.Done());
    HistoryConversation alone;
    alone.messages.push_back({.id = "new", .role = "user"});
    Json body;
    body.Set("content", *content);
    CARAT_ASSIGN(alone.messages.back().body, CheckedBody(body, "", true));
    return AskOf(call, *history, alone, "new");
  };
  auto ask = read();
  if (!ask) return call.SendError(ToApiError(ask.error()));
  const auto loaded = ServiceFor(api.host(), std::nullopt);
  if (!loaded) return call.SendError(loaded.error());
  const MediaWatch watch = call.StillThere();
  const auto count = (*loaded)->service->Count(*ask, watch);
  if (!count) return call.SendError(ToApiError(AtItsPart(count.error(), *ask)));
  // Without what a prompt has of itself.
  ask->messages.array().back().Set("content", "");
  const auto around = (*loaded)->service->Count(*ask, watch);
  if (!around) return call.SendError(ToApiError(around.error()));
  Json body;
  body.Set("tokens", static_cast<int64_t>(count->tokens - std::min(count->tokens, around->tokens)));
  call.SendJson(body);
}

}  // namespace carat
