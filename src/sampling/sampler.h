// From logits to one token id (gemma4-12b specification, section 11).
//
// Order, as in transformers: bias, repetition penalty, suppression, temperature, top-k, top-p,
// min-p, then a draw. The random number is a pure function of (seed, position): the same seed gives
// the same text, however the positions were computed.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "sampling/constraint.h"

namespace carat {

struct SamplingOptions {
  double temperature = 1.0;         // 0: greedy, the highest logit, the lowest id on ties
  int64_t top_k = 64;               // keep the k highest (and all that tie with the last); 0: all
  double top_p = 0.95;              // keep the fewest most probable whose sum reaches p; 1: all
  double min_p = 0.0;               // drop what is less probable than min_p times the most probable
  double repetition_penalty = 1.0;  // over all ids of the timeline; 1: none
  uint64_t seed = 0;
  std::vector<std::pair<TokenId, float>> logit_bias = {};  // added to the logits
  std::vector<TokenId> suppressed = {};                    // never chosen
};

// Ranges of every option; errors name the option and the wanted range. Ids must lie in [0, vocab).
Status ValidateSampling(const SamplingOptions& options, int64_t vocab);

// Chooses the token of `position`. `logits` [V] is changed in place. `history` are the ids before
// it, for the penalty. Error: no logit is finite, or every token is suppressed.
Result<TokenId> Sample(std::span<float> logits, const SamplingOptions& options, Pos position,
                       std::span<const TokenId> history);

// Makes every token that `constraint` does not allow impossible, where it matters: a greedy choice
// that is allowed already needs no mask. `mask` is scratch memory.
void ForbidOthers(std::span<float> logits, Constraint& constraint, const SamplingOptions& options,
                  std::vector<uint64_t>& mask);

// Uniform in [0, 1), a function of seed and position alone (SplitMix64 over both).
double UniformAt(uint64_t seed, Pos position);

}  // namespace carat
