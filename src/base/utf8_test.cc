#include "base/utf8.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace carat {
namespace {

using std::literals::string_view_literals::operator""sv;

// What Python's bytes.decode("utf-8", "replace") makes of each.
struct Case {
  std::string_view bytes, text;
};
constexpr Case cases[] = {
    {""sv, ""sv},
    {"plain\0text\x7F"sv, "plain\0text\x7F"sv},
    {"\xC2\x80\xDF\xBF"sv, "\xC2\x80\xDF\xBF"sv},                  // both ends of two bytes
    {"\xE0\xA0\x80\xEF\xBF\xBF"sv, "\xE0\xA0\x80\xEF\xBF\xBF"sv},  // of three
    {"\xED\x9F\xBF\xEE\x80\x80"sv, "\xED\x9F\xBF\xEE\x80\x80"sv},  // around the surrogates
    {"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"sv, "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"sv},  // of four
    {"\x80"sv, "\uFFFD"sv},
    {"\xBF\xBF"sv, "\uFFFD\uFFFD"sv},
    {"\xC0\x80"sv, "\uFFFD\uFFFD"sv},  // overlong NUL
    {"\xC1\xBF"sv, "\uFFFD\uFFFD"sv},
    {"\xC3"sv, "\uFFFD"sv},
    {"\xC3("sv, "\uFFFD("sv},
    {"\xC3\xC3\xA9"sv, "\uFFFD\xC3\xA9"sv},
    {"\xE0\x80\x80"sv,
     "\uFFFD\uFFFD\uFFFD"sv},  // overlong: the second byte is no part of the first's sequence
    {"\xE0\x9F\xBF"sv, "\uFFFD\uFFFD\uFFFD"sv},
    {"\xE2\x82"sv, "\uFFFD"sv},
    {"\xE2\x28\xA1"sv,
     "\uFFFD("
     "\uFFFD"sv},
    {"\xE2\x82\x28"sv, "\uFFFD("sv},
    {"\xED\xA0\x80"sv, "\uFFFD\uFFFD\uFFFD"sv},                                // a surrogate
    {"\xED\xA0\xBD\xED\xB8\x80"sv, "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD"sv},  // a pair of them
    {"\xF0"sv, "\uFFFD"sv},
    {"\xF0\x9F"sv, "\uFFFD"sv},
    {"\xF0\x9F\x98"sv, "\uFFFD"sv},
    {"\xF0\x9F\x98\x28"sv, "\uFFFD("sv},
    {"\xF0\x28\x8C\xBC"sv,
     "\uFFFD("
     "\uFFFD\uFFFD"sv},
    {"\xF0\x80\x80\x80"sv, "\uFFFD\uFFFD\uFFFD\uFFFD"sv},
    {"\xF0\x8F\xBF\xBF"sv, "\uFFFD\uFFFD\uFFFD\uFFFD"sv},
    {"\xF4\x90\x80\x80"sv, "\uFFFD\uFFFD\uFFFD\uFFFD"sv},  // above U+10FFFF
    {"\xF5\x80\x80\x80"sv, "\uFFFD\uFFFD\uFFFD\uFFFD"sv},
    {"\xF8\x88\x80\x80\x80"sv, "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD"sv},
    {"\xFC\x84\x80\x80\x80\x80"sv, "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD"sv},
    {"\xFE\xFF"sv, "\uFFFD\uFFFD"sv},
    {"a\xE2\x82z"sv,
     "a"
     "\uFFFDz"sv},
    {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"sv,
     "\uFFFD\uFFFD\uFFFD\uFFFD"
     "A"sv},  // Unicode 15, table 3-8
    {"\xEF\xBF\xBD\xEF\xBF"sv, "\uFFFD\uFFFD"sv},
};

TEST(Utf8, SanitizeEqualsPythonsReplace) {
  for (const Case& c : cases)
    EXPECT_EQ(SanitizeUtf8(c.bytes), c.text) << testing::PrintToString(c.bytes);
}

TEST(Utf8, ValidExactlyWhereNothingIsReplaced) {
  for (const Case& c : cases) {
    EXPECT_EQ(IsValidUtf8(c.bytes), c.bytes == c.text) << testing::PrintToString(c.bytes);
    EXPECT_TRUE(IsValidUtf8(c.text));
  }
}

TEST(Utf8, EveryCodePointSurvivesWritingAndReading) {
  for (char32_t code = 0; code <= 0x10FFFF; ++code) {
    std::string text;
    AppendUtf8(code, text);
    const Utf8Step step = DecodeUtf8(text, 0);
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    ASSERT_TRUE(step.valid);
    ASSERT_EQ(step.size, text.size());
    ASSERT_EQ(step.code, surrogate ? kReplacement : code);
  }
}

TEST(Utf8, ValuesBeyondUnicodeAreReplaced) {
  for (const char32_t code : {char32_t{0x110000}, char32_t{0xFFFFFFFF}}) {
    std::string text = "x";
    AppendUtf8(code, text);
    EXPECT_EQ(text, "x\uFFFD");
  }
}

TEST(Utf8, StepsCoverEveryPairOfBytes) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string text = {static_cast<char>(a), static_cast<char>(b)};
      size_t at = 0;
      while (at < text.size()) {
        const Utf8Step step = DecodeUtf8(text, at);
        ASSERT_GE(step.size, 1u);
        ASSERT_LE(at + step.size, text.size());
        at += step.size;
      }
    }
  }
}

TEST(Utf8, IncompleteTail) {
  struct Tail {
    std::string_view bytes;
    size_t size;
  };
  constexpr Tail kTails[] = {
      {""sv, 0},
      {"abc"sv, 0},
      {"\xC3"sv, 1},
      {"a\xC3"sv, 1},
      {"\xC3\xA9"sv, 0},
      {"\xE2"sv, 1},
      {"\xE2\x82"sv, 2},
      {"\xE2\x82\xAC"sv, 0},
      {"\xF0"sv, 1},
      {"\xF0\x9F"sv, 2},
      {"a\xF0\x9F\x98"sv, 3},
      {"\xF0\x9F\x98\x80"sv, 0},
      {"\x80"sv, 0},
      {"\x80\x80\x80\x80"sv, 0},
      {"\xC0"sv, 0},  // opens nothing
      {"\xFF"sv, 0},
      {"\xE0\x80"sv, 0},  // can never become valid
      {"\xED\xA0"sv, 0},  // a surrogate neither
      {"\xF4\x90"sv, 0},
      {"\xF0\x8F"sv, 0},
      {"\xE2\xC3"sv, 1},
      {"\xC3\xA9\x80"sv, 0},
      {"\xE2\x82\xFF"sv, 0},
  };
  for (const Tail& tail : kTails) {
    EXPECT_EQ(IncompleteUtf8Tail(tail.bytes), tail.size) << testing::PrintToString(tail.bytes);
  }
}

}  // namespace
}  // namespace carat
