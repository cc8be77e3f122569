// MtpDrafter: the drafter as mathematics (gemma4-12b specification, section 10). It guesses the
// tokens that follow from the target's last hidden state and caches, and owns no cache.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "model/activations.h"
#include "model/decoder.h"
#include "model/draft_head.h"
#include "model/drafter_weights.h"
#include "model/kv_cache.h"
#include "ops/context.h"
#include "ops/rope.h"

namespace carat {

// What a round of drafting works with. One owner thread.
struct DraftState {
  std::vector<float> hidden;  // [H] h of section 10.2
  std::vector<float> input;   // [2 H]
  Activations activations;
};

// Immutable but for the head's scratch memory: one owner thread at a time, as of the pool.
class MtpDrafter {
 public:
  // An error that says which size differs where the drafter cannot work with this target.
  static Status Fits(const DrafterConfig& config, const Config& target);

  // Takes the weights to where they are fast to read, unless `exact`: then they stay as they are
  // stored, and products are summed in f32. `screen`: the head's, if there is one already;
  // borrowed. Errors: those of Fits, kNoMemory, kCancelled.
  static Result<MtpDrafter> Create(OpContext& context, DrafterConfig config, DrafterWeights weights,
                                   const Config& target, bool exact,
                                   const std::optional<StoredScreen>& screen,
                                   const std::function<bool(size_t done, size_t total)>& progress);
  // Bytes that Create takes, and those that stay in the file.
  static size_t Bytes(const DrafterConfig& config, const DrafterWeights& weights, bool exact);

  const DrafterConfig& config() const { return config_; }
  // Bytes of the file that are read while it runs.
  size_t stored_bytes() const;

  // The matrices that Create copies into the kernels' order.
  static std::vector<const MatrixView*> MatricesToInterleave(const DrafterWeights& weights);

  // One step of a round (10.2 to 10.4). `token` is the last committed or drafted one; state.hidden
  // is the target's normed hidden state of the row that chose the first, and becomes that of the
  // next step. `cache` holds every position before the first token, at least one. Gives y [h],
  // valid until the next call.
  std::span<const float> Step(OpContext& context, DraftState& state, const Decoder& target,
                              const KvCache& cache, TokenId token) const;

  DraftHead& head() { return head_; }
  const DraftHead& head() const { return head_; }

 private:
  MtpDrafter() = default;

  DrafterConfig config_;
  DrafterWeights weights_;
  DraftHead head_;
  RopeFrequencies sliding_rope_, global_rope_;
  int64_t sliding_layer_ = 0, global_layer_ = 0;  // of the target, whose rows are read
};

}  // namespace carat
