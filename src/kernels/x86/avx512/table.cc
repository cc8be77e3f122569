// The AVX-512 table (F, BW, DQ, VL). The algorithms are in ../generic.inc and ../interleaved.inc.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"

namespace carat::kernels {
namespace {

float HalfToFloat(uint16_t bits) { return _cvtsh_ss(bits); }

#include "kernels/x86/vector512.inc"

struct V : Vector {
  // sum + the four products of each lane's bytes, a's without sign and below 64.
  static I Dot(I sum, I a, const int8_t* b) { return DotOf(sum, a, Four(b)); }
  static I DotOf(I sum, I a, I b) {
    const I pairs = _mm512_maddubs_epi16(a, b);
    return _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
  }
  // The same with signs: a prepared by Signed, a sum begun by SignedStart.
  static I Signed(I a) { return a; }
  static I SignedStart(int32_t) { return _mm512_setzero_si512(); }
  static I DotSigned(I sum, I a, const int8_t* b) {
    const __mmask64 negative = _mm512_movepi8_mask(a);
    const I fours = Four(b);
    return DotOf(sum, _mm512_abs_epi8(a),
                 _mm512_mask_sub_epi8(fours, negative, _mm512_setzero_si512(), fours));
  }
};

#include "kernels/x86/generic.inc"
#include "kernels/x86/interleaved.inc"

constexpr Table kTable = WithMultiply("avx512", MakeTable());

}  // namespace

const Table& Avx512Table() { return kTable; }

}  // namespace carat::kernels
