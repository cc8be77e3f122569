#include "hub/url.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/errors.h"
#include "tests/support/files.h"

namespace carat {
namespace {

TEST(ParseUrl, TakesPlainAddressesApart) {
  ASSERT_VALUE(const Url url, ParseUrl("HTTPS://Hub.Example:8443/a/b?c=%2F..#part"));
  EXPECT_EQ(url.scheme, "https");
  EXPECT_EQ(url.host, "hub.example");
  EXPECT_EQ(url.port, 8443);
  EXPECT_EQ(url.path, "/a/b?c=%2F..");
  EXPECT_EQ(url.Origin(), "https://hub.example:8443");
  EXPECT_EQ(ParseUrl("https://x.y?q").value().Text(), "https://x.y/?q");
  EXPECT_EQ(ParseUrl("https://x:443/").value().Text(), "https://x/");
  EXPECT_EQ(ParseUrl("https://[2001:DB8::1]:1/").value().Text(), "https://[2001:db8::1]:1/");
}

TEST(ParseUrl, PlainHttpIsForThisMachine) {
  for (const char* text : {"http://localhost:1", "http://127.0.0.1/x", "http://127.255.1.2:80",
                           "http://[::1]:8000/", "http://LOCALHOST"}) {
    EXPECT_TRUE(ParseUrl(text).has_value()) << text;
  }
  for (const char* text :
       {"http://huggingface.co", "http://127.0.0.1.evil.example", "http://localhost.evil.example",
        "http://1270.0.0.1", "http://127.0.0.256", "http://127.1", "http://127.0.0.01",
        "http://0x7f.0.0.1", "http://2130706433", "http://[::2]", "http://10.0.0.1",
        "http://127.0.0.1.", "http://127..0.0.1"}) {
    ExpectError(ParseUrl(text), "not encrypted");
  }
}

TEST(ParseUrl, RefusesTheRest) {
  for (const char* text : {"", "https:", "ftp://x/", "file:///etc/passwd", "//x/", "x.y/z",
                           "javascript:alert(1)", "gopher://127.0.0.1/", " https://x/"}) {
    ExpectError(ParseUrl(text), "the address is not https");
  }
  ExpectError(ParseUrl("https://user:secret@x/"), "user name or a password");
  ExpectError(ParseUrl("https://x@y"), "user name or a password");
  for (const char* text : {"https://", "https:///x", "https://?x", "https://-x/", "https://x_y/",
                           "https://a b/", "https://[::1/", "https://[]/", "https://[::g]/",
                           "https://\xc3\xa4/", "https://x%2e/", "https://x\\y/"}) {
    ExpectError(ParseUrl(text), "no proper host");
  }
  for (const char* text :
       {"https://x:0/", "https://x:/", "https://x:65536/", "https://x:1a/", "https://[::1]x/"}) {
    ExpectError(ParseUrl(text), "bad port");
  }
  for (const char* text : {"https://x/a b", "https://x/\r\nEvil: 1", "https://x/\x7f",
                           "https://x/\xc3\xa4", "https://x/a\\b", "https://x/<"}) {
    ExpectError(ParseUrl(text), "no address may hold");
  }
  ExpectError(ParseUrl("https://x/" + std::string(kMaxUrlBytes, 'a')), "too long");
}

TEST(FollowLocation, IsRelativeOrAbsolute) {
  const Url from = ParseUrl("https://hub.example/a/b?q").value();
  const auto to = [&](std::string_view location) { return FollowLocation(from, location)->Text(); };
  EXPECT_EQ(to("/x?y#z"), "https://hub.example/x?y");
  EXPECT_EQ(to("x"), "https://hub.example/a/x");
  EXPECT_EQ(to("?x"), "https://hub.example/a/b?x");
  EXPECT_EQ(to("//other.example/x"), "https://other.example/x");
  EXPECT_EQ(to("https://other.example"), "https://other.example/");
  EXPECT_EQ(to("/x:y"), "https://hub.example/x:y");
}

TEST(FollowLocation, RefusesToLeaveHttps) {
  const Url from = ParseUrl("https://hub.example/a").value();
  ExpectError(FollowLocation(from, ""), "says no address");
  ExpectError(FollowLocation(from, "#x"), "says no address");
  ExpectError(FollowLocation(from, "file:///etc/passwd"), "not https");
  ExpectError(FollowLocation(from, "data:text/plain,x"), "not https");
  ExpectError(FollowLocation(from, "http://cdn.example/"), "not encrypted");
  // A stranger's redirect does not lead to this machine's services.
  ExpectError(FollowLocation(from, "http://127.0.0.1:631/"), "from https to http");
  ExpectError(FollowLocation(from, "http://localhost/"), "from https to http");
}

TEST(ParseEndpoint, MayCarryAPath) {
  EXPECT_EQ(ParseEndpoint("https://huggingface.co")->path, "");
  EXPECT_EQ(ParseEndpoint("https://proxy.example/hf//")->path, "/hf");
  ExpectError(ParseEndpoint("https://x/?a=b"), "no query");
}

TEST(Names, FollowFixedPatterns) {
  const std::string long_name(201, 'a');
  ASSERT_OK(CheckRepository("google/gemma-4-12B-it_x.y"));
  ASSERT_OK(CheckRemoteFile("model-Q4_K_M.gguf"));
  ASSERT_OK(CheckRemoteFile("MTP/mtp-x.gguf"));
  ASSERT_OK(CheckRevision("main"));
  ASSERT_OK(CheckRevision(std::string(40, 'a')));
  ASSERT_OK(CheckCommit(std::string(40, 'a')));
  for (const std::string& text :
       {std::string(""),       std::string(".."),          std::string("../x"),
        std::string("x/.."),   std::string("/etc/passwd"), std::string("a//b"),
        std::string("a/b/c"),  std::string(".x"),          std::string("a/.x"),
        std::string("a\\b"),   std::string("a\nb"),        std::string("a\0b", 3),
        std::string("%2e%2e"), std::string("a b"),         std::string("a?b"),
        std::string("a#b"),    std::string("a:b"),         std::string("\xc3\xa4"),
        std::string("~a"),     std::string("a/"),          long_name}) {
    EXPECT_FALSE(CheckRemoteFile(text).has_value()) << text;
    EXPECT_FALSE(CheckRepository(text).has_value()) << text;
    EXPECT_FALSE(CheckRevision(text).has_value()) << text;
    EXPECT_FALSE(CheckCommit(text).has_value()) << text;
  }
  EXPECT_FALSE(CheckRepository("gemma").has_value());
  EXPECT_FALSE(CheckRevision("refs/pr/1").has_value());
  EXPECT_FALSE(CheckCommit(std::string(40, 'A')).has_value());
  EXPECT_FALSE(CheckCommit(std::string(39, 'a')).has_value());
  ExpectError(CheckRemoteFile("../x"), {"this is no folder's name", "no leading dot", "\"..\""});
}

}  // namespace
}  // namespace carat
