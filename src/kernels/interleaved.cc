#include "kernels/interleaved.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace carat::kernels {
namespace {

// Calls copy(stored, interleaved, n) for every piece of n bytes of a row's unit, which stand at
// these offsets.
template <class Copy>
void ForPieces(const UnitShape& shape, size_t row, const Copy& copy) {
  size_t line = shape.half_at >= 0 ? 64 : 0;
  for (size_t b = 0; b < shape.blocks; ++b) {
    const size_t block = b * shape.stored_bytes;
    if (shape.half_at >= 0)
      copy(block + static_cast<size_t>(shape.half_at), 32 * b + 2 * row, size_t{2});
    for (size_t d = 0; d < shape.dwords; ++d, line += 64)
      copy(block + shape.first_dword + 4 * d, line + 4 * row, size_t{4});
  }
}

}  // namespace

bool CanInterleave(DType format, size_t cols) {
  const UnitShape shape = ShapeOfUnit(format);
  return shape.columns > 0 && cols > 0 && cols % 64 == 0 && cols % shape.columns == 0;
}

size_t GroupBytes(DType format, size_t cols) {
  const UnitShape shape = ShapeOfUnit(format);
  CARAT_CHECK(shape.columns > 0);
  return cols / shape.columns * shape.bytes();
}

void InterleaveGroup(DType format, const std::byte* src, size_t rows, size_t cols, std::byte* dst) {
  const UnitShape shape = ShapeOfUnit(format);
  CARAT_CHECK(shape.columns > 0);
  const size_t units = cols / shape.columns, stored = size_t{shape.blocks} * shape.stored_bytes;
  // Rows that are not there, and what a line of numbers does not need.
  if (rows < kGroupRows || (shape.half_at >= 0 && shape.blocks == 1))
    std::memset(dst, 0, units * shape.bytes());
  // Unit by unit, so that what is written stays in the nearest cache.
  for (size_t u = 0; u < units; ++u, dst += shape.bytes()) {
    for (size_t row = 0; row < rows; ++row) {
      const std::byte* from = src + (row * units + u) * stored;
      ForPieces(shape, row,
                [&](size_t at, size_t to, size_t n) { std::memcpy(dst + to, from + at, n); });
    }
  }
}

void StoredRow(DType format, const std::byte* group, size_t row, size_t cols, std::byte* dst) {
  const UnitShape shape = ShapeOfUnit(format);
  CARAT_CHECK(shape.columns > 0);
  const size_t units = cols / shape.columns, stored = size_t{shape.blocks} * shape.stored_bytes;
  for (size_t u = 0; u < units; ++u, group += shape.bytes(), dst += stored)
    ForPieces(shape, row,
              [&](size_t at, size_t from, size_t n) { std::memcpy(dst + at, group + from, n); });
}

}  // namespace carat::kernels
