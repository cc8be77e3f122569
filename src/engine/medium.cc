#include "engine/medium.h"

#include <functional>
#include <string_view>

#include "base/check.h"

namespace carat {
namespace {

ContentKey Hash(const void* bytes, size_t size) {
  const ContentKey key = std::hash<std::string_view>()({static_cast<const char*>(bytes), size});
  return key != 0 ? key : 1;  // 0 means text
}

ContentKey Mixed(ContentKey key, ContentKey more) {
  const ContentKey both[] = {key, more};
  return Hash(both, sizeof both);
}

}  // namespace

Medium Medium::FromPixels(MediumKind kind, Pixels pixels) {
  CARAT_CHECK(kind != MediumKind::kSound);
  CARAT_CHECK(pixels.height % kPatchSide == 0 && pixels.width % kPatchSide == 0);
  CARAT_CHECK(pixels.rgb.size() == 3 * pixels.height * pixels.width && !pixels.rgb.empty());
  Medium medium(kind);
  const ContentKey whole = Mixed(Hash(pixels.rgb.data(), pixels.rgb.size()), pixels.width);
  const size_t patches = pixels.height / kPatchSide * (pixels.width / kPatchSide);
  for (size_t i = 0; i < patches; ++i) medium.keys_.push_back(Mixed(whole, i));
  medium.pixels_ = std::move(pixels);
  return medium;
}

Medium Medium::FromSamples(std::vector<float> samples) {
  Medium medium(MediumKind::kSound);
  samples.resize((samples.size() + kFrameSamples - 1) / kFrameSamples * kFrameSamples);
  for (size_t at = 0; at < samples.size(); at += kFrameSamples)
    medium.keys_.push_back(Hash(&samples[at], kFrameSamples * sizeof(float)));
  medium.samples_ = std::move(samples);
  return medium;
}

}  // namespace carat
