#include "api/openai/chat.h"

#include <utility>

#include "api/model_choice.h"
#include "api/openai/chat_request.h"
#include "api/openai/chat_writer.h"
#include "sys/ids.h"

namespace carat {

void ChatCompletions(Api& api, Call& call) {
  Result<Json> body = call.ParseBody();
  if (!body) return call.SendError(ToApiError(body.error()));
  Result<ChatRequest> request = ReadChatRequest(*body);
  if (!request) return call.SendError(ToApiError(request.error()));
  body = Json();  // media are large
  const auto loaded = ServiceFor(api.host(), request->model);
  if (!loaded) return call.SendError(loaded.error());
  request->ask.owner = call.owner;
  auto answer = (*loaded)->service->Submit(request->ask, call.StillThere());
  if (!answer) return call.SendError(ToApiError(answer.error()));
  const AnswerGuard guard(**answer);

  ChatWriterOptions options{.id = NewId("chatcmpl-"),
                            .model = (*loaded)->name,
                            .fingerprint = "carat-" + api.options().version,
                            .choices = request->ask.choices,
                            .include_usage = request->include_usage};
  const bool logprobs = request->ask.logprobs.has_value();
  request->ask = {};
  // The registry must not keep a model alive.
  const auto make = [options, logprobs, weak = std::weak_ptr(*loaded)]() mutable {
    if (logprobs) {
      const std::shared_ptr<LoadedService> held = weak.lock();
      if (held == nullptr) return std::unique_ptr<AnswerWriter>();
      options.tokenizer = {held, held->engine->tokenizer()};
    }
    return std::unique_ptr<AnswerWriter>(std::make_unique<ChatWriter>(options));
  };
  api.answers().Add(
      {.id = options.id, .owner = call.owner, .answer = *answer, .make_writer = make});
  WriteAnswer(call.exchange, **answer, *AnswerRegistry::MakeWriter(make)(),
              {.stream = request->stream,
               .detached = request->detached,
               .fields = {{"x-carat-answer", options.id}}});
}

}  // namespace carat
