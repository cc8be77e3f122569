#include "apps/thumbnail.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <map>

#include "base/base64.h"
#include "tests/support/files.h"
#include "tests/support/run_carat.h"

namespace carat {
namespace {

Pixels Slope(size_t height, size_t width) {
  Pixels pixels{height, width, {}};
  for (size_t y = 0; y < height; ++y) {
    for (size_t x = 0; x < width; ++x) {
      pixels.rgb.push_back(static_cast<uint8_t>(255 * x / width));
      pixels.rgb.push_back(static_cast<uint8_t>(255 * y / height));
      pixels.rgb.push_back(90);
    }
  }
  return pixels;
}

TEST(Thumbnail, KittysDataAreThePixels) {
  const Pixels pixels = Slope(50, 60);
  std::string text = Thumbnail(pixels, Graphics::kKitty), data;
  ASSERT_TRUE(text.starts_with("\x1b_Ga=T,q=2,f=24,s=60,v=50,m=1;")) << text.substr(0, 40);
  for (size_t at = 0; (at = text.find(';', at)) != std::string::npos; ++at) {
    const size_t end = text.find("\x1b\\", at);
    EXPECT_LE(end - at - 1, 4096u);
    data += text.substr(at + 1, end - at - 1);
  }
  ASSERT_VALUE(const std::vector<uint8_t> bytes, DecodeBase64(data));
  EXPECT_EQ(bytes, pixels.rgb);
}

// Reads a sixel picture as a terminal does: each pixel's colour in percent.
std::map<std::pair<size_t, size_t>, std::array<int, 3>> Drawn(const std::string& text) {
  std::map<std::pair<size_t, size_t>, std::array<int, 3>> drawn;
  std::map<int, std::array<int, 3>> colours;
  size_t at = text.find('#'), x = 0, top = 0;
  int colour = 0;
  while (at < text.size() && text[at] != '\x1b') {
    const char c = text[at++];
    if (c == '#') {
      char* end = nullptr;
      colour = static_cast<int>(std::strtol(&text[at], &end, 10));
      std::array<int, 4> values{};
      for (size_t i = 0; *end == ';' && i < 4; ++i)
        values[i] = static_cast<int>(std::strtol(end + 1, &end, 10));
      if (values[0] == 2) colours[colour] = {values[1], values[2], values[3]};
      at = static_cast<size_t>(end - text.data());
    } else if (c == '$') {
      x = 0;
    } else if (c == '-') {
      x = 0;
      top += 6;
    } else {
      for (size_t i = 0; i < 6; ++i)
        if (((c - '?') >> i & 1) != 0) drawn[{top + i, x}] = colours.at(colour);
      ++x;
    }
  }
  return drawn;
}

TEST(Thumbnail, SixelDrawsEveryPixelOnceInItsColour) {
  const Pixels pixels = Slope(20, 33);
  const auto drawn = Drawn(Thumbnail(pixels, Graphics::kSixel));
  ASSERT_EQ(drawn.size(), 20u * 33u);
  for (const auto& [place, colour] : drawn) {
    const uint8_t* wanted = &pixels.rgb[3 * (place.first * 33 + place.second)];
    for (size_t c = 0; c < 3; ++c) EXPECT_NEAR(colour[c], wanted[c] * 100.0 / 255, 10.5);
  }
}

TEST(Thumbnail, LargePicturesAreReduced) {
  ExpectHas(Thumbnail(Slope(480, 960), Graphics::kSixel), {"\"1;1;160;80"});
  ExpectHas(Thumbnail(Slope(2, 960), Graphics::kKitty), {"s=160,v=1,"});
  EXPECT_EQ(Thumbnail(Slope(48, 48), Graphics::kNone), "");
}

TEST(Thumbnail, SixelIsAmongTheAttributes) {
  EXPECT_TRUE(HasSixel("\x1b[?62;4;22c"));
  EXPECT_TRUE(HasSixel("\x1b[?4c"));
  EXPECT_FALSE(HasSixel("\x1b[?62;22;14c"));
  EXPECT_FALSE(HasSixel("\x1b[?6c"));
  EXPECT_FALSE(HasSixel(""));
  EXPECT_FALSE(HasSixel("4"));
  EXPECT_EQ(Attributes("typed\x1b[?62;4cmore"), "\x1b[?62;4c");
  EXPECT_EQ(Attributes("\x1b[?62;4"), "");  // not whole yet
  EXPECT_EQ(Attributes("\x1b[?2004h"), "");
  EXPECT_EQ(Attributes("abc"), "");
}

}  // namespace
}  // namespace carat
