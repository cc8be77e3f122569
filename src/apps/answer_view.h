// AnswerView: how an answer is shown while it comes, to a person or to a program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "chat/output_parser.h"
#include "engine/session.h"

namespace carat {

enum class ViewKind {
  kTerminal,  // the answer to stdout; thoughts, bars and the status line to stderr
  kAnswer,    // only the answer to stdout; on a terminal thoughts and bars to stderr
  kJson,      // events as lines of JSON, to stdout
  kNone,      // nothing
};

struct AnswerStats {
  SyncReport sync;
  size_t prompt_tokens = 0;
  size_t tokens = 0;  // of the answer
  double prefill_seconds = 0;
  double seconds = 0;  // of decoding
  Pos used = 0, context = 0;
  uint64_t seed = 0;
  std::string drafting;  // DescribeDrafting
  DraftCounts drafts;    // of this answer
  std::string reason;    // StopReasonName, "stop_string" or "cancelled"
};

// One owner thread.
class AnswerView {
 public:
  explicit AnswerView(ViewKind kind) : kind_(kind) {}

  // Parts of the prompt that are read, in tokens.
  void Prefill(size_t done, size_t total);
  // Fails if standard output does not take it.
  Status Event(const OutputEvent& event);
  void Done(const AnswerStats& stats);
  // The answer broke off: ends an open line. The caller reports the error, but for kJson, which
  // gets an event of it too.
  void Broken(const Error& error);

 private:
  void CloseLines();

  ViewKind kind_;
  bool bar_open_ = false;
  bool in_thought_ = false;  // the last piece shown was a thought
  bool line_open_ = false;   // what was shown last did not end its line
};

// "reading [####    ] 512 of 4096 tokens" on stderr, if that is a terminal; gone when all is done.
void ShowBar(std::string_view action, double done, double total, std::string_view unit,
             int digits = 0);
void ClearBar();

}  // namespace carat
