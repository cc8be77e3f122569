#include "api/openai/chat_writer.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/support/files.h"
#include "tests/support/small_tokenizer.h"

namespace carat {
namespace {

using Kind = AnswerEvent::Kind;

AnswerEvent Text(std::string text, Kind kind = Kind::kText, size_t choice = 0) {
  return {.kind = kind, .choice = choice, .text = std::move(text)};
}
AnswerEvent End(AnswerEnd end, size_t choice = 0) {
  return {.kind = Kind::kChoiceEnd, .choice = choice, .end = end};
}
AnswerEvent Call(std::string name, std::string_view arguments) {
  return {.kind = Kind::kToolCall, .name = std::move(name), .arguments = MustParse(arguments)};
}

// What came of events: the data of the stream's pieces, and the whole.
struct Written {
  std::vector<std::string> pieces;
  net::Reply whole;
  Json body() const { return MustParse(whole.body); }
  Json choice() const { return body().Find("choices")->array()[0]; }
};

Written Write(std::vector<AnswerEvent> events, ChatWriterOptions options = {},
              const AnswerUsage& usage = {}, Error error = {}) {
  Answer answer(7, 1700000000, {"of the service"});
  answer.SetUsage(usage);
  answer.SetError(std::move(error));
  options.id = "chatcmpl-X";
  options.model = "m";
  options.fingerprint = "carat-1";
  ChatWriter writer(std::move(options));
  events.push_back({.kind = Kind::kEnd});
  std::vector<StreamPiece> pieces;
  for (const AnswerEvent& event : events) writer.Push(event, answer, pieces);
  Written written{.pieces = {}, .whole = writer.Whole(answer)};
  for (StreamPiece& piece : pieces) {
    EXPECT_TRUE(piece.event.empty());
    written.pieces.push_back(std::move(piece.data));
  }
  return written;
}

std::string Chunk(const std::string& choice, const std::string& more = "") {
  return R"({"id": "chatcmpl-X", "object": "chat.completion.chunk", "created": 1700000000, "model": "m", )"
         R"("system_fingerprint": "carat-1", "choices": [)" +
         choice + "]" + more + "}";
}
std::string Delta(const std::string& delta) {
  return Chunk(R"({"index": 0, "delta": )" + delta +
               R"(, "logprobs": null, "finish_reason": null})");
}

TEST(ChatWriter, StreamsAnAnswer) {
  const Written written = Write({{.kind = Kind::kStarted},
                                 Text("Hm.", Kind::kThinking),
                                 Text("Hel"),
                                 Text("lo"),
                                 End(AnswerEnd::kStop)});
  ASSERT_EQ(written.pieces.size(), 6);
  EXPECT_EQ(written.pieces[0], Delta(R"({"role": "assistant", "content": ""})"));
  EXPECT_EQ(written.pieces[1], Delta(R"({"reasoning_content": "Hm."})"));
  EXPECT_EQ(written.pieces[2], Delta(R"({"content": "Hel"})"));
  EXPECT_EQ(written.pieces[3], Delta(R"({"content": "lo"})"));
  EXPECT_EQ(written.pieces[4],
            Chunk(R"({"index": 0, "delta": {}, "logprobs": null, "finish_reason": "stop", )"
                  R"("carat": {"reason": "stop"}})"));
  EXPECT_EQ(written.pieces[5], "[DONE]");
}

TEST(ChatWriter, WritesTheWhole) {
  const Written written = Write(
      {{.kind = Kind::kStarted}, Text("Hm.", Kind::kThinking), Text("Hi"), End(AnswerEnd::kStop)},
      {},
      {.prompt = 10,
       .cached = 4,
       .pictures = 3,
       .sound = 2,
       .generated = 5,
       .thinking = 2,
       .drafted = 6,
       .accepted = 3,
       .queued_s = 0.0014,
       .prefill_s = 0.25,
       .decode_s = 1});
  EXPECT_EQ(written.whole.status, 200);
  EXPECT_EQ(
      written.whole.body,
      R"({"id": "chatcmpl-X", "object": "chat.completion", "created": 1700000000, "model": "m", )"
      R"("system_fingerprint": "carat-1", "choices": [{"index": 0, "message": {"role": "assistant", )"
      R"("content": "Hi", "refusal": null, "reasoning_content": "Hm."}, "logprobs": null, )"
      R"("finish_reason": "stop", "carat": {"reason": "stop"}}], "usage": {"prompt_tokens": 10, )"
      R"("completion_tokens": 5, "total_tokens": 15, "prompt_tokens_details": {"cached_tokens": 4, )"
      R"("audio_tokens": 2}, "completion_tokens_details": {"reasoning_tokens": 2, "audio_tokens": 0, )"
      R"("accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0}}, "carat": {"drafted": 6, )"
      R"("accepted": 3, "picture_tokens": 3, "sound_tokens": 2, "queued_s": 0.001, "prefill_s": 0.25, )"
      R"("decode_s": 1.0, "seed": 7, "warnings": ["of the service"]}})");
}

