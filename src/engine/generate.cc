#include "engine/generate.h"

#include <algorithm>

#include "base/check.h"

namespace carat {

std::string_view StopReasonName(StopReason reason) {
  switch (reason) {
    case StopReason::kNone:
      return "";
    case StopReason::kStopToken:
      return "stop";
    case StopReason::kMaxTokens:
      return "length";
    case StopReason::kContextFull:
      return "context";
    case StopReason::kRepetition:
      return "repetition";
  }
  return "";
}

GenerateOptions OptionsFrom(const GenerationDefaults& defaults) {
  GenerateOptions options;
  options.sampling.temperature = defaults.temperature;
  options.sampling.top_k = defaults.top_k;
  options.sampling.top_p = defaults.top_p;
  options.sampling.min_p = defaults.min_p;
  options.sampling.repetition_penalty = defaults.repetition_penalty;
  options.sampling.suppressed = defaults.suppressed;
  options.stop = defaults.stop;
  return options;
}

Result<Generation> Generation::Create(Session& session, GenerateOptions options) {
  CARAT_TRY(ValidateSampling(options.sampling, session.engine().config().vocab_size));
  return Generation(session, std::move(options));
}

Result<GenerateStep> Generation::Step(TextKind kind) {
  CARAT_CHECK(!done_);
  const auto end = [&](TokenId id, StopReason reason) {
    done_ = true;
    return GenerateStep{id, reason};
  };
  if (options_.max_tokens == 0) return end(-1, StopReason::kMaxTokens);
  if (pending_ >= 0) {
    if (session_.size() == session_.context()) return end(-1, StopReason::kContextFull);
    // Of the tokens that may still come, one is chosen without a draft.
    const DraftRequest request{.most = options_.max_tokens - num_tokens_ - 1,
                               .kind = kind,
                               .excluded = options_.sampling.suppressed};
    CARAT_TRY(session_.Append(pending_, request));
  }
  CARAT_ASSIGN(pending_,
               Sample(session_.logits(), options_.sampling, session_.size(), session_.ids()));
  ++num_tokens_;
  const bool stop = std::ranges::find(options_.stop, pending_) != options_.stop.end();
  if (stop && !options_.ignore_stop) return end(pending_, StopReason::kStopToken);
  if (options_.repetition_guard && guard_.Push(pending_))
    return end(pending_, StopReason::kRepetition);
  if (num_tokens_ == options_.max_tokens) return end(pending_, StopReason::kMaxTokens);
  return GenerateStep{pending_, StopReason::kNone};
}

}  // namespace carat
