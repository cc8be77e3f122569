// Media files of tests/fixtures/media and what the decoder makes of them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "media/decoder.h"
#include "tests/support/files.h"

namespace carat {

inline std::filesystem::path Media(const std::string& name) {
  return SourceDir() / "tests/fixtures/media" / name;
}

inline std::filesystem::path DecoderPath() { return std::string(CARAT_BINARY) + "-decode"; }

inline const MediaDecoder& Decoder() {
  static const MediaDecoder decoder(DecoderPath());
  return decoder;
}

inline Result<std::vector<float>> SoundOf(const MediaSource& source) {
  std::vector<float> all;
  CARAT_TRY(Decoder().Sound(source, [&](std::span<const float> samples) -> Status {
    all.insert(all.end(), samples.begin(), samples.end());
    return {};
  }));
  return all;
}

inline MediaSource SourceOf(std::string_view bytes, std::string name) {
  return MediaSource::FromBytes({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()},
                                std::move(name))
      .value();
}

inline Result<Damage> CountFrames(const MediaSource& source, int& count, int64_t wanted = 1000) {
  count = 0;
  return Decoder().Frames(source, {.count = wanted}, [&](const auto&) -> Status {
    ++count;
    return {};
  });
}

}  // namespace carat
