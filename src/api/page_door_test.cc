#include "api/page_door.h"

#include <gtest/gtest.h>

#include "api/access.h"
#include "io/digest.h"
#include "tests/support/temp_folder.h"

namespace carat {
namespace {

TEST(PageDoor, SwapsACodeOnceAndForAMinute) {
  const TempFolder folder;
  const auto history = History::Open(folder / "h").value();
  const auto opened = PageDoor::Open(*history).value();
  PageDoor& door = *opened;
  const std::string code = door.NewCode("ann", 100);
  EXPECT_FALSE(door.Swap("nothing", 100).value().has_value());
  const auto token = door.Swap(code, 150).value();
  ASSERT_TRUE(token.has_value());
  EXPECT_TRUE(token->starts_with(kPageToken));
  EXPECT_EQ(door.OwnerOf(*token), "ann");
  EXPECT_FALSE(door.Swap(code, 150).value().has_value());
  const std::string late = door.NewCode("ann", 100);
  EXPECT_FALSE(door.Swap(late, 161).value().has_value());
  EXPECT_FALSE(door.Swap(late, 101).value().has_value());
}

TEST(PageDoor, BoundsCodes) {
  const TempFolder folder;
  const auto history = History::Open(folder / "h").value();
  const auto opened = PageDoor::Open(*history).value();
  PageDoor& door = *opened;
  const std::string other = door.NewCode("bob", 1);
  const std::string first = door.NewCode("ann", 2);
  for (size_t i = 0; i < PageDoor::kMaxCodes; ++i) door.NewCode("ann", 3);
  EXPECT_FALSE(door.Swap(first, 4).value().has_value());
  EXPECT_TRUE(door.Swap(other, 4).value().has_value());
}

TEST(PageDoor, TokensOutliveTheServerUntilTheyAreDropped) {
  const TempFolder folder;
  std::string one, two;
  {
    const auto history = History::Open(folder / "h").value();
    const auto opened = PageDoor::Open(*history).value();
    PageDoor& door = *opened;
    one = *door.Swap(door.NewCode("ann", 0), 0).value();
    two = *door.Swap(door.NewCode("ann", 0), 0).value();
  }
  const auto history = History::Open(folder / "h").value();
  const auto opened = PageDoor::Open(*history).value();
  PageDoor& door = *opened;
  EXPECT_EQ(door.OwnerOf(one), "ann");
  EXPECT_TRUE(door.Drop(one).has_value());
  EXPECT_FALSE(door.OwnerOf(one).has_value());
  EXPECT_EQ(door.OwnerOf(two), "ann");
  EXPECT_TRUE(door.DropAll("ann").has_value());
  EXPECT_FALSE(door.OwnerOf(two).has_value());
}

TEST(Access, TakesTokensOfKeysThatAreThere) {
  const Access access({.token_owner =
                           [](std::string_view token) {
                             return token == "page-1"   ? std::optional<std::string>("me")
                                    : token == "page-2" ? std::optional<std::string>("gone")
                                                        : std::nullopt;
                           }},
                      {{.key = "a-key-of-one-who-asks", .name = "me"}});
  const auto owner = [&](std::string_view shown) {
    net::RequestHead head{.method = "GET", .path = "/", .query = {}, .fields = {}};
    head.fields = {{"authorization", "Bearer " + std::string(shown)}};
    return access.Owner(head).value_or("nobody");
  };
  EXPECT_EQ(owner("page-1"), "me");
  EXPECT_EQ(owner("page-2"), "nobody");
  EXPECT_EQ(owner("page-3"), "nobody");
  EXPECT_EQ(owner("a-key-of-one-who-asks"), "me");
}

TEST(Access, ProvesThatItHoldsAKey) {
  const Access access({}, {{.key = "a-key-of-one-who-asks", .name = "me"}});
  const std::string key =
      Sha256Hex(std::as_bytes(std::span(std::string_view("a-key-of-one-who-asks"))));
  EXPECT_EQ(access.Proof("me", "x"), HmacSha256Hex(key, "x"));
  EXPECT_NE(access.Proof("you", "x"), access.Proof("me", "x"));
  EXPECT_EQ(access.Proof("you", "x").size(), 64U);
}

}  // namespace
}  // namespace carat
