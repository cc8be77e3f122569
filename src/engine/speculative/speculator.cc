#include "engine/speculative/speculator.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "sys/clock.h"

namespace carat {

DraftCounts DraftCounts::operator-(const DraftCounts& before) const {
  DraftCounts since = *this;
  for (size_t DraftCounts::* count :
       {&DraftCounts::passes, &DraftCounts::tokens, &DraftCounts::drafted, &DraftCounts::run,
        &DraftCounts::stood})
    since.*count -= before.*count;
  for (double DraftCounts::* sum :
       {&DraftCounts::seconds, &DraftCounts::draft_seconds, &DraftCounts::plain_seconds})
    since.*sum -= before.*sum;
  for (size_t k = 0; k < kNumTextKinds; ++k) {
    for (size_t i = 0; i < kMaxDraftDepth; ++i) {
      since.tried[k][i] -= before.tried[k][i];
      since.stood_at[k][i] -= before.stood_at[k][i];
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
                                           const DraftRequest& request) {
  drafts_.clear();
  run_.clear();
  seen_ = 0;
  kind_ = request.kind;
  const DraftPolicy::Plan plan = depth_ > 0
                                     ? DraftPolicy::Plan{.depth = std::min(depth_, request.most)}
                                     : policy_.Choose(kind_, request.most);
  if (plan.depth == 0 || cache.size() == 0) return {};
  excluded_ = never_;
  excluded_.insert(excluded_.end(), request.excluded.begin(), request.excluded.end());
  state_.hidden.assign(hidden.begin(), hidden.end());
  const double start = Now();
  bool goes_on = true;
  while (goes_on && drafts_.size() < plan.depth) {
    const auto y = drafter_.Step(context, state_, target_, cache, token);
    const DraftHead::Choice choice = drafter_.head().Best(context, y, excluded_);
    if (choice.id < 0) break;
    token = choice.id;
    drafts_.push_back({choice.id, double{choice.probability}});
    if (depth_ == 0) goes_on = policy_.GoesOn(kind_, drafts_.back().probability);
  }
  const double seconds = Now() - start;
  const size_t run = depth_ > 0 ? drafts_.size() : plan.verify ? policy_.WorthRunning(kind_) : 0;
  for (size_t i = 0; i < run; ++i) run_.push_back(drafts_[i].id);
  policy_.SawDraftSteps(drafts_.size(), seconds);
  counts_.seconds += seconds;
  counts_.draft_seconds += seconds;
  counts_.drafted += drafts_.size();
  counts_.run += run_.size();
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

void Speculator::SawToken(TokenId id, bool stood) {
  ++counts_.tokens;
  counts_.plain_seconds += policy_.PassSeconds(1);
  if (stood) {
    ++counts_.stood;
    policy_.SawStanding();
  }
  if (seen_ == drafts_.size()) return;
  const bool hit = drafts_[seen_].id == id;
  policy_.SawDraft(kind_, seen_, drafts_[seen_].probability, hit);
  const auto k = static_cast<size_t>(kind_);
  ++counts_.tried[k][seen_];
  if (hit) ++counts_.stood_at[k][seen_];
  seen_ = hit ? seen_ + 1 : drafts_.size();
}

void Speculator::SawPass(size_t rows, double seconds) {
  ++counts_.passes;
  counts_.seconds += seconds;
  policy_.SawPass(rows, seconds);
}

std::string Speculator::Describe(const DraftCounts& before) const {
  const DraftCounts c = counts_ - before;
  if (c.passes == 0) return "nothing was decoded";
  if (c.run == 0 && c.drafted > 0) {
    return fmt::format(
        "pausing: {:.0f} % of the drafter's guesses were right lately, too few to pay",
        100 * policy_.Acceptance());
  }
  const auto share = [](auto a, auto b) {
    return b > 0 ? static_cast<double>(a) / static_cast<double>(b) : 0.0;
  };
  return fmt::format(
      "depth {} ({}), {:.2f} tokens per pass, {:.2f} × plain",
      depth_ > 0 ? std::to_string(depth_) : fmt::format("{:.1f}", share(c.run, c.passes)),
      depth_ > 0 ? "fixed" : "auto", share(c.tokens, c.passes), share(c.plain_seconds, c.seconds));
}

}  // namespace carat
