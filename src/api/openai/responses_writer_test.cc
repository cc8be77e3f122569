#include "api/openai/responses_writer.h"

#include <gtest/gtest.h>

#include "tests/support/answer_script.h"
#include "tests/support/tight_json.h"

namespace carat {
namespace {

ResponseFrame Frame() {
  ResponseFrame frame{.id = "resp_X", .model = "carat"};
  frame.echo.Set("parallel_tool_calls", true);
  return frame;
}

// "type …" of each piece without its type, number and response.
std::vector<std::string> Short(const std::vector<StreamPiece>& pieces) {
  std::vector<std::string> lines;
  for (size_t i = 0; i < pieces.size(); ++i) {
    const Json json = *ParseJson(pieces[i].data);
    EXPECT_EQ(json.Find("type")->string(), pieces[i].event);
    EXPECT_EQ(json.Find("sequence_number")->integer(), static_cast<int64_t>(i));
    std::string line = pieces[i].event.substr(pieces[i].event.find('.') + 1);
    for (const auto& [key, value] : json.object())
      if (key != "type" && key != "sequence_number" && key != "response")
        line += " " + Tight(value.Dump());
    lines.push_back(line);
  }
  return lines;
}

struct Outcome {
  std::vector<std::string> lines;
  Json response = {};
  net::Reply whole = {};
};

Outcome RunOf(const std::vector<AnswerEvent>& events, const ResponseFrame& frame = Frame(),
              const Error& error = {}) {
  Answer answer(1, 1000, {});
  answer.SetUsage({.prompt = 10, .cached = 4, .generated = 6, .thinking = 2, .decode_s = 1.5});
  answer.SetError(error);
  Play(events, answer);
  ResponsesWriter writer(frame);
  Outcome run{.lines = Short(Written(writer, answer, events))};
  run.response = writer.Response(answer);
  run.whole = writer.Whole(answer);
  EXPECT_EQ(ResponseOf(frame, answer).Dump(), run.response.Dump());
  return run;
}

TEST(ResponsesWriter, StreamsAThoughtATextAndACall) {
  Json arguments;
  arguments.Set("city", "Bern");
  const Outcome run = RunOf(Script({Said(Kind::kThinking, "Hm"), Said(Kind::kThinking, "."),
                                    Said(Kind::kText, "Hi"), Called("weather", arguments)},
                                   AnswerEnd::kToolCalls));
  const std::vector<std::string> wanted = {
      "created",
      "in_progress",
      R"(output_item.added 0 {"id":"rs_X_0","type":"reasoning","summary":[],"content":[],"status":"in_progress"})",
      R"(content_part.added "rs_X_0" 0 0 {"type":"reasoning_text","text":""})",
      R"(reasoning_text.delta "rs_X_0" 0 0 "Hm")",
      R"(reasoning_text.delta "rs_X_0" 0 0 ".")",
      R"(reasoning_text.done "rs_X_0" 0 0 "Hm.")",
      R"(content_part.done "rs_X_0" 0 0 {"type":"reasoning_text","text":"Hm."})",
      R"(output_item.done 0 {"id":"rs_X_0","type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"Hm."}],"status":"completed"})",
      R"(output_item.added 1 {"id":"msg_X_1","type":"message","role":"assistant","status":"in_progress","content":[]})",
      R"(content_part.added "msg_X_1" 1 0 {"type":"output_text","text":"","annotations":[],"logprobs":[]})",
      R"(output_text.delta "msg_X_1" 1 0 "Hi" [])",
      R"(output_text.done "msg_X_1" 1 0 "Hi" [])",
      R"(content_part.done "msg_X_1" 1 0 {"type":"output_text","text":"Hi","annotations":[],"logprobs":[]})",
      R"(output_item.done 1 {"id":"msg_X_1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Hi","annotations":[],"logprobs":[]}]})",
      R"(output_item.added 2 {"id":"fc_X_2","type":"function_call","status":"in_progress","arguments":"","call_id":"call_X_2","name":"weather"})",
      R"(function_call_arguments.delta 2 "fc_X_2" "{\"city\":\"Bern\"}")",
      R"(function_call_arguments.done 2 "fc_X_2" "weather" "{\"city\":\"Bern\"}")",
      R"(output_item.done 2 {"id":"fc_X_2","type":"function_call","status":"completed","arguments":"{\"city\":\"Bern\"}","call_id":"call_X_2","name":"weather"})",
      "completed"};
  ASSERT_EQ(run.lines.size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) EXPECT_EQ(run.lines[i], wanted[i]);
  EXPECT_EQ(run.response.Find("status")->string(), "completed");
  EXPECT_EQ(Tight(run.response.Find("completed_at")->Dump()), "1002.0");
  EXPECT_EQ(
      Tight(run.response.Find("usage")->Dump()),
      R"({"input_tokens":10,"input_tokens_details":{"cached_tokens":4,"cache_write_tokens":0},)"
      R"("output_tokens":6,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":16})");
  EXPECT_EQ(run.whole.body, run.response.Dump());
}

