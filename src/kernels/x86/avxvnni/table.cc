// The products of AVX2 with AVX-VNNI; all else is the avx2 table's. The algorithms are in
// ../interleaved.inc.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"

namespace carat::kernels {
namespace {

#include "kernels/x86/vector256.inc"

struct V : Vector {
  // sum + the four products of each lane's bytes, a's without sign.
  static I Dot(I sum, I a, const int8_t* b) { return _mm256_dpbusd_avx_epi32(sum, a, Four(b)); }
  // The same with signs: a + 128 is without, and SignedStart takes 128 times b's sum away.
  static I Signed(I a) { return _mm256_xor_si256(a, _mm256_set1_epi8(-128)); }
  static I SignedStart(int32_t start) { return _mm256_slli_epi32(SetI(start), 4); }
  static I DotSigned(I sum, I a, const int8_t* b) { return Dot(sum, a, b); }
};

constexpr size_t kLanes = V::kLanes;
using Bytes = const uint8_t*;

#include "kernels/x86/interleaved.inc"

constexpr Table kTable = WithMultiply("avxvnni", {});

}  // namespace

const Table& AvxVnniTable() { return kTable; }

}  // namespace carat::kernels
