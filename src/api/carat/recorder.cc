#include "api/carat/recorder.h"

#include <algorithm>
#include <utility>

#include "api/answer_report.h"
#include "api/api_error.h"
#include "sys/clock.h"

namespace carat {
namespace {

constexpr std::chrono::milliseconds kLook{200};
constexpr double kSaveEvery = 1;  // seconds
constexpr std::chrono::hours kSweep{1};

Json UsageOf(const Answer& answer) {
  const AnswerUsage usage = answer.usage();
  Json report = ReportOf(answer);
  report.Set("prompt", usage.prompt);
  report.Set("cached", usage.cached);
  report.Set("generated", usage.generated);
  report.Set("thinking", usage.thinking);
  return report;
}

}  // namespace

void AnswerBody::Take(const AnswerEvent& event, const Answer& answer, double now_s) {
  using Kind = AnswerEvent::Kind;
  switch (event.kind) {
    case Kind::kThinking:
      if (thoughts_.empty()) thought_begin_s_ = now_s;
      thought_end_s_ = now_s;
      thoughts_ += event.text;
      return;
    case Kind::kText:
    case Kind::kMalformedCall:
      text_ += event.text;
      return;
    case Kind::kToolCall: {
      Json call;
      call.Set("name", event.name);
      call.Set("arguments", event.arguments);
      calls_.push_back(std::move(call));
      return;
    }
    case Kind::kCutCall:
      cut_call_ = true;
      return;
    case Kind::kChoiceEnd: {
      ChoiceReport choice{.end = event.end,
                          .has_text = !text_.empty(),
                          .has_thought = !thoughts_.empty(),
                          .has_calls = !calls_.empty(),
                          .cut_call = cut_call_};
      report_ = ReportOf(choice);
      if (event.end == AnswerEnd::kFailed)
        report_.Set("message", ToApiError(answer.error()).message);
      return;
    }
    case Kind::kEnd: {
      const Json usage = UsageOf(answer);
      for (const auto& [key, value] : usage.object()) report_.Set(key, value);
      ended_ = true;
      return;
    }
    default:
      return;
  }
}

Json AnswerBody::Get() const {
  Json body;
  body.Set("content", text_);
  if (!thoughts_.empty()) {
    body.Set("reasoning", thoughts_);
    body.Set("thinking_s", thought_end_s_ - thought_begin_s_);
  }
  if (!calls_.empty()) body.Set("tool_calls", Json(calls_));
  if (!report_.is_null()) body.Set("carat", report_);
  return body;
}

Recorder::Recorder(History& history)
    : history_(history), swept_s_(Now()), thread_([this] { Loop(); }) {}

Recorder::~Recorder() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  work_.notify_all();
  thread_.join();
  for (const auto& followed : followed_) Update(*followed, true);
}

void Recorder::Follow(std::string owner, std::string message, std::shared_ptr<Answer> answer) {
  auto followed = std::make_shared<Followed>();
  followed->owner = std::move(owner);
  followed->message = std::move(message);
  followed->answer = std::move(answer);
  followed->saved_s = Now();
  {
    const std::lock_guard lock(mutex_);
    followed_.push_back(std::move(followed));
  }
  work_.notify_all();
}

void Recorder::Settle(const std::string& message) {
  std::shared_ptr<Followed> found;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& followed : followed_)
      if (followed->message == message) found = followed;
  }
  if (found != nullptr) Update(*found, false);
}

void Recorder::Loop() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    work_.wait_for(lock, kSweep, [&] { return stop_ || !followed_.empty(); });
    const auto now = followed_;
    lock.unlock();  // nobody who comes waits for the disk
    if (Now() - swept_s_ >= static_cast<double>(std::chrono::seconds(kSweep).count())) {
      static_cast<void>(history_.Sweep());  // else in an hour
      swept_s_ = Now();
    }
    std::vector<std::shared_ptr<Followed>> done;
    for (const auto& followed : now)
      if (!Update(*followed, false)) done.push_back(followed);
    lock.lock();
    std::erase_if(followed_,
                  [&](const auto& one) { return std::ranges::find(done, one) != done.end(); });
    work_.wait_for(lock, kLook, [&] { return stop_; });
  }
}

bool Recorder::Update(Followed& followed, bool last) {
  const std::lock_guard lock(followed.mutex);
  if (followed.done) return false;
  AnswerEvent event;
  while (followed.answer->Wait(followed.next, std::chrono::milliseconds(0), event) ==
         Answer::Next::kEvent) {
    ++followed.next;
    followed.changed = true;
    followed.body.Take(event, *followed.answer, Now());
  }
  const bool ended = followed.body.ended();
  if (!ended && !last && (!followed.changed || Now() - followed.saved_s < kSaveEvery)) return true;
  const MessageState state = ended  ? MessageState::kWhole
                             : last ? MessageState::kCut
                                    : MessageState::kWriting;
  const Status saved =
      history_.Rewrite(followed.owner, followed.message, followed.body.Get(), state);
  followed.changed = false;
  followed.saved_s = Now();
  if (!saved && saved.error().code == ErrorCode::kNotFound) {
    followed.answer->Cancel();
    followed.done = true;
  }
  // A disk that is full now may not be at the next try.
  followed.done = followed.done || (ended && saved);
  return !followed.done;
}

}  // namespace carat
