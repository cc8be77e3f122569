#include "api/anthropic/messages_request.h"

#include <gtest/gtest.h>

#include "api/anthropic/blocks.h"
#include "tests/support/tight_json.h"

namespace carat {
namespace {

Result<MessagesRequest> Read(const std::string& members, bool count = false) {
  const auto body = ParseJson("{" + members + "}");
  EXPECT_TRUE(body.has_value()) << members;
  return ReadMessagesRequest(*body, count);
}

constexpr const char* kPlain =
    R"("model":"carat","max_tokens":9,"messages":[{"role":"user","content":"x"}])";

std::string Messages(const std::string& messages, const std::string& more = "") {
  const auto request = Read(R"("max_tokens":9,"messages":)" + messages + more);
  return request ? Tight(WithoutPlaces(request->ask.messages.Dump())) : request.error().Message();
}

TEST(ReadMessagesRequest, TurnsBlocksIntoMessages) {
  const std::pair<std::string, std::string>
      cases[] =
          {
              {R"([{"role":"user","content":"hi"}])", R"([{"role":"user","content":"hi"}])"},
              {R"([{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="},"budget":70}]}])",
               R"([{"role":"user","content":[{"type":"text","text":"a"},{"type":"image","path":"data:image/png;base64,AA==","budget":70}]}])"},
              {R"([{"role":"user","content":[{"type":"audio","source":{"type":"base64","media_type":"audio/wav","data":"AA=="}},{"type":"video","fps":1,"source":{"type":"base64","media_type":"video/mp4","data":"AA=="}}]}])",
               R"([{"role":"user","content":[{"type":"audio","path":"data:audio/wav;base64,AA=="},{"type":"video","path":"data:video/mp4;base64,AA==","fps":1.0}]}])"},
              {R"([{"role":"user","content":[{"type":"document","title":"T","context":"C","source":{"type":"text","media_type":"text/plain","data":"D"},"citations":{"enabled":false}},{"type":"search_result","source":"S","title":"U","content":[{"type":"text","text":"R"}]}]}])",
               R"([{"role":"user","content":[{"type":"text","text":"T\nC\n"},{"type":"text","text":"D"},{"type":"text","text":"U\nS\n"},{"type":"text","text":"R"}]}])"},
              {R"([{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"thinking","thinking":"T","signature":"s"},{"type":"redacted_thinking","data":"x"},{"type":"text","text":"a"},{"type":"text","text":"b","citations":null}]},{"role":"user","content":"r"}])",
               R"([{"role":"user","content":"q"},{"role":"assistant","reasoning":"T","content":"ab"},{"role":"user","content":"r"}])"},
              {R"([{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"thinking","thinking":"","signature":"carat-thought:SG0="},{"type":"text","text":"Wait."},{"type":"tool_use","id":"1","name":"f","input":{"a":1}},{"type":"tool_use","id":"2","name":"g","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"2","content":"two"},{"type":"tool_result","tool_use_id":"1","content":[{"type":"text","text":"one"}],"is_error":false},{"type":"text","text":"go on"}]}])", R"([{"role":"user","content":"q"},{"role":"assistant","reasoning":"Hm","content":"Wait."},{"role":"assistant","content":"","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":{"a":1}}},{"id":"2","type":"function","function":{"name":"g","arguments":{}}}]},{"role":"tool","tool_call_id":"2","content":"two"},{"role":"tool","tool_call_id":"1","content":[{"type":"text","text":"one"}]},{"role":"user","content":[{"type":"text","text":"go on"}]}])"},
              {R"([{"role":"assistant","content":[{"type":"tool_use","id":"1","name":"f","input":{}},{"type":"tool_use","id":"2","name":"f","input":{}},{"type":"tool_use","id":"3","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"1","is_error":true,"content":"no"},{"type":"tool_result","tool_use_id":"2","is_error":true,"content":[{"type":"text","text":"bad"}]},{"type":"tool_result","tool_use_id":"3"}]}])",
               R"([{"role":"assistant","content":"","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":{}}},{"id":"2","type":"function","function":{"name":"f","arguments":{}}},{"id":"3","type":"function","function":{"name":"f","arguments":{}}}]},{"role":"tool","tool_call_id":"1","content":"Error:no"},{"role":"tool","tool_call_id":"2","content":[{"type":"text","text":"Error:"},{"type":"text","text":"bad"}]},{"role":"tool","tool_call_id":"3","content":""}])"},
              {R"([{"role":"user","content":"q"},{"role":"system","content":[{"type":"text","text":"S"}]}])",
               R"([{"role":"user","content":"q"},{"role":"system","content":[{"type":"text","text":"S"}]}])"},
          };
  for (const auto& [messages, wanted] : cases) {
    std::string read = Messages(messages);
    for (size_t at; (at = read.find("Error: ")) != std::string::npos;) read.erase(at + 6, 1);
    EXPECT_EQ(read, wanted);
  }
  EXPECT_EQ(
      Messages(R"([{"role":"user","content":"q"}])", R"(,"system":[{"type":"text","text":"S"}])"),
      R"([{"role":"system","content":[{"type":"text","text":"S"}]},{"role":"user","content":"q"}])");
}

