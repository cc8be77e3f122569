#include "service/task.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "sys/clock.h"

namespace carat {
namespace {

AnswerEnd EndOf(StopReason reason, bool called) {
  switch (reason) {
    case StopReason::kNone:
      break;
    case StopReason::kStopToken:
      return called ? AnswerEnd::kToolCalls : AnswerEnd::kStop;
    case StopReason::kMaxTokens:
      return AnswerEnd::kMaxTokens;
    case StopReason::kContextFull:
      return AnswerEnd::kContextFull;
    case StopReason::kRepetition:
      return AnswerEnd::kRepetition;
  }
  return AnswerEnd::kNone;
}

}  // namespace

Task::Task(std::shared_ptr<Asked> asked, size_t choice, const Tokenizer& tokenizer)
    : asked_(std::move(asked)),
      choice_(choice),
      tokenizer_(tokenizer),
      parser_(tokenizer, asked_->prepared->opens_thought),
      stops_(asked_->prepared->stop) {}

void Task::Send(AnswerEvent event) {
  event.choice = choice_;
  asked_->answer->Add(std::move(event));
}

void Task::Begin(Session& session) {
  session_ = &session;
  auto begun = session.Begin(prepared().prompt);
  if (!begun) return Fail(begun.error());
  reading_ = *std::move(begun);
  if (choice_ > 0) return;
  asked_->usage.queued_s = Now() - asked_->submitted_s;
  asked_->usage.prompt = prepared().count.tokens;
  asked_->usage.pictures = prepared().count.pictures;
  asked_->usage.sound = prepared().count.sound;
  asked_->usage.cached = reading_->report.reused;
  asked_->answer->SetUsage(asked_->usage);
}

void Task::Read(const Slice& slice) {
  if (!slice.status) return Fail(slice.status.error());
  if (prepared().progress && choice_ == 0) {
    const SyncReport& report = reading_->report;
    Send({.kind = AnswerEvent::Kind::kPrefill,
          .done = report.reused + report.prefilled,
          .total = reading_->prompt.ids.size()});
  }
  if (slice.whole) Started();
}

void Task::Started() {
  reading_.reset();
  GenerateOptions options = prepared().generating;
  options.sampling.seed += choice_;
  if (prepared().grammar != nullptr)
    options.constraint = prepared().grammar->Start(prepared().opens_thought, options.stop);
  auto generation = Generation::Create(*session_, std::move(options));
  if (!generation) return Fail(generation.error());
  generation_.emplace(*std::move(generation));
  if (!asked_->prompt_read) Send({.kind = AnswerEvent::Kind::kStarted});
  asked_->prompt_read = true;
}

std::optional<Appending> Task::Wants() { return generation_->Wants(parser_.text_kind()); }

bool Task::Choose(const Appending* appended) {
  if (appended != nullptr && !appended->status) {
    Fail(appended->status.error());
    return false;
  }
  if (appended != nullptr && appended->rows == 0) ++asked_->usage.accepted;
  if (appended != nullptr && appended->rows > 1) asked_->usage.drafted += appended->rows - 1;
  EndThoughtIfDue();
  KeepLogits();
  const auto step = generation_->Choose();
  if (!step) {
    Fail(step.error());
    return false;
  }
  if (step->id >= 0) Take(step->id);
  if (!done()) EndIfDue(step->reason);
  return step->id >= 0;
}

void Task::EndIfDue(StopReason reason) {
  asked_->answer->SetUsage(asked_->usage);
  if (stops_.hit()) return Finish(AnswerEnd::kStopString, stops_.which());
  if (reason == StopReason::kNone) return;
  parser_.Finish(events_);
  Emit(events_, reason != StopReason::kStopToken);
  EmitText(stops_.Finish());
  Finish(EndOf(reason, called_), "");
}

// A thought that has used its budget, or that somebody wants ended, is closed.
void Task::EndThoughtIfDue() {
  const bool asked = asked_->answer->end_thinking();
  if (!parser_.in_thought_text()) return;
  const auto& budget = prepared().thinking_budget;
  if (asked || (budget && thinking_ >= *budget))
    generation_->Force({tokenizer_.special().channel_end});
}

void Task::KeepLogits() {
  if (!prepared().logprobs || parser_.text_kind() != TextKind::kAnswer) return;
  const auto logits = session_->logits();
  logits_.assign(logits.begin(), logits.end());
}

// The model's own probabilities: log softmax of its logits.
void Task::NoteLogprob(TokenId id) {
  if (logits_.empty() || tokenizer_.IsSpecial(id)) return logits_.clear();
  const float top = *std::ranges::max_element(logits_);
  double sum = 0;
  for (const float logit : logits_) sum += std::exp(double{logit} - double{top});
  const double norm = double{top} + std::log(sum);
  const auto of = [&](TokenId t) {
    return static_cast<float>(double{logits_[static_cast<size_t>(t)]} - norm);
  };
  TokenLogprob noted{.id = id, .logprob = of(id)};
  const size_t count = std::min(*prepared().logprobs, logits_.size());
  std::vector<TokenId> best;  // in falling order
  const auto higher = [&](TokenId a, TokenId b) {
    const float x = logits_[static_cast<size_t>(a)], y = logits_[static_cast<size_t>(b)];
    return x != y ? x > y : a < b;
  };
  for (TokenId t = 0; count > 0 && static_cast<size_t>(t) < logits_.size(); ++t) {
    if (best.size() == count && !higher(t, best.back())) continue;
    if (best.size() == count) best.pop_back();
    best.insert(std::ranges::upper_bound(best, t, higher), t);
  }
  for (const TokenId t : best) noted.top.emplace_back(t, of(t));
  logprobs_.push_back(std::move(noted));
  logits_.clear();
}

void Task::Take(TokenId id) {
  ++asked_->usage.generated;
  if (parser_.in_thought_text() && id != tokenizer_.special().channel_end) {
    ++thinking_;
    ++asked_->usage.thinking;
    thought_ = true;
  }
  NoteLogprob(id);
  parser_.Push(id, events_);
  Emit(events_);
}

void Task::Emit(std::vector<OutputEvent>& events, bool cut) {
  for (OutputEvent& event : events) {
    if (stops_.hit()) break;
    if (event.kind == OutputEvent::Kind::kText) {
      EmitText(stops_.Push(event.text));
      continue;
    }
    EmitText(stops_.Finish());
    using Kind = AnswerEvent::Kind;
    if (cut && event.kind == OutputEvent::Kind::kMalformedCall) {
      Send({.kind = Kind::kCutCall});
      continue;
    }
    const Kind kind = event.kind == OutputEvent::Kind::kThinking   ? Kind::kThinking
                      : event.kind == OutputEvent::Kind::kToolCall ? Kind::kToolCall
                                                                   : Kind::kMalformedCall;
    called_ = called_ || kind == Kind::kToolCall;
    Send({.kind = kind,
          .text = std::move(event.text),
          .name = std::move(event.name),
          .arguments = std::move(event.arguments),
          .problem = std::move(event.problem)});
  }
  events.clear();
}

void Task::EmitText(std::string text) {
  if (text.empty()) return;
  Send({.kind = AnswerEvent::Kind::kText,
        .text = std::move(text),
        .logprobs = std::exchange(logprobs_, {})});
}

// What was asked for has been checked: an error from here on is not the client's.
void Task::Fail(Error error) {
  if (error.code == ErrorCode::kInvalid) error.code = ErrorCode::kIo;
  asked_->answer->SetError(std::move(error));
  End(AnswerEnd::kFailed);
}

void Task::End(AnswerEnd end) {
  if (done()) return;
  if (generation_) {
    parser_.Finish(events_);
    Emit(events_, true);
    EmitText(stops_.Finish());
  }
  Finish(end, "");
}

void Task::Finish(AnswerEnd end, const std::string& stop_string) {
  CARAT_CHECK(!done() && end != AnswerEnd::kNone);
  ended_ = end;
  if (choice_ == 0 && !asked_->prompt_read) asked_->failed = true;
  reading_.reset();
  asked_->answer->SetUsage(asked_->usage);
  Send({.kind = AnswerEvent::Kind::kChoiceEnd,
        .text = stop_string,
        .end = end,
        .logprobs = std::exchange(logprobs_, {})});
  if (--asked_->open == 0) Send({.kind = AnswerEvent::Kind::kEnd});
}

void Task::AddSeconds(double prefill_s, double decode_s) {
  asked_->usage.prefill_s += prefill_s;
  asked_->usage.decode_s += decode_s;
}

}  // namespace carat
