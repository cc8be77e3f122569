#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>

namespace carat {
namespace {

TEST(Error, MessageLeavesOutWhatIsEmpty) {
  EXPECT_EQ((Error{.what = "broken"}).Message(), "broken");
  EXPECT_EQ((Error{.what = "broken", .where = "f"}).Message(), "f: broken");
  EXPECT_EQ((Error{.what = "broken", .wanted = "1"}).Message(), "broken (wanted 1)");
  EXPECT_EQ((Error{.what = "broken", .found = "2"}).Message(), "broken (found 2)");
  EXPECT_EQ((Error{.what = "broken", .where = "f", .wanted = "1", .found = "2"}).Message(),
            "f: broken (wanted 1, found 2)");
}

TEST(Error, WithinPutsTheOuterPlaceFirst) {
  EXPECT_EQ(Within("m.gguf", {.what = "x", .where = "offset 4"}).where, "m.gguf, offset 4");
  EXPECT_EQ(Within("m.gguf", {.what = "x"}).where, "m.gguf");
  EXPECT_EQ(Within("m", {.code = ErrorCode::kIo, .what = "x"}).code, ErrorCode::kIo);
}

Result<int> Half(int n) {
  if (n % 2 != 0) return Fail({.what = "odd", .found = std::to_string(n)});
  return n / 2;
}
Result<int> Quarter(int n) {
  CARAT_TRY(Half(n));
  CARAT_ASSIGN(const int half, Half(n));
  return Half(half);
}
Result<std::unique_ptr<int>> Boxed(int n) {
  CARAT_ASSIGN(auto box, Result<std::unique_ptr<int>>(std::make_unique<int>(n)));
  return box;
}

TEST(Macros, AssignBindsAndBothReturnTheFirstError) {
  EXPECT_EQ(Quarter(12).value(), 3);
  EXPECT_EQ(Quarter(6).error().found, "3");
  EXPECT_EQ(Quarter(5).error().found, "5");
  EXPECT_EQ(*Boxed(7).value(), 7);  // a value that can only be moved
}

}  // namespace
}  // namespace carat
