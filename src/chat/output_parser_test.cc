#include "chat/output_parser.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/utf8.h"
#include "chat/template.h"
#include "tests/support/small_tokenizer.h"

namespace carat {
namespace {

using Kind = OutputEvent::Kind;

const Tokenizer& Small() {
  static const Tokenizer tokenizer = SmallTokenizer();
  return tokenizer;
}

std::vector<TokenId> Bytes(std::string_view text) {
  std::vector<TokenId> ids;
  for (const char c : text) ids.push_back(ByteToken(c));
  return ids;
}

// Joins neighbouring pieces of the same kind.
std::vector<OutputEvent> Coalesce(const std::vector<OutputEvent>& events) {
  std::vector<OutputEvent> joined;
  for (const OutputEvent& event : events) {
    const bool is_piece = event.kind == Kind::kText || event.kind == Kind::kThinking;
    if (is_piece && !joined.empty() && joined.back().kind == event.kind) {
      joined.back().text += event.text;
    } else {
      joined.push_back(event);
    }
  }
  return joined;
}

std::vector<OutputEvent> Parse(const std::vector<TokenId>& ids, bool starts_in_thought = false) {
  OutputParser parser(Small(), starts_in_thought);
  std::vector<OutputEvent> events;
  for (const TokenId id : ids) parser.Push(id, events);
  parser.Finish(events);
  for (const OutputEvent& event : events) {
    EXPECT_TRUE(IsValidUtf8(event.text));
    if (event.kind == Kind::kText || event.kind == Kind::kThinking) {
      EXPECT_FALSE(event.text.empty());
    }
  }
  return Coalesce(events);
}

// One line per event: "text:…", "thinking:…", "call:NAME{json}", "malformed:…".
std::string Show(const std::vector<OutputEvent>& events) {
  std::string out;
  for (const OutputEvent& event : events) {
    if (!out.empty()) out += " / ";
    if (event.kind == Kind::kText) out += "text:" + event.text;
    if (event.kind == Kind::kThinking) out += "thinking:" + event.text;
    if (event.kind == Kind::kToolCall) out += "call:" + event.name + event.arguments.Dump();
    if (event.kind == Kind::kMalformedCall) {
      out += "malformed:" + event.text;
      EXPECT_FALSE(event.problem.empty());
    }
  }
  return out;
}

// `stream` written with control tokens as text.
std::string ShowStream(std::string_view stream, bool starts_in_thought = false) {
  return Show(Parse(Small().EncodeControl(stream), starts_in_thought));
}

std::string ShowCall(std::string_view inside) {
  return ShowStream("<|tool_call>" + std::string(inside) + "<tool_call|>");
}

TEST(OutputParser, Answer) {
  EXPECT_EQ(ShowStream("Hi there.<turn|>"), "text:Hi there.");
  EXPECT_EQ(ShowStream(""), "");
  EXPECT_EQ(ShowStream("a<eos>"), "text:a");
}

TEST(OutputParser, Thought) {
  EXPECT_EQ(ShowStream("<|channel>thought\nLet me see.\n<channel|>Yes.<turn|>"),
            "thinking:Let me see. / text:Yes.");
  EXPECT_EQ(ShowStream("<|channel>thought\n<channel|>Yes."), "text:Yes.");
  EXPECT_EQ(ShowStream("<|channel>thought<channel|>Yes."), "text:Yes.");
  EXPECT_EQ(ShowStream("<|channel>thought\na\n\nb\n\n<channel|>\nYes.\n"),
            "thinking:a\n\nb\n / text:\nYes.\n");
  EXPECT_EQ(ShowStream("Let me see.\n<channel|>Yes.", true), "thinking:Let me see. / text:Yes.");
  EXPECT_EQ(ShowStream("<|channel>thought\na\n<channel|>Yes.", true), "thinking:a / text:Yes.");
  EXPECT_EQ(ShowStream("thought\na", true), "thinking:thought\na");
}

TEST(OutputParser, ThoughtCutShort) {
  EXPECT_EQ(ShowStream("<|channel>thought\nhm"), "thinking:hm");
  EXPECT_EQ(ShowStream("<|channel>thou"), "");
  EXPECT_EQ(ShowStream("<|channel>thought\nhm\n<turn|>x"), "thinking:hm / text:x");
  EXPECT_EQ(ShowStream("<|channel>thought\nhm\n<|tool_call>call:f{}<tool_call|>"),
            "thinking:hm / call:f{}");
}

TEST(OutputParser, ChannelWithoutNameLosesNothing) {
  EXPECT_EQ(ShowStream("<|channel>I should say yes.\nSo\n<channel|>Yes."),
            "thinking:I should say yes.\nSo / text:Yes.");
  EXPECT_EQ(ShowStream("<|channel>hm<channel|>Yes."), "thinking:hm / text:Yes.");
  const std::string word(40, 'x');
  EXPECT_EQ(ShowStream("<|channel>" + word + "\n<channel|>"), "thinking:" + word);
}

TEST(OutputParser, InThought) {
  OutputParser parser(Small(), true);
  std::vector<OutputEvent> events;
  EXPECT_TRUE(parser.in_thought());
  parser.Push(Small().special().channel_end, events);
  EXPECT_FALSE(parser.in_thought());
  parser.Push(Small().special().channel, events);
  EXPECT_TRUE(parser.in_thought());
}

TEST(OutputParser, ControlTokensGiveNoText) {
  for (const std::string_view name : kAddedTokens) {
    if (name == "<|channel>" || name == "<|tool_call>") continue;
    EXPECT_EQ(ShowStream("a" + std::string(name) + "b"), "text:ab") << name;
  }
}

TEST(OutputParser, TextThatLooksLikeControlTokensIsText) {
  for (const std::string_view name : kAddedTokens) {
    EXPECT_EQ(Show(Parse(Small().EncodeText(name))), "text:" + std::string(name));
  }
  std::vector<TokenId> ids = Small().EncodeControl("<|tool_call>call:f{a:<|\"|>");
  for (const TokenId id : Small().EncodeText("<|\"|>,b:<tool_call|>")) ids.push_back(id);
  for (const TokenId id : Small().EncodeControl("<|\"|>}<tool_call|>")) ids.push_back(id);
  EXPECT_EQ(Show(Parse(ids)), R"(call:f{"a": "<|\"|>,b:<tool_call|>"})");
}

TEST(OutputParser, ToolCalls) {
  EXPECT_EQ(ShowCall("call:get_weather{location:<|\"|>Tokyo, JP<|\"|>,unit:<|\"|>celsius<|\"|>}"),
            R"(call:get_weather{"location": "Tokyo, JP", "unit": "celsius"})");
  EXPECT_EQ(ShowCall("call:f{}"), "call:f{}");
  EXPECT_EQ(ShowCall("call:f{b:1,a:-2.5,c:1e3,d:true,e:false,f:null,g:123456789012345678901}"),
            R"(call:f{"b": 1, "a": -2.5, "c": 1000.0, "d": true, "e": false, "f": null, )"
            R"("g": 123456789012345678901})");
  EXPECT_EQ(ShowCall("call:f{a:[1,[],{}],o:{x:{y:<|\"|><|\"|>}}}"),
            R"(call:f{"a": [1, [], {}], "o": {"x": {"y": ""}}})");
  EXPECT_EQ(ShowStream("Ok.<|tool_call>call:f{}<tool_call|><|tool_call>call:g{a:1}<tool_call|>"
                       "<|tool_response>"),
            R"(text:Ok. / call:f{} / call:g{"a": 1})");
}

TEST(OutputParser, RepairedCalls) {
  EXPECT_EQ(ShowCall("f{a:1}"), R"(call:f{"a": 1})");
  EXPECT_EQ(ShowCall("call:f{<|\"|>a b<|\"|>:1,\"c\":2}"), R"(call:f{"a b": 1, "c": 2})");
  EXPECT_EQ(ShowCall("call:f{city:Paris ,at:12:30,l:[x, y z]}"),
            R"(call:f{"city": "Paris", "at": "12:30", "l": ["x", "y z"]})");
  EXPECT_EQ(ShowCall(R"(call:f{a:"x, \"y\"\n}",b:""})"), R"(call:f{"a": "x, \"y\"\n}", "b": ""})");
  EXPECT_EQ(ShowCall("call:f{a:\"two\nlines\"}"), R"(call:f{"a": "two\nlines"})");
  EXPECT_EQ(ShowCall(" call: f {\n  a : 1 ,\n  b : [ 1 , 2 ]\n}\n"),
            R"(call:f{"a": 1, "b": [1, 2]})");
  EXPECT_EQ(ShowCall(R"({"name":"f"})"), R"(malformed:{"name":"f"})");
}

TEST(OutputParser, MalformedCallsKeepTheirText) {
  for (const std::string_view inside : {"",
                                        "call:",
                                        "call:f",
                                        "call:f{",
                                        "call:f{a}",
                                        "call:f{a:}",
                                        "call:f{a:1,}",
                                        "call:f{a:1,a:2}",
                                        "call:f{a:[1}",
                                        "call:f{a:<|\"|>x}",
                                        "call:f{a:\"x}",
                                        "call:f{a:\"\\q\"}",
                                        "call:f{} x",
                                        "call:f{:1}",
                                        "call:f{a:x{y}}",
                                        "call:f{a:\"<|\"|>\"}",
                                        "call:f{a:<|\"|>x<|\"|>y}",
                                        "{}",
                                        "call:f{a,b:1}",
                                        "call:f{a:1}}"}) {
    EXPECT_EQ(ShowCall(inside), "malformed:" + std::string(inside));
  }
  EXPECT_EQ(ShowStream("<|tool_call>call:f{a:<|\"|>x"), "malformed:call:f{a:<|\"|>x");
  EXPECT_EQ(ShowStream("<|tool_call>call:f{}"), "malformed:call:f{}");
  EXPECT_EQ(ShowStream("<|tool_call>call:f{}<turn|>"), "malformed:call:f{}");
  EXPECT_EQ(ShowStream("<|tool_call>call:f{<|tool_call>call:g{}<tool_call|>"),
            "malformed:call:f{ / call:g{}");
}

TEST(OutputParser, DepthOfArgumentsIsLimited) {
  const auto nested = [](int depth) {  // depth levels, the object of the arguments included
    const auto n = static_cast<size_t>(depth - 1);
    return "call:f{a:" + std::string(n, '[') + std::string(n, ']') + "}";
  };
  EXPECT_TRUE(ShowCall(nested(kMaxArgumentDepth)).starts_with("call:f"));
  EXPECT_TRUE(ShowCall(nested(kMaxArgumentDepth + 1)).starts_with("malformed:"));
  EXPECT_TRUE(ShowCall(nested(100'000)).starts_with("malformed:"));
}

TEST(OutputParser, NeverSplitsACodePoint) {
  OutputParser parser(Small(), false);
  std::vector<OutputEvent> events;
  const std::vector<TokenId> ids = Bytes("é😀");
  for (size_t i = 0; i < 5; ++i) parser.Push(ids[i], events);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].text, "é");
  parser.Push(ids[5], events);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1].text, "😀");
}

