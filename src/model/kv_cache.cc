#include "model/kv_cache.h"

#include <algorithm>
#include <cstring>
#include <initializer_list>

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
    total += 2 * view.bytes();
  }
  CARAT_ASSIGN(cache.memory_, LazyBuffer::Create(total));
  std::byte* at = cache.memory_.data();
  for (CacheView& view : cache.layers_) {
    view.keys = at;
    view.values = at + view.bytes();
    at += 2 * view.bytes();
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
      bytes += 2 * static_cast<size_t>(std::min(window_, ring_)) * layers_[i].kv_heads *
               layers_[i].row_bytes();
  }
  return bytes;
}

// A saved window holds, layer by layer and head by head, the keys of its positions and then their
// values; `copy` gets runs of neighbouring rows in the cache, their offset in the window and bytes.
template <class Copy>
void KvCache::ForWindow(Pos end, const Copy& copy) const {
  const Pos window = std::min(window_, ring_);
  const Pos begin = std::max<Pos>(0, end - window);
  size_t offset = 0;
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (is_global_[i]) continue;
    const CacheView& view = layers_[i];
    const size_t row = view.row_bytes(), n = static_cast<size_t>(end - begin);
    const size_t slot = static_cast<size_t>(begin) % view.capacity;
    const size_t first = std::min(n, view.capacity - slot);
    for (std::byte* all : {view.keys, view.values}) {
      for (size_t h = 0; h < view.kv_heads; ++h) {
        std::byte* head = all + h * view.head_bytes();
        copy(head + slot * row, offset, first * row);
        copy(head, offset + first * row, (n - first) * row);
        offset += static_cast<size_t>(window) * row;
      }
    }
  }
}

void KvCache::SaveWindow(std::span<std::byte> out) const {
  CARAT_CHECK(out.size() == WindowBytes());
  ForWindow(size_, [&](const std::byte* row, size_t offset, size_t bytes) {
    std::memcpy(out.data() + offset, row, bytes);
  });
}

void KvCache::RestoreWindow(std::span<const std::byte> window, Pos end) {
  CARAT_CHECK(window.size() == WindowBytes() && end >= 0 && end <= size_);
  ForWindow(end, [&](std::byte* row, size_t offset, size_t bytes) {
    std::memcpy(row, window.data() + offset, bytes);
  });
  size_ = end;
  ring_begin_ = std::max<Pos>(0, end - std::min(window_, ring_));
}

}  // namespace carat
