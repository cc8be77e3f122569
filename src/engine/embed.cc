#include "engine/embed.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "model/embedders.h"

namespace carat {

Status CheckTakes(const Engine& engine, MediumKind kind) {
  const Embedders& embedders = engine.embedders();
  const bool sound = kind == MediumKind::kSound;
  const std::string where = engine.files().path.string();
  if (sound ? embedders.weights.audio_projection.empty() : !embedders.weights.vision) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = sound ? "this model does not hear: its files hold no audio embedder"
                               : "this model does not see: its files hold no vision embedder",
                 .where = where,
                 .wanted = "a folder with embedders, or an mmproj file beside a GGUF model"});
  }
  const int64_t unit =
      sound ? embedders.config.audio->frame_samples : embedders.config.vision->patch_side;
  const auto wanted = static_cast<int64_t>(sound ? kFrameSamples : kPatchSide);
  if (unit == wanted) return {};
  return Fail({.code = ErrorCode::kUnsupported,
               .what = sound ? "the audio embedder takes frames of another length"
                             : "the vision embedder takes patches of another size",
               .where = where,
               .wanted = std::to_string(wanted),
               .found = std::to_string(unit)});
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
