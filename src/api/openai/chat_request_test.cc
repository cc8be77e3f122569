#include "api/openai/chat_request.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/tight_json.h"

namespace carat {
namespace {

constexpr std::string_view kHello = R"("messages": [{"role": "user", "content": "Hello"}])";
constexpr std::string_view kTools =
    R"("tools": [{"type": "function", "function": {"name": "a", "parameters": {"type": "object"}}},
                 {"type": "function", "function": {"name": "b", "description": "B", "strict": true}}])";

// A request of one message and these members.
Result<ChatRequest> Read(const std::string& members) {
  return ReadChatRequest(
      MustParse("{" + std::string(kHello) + (members.empty() ? "" : ", ") + members + "}"));
}
Result<ChatRequest> ReadMessages(const std::string& messages) {
  return ReadChatRequest(MustParse(R"({"messages": [)" + messages + "]}"));
}
Result<ChatRequest> ReadPart(const std::string& part) {
  return ReadMessages(R"({"role": "user", "content": [)" + part + "]}");
}

TEST(ChatRequest, LeavesTheRestToTheModel) {
  ASSERT_VALUE(const ChatRequest request, Read(""));
  EXPECT_EQ(request.ask.messages.Dump(), R"([{"role": "user", "content": "Hello"}])");
  EXPECT_FALSE(request.model || request.stream || request.include_usage || request.detached);
  const Ask& ask = request.ask;
  EXPECT_TRUE(ask.tools.is_null());
  EXPECT_EQ(ask.tool_choice, ToolChoice::kAuto);
  EXPECT_TRUE(ask.parallel_tools);
  EXPECT_EQ(ask.format, AnswerFormat::kText);
  EXPECT_FALSE(ask.think || ask.background || ask.progress || ask.ignore_stop);
  EXPECT_FALSE(ask.max_tokens || ask.logprobs || ask.thinking_budget || ask.sampling.temperature ||
               ask.sampling.seed);
  EXPECT_EQ(ask.choices, 1);
}

