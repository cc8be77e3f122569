#include "api/openai/responses.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <ranges>
#include <utility>

#include "api/fields.h"
#include "api/model_choice.h"
#include "api/openai/response_items.h"
#include "api/openai/responses_request.h"
#include "api/openai/responses_writer.h"
#include "api/query.h"
#include "sys/ids.h"

namespace carat {
namespace {

// A cancelled answer ends within one step of the model; a prompt's slice may take longer.
constexpr std::chrono::milliseconds kCancelWait{3000};

ApiError NoSuchResponse() {
  return {.status = 404, .code = "not_found", .message = "There is no such response."};
}

Json KeptInput(Json items, const std::string& response_id) {
  const std::string suffix = response_id.substr(response_id.find('_') + 1) + "_in";
  size_t number = 0;
  for (Json& item : items.array()) {
    item = KeptItem(std::move(item), suffix + std::to_string(number++));
  }
  return items;
}

// Makes writers of one answer. Does not keep the model alive: without it, logprobs are left out.
class WriterMaker {
 public:
  WriterMaker(ResponseFrame frame, bool logprobs, std::weak_ptr<LoadedService> loaded)
      : frame_(std::move(frame)), logprobs_(logprobs), loaded_(std::move(loaded)) {}

  ResponseFrame Frame() const {
    ResponseFrame frame = frame_;
    const std::shared_ptr<LoadedService> held = logprobs_ ? loaded_.lock() : nullptr;
    if (held != nullptr) frame.tokenizer = {held, held->engine->tokenizer()};
    return frame;
  }
  std::unique_ptr<AnswerWriter> operator()() const {
    return std::make_unique<ResponsesWriter>(Frame());
  }
  Json operator()(const Answer& answer) const { return ResponseOf(Frame(), answer); }

