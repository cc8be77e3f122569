#include "ops/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "tensor/half.h"
#include "tests/support/kernel_tables.h"
#include "tests/support/random_blocks.h"

namespace carat {
namespace {

constexpr double kU = 0x1p-24;

// A cache's row as it reads back.
std::vector<float> Rounded(DType dtype, const float* row, size_t dim) {
  std::vector<float> out(row, row + dim);
  for (size_t i = 0; i < dim; ++i) {
    if (dtype == DType::kF16) out[i] = FromF16(ToF16(row[i]));
    if (dtype == DType::kBF16) out[i] = RoundToBf16(row[i]);
    if (dtype == DType::kQ8_0 && i % 32 == 0) {  // gguf specification, 5.3
      float top = 0;
      for (size_t j = i; j < i + 32; ++j) top = std::max(top, std::abs(row[j]));
      const float scale = FromF16(ToF16(top / 127)), inverse = 1 / (top / 127);
      for (size_t j = i; j < i + 32; ++j) out[j] = scale * std::round(row[j] * inverse);
    }
  }
  return out;
}

struct Shape {
  size_t heads, kv_heads, dim;
  Pos window;       // 0: none
  size_t capacity;  // slots
  DType dtype;
};

std::vector<KeyRange> Causal(Pos first, size_t count, Pos window) {
  std::vector<KeyRange> seen;
  for (Pos q = first; q < first + static_cast<Pos>(count); ++q)
    seen.push_back({window > 0 ? std::max<Pos>(0, q - window + 1) : 0, q + 1});
  return seen;
}

// A timeline's rows as they were given, and the cache they were stored in.
struct Timeline {
  Shape shape;
  std::vector<std::byte> memory;
  CacheView cache;
  std::vector<float> q, k, v;  // [length, heads or kv_heads, dim]
  std::vector<float> stored_k, stored_v;

  Timeline(std::mt19937_64& random, const Shape& s, size_t length) : shape(s) {
    cache = {.dtype = s.dtype, .capacity = s.capacity, .kv_heads = s.kv_heads, .head_dim = s.dim};
    memory.resize(2 * cache.bytes());
    cache.keys = memory.data();
    cache.values = memory.data() + memory.size() / 2;
    q = RandomFloats(random, length * s.heads * s.dim, 0.7f);
    k = RandomFloats(random, length * s.kv_heads * s.dim, 0.7f);
    v = RandomFloats(random, length * s.kv_heads * s.dim);
    for (size_t i = 0; i < k.size(); i += s.dim) {
      const auto key = Rounded(s.dtype, &k[i], s.dim), value = Rounded(s.dtype, &v[i], s.dim);
      stored_k.insert(stored_k.end(), key.begin(), key.end());
      stored_v.insert(stored_v.end(), value.begin(), value.end());
    }
  }

  // Stores and attends positions in chunks.
  std::vector<float> Run(OpContext& context, size_t chunk) {
    std::vector<float> out(q.size());
    const size_t kv_width = shape.kv_heads * shape.dim, width = shape.heads * shape.dim;
    const size_t length = q.size() / width;
    for (size_t at = 0; at < length; at += chunk) {
      const size_t n = std::min(chunk, length - at);
      StoreRows(cache, static_cast<Pos>(at), n, k.data() + at * kv_width, v.data() + at * kv_width);
      Attention(context, cache, q.data() + at * width, shape.heads,
                Causal(static_cast<Pos>(at), n, shape.window), out.data() + at * width);
    }
    return out;
  }

  // The definition, in double precision over all rows. `size` is the largest |value| in sight and
  // `score` the largest sum of |q k|, for the tolerance.
  std::vector<double> Exact(size_t position, size_t head, double& size, double& score) const {
    const size_t kv = head / (shape.heads / shape.kv_heads), dim = shape.dim;
    const float* query = &q[(position * shape.heads + head) * dim];
    const size_t window = shape.window > 0 ? static_cast<size_t>(shape.window) : position + 1;
    const size_t begin = position + 1 > window ? position + 1 - window : 0;
    std::vector<double> weights, out(dim, 0.0);
    double sum = 0;
    for (size_t p = begin; p <= position; ++p) {
      double s = 0, absolute = 0;
      for (size_t d = 0; d < dim; ++d) {
        const double term = double{query[d]} * stored_k[(p * shape.kv_heads + kv) * dim + d];
        s += term;
        absolute += std::abs(term);
      }
      score = std::max(score, absolute);
      sum += weights.emplace_back(std::exp(s));
    }
    for (size_t p = begin; p <= position; ++p) {
      for (size_t d = 0; d < dim; ++d) {
        const double value = stored_v[(p * shape.kv_heads + kv) * dim + d];
        size = std::max(size, std::abs(value));
        out[d] += weights[p - begin] / sum * value;
      }
    }
    return out;
  }
};

std::vector<Shape> Shapes() {
  std::vector<Shape> shapes;
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0}) {
    for (const size_t kv_heads : {1, 2, 4}) {
      shapes.push_back({4, kv_heads, 32, 0, 100, dtype});  // global
      shapes.push_back({4, kv_heads, 32, 7, 20, dtype});   // a ring of window + 1 + 12
      shapes.push_back({4, kv_heads, dtype == DType::kQ8_0 ? 32u : 48u, 1, 14, dtype});  // itself
    }
  }
  return shapes;
}

