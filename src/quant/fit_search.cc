// Helpers A and B: they try one scale after the other, for four groups at a time.
#include <algorithm>
#include <cmath>

#include "quant/fit.h"
#include "quant/quad.h"
#include "quant/row_makers.h"

namespace carat::quant_internal {
namespace {

// Helper A for up to four groups.
template <size_t kSize>
class SymmetricSearch {
 public:
  SymmetricSearch(int half_range, const float* x, const float* weights, size_t groups)
      : half_range_(half_range), values_(x, groups), weights_(weights, groups) {
    for (size_t g = 0; g < groups; ++g) largest_[g] = SignedLargest(x + g * kSize, kSize);
  }

  void Run() {
    Attempt(0, true);
    for (int k = -9; k <= 9; ++k)
      if (k != 0) Attempt(k, false);
  }

  void Store(size_t g, const float* x, float& scale, uint8_t* codes) const {
    const bool zero = std::fabs(largest_[g]) < kTiny;
    scale = zero ? 0.0f : scale_[g];
    for (size_t i = 0; i < kSize; ++i) {
      const int code = SymmetricCode(inverse_[g] * x[i], half_range_) + half_range_;
      codes[i] = zero ? uint8_t{0} : static_cast<uint8_t>(code);
    }
  }

 private:
  void Attempt(int k, bool first) {
    const float range = static_cast<float>(half_range_) + 0.1f * static_cast<float>(k);
    const Quad inverse = -range / largest_;
    Quad sum_xl = {}, sum_ll = {};
    for (size_t i = 0; i < kSize; ++i) {
      const Quad x = values_.at[i], w = weights_.at[i];
      const Quad l = NearestWithin(inverse * x, -half_range_, half_range_ - 1);
      sum_xl += w * x * l;
      sum_ll += w * l * l;
    }
    const Quad zero = {};
    const Quad scale = sum_ll != zero ? sum_xl / sum_ll : zero;
    const QuadInt better =
        first ? ~QuadInt{} : (sum_ll > zero) & (sum_xl * sum_xl > best_ * sum_ll);
    scale_ = better ? scale : scale_;
    best_ = better ? scale * sum_xl : best_;
    inverse_ = better ? inverse : inverse_;
  }

  const int half_range_;
  const Quads<kSize> values_, weights_;
  Quad largest_ = {};
  // The best so far; its codes follow from inverse_.
  Quad scale_ = {}, best_ = {}, inverse_ = {};
};

// Helper B for up to four groups.
template <size_t kSize>
class ScaleMinFit {
 public:
  ScaleMinFit(const ScaleMinSearch& search, const float* x, const float* weights, size_t groups)
      : search_(search), values_(x, groups), weights_(weights, groups) {
    for (size_t g = 0; g < groups; ++g) {
      const float* const begin = x + g * kSize;
      low_[g] = std::min(*std::min_element(begin, begin + kSize), 0.0f);
      high_[g] = *std::max_element(begin, begin + kSize);
    }
    for (size_t i = 0; i < kSize; ++i) {
      sum_w_ += weights_.at[i];
      sum_x_ += weights_.at[i] * values_.at[i];
    }
  }

  void Run() {
    // A group of equal values that are not positive has high = low: its inverse is infinite, its
    // codes and its scale come out as 0, and no attempt changes that.
    Encode(0.0f);
    scale_ = 1.0f / inverse_;
    kept_inverse_ = inverse_;
    kept_low_ = low_;
    best_ = ErrorOf(scale_, low_);
    for (int k = 0; k <= search_.steps; ++k) {
      Encode(search_.first + search_.step * static_cast<float>(k));
      Improve();
    }
  }

  void Store(size_t g, const float* x, float& scale, float& min, uint8_t* codes) const {
    scale = scale_[g];
    min = -low_[g];
    for (size_t i = 0; i < kSize; ++i) {
      const int code = NearestInt(kept_inverse_[g] * (x[i] - kept_low_[g]));
      codes[i] = static_cast<uint8_t>(std::clamp(code, 0, search_.max_code));
    }
  }

