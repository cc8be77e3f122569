// What a forward pass costs, counted from the shapes: the bytes that it reads and the products that
// it adds up.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/ids.h"
#include "model/config.h"
#include "model/kv_cache.h"
#include "model/weights.h"

namespace carat {

// The matrices of every layer and of the head as they lie in memory: what a pass with logits reads
// once, whatever its tokens. Borrows them.
std::vector<std::span<const std::byte>> BytesOfPass(const Weights& weights);

// The keys and values that a query at `position` sees, in runs.
std::vector<std::span<const std::byte>> BytesSeen(const Config& config, const KvCache& cache,
                                                  Pos position);

// Products of one token with all layers' matrices, and of one row of logits.
double LayerProducts(const Weights& weights);
double HeadProducts(const Weights& weights);

// Products of attention of the queries at [first, end): scores and mixes of causal text.
double AttentionProducts(const Config& config, Pos first, Pos end);

}  // namespace carat
