#include "engine/embed.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "model/embedders.h"

namespace carat {

Status CheckTakes(const Engine& engine, MediumKind kind) {
  const EmbedderWeights& weights = engine.embedders().weights;
  const bool sound = kind == MediumKind::kSound;
  if (sound ? !weights.audio_projection.empty() : weights.vision.has_value()) return {};
  return Fail({.code = ErrorCode::kUnsupported,
               .what = sound ? "this model does not hear: its files hold no audio embedder"
                             : "this model does not see: its files hold no vision embedder",
               .where = engine.files().path.string()});
}

Status CheckTakes(const Engine& engine, const Medium& medium) {
  CARAT_TRY(CheckTakes(engine, medium.kind()));
  if (medium.kind() == MediumKind::kSound) return {};
  const Pixels& pixels = medium.pixels();
  const auto places = static_cast<size_t>(engine.embedders().config.vision->positions);
  const size_t longest = std::max(pixels.height, pixels.width) / kPatchSide;
  if (longest <= places) return {};
  return Fail({.code = ErrorCode::kUnsupported,
               .what = "the picture is too long for this model's places",
               .where = engine.files().path.string(),
               .wanted = fmt::format("at most {} patches on a side", places),
               .found = std::to_string(longest)});
}

void EmbedTokens(const Engine& engine, OpContext& context, const Medium& medium, size_t first,
                 size_t count, std::span<float> out) {
  const Embedders& embedders = engine.embedders();
  if (medium.kind() == MediumKind::kSound) {
    const auto samples =
        std::span(medium.samples()).subspan(first * kFrameSamples, count * kFrameSamples);
    EmbedSound(context, *embedders.config.audio, embedders.weights.audio_projection, samples, out);
    return;
  }
  CARAT_CHECK(first == 0 && count == medium.num_tokens());
  const Pixels& pixels = medium.pixels();
  EmbedPicture(context, *embedders.config.vision, *embedders.weights.vision,
               {pixels.rgb, pixels.height, pixels.width}, out);
}

}  // namespace carat
