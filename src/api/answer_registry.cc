#include "api/answer_registry.h"

#include <algorithm>
#include <map>
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

void AnswerRegistry::Forget(const std::string& owner, const std::string& id) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(kept_,
                [&](const Kept& kept) { return kept.entry.id == id && kept.entry.owner == owner; });
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
  struct Use {
    size_t ended = 0, tokens = 0;
  };
  std::map<std::string, Use> uses;
  for (Kept& kept : kept_) {
    if (!kept.ended && kept.entry.answer->ended()) {
      kept.ended = now;
      // An answer of no tokens takes room too.
      kept.tokens = kept.entry.answer->usage().generated + 16;
    }
    Use& use = uses[kept.entry.owner];
    if (kept.ended) ++use.ended, use.tokens += kept.tokens;
  }
  std::erase_if(kept_, [&](const Kept& kept) {
    if (!kept.ended) return false;
    Use& use = uses[kept.entry.owner];
    const bool goes = now - *kept.ended > limits_.keep || use.ended > limits_.answers ||
                      use.tokens > limits_.tokens;
    if (goes) --use.ended, use.tokens -= kept.tokens;
    return goes;
  });
}

}  // namespace carat
