#include "media/resize.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/crc32.h"
#include "tests/support/files.h"
#include "tests/support/noise.h"

namespace carat {
namespace {

// As tools/make_resize_goldens.py makes it.
Pixels Content(const std::string& kind, size_t seed, size_t height, size_t width) {
  Pixels pixels{height, width, {}};
  if (kind == "noise") {
    pixels.rgb = NoiseBytes(static_cast<uint32_t>(seed), 3 * height * width);
    return pixels;
  }
  for (size_t y = 0; y < height; ++y) {
    for (size_t x = 0; x < width; ++x) {
      for (size_t c = 0; c < 3; ++c) {
        pixels.rgb.push_back(static_cast<uint8_t>(kind == "blocks"
                                                      ? (x / 7 + y / 5 + c) * 37 + seed
                                                      : (x * 3 + y * 2 + c * 85 + seed) / 4));
      }
    }
  }
  return pixels;
}

TEST(Resize, EqualsTorchvisionByteForByte) {
  const Json cases = MustParse(MustRead(Golden("resize.json")));
  ASSERT_GE(cases.array().size(), 200u);
  for (const Json& c : cases.array()) {
    const auto number = [&](const char* name) {
      return static_cast<size_t>(c.Find(name)->integer());
    };
    SCOPED_TRACE(c.Dump());
    const auto to = c.Find("to")->array();
    const PixelSize wanted = {static_cast<size_t>(to[0].integer()),
                              static_cast<size_t>(to[1].integer())};
    const PixelSize from = {number("height"), number("width")};
    ASSERT_EQ(FittedSize(from, number("budget")), wanted);
    const Pixels resized =
        Resize(Content(c.Find("kind")->string(), number("seed"), from.height, from.width), wanted);
    EXPECT_EQ(Crc32(resized.rgb), number("crc"));
  }
}

// The check table of the specification, 5.2.
TEST(FittedSize, FillsTheBudget) {
  const struct {
    PixelSize from;
    size_t budget;
    PixelSize to;
  } cases[] = {{{224, 224}, 70, {384, 384}},     {{224, 224}, 1120, {1584, 1584}},
               {{1080, 1920}, 280, {576, 1056}}, {{768, 1024}, 1120, {1344, 1824}},
               {{256, 1024}, 280, {384, 1584}},  {{900, 3}, 70, {3360, 48}},
               {{900, 3}, 1120, {27792, 48}},    {{1, 60000}, 280, {48, 13440}}};
  for (const auto& c : cases) EXPECT_EQ(FittedSize(c.from, c.budget), c.to) << c.from.height;
}

TEST(Resize, LeavesAPictureOfTheSizeAlone) {
  const Pixels picture = Content("noise", 1, 48, 96);
  EXPECT_EQ(Resize(picture, {48, 96}).rgb, picture.rgb);
}

}  // namespace
}  // namespace carat
