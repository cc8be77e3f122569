// The scalar twins of quantise and multiply. They read weights as they are stored, so that the
// tests also prove the interleaved order.
#include "kernels/reference/multiply.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/interleaved.h"
#include "kernels/reference/decode.h"
#include "tensor/half.h"

namespace carat::kernels::reference {
namespace {

using Bytes = const uint8_t*;

float Half(Bytes b) { return FromF16(static_cast<uint16_t>(b[0] | b[1] << 8)); }

// One token of a batch.
struct Token {
  const Batch& batch;
  size_t t;
  int q(size_t column) const {
    return batch.q[(column / 32 * batch.tokens + t) * 32 + column % 32];
  }
  float scale(size_t piece) const { return batch.scale[piece * batch.tokens + t]; }
};

// The sum over `count` columns from `begin` of weight(i) * q.
template <class Weight>
float Dot(const Token& x, size_t begin, size_t count, const Weight& weight) {
  int sum = 0;
  for (size_t i = 0; i < count; ++i) sum += weight(i) * x.q(begin + i);
  return static_cast<float>(sum);
}

// Each adds one stored block's products to acc.
float Q4_0(Bytes b, const Token& x, size_t column, float acc) {
  const auto weight = [&](size_t i) { return (i < 16 ? b[2 + i] & 15 : b[2 + i - 16] >> 4) - 8; };
  return std::fma(Dot(x, column, 32, weight), Half(b), acc);
}

float Q8_0(Bytes b, const Token& x, size_t column, float acc) {
  const auto weight = [&](size_t i) { return int{static_cast<int8_t>(b[2 + i])}; };
  return std::fma(Dot(x, column, 32, weight), Half(b), acc);
}

template <bool kFive>
float BlocksK(Bytes b, const Token& x, size_t column, float acc) {
  const float d = Half(b), dmin = Half(b + 2);
  Bytes s = b + 4, high = b + 16, low = b + (kFive ? 48 : 16);
  for (size_t j = 0; j < 8; ++j) {
    const int scale = j < 4 ? s[j] & 63 : (s[j + 4] & 15) | (s[j - 4] >> 6) << 4;
    const int min = j < 4 ? s[j + 4] & 63 : (s[j + 4] >> 4) | (s[j] >> 6) << 4;
    const auto weight = [&](size_t i) {
      const int nibble = j % 2 == 0 ? low[32 * (j / 2) + i] & 15 : low[32 * (j / 2) + i] >> 4;
      return kFive ? nibble | (high[i] >> j & 1) << 4 : nibble;
    };
    const size_t at = column + 32 * j;
    acc = std::fma(Dot(x, at, 32, weight), d * static_cast<float>(scale), acc);
    const float sum = Dot(x, at, 32, [](size_t) { return 1; });
    acc = std::fma(-(dmin * static_cast<float>(min)), sum, acc);
  }
  return acc;
}

float Q6_K(Bytes b, const Token& x, size_t column, float acc) {
  const float d = Half(b + 208);
  for (size_t part = 0; part < 4; ++part) {  // the order of the faster ones
    const size_t h = part / 2, s = part % 2;
    for (size_t g = 0; g < 4; ++g) {
      const int scale = static_cast<int8_t>(b[192 + 8 * h + 2 * g + s]);
      const auto weight = [&](size_t i) {
        const size_t l = 16 * s + i;
        const int nibbles = b[64 * h + 32 * (g % 2) + l];
        const int high = b[128 + 32 * h + l] >> 2 * g & 3;
        return ((g < 2 ? nibbles & 15 : nibbles >> 4) | high << 4) - 32;
      };
      acc = std::fma(Dot(x, column + 128 * h + 32 * g + 16 * s, 16, weight),
                     d * static_cast<float>(scale), acc);
    }
  }
  return acc;
}

template <float (*kBlock)(Bytes, const Token&, size_t, float)>
float Row(Bytes w, DType format, const Token& x) {
  const DTypeInfo& info = Info(format);
  float total = 0;
  for (size_t piece = 0; piece * 256 < x.batch.cols; ++piece) {
    float acc = 0;
    const size_t end = std::min(x.batch.cols, (piece + 1) * 256);
    for (size_t c = piece * 256; c < end; c += info.block_elements, w += info.block_bytes)
      acc = kBlock(w, x, c, acc);
    total = std::fma(acc, x.scale(piece), total);
  }
  return total;
}

template <float (*kFrom)(uint16_t)>
float Row16(Bytes w, DType, const Token& x) {
  float sums[2] = {};
  for (size_t c = 0; c < x.batch.cols; ++c) {
    const float weight = kFrom(static_cast<uint16_t>(w[2 * c] | w[2 * c + 1] << 8));
    sums[c % 2] = std::fma(weight, x.batch.x[c * x.batch.tokens + x.t], sums[c % 2]);
  }
  return sums[0] + sums[1];
}

template <DType kFormat, float (*kRow)(Bytes, DType, const Token&)>
void Multiply(const void* w, size_t groups, const Batch& batch, float* out, size_t out_stride) {
  const DTypeInfo& info = Info(kFormat);
  std::vector<std::byte> row(batch.cols / info.block_elements * info.block_bytes);
  for (size_t r = 0; r < groups * kGroupRows; ++r) {
    const size_t group = r / kGroupRows * GroupBytes(kFormat, batch.cols);
    StoredRow(kFormat, static_cast<const std::byte*>(w) + group, r % kGroupRows, batch.cols,
              row.data());
    for (size_t t = 0; t < batch.tokens; ++t)
      out[t * out_stride + r] = kRow(reinterpret_cast<Bytes>(row.data()), kFormat, {batch, t});
  }
}

void RoundPrompt(const float* x, size_t t, size_t cols, uint16_t* tiles) {
  for (size_t c = 0; c < cols; ++c)
    tiles[((t / 16 * (cols / 32) + c / 32) * 16 + t % 16) * 32 + c % 32] = ToBf16(x[c]);
}

template <DType kFormat>
void MultiplyPrompt(const void* w, size_t rows, const PromptRows& x, void*, float* out,
                    size_t out_stride) {
  const size_t cols = x.cols;
  const DTypeInfo& info = Info(kFormat);
  std::vector<std::byte> row(cols / info.block_elements * info.block_bytes);
  std::vector<float> values(cols);
  for (size_t r = 0; r < rows; ++r) {
    const size_t group = r / kGroupRows * GroupBytes(kFormat, cols);
    StoredRow(kFormat, static_cast<const std::byte*>(w) + group, r % kGroupRows, cols, row.data());
    kDecoders[static_cast<size_t>(kFormat)](row.data(), cols, values.data());
    for (size_t t = 0; t < x.tokens; ++t) {
      float sum = 0;
      for (size_t c = 0; c < cols; ++c) {
        const size_t at = ((t / 16 * (cols / 32) + c / 32) * 16 + t % 16) * 32 + c % 32;
        sum += RoundToBf16(values[c]) * FromBf16(x.tiles[at]);
      }
      out[t * out_stride + r] = sum;
    }
  }
}

void Quantise(const float* x, size_t t, const Batch& batch) {
  for (size_t begin = 0; begin < batch.cols; begin += 256) {
    const size_t end = std::min(batch.cols, begin + 256);
    float top = 0, broken = 0;
    for (size_t c = begin; c < end; ++c) {
      top = std::max(top, std::abs(x[c]));
      broken += x[c] - x[c];
    }
    const bool small = top < 1e-30f;
    const float inverse = small ? 0 : 127.0f / top;
    batch.scale[begin / 256 * batch.tokens + t] = (small ? 0 : top / 127.0f) + broken;
    for (size_t block = begin / 32; block < end / 32; ++block) {
      int sums[2] = {};
      for (size_t i = 0; i < 32; ++i) {
        const float value = broken == 0 ? std::nearbyint(x[32 * block + i] * inverse) : 0;
        const auto q = static_cast<int8_t>(value);
        batch.q[(block * batch.tokens + t) * 32 + i] = q;
        sums[i / 16] += q;
      }
      for (size_t s = 0; s < 2; ++s)
        batch.start16[(2 * block + s) * batch.tokens + t] = -8 * sums[s];
      batch.start32[block * batch.tokens + t] = -8 * (sums[0] + sums[1]);
      batch.sum32[block * batch.tokens + t] = static_cast<float>(sums[0] + sums[1]);
    }
  }
}

}  // namespace

void FillMultiply(Table& table) {
  const auto set = [&](DType format, auto function) {
    table.multiply[static_cast<size_t>(format)] = function;
  };
  set(DType::kF16, Multiply<DType::kF16, Row16<FromF16>>);
  set(DType::kBF16, Multiply<DType::kBF16, Row16<FromBf16>>);
  set(DType::kQ8_0, Multiply<DType::kQ8_0, Row<Q8_0>>);
  set(DType::kQ4_0, Multiply<DType::kQ4_0, Row<Q4_0>>);
  set(DType::kQ4_K, Multiply<DType::kQ4_K, Row<BlocksK<false>>>);
  set(DType::kQ5_K, Multiply<DType::kQ5_K, Row<BlocksK<true>>>);
  set(DType::kQ6_K, Multiply<DType::kQ6_K, Row<Q6_K>>);
  table.quantise = Quantise;
  const auto set_prompt = [&](DType format, auto function) {
    table.multiply_prompt[static_cast<size_t>(format)] = function;
  };
  set_prompt(DType::kQ8_0, MultiplyPrompt<DType::kQ8_0>);
  set_prompt(DType::kQ4_0, MultiplyPrompt<DType::kQ4_0>);
  set_prompt(DType::kQ4_K, MultiplyPrompt<DType::kQ4_K>);
  set_prompt(DType::kQ5_K, MultiplyPrompt<DType::kQ5_K>);
  set_prompt(DType::kQ6_K, MultiplyPrompt<DType::kQ6_K>);
  table.round_prompt = RoundPrompt;
}

}  // namespace carat::kernels::reference
