// The products of AMX tiles: of bytes for the larger batches, of bf16 for prompts. Smaller batches
// go by vectors, and all else is avx512vnni's.
//
// Of bytes: a step is 64 columns of a group: its weights are unpacked to lines of signed bytes,
// which are the rows of B tiles as they stand; the batch's q are the rows of A tiles; one product
// per scale gives a tile of tokens x rows of whole numbers, and vectors multiply them by the scales
// as ../interleaved.inc does, in the same order: the same bits. Three steps are in hand at once, so
// that nothing that was just stored is waited for: one is unpacked, one multiplied, one summed up.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"

namespace carat::kernels {
namespace {

#include "kernels/x86/vector512.inc"
// V over it:
#include "kernels/x86/vnni512.inc"
// and the products over V.
#include "kernels/x86/interleaved.inc"

constexpr int kLeastTokens = 12;  // below, vectors are faster

// A step's weights: of its first product, of its second, and so on.
struct Lines {
  alignas(64) uint8_t rows[16 * 64];
};

void StoreLine(Lines& out, size_t line, V::I v) { _mm512_store_si512(out.rows + 64 * line, v); }
V::I Minus(V::I a, char b) { return b == 0 ? a : _mm512_sub_epi8(a, _mm512_set1_epi8(b)); }

// Each format: the steps of a unit, how many columns share a scale (a product's), how a step is
// unpacked, in which block and at which of its bytes a product's q begin, and its scale.
template <class Unit, size_t kStepsOfUnit>
struct ByBlocks : Unit {
  static constexpr size_t kSteps = kStepsOfUnit, kShared = 32;
  static size_t Block(size_t step, size_t product) { return 2 * step + product; }
  static size_t Byte(size_t) { return 0; }
  static void Unpack(Bytes w, size_t step, Lines& out) {
#pragma GCC unroll 2
    for (size_t p = 0; p < 2; ++p) {
      V::I v[8];
      Unit::UnpackBlock(w, Block(step, p), 0, v);
      for (size_t j = 0; j < 8; ++j) StoreLine(out, 8 * p + j, Minus(v[j], Unit::kOffset));
    }
  }
  static V::F Scale(Bytes w, size_t, size_t product) { return Halves(w + 32 * product, 0); }
};

struct TileQ6K : UnitQ6_K {
  static constexpr size_t kSteps = 4, kShared = 16;
  static void Unpack(Bytes w, size_t step, Lines& out) {
    V::I v[4][4];
    UnpackPart(w + 64, step, 0, v);
    for (size_t i = 0; i < 16; ++i) StoreLine(out, i, Minus(v[i / 4][i % 4], 32));
  }
  static size_t Block(size_t step, size_t product) { return 4 * (step / 2) + product; }
  static size_t Byte(size_t step) { return 16 * (step % 2); }
  static V::F Scale(Bytes w, size_t step, size_t product) {
    return PartScale(w + 64, Halves(w, 0), step, product, 0);
  }
};

// The whole 64 bytes are an operand, so that no compiler drops a part of them.
struct alignas(64) TileShapes {
  uint8_t bytes[64] = {1};
  void Set(size_t tile, size_t rows, size_t row_bytes) {
    bytes[48 + tile] = static_cast<uint8_t>(rows);
    bytes[16 + 2 * tile] = static_cast<uint8_t>(row_bytes);
  }
  void Load() const { asm volatile("ldtilecfg %0" : : "m"(*this)); }
};

// Tiles 0 … 3: sums; 4, 5: q; 6, 7: weights.
template <class Tile, int T>
void Configure() {
  TileShapes shapes;
  for (size_t i = 0; i < 4; ++i) shapes.Set(i, T, 64);
  for (size_t i = 4; i < 6; ++i) shapes.Set(i, T, Tile::kShared);
  for (size_t i = 6; i < 8; ++i) shapes.Set(i, Tile::kShared / 4, 64);
  shapes.Load();
}

template <class Tile, int T>
struct Sums {
  alignas(64) int32_t of[64 / Tile::kShared][T][16];  // of each product
};

// The compiler is told which memory these read and write: <immintrin.h> of GCC 12 does not.
template <int kTile>
void LoadQ(const int8_t* q) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(q), "r"(size_t{32}), "i"(kTile) : "memory");
}
template <int kTile>
void LoadLines(const Lines& lines, size_t first) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2"
               :
               : "r"(lines.rows + 64 * first), "r"(size_t{64}), "i"(kTile), "m"(lines));
}
template <int kTile, int T>
void StoreSums(int32_t (&out)[T][16]) {
  asm volatile("tilestored %%tmm%c3, (%1,%2,1)"
               : "=m"(out)
               : "r"(&out), "r"(size_t{64}), "i"(kTile));
}
template <int kSums, int kQ, int kWeights>
void TileProduct() {
  asm volatile("tdpbssd %%tmm%c0, %%tmm%c1, %%tmm%c2" : : "i"(kWeights), "i"(kQ), "i"(kSums));
}

