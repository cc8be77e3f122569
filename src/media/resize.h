// Resizing as torchvision's, to the bit: bicubic with antialiasing on eight-bit pixels
// (gemma4-12b specification, 5.2 and 5.3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace carat {

// Owned eight-bit RGB pixels, row by row: [height, width, 3].
struct Pixels {
  size_t height = 0;
  size_t width = 0;
  std::vector<uint8_t> rgb = {};
};

struct PixelSize {
  size_t height = 0;
  size_t width = 0;
  bool operator==(const PixelSize&) const = default;
};

inline constexpr size_t kPatchSide = 48;  // pixels

// The size of whole patches that fills a budget of `max_patches` soft tokens best and keeps the
// shape. Pictures are enlarged too. Precondition: no side is 0.
PixelSize FittedSize(PixelSize from, size_t max_patches);

// The picture in another size; the same if it has that size. An axis that keeps its length is left
// alone. Precondition: no side is 0.
Pixels Resize(const Pixels& from, PixelSize to);

}  // namespace carat
