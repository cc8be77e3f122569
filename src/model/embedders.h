// The embedders of pictures and sound as mathematics: pixels and samples in, soft tokens out
// (gemma4-12b specification, 5.4 to 5.6 and section 6).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "model/embedder_weights.h"
#include "ops/context.h"

namespace carat {

// Eight-bit RGB pixels, row by row: [height, width, 3]. Borrows them.
struct PixelView {
  std::span<const uint8_t> rgb;
  size_t height = 0;
  size_t width = 0;
};

// The soft tokens of a picture, one per patch in raster order.
//   pixels  sides are multiples of the patch side, with at most config.positions patches each
//   out     [patches, H]
void EmbedPicture(OpContext& context, const VisionConfig& config, const VisionWeights& weights,
                  const PixelView& pixels, std::span<float> out);

// The soft tokens of sound, one per frame.
//   samples  [frames, config.frame_samples], in -1..1
//   out      [frames, H]
void EmbedSound(OpContext& context, const AudioConfig& config, const MatrixView& projection,
                std::span<const float> samples, std::span<float> out);

}  // namespace carat
