#include "engine/stop_strings.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace carat {
namespace {

struct Shown {
  std::string text;
  bool hit = false;
  bool operator==(const Shown&) const = default;
};

Shown Stream(const std::vector<std::string>& stops, const std::vector<std::string>& pieces) {
  StopStrings filter(stops);
  Shown shown;
  for (const std::string& piece : pieces) shown.text += filter.Push(piece);
  shown.text += filter.Finish();
  shown.hit = filter.hit();
  return shown;
}

// The definition: the text ends before the stop string that is complete first; of several that end
// at one place, before the longest.
Shown Expected(const std::vector<std::string>& stops, const std::string& text) {
  for (size_t end = 1; end <= text.size(); ++end) {
    size_t longest = 0;
    for (const std::string& stop : stops) {
      if (!stop.empty() && text.substr(0, end).ends_with(stop)) {
        longest = std::max(longest, stop.size());
      }
    }
    if (longest > 0) return {text.substr(0, end - longest), true};
  }
  return {text, false};
}

TEST(StopStrings, EverySplitGivesTheSame) {
  const std::vector<std::vector<std::string>> stop_lists = {
      {},
      {""},
      {"b"},
      {"ab"},
      {"abc", "ab"},   // one begins another
      {"abcd", "bc"},  // one inside another
      {"aab", "aba"},  // overlapping candidates
      {"aaa", "ab", "ba"},
      {"cb", "acb", "bacb"},
      {"\n\n", "ab\n"},
  };
  std::mt19937_64 random(1);
  for (const auto& stops : stop_lists) {
    for (int i = 0; i < 60; ++i) {
      std::string text;
      for (size_t n = random() % 10; n > 0; --n) text += "abcd\n"[random() % 5];
      if (i == 0) text = "aabcdab";
      const Shown expected = Expected(stops, text);
      const size_t borders = text.empty() ? 0 : text.size() - 1;
      for (size_t split = 0; split < (size_t{1} << borders); ++split) {
        std::vector<std::string> pieces(1);
        for (size_t at = 0; at < text.size(); ++at) {
          if (at > 0 && (split >> (at - 1) & 1) != 0) pieces.emplace_back();
          pieces.back() += text[at];
        }
        const Shown shown = Stream(stops, pieces);
        ASSERT_EQ(shown, expected) << "text " << text << " shown " << shown.text;
      }
    }
  }
}

TEST(StopStrings, ShowsTextAsSoonAsItIsSafe) {
  StopStrings filter({"STOP"});
  EXPECT_EQ(filter.Push("hello S"), "hello ");
  EXPECT_EQ(filter.Push("T"), "");
  EXPECT_EQ(filter.Push("x"), "STx");
  EXPECT_EQ(filter.Push("STST"), "ST");
  EXPECT_EQ(filter.Push(""), "");
  EXPECT_EQ(filter.Push("OP and more"), "");
  EXPECT_TRUE(filter.hit());
  EXPECT_EQ(filter.Push("after"), "");
  EXPECT_EQ(filter.Finish(), "");
}

TEST(StopStrings, NeverShowsTextThatAStopStringHolds) {
  StopStrings filter({"abab", "bb"});
  std::string shown;
  for (const char c : std::string("xabaabab")) shown += filter.Push(std::string(1, c));
  EXPECT_EQ(shown, "xaba");
  EXPECT_TRUE(filter.hit());
}

TEST(StopStrings, FinishGivesWhatWasHeld) {
  StopStrings filter({"<end>"});
  EXPECT_EQ(filter.Push("a<en"), "a");
  EXPECT_FALSE(filter.hit());
  EXPECT_EQ(filter.Finish(), "<en");
  EXPECT_EQ(filter.Finish(), "");
}

}  // namespace
}  // namespace carat
