#include "ops/attention.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "base/check.h"
#include "tensor/half.h"

namespace carat {
namespace {

// Positions of a block, which begins at a multiple of it: its keys and values stay in the
// second-level cache. Within it, positions are computed from a multiple of kStep on.
constexpr Pos kBlock = 256, kStep = 32;
// Rows, each a token's head, that read a block together.
constexpr size_t kRows = 64;
// What is kept of blocks that are computed alone, in bytes.
constexpr size_t kMostParts = size_t{64} << 20;

void StoreRow(DType dtype, const float* src, size_t n, std::byte* dst) {
  if (dtype == DType::kF32) {
    std::memcpy(dst, src, n * sizeof(float));
    return;
  }
  if (dtype == DType::kQ8_0) {  // gguf specification, 5.3
    for (size_t i = 0; i < n; i += 32, src += 32, dst += 34) {
      float top = 0, broken = 0;  // no number where one of them is none
      for (size_t j = 0; j < 32; ++j) {
        top = std::max(top, std::abs(src[j]));
        broken += src[j] - src[j];
      }
      const bool none = top < 1e-30f || broken != 0;
      const float scale = top / 127, inverse = none ? 0 : 1 / scale;
      const uint16_t half = ToF16((none ? 0 : scale) + broken);
      std::memcpy(dst, &half, sizeof half);
      for (size_t j = 0; j < 32; ++j)
        dst[2 + j] = static_cast<std::byte>(
            none ? int8_t{0} : static_cast<int8_t>(std::round(src[j] * inverse)));
    }
    return;
  }
  auto* out = reinterpret_cast<uint16_t*>(dst);
  for (size_t i = 0; i < n; ++i) out[i] = dtype == DType::kF16 ? ToF16(src[i]) : ToBf16(src[i]);
}

// Tokens that share one KV head's rows.
struct Tile {
  size_t kv_head;
  size_t first;  // token
  std::span<const KeyRange> seen;
  size_t group;    // heads on one KV head
  Pos begin, end;  // what any of them sees
  size_t rows() const { return seen.size() * group; }
  Pos first_block() const { return begin / kBlock; }
  Pos blocks() const { return (end + kBlock - 1) / kBlock - first_block(); }
};

// The tiles of a call, numbered head by head.
struct Tiles {
  const CacheView& cache;
  std::span<const KeyRange> seen;
  size_t group, tokens;

  Tiles(const CacheView& view, size_t num_heads, std::span<const KeyRange> all)
      : cache(view),
        seen(all),
        group(num_heads / view.kv_heads),
        tokens(std::max<size_t>(1, kRows / group)) {}
  size_t of_head() const { return (seen.size() + tokens - 1) / tokens; }
  size_t size() const { return cache.kv_heads * of_head(); }
  Tile operator[](size_t i) const {
    const size_t first = i % of_head() * tokens;
    const auto part = seen.subspan(first, std::min(tokens, seen.size() - first));
    Tile tile{i / of_head(), first, part, group, part[0].begin, part[0].end};
    for (const KeyRange& range : part) {
      tile.begin = std::min(tile.begin, range.begin);
      tile.end = std::max(tile.end, range.end);
    }
    return tile;
  }
};

// A softmax-weighted sum of some positions' values, not yet divided by the sum of the weights: of
// each row, its highest score, that sum, and the sum of values [dim].
struct Partial {
  float* top;
  float* sum;
  float* out;
  static size_t Floats(size_t rows, size_t dim) { return rows * (dim + 2); }
  Partial(float* memory, size_t rows) : top(memory), sum(memory + rows), out(memory + 2 * rows) {}
};

constexpr float kNothing = -std::numeric_limits<float>::infinity();  // the top of no position

// One thread's work on a tile.
class Work {
 public:
  static size_t Floats(size_t rows, size_t dim) {
    return rows * dim + rows * static_cast<size_t>(kBlock) + 2 * Partial::Floats(rows, dim);
  }

