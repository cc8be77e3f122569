#include "engine/speculative/speculator.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "sys/clock.h"

namespace carat {

DraftCounts DraftCounts::operator-(const DraftCounts& before) const {
  DraftCounts since = *this;
  for (size_t DraftCounts::* count :
       {&DraftCounts::passes, &DraftCounts::tokens, &DraftCounts::drafted, &DraftCounts::checked,
        &DraftCounts::accepted})
    since.*count -= before.*count;
  for (double DraftCounts::* sum :
       {&DraftCounts::seconds, &DraftCounts::draft_seconds, &DraftCounts::plain_seconds})
    since.*sum -= before.*sum;
  for (size_t k = 0; k < kNumTextKinds; ++k) {
    for (size_t i = 0; i < kMaxDraftDepth; ++i) {
      since.tried[k][i] -= before.tried[k][i];
      since.accepted_at[k][i] -= before.accepted_at[k][i];
    }
  }
  return since;
}

Speculator::Speculator(MtpDrafter& drafter, const Decoder& target, const DraftCosts& costs,
                       size_t depth, std::vector<TokenId> never)
    : drafter_(drafter), target_(target), depth_(depth), never_(std::move(never)), policy_(costs) {
  CARAT_CHECK(depth <= kMaxDraftDepth);
}

std::span<const TokenId> Speculator::Draft(OpContext& context, const KvCache& cache, TokenId token,
                                           std::span<const float> hidden,
                                           const DraftRequest& request, size_t beside) {
  drafts_.clear();
  run_.clear();
  seen_ = 0;
  kind_ = request.kind;
  const DraftPolicy::Plan plan = depth_ > 0
                                     ? DraftPolicy::Plan{.depth = std::min(depth_, request.most)}
                                     : policy_.Choose(kind_, request.most, beside);
  if (plan.depth == 0 || cache.size() == 0 || !stopped_.empty()) return {};
  excluded_ = never_;
  excluded_.insert(excluded_.end(), request.excluded.begin(), request.excluded.end());
  state_.hidden.assign(hidden.begin(), hidden.end());
  const double start = Now();
  bool goes_on = true;
  while (goes_on && drafts_.size() < plan.depth) {
    const auto y = drafter_.Step(context, state_, target_, cache, token);
    const DraftHead::Choice choice = drafter_.head().Best(context, y, excluded_);
    if (choice.id < 0) {
      Stop("the drafter's numbers are not finite");
      break;
    }
    token = choice.id;
    drafts_.push_back({choice.id, double{choice.probability}});
    if (depth_ == 0) goes_on = policy_.GoesOn(kind_, drafts_.back().probability);
  }
  const double seconds = Now() - start;
  const size_t run = depth_ > 0 ? drafts_.size() : plan.verify ? policy_.WorthChecking(kind_) : 0;
  for (size_t i = 0; i < run; ++i) run_.push_back(drafts_[i].id);
  if (request.constraint != nullptr) run_.resize(request.constraint->CountAllowed(run_));
  policy_.SawDraftSteps(drafts_.size(), seconds);
  counts_.seconds += seconds;
  counts_.draft_seconds += seconds;
  counts_.drafted += drafts_.size();
  counts_.checked += run_.size();
  return run_;
}

Result<std::vector<TokenId>> Speculator::DraftWithLogits(OpContext& context, const KvCache& cache,
                                                         TokenId token,
                                                         std::span<const float> hidden,
                                                         size_t steps, const LogitSink& sink) {
  state_.hidden.assign(hidden.begin(), hidden.end());
  std::vector<TokenId> drafts;
  std::vector<float> logits(drafter_.head().rows());
  for (size_t i = 0; i < steps; ++i) {
    const auto y = drafter_.Step(context, state_, target_, cache, token);
    drafter_.head().Logits(context, y, logits);
    CARAT_TRY(sink(logits));
    token = drafter_.head().Best(context, y, never_).id;
    if (token < 0) return Fail({.what = "the drafter's numbers ran out of range"});
    drafts.push_back(token);
  }
  return drafts;
}

void Speculator::SawToken(TokenId id, bool accepted) {
  ++counts_.tokens;
  counts_.plain_seconds += policy_.PlainSeconds();
  if (accepted) {
    ++counts_.accepted;
    policy_.SawAccepted();
  }
  if (seen_ == drafts_.size()) return;
  const bool hit = drafts_[seen_].id == id;
  policy_.SawDraft(kind_, seen_, drafts_[seen_].probability, hit);
  const auto k = static_cast<size_t>(kind_);
  ++counts_.tried[k][seen_];
  if (hit) ++counts_.accepted_at[k][seen_];
  seen_ = hit ? seen_ + 1 : drafts_.size();
}

void Speculator::SawPass(size_t rows, size_t beside, double seconds) {
  ++counts_.passes;
  counts_.seconds += seconds * static_cast<double>(rows) / static_cast<double>(rows + beside);
  policy_.SawPass(rows, seconds, beside);
}

void Speculator::SawForced(size_t count) {
  counts_.drafted += count;
  counts_.checked += count;
}

std::string Speculator::Describe(const DraftCounts& before) const {
  const DraftCounts c = counts_ - before;
  const auto share = [](auto a, auto b) {
    return b > 0 ? static_cast<double>(a) / static_cast<double>(b) : 0.0;
  };
  if (c.checked > 0) {
    const std::string depth = depth_ > 0 ? fmt::format("{} (fixed)", depth_)
                                         : fmt::format("{:.1f} (auto)", share(c.checked, c.passes));
    return fmt::format("depth {}, {:.2f} tokens per pass, {:.2f} × plain{}", depth,
                       share(c.tokens, c.passes), share(c.plain_seconds, c.seconds),
                       stopped_.empty() ? "" : "; stopped: " + stopped_);
  }
  if (!stopped_.empty()) return fmt::format("off ({})", stopped_);
  size_t tried = 0, right = 0;
  for (size_t k = 0; k < kNumTextKinds; ++k) {
    tried += c.tried[k][0];
    right += c.accepted_at[k][0];
  }
  const std::string guesses = fmt::format("{} of {} guesses were right", right, tried);
  const double second = policy_.PassSeconds(2) / policy_.PassSeconds(1);
  if (tried == 0) return c.passes == 0 ? "nothing to draft" : "pausing: nothing was tried";
  if (2 * right < tried) return fmt::format("pausing: {}, too few to pay", guesses);
  return fmt::format("pausing: {}, and a pass of two tokens takes {:.2f} × one", guesses, second);
}

}  // namespace carat