TEST(ChatRequest, TakesEveryParameter) {
  ASSERT_VALUE(const ChatRequest request, Read(R"(
      "model": "m", "max_completion_tokens": 7, "max_tokens": 7, "temperature": 0.5, "top_p": 0.9,
      "top_k": 5, "min_p": 0.1, "repetition_penalty": 1.1, "seed": -3, "n": 8, "logprobs": true,
      "top_logprobs": 20, "logit_bias": {"5": -100, "6": 0.5}, "stop": ["a", "b"], "stream": true,
      "stream_options": {"include_usage": true, "include_obfuscation": false},
      "frequency_penalty": 0, "presence_penalty": 0.0, "service_tier": "auto", "store": false,
      "modalities": ["text"], "verbosity": "medium", "user": "u", "metadata": {"a": "b"},
      "prompt_cache_key": "k", "safety_identifier": "s", "parallel_tool_calls": false,
      "prediction": null, "audio": null, "reasoning_effort": "low",
      "carat": {"progress": true, "background": true, "ignore_stop": true, "detached": true})"));
  const Ask& ask = request.ask;
  EXPECT_EQ(request.model, "m");
  EXPECT_TRUE(request.stream && request.include_usage && request.detached);
  EXPECT_EQ(ask.max_tokens, 7);
  EXPECT_EQ(ask.sampling.temperature, 0.5);
  EXPECT_EQ(ask.sampling.top_p, 0.9);
  EXPECT_EQ(ask.sampling.top_k, 5);
  EXPECT_EQ(ask.sampling.min_p, 0.1);
  EXPECT_EQ(ask.sampling.repetition_penalty, 1.1);
  EXPECT_EQ(ask.sampling.seed, static_cast<uint64_t>(-3));
  EXPECT_EQ(ask.sampling.logit_bias, (std::vector<std::pair<TokenId, float>>{{5, -100}, {6, 0.5}}));
  EXPECT_EQ(ask.choices, 8);
  EXPECT_EQ(ask.logprobs, 20);
  EXPECT_EQ(ask.stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(ask.parallel_tools);
  EXPECT_TRUE(ask.think && ask.progress && ask.background && ask.ignore_stop);
  EXPECT_EQ(ask.thinking_budget, 1024);
}

TEST(ChatRequest, RefusesWithTheNameOfTheParameter) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"("n": 0)", "n"},
      {R"("n": 9)", "n"},
      {R"("max_tokens": 0)", "max_tokens"},
      {R"("max_tokens": -1)", "max_tokens"},
      {R"("max_tokens": 99999999999999999999)", "max_tokens"},
      {R"("max_tokens": 1.5)", "max_tokens"},
      {R"("max_tokens": 5, "max_completion_tokens": 6)", "max_tokens"},
      {R"("temperature": -0.1)", "temperature"},
      {R"("temperature": 2.1)", "temperature"},
      {R"("top_p": 1.5)", "top_p"},
      {R"("top_k": -1)", "top_k"},
      {R"("min_p": 2)", "min_p"},
      {R"("repetition_penalty": 0)", "repetition_penalty"},
      {R"("seed": 1.5)", "seed"},
      {R"("seed": "1")", "seed"},
      {R"("top_logprobs": 3)", "top_logprobs"},
      {R"("logprobs": true, "top_logprobs": 21)", "top_logprobs"},
      {R"("logprobs": 3)", "logprobs"},
      {R"("logit_bias": {"-1": 0})", "logit_bias"},
      {R"("logit_bias": {"x": 0})", "logit_bias"},
      {R"("logit_bias": {"99999999999": 0})", "logit_bias"},
      {R"("logit_bias": {"1": 101})", "logit_bias.1"},
      {R"("stop": ["a", "b", "c", "d", "e"])", "stop"},
      {R"("stop": "")", "stop"},
      {R"("stop": [1])", "stop[0]"},
      {R"("stream": "yes")", "stream"},
      {R"("stream_options": {"include_usage": true})", "stream_options"},
      {R"("stream": true, "stream_options": {"x": 1})", "stream_options.x"},
      {R"("frequency_penalty": 0.5)", "frequency_penalty"},
      {R"("presence_penalty": -1)", "presence_penalty"},
      {R"("service_tier": "gold")", "service_tier"},
      {R"("store": true)", "store"},
      {R"("modalities": ["text", "audio"])", "modalities"},
      {R"("verbosity": "low")", "verbosity"},
      {R"("prediction": {"type": "content", "content": "x"})", "prediction"},
      {R"("audio": {"voice": "x", "format": "wav"})", "audio"},
      {R"("web_search_options": {})", "web_search_options"},
      {R"("functions": [])", "functions"},
      {R"("function_call": "auto")", "function_call"},
      {R"("carat": {"progres": true})", "carat.progres"},
      {R"("carat": {"progress": true})", "carat.progress"},
      {R"("what_is_this": 1)", "what_is_this"},
  };
  for (const auto& [members, where] : cases) {
    const auto request = Read(members);
    ASSERT_FALSE(request.has_value()) << members;
    EXPECT_EQ(request.error().where, where) << members;
  }
  ExpectError(ReadChatRequest(MustParse("[]")), "an object");
  ExpectError(ReadChatRequest(MustParse("{}")), {"messages", "missing"});
}