  Work(OpContext& context, int thread, const CacheView& cache, const Tile& tile, const float* q,
       size_t num_heads)
      : table_(context.table()),
        cache_(cache),
        tile_(tile),
        num_heads_(num_heads),
        wrapped_(2 * static_cast<size_t>(kBlock) * cache.row_bytes() / sizeof(float)) {
    const size_t rows = tile.rows(), dim = cache.head_dim;
    q_ = context.Scratch(thread, Floats(rows, dim) + wrapped_);
    scores_ = q_ + rows * dim;
    partials_ = scores_ + rows * static_cast<size_t>(kBlock);
    copy_ = partials_ + 2 * Partial::Floats(rows, dim);
    for (size_t t = 0; t < tile.seen.size(); ++t)
      std::copy_n(q + At(t), tile.group * dim, q_ + t * tile.group * dim);
  }

  Partial partial(size_t i) const {
    return {partials_ + i * Partial::Floats(tile_.rows(), cache_.head_dim), tile_.rows()};
  }

  void ComputeBlock(Pos block, const Partial& out) {
    const size_t rows = tile_.rows(), dim = cache_.head_dim;
    const Pos begin = std::max(tile_.begin, block * kBlock) / kStep * kStep;
    const Pos end = std::min(tile_.end, (block + 1) * kBlock);
    const auto n = static_cast<size_t>(end - begin);
    const auto format = static_cast<size_t>(cache_.dtype);
    const size_t stride = cache_.row_bytes();
    const std::byte* keys = Rows(cache_.keys, begin, n, 0);
    const std::byte* values = Rows(cache_.values, begin, n, 1);
    // What comes next is on its way while this is computed.
    table_.dot_keys[format](q_, rows, {keys, stride, n, dim, values}, scores_, kBlock);
    for (size_t r = 0; r < rows; ++r) {
      const KeyRange& seen = tile_.seen[r / tile_.group];
      float* scores = scores_ + r * static_cast<size_t>(kBlock);
      const Pos from = std::max(seen.begin, begin), to = std::min(seen.end, end);
      if (from >= to) {
        out.top[r] = kNothing;
        std::fill_n(scores, n, 0.0f);
        continue;
      }
      std::fill(scores, scores + (from - begin), 0.0f);
      std::fill(scores + (to - begin), scores + n, 0.0f);
      out.sum[r] =
          table_.exp_scores(scores + (from - begin), static_cast<size_t>(to - from), out.top + r);
    }
    table_.mix_values[format](scores_, rows, kBlock,
                              {values, stride, n, dim, end < tile_.end ? Next(end, n) : nullptr},
                              out.out);
  }

  // Writes the rows of `state` to out [tokens, num_heads, dim].
  void Finish(const Partial& state, float* out) const {
    const size_t dim = cache_.head_dim;
    for (size_t r = 0; r < tile_.rows(); ++r) {
      float* to = out + At(r / tile_.group) + r % tile_.group * dim;
      const float inverse = 1.0f / state.sum[r];
      for (size_t d = 0; d < dim; ++d) to[d] = state.out[r * dim + d] * inverse;
    }
  }

 private:
  size_t At(size_t t) const {
    return ((tile_.first + t) * num_heads_ + tile_.kv_head * tile_.group) * cache_.head_dim;
  }

  // The next block's keys, if so many rows lie there.
  const std::byte* Next(Pos begin, size_t n) const {
    const size_t slot = static_cast<size_t>(begin) % cache_.capacity;
    if (slot + n > cache_.capacity) return nullptr;
    return cache_.keys + tile_.kv_head * cache_.head_bytes() + slot * cache_.row_bytes();
  }

  // Positions [begin, begin + n) side by side; copied where the ring ends among them.
  const std::byte* Rows(const std::byte* all, Pos begin, size_t n, size_t which) {
    const size_t stride = cache_.row_bytes();
    const std::byte* head = all + tile_.kv_head * cache_.head_bytes();
    const size_t slot = static_cast<size_t>(begin) % cache_.capacity;
    if (slot + n <= cache_.capacity) return head + slot * stride;
    auto* copy = reinterpret_cast<std::byte*>(copy_ + which * wrapped_ / 2);
    for (size_t i = 0; i < n; ++i)
      std::memcpy(copy + i * stride, head + (slot + i) % cache_.capacity * stride, stride);
    return copy;
  }

