// The embedders of pictures and sound: sizes and tensors (gemma4-12b specification 2.1 and 3.2;
// gguf specification 2.4 and 3.4), from a Hugging Face folder and from an mmproj GGUF file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/json.h"
#include "tensor/view.h"
#include "weights/directory.h"
#include "weights/gguf.h"

namespace carat {

struct VisionConfig {
  int64_t patch_side = 0;  // pixels; 48
  int64_t width = 0;       // E, 3840
  int64_t positions = 0;   // rows of each position table; 1120
  float rms_eps = 1e-6f;   // of the norm before the projection
  int64_t patch_values() const { return 3 * patch_side * patch_side; }  // P, 6912
};

struct AudioConfig {
  int64_t frame_samples = 0;  // A, 640 at 16 kHz
  float rms_eps = 1e-6f;
};

struct EmbedderConfig {
  int64_t hidden = 0;                  // H of the text model
  std::optional<VisionConfig> vision;  // absent where the files have none
  std::optional<AudioConfig> audio;
};

// How the values of a patch follow each other in patch_norm and patch_matrix.
enum class PatchOrder {
  kInterleaved,  // row, column, channel: Hugging Face
  kPlanar,       // channel, row, column: GGUF (gguf specification, 3.4)
};

// A LayerNorm's weight and bias, both [n].
struct LayerNormWeights {
  const float* weight = nullptr;
  const float* bias = nullptr;
};

struct VisionWeights {
  PatchOrder order = PatchOrder::kInterleaved;
  LayerNormWeights patch_norm;        // [P]
  MatrixView patch_matrix;            // [E, P]
  const float* patch_bias = nullptr;  // [E]
  LayerNormWeights embed_norm;        // [E]
  // Both position tables as one matrix [2 * positions, E]. The row of coordinate p on an axis (0:
  // x, 1: y) is p * position_stride + axis * axis_stride.
  MatrixView position_tables;
  int64_t position_stride = 0;
  int64_t axis_stride = 0;
  LayerNormWeights position_norm;  // [E]
  MatrixView projection;           // [H, E]
};

struct EmbedderWeights {
  std::optional<VisionWeights> vision;
  MatrixView audio_projection;  // [H, A]; empty without sound
  std::vector<FloatBuffer> owned;
  std::vector<std::string> warnings;
};

// From config.json of a composite model; `json` is the whole file. A part without its config is
// absent.
Result<EmbedderConfig> EmbedderConfigFromHuggingFace(const Json& json);
// From an mmproj file (architecture clip). Other projectors than gemma4uv and gemma4ua are refused.
Result<EmbedderConfig> EmbedderConfigFromGguf(const Gguf& gguf);

// Binds the embedders among a model's tensors, in either spelling of the vision names. A part of
// which there is no tensor at all (a text-only export) is left out with a warning. Errors as in
// weights.h. Borrows the bytes.
Result<EmbedderWeights> BindEmbeddersHuggingFace(const EmbedderConfig& config,
                                                 const TensorDirectory& tensors);
// Binds an mmproj file. Borrows the bytes.
Result<EmbedderWeights> BindEmbeddersGguf(const EmbedderConfig& config,
                                          const TensorDirectory& tensors);

}  // namespace carat
