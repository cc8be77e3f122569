// The products of AVX-512 with VNNI; all else is the avx512 table's. The algorithms are in
// ../interleaved.inc.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"

namespace carat::kernels {
namespace {

#include "kernels/x86/vector512.inc"

struct V : Vector {
  // sum + the four products of each lane's bytes, a's without sign.
  static I Dot(I sum, I a, I b) { return _mm512_dpbusd_epi32(sum, a, b); }
  // The same with signs: a + 128 is without, and SignedStart takes 128 times b's sum away.
  static I Signed(I a) { return _mm512_xor_si512(a, _mm512_set1_epi8(-128)); }
  static I SignedStart(int32_t start) { return _mm512_slli_epi32(SetI(start), 4); }
  static I DotSigned(I sum, I a, I b) { return Dot(sum, a, b); }
};

constexpr size_t kLanes = V::kLanes;
using Bytes = const uint8_t*;

#include "kernels/x86/interleaved.inc"

constexpr Table kTable = WithMultiply("avx512vnni", {});

}  // namespace

const Table& Avx512VnniTable() { return kTable; }

}  // namespace carat::kernels
