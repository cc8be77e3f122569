// Recorder: writes answers into the conversations that they belong to, while they are made, and has
// the history swept every hour.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "history/history.h"
#include "io/json.h"
#include "service/answer.h"

namespace carat {

// The body of an assistant's message, from the events of its answer.
//   {"content", "reasoning"?, "tool_calls"?: [{"name", "arguments"}], "thinking_s"?, "carat"?}
// `carat` comes with the end: {"reason", "message"?, "prompt", "cached", "generated", "thinking",
// "drafted", "accepted", "queued_s", "prefill_s", "decode_s", "warnings"?}.
class AnswerBody {
 public:
  // `now_s`: Now() when the event was seen.
  void Take(const AnswerEvent& event, const Answer& answer, double now_s);
  bool ended() const { return ended_; }
  Json Get() const;

 private:
  std::string text_, thoughts_;
  Json::Array calls_;
  Json report_;
  double thought_begin_s_ = 0, thought_end_s_ = 0;
  bool cut_call_ = false, ended_ = false;
};

// Thread-safe. Borrows the history.
class Recorder {
 public:
  explicit Recorder(History& history);
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  // What has not ended is kept as far as it is.
  ~Recorder();

  // `message` is being written (MessageState::kWriting). It is brought up to date every second and
  // at the end; if it was deleted meanwhile, the answer is cancelled.
  void Follow(std::string owner, std::string message, std::shared_ptr<Answer> answer);
  // Brings one up to date now: who is told that an answer has ended finds it whole.
  void Settle(const std::string& message);

 private:
  struct Followed {
    std::string owner, message;
    std::shared_ptr<Answer> answer;
    std::mutex mutex = {};  // of what follows
    AnswerBody body = {};
    size_t next = 0;  // event
    bool changed = false;
    double saved_s = 0;
    bool done = false;
  };
  void Loop();
  // False: nothing more is to be done for it.
  bool Update(Followed& followed, bool last);

  History& history_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::vector<std::shared_ptr<Followed>> followed_;
  bool stop_ = false;
  double swept_s_;  // of the thread
  std::thread thread_;
};

}  // namespace carat
