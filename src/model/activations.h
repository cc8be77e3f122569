// The working memory of a forward pass, reused from call to call.
#pragma once

#include <cstddef>
#include <vector>

#include "model/config.h"
#include "ops/attention.h"
#include "ops/rope.h"
#include "tensor/view.h"

namespace carat {

// Sizes for T tokens; letters as in docs/glossary.md. One owner thread.
struct Activations {
  FloatBuffer stream;  // [T, H] the residual stream
  FloatBuffer normed;  // [T, H]
  FloatBuffer branch;  // [T, H] what a branch adds
  FloatBuffer q;       // [T, Q * head_dim] and the attention's input
  FloatBuffer k;       // [T, kv_heads * head_dim]
  FloatBuffer v;       // likewise
  FloatBuffer mixed;   // [T, Q * head_dim] the attention's output
  FloatBuffer gate;    // [T, F]
  FloatBuffer up;      // [T, F]
  RopeTable sliding_rope;
  RopeTable global_rope;
  std::vector<KeyRange> sliding_seen;  // [T]
  std::vector<KeyRange> global_seen;

  void Reserve(const Config& config, size_t tokens);
  // Bytes that this takes, and what products round of it.
  static size_t Bytes(const Config& config, size_t tokens);
};

}  // namespace carat
