// The four searches for scales that the block formats share (gguf specification, sections 5.3 and
// 5.4, helpers A to D). Sums run in index order, as the reference's do, or the bytes would differ.
// Internal to the room.
#pragma once

#include <cstddef>
#include <cstdint>

namespace carat::quant_internal {

// Helper A, for each of `groups` groups of kSize (16 or 32) values: codes and a scale such that
// (code - half_range) * scale is near x in the weighted squares. Codes are 0 to 2 * half_range - 1,
// and all 0 with scale 0 where no value reaches kTiny. Arrays are [groups][kSize] and [groups].
template <size_t kSize>
void FitSymmetric(int half_range, size_t groups, const float* x, const float* weights,
                  float* scales, uint8_t* codes);

// How helper B searches: inverse scales (max_code + first + k * step) / range, k = 0 … steps.
struct ScaleMinSearch {
  int max_code;
  float first, step;
  int steps;
  bool absolute_error = false;  // else squared
};

// Where helper B's results go: [groups], [groups] and [groups][kSize].
struct ScaleMinCodes {
  float* scales;
  float* mins;
  uint8_t* codes;
};

// Helper B, the same for code * scale - min, the min not negative; kSize is 16 or 32.
template <size_t kSize>
void FitScaleAndMin(const ScaleMinSearch& search, size_t groups, const float* x,
                    const float* weights, const ScaleMinCodes& out);

// Helper C: as helper A for one group of 16, codes 0 to 7 and weights x^2, but instead of trying
// scales it moves single codes. Returns the scale.
float FitByMoves(const float* x, uint8_t* codes);

// Helper D: code * scale for values >= 0, codes 0 to max_code. Returns the scale.
float FitNonNegative(int max_code, size_t count, const float* x, const float* weights,
                     uint8_t* codes);

}  // namespace carat::quant_internal
