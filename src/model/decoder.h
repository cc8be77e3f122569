// Decoder: Gemma 4's text decoder as mathematics (gemma4-12b specification, section 4). Ids and
// soft tokens in, logits out.
#pragma once

#include <span>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "model/activations.h"
#include "model/config.h"
#include "model/kv_cache.h"
#include "model/pass.h"
#include "model/weights.h"
#include "ops/context.h"
#include "ops/rope.h"

namespace carat {

// The rotations of a model's layers of each kind; `factors` as Weights::rope_factors.
RopeFrequencies SlidingRope(const Config& config);
RopeFrequencies GlobalRope(const Config& config, const float* factors);

// Which rows of a forward pass are taken to logits.
enum class LogitRows { kNone, kLast, kAll };

// One timeline's part of a pass. Borrows the cache, which no other part has.
struct TimelinePass {
  KvCache* cache;
  Pass pass;
  LogitRows rows = LogitRows::kAll;
};

// Immutable and shared: weights and what derives from them. Borrows nothing that its owner does not
// keep alive (the mapped file behind the weights). Thread-safe.
class Decoder {
 public:
  Decoder(Config config, Weights weights);

  const Config& config() const { return config_; }
  const Weights& weights() const { return weights_; }

  // An error that names the position if one of the ids at `first`, first + 1, … is outside the
  // vocabulary.
  Status CheckIds(std::span<const TokenId> ids, Pos first) const;

  // E(id) (section 4.1), scaled: out [H]. A placeholder of a medium reads as the pad token.
  void EmbedToken(OpContext& context, TokenId id, float* out) const;

  // Runs a pass at positions cache.size() … and appends it to the cache. The result is the same,
  // bit for bit, however a sequence is cut into passes, as long as blocks stay whole.
  //   pass.ids  1 to cache.margin() ids within the vocabulary
  //   logits    [rows, V] after the soft cap, before any suppression; rows = 0, 1 or ids.size()
  // Afterwards activations.normed [rows, H] are the hidden states that gave the logits, after the
  // final norm.
  // Errors: kNotFound for an id outside the vocabulary, kContextFull; then nothing has changed.
  Status Forward(OpContext& context, Activations& activations, KvCache& cache, const Pass& pass,
                 LogitRows rows, std::span<float> logits) const;

  // Several timelines' passes of one role in one: each has what it would have had alone, bit for
  // bit, and the weights are read once. Logits and hidden states stand part by part. After an error
  // nothing has changed.
  Status Forward(OpContext& context, Activations& activations, std::span<const TimelinePass> parts,
                 std::span<float> logits) const;

 private:
  void Embed(OpContext& context, const Pass& pass, float* out) const;
  Status CheckPart(const TimelinePass& part) const;
  void Head(OpContext& context, Activations& activations, std::span<const TimelinePass> parts,
            std::span<float> logits) const;

  Config config_;
  Weights weights_;
  RopeFrequencies sliding_rope_;
  RopeFrequencies global_rope_;
};

}  // namespace carat
