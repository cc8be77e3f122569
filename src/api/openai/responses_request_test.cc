#include "api/openai/responses_request.h"

#include <gtest/gtest.h>

#include "api/openai/response_items.h"
#include "tests/support/tight_json.h"

namespace carat {
namespace {

Result<ResponsesRequest> Read(std::string_view members, ResponseStore* store = nullptr) {
  ResponseStore none({});
  const auto body =
      ParseJson(R"({"model":"carat")" + (members.empty() ? "" : "," + std::string(members)) + "}");
  EXPECT_TRUE(body.has_value()) << members;
  return ReadResponsesRequest(*body, "ann", store != nullptr ? *store : none);
}

// The messages of a request with this input, or its error.
std::string Messages(std::string_view input, std::string_view more = "",
                     ResponseStore* store = nullptr) {
  const auto request = Read("\"input\":" + std::string(input) + std::string(more), store);
  return request ? Tight(WithoutPlaces(request->ask.messages.Dump())) : request.error().Message();
}

TEST(ReadResponsesRequest, TurnsItemsIntoMessages) {
  const std::pair<std::string, std::string> cases[] = {
      {R"("hi")", R"([{"role":"user","content":"hi"}])"},
      {R"([{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_image","detail":"low","image_url":"data:image/png;base64,AA=="}]}])",
       R"([{"role":"user","content":[{"type":"text","text":"a"},{"type":"image","path":"data:image/png;base64,AA==","budget":70}]}])"},
      {R"([{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AA==","format":"wav"}}]}])",
       R"([{"role":"user","content":[{"type":"audio","path":"data:audio/wav;base64,AA=="}]}])"},
      {R"([{"role":"user","content":[{"type":"input_video","video_url":"data:video/mp4;base64,AA==","frames":4}]}])",
       R"([{"role":"user","content":[{"type":"video","path":"data:video/mp4;base64,AA==","frames":4}]}])"},
      {R"([{"role":"system","content":"A"},{"role":"developer","content":[{"type":"input_text","text":"B"}]},{"role":"user","content":"c"},{"role":"developer","content":"D"}])",
       R"([{"role":"system","content":"A\n\nB"},{"role":"user","content":"c"},{"role":"system","content":"D"}])"},
      {R"([{"role":"user","content":"q"},{"type":"reasoning","id":"rs_1","summary":[],"content":[{"type":"reasoning_text","text":"T"}]},{"type":"message","id":"m","role":"assistant","status":"completed","content":[{"type":"output_text","text":"a","annotations":[]},{"type":"refusal","refusal":"b"}]},{"role":"user","content":"r"}])",
       R"([{"role":"user","content":"q"},{"role":"assistant","reasoning":"T","content":"ab"},{"role":"user","content":"r"}])"},
      {R"([{"type":"reasoning","id":"r","summary":[],"encrypted_content":"carat-thought:SG0="},{"type":"function_call","call_id":"1","name":"f","arguments":"{\"a\":1}"},{"type":"function_call","call_id":"2","name":"g","arguments":""},{"type":"function_call_output","call_id":"2","output":"two"},{"type":"function_call_output","call_id":"1","output":[{"type":"input_text","text":"one"}]}])",
       R"([{"role":"assistant","reasoning":"Hm","content":"","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":{"a":1}}},{"id":"2","type":"function","function":{"name":"g","arguments":{}}}]},{"role":"tool","tool_call_id":"2","content":"two"},{"role":"tool","tool_call_id":"1","content":[{"type":"text","text":"one"}]}])"},
      {R"([{"role":"assistant","content":"Wait."},{"type":"function_call","call_id":"1","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"1","output":""},{"role":"assistant","content":"So."}])",
       R"([{"role":"assistant","content":"Wait."},{"role":"assistant","content":"","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":{}}}]},{"role":"tool","tool_call_id":"1","content":""},{"role":"assistant","content":"So."}])"},
      {R"([{"type":"reasoning","id":"r","summary":[{"type":"summary_text","text":"s"}],"encrypted_content":"gAAA"},{"role":"assistant","content":"a"}])",
       R"([{"role":"assistant","content":"a"}])"},
  };
  for (const auto& [input, wanted] : cases) EXPECT_EQ(Messages(input), wanted);
  EXPECT_EQ(Messages(R"([{"role":"system","content":"A"},{"role":"user","content":"q"}])",
                     R"(,"instructions":"I")"),
            R"([{"role":"system","content":"I\n\nA"},{"role":"user","content":"q"}])");
}

