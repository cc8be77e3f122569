// f32 rows to the block formats, byte for byte as ggml's quantiser makes them (llama.cpp release
// v0.5.0; gguf specification, sections 5.3 and 5.4).
#pragma once

#include <cstddef>

#include "tensor/dtype.h"

namespace carat {

// Whether QuantiseRows makes this format: F32, F16, BF16, Q8_0, Q4_0 to Q5_1, Q2_K to Q6_K, MXFP4.
bool CanQuantise(DType type);

// Writes `rows` rows of MatrixView::row_bytes() bytes each to `dst`. `src` is [rows, cols], finite,
// cols a multiple of the format's block. `importance` is one weight >= 0 for each column, the same
// for every row, or null; F32, F16, BF16, Q8_0 and MXFP4 ignore it. `dst` needs no alignment and
// shares no bytes with the inputs. Rows do not influence each other, so that any number of threads
// may share a matrix by rows. Allocates nothing.
//
// A block whose scale is beyond f16 gets an infinite one, as the reference writes it before it
// refuses the tensor: the caller checks its input's magnitude, or the scales.
void QuantiseRows(DType type, const float* src, size_t rows, size_t cols, const float* importance,
                  std::byte* dst);

}  // namespace carat