  const kernels::Table& table_;
  const CacheView& cache_;
  const Tile& tile_;
  size_t num_heads_;
  size_t wrapped_;  // floats
  float *q_, *scores_, *partials_, *copy_;
};

// Adds the next block's part to what came before.
void Fold(const Partial& part, size_t rows, size_t dim, const Partial& state) {
  for (size_t r = 0; r < rows; ++r) {
    if (part.top[r] == kNothing) continue;
    const float top = state.top[r] > part.top[r] ? state.top[r] : part.top[r];
    const float old = std::exp(state.top[r] - top), added = std::exp(part.top[r] - top);
    state.top[r] = top;
    state.sum[r] = state.sum[r] * old + part.sum[r] * added;
    float* out = state.out + r * dim;
    const float* more = part.out + r * dim;
    for (size_t d = 0; d < dim; ++d) out[d] = out[d] * old + more[d] * added;
  }
}

void Clear(const Partial& state, size_t rows, size_t dim) {
  std::fill_n(state.top, rows, kNothing);
  std::fill_n(state.sum, rows, 0.0f);
  std::fill_n(state.out, rows * dim, 0.0f);
}

}  // namespace

void StoreRows(const CacheView& cache, Pos first, size_t count, const float* k, const float* v) {
  const size_t width = cache.kv_heads * cache.head_dim, bytes = cache.row_bytes();
  for (size_t t = 0; t < count; ++t) {
    const size_t slot = (static_cast<size_t>(first) + t) % cache.capacity;
    for (size_t h = 0; h < cache.kv_heads; ++h) {
      const size_t from = t * width + h * cache.head_dim,
                   to = h * cache.head_bytes() + slot * bytes;
      StoreRow(cache.dtype, k + from, cache.head_dim, cache.keys + to);
      StoreRow(cache.dtype, v + from, cache.head_dim, cache.values + to);
    }
  }
}

size_t AttentionPartsBytes(Pos positions, size_t head_dim) {
  const auto blocks = static_cast<size_t>(positions / kBlock + 1);
  return std::min(kMostParts, blocks * Partial::Floats(kRows, head_dim) * sizeof(float));
}

void Attention(OpContext& context, const CacheView& cache, const float* q, size_t num_heads,
               std::span<const KeyRange> seen, float* out) {
  CARAT_CHECK(static_cast<size_t>(cache.dtype) < kernels::kNumCacheFormats);
  const size_t dim = cache.head_dim;
  const Tiles tiles(cache, num_heads, seen);
  size_t blocks = 0, rows = 0;  // most of a tile; those of all heads are alike
  for (size_t i = 0; i < tiles.of_head(); ++i) {
    blocks = std::max(blocks, static_cast<size_t>(tiles[i].blocks()));
    rows = std::max(rows, tiles[i].rows());
  }
  const size_t part_floats = Partial::Floats(rows, dim);
  const size_t parts_bytes = tiles.size() * blocks * part_floats * sizeof(float);
  // Enough tiles for all threads: each goes through its blocks. Else blocks are computed alone,
  // their parts kept as far as there is room for them, and added up in the same order.
  if (tiles.size() >= 2 * static_cast<size_t>(context.pool().threads()) ||
      parts_bytes > kMostParts) {
    context.pool().Run(tiles.size(), [&](size_t i, int thread) {
      const Tile tile = tiles[i];
      Work work(context, thread, cache, tile, q, num_heads);
      const Partial part = work.partial(0), state = work.partial(1);
      Clear(state, tile.rows(), dim);
      for (Pos b = 0; b < tile.blocks(); ++b) {
        work.ComputeBlock(tile.first_block() + b, part);
        Fold(part, tile.rows(), dim, state);
      }
      work.Finish(state, out);
    });
    return;
  }
  float* parts = context.SharedScratch(tiles.size() * blocks * part_floats);
  context.pool().Run(tiles.size() * blocks, [&](size_t i, int thread) {
    const Tile tile = tiles[i / blocks];
    const auto block = static_cast<Pos>(i % blocks);
    if (block >= tile.blocks()) return;
    Work(context, thread, cache, tile, q, num_heads)
        .ComputeBlock(tile.first_block() + block, {parts + i * part_floats, tile.rows()});
  });
  context.pool().Run(tiles.size(), [&](size_t i, int thread) {
    const Tile tile = tiles[i];
    const Work work(context, thread, cache, tile, q, num_heads);
    const Partial state = work.partial(1);
    Clear(state, tile.rows(), dim);
    for (size_t b = 0; b < static_cast<size_t>(tile.blocks()); ++b)
      Fold({parts + (i * blocks + b) * part_floats, tile.rows()}, tile.rows(), dim, state);
    work.Finish(state, out);
  });
}

}  // namespace carat