TEST(ReadResponsesRequest, RefusesItems) {
  const std::pair<std::string, std::string> cases[] = {
      {"7", "input: "},
      {"[]", "input: missing"},
      {"[7]", "input[0]: "},
      {R"([{"role":"robot","content":""}])", "input[0].role: "},
      {R"([{"role":"user"}])", "input[0].content: missing"},
      {R"([{"role":"user","content":"","extra":1}])", "input[0].extra: "},
      {R"([{"role":"user","content":[{"type":"text","text":""}]}])", "input[0].content[0].type: "},
      {R"([{"role":"user","content":[{"type":"input_file","file_data":"x"}]}])",
       "input[0].content[0].type: carat reads no documents"},
      {R"([{"role":"user","content":[{"type":"input_image","image_url":"https://x/y.png"}]}])",
       "input[0].content[0].image_url: carat opens no addresses"},
      {R"([{"role":"user","content":[{"type":"input_image","file_id":"f"}]}])",
       "input[0].content[0].file_id: carat keeps no files"},
      {R"([{"role":"system","content":[{"type":"input_image","image_url":"data:image/png;base64,AA=="}]}])",
       "input[0].content[0].type: only text can stand here"},
      {R"([{"role":"assistant","content":[{"type":"input_image","image_url":"data:,"}]}])",
       "input[0].content[0].type: only text can stand here"},
      {R"([{"type":"web_search_call","id":"w"}])", "input[0].type: carat takes no such item"},
      {R"([{"type":"function_call","call_id":"1","name":"f","arguments":"[]"}])",
       "input[0].arguments: "},
      {R"([{"type":"function_call","call_id":"1","name":"f","arguments":"{}"}])",
       "input: a function call has no output"},
      {R"([{"type":"function_call","call_id":"1","name":"f","arguments":"{}"},{"role":"user","content":""}])",
       "input[1]: a function call has no output"},
      {R"([{"type":"function_call","call_id":"1","name":"f","arguments":""},{"type":"function_call","call_id":"1","name":"f","arguments":""}])",
       "input[1].call_id: two calls"},
      {R"([{"type":"function_call_output","call_id":"1","output":""}])",
       "input[0].call_id: no function call"},
      {R"([{"type":"item_reference","id":"msg_none"}])", "input[0].id: no such item"},
      {R"([{"id":"msg_none"}])", "input[0].id: no such item"},
  };
  for (const auto& [input, wanted] : cases) {
    EXPECT_TRUE(Messages(input).starts_with(wanted)) << input << "\n" << Messages(input);
  }
}

TEST(ReadResponsesRequest, GoesOnFromAStoredResponse) {
  ResponseStore store({});
  StoredResponse first{.id = "resp_1", .owner = "ann"};
  first.input = *ParseJson(R"([{"id":"msg_q","type":"message","role":"user","content":"q"}])");
  first.response = *ParseJson(
      R"({"output":[{"id":"fc_1","type":"function_call","status":"completed","arguments":"{}","call_id":"c","name":"f"}]})");
  store.Add(first);
  const std::string_view previous = R"(,"previous_response_id":"resp_1")";
  EXPECT_EQ(
      Messages(R"([{"type":"function_call_output","call_id":"c","output":"o"}])", previous, &store),
      R"([{"role":"user","content":"q"},{"role":"assistant","content":"","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":{}}}]},{"role":"tool","tool_call_id":"c","content":"o"}])");
  EXPECT_TRUE(Messages(R"("more")", previous, &store).starts_with("input: a function call has no"));
  EXPECT_EQ(Messages(R"([{"type":"item_reference","id":"msg_q"}])", "", &store),
            R"([{"role":"user","content":"q"}])");
  EXPECT_TRUE(Messages(R"("x")", R"(,"previous_response_id":"resp_2")", &store)
                  .starts_with("previous_response_id: no such response is stored"));
}