template <class Tile, int T, int kProduct>
[[gnu::always_inline]] inline void OneProduct(const Lines& b, const Place<T>& x, size_t step) {
  constexpr int kQ = 4 + kProduct % 2, kWeights = 6 + kProduct % 2;
  asm volatile("tilezero %%tmm%c0" : : "i"(kProduct));
  LoadQ<kQ>(x.q + Tile::Block(step, kProduct) * T * 32 + Tile::Byte(step));
  LoadLines<kWeights>(b, kProduct * Tile::kShared / 4);
  TileProduct<kProduct, kQ, kWeights>();
}

template <class Tile, int T>
[[gnu::always_inline]] inline void Products(const Lines& b, const Place<T>& x, size_t step,
                                            Sums<Tile, T>& out) {
  OneProduct<Tile, T, 0>(b, x, step);
  OneProduct<Tile, T, 1>(b, x, step);
  if constexpr (Tile::kShared == 16) {
    OneProduct<Tile, T, 2>(b, x, step);
    OneProduct<Tile, T, 3>(b, x, step);
    StoreSums<2>(out.of[2]);
    StoreSums<3>(out.of[3]);
  }
  StoreSums<0>(out.of[0]);
  StoreSums<1>(out.of[1]);
}

template <class Tile, int T>
[[gnu::always_inline]] inline void AddSums(const Sums<Tile, T>& sums, Bytes w, const Place<T>& x,
                                           size_t step, V::F* acc) {
  constexpr size_t kProducts = 64 / Tile::kShared;
  constexpr bool kHasMin = requires { Tile::kHasMin; };
  V::F scale[kProducts], min[kProducts];
  if constexpr (kHasMin) {
    const ScalesK scales(w, 0);
    for (size_t p = 0; p < kProducts; ++p) {
      scale[p] = scales.Scale(2 * step + p);
      min[p] = scales.Min(2 * step + p);
    }
  } else {
    for (size_t p = 0; p < kProducts; ++p) scale[p] = Tile::Scale(w, step, p);
  }
#pragma GCC unroll 16
  for (int t = 0; t < T; ++t) {
    for (size_t p = 0; p < kProducts; ++p) {
      acc[t] = V::Fma(V::ToFloat(_mm512_load_si512(sums.of[p][t])), scale[p], acc[t]);
      if constexpr (kHasMin) {
        const float sum = x.sum32[Tile::Block(step, p) * T + static_cast<size_t>(t)];
        acc[t] = V::Fnma(min[p], V::Set(sum), acc[t]);
      }
    }
  }
}