 private:
  ResponseFrame frame_;
  bool logprobs_;
  std::weak_ptr<LoadedService> loaded_;
};

Result<ResponsesRequest> ReadCall(Api& api, const Call& call, bool count) {
  CARAT_ASSIGN(const Json body, call.ParseBody());
  return ReadResponsesRequest(body, call.owner, api.responses(), count);
}

std::optional<StoredResponse> Stored(Api& api, Call& call) {
  auto stored = api.responses().Find(call.owner, call.path_id);
  if (!stored) call.SendError(NoSuchResponse());
  return stored;
}

struct ShowOptions {
  bool stream = false;
  uint64_t skip = 0;
};

Result<ShowOptions> ReadShowOptions(std::string_view query) {
  CARAT_ASSIGN(const Json members, ParseQuery(query));
  CARAT_ASSIGN(Fields fields, Fields::Of(members, ""));
  CARAT_ASSIGN(const auto stream, fields.Bool("stream"));
  CARAT_ASSIGN(const auto after, fields.Int("starting_after", 0, INT32_MAX));
  fields.Ignore({"include"});  // all that there is is included
  CARAT_TRY(fields.Only("include_obfuscation", {false}));
  CARAT_TRY(fields.Done());
  if (after && !stream.value_or(false)) {
    return Fail(
        {.what = "belongs to a stream", .where = "starting_after", .wanted = "stream=true"});
  }
  return ShowOptions{.stream = stream.value_or(false),
                     .skip = after ? static_cast<uint64_t>(*after) + 1 : 0};
}

struct ListOptions {
  bool ascending = false;
  size_t limit = 20;
  std::string after = {};
};

Result<ListOptions> ReadListOptions(std::string_view query) {
  CARAT_ASSIGN(const Json members, ParseQuery(query));
  CARAT_ASSIGN(Fields fields, Fields::Of(members, ""));
  CARAT_ASSIGN(const auto order, fields.OneOf("order", {"asc", "desc"}));
  CARAT_ASSIGN(const auto limit, fields.Int("limit", 1, 100));
  CARAT_ASSIGN(const auto after, fields.String("after"));
  fields.Ignore({"include"});
  CARAT_TRY(fields.Done());
  return ListOptions{.ascending = order == "asc",
                     .limit = static_cast<size_t>(limit.value_or(20)),
                     .after = after.value_or("")};
}

Result<Json> PageOf(Json items, const ListOptions& options) {
  Json::Array& all = items.array();
  if (!options.ascending) std::ranges::reverse(all);
  const auto id_of = [](const Json& item) { return item.Find("id")->string(); };
  auto begin = all.begin();
  if (!options.after.empty()) {
    begin = std::ranges::find(all, options.after, id_of);
    if (begin == all.end()) return Fail({.what = "no such item", .where = "after"});
    ++begin;
  }
  const auto left = static_cast<size_t>(all.end() - begin);
  const auto end = begin + static_cast<std::ptrdiff_t>(std::min(left, options.limit));
  Json::Array page(begin, end);
  Json list;
  list.Set("object", "list");
  list.Set("first_id", page.empty() ? "" : id_of(page.front()));
  list.Set("last_id", page.empty() ? "" : id_of(page.back()));
  list.Set("has_more", left > options.limit);
  list.Set("data", std::move(page));
  return list;
}

}  // namespace

void CreateResponse(Api& api, Call& call) {
  Result<ResponsesRequest> request = ReadCall(api, call, false);
  if (!request) return call.SendError(ToApiError(request.error()));
  const auto loaded = ServiceFor(api.host(), request->model);
  if (!loaded) return call.SendError(loaded.error());
  const std::string id = NewId("resp_");
  Json input = KeptInput(std::move(request->input), id);
  const auto answer = (*loaded)->service->Submit(request->ask, call.StillThere());
  if (!answer) return call.SendError(ToApiError(answer.error()));
  const AnswerGuard guard(**answer);

  const Json* const previous = request->echo.Find("previous_response_id");
  StoredResponse stored{.id = id,
                        .owner = call.owner,
                        .previous = previous->is_string() ? previous->string() : "",
                        .input = std::move(input),
                        .background = request->background,
                        .answer = *answer};
  const WriterMaker make({.id = id,
                          .model = (*loaded)->name,
                          .echo = std::move(request->echo),
                          .background = request->background,
                          .summary = request->summary,
                          .sealed = request->sealed,
                          .spaced = std::move(request->spaced),
                          .progress = request->progress},
                         request->ask.logprobs.has_value(), *loaded);
  request->ask = {};  // media are large
  stored.render = make;
  stored.make_writer = make;
  api.answers().Add({.id = id, .owner = call.owner, .answer = *answer, .make_writer = make});
  const bool stores = request->store;
  if (stores) api.responses().Add(std::move(stored));
  if (request->background && !request->stream) return call.SendJson(make(**answer));
  WriteAnswer(call.exchange, **answer, *make(),
              {.stream = request->stream,
               .detached = request->background || request->detached,
               .fields = {{"x-carat-answer", id}},
               .before_end = [&] {
                 if (stores) api.responses().SettleEnded();
               }});
}

void CountResponseTokens(Api& api, Call& call) {
  const Result<ResponsesRequest> request = ReadCall(api, call, true);
  if (!request) return call.SendError(ToApiError(request.error()));
  const auto loaded = ServiceFor(api.host(), request->model);
  if (!loaded) return call.SendError(loaded.error());
  const auto count = (*loaded)->service->Count(request->ask, call.StillThere());
  if (!count) return call.SendError(ToApiError(count.error()));
  Json body;
  body.Set("object", "response.input_tokens");
  body.Set("input_tokens", count->tokens);
  call.SendJson(body);
}

void ShowResponse(Api& api, Call& call) {
  const auto options = ReadShowOptions(call.request.head.query);
  if (!options) return call.SendError(ToApiError(options.error()));
  const auto stored = Stored(api, call);
  if (!stored) return;
  if (!options->stream) return call.SendJson(stored->response);
  if (!stored->make_writer) {
    return call.SendError({.code = "invalid_value",
                           .param = "stream",
                           .message = "The events of this response are not kept any more."});
  }
  WriteAnswer(call.exchange, *stored->answer, *stored->make_writer(),
              {.stream = true, .detached = true, .skip = options->skip, .before_end = [&] {
                 api.responses().SettleEnded();
               }});
}

void DeleteResponse(Api& api, Call& call) {
  const Result<bool> removed = api.responses().Remove(call.owner, call.path_id);
  if (!removed) return call.SendError(ToApiError(removed.error()));
  if (!*removed) return call.SendError(NoSuchResponse());
  api.answers().Forget(call.owner, call.path_id);
  Json body;
  body.Set("id", call.path_id);
  body.Set("object", "response");
  body.Set("deleted", true);
  call.SendJson(body);
}

void CancelResponse(Api& api, Call& call) {
  const auto stored = Stored(api, call);
  if (!stored) return;
  if (!stored->background) {
    return call.SendError({.code = "invalid_value",
                           .message = "Only a response in the background can be cancelled."});
  }
  if (stored->answer != nullptr) {
    stored->answer->Cancel();
    AnswerEvent event;
    static_cast<void>(stored->answer->Wait(SIZE_MAX, kCancelWait, event));
  }
  const auto now = Stored(api, call);
  if (now) call.SendJson(now->response);
}

void ListInputItems(Api& api, Call& call) {
  const auto options = ReadListOptions(call.request.head.query);
  if (!options) return call.SendError(ToApiError(options.error()));
  auto stored = Stored(api, call);
  if (!stored) return;
  const auto page = PageOf(std::move(stored->input), *options);
  if (!page) return call.SendError(ToApiError(page.error()));
  call.SendJson(*page);
}

}  // namespace carat
