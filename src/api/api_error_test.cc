#include "api/api_error.h"

#include <gtest/gtest.h>

namespace carat {
namespace {

TEST(ApiError, HasTheDialectsShape) {
  const ApiError error{.status = 400, .code = "invalid_value", .param = "n", .message = "Wrong."};
  EXPECT_EQ(BodyOf(error, Dialect::kOpenAi).Dump(),
            R"({"error": {"message": "Wrong.", "type": "invalid_request_error", "param": "n", )"
            R"("code": "invalid_value"}})");
  EXPECT_EQ(BodyOf(error, Dialect::kAnthropic, "req_1").Dump(),
            R"({"type": "error", "error": {"type": "invalid_request_error", "message": "Wrong."}, )"
            R"("request_id": "req_1"})");
}

TEST(ApiError, OverloadIs503Or529AndSaysWhenToComeBack) {
  const ApiError error = ToApiError({.code = ErrorCode::kBusy, .what = "too many wait"});
  EXPECT_EQ(ReplyOf(error, Dialect::kOpenAi).status, 503);
  const net::Reply reply = ReplyOf(error, Dialect::kAnthropic);
  EXPECT_EQ(reply.status, 529);
  ASSERT_EQ(reply.fields.size(), 1);
  EXPECT_EQ(reply.fields[0].first, "retry-after");
}

TEST(ApiError, NamesTheParameterAndTheCounts) {
  const ApiError error = ToApiError({.code = ErrorCode::kContextFull,
                                     .what = "the prompt does not fit the context",
                                     .where = "messages",
                                     .wanted = "at most 4096 tokens",
                                     .found = "5000 tokens"});
  EXPECT_EQ(error.status, 400);
  EXPECT_EQ(error.code, "context_length_exceeded");
  EXPECT_EQ(error.param, "messages");
  EXPECT_NE(error.message.find("4096"), std::string::npos);
  EXPECT_NE(error.message.find("5000"), std::string::npos);
}

// CVE-2026-22778 and its like: what goes wrong inside says nothing of the machine.
TEST(ApiError, TellsNothingOfTheMachine) {
  const Error errors[] = {
      {.code = ErrorCode::kIo, .what = "cannot open /home/me/model.gguf", .where = "/home/me"},
      {.code = ErrorCode::kInvalid, .what = "bad picture", .where = "/var/tmp/x.png"},
      {.what = "cannot read \"/srv/data\"", .where = "messages[0].content[1]"},
      {.what = "decoder died at 0x7ffdeadbeef", .where = "messages[0]"},
      {.code = ErrorCode::kNotFound, .what = "no file", .where = "/models/secret"},
  };
  for (const Error& error : errors) {
    const std::string text = ReplyOf(ToApiError(error), Dialect::kOpenAi).body;
    for (const char* const secret : {"/home", "/var", "/srv", "0x7f", "/models"}) {
      EXPECT_EQ(text.find(secret), std::string::npos) << text;
    }
  }
  EXPECT_EQ(ToApiError(errors[2]).param, "messages[0].content[1]");
  // What a lower room put behind the place in the request is its own.
  EXPECT_EQ(ToApiError({.what = "x", .where = "messages[0].content, byte 7"}).param,
            "messages[0].content");
  EXPECT_FALSE(TellsOfTheMachine("12 tokens/s, application/json and 3 / 4"));
  EXPECT_TRUE(TellsOfTheMachine("not used: ~/x.gguf"));
}

}  // namespace
}  // namespace carat
