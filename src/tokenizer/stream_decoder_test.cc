#include "tokenizer/stream_decoder.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>

#include "base/utf8.h"

namespace carat {
namespace {

using std::literals::string_view_literals::operator""sv;

constexpr std::string_view kTexts[] = {
    "plain"sv,
    "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"sv,  // two, three and four bytes
    "\xF0\x9F\x98\x80\xF0\x9F\x98"sv,          // cut at the end
    "\xE2\x82z\xF0\x9F\xF0\x9F\x98\x80"sv,     // interrupted
    "\x80\xBF\xC0\xAF\xFF"sv,                  // never valid
    "\xED\xA0\x80\xF4\x90\x80\x80"sv,          // a surrogate; above U+10FFFF
    "\xE0\x80\x80\xF0\x80"sv,                  // overlong
    "\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"sv,
};

// Every result is valid UTF-8 of its own, and together they are the text with replacements.
void ExpectWhole(std::string_view text, const std::vector<std::string_view>& cuts) {
  StreamDecoder decoder;
  std::string shown;
  for (const std::string_view part : cuts) {
    const std::string ready = decoder.Push(part);
    EXPECT_TRUE(IsValidUtf8(ready));
    shown += ready;
  }
  shown += decoder.Finish();
  EXPECT_EQ(shown, SanitizeUtf8(text)) << testing::PrintToString(text);
  EXPECT_EQ(decoder.Finish(), "");
}

TEST(StreamDecoder, EverySplit) {
  for (const std::string_view text : kTexts) {
    // Bit i of `mask`: cut behind byte i.
    for (uint32_t mask = 0; mask < (1u << (text.size() - 1)); ++mask) {
      std::vector<std::string_view> parts;
      size_t begin = 0;
      for (size_t i = 0; i < text.size(); ++i) {
        if (i + 1 < text.size() && (mask >> i & 1) == 0) continue;
        parts.push_back(text.substr(begin, i + 1 - begin));
        begin = i + 1;
      }
      ExpectWhole(text, parts);
    }
  }
}

TEST(StreamDecoder, RandomBytes) {
  std::mt19937 rng(2);
  constexpr std::string_view kBytes = "a\x80\x90\xA0\xBF\xC0\xC3\xE0\xE2\xED\xF0\xF4\xF5\xFF";
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (size_t i = rng() % 12; i > 0; --i) text += kBytes[rng() % kBytes.size()];
    std::vector<std::string_view> parts;
    for (size_t at = 0; at < text.size();) {
      const size_t size = std::min<size_t>(rng() % 4, text.size() - at);
      parts.push_back(std::string_view(text).substr(at, size));
      at += size;
    }
    ExpectWhole(text, parts);
  }
}

TEST(StreamDecoder, ShowsTextAsSoonAsItIsComplete) {
  StreamDecoder decoder;
  EXPECT_EQ(decoder.Push("a\xF0\x9F"), "a");
  EXPECT_EQ(decoder.Push("\x98"), "");
  EXPECT_EQ(decoder.Push("\x80"), "\xF0\x9F\x98\x80");
  EXPECT_EQ(decoder.Push("\xE2"), "");
  EXPECT_EQ(decoder.Push("b"), "\uFFFDb");
  EXPECT_EQ(decoder.Push("\xFF"), "\uFFFD");  // can begin nothing: not held back
  EXPECT_EQ(decoder.Push("\xE2\x82"), "");
  EXPECT_EQ(decoder.Finish(), "\uFFFD");
}

}  // namespace
}  // namespace carat
