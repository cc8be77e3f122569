// /v1/carat/conversations: conversations that are kept on this machine, of the key that asks.
//   GET ?limit=N&before=ID     {"conversations": [{"id", "title", "created_ms", "updated_ms"}],
//                              "has_more"}, the newest changes first
//   POST                       {"title"?, "settings"?} to {"id"}
//   POST …/import              what GET …/{id}?media=true gives, to {"id"}
//   GET …/changes?after=N      a stream of {"number", "conversation"}; without a conversation
//                              anything may have changed
//   GET …/{id}                 {"id", "title", "settings", "leaf", "messages"}; with ?media=true
//                              also {"media": {HASH: {"type", "data"}}}, in base64
//   POST …/{id}                {"title"?, "settings"?, "leaf"?}
//   DELETE …/{id}
//   POST …/{id}/messages       {"parent"?, "content"} asks behind a message, or at the beginning:
//                              {"message", "answer"}, the ids of both. The answer is read at
//                              /v1/carat/answers/{answer}, goes on without readers, and is kept.
// /v1/carat/messages/{id}
//   POST …/answer              another answer to that question: {"answer"}
//   DELETE                     with all behind it
// /v1/carat/search?text=T      {"hits": [{"conversation", "message"?, "title", "snippet"}]}
// /v1/carat/media
//   POST                       bytes, of a kind that carat takes: {"media": HASH, "type", "bytes"}
//   GET …/{hash}               them
//   POST …/tokens              {"content": [parts]} to {"tokens"}: what they take of a context
#pragma once

#include <functional>

#include "api/api.h"

namespace carat {

void ListConversations(Api& api, Call& call);
void CreateConversation(Api& api, Call& call);
void ImportConversation(Api& api, Call& call);
void WatchConversations(Api& api, Call& call);
void ShowConversation(Api& api, Call& call);
void ChangeConversation(Api& api, Call& call);
void DeleteConversation(Api& api, Call& call);
void SearchConversations(Api& api, Call& call);
void DeleteMessage(Api& api, Call& call);

// conversation_answers.cc
void AskInConversation(Api& api, Call& call);
void AnswerAgain(Api& api, Call& call);
void CountMediaTokens(Api& api, Call& call);

// kept_media.cc
void KeepMedium(Api& api, Call& call);
void ShowMedium(Api& api, Call& call);

// The history, or null after sending that there is none.
History* HistoryOf(Api& api, Call& call);
// Sends what `work` gives, or its error, or that there is no history.
void AnswerFromHistory(Api& api, Call& call, const std::function<Result<Json>(History&)>& work);

}  // namespace carat
