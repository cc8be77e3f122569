#include "api/access.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/temp_folder.h"

namespace carat {
namespace {

constexpr const char* kKey = "carat-0123456789abcdef";

net::RequestHead Head(net::Fields fields, std::string method = "GET") {
  return {
      .method = std::move(method), .path = "/v1/models", .query = {}, .fields = std::move(fields)};
}

Access OneKey(AccessKey key = {.key = kKey, .name = "me"}) { return Access({}, {std::move(key)}); }

TEST(Keys, AreMadeOnceAndReadAgain) {
  const TempFolder folder;
  const std::filesystem::path path = folder.path() / "keys";
  ASSERT_VALUE(const auto made, LoadKeys(path));
  ASSERT_EQ(made.size(), 1);
  EXPECT_EQ(made[0].name, "default");
  EXPECT_EQ(made[0].key.size(), 6 + 43);
  EXPECT_TRUE(made[0].key.starts_with("carat-"));
  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600);
  ASSERT_VALUE(const auto again, LoadKeys(path));
  EXPECT_EQ(again[0].key, made[0].key);
  ASSERT_VALUE(const auto other, LoadKeys(folder.path() / "other"));
  EXPECT_NE(other[0].key, made[0].key);
}

TEST(Keys, AreRefusedWhereOthersMayReadThem) {
  const TempFolder folder;
  const std::filesystem::path path = folder.path() / "keys";
  ASSERT_VALUE(const auto made, LoadKeys(path));
  for (const mode_t mode : {0644, 0660, 0604, 0700}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    ExpectError(LoadKeys(path), {"mode 0600", path.string()});
  }
  ASSERT_EQ(::chmod(path.c_str(), 0400), 0);
  ASSERT_OK(LoadKeys(path));
}

TEST(Keys, HaveNamesAndLimits) {
  ASSERT_VALUE(const auto keys, ParseKeys("# of the house\n\n  carat-0123456789abcdef name=a\r\n"
                                          "another-key-of-mine name=b waiting=2 per_minute=30",
                                          "keys"));
  ASSERT_EQ(keys.size(), 2);
  EXPECT_EQ(keys[0].name, "a");
  EXPECT_EQ(keys[1].waiting, 2);
  EXPECT_EQ(keys[1].per_minute, 30);
}

TEST(Keys, SayWhichLineIsWrongAndNoKey) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "no key"},
      {"short name=a", "not a key"},
      {"carat-0123456789abcdef", "without a name"},
      {"carat-0123456789abcdef name=local", "wrong name"},
      {"carat-0123456789abcdef name=a/b", "wrong name"},
      {"carat-0123456789abcdef name=a waiting=-1", "wrong limit"},
      {"carat-0123456789abcdef name=a waiting=0", "wrong limit"},
      {"carat-0123456789abcdef name=a per_minute=99999999999999999999", "wrong limit"},
      {"carat-0123456789abcdef name=a secret-secret-secret", "unknown setting"},
      {"carat-0123456789abcdef name=a\ncarat-0123456789abcdeF name=a", "line 2"},
      {"carat-0123456789abcdef name=a\ncarat-0123456789abcdef name=b", "a key twice"},
  };
  for (const auto& [text, wanted] : cases) {
    const auto keys = ParseKeys(text, "keys");
    ExpectError(keys, {"keys", wanted});
    if (keys) continue;
    EXPECT_EQ(keys.error().Message().find("0123456789"), std::string::npos);
    EXPECT_EQ(keys.error().Message().find("secret"), std::string::npos);
  }
}

TEST(Access, KnowsOwnersByTheirKeys) {
  const Access access({},
                      {{.key = kKey, .name = "a"}, {.key = "another-key-of-mine", .name = "b"}});
  EXPECT_EQ(access.Owner(Head({{"authorization", "Bearer carat-0123456789abcdef"}})).value(), "a");
  EXPECT_EQ(access.Owner(Head({{"authorization", "bearer  another-key-of-mine"}})).value(), "b");
  EXPECT_EQ(access.Owner(Head({{"x-api-key", "another-key-of-mine"}})).value(), "b");
  for (const net::Fields& fields : std::vector<net::Fields>{
           {},
           {{"authorization", ""}},
           {{"authorization", "Bearer "}},
           {{"authorization", "Bearer carat-0123456789abcde"}},
           {{"authorization", "Bearer carat-0123456789abcdefg"}},
           {{"authorization", "Basic carat-0123456789abcdef"}},
           {{"authorization", kKey}},
           {{"x-api-key", ""}},
           {{"authorization", "Bearer wrong"}, {"x-api-key", kKey}},
           {{"x-api-key", kKey}, {"x-api-key", kKey}},
       }) {
    const auto owner = access.Owner(Head(fields));
    ASSERT_FALSE(owner.has_value());
    EXPECT_EQ(owner.error().status, 401);
    EXPECT_EQ(owner.error().code, "invalid_api_key");
  }
  const Access open({.ask_for_key = false}, {});
  EXPECT_EQ(open.Owner(Head({})).value(), "local");
}

