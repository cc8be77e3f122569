// AnswerWriter: the events of an answer in a dialect, as a stream and as a whole. Pure: it knows no
// socket and no clock, and the same events give the same bytes.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "io/json.h"
#include "net/message.h"
#include "net/server.h"
#include "service/answer.h"

namespace carat {

struct StreamPiece {
  std::string event = {};  // of the server-sent event; empty: none
  std::string data = {};
};

class AnswerWriter {
 public:
  virtual ~AnswerWriter() = default;
  // Appends what the event gives in a stream, in order. With kEnd the answer is over, `answer`
  // tells usage and error.
  virtual void Push(const AnswerEvent& event, const Answer& answer,
                    std::vector<StreamPiece>& out) = 0;
  // What keeps a silent stream alive; absent: a comment does. It is not numbered.
  virtual std::optional<StreamPiece> Ping() const { return std::nullopt; }
  // After kEnd: the reply of a request that does not stream, and of one that failed before its
  // stream began.
  virtual net::Reply Whole(const Answer& answer) const = 0;
};

// Cancels an answer that nobody would read, because what was to write it threw.
class AnswerGuard {
 public:
  explicit AnswerGuard(Answer& answer) : answer_(answer) {}
  AnswerGuard(const AnswerGuard&) = delete;
  AnswerGuard& operator=(const AnswerGuard&) = delete;
  ~AnswerGuard() {
    if (std::uncaught_exceptions() > thrown_) answer_.Cancel();
  }

 private:
  Answer& answer_;
  const int thrown_ = std::uncaught_exceptions();
};

struct WriteOptions {
  bool stream = false;
  // The answer goes on where its client goes away, else it is cancelled.
  bool detached = false;
  // Pieces carry their numbers as ids, and those up to this many were sent before.
  bool numbered = false;
  uint64_t skip = 0;
  net::Fields fields = {};  // of the reply's head, beside the writer's own
  // Called once the answer has ended, before its client is told; may be empty.
  std::function<void()> before_end = {};
};

// Runs an answer to its end through `exchange`; returns before it only where it is detached and the
// client went away. Blocks.
//
// A stream begins with its first piece, or after a second without one; an answer that fails before
// gives the error's own status. A silent stream gets a ping every ten seconds.
void WriteAnswer(net::Exchange& exchange, Answer& answer, AnswerWriter& writer,
                 const WriteOptions& options);

}  // namespace carat
