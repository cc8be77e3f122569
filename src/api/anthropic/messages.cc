#include "api/anthropic/messages.h"

#include <memory>
#include <utility>

#include "api/anthropic/messages_request.h"
#include "api/anthropic/messages_writer.h"
#include "api/model_choice.h"
#include "sys/ids.h"

namespace carat {
namespace {

Result<MessagesRequest> ReadCall(const Call& call, bool count) {
  CARAT_ASSIGN(const Json body, call.ParseBody());
  CARAT_ASSIGN(MessagesRequest request, ReadMessagesRequest(body, count));
  request.ask.owner = call.owner;
  return request;
}

}  // namespace

void CreateMessage(Api& api, Call& call) {
  Result<MessagesRequest> request = ReadCall(call, false);
  if (!request) return call.SendError(ToApiError(request.error()));
  const auto loaded = ServiceFor(api.host(), request->model);
  if (!loaded) return call.SendError(loaded.error());
  const auto answer = (*loaded)->service->Submit(request->ask, call.StillThere());
  if (!answer) return call.SendError(ToApiError(answer.error()));
  const AnswerGuard guard(**answer);
  request->ask = {};  // media are large
  const MessagesWriterOptions options{.id = NewId("msg_"),
                                      .model = (*loaded)->name,
                                      .request_id = call.id,
                                      .omit_thinking = request->omit_thinking};
  const auto make = [options] {
    return std::unique_ptr<AnswerWriter>(std::make_unique<MessagesWriter>(options));
  };
  api.answers().Add(
      {.id = options.id, .owner = call.owner, .answer = *answer, .make_writer = make});
  WriteAnswer(call.exchange, **answer, *make(),
              {.stream = request->stream,
               .detached = request->detached,
               .fields = {{"x-carat-answer", options.id}}});
}

void CountMessageTokens(Api& api, Call& call) {
  const Result<MessagesRequest> request = ReadCall(call, true);
  if (!request) return call.SendError(ToApiError(request.error()));
  const auto loaded = ServiceFor(api.host(), request->model);
  if (!loaded) return call.SendError(loaded.error());
  const auto count = (*loaded)->service->Count(request->ask, call.StillThere());
  if (!count) return call.SendError(ToApiError(count.error()));
  Json body;
  body.Set("input_tokens", count->tokens);
  call.SendJson(body);
}

}  // namespace carat
