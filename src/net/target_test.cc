#include "net/target.h"

#include <gtest/gtest.h>

#include "tests/support/errors.h"

namespace carat::net {
namespace {

Target Good(std::string_view text, std::string_view method = "GET") {
  const auto target = ParseTarget(method, text);
  EXPECT_TRUE(target.has_value()) << text << ": " << target.error().Message();
  return target.value_or(Target{});
}

TEST(Target, IsDecodedAndNormal) {
  EXPECT_EQ(Good("/").path, "/");
  EXPECT_EQ(Good("/v1/chat").path, "/v1/chat");
  EXPECT_EQ(Good("/a%20b%C3%A4").path, "/a b\xC3\xA4");
  EXPECT_EQ(Good("//v1///chat/").path, "/v1/chat/");
  EXPECT_EQ(Good("/a..b/...").path, "/a..b/...");
  const Target both = Good("/a?b=%00%2F../&c?d");
  EXPECT_EQ(both.path, "/a");
  EXPECT_EQ(both.query, "b=%00%2F../&c?d");
  EXPECT_EQ(Good("/a%3Fb").path, "/a?b");
}

TEST(Target, MayBeAbsolute) {
  const Target target = Good("http://Host:80/a?b");
  EXPECT_EQ(target.authority, "Host:80");
  EXPECT_EQ(target.path, "/a");
  EXPECT_EQ(target.query, "b");
  EXPECT_EQ(Good("HTTPS://[::1]:80").path, "/");
  EXPECT_EQ(Good("http://h?q").query, "q");
  EXPECT_EQ(Good("*", "OPTIONS").path, "*");
}

TEST(Target, WhatHasTwoReadingsIsRefused) {
  for (const std::string_view text :
       {"",          "a",           "*",     "?a",        "h:80",    "ftp://h/",  "http://",
        "http:///a", "http://a@b/", "/%",    "/%4",       "/%4g",    "/%2f",      "/%2F",
        "/%5C",      "/\\",         "/%00",  "/%0a",      "/%7f",    "/%C2%85",   "/%ff",
        "/%C3",      "/..",         "/../a", "/a/..",     "/a/../b", "/%2e%2E/a", "/.",
        "/./a",      "/a#b",        "/a b",  "/\xC3\xA4", "/a?b c",  "/a?\x01",   "/%E2%80%AE"})
    EXPECT_FALSE(ParseTarget("GET", text).has_value()) << text;
  ExpectError(ParseTarget("GET", "/%2e./"), "segment");
}

}  // namespace
}  // namespace carat::net
