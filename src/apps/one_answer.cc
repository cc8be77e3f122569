#include "apps/one_answer.h"

#include "apps/interrupt.h"
#include "chat/output_parser.h"

namespace carat {

Result<Prompt> OneMessagePrompt(const Tokenizer& tokenizer, Json::Array parts,
                                const MediaPart& medium) {
  Json message;
  message.Set("role", "user");
  message.Set("content", std::move(parts));
  CARAT_ASSIGN(const RenderedPrompt rendered,
               RenderPrompt(Json(Json::Array{std::move(message)}), nullptr, {}));
  return ToPrompt(tokenizer, rendered, {&medium, 1});
}

Result<OneAnswer> GreedyAnswer(Session& session, const Tokenizer& tokenizer, const Prompt& prompt,
                               size_t max_tokens) {
  CARAT_TRY(session.SyncTo(prompt, [](size_t, size_t) { return !Interrupted(); }));
  GenerateOptions options = OptionsFrom(session.engine().defaults());
  options.sampling.temperature = 0;
  options.max_tokens = max_tokens;
  const auto reserved = ReservedInConversation(tokenizer, session.engine().config().vocab_size);
  options.sampling.suppressed.insert(options.sampling.suppressed.end(), reserved.begin(),
                                     reserved.end());
  CARAT_ASSIGN(Generation answer, Generation::Create(session, std::move(options)));
  OutputParser parser(tokenizer, false);
  std::vector<OutputEvent> events;
  OneAnswer out;
  while (!answer.done()) {
    if (Interrupted()) return Fail({.code = ErrorCode::kCancelled, .what = "cancelled"});
    CARAT_ASSIGN(const GenerateStep step, answer.Step(parser.text_kind()));
    out.reason = step.reason;
    if (step.id >= 0) parser.Push(step.id, events);
  }
  parser.Finish(events);
  std::string text;
  for (const OutputEvent& event : events) {
    if (event.kind == OutputEvent::Kind::kText) text += event.text;
  }
  const size_t begin = text.find_first_not_of(" \n");
  if (begin != std::string::npos)
    out.text = text.substr(begin, text.find_last_not_of(" \n") - begin + 1);
  return out;
}

}  // namespace carat
