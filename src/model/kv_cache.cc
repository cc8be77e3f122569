#include "model/kv_cache.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace carat {

Result<KvCache> KvCache::Create(const Config& config, const Options& options) {
  CARAT_CHECK(options.max_positions >= 1 && options.margin >= 1);
  KvCache cache;
  cache.max_positions_ = options.max_positions;
  cache.margin_ = options.margin;
  cache.window_ = config.window;
  // window + 1: the drafter sees one position more than the target (gemma4-12b
  // specification, 10.4).
  cache.ring_ = std::min(config.window + 1 + options.margin, options.max_positions);
  cache.is_global_ = config.is_global;
  size_t total = 0;
  for (int64_t i = 0; i < config.num_layers(); ++i) {
    CacheView view;
    view.dtype = options.dtype;
    view.kv_heads = static_cast<size_t>(config.attention(i).kv_heads);
    view.head_dim = static_cast<size_t>(config.attention(i).head_dim);
    view.capacity = static_cast<size_t>(
        config.is_global[static_cast<size_t>(i)] ? options.max_positions : cache.ring_);
    cache.layers_.push_back(view);
    total += 2 * view.capacity * view.position_bytes();
  }
  CARAT_ASSIGN(cache.memory_, LazyBuffer::Create(total));
  std::byte* at = cache.memory_.data();
  for (CacheView& view : cache.layers_) {
    const size_t bytes = view.capacity * view.position_bytes();
    view.keys = at;
    view.values = at + bytes;
    at += 2 * bytes;
  }
  return cache;
}

bool KvCache::CanTruncate(Pos n) const {
  if (n < 0 || n > size_) return false;
  // The next query sees positions n - window + 1 … n, the drafter one more, and SaveWindow keeps as
  // many.
  return n == 0 || std::max<Pos>(0, n - window_) >= ring_begin_;
}

void KvCache::Truncate(Pos n) {
  CARAT_CHECK(CanTruncate(n));
  size_ = n;
  if (n == 0) ring_begin_ = 0;
}

void KvCache::Advance(size_t count) {
  const auto n = static_cast<Pos>(count);
  CARAT_CHECK(n <= margin_ && size_ + n <= max_positions_);
  size_ += n;
  ring_begin_ = std::max(ring_begin_, size_ - ring_);
}

size_t KvCache::WindowBytes() const {
  size_t bytes = 0;
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (!is_global_[i])
      bytes += 2 * static_cast<size_t>(std::min(window_, ring_)) * layers_[i].position_bytes();
  }
  return bytes;
}

namespace {

// Calls copy(slot, index) for the newest positions before `end`, index counting from the oldest.
template <class Copy>
void ForWindow(Pos end, Pos window, size_t capacity, const Copy& copy) {
  const Pos begin = std::max<Pos>(0, end - window);
  for (Pos p = begin; p < end; ++p)
    copy(static_cast<size_t>(p) % capacity, static_cast<size_t>(p - begin));
}

}  // namespace

void KvCache::SaveWindow(std::span<std::byte> out) const {
  CARAT_CHECK(out.size() == WindowBytes());
  std::byte* at = out.data();
  const Pos window = std::min(window_, ring_);
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (is_global_[i]) continue;
    const CacheView& view = layers_[i];
    const size_t row = view.position_bytes();
    std::byte* keys = at;
    std::byte* values = at + static_cast<size_t>(window) * row;
    ForWindow(size_, window, view.capacity, [&](size_t slot, size_t index) {
      std::memcpy(keys + index * row, view.keys + slot * row, row);
      std::memcpy(values + index * row, view.values + slot * row, row);
    });
    at = values + static_cast<size_t>(window) * row;
  }
}

void KvCache::RestoreWindow(std::span<const std::byte> in, Pos end) {
  CARAT_CHECK(in.size() == WindowBytes() && end >= 0 && end <= size_);
  const std::byte* at = in.data();
  const Pos window = std::min(window_, ring_);
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (is_global_[i]) continue;
    const CacheView& view = layers_[i];
    const size_t row = view.position_bytes();
    const std::byte* keys = at;
    const std::byte* values = at + static_cast<size_t>(window) * row;
    ForWindow(end, window, view.capacity, [&](size_t slot, size_t index) {
      std::memcpy(view.keys + slot * row, keys + index * row, row);
      std::memcpy(view.values + slot * row, values + index * row, row);
    });
    at = values + static_cast<size_t>(window) * row;
  }
  size_ = end;
  ring_begin_ = std::max<Pos>(0, end - window);
}

}  // namespace carat
