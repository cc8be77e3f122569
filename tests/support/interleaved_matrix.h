// A copy of a matrix in the kernels' order.
#pragma once

#include <algorithm>

#include "kernels/interleaved.h"
#include "tensor/lazy_buffer.h"
#include "tensor/view.h"

namespace carat {

// Move-only; the view points into the bytes.
struct InterleavedMatrix {
  LazyBuffer bytes;
  MatrixView view;

  explicit InterleavedMatrix(const MatrixView& w) : view(w) {
    constexpr size_t kRows = kernels::kGroupRows;
    bytes = LazyBuffer::Create(kernels::InterleavedBytes(w.dtype, w.rows, w.cols)).value();
    for (size_t r = 0; r < w.rows; r += kRows) {
      kernels::InterleaveGroup(w.dtype, w.row(r), std::min(kRows, w.rows - r), w.cols,
                               bytes.data() + r / kRows * kernels::GroupBytes(w.dtype, w.cols));
    }
    view.data = bytes.data();
    view.interleaved = true;
  }
};

}  // namespace carat
