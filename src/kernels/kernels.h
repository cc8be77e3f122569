// The kernel table: every inner loop that has a version per instruction set, and its contract.
//
// Kernels are pure functions on memory: no threads, no allocation, they cannot fail and are
// thread-safe. The table in reference/ is plain scalar C++ and defines what each entry means; the
// others are tested against it. They may differ from it by the rounding of another order of
// summation, but each is deterministic, and an output never depends on how many rows or tokens are
// computed in one call: that is what makes chunked and whole prefill equal bit for bit.
//
// Files under x86/ and arm/ are compiled with their own instruction-set flags. They may include
// this header, x86/generic.inc, <cstddef>, <cstdint> and intrinsics only, and this header holds
// declarations and plain data only, so that no inline function compiled with such flags can reach
// the rest of the program.
#pragma once

#include <cstddef>
#include <cstdint>

namespace carat::kernels {

// Same order and number as carat::DType's weight formats (checked in select.cc).
inline constexpr int kNumFormats = 21;
// Formats of the attention cache: 0 = f32, 1 = f16, 2 = bf16, as in carat::DType.
inline constexpr int kNumCacheFormats = 3;

// An instruction-set table may leave entries null: the reference's are used there (select.cc fills
// them in; a table from SupportedTables has no null entry).
struct Table {
  const char* name;

  // dst[i] = value of element i, for i < n. src: n elements in the format, any alignment; n is a
  // multiple of the block size. Exact: every table gives the same bits (gguf spec 5.2).
  void (*decode[kNumFormats])(const void* src, size_t n, float* dst);

  // out[t * out_stride + r] = sum_c w[r * cols + c] * x[t * cols + c]
  //   w [rows, cols], x [tokens, cols], f32; any size from 1 up; out does not overlap w or x.
  void (*matmul)(const float* w, size_t rows, const float* x, size_t tokens, size_t cols,
                 float* out, size_t out_stride);

  // out[i] = x[i] * (mean(x²) + eps)^(-1/2) * weight[i]; weight may be null (then no factor).
  // out may be x. (gemma4-12b spec 4.2)
  void (*rms_norm)(const float* x, const float* weight, size_t n, float eps, float* out);

  // gate[i] = gelu_tanh(gate[i]) * up[i] (spec 4.6)
  void (*gelu_mul)(float* gate, const float* up, size_t n);

  // x[i] = exp(x[i] - max(x)) / sum_j exp(x[j] - max(x)); n >= 1. (spec 4.3, step 6)
  void (*softmax)(float* x, size_t n);

  // scores[i] = sum_d q[d] * keys[i][d], i < n; key i begins at keys + i * stride bytes, dim
  // elements in the cache format. dim is a multiple of 16.
  void (*dot_keys[kNumCacheFormats])(const float* q, const void* keys, size_t stride, size_t n,
                                     size_t dim, float* scores);

  // out[d] += sum_i p[i] * values[i][d], added in the order of i; layout as above.
  void (*mix_values[kNumCacheFormats])(const float* p, const void* values, size_t stride, size_t n,
                                       size_t dim, float* out);
};

// The getters of the raw tables, for select.cc.
const Table& ReferenceTable();
#if defined(__x86_64__)
const Table& Avx2Table();
const Table& Avx512Table();
#endif

}  // namespace carat::kernels
