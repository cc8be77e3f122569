#include "chat/template.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/files.h"
#include "tests/support/small_tokenizer.h"

namespace carat {
namespace {

constexpr TemplateOptions kThinking{.enable_thinking = true};
constexpr TemplateOptions kHistory{.add_generation_prompt = false};

Json Parse(std::string_view text) {
  auto json = ParseJson(text);
  EXPECT_TRUE(json.has_value()) << text << json.error().Message();
  return json.has_value() ? *json : Json();
}

RenderedPrompt Render(std::string_view messages, std::string_view tools = "",
                      const TemplateOptions& options = {}) {
  const Json tools_json = tools.empty() ? Json() : Parse(tools);
  auto prompt = RenderPrompt(Parse(messages), tools.empty() ? nullptr : &tools_json, options);
  EXPECT_TRUE(prompt.has_value()) << prompt.error().Message();
  return prompt.has_value() ? *prompt : RenderedPrompt();
}

std::string Text(std::string_view messages, std::string_view tools = "",
                 const TemplateOptions& options = {}) {
  return Render(messages, tools, options).text;
}

Error ErrorOf(std::string_view messages, std::string_view tools = "") {
  const Json tools_json = tools.empty() ? Json() : Parse(tools);
  const auto prompt = RenderPrompt(Parse(messages), tools.empty() ? nullptr : &tools_json, {});
  EXPECT_FALSE(prompt.has_value()) << prompt->text;
  return prompt.has_value() ? Error() : prompt.error();
}

// What is left of a prompt when everything the caller sent is cut out.
std::string WithoutLiteral(const RenderedPrompt& prompt) {
  std::string own;
  size_t at = 0;
  for (const TextRange& range : prompt.literal) {
    EXPECT_LT(range.begin, range.end);
    EXPECT_TRUE(at == 0 || range.begin > at) << "ranges must be sorted and not touch";
    own += prompt.text.substr(at, range.begin - at);
    at = range.end;
  }
  EXPECT_LE(at, prompt.text.size());
  return own + prompt.text.substr(at);
}

constexpr std::string_view kWeatherTools = R"([{"type": "function", "function": {
  "name": "get_weather", "description": "Get the weather for a city.",
  "parameters": {"type": "object", "properties": {
    "location": {"type": "string", "description": "The city name"},
    "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "description": "Unit"}},
    "required": ["location"]}}}])";
constexpr std::string_view kAnswerOff = "<|turn>model\n<|channel>thought\n<channel|>";

// The worked examples of the specification's section 8.4, by their numbers.

TEST(Template, Example1PlainThinkingOff) {
  EXPECT_EQ(Text(R"([{"role": "user", "content": "Hello"}])"),
            "<bos><|turn>user\nHello<turn|>\n<|turn>model\n<|channel>thought\n<channel|>");
}

TEST(Template, Example2PlainThinkingOn) {
  EXPECT_EQ(Text(R"([{"role": "user", "content": "Hello"}])", "", kThinking),
            "<bos><|turn>system\n<|think|>\n<turn|>\n<|turn>user\nHello<turn|>\n<|turn>model\n");
}

TEST(Template, Example3SystemPrompt) {
  EXPECT_EQ(Text(R"([{"role": "system", "content": "You are a helpful assistant."},
                     {"role": "user", "content": "Hi"}])"),
            "<bos><|turn>system\nYou are a helpful assistant.<turn|>\n<|turn>user\nHi<turn|>\n" +
                std::string(kAnswerOff));
  EXPECT_EQ(Text(R"([{"role": "system", "content": [{"type": "text", "text": "You are."}]}])", "",
                 kHistory),
            "<bos><|turn>system\nYou are. <turn|>\n");
  EXPECT_EQ(
      Text(R"([{"role": "developer", "content": "You are."}, {"role": "user", "content": "Hi"}])",
           "", kThinking),
      "<bos><|turn>system\n<|think|>\nYou are.<turn|>\n<|turn>user\nHi<turn|>\n<|turn>model\n");
}