TEST(ReadResponsesRequest, TakesEveryParameter) {
  const auto request = Read(R"(
    "input":"x","instructions":"I","stream":true,"store":true,"background":true,
    "tools":[{"type":"function","name":"f","description":"d","parameters":{"type":"object"},"strict":false}],
    "tool_choice":{"type":"function","name":"f"},"parallel_tool_calls":false,"max_tool_calls":3,
    "text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object"},"strict":true},"verbosity":"medium"},
    "reasoning":{"effort":"low","summary":"auto"},"max_output_tokens":9,"temperature":0.5,"top_p":0.9,
    "top_k":5,"min_p":0.1,"seed":7,"top_logprobs":2,
    "include":["message.output_text.logprobs","reasoning.encrypted_content","file_search_call.results"],
    "metadata":{"a":"b"},"truncation":"disabled","user":"u","safety_identifier":"s","prompt_cache_key":"k",
    "prompt_cache_retention":"24h","service_tier":"flex","stream_options":{"include_obfuscation":false},
    "prompt":null)");
  ASSERT_TRUE(request.has_value()) << request.error().Message();
  const Ask& ask = request->ask;
  EXPECT_EQ(ask.owner, "ann");
  EXPECT_TRUE(request->stream && request->background && request->store);
  EXPECT_EQ(ask.tools.array().size(), 1U);
  EXPECT_EQ(ask.tool_choice, ToolChoice::kRequired);
  EXPECT_EQ(ask.only_tool, "f");
  EXPECT_FALSE(ask.parallel_tools);
  EXPECT_EQ(ask.format, AnswerFormat::kJsonSchema);
  EXPECT_EQ(ask.schema_where, "text.format.schema");
  EXPECT_TRUE(ask.think && request->summary && request->sealed && request->logprobs);
  EXPECT_EQ(ask.thinking_budget, 1024U);
  EXPECT_EQ(ask.max_tokens, 9U);
  EXPECT_EQ(ask.sampling.temperature, 0.5);
  EXPECT_EQ(ask.sampling.top_k, 5);
  EXPECT_EQ(ask.sampling.seed, 7U);
  EXPECT_EQ(ask.logprobs, 2U);
  EXPECT_EQ(Tight(request->echo.Find("metadata")->Dump()), R"({"a":"b"})");
  EXPECT_EQ(request->echo.Find("service_tier")->string(), "default");
  EXPECT_EQ(
      Tight(request->echo.Find("tools")->Dump()),
      R"([{"type":"function","name":"f","description":"d","parameters":{"type":"object"},"strict":false}])");
}

TEST(ReadResponsesRequest, HasTheDialectsDefaults) {
  const auto request = Read(R"("input":"x")");
  ASSERT_TRUE(request.has_value());
  EXPECT_FALSE(request->stream || request->background || request->ask.think);
  EXPECT_TRUE(request->store && request->ask.parallel_tools);
  EXPECT_FALSE(request->ask.logprobs.has_value());
  EXPECT_EQ(request->echo.Find("tool_choice")->string(), "auto");
  EXPECT_EQ(Tight(request->echo.Find("text")->Dump()),
            R"({"format":{"type":"text"},"verbosity":"medium"})");
  EXPECT_EQ(Tight(request->input.Dump()), R"([{"role":"user","content":"x"}])");
}

TEST(ReadResponsesRequest, ChoosesTools) {
  const std::string tools =
      R"("input":"x","tools":[{"type":"function","name":"f"},{"type":"function","name":"g"}],)";
  const auto choice = [&](const std::string& text) {
    return Read(tools + "\"tool_choice\":" + text);
  };
  EXPECT_EQ(choice(R"("none")")->ask.tool_choice, ToolChoice::kNone);
  EXPECT_EQ(choice(R"("auto")")->ask.tool_choice, ToolChoice::kAuto);
  EXPECT_EQ(choice(R"("required")")->ask.tool_choice, ToolChoice::kRequired);
  const auto allowed = choice(
      R"({"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"g"}]})");
  ASSERT_TRUE(allowed.has_value());
  EXPECT_EQ(allowed->ask.tools.array().size(), 1U);
  EXPECT_EQ(allowed->ask.tool_choice, ToolChoice::kRequired);
  for (const char* wrong :
       {R"("any")", R"({"type":"web_search"})", R"({"type":"function","name":"h"})",
        R"({"type":"allowed_tools","mode":"auto","tools":[{"type":"mcp"}]})"}) {
    const auto refused = choice(wrong);
    ASSERT_FALSE(refused.has_value()) << wrong;
    EXPECT_TRUE(refused.error().where.starts_with("tool_choice")) << refused.error().Message();
  }
}

