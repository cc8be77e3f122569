// Workspace: what passes work with, beside weights and caches.
#pragma once

#include <vector>

#include "model/activations.h"
#include "ops/context.h"

namespace carat {

// Sessions that one thread runs may share one. Borrows what the context borrows.
struct Workspace {
  Workspace(ThreadPool& pool, const kernels::Table& table) : context(pool, table) {}

  OpContext context;
  Activations activations;
  std::vector<float> soft;    // soft tokens of a pass
  std::vector<float> logits;  // of a pass of several sessions
};

}  // namespace carat