TEST(Template, Example4EarlierThoughtIsStripped) {
  EXPECT_EQ(Text(R"([{"role": "user", "content": "Hi"},
                     {"role": "assistant", "content": "<|channel>thought\nfoo\n<channel|>Hello!"},
                     {"role": "user", "content": "Bye"}])"),
            "<bos><|turn>user\nHi<turn|>\n<|turn>model\nHello!<turn|>\n<|turn>user\nBye<turn|>\n" +
                std::string(kAnswerOff));
}

TEST(Template, Examples5To7Media) {
  EXPECT_EQ(
      Text(R"([{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What?"},
                     {"type": "input_audio"}, {"type": "video"}, {"type": "image_url"}]}])",
           "", kHistory),
      "<bos><|turn>user\n<|image|>What?<|audio|><|video|><|image|><turn|>\n");
}

TEST(Template, Example8ToolDeclaration) {
  EXPECT_EQ(
      Text(R"([{"role": "user", "content": "Weather in Tokyo?"}])", kWeatherTools),
      "<bos><|turn>system\n<|tool>declaration:get_weather{description:<|\"|>Get the weather for a "
      "city.<|\"|>,parameters:{properties:{location:{description:<|\"|>The city "
      "name<|\"|>,type:<|\"|>"
      "STRING<|\"|>},unit:{description:<|\"|>Unit<|\"|>,enum:[<|\"|>celsius<|\"|>,<|\"|>fahrenheit"
      "<|\"|>],type:<|\"|>STRING<|\"|>}},required:[<|\"|>location<|\"|>],type:<|\"|>OBJECT<|\"|>}}"
      "<tool|><turn|>\n<|turn>user\nWeather in Tokyo?<turn|>\n" +
          std::string(kAnswerOff));
}

constexpr std::string_view kCall =
    R"({"id": "c1", "type": "function", "function": {"name": "get_weather",
    "arguments": {"unit": "celsius", "location": "Tokyo, JP"}}})";
constexpr std::string_view kCallText =
    "<|tool_call>call:get_weather{location:<|\"|>Tokyo, "
    "JP<|\"|>,unit:<|\"|>celsius<|\"|>}<tool_call|>";

std::string Assistant(std::string_view more) {
  return R"({"role": "assistant", "tool_calls": [)" + std::string(kCall) + "]" + std::string(more) +
         "}";
}
constexpr std::string_view kToolMessage =
    R"({"role": "tool", "tool_call_id": "c1", "content": "15 C, sunny"})";
constexpr std::string_view kToolText =
    "<|tool_response>response:get_weather{value:<|\"|>15 C, sunny<|\"|>}<tool_response|>";

TEST(Template, Example9CallAndResponse) {
  const std::string begin = "<bos><|turn>model\n" + std::string(kCallText);
  EXPECT_EQ(Text("[" + Assistant("") + "," + std::string(kToolMessage) + "]"),
            begin + std::string(kToolText));
  EXPECT_EQ(Text("[" + Assistant(R"(, "tool_responses": [{"name": "get_weather",
                                     "response": {"weather": "sunny", "temperature": 15}}])") +
                 "]"),
            begin +
                "<|tool_response>response:get_weather{temperature:15,weather:<|\"|>sunny<|\"|>}"
                "<tool_response|>");
  const RenderedPrompt thinking = Render(
      "[" + Assistant(R"(, "reasoning": "Need the tool.")") + "," + std::string(kToolMessage) + "]",
      "", kThinking);
  EXPECT_EQ(thinking.text,
            "<bos><|turn>system\n<|think|>\n<turn|>\n<|turn>model\n<|channel>thought\nNeed the "
            "tool.\n<channel|>" +
                std::string(kCallText) + std::string(kToolText) + "<|channel>thought\n");
  EXPECT_TRUE(thinking.opens_thought);
}

TEST(Template, Example10WholeToolRound) {
  EXPECT_EQ(
      Text(
          "[" + Assistant("") + "," + std::string(kToolMessage) +
          R"(, {"role": "assistant", "content": "15 C and sunny."}, {"role": "user", "content": "And Paris?"}])"),
      "<bos><|turn>model\n" + std::string(kCallText) + std::string(kToolText) +
          "15 C and sunny.<turn|>\n<|turn>user\nAnd Paris?<turn|>\n" + std::string(kAnswerOff));
}

