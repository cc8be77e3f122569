#include "service/cache_pool.h"

#include <algorithm>

#include "sys/clock.h"

namespace carat {
namespace {

// Positions for which copying pays against reading.
constexpr Pos kWorthCopying = 16;

}  // namespace

CachePool::CachePool(std::vector<Session> sessions, bool share) : share_(share) {
  slots_.reserve(sessions.size());
  for (Session& session : sessions) slots_.emplace_back(std::move(session));
}

bool CachePool::MayUse(const CacheSlot& slot, const std::string& owner) const {
  return slot.used && (share_ || slot.owner == owner);
}

size_t CachePool::NumIdle() const {
  return static_cast<size_t>(
      std::ranges::count_if(slots_, [](const CacheSlot& slot) { return !slot.busy; }));
}

CacheSlot* CachePool::Take(const std::string& owner, const Prompt& prompt) {
  CacheSlot* source = nullptr;  // the longest beginning of the prompt
  Pos longest = 0;
  CacheSlot* oldest = nullptr;  // the idle slot that is missed least
  CacheSlot* same = nullptr;    // the idle slot that this conversation was in
  for (CacheSlot& slot : slots_) {
    const Pos reusable = MayUse(slot, owner) ? slot.session.Reusable(prompt) : 0;
    if (reusable > longest || (reusable == longest && reusable > 0 && !slot.busy)) {
      longest = reusable;
      source = &slot;
    }
    if (slot.busy) continue;
    const auto age = [](const CacheSlot& s) { return s.used ? s.used_s : -1.0; };
    if (oldest == nullptr || age(slot) < age(*oldest)) oldest = &slot;
    // It goes on where the prompt was that is in it, so little but an old answer is lost.
    if (reusable > 0 && 2 * reusable >= slot.session.size() &&
        (same == nullptr || reusable > same->session.Reusable(prompt)))
      same = &slot;
  }
  if (oldest == nullptr) return nullptr;
  CacheSlot* slot = same != nullptr ? same : oldest;
  slot->rereading.reset();
  const bool own = MayUse(*slot, owner);
  const Pos held = own ? slot->session.Reusable(prompt) : 0;
  if (source != nullptr && source != slot && longest >= held + kWorthCopying) {
    slot->session.TakePrefix(source->session, prompt);
    source->used_s = Now();
  } else if (!own) {
    slot->session.Clear();
  }
  slot->owner = owner;
  slot->prompt = prompt;
  slot->busy = slot->used = true;
  return slot;
}

void CachePool::Give(CacheSlot& slot, bool worth_reading) {
  slot.busy = false;
  slot.used_s = Now();
  slot.worth_reading = worth_reading;
  if (!worth_reading) slot.prompt = {};  // its media are large
}

}  // namespace carat
