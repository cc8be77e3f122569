// The MTP drafter's sizes and tensors (gemma4-12b specification 2.2, 3.3 and 10.1; gguf
// specification 2.2 and 3.2), from safetensors and from both GGUF dialects.
#pragma once

#include <vector>

#include "base/result.h"
#include "io/json.h"
#include "model/config.h"
#include "model/weights.h"
#include "tensor/lazy_buffer.h"
#include "tensor/view.h"
#include "weights/directory.h"
#include "weights/gguf.h"

namespace carat {

struct DrafterConfig {
  // Sizes and constants of the drafter's own layers (h = hidden, F, Q), which attend to the
  // target's keys and values: kv_heads and window are the target's.
  Config text;
  int64_t target_hidden = 0;  // H, 3840
};

struct DrafterWeights {
  MatrixView head;             // [V, h]; the tied table, used as output only
  MatrixView pre_projection;   // [h, 2 H]: scaled target embedding first, hidden state second
  MatrixView post_projection;  // [H, h]
  const float* final_norm = nullptr;
  std::vector<LayerWeights> layers;  // [Q * head_dim, h] and so on; no keys, no values
  std::vector<FloatBuffer> owned;
  LazyBuffer reordered;  // matrices that did not stay where they were
};

// Strict in the architecture and free in sizes, as the target's. `json` is the whole config.json.
Result<DrafterConfig> DrafterConfigFromHuggingFace(const Json& json);
Result<DrafterConfig> DrafterConfigFromGguf(const Gguf& gguf);

// Binds by whichever names the directory holds. Errors as in weights.h. Borrows the bytes.
Result<DrafterWeights> BindDrafter(const DrafterConfig& config, const TensorDirectory& tensors);

}  // namespace carat