TEST(ReadMessagesRequest, RefusesBlocks) {
  const std::string call =
      R"({"role":"assistant","content":[{"type":"tool_use","id":"1","name":"f","input":{}}]})";
  const std::pair<std::string, std::string> cases[] = {
      {"[]", "messages: "},
      {"{}", "messages: "},
      {R"([{"role":"robot","content":""}])", "messages[0].role: "},
      {R"([{"role":"user"}])", "messages[0].content: missing"},
      {R"([{"role":"user","content":7}])", "messages[0].content: "},
      {R"([{"role":"user","content":"","name":"x"}])", "messages[0].name: "},
      {R"([{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://x/y"}}]}])",
       "messages[0].content[0].source.type: carat opens no addresses"},
      {R"([{"role":"user","content":[{"type":"image","source":{"type":"file","file_id":"f"}}]}])",
       "messages[0].content[0].source.type: carat keeps no files"},
      {R"([{"role":"user","content":[{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":""}}]}])",
       "messages[0].content[0].source.type: carat reads no PDF"},
      {R"([{"role":"user","content":[{"type":"document","source":{"type":"text","data":""},"citations":{"enabled":true}}]}])",
       "messages[0].content[0].citations: "},
      {R"([{"role":"user","content":[{"type":"tool_use","id":"1","name":"f","input":{}}]}])",
       "messages[0].content[0].type: carat takes no such block here"},
      {R"([{"role":"assistant","content":[{"type":"image","source":{}}]}])",
       "messages[0].content[0].type: carat takes no such block here"},
      {R"([{"role":"assistant","content":[{"type":"server_tool_use","id":"1"}]}])",
       "messages[0].content[0].type: "},
      {R"([{"role":"user","content":"q"},{"role":"assistant","content":"prefill"}])",
       "messages: carat does not go on with an assistant's message"},
      {R"([{"role":"user","content":[{"type":"tool_result","tool_use_id":"1"}]}])",
       "messages[0].content[0].tool_use_id: no tool_use"},
      {"[" + call + "]", "messages: a tool_use before this has no tool_result"},
      {"[" + call + R"(,{"role":"user","content":"x"}])", "messages[1].content: a tool_use"},
      {"[" + call + R"(,{"role":"user","content":[{"type":"text","text":"x"}]}])",
       "messages[1].content[0]: a tool_use"},
      {"[" + call +
           R"(,{"role":"user","content":[{"type":"tool_result","tool_use_id":"1"},{"type":"text","text":"x"},{"type":"tool_result","tool_use_id":"1"}]}])",
       "messages[1].content[2]: tool_result blocks come first"},
      {R"([{"role":"assistant","content":[{"type":"tool_use","id":"1","name":"f","input":"{}"}]}])",
       "messages[0].content[0].input: "},
  };
  for (const auto& [messages, wanted] : cases) {
    EXPECT_TRUE(Messages(messages).starts_with(wanted)) << messages << "\n" << Messages(messages);
  }
  EXPECT_TRUE(
      Messages(R"([{"role":"user","content":"q"}])", R"(,"system":[{"type":"image","source":{}}])")
          .starts_with("system[0].type: only text"));
}

