#include "api/anthropic/messages_writer.h"

#include <gtest/gtest.h>

#include "tests/support/answer_script.h"
#include "tests/support/tight_json.h"

namespace carat {
namespace {

struct Outcome {
  std::vector<std::string> lines;  // without `carat`
  Json whole = {};
  int status = 0;
};

Outcome Wrote(const std::vector<AnswerEvent>& events, bool omit = false) {
  Answer answer(1, 1000, {});
  answer.SetUsage({.prompt = 10, .cached = 4, .generated = 6, .thinking = 2});
  answer.SetError({.code = ErrorCode::kBusy, .what = "too much"});
  MessagesWriter writer(
      {.id = "msg_X", .model = "carat", .request_id = "req_1", .omit_thinking = omit});
  Outcome outcome;
  for (const StreamPiece& piece : Written(writer, answer, events)) {
    Json json = *ParseJson(piece.data);
    EXPECT_EQ(json.Find("type")->string(), piece.event);
    std::erase_if(json.object(),
                  [](const Json::Member& member) { return member.first == "carat"; });
    outcome.lines.push_back(Tight(json.Dump()));
  }
  const net::Reply whole = writer.Whole(answer);
  outcome.whole = *ParseJson(whole.body);
  outcome.status = whole.status;
  return outcome;
}

TEST(MessagesWriter, StreamsAThoughtATextAndACall) {
  Json input;
  input.Set("city", "Bern");
  const Outcome outcome = Wrote(Script({Said(Kind::kThinking, "H"), Said(Kind::kThinking, "m"),
                                        Said(Kind::kText, "Hi"), Called("weather", input)},
                                       AnswerEnd::kToolCalls));
  const std::vector<std::string> wanted = {
      R"({"type":"message_start","message":{"id":"msg_X","type":"message","role":"assistant","model":"carat","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":6,"cache_creation_input_tokens":0,"cache_read_input_tokens":4,"output_tokens":0}}})",
      R"({"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}})",
      R"({"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"H"}})",
      R"({"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"m"}})",
      R"({"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"carat-…"}})",
      R"({"type":"content_block_stop","index":0})",
      R"({"type":"content_block_start","index":1,"content_block":{"type":"text","text":"","citations":null}})",
      R"({"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Hi"}})",
      R"({"type":"content_block_stop","index":1})",
      R"({"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"toolu_X_2","name":"weather","input":{}}})",
      R"({"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"city\":\"Bern\"}"}})",
      R"({"type":"content_block_stop","index":2})",
      R"({"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":6,"cache_creation_input_tokens":0,"cache_read_input_tokens":4,"output_tokens":6,"output_tokens_details":{"thinking_tokens":2}}})",
      R"({"type":"message_stop"})"};
  ASSERT_EQ(outcome.lines.size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (i == 4) continue;  // a hash
    EXPECT_EQ(outcome.lines[i], wanted[i]);
  }
  EXPECT_TRUE(outcome.lines[4].contains(R"("signature":"carat-)"));
  const Json::Array& content = outcome.whole.Find("content")->array();
  ASSERT_EQ(content.size(), 3U);
  EXPECT_EQ(content[0].Find("thinking")->string(), "Hm");
  EXPECT_EQ(Tight(content[2].Dump()),
            R"({"type":"tool_use","id":"toolu_X_2","name":"weather","input":{"city":"Bern"}})");
}

TEST(MessagesWriter, KeepsAnOmittedThoughtInItsSignature) {
  const Outcome outcome =
      Wrote(Script({Said(Kind::kThinking, "Hm"), Said(Kind::kText, "x")}, AnswerEnd::kStop), true);
  EXPECT_EQ(Tight(outcome.whole.Find("content")->array()[0].Dump()),
            R"({"type":"thinking","thinking":"","signature":"carat-thought:SG0="})");
  EXPECT_TRUE(outcome.lines[2].contains("signature_delta"));
}

TEST(MessagesWriter, SaysWhyItEnded) {
  const std::pair<AnswerEnd, std::string> cases[] = {
      {AnswerEnd::kStop, "end_turn"},
      {AnswerEnd::kToolCalls, "tool_use"},
      {AnswerEnd::kMaxTokens, "max_tokens"},
      {AnswerEnd::kRepetition, "max_tokens"},
      {AnswerEnd::kContextFull, "model_context_window_exceeded"},
      {AnswerEnd::kCancelled, "max_tokens"},
  };
  for (const auto& [end, wanted] : cases) {
    const Outcome outcome = Wrote(Script({Said(Kind::kText, "x")}, end));
    EXPECT_EQ(outcome.whole.Find("stop_reason")->string(), wanted);
  }
  const Outcome stopped = Wrote(Script({Said(Kind::kText, "x")}, AnswerEnd::kStopString, "END"));
  EXPECT_EQ(stopped.whole.Find("stop_reason")->string(), "stop_sequence");
  EXPECT_EQ(stopped.whole.Find("stop_sequence")->string(), "END");
  const Outcome cut = Wrote(Script({Said(Kind::kCutCall)}, AnswerEnd::kMaxTokens));
  EXPECT_TRUE(cut.whole.Find("content")->array().empty());
  EXPECT_NE(cut.whole.Find("carat")->Find("message")->string().find("tool call"),
            std::string::npos);
  const Outcome empty = Wrote(Script({Said(Kind::kThinking, "x")}, AnswerEnd::kStop));
  EXPECT_TRUE(empty.whole.Find("carat")->Find("message") != nullptr);
}

TEST(MessagesWriter, HasTheDialectsError) {
  const Outcome outcome = Wrote(Script({Said(Kind::kText, "x")}, AnswerEnd::kFailed));
  EXPECT_EQ(outcome.status, 529);
  EXPECT_EQ(outcome.whole.Find("error")->Find("type")->string(), "overloaded_error");
  EXPECT_TRUE(
      outcome.lines.back().starts_with(R"({"type":"error","error":{"type":"overloaded_error")"));
  EXPECT_TRUE(outcome.lines.back().ends_with(R"("request_id":"req_1"})"));
}

TEST(MessagesWriter, TellsOfProgressInPings) {
  const AnswerEvent prefill{.kind = Kind::kPrefill, .done = 3, .total = 7};
  Answer answer(1, 1000, {});
  MessagesWriter writer({.id = "msg_X"});
  const auto pieces = Written(writer, answer, {prefill});
  ASSERT_EQ(pieces.size(), 1U);
  EXPECT_EQ(Tight(pieces[0].data), R"({"type":"ping","carat":{"prefill":{"done":3,"total":7}}})");
  EXPECT_FALSE(writer.Ping().has_value());  // a message begins with message_start
  Written(writer, answer, {Said(Kind::kStarted), Said(Kind::kText, "x")});
  EXPECT_EQ(Tight(writer.Ping()->data), R"({"type":"ping"})");
}

}  // namespace
}  // namespace carat
