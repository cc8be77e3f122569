#include "net/request_parser.h"

#include <gtest/gtest.h>

#include <string>

namespace carat::net {
namespace {

using State = RequestParser::State;

const Limits kLimits;

// Fed whole, and byte by byte, which must not make a difference.
struct Parsed {
  State state = State::kHead;
  RequestParser::Refusal refusal;
  RequestHead head;
  std::string body, rest;
  bool keep_alive = false;
};
Parsed ParseBy(std::string_view text, size_t step, size_t most_bytes) {
  RequestParser parser(kLimits);
  std::string_view rest;
  while (!text.empty() && parser.state() != State::kDone && parser.state() != State::kRefused) {
    rest = text.substr(0, step);
    text.remove_prefix(rest.size());
    do {
      if (parser.Put(rest) == State::kAdmit) parser.ReadBody(most_bytes);
    } while (!rest.empty() && (parser.state() == State::kHead || parser.state() == State::kBody));
  }
  return {.state = parser.state(),
          .refusal = parser.refusal(),
          .head = parser.head(),
          .body = parser.body(),
          .rest = std::string(rest) + std::string(text),
          .keep_alive = parser.keep_alive()};
}
Parsed Parse(std::string_view text, size_t most_bytes = 1000) {
  const Parsed whole = ParseBy(text, text.size(), most_bytes);
  const Parsed bytes = ParseBy(text, 1, most_bytes);
  EXPECT_EQ(whole.state, bytes.state) << text;
  EXPECT_EQ(whole.refusal.status, bytes.refusal.status) << text;
  EXPECT_EQ(whole.refusal.what, bytes.refusal.what) << text;
  if (whole.state == State::kDone) {
    EXPECT_EQ(whole.body, bytes.body) << text;
    EXPECT_EQ(whole.rest, bytes.rest) << text;
    EXPECT_EQ(whole.head.fields, bytes.head.fields) << text;
  }
  return whole;
}
void ExpectRefusal(std::string_view text, int status, std::string_view what = "") {
  const Parsed parsed = Parse(text);
  EXPECT_EQ(parsed.state, State::kRefused) << text;
  EXPECT_EQ(parsed.refusal.status, status) << text << ": " << parsed.refusal.what;
  EXPECT_NE(parsed.refusal.what.find(what), std::string::npos) << text << parsed.refusal.what;
}
std::string Get(std::string_view fields) {
  return "GET / HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n";
}

TEST(RequestParser, ReadsAHead) {
  const Parsed parsed =
      Parse("GET /a%20b?c=d HTTP/1.1\r\nHost: h:1\r\nX-Y:  z \t\r\nEmpty:\r\nx-y: 2\r\n\r\nnext");
  ASSERT_EQ(parsed.state, State::kDone) << parsed.refusal.what;
  EXPECT_EQ(parsed.head.method, "GET");
  EXPECT_EQ(parsed.head.path, "/a b");
  EXPECT_EQ(parsed.head.query, "c=d");
  EXPECT_EQ(parsed.head.fields,
            (Fields{{"host", "h:1"}, {"x-y", "z"}, {"empty", ""}, {"x-y", "2"}}));
  EXPECT_EQ(parsed.head.Field("host"), "h:1");
  EXPECT_EQ(parsed.head.Field("x-y"), std::nullopt) << "there are two";
  EXPECT_EQ(parsed.head.Field("none"), std::nullopt);
  EXPECT_EQ(parsed.rest, "next");
}

TEST(RequestParser, KeepsConnectionsAsTheClientWishes) {
  EXPECT_TRUE(Parse(Get("")).keep_alive);
  EXPECT_FALSE(Parse(Get("Connection: close\r\n")).keep_alive);
  EXPECT_FALSE(Parse("GET / HTTP/1.0\r\n\r\n").keep_alive);
  EXPECT_TRUE(Parse("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
}

TEST(RequestParser, ReadsBodies) {
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  EXPECT_EQ(Parse(Get("Content-Length: 5\r\n") + "hello!").body, "hello");
  EXPECT_EQ(Parse(Get("Content-Length: 0\r\n") + "!").rest, "!");
  const Parsed parsed =
      Parse(Get(chunked) + "5;a=b\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nHost: x\r\n\r\n!");
  ASSERT_EQ(parsed.state, State::kDone) << parsed.refusal.what;
  EXPECT_EQ(parsed.body, "hello world");
  EXPECT_EQ(parsed.rest, "!");
  EXPECT_EQ(parsed.head.Field("host"), "h") << "trailers count for nothing";
  EXPECT_EQ(Parse(Get("Transfer-Encoding: CHUNKED\r\n") + "0\r\n\r\n").state, State::kDone);
}

TEST(RequestParser, BodiesHaveALimit) {
  const std::string chunked = Get("Transfer-Encoding: chunked\r\n");
  EXPECT_EQ(Parse(Get("Content-Length: 10\r\n") + "0123456789", 10).state, State::kDone);
  EXPECT_EQ(Parse(Get("Content-Length: 11\r\n"), 10).refusal.status, 413);
  EXPECT_EQ(Parse(chunked + "a\r\n0123456789\r\n0\r\n\r\n", 10).state, State::kDone);
  EXPECT_EQ(Parse(chunked + "b\r\n01234567890\r\n0\r\n\r\n", 10).refusal.status, 413);
  EXPECT_EQ(Parse(chunked + "8\r\n01234567\r\n8\r\n01234567\r\n", 10).refusal.status, 413);
  EXPECT_EQ(Parse(chunked + "ffffffffffffffff\r\n01234567890", 10).refusal.status, 413);
}

TEST(RequestParser, HeadsHaveALimit) {
  ExpectRefusal(Get("A: " + std::string(kLimits.head_bytes, 'a') + "\r\n"), 431);
  std::string fields;
  for (size_t i = 1; i < kLimits.head_fields; ++i) fields += "a: b\r\n";
  EXPECT_EQ(Parse(Get(fields)).state, State::kDone);
  ExpectRefusal(Get(fields + "a: b\r\n"), 431, "fields");
}

TEST(RequestParser, AmbiguousFramingIsRefused) {
  for (const std::string_view fields :
       {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 5\r\n", "Content-Length: +5\r\n", "Content-Length: -5\r\n",
        "Content-Length: 0x5\r\n", "Content-Length: 5 5\r\n", "Content-Length:\r\n",
        "Content-Length: 99999999999999999999999\r\n", "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: identity\r\n", "Transfer-Encoding: \vchunked\r\n",
        "Transfer-Encoding:\r\n"})
    ExpectRefusal(Get(fields), 400);
  ExpectRefusal("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
}

TEST(RequestParser, MalformedHeadsAreRefused) {
  for (const std::string& text : {Get("A: b\r\n c\r\n"),
                                  Get("A: b\r\n\tc\r\n"),
                                  Get("A : b\r\n"),
                                  Get(": b\r\n"),
                                  Get("A b\r\n"),
                                  Get("A\x80: b\r\n"),
                                  Get(std::string("A: b\0c\r\n", 8)),
                                  Get("A: b\x01\r\n"),
                                  Get("A: b\x7f\r\n"),
                                  Get("A: b\rc\r\n"),
                                  Get("A: b\n"),
                                  Get("Host: h\r\n"),
                                  Get("Host: other\r\n"),
                                  std::string("GET / HTTP/1.1\r\n\r\n"),
                                  std::string("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
                                  std::string("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"),
                                  std::string("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
                                  std::string("GET / HTTP/1.1\n"),
                                  std::string("GET /\r\n\r\n"),
                                  std::string("GET  / HTTP/1.1\r\nHost: h\r\n\r\n"),
                                  std::string("G@T / HTTP/1.1\r\nHost: h\r\n\r\n"),
                                  std::string("GET /../a HTTP/1.1\r\nHost: h\r\n\r\n"),
                                  std::string("CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n"),
                                  std::string("\x16\x03\x01\x02"),
                                  std::string("\r\n\r\n\r\n\r\n\r\n\r\n")})
    ExpectRefusal(text, 400);
}

TEST(RequestParser, OtherVersionsAreRefused) {
  ExpectRefusal("PRI * HTTP/2.0\r\n\r\n", 505);
  ExpectRefusal("GET / HTTP/1.2\r\nHost: h\r\n\r\n", 505);
  ExpectRefusal("GET / HTTP/1.1 \r\nHost: h\r\n\r\n", 505);
  ExpectRefusal("GET / HTTP/0.9\r\nHost: h\r\n\r\n", 505);
}

TEST(RequestParser, MalformedChunksAreRefused) {
  const std::string head = Get("Transfer-Encoding: chunked\r\n");
  for (const std::string_view body :
       {"x\r\n", "\r\n", "-1\r\n", "0x5\r\n", "5\r\nhelloX\r\n", "5\nhello\n", "5 5\r\n",
        "10000000000000000\r\n", "5\r\nhello5\r\n"})
    ExpectRefusal(head + std::string(body) + "\r\n0\r\n\r\n", 400);
  ExpectRefusal(head + "5;" + std::string(2 * kLimits.chunk_line_bytes, 'a'), 400, "line");
  std::string trailers = "0\r\n";
  while (trailers.size() < 2 * kLimits.chunk_line_bytes) trailers += "a: b\r\n";
  ExpectRefusal(head + trailers, 400, "line");
}

TEST(RequestParser, AnAbsoluteTargetNamesTheHost) {
  const Parsed parsed = Parse("GET http://real:1/a HTTP/1.1\r\nHost: other\r\n\r\n");
  ASSERT_EQ(parsed.state, State::kDone);
  EXPECT_EQ(parsed.head.path, "/a");
  EXPECT_EQ(parsed.head.Field("host"), "real:1");
}

TEST(RequestParser, AnEmptyLineBeforeIsForgiven) {
  EXPECT_EQ(Parse("\r\n" + Get("")).state, State::kDone);
}

}  // namespace
}  // namespace carat::net
