// Tool calls under a grammar are read back by the reader of chat, and fit the tools' schemas; and
// the same on Gemma's own vocabulary.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "chat/output_parser.h"
#include "grammar/grammar.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/grammar_walk.h"
#include "tests/support/schema_validator.h"
#include "tests/support/small_tokenizer.h"

namespace carat {
namespace {

// Weather has everything; odd names need quotes; the last two loosen.
constexpr const char* kTools = R"json([
 {"type":"function","function":{"name":"get_weather","parameters":{"type":"object","properties":{
   "city":{"type":"string","maxLength":8},"unit":{"type":"string","enum":["c","call","é"]},
   "days":{"type":"array","items":{"type":"integer","minimum":1,"maximum":14},"maxItems":3},
   "at":{"type":"object","properties":{"lat":{"type":"number"},"deep":{"$ref":"#/$defs/d"}},
         "required":["lat"]}},
   "required":["city","at"],
   "$defs":{"d":{"type":"object","properties":{"d":{"$ref":"#/$defs/d"}}}}}}},
 {"type":"function","function":{"name":"no-arguments"}},
 {"type":"function","function":{"name":"map","parameters":{"type":"object",
   "additionalProperties":{"type":["boolean","null"]}}}},
 {"type":"function","function":{"name":"odd","parameters":{"type":"object","properties":{
   "a b":{"const":1},"x:y":{"enum":[[1,{"k":"v"}],"<|\"|>"]},"":{"type":"string","format":"date"}},
   "required":["a b","x:y",""]}}},
 {"type":"function","function":{"name":"loose","parameters":{"type":"object","properties":{
   "n":{"type":"integer","multipleOf":5,"minimum":0},"s":{"type":"string","pattern":"(?=x)"}}}}},
 {"type":"function","function":{"name":"free","parameters":{"anyOf":[{"type":"string"}]}}}
])json";

struct Run {
  const GrammarVocabulary& vocabulary;
  const Json& tools;
  size_t check_every;
};

// One answer; every call in it is read and fits. The number of calls.
size_t ExpectCalls(const Run& run, const Grammar& grammar, std::mt19937& rng) {
  const Tokenizer& tokenizer = run.vocabulary.tokenizer();
  const TokenId stop = tokenizer.special().turn_end;
  const auto constraint = grammar.Start(false, {stop, tokenizer.special().eos});
  const GrammarWalk how{.vocabulary = run.vocabulary, .stop = stop, .check_every = run.check_every};
  const std::vector<TokenId> ids = how.Run(*constraint, [&](size_t n) { return rng() % n; });
  OutputParser parser(tokenizer, false);
  std::vector<OutputEvent> events;
  for (const TokenId id : ids) parser.Push(id, events);
  parser.Finish(events);
  size_t calls = 0;
  for (const OutputEvent& event : events) {
    EXPECT_NE(event.kind, OutputEvent::Kind::kMalformedCall) << event.text << event.problem;
    if (event.kind != OutputEvent::Kind::kToolCall) continue;
    ++calls;
    bool known = false;
    for (const Json& tool : run.tools.array()) {
      const Json* function = tool.Find("function");
      if (function->Find("name")->string() != event.name) continue;
      known = true;
      const Json* parameters = function->Find("parameters");
      if (parameters == nullptr || event.name == "loose" || event.name == "free") continue;
      EXPECT_TRUE(SchemaValidator(*parameters).Fits(event.arguments))
          << event.name << event.arguments.Dump();
    }
    EXPECT_TRUE(known) << event.name;
  }
  return calls;
}

TEST(GrammarCalls, AreReadAndFit) {
  const Tokenizer tokenizer = SmallTokenizer();
  const GrammarVocabulary vocabulary(tokenizer);
  const Json tools = MustParse(kTools);
  ASSERT_VALUE(
      const auto grammar,
      Grammar::FromTools(vocabulary, {.tools = &tools, .choice = ToolChoice::kRequired}, {}));
  std::mt19937 rng(3);
  size_t calls = 0;
  for (int walk = 0; walk < 300; ++walk)
    calls += ExpectCalls({vocabulary, tools, 11}, *grammar, rng);
  EXPECT_GT(calls, 150u);
}

