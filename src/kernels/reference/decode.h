// Scalar decoders of every weight format (gguf specification, section 5.2). Exact, and shared by
// all tables for the formats that have no faster version.
#pragma once

#include <cstddef>

namespace carat::kernels::reference {

using Decoder = void (*)(const void* src, size_t n, float* dst);

// Indexed as carat::DType.
extern const Decoder kDecoders[21];

}  // namespace carat::kernels::reference
