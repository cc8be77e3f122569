#include "api/answer_registry.h"

#include <algorithm>
#include <utility>

namespace carat {

void AnswerRegistry::Add(Entry entry) {
  const std::scoped_lock lock(mutex_);
  Sweep();
  kept_.push_back({.entry = std::move(entry)});
}

std::optional<AnswerRegistry::Entry> AnswerRegistry::Find(const std::string& owner,
                                                          const std::string& id) {
  const std::scoped_lock lock(mutex_);
  Sweep();
  for (const Kept& kept : kept_) {
    if (kept.entry.id == id && kept.entry.owner == owner) return kept.entry;
  }
  return std::nullopt;
}

std::vector<std::string> AnswerRegistry::Ids(const std::string& owner) {
  const std::scoped_lock lock(mutex_);
  Sweep();
  std::vector<std::string> ids;
  for (const Kept& kept : kept_) {
    if (kept.entry.owner == owner) ids.push_back(kept.entry.id);
  }
  return ids;
}

// Running answers are bounded by the service's queue, so they always stay.
void AnswerRegistry::Sweep() {
  const auto now = std::chrono::steady_clock::now();
  size_t ended = 0, tokens = 0;
  for (Kept& kept : kept_) {
    if (!kept.ended && kept.entry.answer->ended()) {
      kept.ended = now;
      // An answer of no tokens takes room too.
      kept.tokens = kept.entry.answer->usage().generated + 16;
    }
    if (kept.ended) ++ended, tokens += kept.tokens;
  }
  std::erase_if(kept_, [&](const Kept& kept) {
    if (!kept.ended) return false;
    const bool goes =
        now - *kept.ended > limits_.keep || ended > limits_.answers || tokens > limits_.tokens;
    if (goes) --ended, tokens -= kept.tokens;
    return goes;
  });
}

}  // namespace carat