// As Codex sends them.
TEST(ReadResponsesRequest, TakesNamespacesAndLeavesOutTheWeb) {
  const auto request = Read(
      R"("client_metadata":{"x":"y"},"tools":[{"type":"web_search","external_web_access":false},{"type":"namespace","name":"agents","description":"d","tools":[{"type":"function","name":"spawn","parameters":{"type":"object"}}]},{"type":"function","name":"spawn"}],"tool_choice":{"type":"function","namespace":"agents","name":"spawn"},"input":[{"type":"function_call","call_id":"1","namespace":"agents","name":"spawn","arguments":"{}"},{"type":"function_call_output","call_id":"1","output":"x"}])");
  ASSERT_TRUE(request.has_value()) << request.error().Message();
  EXPECT_EQ(request->ask.only_tool, "agents.spawn");
  EXPECT_EQ(request->ask.tools.array().size(), 2U);
  EXPECT_EQ(request->ask.tool_places[0], "tools[1].tools[0].parameters");
  EXPECT_EQ(request->spaced.at("agents.spawn"),
            std::pair(std::string("agents"), std::string("spawn")));
  ASSERT_EQ(request->ask.warnings.size(), 2U);
  EXPECT_TRUE(request->ask.warnings[1].starts_with("tools[1].description"));
  EXPECT_TRUE(request->ask.warnings[0].starts_with("tools[0].type: web_search is left out"));
  EXPECT_NE(request->ask.messages.Dump().find("agents.spawn"), std::string::npos);
  EXPECT_EQ(request->echo.Find("tools")->array()[0].Find("type")->string(), "namespace");
}

TEST(ReadResponsesRequest, RefusesByName) {
  const std::pair<std::string, std::string> cases[] = {
      {R"("frequency_penalty":1)", "frequency_penalty: carat knows no such parameter"},
      {R"("truncation":"auto")", "truncation: carat does not do this"},
      {R"("conversation":"conv_1")", "conversation: "},
      {R"("prompt":{"id":"p"})", "prompt: "},
      {R"("context_management":[{"type":"compaction"}])", "context_management: "},
      {R"("moderation":{"model":"m"})", "moderation: "},
      {R"("text":{"verbosity":"low"})", "text.verbosity: "},
      {R"("text":{"format":{"type":"grammar"}})", "text.format.type: "},
      {R"("text":{"format":{"type":"json_schema","name":"n"}})", "text.format.schema: missing"},
      {R"("text":{"format":{"type":"json_schema","schema":{}}})", "text.format.name: missing"},
      {R"("reasoning":{"effort":"huge"})", "reasoning.effort: "},
      {R"("reasoning":{"context":"all_turns"})", "reasoning.context: "},
      {R"("reasoning":{"mode":"pro"})", "reasoning.mode: "},
      {R"("temperature":3)", "temperature: "},
      {R"("carat":{"grammar":"x"})", "carat.grammar: "},
      {R"("top_p":-1)", "top_p: "},
      {R"("max_output_tokens":0)", "max_output_tokens: "},
      {R"("top_logprobs":21)", "top_logprobs: "},
      {R"("include":["everything"])", "include[0]: "},
      {R"("include":"x")", "include: "},
      {R"("metadata":{"a":1})", "metadata: "},
      {R"("tools":[{"type":"file_search"}])", "tools[0].type: carat runs no tools of its own"},
      {R"("tools":[{"type":"namespace","name":"a.b","tools":[]}])", "tools[0].name: "},
      {R"("tools":[{"type":"namespace","name":"a","tools":[{"type":"mcp"}]}])",
       "tools[0].tools[0].type: "},
      {R"("stream_options":{"include_usage":true})", "stream_options.include_usage: "},
      {R"("tools":[{"type":"function"}])", "tools[0].name: missing"},
      {R"("tools":[{"type":"function","name":"f","parameters":[]}])", "tools[0].parameters: "},
      {R"("tools":{})", "tools: "},
      {R"("tool_choice":"required")", "tool_choice: "},
      {R"("background":true,"store":false)", "background: "},
      {R"("service_tier":"gold")", "service_tier: "},
      {R"("stream":"yes")", "stream: "},
      {R"("image":{"context_compression":"enabled"})", "image.context_compression: "},
      {R"("user":7)", "user: "},
  };
  for (const auto& [members, wanted] : cases) {
    const auto request = Read(R"("input":"x",)" + members);
    ASSERT_FALSE(request.has_value()) << members;
    EXPECT_TRUE(request.error().Message().starts_with(wanted)) << request.error().Message();
  }
  EXPECT_EQ(Read("").error().Message(), "input: missing");
}

