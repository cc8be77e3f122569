#include "apps/conversation.h"

#include <utility>

#include "apps/input.h"
#include "base/bytes.h"
#include "chat/prompt.h"
#include "engine/stop_strings.h"
#include "io/file.h"
#include "sys/clock.h"

namespace carat {
namespace {

OutputEvent TextEvent(std::string text) {
  OutputEvent event;
  event.text = std::move(text);
  return event;
}

// Shows events and keeps them for the history. Stop strings look at the answer's text only.
void Take(std::vector<OutputEvent>& fresh, StopStrings& stops, AnswerView& view,
          std::vector<OutputEvent>& all) {
  for (OutputEvent& event : fresh) {
    if (stops.hit()) break;
    if (event.kind == OutputEvent::Kind::kText) {
      event.text = stops.Push(event.text);
      if (event.text.empty()) continue;
    }
    view.Event(event);
    all.push_back(std::move(event));
  }
  fresh.clear();
}

}  // namespace

Conversation::Conversation(Session& session, const Tokenizer& tokenizer,
                           const std::atomic<bool>& interrupted, Options options)
    : session_(session),
      tokenizer_(tokenizer),
      interrupted_(interrupted),
      options_(std::move(options)) {
  Clear();
}

void Conversation::Clear() {
  messages_ = Json(Json::Array());
  if (!options_.system.empty()) AddMessage("system", options_.system);
}

void Conversation::SetSystem(const std::string& text) {
  options_.system = text;
  Clear();
}

Status Conversation::Save(const std::string& path) const {
  return WriteFileAtomic(path, AsBytes(messages_.Dump(2) + "\n"), 0600);
}

Status Conversation::Load(const std::string& path) {
  CARAT_ASSIGN(Json messages, ReadJsonFile(path));
  if (const auto rendered = RenderPrompt(messages, nullptr, {}); !rendered)
    return Fail(Within(path, rendered.error()));
  messages_ = std::move(messages);
  return {};
}

Status Conversation::Answer(const std::string& text, AnswerView& view) {
  AddMessage("user", text);
  Status done = Stream(view);
  if (!done) {
    view.Broken();
    messages_.array().pop_back();
  }
  return done;
}

void Conversation::AddMessage(std::string_view role, const std::string& content) {
  Json message;
  message.Set("role", role);
  message.Set("content", content);
  messages_.array().push_back(std::move(message));
}

Status Conversation::Stream(AnswerView& view) {
  CARAT_ASSIGN(const RenderedPrompt rendered,
               RenderPrompt(messages_, nullptr, {.enable_thinking = options_.think}));
  const Prompt prompt = ToPrompt(tokenizer_, rendered);
  AnswerStats stats;
  stats.prompt_tokens = prompt.ids.size();
  const double start = Now();
  CARAT_ASSIGN(stats.sync, session_.SyncTo(prompt, [&](size_t done, size_t total) {
    view.Prefill(done, total);
    return !interrupted_;
  }));
  const double read = Now();
  CARAT_ASSIGN(Generation answer, Generation::Create(session_, options_.generating));
  std::vector<OutputEvent> all;
  CARAT_ASSIGN(stats.reason, Decode(answer, rendered.opens_thought, view, all));
  messages_.array().push_back(AssistantMessage(all));
  stats.tokens = answer.num_tokens();
  stats.prefill_seconds = read - start;
  stats.seconds = Now() - read;
  stats.used = session_.size();
  stats.context = session_.context();
  view.Done(stats);
  return {};
}

// The answer's events into `all`; why it ended.
Result<std::string_view> Conversation::Decode(Generation& answer, bool opens_thought,
                                              AnswerView& view, std::vector<OutputEvent>& all) {
  OutputParser parser(tokenizer_, opens_thought);
  StopStrings stops(options_.stop);
  std::vector<OutputEvent> fresh;
  StopReason reason = StopReason::kNone;
  while (!answer.done() && !interrupted_ && !stops.hit()) {
    CARAT_ASSIGN(const GenerateStep step, answer.Step());
    reason = step.reason;
    if (step.id < 0 || static_cast<size_t>(step.id) >= tokenizer_.size()) continue;
    parser.Push(step.id, fresh);
    Take(fresh, stops, view, all);
  }
  parser.Finish(fresh);
  Take(fresh, stops, view, all);
  if (std::string rest = stops.Finish(); !rest.empty()) {
    all.push_back(TextEvent(std::move(rest)));
    view.Event(all.back());
  }
  if (stops.hit()) return "stop_string";
  return interrupted_ && reason == StopReason::kNone ? "cancelled" : StopReasonName(reason);
}

}  // namespace carat
