#include "apps/inspect_media.h"

#include <cmath>

#include "apps/input.h"
#include "apps/media_options.h"
#include "apps/npy_writer.h"
#include "apps/output.h"
#include "apps/terminal.h"
#include "chat/media_parts.h"
#include "engine/embed.h"
#include "media/budget.h"
#include "media/limits.h"

namespace carat {
namespace {

int64_t TokensAt(uint32_t width, uint32_t height, size_t budget) {
  const PixelSize size = FittedSize({height, width}, budget);
  return static_cast<int64_t>(size.height / kPatchSide * (size.width / kPatchSide));
}

}  // namespace

Result<Json> DescribeMedia(const std::string& path) {
  CARAT_ASSIGN(const MediaSource source, MediaSource::Open(path));
  const MediaDecoder decoder = AppDecoder();
  CARAT_ASSIGN(const MediaInfo info, decoder.Describe(source));
  Json json;
  json.Set("path", path);
  json.Set("type", info.type.name);
  json.Set("kind", info.type.kind == MediaKind::kPicture ? "picture"
                   : info.has_picture                    ? "film"
                                                         : "sound");
  if (info.width > 0 && info.height > 0) {
    json.Set("width", int64_t{info.width});
    json.Set("height", int64_t{info.height});
  }
  if (info.has_sound) {
    json.Set("sample_rate", int64_t{info.sample_rate});
    json.Set("channels", int64_t{info.channels});
  }
  if (info.seconds > 0) json.Set("seconds", info.seconds);
  if (info.has_picture && info.type.kind != MediaKind::kPicture)
    json.Set("frames_per_second", info.frames_per_second);
  if (info.width > 0 && info.height > 0 && info.type.kind == MediaKind::kPicture) {
    Json tokens;
    for (const size_t budget : kBudgets)
      tokens.Set(std::to_string(budget), TokensAt(info.width, info.height, budget));
    json.Set("tokens_at_budget", std::move(tokens));
  } else if (info.width > 0 && info.height > 0) {
    json.Set("tokens_per_frame", TokensAt(info.width, info.height, kFrameBudget));
  }
  if (info.has_sound && info.seconds > 0)
    json.Set("sound_tokens",
             static_cast<int64_t>(std::ceil(info.seconds * kSampleRate / kFrameSamples)));
  return json;
}

void PrintMedia(const Json& description) {
  for (const auto& [name, value] : description.object())
    Print("{:18} {}\n", name, value.is_string() ? EscapeLine(value.string()) : value.Dump());
}

Status WriteSoftTokens(Engine& engine, const std::vector<MediaRequest>& media,
                       const std::string& out) {
  if (media.empty())
    return Fail({.what = "no medium is given", .wanted = "--image, --audio or --video"});
  CARAT_ASSIGN(const std::vector<MediaPart> parts, ReadMedia(media, kLongestContext));
  OpContext context(engine.pool(), engine.table());
  const auto hidden = static_cast<size_t>(engine.config().hidden);
  std::vector<float> rows;
  for (const MediaPart& part : parts) {
    for (const auto& medium : part.media) {
      CARAT_TRY(CheckTakes(engine, *medium));
      const size_t before = rows.size();
      rows.resize(before + medium->num_tokens() * hidden);
      EmbedTokens(engine, context, *medium, 0, medium->num_tokens(),
                  std::span(rows).subspan(before));
    }
  }
  CARAT_ASSIGN(NpyWriter npy, NpyWriter::Create(out, rows.size() / hidden, hidden));
  CARAT_TRY(npy.Append(rows));
  return npy.Commit();
}

}  // namespace carat
