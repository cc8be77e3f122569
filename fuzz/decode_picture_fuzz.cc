// The picture decoders, in this process and without their cage. Larger pictures than these only
// take longer.
//
// DEPS: decode media
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "decode/pictures.h"
#include "media/file_type.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto type = carat::SniffFileType({data, size});
  if (!type) return 0;
  carat::Result<carat::Pixels> pixels = carat::Fail({.what = "none"});
  if (type->type == carat::FileType::kJpeg) pixels = carat::decode::DecodeJpeg({data, size});
  if (type->type == carat::FileType::kPng) pixels = carat::decode::DecodePng({data, size});
  if (type->type == carat::FileType::kWebp) pixels = carat::decode::DecodeWebp({data, size});
  if (type->type == carat::FileType::kAvif) pixels = carat::decode::DecodeAvif({data, size});
  if (pixels && pixels->rgb.size() != 3 * pixels->height * pixels->width) std::abort();
  return 0;
}
