// One decoder layer: attention, then feed-forward (gemma4-12b specification, 4.3 and 4.6).
#pragma once

#include <cstddef>
#include <span>

#include "base/ids.h"
#include "model/activations.h"
#include "model/config.h"
#include "model/weights.h"
#include "ops/attention.h"
#include "ops/context.h"
#include "ops/matmul.h"

namespace carat {

// One timeline's tokens in a pass, at positions first, first + 1, …
struct LayerPart {
  CacheView cache;  // of this layer
  Pos first = 0;
  size_t tokens = 0;
};

struct LayerPlace {
  int64_t layer = 0;
  Role role = Role::kPrompt;
  std::span<const LayerPart> parts;
  size_t tokens = 0;  // T, of all parts
};

// a.stream [T, H] goes in and comes out, the parts one behind the other; the layer's keys and
// values are stored in their caches. A layer without keys of its own (the drafter's) borrows those
// of the caches, which stay as they are. What each token sees, and the rotations, are in `a`.
void DecoderLayer(OpContext& context, const Config& config, const LayerWeights& w,
                  const LayerPlace& place, Activations& a);

}  // namespace carat
