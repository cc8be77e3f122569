// The products of AVX-512 with VNNI; all else is the avx512 table's. The algorithms are in
// ../interleaved.inc.
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

constexpr Table kTable = WithMultiply("avx512vnni", {});

}  // namespace

const Table& Avx512VnniTable() { return kTable; }

}  // namespace carat::kernels
