#include "engine/window_pool.h"

#include <algorithm>

#include "base/check.h"

namespace carat {

WindowPool::WindowPool(size_t window_bytes, size_t budget_bytes)
    : window_bytes_(window_bytes),
      slots_(window_bytes == 0 ? 0 : std::min(kMaxWindows, budget_bytes / window_bytes)) {}

void WindowPool::Save(const KvCache& cache) {
  if (slots_.empty() || cache.size() == 0) return;
  auto slot = std::ranges::find(slots_, cache.size(), &Slot::position);
  if (slot == slots_.end()) {
    slot = std::ranges::min_element(slots_, {},
                                    [](const Slot& s) { return s.position == 0 ? 0 : s.used; });
    if (slot->memory.size() == 0) {
      auto memory = LazyBuffer::Create(window_bytes_);
      if (!memory) return;
      slot->memory = *std::move(memory);
    }
    cache.SaveWindow({slot->memory.data(), window_bytes_});
    slot->position = cache.size();
  }
  slot->used = ++clock_;
}

void WindowPool::Touch(Pos position) {
  const auto slot = std::ranges::find(slots_, position, &Slot::position);
  if (position > 0 && slot != slots_.end()) slot->used = ++clock_;
}

std::optional<Pos> WindowPool::Nearest(Pos limit) const {
  Pos best = 0;
  for (const Slot& slot : slots_) {
    if (slot.position <= limit) best = std::max(best, slot.position);
  }
  if (best == 0) return std::nullopt;
  return best;
}

std::span<const std::byte> WindowPool::At(Pos position) const {
  const auto slot = std::ranges::find(slots_, position, &Slot::position);
  CARAT_CHECK(position > 0 && slot != slots_.end());
  return {slot->memory.data(), window_bytes_};
}

void WindowPool::Restore(Pos position, KvCache& cache) {
  const auto slot = std::ranges::find(slots_, position, &Slot::position);
  CARAT_CHECK(position > 0 && slot != slots_.end());
  cache.RestoreWindow({slot->memory.data(), window_bytes_}, position);
  slot->used = ++clock_;
}

void WindowPool::DropBeyond(Pos position) {
  for (Slot& slot : slots_) {
    if (slot.position > position) slot.position = 0;
  }
}

}  // namespace carat
