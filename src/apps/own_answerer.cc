#include "apps/own_answerer.h"

#include <fmt/format.h>

#include <random>
#include <string>
#include <utility>

#include "apps/interrupt.h"
#include "apps/run_options.h"
#include "chat/prompt.h"
#include "engine/stop_strings.h"
#include "sys/clock.h"

namespace carat {
namespace {

OutputEvent TextEvent(std::string text) {
  OutputEvent event;
  event.text = std::move(text);
  return event;
}

// Shows events and keeps them for the history. Stop strings look at the answer's text only.
Status Show(std::vector<OutputEvent>& fresh, StopStrings& stops, AnswerView& view,
            std::vector<OutputEvent>& all) {
  const auto show = [&](OutputEvent event) -> Status {
    CARAT_TRY(view.Event(event));
    all.push_back(std::move(event));
    return {};
  };
  for (OutputEvent& event : fresh) {
    if (stops.hit()) break;
    const bool text = event.kind == OutputEvent::Kind::kText;
    // What was held back stands before an event of another kind.
    std::string ready = text ? stops.Push(event.text) : stops.Finish();
    if (!ready.empty()) {
      CARAT_TRY(show(TextEvent(std::move(ready))));
    }
    if (!text) {
      CARAT_TRY(show(std::move(event)));
    }
  }
  fresh.clear();
  return {};
}

}  // namespace

Result<std::unique_ptr<OwnAnswerer>> OwnAnswerer::Create(Engine& engine,
                                                         const SessionOptions& options,
                                                         GenerateOptions generating) {
  CARAT_ASSIGN(const Tokenizer* const tokenizer, engine.RequireTokenizer());
  CARAT_ASSIGN(Session session, Session::Create(engine, options));
  return std::unique_ptr<OwnAnswerer>(
      new OwnAnswerer(std::move(session), *tokenizer, std::move(generating)));
}

OwnAnswerer::OwnAnswerer(Session session, const Tokenizer& tokenizer, GenerateOptions generating)
    : session_(std::move(session)), tokenizer_(tokenizer), generating_(std::move(generating)) {}

size_t OwnAnswerer::Positions(const RenderedPrompt& rendered) const {
  return ToPrompt(tokenizer_, rendered).ids.size();
}

Result<MadeAnswer> OwnAnswerer::Answer(const Question& question, AnswerView& view) {
  CARAT_ASSIGN(const RenderedPrompt rendered,
               RenderPrompt(question.messages, nullptr, {.enable_thinking = question.think}));
  CARAT_ASSIGN(const Prompt prompt, ToPrompt(tokenizer_, rendered, question.media));
  AnswerStats stats;
  stats.prompt_tokens = prompt.ids.size();
  const double start = Now();
  CARAT_ASSIGN(stats.sync, session_.SyncTo(prompt, [&](size_t done, size_t total) {
    view.Prefill(done, total);
    return !Interrupted();
  }));
  const double read = Now();
  GenerateOptions generating = generating_;
  generating.sampling.seed = stats.seed = question.seed ? *question.seed : std::random_device()();
  CARAT_ASSIGN(Generation answer, Generation::Create(session_, std::move(generating)));
  const Speculator* speculator = session_.speculator();
  const DraftCounts before = speculator != nullptr ? speculator->counts() : DraftCounts();
  std::vector<OutputEvent> all;
  CARAT_ASSIGN(stats.reason, Decode(answer, question, rendered.opens_thought, view, all));
  MadeAnswer made;
  // An answer without a word is one all the same, unless Ctrl-C came before it began.
  if (!all.empty() || stats.reason != "cancelled") made.message = AssistantMessage(all);
  stats.tokens = answer.num_tokens();
  stats.prefill_seconds = read - start;
  stats.seconds = Now() - read;
  stats.drafting = DescribeDrafting(session_, before);
  if (speculator != nullptr) stats.drafts = speculator->counts() - before;
  stats.used = session_.size();
  stats.context = session_.context();
  view.Done(stats);
  made.stats = std::move(stats);
  return made;
}

// The answer's events into `all`; why it ended.
Result<std::string_view> OwnAnswerer::Decode(Generation& answer, const Question& question,
                                             bool opens_thought, AnswerView& view,
                                             std::vector<OutputEvent>& all) {
  OutputParser parser(tokenizer_, opens_thought);
  StopStrings stops({question.stop.begin(), question.stop.end()});
  std::vector<OutputEvent> fresh;
  StopReason reason = StopReason::kNone;
  while (!answer.done() && !Interrupted() && !stops.hit()) {
    CARAT_ASSIGN(const GenerateStep step, answer.Step(parser.text_kind()));
    reason = step.reason;
    if (step.id < 0) continue;
    parser.Push(step.id, fresh);
    CARAT_TRY(Show(fresh, stops, view, all));
  }
  parser.Finish(fresh);
  CARAT_TRY(Show(fresh, stops, view, all));
  if (std::string rest = stops.Finish(); !rest.empty()) {
    all.push_back(TextEvent(std::move(rest)));
    CARAT_TRY(view.Event(all.back()));
  }
  if (stops.hit()) return "stop_string";
  return reason == StopReason::kNone ? "cancelled" : StopReasonName(reason);
}

std::string OwnAnswerer::Describe() const {
  const Engine& engine = session_.engine();
  return fmt::format("context {} of {} positions; kernels {}, {} threads\ndrafting: {}\n",
                     session_.size(), session_.context(), engine.table().name,
                     engine.pool().threads(), DescribeDrafting(session_, {}));
}

GenerateOptions GreedyOptions(const Engine& engine, size_t max_tokens) {
  GenerateOptions options = OptionsFrom(engine.defaults());
  options.sampling.temperature = 0;
  options.max_tokens = max_tokens;
  if (engine.tokenizer() != nullptr) {
    const auto reserved = ReservedInConversation(*engine.tokenizer(), engine.config().vocab_size);
    options.sampling.suppressed.insert(options.sampling.suppressed.end(), reserved.begin(),
                                       reserved.end());
  }
  return options;
}

Error OwnAnswerer::WithAdvice(Error error) const {
  if (error.code == ErrorCode::kContextFull) {
    error.what += fmt::format("; --context N gives more room, up to {}",
                              session_.engine().config().max_positions);
  }
  return error;
}

}  // namespace carat
