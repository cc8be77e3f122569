#include "engine/generate.h"

#include <algorithm>

#include "base/check.h"
#include "sys/clock.h"

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

void Generation::Force(std::vector<TokenId> ids) {
  CARAT_CHECK(forced_.empty());
  forced_.assign(ids.begin(), ids.end());
}

Result<GenerateStep> Generation::Step(TextKind kind) {
  if (auto appending = Wants(kind)) CARAT_TRY(session_.Append(appending->id, appending->request));
  return Choose();
}

std::optional<Appending> Generation::Wants(TextKind kind) {
  CARAT_CHECK(!done_);
  if (pending_ < 0 || session_.size() == session_.context()) return std::nullopt;
  // Of the tokens that may still come, one is chosen without a draft.
  return Appending{.session = &session_,
                   .id = pending_,
                   .request = {.most = options_.max_tokens - num_tokens_ - 1,
                               .kind = kind,
                               .excluded = options_.sampling.suppressed,
                               .constraint = options_.constraint.get()}};
}

Result<TokenId> Generation::ChooseId() {
  if (!forced_.empty()) {
    const TokenId id = forced_.front();
    forced_.pop_front();
    return id;
  }
  if (options_.constraint != nullptr && !options_.constraint->allows_all()) {
    const double start = Now();
    ForbidOthers(session_.logits(), *options_.constraint, options_.sampling, mask_);
    constraint_seconds_ += Now() - start;
  }
  return Sample(session_.logits(), options_.sampling, session_.size(), session_.ids());
}

Result<GenerateStep> Generation::Choose() {
  CARAT_CHECK(!done_);
  const auto end = [&](TokenId id, StopReason reason) {
    done_ = true;
    return GenerateStep{id, reason};
  };
  if (options_.max_tokens == 0) return end(-1, StopReason::kMaxTokens);
  if (session_.size() == chosen_at_) return end(-1, StopReason::kContextFull);
  CARAT_ASSIGN(pending_, ChooseId());
  chosen_at_ = session_.size();
  ++num_tokens_;
  if (options_.constraint != nullptr) {
    const double start = Now();
    options_.constraint->Push(pending_);
    constraint_seconds_ += Now() - start;
  }
  const bool stop = std::ranges::find(options_.stop, pending_) != options_.stop.end();
  if (stop && !options_.ignore_stop) return end(pending_, StopReason::kStopToken);
  if (options_.repetition_guard && guard_.Push(pending_))
    return end(pending_, StopReason::kRepetition);
  if (num_tokens_ == options_.max_tokens) return end(pending_, StopReason::kMaxTokens);
  return GenerateStep{pending_, StopReason::kNone};
}

}  // namespace carat