TEST(GrammarCalls, ChoicesAreKept) {
  const Tokenizer tokenizer = SmallTokenizer();
  const SpecialIds& special = tokenizer.special();
  const GrammarVocabulary vocabulary(tokenizer);
  const Json tools = MustParse(kTools);
  const auto start = [&](ToolGrammar grammar) {
    grammar.tools = &tools;
    return (*Grammar::FromTools(vocabulary, grammar, {}))->Start(false, {special.turn_end});
  };
  const auto push = [&](Constraint& constraint, std::string_view text) {
    for (const char c : text) {
      ASSERT_TRUE(constraint.Allows(ByteToken(c))) << text << " at " << c;
      constraint.Push(ByteToken(c));
    }
  };
  const auto none = start({.choice = ToolChoice::kNone});
  EXPECT_FALSE(none->Allows(special.tool_call));
  EXPECT_TRUE(none->Allows(special.turn_end) && none->Allows(ByteToken('x')));
  EXPECT_FALSE(none->allows_all());

  const auto automatic = start({.parallel = false});
  EXPECT_TRUE(automatic->allows_all());
  push(*automatic, "Let me see");
  EXPECT_TRUE(automatic->allows_all());
  automatic->Push(special.tool_call);
  EXPECT_FALSE(automatic->allows_all());
  push(*automatic, "call:no-arguments{}");
  EXPECT_FALSE(automatic->Allows(special.turn_end));
  std::vector<TokenId> forced;
  automatic->AppendForced(4, forced);
  EXPECT_EQ(forced, std::vector<TokenId>{special.tool_call_end});
  automatic->Push(special.tool_call_end);
  EXPECT_FALSE(automatic->Allows(special.tool_call));
  EXPECT_FALSE(automatic->Allows(ByteToken('x')));
  EXPECT_TRUE(automatic->Allows(special.turn_end));

  const auto only = start({.choice = ToolChoice::kRequired, .only = "get_weather"});
  EXPECT_FALSE(only->Allows(special.turn_end));
  EXPECT_FALSE(only->Allows(ByteToken('x')));
  only->Push(special.tool_call);
  forced.clear();
  only->AppendForced(100, forced);
  EXPECT_EQ(tokenizer.Decode(forced), "call:get_weather");  // of single characters the last stays
  push(*only, "call:get_weather{at:{lat:1},city:");
  forced.clear();
  only->AppendForced(100, forced);
  EXPECT_EQ(forced, std::vector<TokenId>{special.quote});
  only->Push(special.quote);
  push(*only, "}]\n\",");
  only->Push(special.quote);
  EXPECT_TRUE(only->Allows(ByteToken('}')));
  push(*only, "}");
  only->Push(special.tool_call_end);
  EXPECT_TRUE(only->Allows(special.tool_call) && only->Allows(special.turn_end));

  const ToolGrammar unknown{.tools = &tools, .only = "nobody"};
  ExpectError(Grammar::FromTools(vocabulary, unknown, {}), "nobody");
}

// Gemma's vocabulary: masks of 262,144 bits.
TEST(GrammarCalls, OnGemmasVocabulary) {
  const char* path = std::getenv("CARAT_TEST_TOKENIZER");
  if (path == nullptr || *path == '\0') {
    GTEST_SKIP() << "CARAT_TEST_TOKENIZER names no tokenizer.json; `make test` fetches one where "
                    "npm is installed";
  }
  ASSERT_VALUE(const Tokenizer tokenizer, Tokenizer::FromJson(MustRead(path)));
  const GrammarVocabulary vocabulary(tokenizer);
  const Json tools = MustParse(kTools);
  ASSERT_VALUE(
      const auto grammar,
      Grammar::FromTools(vocabulary, {.tools = &tools, .choice = ToolChoice::kRequired}, {}));
  std::mt19937 rng(5);
  size_t calls = 0;
  for (int walk = 0; walk < 12; ++walk)
    calls += ExpectCalls({vocabulary, tools, 300}, *grammar, rng);
  EXPECT_GT(calls, 3u);

  // A call as the template writes it is allowed, and mostly forced.
  const auto constraint = grammar->Start(false, {tokenizer.special().turn_end});
  const std::string text =
      "<|tool_call>call:get_weather{at:{lat:48.1},city:<|\"|>Paris<|\"|>,days:[1,2],unit:<|\"|>"
      "call<|\"|>}<tool_call|><|tool_call>call:map{a:true,b:null}<tool_call|><turn|>";
  for (const TokenId id : tokenizer.EncodeControl(text)) {
    ASSERT_TRUE(constraint->Allows(id)) << tokenizer.Piece(id);
    constraint->Push(id);
  }
}

}  // namespace
}  // namespace carat