TEST(ChatWriter, GivesUsageBehindAStreamThatAskedForIt) {
  const Written written = Write({Text("Hi"), End(AnswerEnd::kStop)}, {.include_usage = true},
                                {.prompt = 1, .generated = 2});
  ASSERT_EQ(written.pieces.size(), 4);
  EXPECT_TRUE(written.pieces[0].ends_with(R"("usage": null})"));
  const Json last = MustParse(written.pieces[2]);
  EXPECT_TRUE(last.Find("choices")->array().empty());
  EXPECT_EQ(last.Find("usage")->Find("total_tokens")->integer(), 3);
  EXPECT_NE(last.Find("carat"), nullptr);
}

TEST(ChatWriter, CallsTools) {
  const Written written =
      Write({Call("a", R"({"x": [1, "é"]})"), Call("b", "{}"), End(AnswerEnd::kToolCalls)});
  EXPECT_EQ(
      written.pieces[0],
      Delta(R"({"tool_calls": [{"index": 0, "id": "call_Xa0", "type": "function", "function": )"
            R"({"name": "a", "arguments": "{\"x\": [1, \"é\"]}"}}]})"));
  EXPECT_EQ(
      written.pieces[1],
      Delta(R"({"tool_calls": [{"index": 1, "id": "call_Xa1", "type": "function", "function": )"
            R"({"name": "b", "arguments": "{}"}}]})"));
  const Json choice = written.choice();
  EXPECT_EQ(choice.Find("finish_reason")->string(), "tool_calls");
  EXPECT_TRUE(choice.Find("message")->Find("content")->is_null());
  EXPECT_EQ(
      choice.Find("message")->Find("tool_calls")->array()[1].Dump(),
      R"({"id": "call_Xa1", "type": "function", "function": {"name": "b", "arguments": "{}"}})");
}