TEST(ReadMessagesRequest, TakesEveryParameter) {
  const auto request = Read(std::string(kPlain) + R"(,"stream":true,
    "tools":[{"name":"f","description":"d","input_schema":{"type":"object"},"type":"custom","strict":true,"cache_control":{"type":"ephemeral"}}],
    "tool_choice":{"type":"tool","name":"f","disable_parallel_tool_use":true},
    "thinking":{"type":"adaptive","display":"omitted"},
    "output_config":{"effort":"low","format":{"type":"json_schema","schema":{"type":"object"}}},
    "temperature":1,"top_k":5,"top_p":0.5,"stop_sequences":["a","b","c","d","e"],
    "metadata":{"user_id":"u"},"service_tier":"auto","cache_control":{"type":"ephemeral"},
    "context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]},
    "carat":{"progress":true,"detached":true})");
  ASSERT_TRUE(request.has_value()) << request.error().Message();
  const Ask& ask = request->ask;
  EXPECT_TRUE(request->stream && request->detached && request->omit_thinking && ask.progress);
  EXPECT_EQ(request->model, "carat");
  EXPECT_EQ(ask.max_tokens, 9U);
  EXPECT_EQ(ask.only_tool, "f");
  EXPECT_FALSE(ask.parallel_tools);
  EXPECT_TRUE(ask.think);
  EXPECT_EQ(ask.thinking_budget, 1024U);
  EXPECT_EQ(ask.schema_where, "output_config.format.schema");
  EXPECT_EQ(ask.sampling.top_k, 5);
  EXPECT_EQ(ask.stop.size(), 5U);
}

TEST(ReadMessagesRequest, ThinksIfAsked) {
  const auto think = [](const std::string& members) {
    return Read(std::string(kPlain) + "," + members);
  };
  const auto enabled = think(R"("thinking":{"type":"enabled","budget_tokens":2048})");
  EXPECT_TRUE(enabled->ask.think);
  EXPECT_EQ(enabled->ask.thinking_budget, 2048U);
  EXPECT_FALSE(think(R"("thinking":{"type":"disabled"})")->ask.think);
  EXPECT_FALSE(think(R"("output_config":{"effort":"high"})")->ask.think);
  EXPECT_FALSE(Read(kPlain)->ask.think);
  EXPECT_EQ(think(R"("thinking":{"type":"enabled"})").error().where, "thinking.budget_tokens");
  EXPECT_EQ(think(R"("thinking":{"type":"between_tools"})").error().where, "thinking.type");
}

TEST(ReadMessagesRequest, RefusesByName) {
  const std::pair<std::string, std::string> cases[] = {
      {R"("temperature":1.5)", "temperature: "},
      {R"("top_logprobs":1)", "top_logprobs: carat knows no such parameter"},
      {R"("container":"c")", "container: "},
      {R"("mcp_servers":[{}])", "mcp_servers: "},
      {R"("inference_geo":"eu")", "inference_geo: "},
      {R"("speed":"fast")", "speed: "},
      {R"("service_tier":"gold")", "service_tier: "},
      {R"("context_management":{"edits":[{"type":"clear_tool_uses_20250919"}]})",
       "context_management.edits[0]: "},
      {R"("tools":[{"type":"web_search_20250305","name":"web_search"}])", "tools[0].type: "},
      {R"("tools":[{"name":"f"}])", "tools[0].input_schema: missing"},
      {R"("tools":[{"name":"f","input_schema":{},"input_examples":[{}]}])",
       "tools[0].input_examples: "},
      {R"("tool_choice":{"type":"any"})", "tool_choice: "},
      {R"("tool_choice":{"type":"tool","name":"f"})", "tool_choice.name: "},
      {R"("tool_choice":"auto")", "tool_choice: "},
      {R"("output_config":{"format":{"type":"text","schema":{}}})", "output_config.format.type: "},
      {R"("output_config":{"task_budget":{}})", "output_config.task_budget: "},
      {R"("stop_sequences":[""])", "stop_sequences[0]: "},
  };
  for (const auto& [members, wanted] : cases) {
    const auto request = Read(std::string(kPlain) + "," + members);
    ASSERT_FALSE(request.has_value()) << members;
    EXPECT_TRUE(request.error().Message().starts_with(wanted)) << request.error().Message();
  }
  const std::string messages = R"("messages":[{"role":"user","content":"x"}])";
  EXPECT_EQ(Read(messages).error().Message(), "max_tokens: missing");
  EXPECT_TRUE(Read(messages, true).has_value());
}

TEST(ThoughtSignature, IsTheSameForTheSameText) {
  EXPECT_EQ(ThoughtSignature("Hm", false), ThoughtSignature("Hm", false));
  EXPECT_NE(ThoughtSignature("Hm", false), ThoughtSignature("Hm.", false));
  EXPECT_EQ(ThoughtSignature("Hm", true), "carat-thought:SG0=");
}

}  // namespace
}  // namespace carat