// CVE-2026-107183: programs from clients. There is no parameter for one.
TEST(ChatRequest, TakesNoPrograms) {
  for (const char* const name :
       {"chat_template", "grammar", "guided_grammar", "guided_regex", "guided_json", "chat_parser",
        "parser", "json_schema", "structured_outputs", "add_generation_prompt", "n_discard",
        "id_slot", "cache_prompt", "samplers", "lora", "kv_file", "slot_save_path", "model_path"}) {
    ExpectError(Read('"' + std::string(name) + R"(": "root ::= .*")"), name);
  }
  ExpectError(Read(R"("chat_template_kwargs": {"template": "{{ x }}"})"),
              "chat_template_kwargs.template");
}

TEST(ChatRequest, ThinksAsFarAsAsked) {
  struct Case {
    const char* members;
    bool think;
    std::optional<size_t> budget;
  };
  for (const Case& wanted : std::initializer_list<Case>{
           {R"("reasoning_effort": "none")", false, {}},
           {R"("reasoning_effort": "minimal")", false, {}},
           {R"("reasoning_effort": "low")", true, 1024},
           {R"("reasoning_effort": "medium")", true, 4096},
           {R"("reasoning_effort": "high")", true, 16384},
           {R"("reasoning_effort": "xhigh")", true, {}},
           {R"("chat_template_kwargs": {"enable_thinking": true})", true, {}},
           {R"("chat_template_kwargs": {"enable_thinking": false})", false, {}},
           {R"("thinking": {"type": "enabled", "budget_tokens": 9})", true, 9},
           {R"("thinking": {"type": "disabled"})", false, {}},
           {R"("thinking": {"type": "adaptive"}, "reasoning_effort": "low")", true, 1024},
       }) {
    ASSERT_VALUE(const ChatRequest request, Read(wanted.members));
    EXPECT_EQ(request.ask.think, wanted.think) << wanted.members;
    EXPECT_EQ(request.ask.thinking_budget, wanted.budget) << wanted.members;
  }
  ExpectError(Read(R"("thinking": {"type": "enabled"}, "reasoning_effort": "none")"), "thinking");
  ExpectError(Read(R"("thinking": {"type": "enabled", "budget_tokens": -1})"),
              "thinking.budget_tokens");
  ExpectError(Read(R"("thinking": {"type": "disabled", "budget_tokens": 5})"),
              "thinking.budget_tokens");
  ExpectError(Read(R"("reasoning_effort": "most")"), "reasoning_effort");
}

TEST(ChatRequest, TakesToolsAndTheirChoice) {
  const std::string tools(kTools);
  ASSERT_VALUE(ChatRequest request, Read(tools));
  EXPECT_EQ(
      request.ask.tools.Dump(),
      R"([{"type": "function", "function": {"name": "a", "description": "", "parameters": )"
      R"({"type": "object"}}}, {"type": "function", "function": {"name": "b", "description": "B"}}])");
  ASSERT_VALUE(request, Read(tools + R"(, "tool_choice": "none")"));
  EXPECT_EQ(request.ask.tool_choice, ToolChoice::kNone);
  ASSERT_VALUE(request, Read(tools + R"(, "tool_choice": "required")"));
  EXPECT_EQ(request.ask.tool_choice, ToolChoice::kRequired);
  EXPECT_FALSE(request.ask.only_tool);
  ASSERT_VALUE(request, Read(tools + R"(, "tool_choice":
      {"type": "function", "function": {"name": "b"}})"));
  EXPECT_EQ(request.ask.tool_choice, ToolChoice::kRequired);
  EXPECT_EQ(request.ask.only_tool, "b");
  ASSERT_VALUE(request, Read(tools + R"(, "tool_choice": {"type": "allowed_tools", "allowed_tools":
      {"mode": "required", "tools": [{"type": "function", "function": {"name": "b"}}]}})"));
  EXPECT_EQ(request.ask.tool_choice, ToolChoice::kRequired);
  ASSERT_EQ(request.ask.tools.array().size(), 1);
}

TEST(ChatRequest, RefusesToolsThatCannotBeCalled) {
  const auto tool = [](const std::string& function) {
    return R"("tools": [{"type": "function", "function": )" + function + "}]";
  };
  ExpectError(Read(tool(R"({"name": ""})")), "tools[0].function.name");
  ExpectError(Read(tool(R"({"name": "a b"})")), "tools[0].function.name");
  ExpectError(Read(tool(R"({"name": "<|tool_call>"})")), "tools[0].function.name");
  ExpectError(Read(tool(R"({"name": "a", "parameters": []})")), "tools[0].function.parameters");
  ExpectError(Read(tool(R"({"name": "a", "x": 1})")), "tools[0].function.x");
  ExpectError(Read(R"("tools": [{"type": "web_search"}])"), "tools[0].type");
  ExpectError(Read(R"("tools": [{"type": "custom", "custom": {"name": "x"}}])"), "tools[0].type");
  ExpectError(Read(R"("tools": {})"), "tools");
  ExpectError(Read(R"("tools": [{"type": "function", "function": {"name": "a"}},
                                {"type": "function", "function": {"name": "a"}}])"),
              {"tools[1].function.name", "two tools"});
  ExpectError(Read(R"("tool_choice": "required")"), "tool_choice");
  ExpectError(Read(std::string(kTools) +
                   R"(, "tool_choice": {"type": "function", "function": {"name": "c"}})"),
              "tool_choice.function.name");
  ExpectError(Read(R"("tool_choice": "sometimes")"), "tool_choice");
}

TEST(ChatRequest, TakesFormats) {
  ASSERT_VALUE(ChatRequest request, Read(R"("response_format": {"type": "json_object"})"));
  EXPECT_EQ(request.ask.format, AnswerFormat::kJson);
  ASSERT_VALUE(request, Read(R"("response_format": {"type": "json_schema", "json_schema":
      {"name": "x", "strict": true, "schema": {"type": "object"}}})"));
  EXPECT_EQ(request.ask.format, AnswerFormat::kJsonSchema);
  EXPECT_EQ(request.ask.schema.Dump(), R"({"type": "object"})");
  EXPECT_EQ(request.ask.schema_where, "response_format.json_schema.schema");
  EXPECT_TRUE(request.ask.warnings.empty());
  ASSERT_VALUE(request, Read(R"("response_format": {"type": "json_schema", "json_schema":
      {"name": "x", "description": "what it is"}})"));
  EXPECT_EQ(request.ask.format, AnswerFormat::kJson);
  EXPECT_EQ(request.ask.warnings.size(), 1);
  ExpectError(Read(R"("response_format": {"type": "regex", "pattern": "x"})"),
              "response_format.type");
  ExpectError(Read(R"("response_format": {"type": "json_schema"})"), "response_format.json_schema");
  ExpectError(Read(R"("response_format": {"type": "json_schema", "json_schema": {"name": "x",
                      "schema": true}})"),
              "response_format.json_schema.schema");
}

