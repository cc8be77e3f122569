// Weights in the kernels' order.
//
// Rows are taken sixteen at a time, a group; of each four bytes of a stored block (a dword) the
// sixteen rows' stand side by side, in a line of 64 bytes: a vector of AVX-512, two of AVX2, a row
// of an AMX tile, a cache line. A group is units one after the other, each a whole number of stored
// blocks of its rows: first a line of the half-precision numbers that stand apart from the dwords,
// if the format has one (its row r at 2 r; the second block's 32 bytes further), then the lines of
// the first block's dwords in their order, then of the second's. Rows past the last are zero.
// No bit is lost: StoredRow gives back what was stored.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"
#include "tensor/dtype.h"

namespace carat::kernels {

struct UnitShape {
  uint32_t columns = 0;       // 0: a format without such an order
  uint32_t blocks = 0;        // stored blocks per row, of `stored_bytes` each
  uint32_t stored_bytes = 0;  // for 16-bit numbers: of two columns
  uint32_t first_dword = 0;   // where the dwords begin in a stored block
  uint32_t dwords = 0;
  int32_t half_at = -1;  // where the half-precision number stands; -1: none stands apart

  size_t bytes() const { return 64 * (size_t{blocks} * dwords + (half_at >= 0 ? 1 : 0)); }
};

// The formats of multiply. (gguf specification, 5.2)
constexpr UnitShape ShapeOfUnit(DType format) {
  switch (format) {
    case DType::kF16:
    case DType::kBF16:
      return {.columns = 2, .blocks = 1, .stored_bytes = 4, .dwords = 1};
    case DType::kQ8_0:
      return {.columns = 64,
              .blocks = 2,
              .stored_bytes = 34,
              .first_dword = 2,
              .dwords = 8,
              .half_at = 0};
    case DType::kQ4_0:
      return {.columns = 64,
              .blocks = 2,
              .stored_bytes = 18,
              .first_dword = 2,
              .dwords = 4,
              .half_at = 0};
    case DType::kQ4_K:
      return {.columns = 256, .blocks = 1, .stored_bytes = 144, .dwords = 36};
    case DType::kQ5_K:
      return {.columns = 256, .blocks = 1, .stored_bytes = 176, .dwords = 44};
    case DType::kQ6_K:
      return {.columns = 256, .blocks = 1, .stored_bytes = 210, .dwords = 52, .half_at = 208};
    default:
      return {};
  }
}

// Whether a matrix of so many columns can be interleaved.
bool CanInterleave(DType format, size_t cols);

// Bytes of one group, and of all of a matrix's. Here and below: CanInterleave(format, cols).
size_t GroupBytes(DType format, size_t cols);
inline size_t InterleavedBytes(DType format, size_t rows, size_t cols) {
  return (rows + kGroupRows - 1) / kGroupRows * GroupBytes(format, cols);
}

// Rows [0, rows) as one group of GroupBytes at dst, 64-byte aligned; rows <= kGroupRows. src: the
// stored rows, one after the other.
void InterleaveGroup(DType format, const std::byte* src, size_t rows, size_t cols, std::byte* dst);

// Row `row` of a group as it was stored: cols / block_elements blocks.
void StoredRow(DType format, const std::byte* group, size_t row, size_t cols, std::byte* dst);

}  // namespace carat::kernels
