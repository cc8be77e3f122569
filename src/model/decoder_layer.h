// One decoder layer: attention, then feed-forward (gemma4-12b specification, 4.3 and 4.6).
#pragma once

#include <cstddef>

#include "base/ids.h"
#include "model/activations.h"
#include "model/config.h"
#include "model/weights.h"
#include "ops/attention.h"
#include "ops/context.h"
#include "ops/matmul.h"

namespace carat {

// Where in the timeline a pass stands.
struct LayerPlace {
  int64_t layer = 0;
  Pos first = 0;      // position of the first token
  size_t tokens = 0;  // T
  Role role = Role::kPrompt;
};

// a.stream [T, H] goes in and comes out; the layer's keys and values are stored in `cache`. A layer
// without keys of its own (the drafter's) borrows those of `cache`, which stays as it is. What each
// token sees, and the rotations, are in `a`.
void DecoderLayer(OpContext& context, const Config& config, const LayerWeights& w,
                  const CacheView& cache, const LayerPlace& place, Activations& a);

}  // namespace carat