TEST(ChatRequest, TakesAConversation) {
  ASSERT_VALUE(const ChatRequest request, ReadMessages(R"(
      {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
      {"role": "user", "content": "Weather?", "name": "Eve"},
      {"role": "assistant", "content": null, "refusal": null, "audio": null, "function_call": null,
       "annotations": [], "reasoning_content": "Hm.", "tool_calls": [
         {"id": "c1", "type": "function", "index": 0,
          "function": {"name": "w", "arguments": "{\"city\": \"Rome\"}"}}]},
      {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "sun"},
         {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
      {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
      {"role": "user", "content": "Why?"})"));
  EXPECT_EQ(
      WithoutPlaces(request.ask.messages.Dump()),
      MustParse(
          R"([{"role":"system","content":[{"type":"text","text":"Be brief."}]},)"
          R"({"role":"user","content":"Weather?"},)"
          R"({"role":"assistant","reasoning_content":"Hm.","tool_calls":[{"id":"c1","type":"function",)"
          R"("function":{"name":"w","arguments":"{\"city\": \"Rome\"}"}}],"content":null},)"
          R"({"role":"tool","tool_call_id":"c1","content":[{"type":"text","text":"sun"},)"
          R"({"type":"image","path":"data:image/png;base64,AAAA"}]},)"
          R"({"role":"assistant","content":[{"type":"text","text":"No."}]},)"
          R"({"role":"user","content":"Why?"}])")
          .Dump());
  ASSERT_EQ(request.ask.warnings.size(), 1);
  EXPECT_TRUE(request.ask.warnings[0].starts_with("messages[1].name"));
}

TEST(ChatRequest, RefusesMessagesThatWouldBeLost) {
  const std::string call = R"({"role": "assistant", "tool_calls": [{"id": "c", "type": "function",
      "function": {"name": "f", "arguments": "{}"}}]})";
  const std::string user = R"({"role": "user", "content": "x"})";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "messages"},
      {R"({"role": "user"})", "messages[0].content"},
      {R"({"content": "x"})", "messages[0].role"},
      {R"({"role": "god", "content": "x"})", "messages[0].role"},
      {R"({"role": "function", "name": "f", "content": "x"})", "messages[0].role"},
      {R"({"role": "assistant"})", "messages[0].content"},
      {R"({"role": "assistant", "content": "x", "function_call": {"name": "f"}})",
       "messages[0].function_call"},
      {R"({"role": "tool", "tool_call_id": "c", "content": "x"})", "messages[0].tool_call_id"},
      {call, "messages"},
      {call + "," + user, "messages[1]"},
      {call + R"(, {"role": "tool", "tool_call_id": "d", "content": "x"})",
       "messages[1].tool_call_id"},
      {R"({"role": "system", "content": [{"type": "image_url", "image_url":
           {"url": "data:image/png;base64,AAAA"}}]})",
       "messages[0].content[0]"},
      {R"({"role": "user", "content": 7})", "messages[0].content"},
      {R"({"role": "user", "content": "x", "colour": "red"})", "messages[0].colour"},
  };
  for (const auto& [messages, where] : cases) {
    const auto request = ReadMessages(messages);
    ASSERT_FALSE(request.has_value()) << messages;
    EXPECT_EQ(request.error().where, where) << messages;
  }
}

