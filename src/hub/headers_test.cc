#include "hub/headers.h"

#include <gtest/gtest.h>

#include <string>

#include "base/bytes.h"
#include "tests/support/errors.h"

namespace carat {
namespace {

const std::string kSha256(64, 'a');
const std::string kSha1(40, 'b');

HeaderFields Fields(std::initializer_list<std::string_view> lines) {
  HeaderFields fields;
  for (const std::string_view line : lines) EXPECT_TRUE(fields.AddLine(line));
  return fields;
}

TEST(HeaderFields, KeepsTheLastResponseAlone) {
  const HeaderFields fields = Fields({"HTTP/1.1 100 Continue\r\n", "X-Old: 1\r\n", "\r\n",
                                      "HTTP/1.1 200 OK\r\n", "ETag:  \"x\" \r\n", "etag: second",
                                      ": no name", "no colon\r\n", "Empty:\r\n", "\r\n"});
  EXPECT_EQ(fields.Find("etag"), "\"x\"");
  EXPECT_EQ(fields.Find("x-old"), "");
  EXPECT_EQ(fields.Find("empty"), "");
  EXPECT_EQ(fields.Find("etc"), "");
}

TEST(HeaderFields, IsBounded) {
  HeaderFields fields;
  const std::string line = "X: " + std::string(kMaxHeaderBytes / 2, 'x');
  EXPECT_TRUE(fields.AddLine(line));
  EXPECT_TRUE(fields.AddLine("HTTP/1.1 200 OK"));  // a new response does not begin a new count
  EXPECT_FALSE(fields.AddLine(line));
}

TEST(ParseEtag, TakesHashesAlone) {
  EXPECT_EQ(ParseEtag('"' + kSha256 + '"'), (FileHash{FileHash::Kind::kSha256, kSha256}));
  EXPECT_EQ(ParseEtag("W/\"" + kSha1 + '"'), (FileHash{FileHash::Kind::kGitBlob, kSha1}));
  EXPECT_EQ(ParseEtag(std::string(40, 'B')), (FileHash{FileHash::Kind::kGitBlob, kSha1}));
  for (const std::string& text : {std::string(), std::string("\""), std::string("W/"), kSha1 + "b",
                                  kSha256 + "-2", std::string(64, 'g'), '"' + kSha1}) {
    EXPECT_FALSE(ParseEtag(text).has_value()) << text;
  }
}

TEST(FileHash, GitsNameOfABlob) {
  // git hash-object of a file with "hello\n".
  Digest digest = FileHash{FileHash::Kind::kGitBlob, kSha1}.Begin(6);
  digest.Add(AsBytes("hello\n"));
  EXPECT_EQ(digest.Hex(), "ce013625030ba8dba906f756967f9e9ca394464a");
}

TEST(ParseLength, TakesDigitsAlone) {
  EXPECT_EQ(ParseLength("0"), 0u);
  EXPECT_EQ(ParseLength("9007199254740992"), uint64_t{1} << 53);
  for (const char* text :
       {"", "-1", "+1", " 1", "1 ", "1.0", "0x1", "9007199254740993", "99999999999999999999"}) {
    EXPECT_FALSE(ParseLength(text).has_value()) << text;
  }
}

TEST(ParseContentRange, IsStrict) {
  EXPECT_EQ(ParseContentRange("bytes 0-9/10"), (ContentRange{0, 9, 10}));
  for (const char* text : {"", "bytes", "bytes 0-9/*", "bytes */10", "bytes 5-4/10",
                           "bytes 0-10/10", "0-9/10", "bytes 0-9", "bytes -9/10", "bytes 0-/10",
                           "bytes=0-9/10", "bytes 9/10-0", "bytes 0-9/10/11", "bytes 0--9/10"}) {
    EXPECT_FALSE(ParseContentRange(text).has_value()) << text;
  }
}

TEST(ParseRetryAfter, TakesSecondsAndDates) {
  EXPECT_EQ(ParseRetryAfter("120", 0), 120.0);
  EXPECT_EQ(ParseRetryAfter("Thu, 01 Jan 1970 00:01:40 GMT", 60), 40.0);
  EXPECT_EQ(ParseRetryAfter("Thu, 01 Jan 1970 00:01:40 GMT", 600), 0.0);
  EXPECT_FALSE(ParseRetryAfter("", 0).has_value());
  EXPECT_FALSE(ParseRetryAfter("soon", 0).has_value());
  EXPECT_FALSE(ParseRetryAfter("-5", 0).has_value());
}

TEST(ReadFileFacts, PrefersWhatIsLinked) {
  const std::string commit = "X-Repo-Commit: " + std::string(40, 'c');
  const auto both =
      ReadFileFacts(Fields({commit, "X-Linked-Size: 7", "Content-Length: 9",
                            "X-Linked-Etag: \"" + kSha256 + '"', "ETag: \"" + kSha1 + '"'}),
                    true);
  ASSERT_TRUE(both.has_value());
  EXPECT_EQ(both->size, 7u);
  EXPECT_EQ(both->hash.hex, kSha256);
  const HeaderFields plain = Fields({commit, "Content-Length: 9", "ETag: \"" + kSha1 + '"'});
  EXPECT_EQ(ReadFileFacts(plain, true)->size, 9u);
  ExpectError(ReadFileFacts(plain, false), {"no usable size", "found none"});
  ExpectError(ReadFileFacts(Fields({"Content-Length: 9"}), true), "no usable commit");
  ExpectError(ReadFileFacts(Fields({"X-Repo-Commit: ../../x", "Content-Length: 9"}), true),
              {"no usable commit", "../../x"});
  ExpectError(ReadFileFacts(Fields({commit, "Content-Length: 9", "ETag: \"abc-2\""}), true),
              {"no usable hash", "abc-2"});
}

TEST(ServerText, CannotSteerATerminal) {
  EXPECT_EQ(ServerText("a\x1b[31m\nb\xff"), "\"a [31m b\xEF\xBF\xBD\"");
  EXPECT_LE(ServerText(std::string(10'000, 'x')).size(), 202u);
}

}  // namespace
}  // namespace carat
