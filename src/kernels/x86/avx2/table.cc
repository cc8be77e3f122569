// The AVX2 table (with FMA and F16C). The algorithms are in ../generic.inc and ../interleaved.inc.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"

namespace carat::kernels {
namespace {

float HalfToFloat(uint16_t bits) { return _cvtsh_ss(bits); }

#include "kernels/x86/vector256.inc"

struct V : Vector {
  // sum + the four products of each lane's bytes, a's without sign and below 64.
  static I Dot(I sum, I a, const int8_t* b) { return DotOf(sum, a, Four(b)); }
  static I DotOf(I sum, I a, I b) {
    const I pairs = _mm256_maddubs_epi16(a, b);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
  // The same with signs: a prepared by Signed, a sum begun by SignedStart.
  static I Signed(I a) { return a; }
  static I SignedStart(int32_t) { return _mm256_setzero_si256(); }
  static I DotSigned(I sum, I a, const int8_t* b) {
    return DotOf(sum, _mm256_abs_epi8(a), _mm256_sign_epi8(Four(b), a));
  }
};

#include "kernels/x86/generic.inc"
#include "kernels/x86/interleaved.inc"

constexpr Table kTable = WithMultiply("avx2", MakeTable());

}  // namespace

const Table& Avx2Table() { return kTable; }

}  // namespace carat::kernels
