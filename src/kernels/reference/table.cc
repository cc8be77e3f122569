// The reference table: what every kernel means, in plain scalar C++. It stays in the product,
// behind
// --reference, and all other tables are tested against it.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <numeric>

#include "kernels/kernels.h"
#include "kernels/reference/decode.h"
#include "kernels/reference/multiply.h"
#include "tensor/half.h"

namespace carat::kernels {
namespace {

// Sixteen partial sums, then a fixed tree. A single running sum over 15,360 terms would lose three
// more bits, and the comparison with the model's reference would show it.
constexpr size_t kLanes = 16;

float SumLanes(const float* lanes) {
  float sum[kLanes];
  std::copy(lanes, lanes + kLanes, sum);
  for (size_t width = kLanes / 2; width > 0; width /= 2) {
    for (size_t i = 0; i < width; ++i) sum[i] += sum[i + width];
  }
  return sum[0];
}

float Dot(const float* a, const float* b, size_t n) {
  float lanes[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (size_t l = 0; l < kLanes; ++l) lanes[l] += a[i + l] * b[i + l];
  }
  for (size_t l = 0; i < n; ++i, ++l) lanes[l] += a[i] * b[i];
  return SumLanes(lanes);
}

void MatMul(const float* w, size_t rows, const float* x, size_t tokens, size_t cols, float* out,
            size_t out_stride) {
  for (size_t t = 0; t < tokens; ++t) {
    for (size_t r = 0; r < rows; ++r)
      out[t * out_stride + r] = Dot(w + r * cols, x + t * cols, cols);
  }
}

void RmsNorm(const float* x, const float* weight, size_t n, float eps, float* out) {
  const float mean = Dot(x, x, n) / static_cast<float>(n);
  const float factor = 1.0f / std::sqrt(mean + eps);
  for (size_t i = 0; i < n; ++i)
    out[i] = weight != nullptr ? x[i] * factor * weight[i] : x[i] * factor;
}

// 0.5 u (1 + tanh(sqrt(2/pi) (u + 0.044715 u^3))), gemma4-12b spec 4.6.
void GeluMul(float* gate, const float* up, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    const float u = gate[i];
    const float inner = 0.7978845608028654f * (u + 0.044715f * u * u * u);
    gate[i] = 0.5f * u * (1.0f + std::tanh(inner)) * up[i];
  }
}

float ExpScores(float* x, size_t n, float* top) {
  *top = *std::max_element(x, x + n);
  float lanes[kLanes] = {};
  for (size_t i = 0; i < n; ++i) {
    x[i] = std::exp(x[i] - *top);
    lanes[i % kLanes] += x[i];
  }
  return SumLanes(lanes);
}

template <int kFormat>
float Load(const void* at, size_t i) {
  if constexpr (kFormat == 0) {
    float value;
    std::memcpy(&value, static_cast<const float*>(at) + i, sizeof value);
    return value;
  } else if constexpr (kFormat == 3) {
    const auto* block = static_cast<const uint8_t*>(at) + i / 32 * 34;
    const auto half = static_cast<uint16_t>(block[0] | block[1] << 8);
    return FromF16(half) * static_cast<float>(static_cast<int8_t>(block[2 + i % 32]));
  } else {
    const uint16_t bits = static_cast<const uint16_t*>(at)[i];
    return kFormat == 1 ? FromF16(bits) : FromBf16(bits);
  }
}

const void* At(const void* base, size_t stride, size_t i) {
  return static_cast<const char*>(base) + i * stride;
}

template <int kFormat>
void DotKeys(const float* q, size_t rows, const CacheRows& keys, float* scores,
             size_t scores_stride) {
  for (size_t r = 0; r < rows; ++r) {
    for (size_t i = 0; i < keys.n; ++i) {
      const void* key = At(keys.at, keys.stride, i);
      float lanes[kLanes] = {};
      for (size_t d = 0; d < keys.dim; d += kLanes) {
        for (size_t l = 0; l < kLanes; ++l)
          lanes[l] += q[r * keys.dim + d + l] * Load<kFormat>(key, d + l);
      }
      scores[r * scores_stride + i] = SumLanes(lanes);
    }
  }
}

template <int kFormat>
void MixValues(const float* p, size_t rows, size_t p_stride, const CacheRows& values, float* out) {
  const size_t dim = values.dim;
  for (size_t r = 0; r < rows; ++r) {
    std::fill(out + r * dim, out + (r + 1) * dim, 0.0f);
    for (size_t i = 0; i < values.n; ++i) {
      const void* value = At(values.at, values.stride, i);
      for (size_t d = 0; d < dim; ++d)
        out[r * dim + d] += p[r * p_stride + i] * Load<kFormat>(value, d);
    }
  }
}

uint64_t Read(const void* bytes, size_t size) {
  const auto* words = static_cast<const uint64_t*>(bytes);
  return std::accumulate(words, words + size / sizeof(uint64_t), uint64_t{0});
}

double MatrixSteps(size_t n) {
  volatile float operand = 1.0f;
  float sums[kLanes] = {};
  for (size_t i = 0; i < n; ++i) {
    const float factor = operand;
    for (float& sum : sums) sum += factor * factor;
  }
  operand = SumLanes(sums);
  return static_cast<double>(n) * kLanes;
}

Table MakeTable() {
  Table table{};
  table.name = "reference";
  std::copy(std::begin(reference::kDecoders), std::end(reference::kDecoders), table.decode);
  table.matmul = MatMul;
  reference::FillMultiply(table);
  table.rms_norm = RmsNorm;
  table.gelu_mul = GeluMul;
  table.exp_scores = ExpScores;
  table.dot_keys[0] = DotKeys<0>;
  table.dot_keys[1] = DotKeys<1>;
  table.dot_keys[2] = DotKeys<2>;
  table.dot_keys[3] = DotKeys<3>;
  table.mix_values[0] = MixValues<0>;
  table.mix_values[1] = MixValues<1>;
  table.mix_values[2] = MixValues<2>;
  table.mix_values[3] = MixValues<3>;
  table.read = Read;
  table.matrix_steps = MatrixSteps;
  return table;
}

}  // namespace

const Table& ReferenceTable() {
  static const Table table = MakeTable();
  return table;
}

}  // namespace carat::kernels
