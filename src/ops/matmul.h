// Matrix products with weights in any storage format.
#pragma once

#include <cstddef>
#include <span>

#include "ops/context.h"
#include "tensor/view.h"

namespace carat {

// What tokens are: each role has its own arithmetic, and a token's numbers depend on nothing else.
enum class Role {
  kGenerated,  // also drafts that are checked: many passes of few tokens
  kPrompt,     // few passes of many tokens
};

// One of several products with the same x: out[t, r] = w.scale * sum_c w[r, c] * x[t, c].
struct Product {
  const MatrixView& w;
  float* out;  // [tokens, w.rows]
};

// All of `products`; x [tokens, cols], the same cols in each w; no overlap; tokens >= 1.
// Interleaved weights are multiplied as kernels::Table::multiply says, those of prompts as its
// multiply_prompt where it has one for the format; all others are decoded, and summed in f32. Every
// output is computed alone, so it does not depend on `tokens` or on the number of threads.
void MatMul(OpContext& context, Role role, const float* x, size_t tokens,
            std::span<const Product> products);

inline void MatMul(OpContext& context, Role role, const MatrixView& w, const float* x,
                   size_t tokens, float* out) {
  const Product product{w, out};
  MatMul(context, role, x, tokens, {&product, 1});
}

// out = row `index` of w as f32 [w.cols].
void DecodeRow(OpContext& context, const MatrixView& w, size_t index, float* out);

}  // namespace carat
