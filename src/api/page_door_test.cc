#include "api/page_door.h"

#include <gtest/gtest.h>

#include <span>

#include "api/access.h"
#include "io/digest.h"
#include "sys/clock.h"
#include "tests/support/temp_folder.h"

namespace carat {
namespace {

TEST(PageDoor, SwapsACodeOnceAndForAMinute) {
  const TempFolder folder;
  const auto history = History::Open(folder / "h").value();
  const auto opened = PageDoor::Open(*history).value();
  PageDoor& door = *opened;
  const std::string code = door.NewCode({.owner = "ann", .mark = "m"}, 100);
  EXPECT_FALSE(door.Swap("nothing", 100).value().has_value());
  const auto token = door.Swap(code, 150).value();
  ASSERT_TRUE(token.has_value());
  EXPECT_TRUE(token->starts_with(kPageToken));
  EXPECT_EQ(door.KeyOf(*token)->owner, "ann");
  EXPECT_EQ(door.KeyOf(*token)->mark, "m");
  EXPECT_FALSE(door.Swap(code, 150).value().has_value());
  const std::string late = door.NewCode({.owner = "ann", .mark = "m"}, 100);
  EXPECT_FALSE(door.Swap(late, 161).value().has_value());
  EXPECT_FALSE(door.Swap(late, 101).value().has_value());
}

TEST(PageDoor, BoundsCodes) {
  const TempFolder folder;
  const auto history = History::Open(folder / "h").value();
  const auto opened = PageDoor::Open(*history).value();
  PageDoor& door = *opened;
  const std::string other = door.NewCode({.owner = "bob", .mark = "m"}, 1);
  const std::string first = door.NewCode({.owner = "ann", .mark = "m"}, 2);
  for (size_t i = 0; i < PageDoor::kMaxCodes; ++i) door.NewCode({.owner = "ann", .mark = "m"}, 3);
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
    one = *door.Swap(door.NewCode({.owner = "ann", .mark = "m"}, 0), 0).value();
    two = *door.Swap(door.NewCode({.owner = "ann", .mark = "m"}, 0), 0).value();
  }
  const auto history = History::Open(folder / "h").value();
  const auto opened = PageDoor::Open(*history).value();
  PageDoor& door = *opened;
  EXPECT_EQ(door.KeyOf(one).value_or(PageKey()).owner, "ann");
  EXPECT_TRUE(door.Drop(one).has_value());
  EXPECT_FALSE(door.KeyOf(one).has_value());
  EXPECT_EQ(door.KeyOf(two).value_or(PageKey()).owner, "ann");
  EXPECT_TRUE(door.DropAll("ann").has_value());
  EXPECT_FALSE(door.KeyOf(two).has_value());
}

TEST(PageDoor, TokensEnd) {
  const TempFolder folder;
  const auto history = History::Open(folder / "h").value();
  const std::string token = "page-old", digest = Sha256Hex(std::as_bytes(std::span(token)));
  HistoryToken kept{
      .owner = "ann", .mark = "m", .created_ms = UnixMs() - PageDoor::kTokenMs + 60'000};
  ASSERT_TRUE(history->KeepToken(digest, kept).has_value());
  EXPECT_TRUE(PageDoor::Open(*history).value()->KeyOf(token).has_value());
  kept.created_ms -= 120'000;
  ASSERT_TRUE(history->KeepToken(digest, kept).has_value());
  EXPECT_FALSE(PageDoor::Open(*history).value()->KeyOf(token).has_value());
  EXPECT_TRUE(history->Tokens().value().empty());
}

TEST(PageDoor, ProvesThatItKnowsAToken) {
  const TempFolder folder;
  const auto history = History::Open(folder / "h").value();
  const auto opened = PageDoor::Open(*history).value();
  const PageDoor& door = *opened;
  const std::string token = *opened->Swap(opened->NewCode({.owner = "ann"}, 0), 0).value();
  const auto hash = [](std::string_view text) { return Sha256Hex(std::as_bytes(std::span(text))); };
  const std::string secret = hash(token), name = hash(secret);
  EXPECT_EQ(door.Prove(name, "n", "127.0.0.1:8012"),
            HmacSha256Hex(secret, "carat page 127.0.0.1:8012 n"));
  EXPECT_NE(door.Prove(name, "n", "127.0.0.1:8013"), door.Prove(name, "n", "127.0.0.1:8012"));
  EXPECT_EQ(door.Prove(secret, "n", "127.0.0.1:8012").size(), 64U);
  EXPECT_NE(door.Prove(secret, "n", "127.0.0.1:8012"), door.Prove(name, "n", "127.0.0.1:8012"));
}

TEST(Access, TakesTokensOfKeysThatAreThere) {
  std::string mark;
  const Access access({.page_key =
                           [&](std::string_view token) {
                             if (token == "page-1") return std::optional(PageKey{"me", mark});
                             if (token == "page-2") return std::optional(PageKey{"gone", mark});
                             return std::optional<PageKey>();
                           }},
                      {{.key = "a-key-of-one-who-asks", .name = "me"}});
  mark = access.Mark("me");
  const auto owner = [&](std::string_view shown) {
    net::RequestHead head{.method = "GET", .path = "/", .query = {}, .fields = {}};
    head.fields = {{"authorization", "Bearer " + std::string(shown)}};
    return access.Owner(head).value_or("nobody");
  };
  EXPECT_EQ(owner("page-1"), "me");
  EXPECT_EQ(owner("page-2"), "nobody");
  EXPECT_EQ(owner("page-3"), "nobody");
  mark = Access({}, {{.key = "another-key-of-one", .name = "me"}}).Mark("me");
  EXPECT_EQ(owner("page-1"), "nobody");
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
