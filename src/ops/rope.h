// Rotary position embedding in "rotate half" pairing (gemma4-12b specification, 4.4).
#pragma once

#include <cstddef>
#include <vector>

#include "base/ids.h"

namespace carat {

// Frequencies of one kind of layer: pair j of a head (elements j and j + head_dim / 2) turns by
// frequency[j] * position. Pairs from frequencies.size() on do not turn.
struct RopeFrequencies {
  size_t head_dim = 0;
  std::vector<float> frequencies;
};

// frequency[j] = f32(1 / f32(theta^(2 j / head_dim))), j < pairs, then divided by factors[j] if
// given; a factor of 1e29 or more stops the pair (gguf specification 3.1: 1e30 means "does not
// rotate"). Matches torch on the CPU bit for bit for the model's own theta and head sizes.
RopeFrequencies MakeRope(size_t head_dim, double theta, size_t pairs, const float* factors);

// Cosines and sines for runs of positions, made once per forward pass and shared by all layers.
class RopeTable {
 public:
  // Positions first, first + 1, … first + count - 1.
  void Fill(const RopeFrequencies& rope, Pos first, size_t count);
  // As many more behind them, of another timeline. Precondition: filled with the same frequencies.
  void Add(const RopeFrequencies& rope, Pos first, size_t count);

  // Rotates in place `heads` heads of each row of x [count, heads, head_dim].
  void Apply(float* x, size_t heads) const;

 private:
  size_t head_dim_ = 0;
  size_t pairs_ = 0;
  size_t count_ = 0;
  std::vector<float> cos_;  // [count, pairs]
  std::vector<float> sin_;
};

}  // namespace carat
