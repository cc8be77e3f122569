// Answer: what comes of an Ask, event by event, while the model thread makes it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "io/json.h"

namespace carat {

// Why a choice ended.
enum class AnswerEnd {
  kNone,         // it goes on
  kStop,         // the model ended it
  kStopString,   // a text that the caller named
  kToolCalls,    // the model ended it, and called tools
  kMaxTokens,    // the caller's limit
  kContextFull,  // no position is left
  kRepetition,   // endless repetition
  kCancelled,    // by Cancel, or the service stopped
  kFailed,       // an error; see Answer::error()
};
// "stop", "stop_string", "tool_calls", "length", "context", "repetition", "cancelled", "error";
// empty for kNone.
std::string_view AnswerEndName(AnswerEnd end);

// A token of an answer, with the model's own probabilities before sampling options and grammars.
struct TokenLogprob {
  TokenId id = -1;
  float logprob = 0;
  std::vector<std::pair<TokenId, float>> top = {};  // the most probable, in falling order
};

struct AnswerEvent {
  enum class Kind : uint8_t {
    kPrefill,   // `done` of `total` positions of the prompt are in the cache; only if asked for
    kStarted,   // the prompt has been read, once, before anything of a choice
    kText,      // `text`: the next piece of the answer, never empty
    kThinking,  // `text`: the next piece of a thought, never empty
    kToolCall,  // `name` and `arguments` (an object): one whole call
    kMalformedCall,  // `text`: all of a call that could not be read; `problem`: why, for people
    kCutCall,        // a call had been begun when the answer was ended; it is not given
    kChoiceEnd,      // `end`; of a stop string also `text`: which
    kEnd,            // the last event: all choices have ended
  };
  Kind kind = Kind::kText;
  size_t choice = 0;
  std::string text = {};
  std::string name = {};
  Json arguments = {};
  std::string problem = {};
  size_t done = 0, total = 0;
  AnswerEnd end = AnswerEnd::kNone;
  // Of the tokens since the choice's last event, if asked for.
  std::vector<TokenLogprob> logprobs = {};
};

// Counts of tokens, all choices together; times in seconds.
struct AnswerUsage {
  size_t prompt = 0;
  size_t cached = 0;               // of the prompt: those that had not to be read
  size_t pictures = 0, sound = 0;  // of the prompt: soft tokens of pictures and films, and of sound
  size_t generated = 0;            // thoughts included
  size_t thinking = 0;             // of them: thoughts
  size_t drafted = 0, accepted = 0;  // drafts that were checked, and those that stood
  double queued_s = 0, prefill_s = 0, decode_s = 0;
};

// Thread-safe. Readers go at their own pace: events are kept until the answer is destroyed, and
// what an answer can hold is bounded by its tokens.
class Answer {
 public:
  enum class Next { kEvent, kTimeout, kPastEnd };
  // Waits for event number `index`, counted from 0, and copies it.
  Next Wait(size_t index, std::chrono::milliseconds timeout, AnswerEvent& event) const;

  // Ends it with kCancelled within one step of the model. Does nothing to an answer that has ended.
  void Cancel();
  // Ends the thoughts of all choices that are in one, and lets them answer.
  void EndThinking();

  bool ended() const;
  AnswerUsage usage() const;  // so far
  Error error() const;        // of kFailed
  uint64_t seed() const { return seed_; }
  std::vector<std::string> warnings() const {
    return warnings_;
  }  // of the ask, the template, media
  int64_t created() const { return created_; }  // Unix time

  // For the service alone.
  Answer(uint64_t seed, int64_t created, std::vector<std::string> warnings)
      : seed_(seed), created_(created), warnings_(std::move(warnings)) {}
  void Add(AnswerEvent event);
  void SetUsage(const AnswerUsage& usage);
  void SetError(Error error);
  bool cancelled() const;
  bool end_thinking() const;

 private:
  const uint64_t seed_;
  const int64_t created_;
  const std::vector<std::string> warnings_;
  mutable std::mutex mutex_;
  mutable std::condition_variable added_;
  std::vector<AnswerEvent> events_;
  AnswerUsage usage_;
  Error error_;
  bool cancelled_ = false, end_thinking_ = false;
};

}  // namespace carat