// DNS rebinding: the attacker's name leads here, but the Host still says it.
TEST(Access, AnswersToItsOwnNamesOnly) {
  const Access access({.hosts = {"Box.lan"}}, {{.key = kKey, .name = "a"}});
  for (const char* const host :
       {"localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]", "[::1]:65535", "box.lan:8080"}) {
    EXPECT_FALSE(access.CheckOrigin(Head({{"host", host}}))) << host;
  }
  for (const char* const host :
       {"", "evil.example", "evil.example:8080", "localhost.evil.example", "localhost:80:80",
        "localhost:", "localhost:x", "127.0.0.1.evil.example", "0.0.0.0", "[::1", "[::1]x:80",
        "::1", "localhost@evil.example", "127.1", "localhost.", "user@localhost"}) {
    const auto refused = access.CheckOrigin(Head({{"host", host}}));
    ASSERT_TRUE(refused) << host;
    EXPECT_EQ(refused->status, 403);
  }
  EXPECT_TRUE(access.CheckOrigin(Head({})));
  EXPECT_TRUE(access.CheckOrigin(Head({{"host", "localhost"}, {"host", "localhost"}})));
}

// llama.cpp #25606: any Origin was answered, with credentials.
TEST(Access, TakesNoOtherOrigin) {
  const Access access = OneKey();
  const auto check = [&](net::Fields fields, std::string method = "POST") {
    fields.emplace_back("host", "localhost:8080");
    return access.CheckOrigin(Head(std::move(fields), std::move(method))).has_value();
  };
  EXPECT_FALSE(check({}));
  EXPECT_FALSE(check({{"origin", "http://localhost:8080"}}));
  EXPECT_FALSE(check({{"origin", "https://LOCALHOST:8080"}}));  // behind a proxy that ends TLS
  EXPECT_FALSE(check({{"sec-fetch-site", "same-origin"}}));
  EXPECT_FALSE(check({{"sec-fetch-site", "none"}}));
  for (const char* const origin :
       {"null", "", "http://evil.example", "http://localhost", "http://localhost:3000",
        "http://127.0.0.1:8080", "file://", "chrome-extension://x", "http://localhost:8080/",
        "http://localhost:8080.evil.example", "localhost:8080"}) {
    EXPECT_TRUE(check({{"origin", origin}})) << origin;
  }
  EXPECT_TRUE(check({{"origin", "http://localhost:8080"}, {"origin", "http://evil.example"}}));
  for (const char* const site : {"cross-site", "same-site", "", "x"}) {
    EXPECT_TRUE(check({{"sec-fetch-site", site}})) << site;
  }
  EXPECT_TRUE(check({{"origin", "http://localhost:8080"}}, "OPTIONS"));
}

TEST(Access, CountsRequestsOfAMinute) {
  Access access = OneKey({.key = kKey, .name = "me", .per_minute = 2});
  EXPECT_FALSE(access.Count("me", 100));
  EXPECT_FALSE(access.Count("me", 100));
  const auto full = access.Count("me", 100);
  ASSERT_TRUE(full);
  EXPECT_EQ(full->status, 429);
  EXPECT_EQ(full->retry_after_s, 30);
  EXPECT_TRUE(access.Count("me", 129));
  EXPECT_FALSE(access.Count("me", 131));
  EXPECT_TRUE(access.Count("me", 131));
}

TEST(Access, BoundsRequestsAtOneTime) {
  Access access = OneKey({.key = kKey, .name = "me", .waiting = 1});
  {
    const auto first = access.Enter("me");
    ASSERT_TRUE(first.has_value());
    const auto second = access.Enter("me");
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().status, 429);
    EXPECT_GT(second.error().retry_after_s, 0);
  }
  EXPECT_TRUE(access.Enter("me").has_value());
}

// The file that `carat page` makes leads there from another site.
TEST(Access, LetsPagesBeGoneToButNotUsed) {
  const Access access({.ask_for_key = false}, {});
  const auto allowed = [&](const char* mode, const char* dest, bool page) {
    net::RequestHead head{.method = "GET", .path = "/", .query = {}, .fields = {}};
    head.fields = {{"host", "127.0.0.1:8012"},
                   {"sec-fetch-site", "cross-site"},
                   {"sec-fetch-mode", mode},
                   {"sec-fetch-dest", dest}};
    return !access.CheckOrigin(head, page).has_value();
  };
  EXPECT_TRUE(allowed("navigate", "document", true));
  EXPECT_FALSE(allowed("navigate", "document", false));
  EXPECT_FALSE(allowed("navigate", "iframe", true));
  EXPECT_FALSE(allowed("no-cors", "script", true));
}

}  // namespace
}  // namespace carat
