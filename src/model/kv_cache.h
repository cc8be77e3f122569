// KvCache: the keys and values of one timeline.
//
// Sliding layers keep the newest `ring` positions, which is the window plus a margin; global layers
// keep all. Cutting the timeline back is constant time as long as the window before the new end is
// still in the ring; further back a saved window (engine/window_pool.h) is put back first.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "model/config.h"
#include "ops/attention.h"
#include "tensor/lazy_buffer.h"

namespace carat {

// One owner thread. Memory grows as positions are written, up to max_positions.
class KvCache {
 public:
  struct Options {
    DType dtype = DType::kBF16;  // kF32, kF16, kBF16 or kQ8_0
    Pos max_positions = 0;       // most positions ever held
    // Positions that the ring keeps beyond what a query and the drafter see. It bounds both a
    // prefill chunk and a rollback without a saved window.
    Pos margin = 512;
  };
  static Result<KvCache> Create(const Config& config, const Options& options);

  // Bytes that a full cache takes.
  struct Bytes {
    size_t sliding = 0, global = 0;
  };
  static Bytes BytesOf(const Config& config, const Options& options);
  // Bytes of one saved window (WindowBytes).
  static size_t WindowBytesOf(const Config& config, const Options& options);

  Pos size() const { return size_; }  // positions written so far
  Pos max_positions() const { return max_positions_; }
  Pos margin() const { return margin_; }

  // True if the timeline can be cut to `n` positions and go on from there as if it had never been
  // longer.
  bool CanTruncate(Pos n) const;
  // Precondition: CanTruncate(n).
  void Truncate(Pos n);

  // The first position whose rows in the sliding layers are intact.
  Pos sliding_begin() const { return ring_begin_; }

  CacheView layer(int64_t index) const { return layers_[static_cast<size_t>(index)]; }
  // Counts `count` positions whose rows have been stored in every layer. Precondition: count <=
  // margin and the total stays within max_positions.
  void Advance(size_t count);

  // Becomes the first `n` positions of another cache made with the same options. `window`: the one
  // that ends there, saved by it; empty: its ring still holds it (CanTruncate). Precondition: n <=
  // other.size().
  void TakePrefix(const KvCache& other, Pos n, std::span<const std::byte> window);

  // Bytes of one saved window: the last `window` positions of every sliding layer.
  size_t WindowBytes() const { return window_bytes_; }
  // Copies the window that ends at size() into `out` [WindowBytes()].
  void SaveWindow(std::span<std::byte> out) const;
  // Puts back a window saved when size() was `end`, and cuts the timeline to `end`. The global rows
  // before `end` must not have been overwritten since. Precondition: end <= size().
  void RestoreWindow(std::span<const std::byte> window, Pos end);

 private:
  KvCache() = default;
  template <class Copy>
  void ForWindow(Pos end, const Copy& copy) const;

  Pos size_ = 0;
  // The sliding rows of positions [ring_begin_, size_) are intact; at most max(0, size_ - window_).
  Pos ring_begin_ = 0;
  Pos max_positions_ = 0;
  Pos margin_ = 0;
  Pos window_ = 0;
  Pos ring_ = 0;  // slots of a sliding layer
  size_t window_bytes_ = 0;
  std::vector<bool> is_global_;
  std::vector<CacheView> layers_;
  LazyBuffer memory_;
};

}  // namespace carat
