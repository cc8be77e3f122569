// The one architecture that carat runs, as a validated struct (gemma4-12b specification, sections 2
// to 4).
//
// The architecture is strict, sizes are free: layers, widths, heads, window, vocabulary and special
// ids come from the file. Whatever would need other mathematics is refused with a sentence that
// says why.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "io/json.h"
#include "weights/gguf.h"

namespace carat {

// Attention sizes that differ between sliding and global layers (section 1).
struct AttentionShape {
  int64_t head_dim = 0;   // 256 sliding, 512 global in every real file; a multiple of 32
  int64_t kv_heads = 0;   // divides num_heads
  double rope_theta = 0;  // 1e4, 1e6
};

struct Config {
  int64_t vocab_size = 0;    // V
  int64_t hidden = 0;        // H
  int64_t intermediate = 0;  // F
  int64_t num_heads = 0;     // Q
  AttentionShape sliding;
  AttentionShape global;
  std::vector<bool> is_global;   // per layer
  int64_t window = 0;            // sliding layers see this many positions, the query's own included
  int64_t max_positions = 0;     // trained context
  double partial_rotary = 0.25;  // share of a global head's dimensions that rotate
  float rms_eps = 1e-6f;
  float softcap = 30.0f;      // 0: none
  float embedding_scale = 0;  // bf16(sqrt(hidden)): what the model was trained with (section 4.1)

  // Placeholders of media; -1 where the file has none. Without a medium such a row reads as `pad`.
  TokenId pad = 0, image = -1, audio = -1, video = -1;

  std::vector<std::string> warnings;

  int64_t num_layers() const { return static_cast<int64_t>(is_global.size()); }
  const AttentionShape& attention(int64_t layer) const {
    return is_global[static_cast<size_t>(layer)] ? global : sliding;
  }
  // The last layer that is global, or is not; -1 if there is none.
  int64_t last_layer(bool of_global) const {
    int64_t i = num_layers() - 1;
    while (i >= 0 && is_global[static_cast<size_t>(i)] != of_global) --i;
    return i;
  }
  // Pairs of a global head that rotate: floor(partial * head_dim / 2) (section 4.4).
  int64_t global_rotary_pairs() const {
    return static_cast<int64_t>(partial_rotary * static_cast<double>(global.head_dim) / 2.0);
  }
};

// The sizes of Gemma 4 12B (section 1), for plans that are made before any file is there.
Config ConfigOf12B();

// From config.json of a Hugging Face folder, in the hub's form or as transformers 5.24 saves it
// again (section 2.1). `json` is the whole file.
Result<Config> ConfigFromHuggingFace(const Json& json);

// From the metadata of a GGUF file of architecture gemma4 (gguf specification, 2.1).
Result<Config> ConfigFromGguf(const Gguf& gguf);

// The last step of both: ranges and divisibility. Errors name the field.
Status ValidateConfig(const Config& config);

// Why another architecture is not run, in one sentence; `name` is model_type or
// general.architecture, `wanted` what that kind of file should say.
Error UnsupportedArchitecture(const std::string& name, std::string_view wanted);

}  // namespace carat
