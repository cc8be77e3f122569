// Answerer: who answers the commands that ask a model: one in this program, or the server that has
// it loaded already.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apps/answer_view.h"
#include "base/ids.h"
#include "base/result.h"
#include "chat/media_parts.h"
#include "chat/media_request.h"
#include "chat/template.h"
#include "io/json.h"

namespace carat {

struct Question {
  const Json& messages;              // an array
  std::span<const MediaPart> media;  // of all messages, in the order of their placeholders
  bool think = false;
  std::span<const std::string> stop = {};
  std::optional<uint64_t> seed = {};  // absent: another one
};

struct MadeAnswer {
  Json message = {};  // as AssistantMessage; null: stopped before anything was written
  AnswerStats stats = {};

  // Its content without white space at its ends.
  std::string Text() const;
};

// Ctrl-C (interrupt.h) stops an answer; the caller clears the flag before the next. One owner
// thread.
class Answerer {
 public:
  virtual ~Answerer() = default;

  // Shows the answer through `view` as it comes.
  virtual Result<MadeAnswer> Answer(const Question& question, AnswerView& view) = 0;
  // A medium that later questions will hold, and what was read of it.
  virtual Status Take(const MediaRequest& request, const MediaPart& part) = 0;

  // Positions of a conversation, and those that a rendered one takes without its media; 0 where
  // only the server can count.
  virtual Pos context() const = 0;
  virtual size_t Positions(const RenderedPrompt& rendered) const = 0;

  // For people: what it is and does, in lines.
  virtual std::string Describe() const = 0;
  // What a person can do about a full context, added to its error.
  virtual Error WithAdvice(Error error) const = 0;
};

// The parts of one message of the user, which hold `medium`, answered without showing anything, for
// commands that work through many. Ctrl-C ends it with kCancelled.
Result<MadeAnswer> AnswerOne(Answerer& answerer, Json::Array parts, const MediaPart& medium);

}  // namespace carat
