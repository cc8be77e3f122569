#include "media/exif.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace carat {
namespace {

constexpr uint16_t kWidthTag = 0x0100, kHeightTag = 0x0101, kOrientationTag = 0x0112;
constexpr uint16_t kShort = 3, kLong = 4;
constexpr std::array<uint8_t, 6> kPrefix = {'E', 'x', 'i', 'f', 0, 0};

// A number of `size` bytes at `at`, or 0 beyond the end.
uint32_t Read(std::span<const uint8_t> data, size_t at, size_t size, bool little) {
  if (at > data.size() || data.size() - at < size) return 0;
  uint32_t value = 0;
  for (size_t i = 0; i < size; ++i) {
    const size_t byte = little ? size - 1 - i : i;
    value = value << 8 | data[at + byte];
  }
  return value;
}

// A single whole number of the first directory.
std::optional<uint32_t> FindNumber(std::span<const uint8_t> tiff, uint16_t tag) {
  const bool little = tiff.size() > 1 && tiff[0] == 'I' && tiff[1] == 'I';
  const bool big = tiff.size() > 1 && tiff[0] == 'M' && tiff[1] == 'M';
  if ((!little && !big) || Read(tiff, 2, 2, little) != 42) return std::nullopt;
  const size_t directory = Read(tiff, 4, 4, little);
  const size_t entries = Read(tiff, directory, 2, little);
  for (size_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + 12 * i;
    if (entry >= tiff.size()) break;
    if (Read(tiff, entry, 2, little) != tag) continue;
    const uint32_t type = Read(tiff, entry + 2, 2, little);
    if ((type != kShort && type != kLong) || Read(tiff, entry + 4, 4, little) != 1) break;
    return Read(tiff, entry + 8, type == kShort ? 2 : 4, little);
  }
  return std::nullopt;
}

}  // namespace

int ExifOrientation(std::span<const uint8_t> block) {
  std::span<const uint8_t> tiff = block;
  if (tiff.size() > kPrefix.size() && std::equal(kPrefix.begin(), kPrefix.end(), tiff.begin()))
    tiff = tiff.subspan(kPrefix.size());
  const uint32_t value = FindNumber(tiff, kOrientationTag).value_or(1);
  return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
}

std::optional<PixelSize> TiffSize(std::span<const uint8_t> file) {
  const auto height = FindNumber(file, kHeightTag), width = FindNumber(file, kWidthTag);
  if (!height || !width) return std::nullopt;
  return PixelSize{*height, *width};
}

Pixels TurnUpright(Pixels from, int orientation) {
  CARAT_CHECK(orientation >= 1 && orientation <= 8);
  if (orientation == 1) return from;
  const bool transposed = orientation >= 5;
  const bool mirror_x =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool mirror_y =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Pixels to{from.height, from.width, std::vector<uint8_t>(from.rgb.size())};
  if (transposed) std::swap(to.height, to.width);
  for (size_t y = 0; y < to.height; ++y) {
    for (size_t x = 0; x < to.width; ++x) {
      // Where the upright pixel (x, y) lies in the file.
      size_t column = transposed ? y : x, row = transposed ? x : y;
      if (mirror_x) column = from.width - 1 - column;
      if (mirror_y) row = from.height - 1 - row;
      std::copy_n(&from.rgb[3 * (row * from.width + column)], 3, &to.rgb[3 * (y * to.width + x)]);
    }
  }
  return to;
}

}  // namespace carat
