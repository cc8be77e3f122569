// The kernel table: every inner loop that has a version per instruction set, and its contract.
//
// Kernels are pure functions on memory: no threads, no allocation (but in the reference's
// multiply), they cannot fail and are thread-safe. The table in reference/ is plain scalar C++ and
// defines what each entry means; the others are tested against it. They may differ from it by the
// rounding of another order of summation, but each is deterministic, and an output never depends on
// how many rows or tokens are computed in one call: that is what makes chunked and whole prefill
// equal bit for bit.
//
// Files under x86/ and arm/ are compiled with their own instruction-set flags. They may include
// this header, the .inc files of their family, <cstddef>, <cstdint> and intrinsics only, and this
// header holds declarations and plain data only, so that no inline function compiled with such
// flags can reach the rest of the program.
#pragma once

#include <cstddef>
#include <cstdint>

namespace carat::kernels {

// Same order and number as carat::DType's weight formats (checked in select.cc).
inline constexpr int kNumFormats = 21;
// Formats of the attention cache: 0 = f32, 1 = f16, 2 = bf16, 3 = Q8_0, as in carat::DType.
inline constexpr int kNumCacheFormats = 4;

// Rows of a group of interleaved weights (interleaved.h), and most tokens of a batch.
inline constexpr size_t kGroupRows = 16;
inline constexpr size_t kMaxBatch = 16;

// Tokens side by side, as multiply reads them: as they are for 16-bit weights, in whole numbers for
// the others. x[t][c] is about scale[c / 256][t] * q[c / 32][t][c % 32].
struct Batch {
  size_t tokens = 0;           // one of kBatchSizes
  size_t cols = 0;             // a multiple of 64
  float* x = nullptr;          // [cols][tokens]
  int8_t* q = nullptr;         // [cols / 32][tokens][32], -127 … 127
  float* scale = nullptr;      // [cols / 256, rounded up][tokens]
  int32_t* start16 = nullptr;  // [cols / 16][tokens]: -8 times the sum of 16 q
  int32_t* start32 = nullptr;  // [cols / 32][tokens]: -8 times the sum of 32 q
  float* sum32 = nullptr;      // [cols / 32][tokens]: the sum of 32 q
};
// What a batch may hold; fewer tokens are filled up with zeros.
inline constexpr size_t kBatchSizes[] = {1, 2, 3, 4, 6, 8, 12, 16};

// A prompt's tokens as round_prompt writes them: x rounded to bf16 (to even), tiles[t / 16][c / 32]
// [t % 16][c % 32], 64-byte aligned. Of the last 16 tokens' tiles only those that there are count.
struct PromptRows {
  const uint16_t* tiles;
  size_t tokens;
  size_t cols;  // a multiple of 64
};

// Neighbouring positions of one head in the attention cache: row i begins at at + i * stride bytes,
// dim elements in the cache format. dim is a multiple of 16, and of 32 for Q8_0. `next`: n * stride
// bytes that are read after these, asked for on the way; or null.
struct CacheRows {
  const void* at;
  size_t stride;
  size_t n;  // at least 1
  size_t dim;
  const void* next;
};

// Most rows of one call of multiply_prompt. Its scratch memory: bytes for 512 columns of them in
// bf16, and then bytes for their sums for each token, the tokens rounded up to 16.
inline constexpr size_t kPromptRows = 256;
inline constexpr size_t kPromptPanel = kPromptRows * 512 * 2;
inline constexpr size_t kPromptSums = kPromptRows * 4;

// An instruction-set table may leave entries null: another's are used there (select.cc fills them
// in; in a table from SupportedTables only multiply and what serves prompts have null entries).
struct Table {
  const char* name;
  // Attention over a bf16 cache takes q and the softmax's weights as bf16 where dim is a multiple
  // of 32.
  bool attention_bf16;

  // dst[i] = value of element i, for i < n. src: n elements in the format, any alignment; n is a
  // multiple of the block size. Exact: every table gives the same bits (gguf spec 5.2).
  void (*decode[kNumFormats])(const void* src, size_t n, float* dst);