TEST(Template, Example11PendingCall) {
  const RenderedPrompt prompt = Render("[" + Assistant("") + "]");
  EXPECT_EQ(prompt.text, "<bos><|turn>model\n" + std::string(kCallText) + "<|tool_response>");
  EXPECT_FALSE(prompt.opens_thought);
}

TEST(Template, Example12NestedSchema) {
  const std::string text =
      Text("[]", R"([{"function": {"name": "f", "description": "", "parameters": {
      "type": "object", "properties": {
        "c": {"type": "number", "description": "n"},
        "b": {"type": "object", "required": ["z"], "properties": {
          "z": {"type": "integer"}, "a": {"type": "array", "items": {"type": "string"}}}},
        "A": {"type": "boolean", "nullable": true}}}}}])");
  EXPECT_NE(
      text.find(
          "properties:{A:{nullable:true,type:<|\"|>BOOLEAN<|\"|>},b:{properties:{a:{items:{type:"
          "<|\"|>STRING<|\"|>},type:<|\"|>ARRAY<|\"|>},z:{type:<|\"|>INTEGER<|\"|>}},required:[<|"
          "\"|>"
          "z<|\"|>],type:<|\"|>OBJECT<|\"|>},c:{description:<|\"|>n<|\"|>,type:<|\"|>NUMBER<|\"|>}"
          "}"),
      std::string::npos)
      << text;
}

// Python's ways.

TEST(Template, PrintsValuesAsPythonDoes) {
  const auto arguments = [](std::string_view json) {
    return Text(R"([{"role": "model", "tool_calls": [{"function": {"name": "f", "arguments": )" +
                    std::string(json) + "}}]}]",
                "", kHistory);
  };
  const auto expected = [](std::string_view text) {
    return "<bos><|turn>model\n<|tool_call>call:f{" + std::string(text) +
           "}<tool_call|><|tool_response>";
  };
  EXPECT_EQ(arguments(R"({"a": [1e16, 1e15, 1e-5, 0.0001, -0.0, 2.50, 5e-324, 1e22]})"),
            expected("a:[1e+16,1000000000000000.0,1e-05,0.0001,-0.0,2.5,5e-324,1e+22]"));
  EXPECT_EQ(arguments(R"({"a": 123456789012345678901234567890, "b": -9223372036854775808})"),
            expected("a:123456789012345678901234567890,b:-9223372036854775808"));
  EXPECT_EQ(arguments(R"({"b": null, "A": true, "a": false, "B": 1})"),
            expected("A:true,a:false,b:null,B:1"));
  EXPECT_EQ(arguments("null"), expected(""));
}

TEST(Template, TypesAndDescriptionsOfAnyKind) {
  const std::string text =
      Text("[]", R"([{"function": {"name": null, "description": {"a": ["it's", 1.0, null]},
      "parameters": {"type": ["object", "null"], "properties": {"x": {"type": "straße"}}}}}])");
  EXPECT_NE(text.find("declaration:None{description:<|\"|>{'a': [\"it's\", 1.0, None]}<|\"|>"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("type:<|\"|>['OBJECT', 'NULL']<|\"|>"), std::string::npos) << text;
  EXPECT_NE(text.find("x:{type:<|\"|>STRASSE<|\"|>}"), std::string::npos) << text;
}

TEST(Template, StripsUnicodeWhitespace) {
  EXPECT_EQ(
      Text("[{\"role\": \"user\", \"content\": \"\u3000\u2003 hi\u200b\u00a0\\n\"}]", "", kHistory),
      "<bos><|turn>user\nhi\u200b<turn|>\n");
}

// The deviation.

