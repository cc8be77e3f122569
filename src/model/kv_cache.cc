#include "model/kv_cache.h"

#include <algorithm>
#include <cstring>
#include <initializer_list>

#include "base/check.h"

namespace carat {

namespace {

// Slots of a sliding layer. window + 1: the drafter sees one position more than the target
// (gemma4-12b specification, 10.4).
Pos Ring(const Config& config, const KvCache::Options& options) {
  return std::min(config.window + 1 + options.margin, options.max_positions);
}

// A layer without its memory.
CacheView Shape(const Config& config, const KvCache::Options& options, int64_t layer) {
  const AttentionShape& shape = config.attention(layer);
  const bool global = config.is_global[static_cast<size_t>(layer)];
  return {.dtype = options.dtype,
          .capacity = static_cast<size_t>(global ? options.max_positions : Ring(config, options)),
          .kv_heads = static_cast<size_t>(shape.kv_heads),
          .head_dim = static_cast<size_t>(shape.head_dim)};
}

}  // namespace

KvCache::Bytes KvCache::BytesOf(const Config& config, const Options& options) {
  Bytes bytes;
  for (int64_t i = 0; i < config.num_layers(); ++i) {
    const bool global = config.is_global[static_cast<size_t>(i)];
    (global ? bytes.global : bytes.sliding) += 2 * Shape(config, options, i).bytes();
  }
  return bytes;
}

size_t KvCache::WindowBytesOf(const Config& config, const Options& options) {
  const auto window = static_cast<size_t>(std::min(config.window, Ring(config, options)));
  size_t bytes = 0;
  for (int64_t i = 0; i < config.num_layers(); ++i) {
    const CacheView view = Shape(config, options, i);
    if (!config.is_global[static_cast<size_t>(i)])
      bytes += 2 * window * view.kv_heads * view.row_bytes();
  }
  return bytes;
}

Result<KvCache> KvCache::Create(const Config& config, const Options& options) {
  CARAT_CHECK(options.max_positions >= 1 && options.margin >= 1);
  KvCache cache;
  cache.max_positions_ = options.max_positions;
  cache.margin_ = options.margin;
  cache.window_ = config.window;
  cache.ring_ = Ring(config, options);
  cache.window_bytes_ = WindowBytesOf(config, options);
  cache.is_global_ = config.is_global;
  const Bytes bytes = BytesOf(config, options);
  CARAT_ASSIGN(cache.memory_, LazyBuffer::Create(bytes.sliding + bytes.global));
  std::byte* at = cache.memory_.data();
  for (int64_t i = 0; i < config.num_layers(); ++i) {
    CacheView& view = cache.layers_.emplace_back(Shape(config, options, i));
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

void KvCache::TakePrefix(const KvCache& other, Pos n, std::span<const std::byte> window) {
  CARAT_CHECK(n >= 0 && n <= other.size_ && ring_ == other.ring_ && n <= max_positions_);
  CARAT_CHECK(!window.empty() || other.CanTruncate(n));
  // Rows of the same position lie in the same slot.
  const auto copy = [](const CacheView& from, const CacheView& to, Pos begin, Pos end) {
    const size_t row = from.row_bytes();
    for (Pos at = begin; at < end;) {
      const size_t slot = static_cast<size_t>(at) % from.capacity;
      const size_t count = std::min(static_cast<size_t>(end - at), from.capacity - slot);
      for (size_t h = 0; h < from.kv_heads; ++h) {
        const size_t offset = h * from.head_bytes() + slot * row;
        std::memcpy(to.keys + offset, from.keys + offset, count * row);
        std::memcpy(to.values + offset, from.values + offset, count * row);
      }
      at += static_cast<Pos>(count);
    }
  };
  const Pos sliding = std::max(other.ring_begin_, n - ring_);
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (is_global_[i]) {
      copy(other.layers_[i], layers_[i], 0, n);
    } else if (window.empty()) {
      copy(other.layers_[i], layers_[i], std::max<Pos>(0, sliding), n);
    }
  }
  size_ = n;
  ring_begin_ = std::max<Pos>(0, sliding);
  if (!window.empty()) RestoreWindow(window, n);
}

}  // namespace carat
