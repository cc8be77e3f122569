// WindowPool: saved windows of the sliding layers, in a fixed budget of memory.
//
// Sliding layers forget what lies behind their window, so a timeline that is cut further back than
// the ring's margin could not go on without reading everything again. A chat does just that at
// every turn: the template drops the thoughts of earlier turns. One saved window per turn boundary
// is all that is needed; the global layers' rows before the boundary are still in the cache.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/ids.h"
#include "model/kv_cache.h"
#include "tensor/lazy_buffer.h"

namespace carat {

// One owner thread. Entries are valid for one cache and the ids that led to their position: the
// owner drops them when the timeline departs before that position.
class WindowPool {
 public:
  // As many windows as fit the budget, at most kMaxWindows; none if not even one does.
  WindowPool(size_t window_bytes, size_t budget_bytes);

  size_t capacity() const { return slots_.size(); }

  // Keeps the window at cache.size(), over the least recently used one if the pool is full. Does
  // nothing if that position is kept already. Without memory for it, it is not kept: nothing
  // depends on it.
  void Save(const KvCache& cache);
  // Counts the window at this position, if there is one, as used now.
  void Touch(Pos position);
  // The highest kept position in (0, limit].
  std::optional<Pos> Nearest(Pos limit) const;
  // The window of this kept position.
  std::span<const std::byte> At(Pos position) const;
  // Puts the window of this kept position back into the cache.
  void Restore(Pos position, KvCache& cache);
  // Forgets every window beyond `position`.
  void DropBeyond(Pos position);

  static constexpr size_t kMaxWindows = 64;

 private:
  struct Slot {
    Pos position = 0;  // 0: free (the beginning needs no window)
    uint64_t used = 0;
    LazyBuffer memory;
  };
  size_t window_bytes_;
  std::vector<Slot> slots_;
  uint64_t clock_ = 0;
};

}  // namespace carat
