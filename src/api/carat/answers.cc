#include "api/carat/answers.h"

#include <charconv>
#include <utility>

#include "api/carat/recorder.h"
#include "base/utf8.h"

namespace carat {
namespace {

const ApiError kNoAnswer{.status = 404,
                         .code = "answer_not_found",
                         .message = "There is no such answer, or it ended too long ago."};

std::optional<uint64_t> NumberOf(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

void SendState(const AnswerRegistry::Entry& entry, Call& call) {
  Json body;
  body.Set("id", entry.id);
  body.Set("ended", entry.answer->ended());
  call.SendJson(body);
}

}  // namespace

Result<uint64_t> EventsHad(const net::RequestHead& head) {
  const std::string_view query = head.query;
  if (!query.empty()) {
    const auto after = query.starts_with("after=") ? NumberOf(query.substr(6)) : std::nullopt;
    if (after) return *after;
    return Fail({.what = "wrong query", .where = "after", .wanted = "after=NUMBER"});
  }
  const std::optional<std::string_view> last = head.Field("last-event-id");
  if (!last) return 0;
  const auto number = NumberOf(*last);
  if (number && *number < UINT64_MAX) return *number + 1;
  return Fail({.what = "wrong Last-Event-ID", .wanted = "a number", .found = Quoted(*last, 20)});
}

void ListAnswers(Api& api, Call& call) {
  const std::vector<std::string> ids = api.answers().Ids(call.owner);
  Json body;
  body.Set("answers", Json(Json::Array(ids.begin(), ids.end())));
  call.SendJson(body);
}

void ReadAnswer(Api& api, Call& call) {
  const Result<uint64_t> had = EventsHad(call.request.head);
  if (!had) return call.SendError(ToApiError(had.error()));
  const auto entry = api.answers().Find(call.owner, call.path_id);
  const auto writer = entry && entry->make_writer ? entry->make_writer() : nullptr;
  if (writer == nullptr) return call.SendError(kNoAnswer);
  WriteAnswer(call.exchange, *entry->answer, *writer,
              {.stream = true,
               .detached = true,
               .numbered = true,
               .skip = *had,
               .fields = {{"x-carat-answer", entry->id}},
               .before_end = [&] {
                 api.responses().SettleEnded();
                 if (api.recorder() != nullptr) api.recorder()->Settle(entry->id);
               }});
}

void CancelAnswer(Api& api, Call& call) {
  const auto entry = api.answers().Find(call.owner, call.path_id);
  if (!entry) return call.SendError(kNoAnswer);
  entry->answer->Cancel();
  SendState(*entry, call);
}

void EndThinking(Api& api, Call& call) {
  const auto entry = api.answers().Find(call.owner, call.path_id);
  if (!entry) return call.SendError(kNoAnswer);
  entry->answer->EndThinking();
  SendState(*entry, call);
}

}  // namespace carat