// What serializers write of members that were not set.
TEST(ReadResponsesRequest, TakesNullAsAbsent) {
  const auto request = Read(R"("input":[{"type":null,"id":null,"role":"user","content":"x"}])");
  ASSERT_TRUE(request.has_value()) << request.error().Message();
  const Json kept = KeptItem(request->input.array()[0], "1");
  EXPECT_EQ(kept.Find("type")->string(), "message");
  EXPECT_EQ(kept.Find("id")->string(), "msg_1");
  EXPECT_EQ(Messages(R"([{"role":"user","content":"x","id":5}])"),
            "input[0].id: wrong value (wanted a string, found 5)");
}

TEST(ReadResponsesRequest, NamesFunctionsInNamespacesAsTheyMayBeNamed) {
  const std::string tools =
      R"("input":"x","tools":[{"type":"namespace","name":"a","tools":[{"type":"function","name":"f"},{"type":"function","name":"g"}]},{"type":"namespace","name":"b","tools":[{"type":"function","name":"g"}]},{"type":"function","name":"h"},{"type":"web_search"}],)";
  const auto only = [&](const std::string& choice) {
    const auto request = Read(tools + "\"tool_choice\":" + choice);
    return request ? request->ask.only_tool.value_or("") : request.error().Message();
  };
  EXPECT_EQ(only(R"({"type":"function","name":"f"})"), "a.f");
  EXPECT_EQ(only(R"({"type":"function","name":"h"})"), "h");
  EXPECT_EQ(only(R"({"type":"function","namespace":"b","name":"g"})"), "b.g");
  EXPECT_TRUE(only(R"({"type":"function","name":"g"})").starts_with("tool_choice.name: "));
  const auto allowed = Read(
      tools +
      R"("tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"web_search"},{"type":"function","name":"f"}]})");
  ASSERT_TRUE(allowed.has_value()) << allowed.error().Message();
  EXPECT_EQ(allowed->ask.tools.array().size(), 1U);
  EXPECT_EQ(allowed->ask.tool_places, std::vector<std::string>{"tools[0].tools[0].parameters"});
}

TEST(KeptItem, HasAnIdATypeAndParts) {
  EXPECT_EQ(
      Tight(KeptItem(*ParseJson(R"({"role":"user","content":"x"})"), "1").Dump()),
      R"({"role":"user","content":[{"type":"input_text","text":"x"}],"type":"message","id":"msg_1","status":"completed"})");
  EXPECT_EQ(
      Tight(KeptItem(*ParseJson(
                         R"({"type":"function_call_output","id":"own","call_id":"c","output":""})"),
                     "1")
                .Dump()),
      R"({"type":"function_call_output","id":"own","call_id":"c","output":"","status":"completed"})");
  EXPECT_EQ(KeptItem(*ParseJson(R"({"type":"reasoning","summary":[]})"), "1").Find("id")->string(),
            "rs_1");
}

}  // namespace
}  // namespace carat
