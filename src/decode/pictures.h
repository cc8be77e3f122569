// The common pictures, by the libraries whose pixels are everybody's reference.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "media/resize.h"

namespace carat::decode {

// Upright RGB pixels of a whole file. Alpha is dropped, sixteen bits become their high byte
// (gemma4-12b specification, 5.1). Errors: a broken or cut file, sides or pixels beyond
// media/limits.h.
Result<Pixels> DecodeJpeg(std::span<const uint8_t> file);
Result<Pixels> DecodePng(std::span<const uint8_t> file);
Result<Pixels> DecodeWebp(std::span<const uint8_t> file);
Result<Pixels> DecodeAvif(std::span<const uint8_t> file);

// The same checks for every decoder.
Status CheckPictureSize(uint64_t width, uint64_t height);
Error BrokenPicture(std::string why);

}  // namespace carat::decode
