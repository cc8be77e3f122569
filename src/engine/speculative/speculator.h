// Speculator: drafts for one session. It decides when to draft and how deep, watches what comes of
// it, and says so.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "engine/speculative/policy.h"
#include "model/decoder.h"
#include "model/kv_cache.h"
#include "model/mtp.h"
#include "ops/context.h"
#include "sampling/constraint.h"

namespace carat {

using LogitSink = std::function<Status(std::span<const float> rows)>;

// What a caller knows of the tokens to come.
struct DraftRequest {
  size_t most = 0;  // drafts that may be of use
  TextKind kind = TextKind::kAnswer;
  std::span<const TokenId> excluded = {};  // ids that will not be chosen
  Constraint* constraint = nullptr;        // what may follow the token; null: everything
};

// Of a session, all time.
struct DraftCounts {
  size_t passes = 0;                              // of the target, for tokens that were generated
  size_t tokens = 0;                              // that came of them
  size_t drafted = 0, checked = 0, accepted = 0;  // drafts: made, run by the target, kept
  // Of drafts whose predecessors in their round were right: how many, and how many were right.
  std::array<std::array<size_t, kMaxDraftDepth>, kNumTextKinds> tried = {}, accepted_at = {};
  double seconds = 0, draft_seconds = 0;  // of passes and drafting; of drafting alone
  double plain_seconds = 0;               // what the tokens would have taken without, about

  DraftCounts operator-(const DraftCounts& before) const;
};

// Borrows all of its arguments. One owner thread.
class Speculator {
 public:
  // depth: fixed, 1 to kMaxDraftDepth, or 0: chosen for each round.
  Speculator(MtpDrafter& drafter, const Decoder& target, const DraftCosts& costs, size_t depth,
             std::vector<TokenId> never);

  // Drafts of tokens after `token`, which is to be run at cache.size(), that are worth a pass with
  // it; perhaps none. `hidden` [H]: the state that gave the logits from which it was chosen. Valid
  // until the next call.
  std::span<const TokenId> Draft(OpContext& context, const KvCache& cache, TokenId token,
                                 std::span<const float> hidden, const DraftRequest& request,
                                 size_t beside);

  // So many drafts, whatever they are worth, with all of the drafter's logits [V] of each.
  Result<std::vector<TokenId>> DraftWithLogits(OpContext& context, const KvCache& cache,
                                               TokenId token, std::span<const float> hidden,
                                               size_t steps, const LogitSink& sink);

  // In the order of the timeline: each token that was appended, and whether it needed no pass; each
  // pass of 1 + drafts rows, and of others' beside them.
  void SawToken(TokenId id, bool accepted);
  void SawPass(size_t rows, size_t beside, double seconds);
  // So many tokens that a grammar forces are run as drafts.
  void SawForced(size_t count);
  // What comes now does not follow from what was drafted.
  void Break() { seen_ = drafts_.size(); }

  const DraftCounts& counts() const { return counts_; }
  const DraftPolicy& policy() const { return policy_; }
  // Drafts no more, for this reason.
  void Stop(std::string why) { stopped_ = std::move(why); }

  // "depth 3.0 (auto), 2.40 tokens per pass, 1.90 × plain", or why nothing is drafted; of what came
  // since `before`.
  std::string Describe(const DraftCounts& before) const;

 private:
  MtpDrafter& drafter_;
  const Decoder& target_;
  size_t depth_;
  std::vector<TokenId> never_, excluded_;
  DraftPolicy policy_;
  DraftState state_;
  struct Made {
    TokenId id;
    double probability;
  };
  std::vector<Made> drafts_;  // of the last round, also those that were not run
  std::vector<TokenId> run_;
  size_t seen_ = 0;      // of drafts_, how many have come out
  std::string stopped_;  // why; empty: it goes on
  TextKind kind_ = TextKind::kAnswer;
  DraftCounts counts_;
};

}  // namespace carat
