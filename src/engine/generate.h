// Generation: one answer, token by token. The caller loops, so cancelling is not calling again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "engine/generation_defaults.h"
#include "engine/repetition_guard.h"
#include "engine/session.h"
#include "sampling/constraint.h"
#include "sampling/sampler.h"

namespace carat {

enum class StopReason {
  kNone,         // the answer goes on
  kStopToken,    // the model ended it
  kMaxTokens,    // the caller's limit
  kContextFull,  // no position is left
  kRepetition,   // endless repetition (repetition_guard.h)
};
// "stop", "length", "context", "repetition"; empty for kNone.
std::string_view StopReasonName(StopReason reason);

struct GenerateOptions {
  SamplingOptions sampling;
  std::vector<TokenId> stop = {};  // ids that end the answer
  size_t max_tokens = SIZE_MAX;
  bool ignore_stop = false;  // go on past stop ids
  bool repetition_guard = true;
  // What may be written; null: everything. It stands at the beginning of the answer.
  std::shared_ptr<Constraint> constraint = nullptr;
};

// What the model's files say; the rest as above.
GenerateOptions OptionsFrom(const GenerationDefaults& defaults);

struct GenerateStep {
  TokenId id = -1;  // the token, or -1 if the answer ended without one
  StopReason reason = StopReason::kNone;
};

// Borrows the session, whose logits must be valid (after SyncTo). One owner thread.
class Generation {
 public:
  // Fails if an option is out of range (ValidateSampling).
  static Result<Generation> Create(Session& session, GenerateOptions options);

  // Chooses the next token. The stop token itself is returned with its reason; it is not run.
  // `kind`: of the text that is being written, which drafting goes by. Precondition: !done().
  Result<GenerateStep> Step(TextKind kind = TextKind::kAnswer);

  // Step in two halves, so that several generations share a pass: what Session::AppendTogether is
  // to append first, if anything; then, where that went well, the choice.
  std::optional<Appending> Wants(TextKind kind);
  Result<GenerateStep> Choose();

  // The next tokens are these, whatever the model would choose. Precondition: those before them
  // have been chosen, and what is constrained allows them.
  void Force(std::vector<TokenId> ids);
  // Seconds spent on what the constraint allows, so far.
  double constraint_seconds() const { return constraint_seconds_; }

  bool done() const { return done_; }
  size_t num_tokens() const { return num_tokens_; }  // chosen so far, the stop token included

 private:
  Generation(Session& session, GenerateOptions options)
      : session_(session), options_(std::move(options)) {}

  Result<TokenId> ChooseId();

  Session& session_;
  GenerateOptions options_;
  RepetitionGuard guard_;
  TokenId pending_ = -1;  // chosen, but not yet in the cache
  Pos chosen_at_ = -1;    // the timeline's size then
  std::deque<TokenId> forced_;
  std::vector<uint64_t> mask_;  // of the constraint
  double constraint_seconds_ = 0;
  size_t num_tokens_ = 0;
  bool done_ = false;
};

}  // namespace carat
