#include "model/pass.h"

#include <gtest/gtest.h>

#include <string>

namespace carat {
namespace {

// One line per query, '1' for each visible key.
std::string Table(const Pass& pass, Pos window) {
  std::vector<KeyRange> seen;
  AddSeen(pass, 0, window, seen);
  std::string lines;
  for (const KeyRange& range : seen) {
    for (Pos key = 0; key < static_cast<Pos>(pass.ids.size()); ++key)
      lines += key >= range.begin && key < range.end ? '1' : '.';
    lines += '\n';
  }
  return lines;
}

// [text, boi, 3 x picture, eoi, text]: the truth table of the specification, appendix B, item 8.
TEST(FillSeen, OpensBlocksAsTheSpecificationSays) {
  const std::vector<TokenId> ids(7);
  const SoftRun picture{.at = 2, .count = 3, .is_block = true};
  const Pass reference{.ids = ids, .soft = {&picture, 1}};
  const Pass literal{.ids = ids, .soft = {&picture, 1}, .mask = BlockMask::kLiteral};
  const std::string open = "1......\n11.....\n11111..\n11111..\n11111..\n111111.\n1111111\n";
  const std::string closed = "1......\n11.....\n111....\n1111...\n11111..\n111111.\n1111111\n";
  EXPECT_EQ(Table(reference, 100), open);
  EXPECT_EQ(Table(reference, 0), closed);
  EXPECT_EQ(Table(literal, 100), open);
  EXPECT_EQ(Table(literal, 0), open);
}

TEST(FillSeen, TheWindowClosesALongBlockFromBehind) {
  const std::vector<TokenId> ids(6);
  const SoftRun picture{.at = 1, .count = 4, .is_block = true};
  Pass pass{.ids = ids, .soft = {&picture, 1}};
  EXPECT_EQ(Table(pass, 2), "1.....\n11111.\n.1111.\n..111.\n...11.\n....11\n");
  pass.mask = BlockMask::kLiteral;
  EXPECT_EQ(Table(pass, 2), "1.....\n11111.\n.1111.\n.1111.\n.1111.\n....11\n");
}

TEST(FillSeen, SoundIsCausal) {
  const std::vector<TokenId> ids(3);
  const SoftRun sound{.at = 0, .count = 3};
  EXPECT_EQ(Table({.ids = ids, .soft = {&sound, 1}}, 2), "1..\n11.\n.11\n");
}

TEST(FillSeen, CountsFromTheFirstPosition) {
  const std::vector<TokenId> ids(2);
  std::vector<KeyRange> seen;
  AddSeen({.ids = ids}, 10, 4, seen);
  EXPECT_EQ(seen[0].begin, 7);
  EXPECT_EQ(seen[0].end, 11);
  EXPECT_EQ(seen[1].begin, 8);
}

}  // namespace
}  // namespace carat