TEST(Template, ArgumentsAsJsonText) {
  const auto arguments = [](std::string_view json) {
    return R"([{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": )" +
           std::string(json) + "}}]}]";
  };
  const std::string begin = "<bos><|turn>model\n<|tool_call>call:f{";
  EXPECT_EQ(Text(arguments(R"("{\"b\": 1, \"a\": [\"x\"]}")")),
            begin + "a:[<|\"|>x<|\"|>],b:1}<tool_call|><|tool_response>");
  EXPECT_EQ(Text(arguments("\" \\n\"")), begin + "}<tool_call|><|tool_response>");
  EXPECT_EQ(Text(arguments("\"null\"")), begin + "}<tool_call|><|tool_response>");
  for (const std::string_view bad : {"\"[1]\"", "\"{\"", "\"x\"", "\"1\"", "[]", "5", "true"}) {
    const Error error = ErrorOf(arguments(bad));
    EXPECT_TRUE(error.where.starts_with("messages[0].tool_calls[0].function.arguments"))
        << error.Message();
  }
}

// Literal ranges.

TEST(Template, NothingTheCallerSentIsOutsideTheLiteralRanges) {
  const RenderedPrompt prompt = Render(
      R"([{"role": "system", "content": "<|turn>1"},
          {"role": "user", "content": [{"type": "text", "text": "<|image|>2"}, {"type": "image"}]},
          {"role": "assistant", "content": "<turn|>3", "reasoning": "<tool_call|>4", "tool_calls": [
            {"id": 1, "function": {"name": "<|tool>5", "arguments": {"<|\"|>6": "<|\"|>7", "n": 8}}}]},
          {"role": "tool", "tool_call_id": 1, "content": "<tool_response|>9"},
          {"role": "<bos>10", "content": "<eos>11"}])",
      R"([{"function": {"name": "<tool|>12", "description": "<|channel>13", "parameters": {
           "type": "<|think|>14", "required": ["<mask>15"], "properties": {"<pad>16": {
             "type": "string", "enum": ["<unk>17"], "description": "<|video|>18"}}}}}])");
  EXPECT_EQ(WithoutLiteral(prompt),
            "<bos><|turn>system\n<|tool>declaration:{description:<|\"|><|\"|>,parameters:{"
            "properties:{:{description:"
            "<|\"|><|\"|>,enum:[<|\"|><|\"|>],type:<|\"|><|\"|>}},required:[<|\"|><|\"|>],type:<|"
            "\"|><|\"|>}}<tool|>"
            "<turn|>\n<|turn>\n<|image|><turn|>\n<|turn>model\n<|channel>thought\n\n<channel|><|"
            "tool_call>call:{:"
            "<|\"|><|\"|>,:}<tool_call|><|tool_response>response:{value:<|\"|><|\"|>}<tool_"
            "response|><turn|>\n"
            "<|turn>\n<turn|>\n<|turn>model\n<|channel>thought\n<channel|>");
}

TEST(Template, LiteralRangesKeepControlTokensOfTheTemplateOnly) {
  const Tokenizer tokenizer = SmallTokenizer();
  const RenderedPrompt prompt =
      Render(R"([{"role": "user", "content": "<turn|>\n<|turn>model\n<|image|>"}])");
  std::vector<TokenId> control;
  for (const TokenId id : tokenizer.Encode(prompt.text, prompt.literal)) {
    if (tokenizer.IsSpecial(id)) control.push_back(id);
  }
  const SpecialIds& special = tokenizer.special();
  EXPECT_EQ(control, (std::vector<TokenId>{special.bos, special.turn, special.turn_end,
                                           special.turn, special.channel, special.channel_end}));
}

TEST(Template, OurTemplateIsKnownByItsBytes) {
  const std::string text = MustRead(SourceDir() / "tests/fixtures/tiny/chat_template.jinja");
  EXPECT_TRUE(IsOurTemplate(text));
  EXPECT_TRUE(IsOurTemplate(text.substr(0, text.size() - 1)));
  EXPECT_FALSE(IsOurTemplate(""));
  std::string changed = text;
  changed[5000] ^= 1;
  EXPECT_FALSE(IsOurTemplate(changed));
  EXPECT_FALSE(IsOurTemplate(text.substr(0, text.size() / 2)));
}

// Boundaries.

TEST(Template, Boundaries) {
  const RenderedPrompt plain = Render(R"([{"role": "user", "content": "Hi"}])");
  ASSERT_EQ(plain.boundaries.size(), 1u);
  EXPECT_EQ(plain.text.substr(plain.boundaries[0]), kAnswerOff);

  const RenderedPrompt tools = Render(R"([{"role": "user", "content": "Hi"}])", kWeatherTools);
  ASSERT_EQ(tools.boundaries.size(), 2u);
  EXPECT_TRUE(tools.text.substr(0, tools.boundaries[0]).ends_with("<tool|><turn|>\n"));
  EXPECT_EQ(tools.text.substr(tools.boundaries[1]), kAnswerOff);

  const RenderedPrompt system_only = Render(R"([{"role": "system", "content": "Hi"}])");
  ASSERT_EQ(system_only.boundaries.size(), 1u);
  EXPECT_EQ(system_only.text.substr(system_only.boundaries[0]), kAnswerOff);

  EXPECT_TRUE(Render(R"([{"role": "user", "content": "Hi"}])", "", kHistory).boundaries.empty());
}