TEST(ChatRequest, TakesMedia) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA", "detail": "low"}})",
       R"({"type": "image", "path": "data:image/png;base64,AA", "budget": 70})"},
      {R"({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA", "detail": "high"}})",
       R"({"type": "image", "path": "data:image/png;base64,AA", "budget": 1120})"},
      {R"({"type": "image_url", "image_url": {"url": "data:;base64,AA", "detail": "auto"}})",
       R"({"type": "image", "path": "data:;base64,AA"})"},
      {R"({"type": "image_url", "budget": 280, "image_url": {"url": "data:;base64,AA", "detail": "low"}})",
       R"({"type": "image", "path": "data:;base64,AA", "budget": 280})"},
      {R"({"type": "image_url", "budget": "auto", "image_url": {"url": "data:;base64,AA"}})",
       R"({"type": "image", "path": "data:;base64,AA", "budget": "auto"})"},
      {R"({"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}})",
       R"({"type": "audio", "path": "data:audio/mp3;base64,AA"})"},
      {R"({"type": "audio_url", "audio_url": {"url": "data:audio/wav;base64,AA"}})",
       R"({"type": "audio", "path": "data:audio/wav;base64,AA"})"},
      {R"({"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AA"}, "frames": 8})",
       R"({"type": "video", "path": "data:video/mp4;base64,AA", "frames": 8})"},
      {R"({"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AA"}, "fps": 0.5})",
       R"({"type": "video", "path": "data:video/mp4;base64,AA", "fps": 0.5})"},
  };
  for (const auto& [part, wanted] : cases) {
    ASSERT_VALUE(const ChatRequest request, ReadPart(part));
    const Json& read = request.ask.messages.array()[0].Find("content")->array()[0];
    EXPECT_EQ(WithoutPlaces(read.Dump()), wanted);
    EXPECT_TRUE(read.Find("place")->string().starts_with("messages[0].content[0]."));
  }
}

// CVE-2026-24779, -25960, -33626: addresses that a server opens. And files, which none may name.
TEST(ChatRequest, OpensNoAddressesAndNoFiles) {
  for (const char* const url :
       {"http://169.254.169.254/latest/meta-data", "https://example.org/a.png", "HTTP://x",
        "hTTps://x", "file:///etc/passwd", "FILE:/etc/passwd", "/etc/passwd", "a.png", "",
        "ftp://x", "data:image/png,AA", "data:image/png;base64", " data:image/png;base64,AA",
        "DATA:;base64,AA", "../../x", "data:/etc/passwd", "~/.ssh/id_rsa", "gopher://x",
        "\\\\host\\share"}) {
    for (const char* const kind : {"image", "audio", "video"}) {
      Json object, part, message;
      object.Set("url", url);
      part.Set("type", std::string(kind) + "_url");
      part.Set(std::string(kind) + "_url", object);
      message.Set("role", "user");
      message.Set("content", Json(Json::Array{part}));
      Json body;
      body.Set("messages", Json(Json::Array{message}));
      const auto request = ReadChatRequest(body);
      ASSERT_FALSE(request.has_value()) << url;
      EXPECT_EQ(request.error().where, "messages[0].content[0]." + std::string(kind) + "_url.url");
      EXPECT_EQ(request.error().code, ErrorCode::kUnsupported);
    }
  }
  for (const char* const part :
       {R"({"type": "image", "path": "/etc/passwd"})",
        R"({"type": "image", "path": "data:;base64,AA"})",
        R"({"type": "image_url", "image_url": {"url": "data:;base64,AA"}, "path": "/etc/passwd"})",
        R"({"type": "image_url", "image_url": {"url": "data:;base64,AA", "path": "x"}})",
        R"({"type": "file", "file": {"file_id": "x"}})",
        R"({"type": "input_audio", "input_audio": {"data": "AA", "format": "wav;x,/etc/passwd"}})",
        R"({"type": "input_audio", "input_audio": {"data": "data:/etc/passwd"}})",
        R"({"type": "image_url", "image_url": "data:;base64,AA"})", R"("text")"}) {
    EXPECT_FALSE(ReadPart(part).has_value()) << part;
  }
}

// CVE-2026-21869 and CVE-2026-5497: numbers that are out of range, counts without a limit.
TEST(ChatRequest, BoundsWhatMediaMayAskFor) {
  for (const char* const member :
       {R"("frames": 0)", R"("frames": -1)", R"("frames": 1001)", R"("fps": 0)", R"("fps": -1)",
        R"("fps": 1e9)", R"("frames": 3, "fps": 1)", R"("budget": 70)"}) {
    EXPECT_FALSE(ReadPart(R"({"type": "video_url", "video_url": {"url": "data:;base64,AA"}, )" +
                          std::string(member) + "}")
                     .has_value())
        << member;
  }
  for (const char* const budget : {"0", "-1", "71", "1e3", "\"most\"", "99999999999999999999"}) {
    ExpectError(ReadPart(R"({"type": "image_url", "image_url": {"url": "data:;base64,AA"},
                             "budget": )" +
                         std::string(budget) + "}"),
                "messages[0].content[0].budget");
  }
}

}  // namespace
}  // namespace carat
