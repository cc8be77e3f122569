// What a picture's EXIF data or TIFF directory tell: how it is turned and how large it is.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "media/resize.h"

namespace carat {

// 1 to 8 as EXIF counts them; 1 (upright) where there is none or the data is broken. `block` is
// the EXIF block, with or without its "Exif\0\0", or a TIFF file, of which EXIF is a piece.
int ExifOrientation(std::span<const uint8_t> block);

// The size that a TIFF file names; absent for other files.
std::optional<PixelSize> TiffSize(std::span<const uint8_t> file);

// The picture turned upright. `orientation` is 1 to 8.
Pixels TurnUpright(Pixels from, int orientation);

}  // namespace carat