template <class Tile, int T>
void TileGroup(Bytes w, const Batch& x, float* out, size_t out_stride) {
  const size_t steps = x.cols / 64;
  const auto unit = [&](size_t step) { return w + step / Tile::kSteps * Tile::kBytes; };
  const auto place = [&](size_t step) { return Place<T>(x, step / Tile::kSteps * Tile::kColumns); };
  constexpr size_t kLag = 1, kKept = kLag + 1;
  Lines lines[kKept];
  Sums<Tile, T> sums[kKept];
  V::F total[T], acc[T];
  for (int t = 0; t < T; ++t) total[t] = acc[t] = V::Zero();
  const float* scale = x.scale;
  for (size_t i = 0; i < steps + 2 * kLag; ++i) {
    if (i >= 2 * kLag) {
      const size_t step = i - 2 * kLag;
      AddSums<Tile, T>(sums[step % kKept], unit(step), place(step), step % Tile::kSteps, acc);
      if (step % 4 == 3 || step + 1 == steps) {  // of 256 columns the last
        for (int t = 0; t < T; ++t) {
          total[t] = V::Fma(acc[t], V::Set(scale[t]), total[t]);
          acc[t] = V::Zero();
        }
        scale += T;
      }
    }
    if (i >= kLag && i < steps + kLag) {
      const size_t step = i - kLag;
      Products<Tile, T>(lines[step % kKept], place(step), step % Tile::kSteps, sums[step % kKept]);
    }
    if (i < steps) {
      if (i % Tile::kSteps == 0) Prefetch(unit(i), Tile::kBytes);
      Tile::Unpack(unit(i), i % Tile::kSteps, lines[i % kKept]);
    }
  }
  for (int t = 0; t < T; ++t) V::Store(out + static_cast<size_t>(t) * out_stride, total[t]);
}

template <class Tile>
struct Tiles : Quantised<Tile> {
  template <int T>
  static void Begin() {
    if constexpr (T >= kLeastTokens) Configure<Tile, T>();
  }
  template <int T>
  static void Group(Bytes w, const Batch& x, float* out, size_t out_stride) {
    if constexpr (T < kLeastTokens) {
      MultiplyGroup<Tile, T>(w, x, out, out_stride);
    } else {
      TileGroup<Tile, T>(w, x, out, out_stride);
    }
  }
  template <int T>
  static void End() {
    if constexpr (T >= kLeastTokens) asm volatile("tilerelease");
  }
};

// Tiles of bf16, of prompts:
#include "kernels/x86/amx/prompt.inc"
// and of attention:
#include "kernels/x86/amx/attention.inc"

constexpr Table MakeTable() {
  Table table{};
  table.name = "amx";
  table.attention_bf16 = true;
  table.dot_keys[2] = DotKeysTiles;
  table.mix_values[2] = MixValuesTiles;
  table.matrix_steps = TileSteps;
  table.round_prompt = RoundPrompt;
  table.multiply_prompt[3] = MultiplyPrompt<ByBlocks<UnitQ8_0, 1>>;
  table.multiply_prompt[4] = MultiplyPrompt<ByBlocks<UnitQ4_0, 1>>;
  table.multiply_prompt[10] = MultiplyPrompt<ByBlocks<UnitK<false>, 4>>;
  table.multiply_prompt[11] = MultiplyPrompt<ByBlocks<UnitK<true>, 4>>;
  table.multiply_prompt[12] = MultiplyPrompt<TileQ6K>;
  table.multiply[3] = Multiply<Tiles<ByBlocks<UnitQ8_0, 1>>>;
  table.multiply[4] = Multiply<Tiles<ByBlocks<UnitQ4_0, 1>>>;
  table.multiply[10] = Multiply<Tiles<ByBlocks<UnitK<false>, 4>>>;
  table.multiply[11] = Multiply<Tiles<ByBlocks<UnitK<true>, 4>>>;
  table.multiply[12] = Multiply<Tiles<TileQ6K>>;
  return table;
}

constexpr Table kTable = MakeTable();

}  // namespace

const Table& AmxTable() { return kTable; }

}  // namespace carat::kernels
