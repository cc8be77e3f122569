#include "apps/pull_needs.h"

#include "engine/session.h"

namespace carat {

PullNeeds NeedsOf(uint64_t total, size_t available) {
  PullNeeds needs{.bundle = total + total / 20, .model = {.weights = static_cast<size_t>(total)}};
  needs.session = MemoryOfSession(ConfigOf12B(), true, SessionOptions(), kLeastContext).needed();
  needs.memory = needs.model.total() + needs.session + Spare(available);
  return needs;
}

}  // namespace carat