// A score errs by the dot product's (dim / 8 + 6) u of its absolute sum; a softmax weight then by
// twice that relatively, and by what exp, sum and reciprocal add: (n / 8 + 16) u; the mix adds (n +
// 1) u. All relative to the largest value.
TEST(Attention, EqualsTheDefinition) {
  std::mt19937_64 random(1);
  constexpr size_t kLength = 61;
  for (const Shape& shape : Shapes()) {
    Timeline timeline(random, shape, kLength);
    for (const kernels::Table* table : Tables()) {
      ThreadPool pool(2);
      OpContext context(pool, *table);
      const auto out = timeline.Run(context, 5);
      for (size_t i = 0; i < kLength * shape.heads; ++i) {
        double size = 0, score = 0;
        const auto exact = timeline.Exact(i / shape.heads, i % shape.heads, size, score);
        const double n = shape.window > 0 ? static_cast<double>(shape.window) : kLength;
        const double roundings =
            2 * (static_cast<double>(shape.dim) / 8 + 6) * score + n / 8 + 16 + n + 1;
        // Where q and weights are taken as bf16, scores err by 2^-9 of it and weights by as much.
        const bool bf16 = table->attention_bf16 && shape.dtype == DType::kBF16;
        const double rounded = bf16 && shape.dim % 32 == 0 ? 1.01 * (2 * score + 1) * 0x1p-9 : 0;
        for (size_t d = 0; d < shape.dim; ++d) {
          ASSERT_NEAR(out[i * shape.dim + d], exact[d], (1.01 * roundings * kU + rounded) * size)
              << table->name << " position " << i / shape.heads;
        }
      }
    }
  }
}

TEST(Attention, DoesNotDependOnChunksThreadsOrRing) {
  std::mt19937_64 random(2);
  for (Shape shape : Shapes()) {
    const std::mt19937_64 same = random;
    for (const kernels::Table* table : Tables()) {
      std::mt19937_64 r = same;
      Timeline timeline(r, shape, 50);
      ThreadPool one(1);
      OpContext single(one, *table);
      const auto expected = timeline.Run(single, 1);
      for (const size_t chunk : {1, 2, 3, 7, 12}) {
        for (const int threads : {1, 3}) {
          ThreadPool pool(threads);
          OpContext context(pool, *table);
          EXPECT_EQ(timeline.Run(context, chunk), expected) << table->name << " chunk " << chunk;
        }
      }
      Shape roomy = shape;
      roomy.capacity = 333;
      r = same;
      Timeline wide(r, roomy, 50);
      EXPECT_EQ(wide.Run(single, 50), expected) << table->name;
    }
    random.discard(1);
  }
}

// Gemma4-12b specification, appendix B, item 5: a query at 2000 with a window of 1024 sees 977 …
// 2000.
TEST(Attention, WindowIncludesTheQuery) {
  std::mt19937_64 random(3);
  Shape shape{1, 1, 16, 1024, 2001, DType::kF32};
  Timeline timeline(random, shape, 2001);
  ThreadPool pool(1);
  OpContext context(pool, *Tables()[0]);
  timeline.Run(context, 2001);
  const auto at_2000 = [&] {
    std::vector<float> out(16);
    StoreRows(timeline.cache, 0, 2001, timeline.k.data(), timeline.v.data());
    Attention(context, timeline.cache, &timeline.q[2000 * 16], 1, Causal(2000, 1, 1024),
              out.data());
    return out;
  };
  const auto before = at_2000();
  timeline.v[976 * 16] += 100;
  timeline.k[976 * 16] += 100;
  EXPECT_EQ(at_2000(), before);
  timeline.v[977 * 16] += 100;
  EXPECT_NE(at_2000(), before);
}

}  // namespace
}  // namespace carat