  // out[t * out_stride + r] = sum_c w[r * cols + c] * x[t * cols + c]
  //   w [rows, cols], x [tokens, cols], f32; any size from 1 up; out does not overlap w or x.
  void (*matmul)(const float* w, size_t rows, const float* x, size_t tokens, size_t cols,
                 float* out, size_t out_stride);

  // Fills q, scale and the sums of `batch` for its token t from its x [cols]: for each 256 columns
  // (the last ones may be fewer) scale = max|x| / 127 and q = x * (127 / max|x|) rounded to even;
  // both 0 where max|x| < 1e-30. Every table gives the same bits. Where an x is not finite, scale
  // is not a number and q is anything.
  void (*quantise)(const float* x, size_t t, const Batch& batch);

  // out[t * out_stride + r] = sum_c w[r, c] * x[t, c] for the rows r of so many groups of
  // interleaved weights, 64-byte aligned. Summed over q: for every 256 columns, in whole numbers
  // for each of a block's scales, times the scale in a fused step in the blocks' order, then
  // likewise times the batch's scale. 16-bit weights: over x in fused steps, even and odd columns
  // apart. Every table gives the same bits, whatever the batch. Formats without an entry have no
  // interleaved order. All rows of every group are written; out_stride >= groups * kGroupRows.
  void (*multiply[kNumFormats])(const void* w, size_t groups, const Batch& batch, float* out,
                                size_t out_stride);

  // Writes token t of a prompt, x [cols], to tiles as PromptRows has them. Null where
  // multiply_prompt is.
  void (*round_prompt)(const float* x, size_t t, size_t cols, uint16_t* tiles);

  // out[t * out_stride + r] = sum_c bf16(w[r, c]) * x[t, c] for r < rows <= kPromptRows of
  // interleaved weights, 64-byte aligned, from a group's first on, and all tokens of a prompt;
  // products are summed in f32. scratch: 64-byte aligned. Null: prompts are multiplied in batches.
  void (*multiply_prompt[kNumFormats])(const void* w, size_t rows, const PromptRows& x,
                                       void* scratch, float* out, size_t out_stride);

  // out[i] = x[i] * (mean(x²) + eps)^(-1/2) * weight[i]; weight may be null (then no factor).
  // out may be x. (gemma4-12b spec 4.2)
  void (*rms_norm)(const float* x, const float* weight, size_t n, float eps, float* out);

  // gate[i] = gelu_tanh(gate[i]) * up[i] (spec 4.6)
  void (*gelu_mul)(float* gate, const float* up, size_t n);

  // x[i] = exp(x[i] - max(x)), n >= 1; gives their sum and writes max(x) to top. (spec 4.3, step 6)
  float (*exp_scores)(float* x, size_t n, float* top);

  // scores[r * scores_stride + i] = sum_d q[r * dim + d] * keys[i][d] for all r < rows and i < n. A
  // score is the same whatever rows and keys stand beside it.
  void (*dot_keys[kNumCacheFormats])(const float* q, size_t rows, const CacheRows& keys,
                                     float* scores, size_t scores_stride);

  // out[r * dim + d] = sum_i p[r * p_stride + i] * values[i][d], i < n. A row's result is the same
  // whatever rows stand beside it, and where zeros are put before or behind its p in steps of 32.
  void (*mix_values[kNumCacheFormats])(const float* p, size_t rows, size_t p_stride,
                                       const CacheRows& values, float* out);

  // For measuring what there is to reach. read: reads a multiple of 256 bytes once; gives anything.
  // matrix_steps: n times the largest step of the unit that multiplies matrices, on numbers it
  // already has; gives how many products were added up.
  uint64_t (*read)(const void* bytes, size_t size);
  double (*matrix_steps)(size_t n);
};

// The getters of the raw tables, for select.cc.
const Table& ReferenceTable();
#if defined(__x86_64__)
const Table& Avx2Table();
const Table& AvxVnniTable();
const Table& Avx512Table();
const Table& Avx512VnniTable();
const Table& AmxTable();
#endif

}  // namespace carat::kernels
