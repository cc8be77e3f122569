#include "decode/pictures.h"

#include <fmt/format.h>

#include "media/limits.h"

namespace carat::decode {

Status CheckPictureSize(uint64_t width, uint64_t height) {
  if (width == 0 || height == 0) {
    return Fail({.what = "a broken picture: it has no pixels",
                 .found = fmt::format("{} x {}", width, height)});
  }
  if (width > kMaxSide || height > kMaxSide || width * height > kMaxPixels) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "the picture is too large",
                 .wanted = fmt::format("sides up to {} and {} million pixels", kMaxSide,
                                       kMaxPixels / 1'000'000),
                 .found = fmt::format("{} x {}", width, height)});
  }
  return {};
}

Error BrokenPicture(std::string why) {
  return {.what = "a broken picture", .found = std::move(why)};
}

}  // namespace carat::decode
