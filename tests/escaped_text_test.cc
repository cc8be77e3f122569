// Text of others, made safe for a terminal.
#include <gtest/gtest.h>

#include <string_view>

#include "apps/terminal.h"

namespace carat {
namespace {

TEST(EscapedText, LeavesNothingThatSteers) {
  EXPECT_EQ(EscapeForTerminal("a\tb\né 日本 😀"), "a\tb\né 日本 😀");
  EXPECT_EQ(EscapeForTerminal("\x1b[2J\r\b\x7f"), "<U+001B>[2J<U+000D><U+0008><U+007F>");
  EXPECT_EQ(EscapeForTerminal("\u009b\u202E\u2066"), "<U+009B><U+202E><U+2066>");
  EXPECT_EQ(EscapeForTerminal(std::string_view("\0", 1)), "<U+0000>");
  EXPECT_EQ(EscapeForTerminal("\x9b"), "\uFFFD");  // no UTF-8, but eight-bit terminals obey it
  EXPECT_EQ(EscapeLine("a\tb\nc"), "a<U+0009>b<U+000A>c");
  EXPECT_EQ(EscapeLine(""), "");
}

}  // namespace
}  // namespace carat