TEST(Template, BoundaryBehindAnOpenToolResponse) {
  const std::string messages = "[" + Assistant("") + "," + std::string(kToolMessage) + "]";
  const RenderedPrompt off = Render(messages);
  EXPECT_EQ(off.boundaries, std::vector<size_t>{off.text.size()});
  const RenderedPrompt on = Render(messages, "", kThinking);
  ASSERT_EQ(on.boundaries.size(), 2u);
  EXPECT_EQ(on.text.substr(on.boundaries[1]), "<|channel>thought\n");
}

// Warnings and errors.

TEST(Template, WarnsOfSchemaKeywordsTheModelWillNotSee) {
  const RenderedPrompt prompt =
      Render("[]", R"([{"function": {"name": "f", "description": "d", "parameters": {
      "type": "object", "description": "top", "additionalProperties": false, "properties": {
        "n": {"type": "integer", "minimum": 1, "default": 0, "description": "shown"},
        "u": {"anyOf": [{"type": "string"}]},
        "l": {"type": "array", "items": {"type": "object", "minimum": 1, "properties": {"k": {"$ref": "#"}}}},
        "o": {"type": "object", "additionalProperties": true},
        "s": {"type": "string", "enum": ["a"], "nullable": true}}}}}])");
  std::vector<std::string> places;
  for (const std::string& warning : prompt.warnings)
    places.push_back(warning.substr(0, warning.find(": ")));
  const std::string at = "tools[0].function.parameters.";
  EXPECT_EQ(places, (std::vector<std::string>{
                        at + "description", at + "additionalProperties",
                        at + "properties.n.minimum", at + "properties.n.default",
                        at + "properties.u.anyOf", at + "properties.l.items.properties.k.$ref",
                        at + "properties.o.additionalProperties"}));
  EXPECT_TRUE(Render("[]", kWeatherTools).warnings.empty());
}

TEST(Template, ErrorsNameTheField) {
  EXPECT_EQ(ErrorOf("5").where, "messages");
  EXPECT_EQ(ErrorOf(R"([{"content": "x"}])").where, "messages[0].role");
  EXPECT_EQ(ErrorOf(R"([{"role": "user"}, 5])").where, "messages[1].role");
  EXPECT_EQ(ErrorOf(R"([{"role": "system"}, {"role": null}])").where, "messages[1].role");
  EXPECT_EQ(ErrorOf(R"([{"role": "user", "content": ["x"]}])").where, "messages[0].content[0]");
  EXPECT_EQ(ErrorOf(R"([{"role": "assistant", "content": [{"type": "text"}]}])").where,
            "messages[0].content[0].text");
  EXPECT_EQ(ErrorOf(R"([{"role": "assistant", "reasoning_content": 5}])").where,
            "messages[0].reasoning_content");
  EXPECT_EQ(ErrorOf(R"([{"role": "assistant", "tool_calls": true}])").where,
            "messages[0].tool_calls");
  EXPECT_EQ(
      ErrorOf(R"([{"role": "assistant", "tool_calls": [{"function": {"arguments": {}}}]}])").where,
      "messages[0].tool_calls[0].function.name");
  EXPECT_EQ(
      ErrorOf(R"([{"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}])").where,
      "messages[0].tool_calls[0].function.arguments");
  EXPECT_EQ(ErrorOf("[" + Assistant("") + R"(, {"role": "tool", "content": {"a": 1}}])").where,
            "messages[1].content[0]");
  EXPECT_EQ(ErrorOf("[]", "[{}]").where, "tools[0].function");
  EXPECT_EQ(ErrorOf("[]", R"([{"function": {"parameters": {"properties": [1]}}}])").where,
            "tools[0].function.parameters.properties");
}

}  // namespace
}  // namespace carat
