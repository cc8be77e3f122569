#include "service/answer.h"

namespace carat {

std::string_view AnswerEndName(AnswerEnd end) {
  switch (end) {
    case AnswerEnd::kNone:
      return "";
    case AnswerEnd::kStop:
      return "stop";
    case AnswerEnd::kStopString:
      return "stop_string";
    case AnswerEnd::kToolCalls:
      return "tool_calls";
    case AnswerEnd::kMaxTokens:
      return "length";
    case AnswerEnd::kContextFull:
      return "context";
    case AnswerEnd::kRepetition:
      return "repetition";
    case AnswerEnd::kCancelled:
      return "cancelled";
    case AnswerEnd::kFailed:
      return "error";
  }
  return "";
}

Answer::Next Answer::Wait(size_t index, std::chrono::milliseconds timeout,
                          AnswerEvent& event) const {
  std::unique_lock lock(mutex_);
  const auto ended = [&] {
    return !events_.empty() && events_.back().kind == AnswerEvent::Kind::kEnd;
  };
  added_.wait_for(lock, timeout, [&] { return index < events_.size() || ended(); });
  if (index < events_.size()) {
    event = events_[index];
    return Next::kEvent;
  }
  return ended() ? Next::kPastEnd : Next::kTimeout;
}

void Answer::Add(AnswerEvent event) {
  {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
  }
  added_.notify_all();
}

bool Answer::ended() const {
  const std::lock_guard lock(mutex_);
  return !events_.empty() && events_.back().kind == AnswerEvent::Kind::kEnd;
}

void Answer::Cancel() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
}

bool Answer::cancelled() const {
  const std::lock_guard lock(mutex_);
  return cancelled_;
}

void Answer::EndThinking() {
  const std::lock_guard lock(mutex_);
  end_thinking_ = true;
}

bool Answer::end_thinking() const {
  const std::lock_guard lock(mutex_);
  return end_thinking_;
}

void Answer::SetUsage(const AnswerUsage& usage) {
  const std::lock_guard lock(mutex_);
  usage_ = usage;
}

AnswerUsage Answer::usage() const {
  const std::lock_guard lock(mutex_);
  return usage_;
}

void Answer::SetError(Error error) {
  const std::lock_guard lock(mutex_);
  error_ = std::move(error);
}

Error Answer::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

}  // namespace carat
