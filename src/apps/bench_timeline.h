// What measurements run on: a cache filled with random numbers, and passes from there on.
#pragma once

#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "engine/engine.h"
#include "model/kv_cache.h"
#include "ops/context.h"

namespace carat {

double Median(std::vector<double> values);

// Tokens that only have to differ.
TokenId IdAt(const Config& config, Pos p);

// One owner thread. Borrows the engine.
class Timeline {
 public:
  static Result<Timeline> Create(Engine& engine, DType dtype, Pos position);

  KvCache& cache() { return cache_; }
  Profile& profile() { return context_.profile(); }

  // Seconds of one pass of so many generated tokens, which are taken back.
  Result<double> Generate(size_t tokens);

  // Seconds of so many steps of the engine's drafter.
  double Draft(size_t steps);

 private:
  Timeline(Engine& engine, KvCache cache)
      : engine_(&engine), context_(engine.pool(), engine.table()), cache_(std::move(cache)) {}
  void Fill(Pos position);

  Engine* engine_;
  OpContext context_;
  Activations activations_;
  DraftState draft_;
  KvCache cache_;
  std::vector<float> logits_;
};

}  // namespace carat
