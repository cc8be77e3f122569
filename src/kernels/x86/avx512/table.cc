// The AVX-512 table (F, BW, DQ, VL). The algorithms are in ../generic.inc.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"

namespace carat::kernels {
namespace {

float HalfToFloat(uint16_t bits) { return _cvtsh_ss(bits); }

struct V {
  using F = __m512;
  static constexpr size_t kLanes = 16;
  static constexpr int kTokenTile = 4;  // 4 rows x 4 tokens

  static F Zero() { return _mm512_setzero_ps(); }
  static F Set(float v) { return _mm512_set1_ps(v); }
  static F Load(const float* p) { return _mm512_loadu_ps(p); }
  static void Store(float* p, F v) { _mm512_storeu_ps(p, v); }
  static __mmask16 Mask(size_t n) { return static_cast<__mmask16>((1u << n) - 1); }
  static F LoadPart(const float* p, size_t n) { return _mm512_maskz_loadu_ps(Mask(n), p); }
  static void StorePart(float* p, size_t n, F v) { _mm512_mask_storeu_ps(p, Mask(n), v); }
  static F LoadF16(const uint16_t* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static F LoadBf16(const uint16_t* p) {
    const __m512i wide =
        _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
  }
  static F Add(F a, F b) { return _mm512_add_ps(a, b); }
  static F Sub(F a, F b) { return _mm512_sub_ps(a, b); }
  static F Mul(F a, F b) { return _mm512_mul_ps(a, b); }
  static F Div(F a, F b) { return _mm512_div_ps(a, b); }
  static F Min(F a, F b) { return _mm512_min_ps(a, b); }
  static F Max(F a, F b) { return _mm512_max_ps(a, b); }
  static F Fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  static F Round(F a) {
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  // a * 2^n for integral n.
  static F TimesPowerOfTwo(F a, F n) { return _mm512_scalef_ps(a, n); }
  static float Sum(F v) {
    const __m256 high = _mm512_extractf32x8_ps(v, 1);
    const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(v), high);
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    s = _mm_add_ss(s, _mm_movehdup_ps(s));
    return _mm_cvtss_f32(s);
  }
  static __m512i Widen(const uint8_t* p) {
    return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static F FromI8(const uint8_t* p) {
    return _mm512_cvtepi32_ps(
        _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }
  static F FromLow(const uint8_t* p) { return FromBits(p, 0, 15); }
  static F FromHigh(const uint8_t* p) { return FromBits(p, 4, 15); }
  // (byte >> shift) & mask of each of the next bytes.
  static F FromBits(const uint8_t* p, int shift, int mask) {
    const __m512i shifted = _mm512_srl_epi32(Widen(p), _mm_cvtsi32_si128(shift));
    return _mm512_cvtepi32_ps(_mm512_and_si512(shifted, _mm512_set1_epi32(mask)));
  }
};

#include "kernels/x86/generic.inc"

constexpr Table kTable = MakeTable("avx512");

}  // namespace

const Table& Avx512Table() { return kTable; }

}  // namespace carat::kernels