 private:
  // The codes of an attempt, and their sums.
  void Encode(float offset) {
    inverse_ = (offset + static_cast<float>(search_.max_code)) / (high_ - low_);
    Quad sum_l = {}, sum_ll = {}, sum_xl = {};
    for (size_t i = 0; i < kSize; ++i) {
      const Quad x = values_.at[i], w = weights_.at[i];
      const Quad l = NearestWithin(inverse_ * (x - low_), 0, search_.max_code);
      codes_[i] = l;
      sum_l += w * l;
      sum_ll += w * l * l;
      sum_xl += w * l * x;
    }
    sum_l_ = sum_l;
    sum_ll_ = sum_ll;
    sum_xl_ = sum_xl;
  }

  Quad ErrorOf(Quad scale, Quad min) const {
    Quad error = {};
    for (size_t i = 0; i < kSize; ++i) {
      const Quad miss = scale * codes_[i] + min - values_.at[i];
      error += weights_.at[i] * (search_.absolute_error ? Magnitude(miss) : miss * miss);
    }
    return error;
  }

  // The least squares for the codes of an attempt, kept where they have the least error so far.
  void Improve() {
    const Quad zero = {};
    const Quad determinant = sum_w_ * sum_ll_ - sum_l_ * sum_l_;
    const Quad free_scale = (sum_w_ * sum_xl_ - sum_x_ * sum_l_) / determinant;
    const Quad free_min = (sum_ll_ * sum_x_ - sum_l_ * sum_xl_) / determinant;
    const Quad scale = free_min > zero ? sum_xl_ / sum_ll_ : free_scale;
    const Quad min = free_min > zero ? zero : free_min;
    const Quad error = ErrorOf(scale, min);
    const QuadInt better = (determinant > zero) & (error < best_);
    best_ = better ? error : best_;
    scale_ = better ? scale : scale_;
    kept_inverse_ = better ? inverse_ : kept_inverse_;
    kept_low_ = better ? low_ : kept_low_;
    low_ = better ? min : low_;  // later attempts start from it, in the reference too
  }

  const ScaleMinSearch search_;
  const Quads<kSize> values_, weights_;
  Quad low_ = {}, high_ = {}, sum_w_ = {}, sum_x_ = {};
  // The attempt under way.
  Quad codes_[kSize], inverse_, sum_l_, sum_ll_, sum_xl_;
  // The best so far; its codes follow from kept_inverse_ and kept_low_, its minimum is low_.
  Quad scale_, best_, kept_inverse_, kept_low_;
};

}  // namespace

template <size_t kSize>
void FitSymmetric(int half_range, size_t groups, const float* x, const float* weights,
                  float* scales, uint8_t* codes) {
  for (size_t first = 0; first < groups; first += kQuad) {
    const size_t count = std::min(kQuad, groups - first);
    SymmetricSearch<kSize> fit(half_range, x + first * kSize, weights + first * kSize, count);
    fit.Run();
    for (size_t g = 0; g < count; ++g) {
      const size_t at = (first + g) * kSize;
      fit.Store(g, x + at, scales[first + g], codes + at);
    }
  }
}

template <size_t kSize>
void FitScaleAndMin(const ScaleMinSearch& search, size_t groups, const float* x,
                    const float* weights, const ScaleMinCodes& out) {
  for (size_t first = 0; first < groups; first += kQuad) {
    const size_t count = std::min(kQuad, groups - first);
    ScaleMinFit<kSize> fit(search, x + first * kSize, weights + first * kSize, count);
    fit.Run();
    for (size_t g = 0; g < count; ++g) {
      const size_t at = (first + g) * kSize;
      fit.Store(g, x + at, out.scales[first + g], out.mins[first + g], out.codes + at);
    }
  }
}

template void FitSymmetric<16>(int, size_t, const float*, const float*, float*, uint8_t*);
template void FitSymmetric<32>(int, size_t, const float*, const float*, float*, uint8_t*);
template void FitScaleAndMin<16>(const ScaleMinSearch&, size_t, const float*, const float*,
                                 const ScaleMinCodes&);
template void FitScaleAndMin<32>(const ScaleMinSearch&, size_t, const float*, const float*,
                                 const ScaleMinCodes&);

}  // namespace carat::quant_internal