TEST(ChatWriter, ShowsACallThatCannotBeRead) {
  const Written written =
      Write({{.kind = Kind::kMalformedCall, .text = "call:a{", .problem = "it breaks off"},
             End(AnswerEnd::kStop)});
  EXPECT_EQ(written.pieces[0], Delta(R"({"content": "call:a{"})"));
  const Json choice = written.choice();
  EXPECT_EQ(choice.Find("message")->Find("content")->string(), "call:a{");
  EXPECT_EQ(choice.Find("carat")->Find("malformed_tool_calls")->Dump(), R"(["it breaks off"])");
  EXPECT_NE(choice.Find("carat")->Find("message"), nullptr);
}

TEST(ChatWriter, LeavesOutACallThatWasCut) {
  const Written written =
      Write({Text("Well"), {.kind = Kind::kCutCall}, End(AnswerEnd::kMaxTokens)});
  const Json choice = written.choice();
  EXPECT_EQ(choice.Find("message")->Find("content")->string(), "Well");
  EXPECT_EQ(choice.Find("finish_reason")->string(), "length");
  EXPECT_NE(choice.Find("carat")->Find("message")->string().find("tool call"), std::string::npos);
}

TEST(ChatWriter, NeverLeavesAnEmptyAnswerWithoutAReason) {
  struct Case {
    AnswerEnd end;
    const char* finish;
    const char* reason;
  };
  for (const Case& wanted : std::initializer_list<Case>{
           {AnswerEnd::kStop, "stop", "stop"},
           {AnswerEnd::kStopString, "stop", "stop_string"},
           {AnswerEnd::kMaxTokens, "length", "length"},
           {AnswerEnd::kContextFull, "length", "context"},
           {AnswerEnd::kRepetition, "length", "repetition"},
           {AnswerEnd::kCancelled, "length", "cancelled"},
       }) {
    const Written written = Write({Text("Hm", Kind::kThinking), End(wanted.end)});
    const Json choice = written.choice();
    EXPECT_EQ(choice.Find("finish_reason")->string(), wanted.finish);
    EXPECT_EQ(choice.Find("message")->Find("content")->string(), "");
    const Json& own = *choice.Find("carat");
    EXPECT_EQ(own.Find("reason")->string(), wanted.reason);
    ASSERT_NE(own.Find("message"), nullptr) << wanted.reason;
    EXPECT_NE(own.Find("message")->string().find("think"), std::string::npos);
    // The same stands in the stream.
    EXPECT_NE(written.pieces[1].find(own.Dump()), std::string::npos);
  }
}

TEST(ChatWriter, NamesTheStopString) {
  AnswerEvent end = End(AnswerEnd::kStopString);
  end.text = "END";
  const Written written = Write({Text("Hi"), end});
  EXPECT_EQ(written.choice().Find("carat")->Dump(), R"({"reason": "stop_string", "stop": "END"})");
  EXPECT_EQ(written.choice().Find("message")->Find("content")->string(), "Hi");
}

TEST(ChatWriter, KeepsChoicesApart) {
  const Written written = Write({{.kind = Kind::kStarted},
                                 Text("B", Kind::kText, 1),
                                 Text("A"),
                                 End(AnswerEnd::kMaxTokens, 1),
                                 End(AnswerEnd::kStop)},
                                {.choices = 2});
  ASSERT_EQ(written.pieces.size(), 7);
  EXPECT_NE(written.pieces[1].find(R"("index": 1, "delta": {"role")"), std::string::npos);
  const Json body = written.body();
  const Json::Array& choices = body.Find("choices")->array();
  ASSERT_EQ(choices.size(), 2);
  EXPECT_EQ(choices[0].Find("message")->Find("content")->string(), "A");
  EXPECT_EQ(choices[1].Find("message")->Find("content")->string(), "B");
  EXPECT_EQ(choices[1].Find("finish_reason")->string(), "length");
}

TEST(ChatWriter, SaysWhatFailed) {
  const Written written = Write({Text("Hi"), End(AnswerEnd::kFailed)}, {}, {},
                                {.code = ErrorCode::kIo, .what = "disk", .where = "/home/me"});
  ASSERT_EQ(written.pieces.size(), 3);
  EXPECT_EQ(written.pieces[1],
            R"({"error": {"message": "Something went wrong in carat.", "type": "server_error", )"
            R"("param": null, "code": "internal_error"}})");
  EXPECT_EQ(written.pieces[2], "[DONE]");
  EXPECT_EQ(written.whole.status, 500);
}

TEST(ChatWriter, ShowsProgressWhereItIsGiven) {
  const Written written =
      Write({{.kind = Kind::kPrefill, .done = 5, .total = 9}, End(AnswerEnd::kStop)});
  EXPECT_EQ(written.pieces[0], Chunk("", R"(, "carat": {"prefill": {"done": 5, "total": 9}})"));
}

TEST(ChatWriter, GivesLogprobsOfTextAndThoughtsApart) {
  const auto tokenizer = std::make_shared<const Tokenizer>(SmallTokenizer());
  const TokenId e = ByteToken('\xC3'), a = *tokenizer->Find("A");
  AnswerEvent text = Text("A");
  text.logprobs = {{.id = tokenizer->special().channel_end, .logprob = -1},
                   {.id = a, .logprob = -0.5F, .top = {{a, -0.5F}, {e, -1000000.0F}}}};
  AnswerEvent thought = Text("B", Kind::kThinking);
  thought.logprobs = {{.id = *tokenizer->Find("B"), .logprob = -0.25F}};
  const Written written = Write({thought, text, End(AnswerEnd::kStop)}, {.tokenizer = tokenizer});
  const Json choice = written.choice();
  EXPECT_EQ(
      choice.Find("logprobs")->Dump(),
      R"({"content": [{"token": "A", "logprob": -0.5, "bytes": [65], "top_logprobs": [)"
      R"({"token": "A", "logprob": -0.5, "bytes": [65]}, )"
      R"({"token": "�", "logprob": -9999.0, "bytes": [195]}]}], "refusal": null, )"
      R"("reasoning_content": [{"token": "B", "logprob": -0.25, "bytes": [66], "top_logprobs": []}]})");
  EXPECT_NE(written.pieces[0].find(R"("logprobs": {"content": null)"), std::string::npos);
  EXPECT_NE(written.pieces[1].find(R"("logprobs": {"content": [{"token": "A")"), std::string::npos);
}

}  // namespace
}  // namespace carat
