#include "api/routes.h"

#include <array>

#include "api/anthropic/messages.h"
#include "api/carat/answers.h"
#include "api/carat/conversations.h"
#include "api/carat/models.h"
#include "api/carat/page.h"
#include "api/carat/presets.h"
#include "api/carat/status.h"
#include "api/carat/tokens.h"
#include "api/openai/chat.h"
#include "api/openai/models.h"
#include "api/openai/responses.h"
#include "api/openai/transcription.h"

namespace carat {
namespace {

// Bodies with media, in base64; sound and films are long.
constexpr size_t kMediaBody = size_t{64} << 20;
constexpr size_t kNoBody = 64;  // "{}", which means nothing
constexpr size_t kPlainBody = size_t{1} << 20;

using Body = Route::Body;
constexpr Dialect kOpenAi = Dialect::kOpenAi, kAnthropic = Dialect::kAnthropic;

// What a route may, beyond the ordinary.
constexpr unsigned kOpen = Route::kOpen, kUrgent = Route::kUrgent, kQuery = Route::kQuery,
                   kSecret = Route::kSecret;

constexpr auto kRoutes = std::to_array<Route>({
    {"GET", "/health", nullptr, kOpenAi, Body::kNone, 0, 0, Health},
    {"POST", "/v1/chat/completions", ChatCompletions, kOpenAi, Body::kJson, kMediaBody},
    {"POST", "/v1/responses", CreateResponse, kOpenAi, Body::kJson, kMediaBody},
    {"POST", "/v1/responses/input_tokens", CountResponseTokens, kOpenAi, Body::kJson, kMediaBody},
    {"GET", "/v1/responses/{id}", ShowResponse, kOpenAi, Body::kNone, 0, kQuery},
    {"DELETE", "/v1/responses/{id}", DeleteResponse},
    {"POST", "/v1/responses/{id}/cancel", CancelResponse, kOpenAi, Body::kNone, kNoBody, kUrgent},
    {"GET", "/v1/responses/{id}/input_items", ListInputItems, kOpenAi, Body::kNone, 0, kQuery},
    {"POST", "/v1/audio/transcriptions", CreateTranscription, kOpenAi, Body::kForm, kMediaBody},
    {"POST", "/v1/audio/translations", CreateTranslation, kOpenAi, Body::kForm, kMediaBody},
    {"POST", "/v1/messages", CreateMessage, kAnthropic, Body::kJson, kMediaBody},
    {"POST", "/v1/messages/count_tokens", CountMessageTokens, kAnthropic, Body::kJson, kMediaBody},
    {"GET", "/v1/models", ListModels, kOpenAi, Body::kNone, 0, kQuery},
    {"GET", "/v1/models/{id}", ShowModel, kOpenAi, Body::kNone, 0, kQuery},
    {"POST", "/v1/tokenize", Tokenize, kOpenAi, Body::kJson, kPlainBody},
    {"POST", "/v1/detokenize", Detokenize, kOpenAi, Body::kJson, kPlainBody},
    {"GET", "/metrics", Metrics},
    {"GET", "/v1/carat/status", ShowStatus},
    {"GET", "/v1/carat/models", ListStoredModels},
    {"POST", "/v1/carat/models/load", LoadModel, kOpenAi, Body::kJson, kPlainBody},
    {"POST", "/v1/carat/models/unload", UnloadModel, kOpenAi, Body::kNone, kNoBody},
    {"POST", "/v1/carat/models/pull", PullModel, kOpenAi, Body::kJson, kPlainBody},
    {"GET", "/v1/carat/page/proof", ProveToPage, kOpenAi, Body::kNone, 0, kOpen | kQuery},
    {"POST", "/v1/carat/page/codes", NewPageCode, kOpenAi, Body::kNone, kNoBody, kSecret},
    {"POST", "/v1/carat/page/tokens", NewPageToken, kOpenAi, Body::kJson, kPlainBody,
     kOpen | kSecret},
    {"DELETE", "/v1/carat/page/tokens", DropPageTokens, kOpenAi, Body::kNone, 0, kQuery},
    {"GET", "/v1/carat/conversations", ListConversations, kOpenAi, Body::kNone, 0, kQuery},
    {"POST", "/v1/carat/conversations", CreateConversation, kOpenAi, Body::kJson, kPlainBody},
    {"POST", "/v1/carat/conversations/import", ImportConversation, kOpenAi, Body::kJson,
     kMediaBody},
    {"GET", "/v1/carat/conversations/changes", WatchConversations, kOpenAi, Body::kNone, 0, kQuery},
    {"GET", "/v1/carat/conversations/{id}", ShowConversation, kOpenAi, Body::kNone, 0, kQuery},
    {"POST", "/v1/carat/conversations/{id}", ChangeConversation, kOpenAi, Body::kJson, kPlainBody},
    {"DELETE", "/v1/carat/conversations/{id}", DeleteConversation},
    {"POST", "/v1/carat/conversations/{id}/messages", AskInConversation, kOpenAi, Body::kJson,
     kMediaBody},
    {"POST", "/v1/carat/messages/{id}/answer", AnswerAgain, kOpenAi, Body::kNone, kNoBody},
    {"DELETE", "/v1/carat/messages/{id}", DeleteMessage},
    {"GET", "/v1/carat/search", SearchConversations, kOpenAi, Body::kNone, 0, kQuery},
    {"POST", "/v1/carat/media", KeepMedium, kOpenAi, Body::kBytes, kMediaBody},
    {"POST", "/v1/carat/media/tokens", CountMediaTokens, kOpenAi, Body::kJson, kMediaBody},
    {"GET", "/v1/carat/media/{id}", ShowMedium, kOpenAi, Body::kNone, 0, kSecret},
    {"GET", "/v1/carat/presets", ListPresets},
    {"POST", "/v1/carat/presets", KeepPreset, kOpenAi, Body::kJson, kPlainBody},
    {"DELETE", "/v1/carat/presets", DropPreset, kOpenAi, Body::kNone, 0, kQuery},
    {"POST", "/v1/carat/backup", BackupHistory, kOpenAi, Body::kNone, kNoBody},
    {"GET", "/v1/carat/answers", ListAnswers},
    {"GET", "/v1/carat/answers/{id}", ReadAnswer, kOpenAi, Body::kNone, 0, kQuery},
    {"POST", "/v1/carat/answers/{id}/cancel", CancelAnswer, kOpenAi, Body::kNone, kNoBody, kUrgent},
    {"POST", "/v1/carat/answers/{id}/end_thinking", EndThinking, kOpenAi, Body::kNone, kNoBody,
     kUrgent},
});

// Whether the path has the pattern's form; `id`: what stands for {id}.
bool Matches(std::string_view pattern, std::string_view path, std::string& id) {
  const size_t hole = pattern.find("{id}");
  if (hole == std::string_view::npos) return path == pattern;
  const std::string_view before = pattern.substr(0, hole), behind = pattern.substr(hole + 4);
  if (path.size() <= before.size() + behind.size() || !path.starts_with(before) ||
      !path.ends_with(behind)) {
    return false;
  }
  id = path.substr(before.size(), path.size() - before.size() - behind.size());
  return id.find('/') == std::string::npos;
}

}  // namespace

std::span<const Route> AllRoutes() { return kRoutes; }

RouteMatch FindRoute(std::string_view method, std::string_view path) {
  RouteMatch match;
  if (method == "HEAD") method = "GET";
  for (const Route& route : kRoutes) {
    std::string id;
    if (!Matches(route.pattern, path, id)) continue;
    if (route.method == method) return {.route = &route, .id = std::move(id)};
    match.allow += (match.allow.empty() ? "" : ", ") + std::string(route.method);
  }
  return match;
}

Dialect DialectOf(std::string_view path) {
  return path.starts_with("/v1/messages") ? Dialect::kAnthropic : Dialect::kOpenAi;
}

}  // namespace carat
