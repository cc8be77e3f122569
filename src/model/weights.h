// The tensors of the text model, bound once by name to typed fields. After this nobody looks a
// tensor up by its name.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/config.h"
#include "tensor/lazy_buffer.h"
#include "tensor/view.h"
#include "weights/directory.h"

namespace carat {

// One decoder layer (gemma4-12b specification, section 3.1). Norm vectors are f32.
struct LayerWeights {
  const float* attn_norm = nullptr;  // [H]
  MatrixView q;                      // [Q * head_dim, H]
  MatrixView k;                      // [kv_heads * head_dim, H]; empty in the drafter
  MatrixView v;                      // as k; empty where the value is the raw key (global layers)
  MatrixView o;                      // [H, Q * head_dim]
  const float* q_norm = nullptr;     // [head_dim]
  const float* k_norm = nullptr;     // [head_dim]
  const float* post_attn_norm = nullptr;  // [H]
  const float* ffn_norm = nullptr;        // [H]
  MatrixView gate;                        // [F, H]
  MatrixView up;                          // [F, H]
  MatrixView down;                        // [H, F]
  const float* post_ffn_norm = nullptr;   // [H]
  float layer_scalar = 1.0f;
};

// A layer's matrices, without an empty one; pointers to const if the layer is.
template <class Layer>
auto MatricesOf(Layer& layer) {
  std::vector<decltype(&layer.q)> all;
  for (auto* w : {&layer.q, &layer.k, &layer.v, &layer.o, &layer.gate, &layer.up, &layer.down})
    if (!w->empty()) all.push_back(w);
  return all;
}

struct Weights {
  MatrixView embedding;  // [V, H]
  MatrixView head;       // [V, H]; the embedding unless a GGUF file holds output.weight
  std::vector<LayerWeights> layers;
  const float* final_norm = nullptr;  // [H]
  // Divisors of the global layers' rotary frequencies, [head_dim / 2]; null for Hugging Face files,
  // whose config says the same (gguf specification, 3.1).
  const float* rope_factors = nullptr;

  std::vector<FloatBuffer> owned;  // vectors that had to be converted
  LazyBuffer reordered;  // matrices that did not stay where they were (model/interleave.h)
  std::vector<std::string> warnings;
};

// Binds the text model. Borrows the directory's bytes. A missing or misshapen tensor is an error
// that names it, and so is an unknown one that would change the mathematics; other unknown ones are
// warnings.
Result<Weights> BindHuggingFace(const Config& config, const TensorDirectory& tensors);
Result<Weights> BindGguf(const Config& config, const TensorDirectory& tensors);

// The name and place of the first value that is not finite in any weight, or an empty text. Reads
// every weight: for the error report when a forward pass made no finite logits.
std::string FindNonFinite(const TensorDirectory& tensors);

}  // namespace carat