TEST(OutputParser, IncompleteUtf8BecomesReplacement) {
  EXPECT_EQ(Show(Parse(Bytes("a\xF0\x9F"))), "text:a\uFFFD");
  EXPECT_EQ(Show(Parse(Bytes("a\xF0\x9Fz\xFF"))), "text:a\uFFFDz\uFFFD");
  std::vector<TokenId> ids = Bytes("\xF0\x9F");
  ids.push_back(Small().special().turn_end);
  EXPECT_EQ(Show(Parse(ids)), "text:\uFFFD");
}

// What the template writes for a call, the parser reads back: any argument value in any nesting.
Json RandomValue(std::mt19937& random, int depth) {
  static const std::vector<std::string> kStrings = {
      "",  "x",  "a,b}", "<|\"|>", "<tool_call|>", "\"q\"",
      "{", "12", "true", " s ",    "日本\n😀",     "a:b"};
  const auto pick = [&](size_t n) { return random() % n; };
  switch (pick(depth > 3 ? 5 : 7)) {
    case 0:
      return Json();
    case 1:
      return Json(pick(2) == 0);
    case 2:
      return Json(static_cast<int64_t>(random()) - (int64_t{1} << 31));
    case 3:
      return Json(static_cast<double>(random()) / 1024.0);
    case 4:
      return Json(kStrings[pick(kStrings.size())]);
    case 5: {
      Json::Array array;
      for (size_t i = pick(4); i > 0; --i) array.push_back(RandomValue(random, depth + 1));
      return array;
    }
    default: {
      Json::Object object;
      for (size_t i = pick(4); i > 0; --i) {  // names in the template's order
        object.insert(object.begin(), {"k" + std::to_string(i), RandomValue(random, depth + 1)});
      }
      return object;
    }
  }
}

