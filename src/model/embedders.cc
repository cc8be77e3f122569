#include "model/embedders.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "ops/elementwise.h"
#include "ops/matmul.h"

namespace carat {
namespace {

constexpr float kLayerNormEps = 1e-5f;  // PyTorch's default, not the configured one (5.6)
constexpr size_t kBatch = 64;           // patches or frames at once: bounds the working memory

// The values of patch (column, row) of the picture in 0..1, in the order of the weights (5.4, 5.5).
void ReadPatch(const PixelView& pixels, size_t column, size_t row, size_t side, PatchOrder order,
               float* out) {
  constexpr float kStep = 1.0f / 255.0f;
  const bool planar = order == PatchOrder::kPlanar;
  const size_t next_pixel = planar ? 1 : 3, next_channel = planar ? side * side : 1;
  for (size_t y = 0; y < side; ++y) {
    const uint8_t* line = pixels.rgb.data() + ((row * side + y) * pixels.width + column * side) * 3;
    float* to = out + y * side * next_pixel;
    for (size_t x = 0; x < side; ++x) {
      for (size_t c = 0; c < 3; ++c)
        to[x * next_pixel + c * next_channel] = static_cast<float>(line[3 * x + c]) * kStep;
    }
  }
}

void AddBias(float* x, const float* bias, size_t rows, size_t width) {
  for (size_t r = 0; r < rows; ++r) {
    for (size_t i = 0; i < width; ++i) x[r * width + i] += bias[i];
  }
}

}  // namespace

void EmbedPicture(OpContext& context, const VisionConfig& config, const VisionWeights& w,
                  const PixelView& pixels, std::span<float> out) {
  const auto side = static_cast<size_t>(config.patch_side);
  const auto values = static_cast<size_t>(config.patch_values());
  const auto width = static_cast<size_t>(config.width);
  const size_t columns = pixels.width / side, rows = pixels.height / side;
  const size_t patches = columns * rows, hidden = w.projection.rows;
  CARAT_CHECK(columns * side == pixels.width && rows * side == pixels.height);
  CARAT_CHECK(pixels.rgb.size() == 3 * pixels.width * pixels.height);
  CARAT_CHECK(static_cast<int64_t>(std::max(columns, rows)) <= config.positions);
  CARAT_CHECK(out.size() == patches * hidden);
  std::vector<float> patch(std::min(patches, kBatch) * values);
  std::vector<float> embedded(std::min(patches, kBatch) * width), position(width), down(width);
  const auto read_position = [&](size_t coordinate, size_t axis, std::vector<float>& row) {
    DecodeRow(context, w.position_tables,
              coordinate * static_cast<size_t>(w.position_stride) +
                  axis * static_cast<size_t>(w.axis_stride),
              row.data());
  };
  for (size_t first = 0; first < patches; first += kBatch) {
    const size_t count = std::min(kBatch, patches - first);
    context.pool().Run(count, [&](size_t i, int) {
      const size_t at = first + i;
      ReadPatch(pixels, at % columns, at / columns, side, w.order, &patch[i * values]);
    });
    LayerNorm(context, patch.data(), w.patch_norm.weight, w.patch_norm.bias, count, values,
              kLayerNormEps, patch.data());
    MatMul(context, Role::kPrompt, w.patch_matrix, patch.data(), count, embedded.data());
    AddBias(embedded.data(), w.patch_bias, count, width);
    LayerNorm(context, embedded.data(), w.embed_norm.weight, w.embed_norm.bias, count, width,
              kLayerNormEps, embedded.data());
    for (size_t i = 0; i < count; ++i) {
      // The two position rows are added first, as the reference does.
      read_position((first + i) % columns, 0, position);
      read_position((first + i) / columns, 1, down);
      AddTo(position.data(), down.data(), width);
      AddTo(&embedded[i * width], position.data(), width);
    }
    LayerNorm(context, embedded.data(), w.position_norm.weight, w.position_norm.bias, count, width,
              kLayerNormEps, embedded.data());
    RmsNorm(context, embedded.data(), nullptr, count, width, config.rms_eps, embedded.data());
    MatMul(context, Role::kPrompt, w.projection, embedded.data(), count,
           out.data() + first * hidden);
  }
}

void EmbedSound(OpContext& context, const AudioConfig& config, const MatrixView& projection,
                std::span<const float> samples, std::span<float> out) {
  const auto frame = static_cast<size_t>(config.frame_samples);
  const size_t frames = samples.size() / frame, hidden = projection.rows;
  CARAT_CHECK(frames * frame == samples.size() && out.size() == frames * hidden);
  std::vector<float> normed(std::min(frames, kBatch) * frame);
  for (size_t first = 0; first < frames; first += kBatch) {
    const size_t count = std::min(kBatch, frames - first);
    RmsNorm(context, samples.data() + first * frame, nullptr, count, frame, config.rms_eps,
            normed.data());
    MatMul(context, Role::kPrompt, projection, normed.data(), count, out.data() + first * hidden);
  }
}

}  // namespace carat