TEST(ResponsesWriter, GivesTheThoughtAsSummaryAndSealedIfAsked) {
  ResponseFrame frame = Frame();
  frame.summary = frame.sealed = true;
  const Outcome run =
      RunOf(Script({Said(Kind::kThinking, "Hm"), Said(Kind::kText, "x")}, AnswerEnd::kStop), frame);
  EXPECT_EQ(run.lines[3],
            R"(reasoning_summary_part.added "rs_X_0" 0 0 {"type":"summary_text","text":""})");
  EXPECT_EQ(run.lines[5], R"(reasoning_summary_text.delta "rs_X_0" 0 0 "Hm")");
  EXPECT_EQ(Tight(run.response.Find("output")->array()[0].Dump()),
            R"({"id":"rs_X_0","type":"reasoning","summary":[{"type":"summary_text","text":"Hm"}],)"
            R"("content":[{"type":"reasoning_text","text":"Hm"}],)"
            R"("encrypted_content":"carat-thought:SG0=","status":"completed"})");
}

TEST(ResponsesWriter, NamesToolsAsTheirNamespacesDo) {
  ResponseFrame frame = Frame();
  frame.spaced = {{"agents.spawn", {"agents", "spawn"}}};
  const Outcome run = RunOf(Script({Called("agents.spawn", Json(Json::Object())),
                                    Called("plain.dot", Json(Json::Object()))},
                                   AnswerEnd::kToolCalls),
                            frame);
  const Json::Array& output = run.response.Find("output")->array();
  EXPECT_EQ(output[0].Find("name")->string(), "spawn");
  EXPECT_EQ(output[0].Find("namespace")->string(), "agents");
  EXPECT_EQ(output[1].Find("name")->string(), "plain.dot");
  EXPECT_EQ(output[1].Find("namespace"), nullptr);
}

// No half of a call, and nothing of how the model writes calls.
TEST(ResponsesWriter, LeavesOutACallThatWasCut) {
  const Outcome run = RunOf(Script({Said(Kind::kCutCall)}, AnswerEnd::kMaxTokens));
  EXPECT_TRUE(run.response.Find("output")->array().empty());
  EXPECT_EQ(run.response.Find("status")->string(), "incomplete");
  EXPECT_NE(run.response.Find("carat")->Find("message")->string().find("tool call"),
            std::string::npos);
}

TEST(ResponsesWriter, SaysWhyAnAnswerIsNotWhole) {
  struct Case {
    std::vector<AnswerEvent> events;
    AnswerEnd end;
    std::string status, incomplete, last, item;
  };
  const Case cases[] = {
      {{Said(Kind::kText, "x")}, AnswerEnd::kStop, "completed", "null", "completed", "completed"},
      {{Said(Kind::kText, "x")},
       AnswerEnd::kStopString,
       "completed",
       "null",
       "completed",
       "completed"},
      {{Said(Kind::kText, "x")},
       AnswerEnd::kMaxTokens,
       "incomplete",
       R"({"reason":"max_output_tokens"})",
       "incomplete",
       "incomplete"},
      {{Said(Kind::kThinking, "x")},
       AnswerEnd::kContextFull,
       "incomplete",
       R"({"reason":"context_length"})",
       "incomplete",
       "incomplete"},
      {{Said(Kind::kText, "x")},
       AnswerEnd::kRepetition,
       "incomplete",
       R"({"reason":"repetition"})",
       "incomplete",
       "incomplete"},
      {{Said(Kind::kThinking, "x")},
       AnswerEnd::kStop,
       "incomplete",
       R"({"reason":"no_content"})",
       "incomplete",
       "completed"},
      {{Said(Kind::kText, "x")},
       AnswerEnd::kCancelled,
       "cancelled",
       "null",
       "incomplete",
       "incomplete"},
      {{Said(Kind::kText, "x")}, AnswerEnd::kFailed, "failed", "null", "failed", "incomplete"},
      {{Said(Kind::kMalformedCall, "call:x{")},
       AnswerEnd::kStop,
       "completed",
       "null",
       "completed",
       "completed"},
  };
  for (const Case& one : cases) {
    const Outcome run = RunOf(Script(one.events, one.end), Frame(), {.code = ErrorCode::kIo});
    EXPECT_EQ(run.response.Find("status")->string(), one.status);
    EXPECT_EQ(Tight(run.response.Find("incomplete_details")->Dump()), one.incomplete);
    EXPECT_EQ(run.lines.back(), one.last);
    EXPECT_EQ(run.response.Find("output")->array()[0].Find("status")->string(), one.item);
    EXPECT_EQ(run.whole.status, one.end == AnswerEnd::kFailed ? 500 : 200);
    if (one.end == AnswerEnd::kFailed) {
      EXPECT_EQ(Tight(run.response.Find("error")->Dump()),
                R"({"code":"server_error","message":"Something went wrong in carat."})");
    }
  }
}

TEST(ResponseOf, TellsHowFarItIs) {
  Answer answer(1, 1000, {});
  ResponseFrame frame = Frame();
  frame.background = true;
  EXPECT_EQ(ResponseOf(frame, answer).Find("status")->string(), "queued");
  answer.Add(Said(Kind::kStarted));
  answer.Add(Said(Kind::kText, "so far"));
  const Json response = ResponseOf(frame, answer);
  EXPECT_EQ(response.Find("status")->string(), "in_progress");
  EXPECT_TRUE(response.Find("usage")->is_null());
  EXPECT_TRUE(response.Dump().contains("so far"));
}

}  // namespace
}  // namespace carat