TEST(OutputParser, ReadsBackWhatTheTemplateWrites) {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    Json arguments{Json::Object{{"a", RandomValue(random, 0)}, {"b", RandomValue(random, 0)}}};
    const Json call{
        Json::Object{{"id", "call_0"},
                     {"type", "function"},
                     {"function", Json::Object{{"name", "f"}, {"arguments", arguments}}}}};
    const Json message{Json::Object{{"role", "assistant"},
                                    {"content", "Done."},
                                    {"reasoning", "Why not?\n"},
                                    {"tool_calls", Json::Array{call}}}};
    const auto prompt =
        RenderPrompt(Json::Array{message}, nullptr, {.add_generation_prompt = false});
    ASSERT_TRUE(prompt.has_value());
    std::vector<TokenId> ids = Small().Encode(prompt->text, prompt->literal);
    const size_t header = Small().EncodeControl("<bos><|turn>model\n").size();
    ids.erase(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(header));
    EXPECT_EQ(AssistantMessage(Parse(ids)).Dump(), message.Dump()) << prompt->text;
  }
}

TEST(OutputParser, AssistantMessage) {
  EXPECT_EQ(AssistantMessage({}).Dump(), R"({"role": "assistant", "content": ""})");
  const auto events = Parse(
      Small().EncodeControl("<|channel>thought\nHm.\n<channel|>One "
                            "<|tool_call>call:f{a:1}<tool_call|>moment<|tool_call>x<tool_call|>"
                            "<|tool_call>call:g{}<tool_call|>"));
  EXPECT_EQ(
      AssistantMessage(events).Dump(),
      R"({"role": "assistant", "content": "One momentx", "reasoning": "Hm.", "tool_calls": [)"
      R"({"id": "call_0", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}}, )"
      R"({"id": "call_1", "type": "function", "function": {"name": "g", "arguments": {}}}]})");
}

// However a text is cut into tokens, the coalesced events are the same.
TEST(OutputParser, EventsDoNotDependOnTokenBoundaries) {
  const SpecialIds& special = Small().special();
  const std::vector<TokenId> structure = {special.channel,   special.channel_end,
                                          special.tool_call, special.tool_call_end,
                                          special.quote,     special.turn_end};
  std::mt19937 random(11);
  for (int round = 0; round < 3000; ++round) {
    std::vector<TokenId> whole, bytes;
    for (size_t n = random() % 40; n > 0; --n) {
      TokenId id = structure[random() % structure.size()];
      if (random() % 4 != 0) id = static_cast<TokenId>(random() % Small().size());
      whole.push_back(id);
      if (Small().IsSpecial(id)) {
        bytes.push_back(id);
      } else {
        const std::vector<TokenId> split = Bytes(Small().TokenBytes(id));
        bytes.insert(bytes.end(), split.begin(), split.end());
      }
    }
    const bool in_thought = random() % 2 == 0;
    EXPECT_EQ(Show(Parse(whole, in_thought)), Show(Parse(bytes, in_thought)));
  }
}

}  // namespace
}  // namespace carat
