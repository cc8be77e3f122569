// What comes of a grammar fits its schema, always ends, and the mask is what Allows says.
#include "grammar/grammar.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/grammar_walk.h"
#include "tests/support/schema_validator.h"
#include "tests/support/small_tokenizer.h"

namespace carat {
namespace {

struct Small {
  Tokenizer tokenizer = SmallTokenizer();
  GrammarVocabulary vocabulary{tokenizer};
  TokenId stop = tokenizer.special().turn_end;
};

const Small& TheSmall() {
  static const Small small;
  return small;
}

// Takes `text` in single-byte tokens; control tokens by their own. How far it came.
size_t Take(Constraint& constraint, const std::string& text) {
  const LongestTokens cutter(TheSmall().tokenizer);
  for (size_t at = 0; at < text.size();) {
    const TokenId first = cutter.First(std::string_view(text).substr(at));
    const bool special = TheSmall().tokenizer.IsSpecial(first);
    const TokenId id = special ? first : ByteToken(text[at]);
    if (!constraint.Allows(id)) return at;
    constraint.Push(id);
    at += special ? TheSmall().tokenizer.TokenBytes(first).size() : 1;
  }
  return text.size();
}

Result<std::shared_ptr<const Grammar>> FromText(const std::string& schema) {
  return Grammar::FromJsonSchema(TheSmall().vocabulary, MustParse(schema), "schema", {});
}

// Whether the whole text is an answer.
bool Accepts(const std::string& schema, const std::string& text) {
  const auto grammar = FromText(schema);
  if (!grammar.has_value()) {
    ADD_FAILURE() << schema << ": " << grammar.error().Message();
    return false;
  }
  const auto constraint = (*grammar)->Start(false, {TheSmall().stop});
  return Take(*constraint, text) == text.size() && constraint->Allows(TheSmall().stop);
}

void ExpectAccepts(const std::string& schema, std::initializer_list<const char*> yes,
                   std::initializer_list<const char*> no) {
  for (const char* text : yes) EXPECT_TRUE(Accepts(schema, text)) << schema << " " << text;
  for (const char* text : no) EXPECT_FALSE(Accepts(schema, text)) << schema << " " << text;
}

TEST(Grammar, AnyJsonIsAnyJson) {
  ExpectAccepts("true",
                {"{}", "[]", "1", "-0.5e+10", "\"a\\u00e9\\ud83d\\ude00\xC3\xA9\"", "[1, 2,\n  {}]",
                 R"({"a":1,"b":{"a":[null,true,false]}})", R"({"a": "b"})"},
                {"", "{", "01", "1.", "\"\\ud83d\"", "\"\n\"", "[1,]", R"({"a":1,"a":2})", "nul",
                 "\"\xC3\"", "1  ", "[   1]"});
}

TEST(Grammar, Scalars) {
  ExpectAccepts(R"({"type":"integer","minimum":-5,"maximum":120})",
                {"-5", "0", "9", "99", "100", "120"}, {"-6", "121", "1000", "05", "1.0"});
  ExpectAccepts(R"({"type":"integer","exclusiveMinimum":0,"exclusiveMaximum":3})", {"1", "2"},
                {"0", "3", "-1"});
  ExpectAccepts(R"({"type":"number","minimum":0,"maximum":1})", {"0", "1", "0.5", "0.999999999"},
                {"1.5", "-1", "1.1", "2"});
  ExpectAccepts(R"({"type":"number","exclusiveMinimum":0})", {"0.5", "3", "2.25"},
                {"0", "0.0", "-1"});
  ExpectAccepts(R"({"type":["string","null"],"maxLength":2,"minLength":1})",
                {"null", "\"a\"", "\"a\xC3\xA9\"", R"("\n\u00e9")"}, {"\"\"", "\"abc\"", "1"});
  ExpectAccepts(R"({"enum":["a","ab",1,null,{"x":[1]}]})",
                {"\"a\"", "\"ab\"", "1", "null", R"({"x": [1]})"}, {"\"b\"", "\"", "12", "{}"});
  ExpectAccepts(R"({"const":"é\"x"})", {R"("é\"x")"}, {R"("é")"});
}

TEST(Grammar, PatternsAndFormats) {
  ExpectAccepts(R"x({"type":"string","pattern":"^[A-Z]{2}-\\d+(\\.\\d)?$"})x",
                {R"("AB-1")", R"("AB-12.5")"},
                {R"("A-1")", R"("AB-")", R"("AB-1.55")", R"("xAB-1")"});
  ExpectAccepts(R"({"type":"string","pattern":"a\"b"})", {R"("a\"b")", R"("xx a\"b yy")"},
                {R"("ab")", R"("")"});
  ExpectAccepts(R"({"type":"string","pattern":"^(é|😀)+$","maxLength":2})", {"\"é\"", "\"😀é\""},
                {"\"\"", "\"ééé\"", "\"e\""});
  ExpectAccepts(R"({"type":"string","format":"date"})",
                {R"("2024-02-29")", R"("2000-02-29")", R"("2023-12-31")"},
                {R"("2023-02-29")", R"("1900-02-29")", R"("2023-04-31")", R"("2023-13-01")"});
  ExpectAccepts(R"({"type":"string","format":"date-time"})", {R"("2024-02-29T23:59:59.5+01:00")"},
                {R"("2024-02-29 23:59:59Z")", R"("2024-02-29T24:00:00Z")"});
  ExpectAccepts(R"({"type":"string","format":"uuid"})",
                {R"("123e4567-e89b-12d3-a456-426614174000")"}, {R"("123e4567")"});
}

TEST(Grammar, ObjectsAndArrays) {
  const char* object = R"({"type":"object","properties":{"a":{"type":"integer"},
    "b":{"type":"boolean"},"c":{"type":"null"}},"required":["b"],"additionalProperties":false})";
  ExpectAccepts(
      object, {R"({"a":1,"b":true,"c":null})", R"({"b":false})", R"({ "b": true })"},
      {"{}", R"({"a":1})", R"({"b":true,"a":1})", R"({"b":true,"x":1})", R"({"b":true,})"});
  ExpectAccepts(R"({"type":"object","properties":{"a":{"type":"integer"}},
                   "additionalProperties":{"type":"boolean"}})",
                {"{}", R"({"a":1})", R"({"a":1,"x":true,"y":false})", R"({"x":true})"},
                {R"({"x":1})", R"({"a":true})", R"({"x":true,"x":true})", R"({"x":true,"a":1})"});
  ExpectAccepts(R"({"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":3})",
                {"[1,2]", "[1, 2, 3]"}, {"[]", "[1]", "[1,2,3,4]"});
  ExpectAccepts(R"({"type":"array","prefixItems":[{"type":"integer"},{"type":"boolean"}],
                   "items":{"type":"null"}})",
                {"[]", "[1]", "[1,true]", "[1,true,null,null]"}, {"[true]", "[1,1]", "[1,true,1]"});
  ExpectAccepts(R"({"type":"array","prefixItems":[{"type":"integer"}],"items":false})",
                {"[]", "[1]"}, {"[1,1]"});
}

TEST(Grammar, ReferencesAndChoices) {
  ExpectAccepts(R"({"$ref":"#/$defs/tree","$defs":{"tree":{"type":"object","properties":{
                   "v":{"type":"integer"},"l":{"$ref":"#/$defs/tree"}},"required":["v"]}}})",
                {R"({"v":1})", R"({"v":1,"l":{"v":2,"l":{"v":3}}})"}, {R"({"l":{}})", "{}"});
  ExpectAccepts(
      R"({"oneOf":[{"type":"object","properties":{"k":{"const":"a"},"x":{"type":"integer"}},
                   "required":["k","x"]},{"type":"object","properties":{"k":{"const":"b"},
                   "x":{"type":"string"}},"required":["k","x"]}]})",
      {R"({"k":"a","x":1})", R"({"k":"b","x":"1"})"}, {R"({"k":"a","x":"1"})"});
  ExpectAccepts(R"({"allOf":[{"type":"object","properties":{"a":{"type":"integer"}},
                   "required":["a"]},{"properties":{"b":{"type":"integer"}},"required":["b"]}]})",
                {R"({"a":1,"b":2})"}, {R"({"a":1})", R"({"b":1})"});
}

TEST(Grammar, SaysWhatIsNotSupported) {
  ExpectError(FromText(R"({"type":"object","properties":{"x":{"type":"number","multipleOf":2}},
                          "if":{}})"),
              {"schema.properties.x: multipleOf", "schema: if"});
  ExpectError(FromText(R"x({"type":"string","pattern":"(?=a)"})x"), {"schema: pattern"});
  ExpectError(FromText(R"({"type":"string","format":"email"})"), {"email"});
  ExpectError(FromText(R"({"oneOf":[{"type":"integer"},{"type":"number"}]})"), {"oneOf"});
  ExpectError(FromText(R"({"type":"number","minimum":0.5})"), {"minimum"});
  ExpectError(FromText(R"({"$ref":"http://x/y"})"), {"schema.$ref", "http://x/y"});
  ExpectError(FromText(R"({"type":"strin"})"), {"schema.type", "strin"});
  ExpectError(FromText("3"), {"schema", "an integer"});
  ExpectError(FromText(R"({"enum":[]})"), {"no value fits"});
  ExpectError(FromText(R"({"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]})"),
              {"no value fits"});
  ExpectError(FromText(R"({"anyOf":[{"$ref":"#"}]})"), {"no value fits"});
  EXPECT_EQ(FromText(R"({"type":"array","uniqueItems":true})").error().code,
            ErrorCode::kUnsupported);
}

Json RandomSchema(std::mt19937& rng, int depth) {
  const auto pick = [&](uint32_t n) { return rng() % n; };
  const auto schema = [](Json::Object members) { return Json(std::move(members)); };
  switch (pick(depth > 0 ? 13 : 8)) {
    case 0:
      return schema({{"type", "integer"},
                     {"minimum", Json(int(pick(200)) - 100)},
                     {"maximum", Json(int(pick(2000)) + 100)}});
    case 1:
      return schema({{"type", "number"}});
    case 2:
      return schema({{"type", "string"},
                     {"maxLength", Json(int(pick(5)) + 2)},
                     {"minLength", Json(int(pick(3)))}});
    case 3:
      return schema({{"enum", Json::Array{"a", "call", Json(42), Json(), Json(true)}}});
    case 4:
      return schema({{"type", Json::Array{"boolean", "null"}}});
    case 5:
      return schema({{"type", "string"}, {"pattern", "^[a-c]+x?$"}});
    case 6:
      return pick(3) == 0 ? Json(true) : schema({{"type", "string"}});
    case 7:
      return schema(
          {{"type", "number"}, {"minimum", Json(-2)}, {"exclusiveMaximum", Json(int(pick(9)))}});
    case 8:
      return schema({{"type", "array"},
                     {"items", RandomSchema(rng, depth - 1)},
                     {"minItems", Json(int(pick(3)))},
                     {"maxItems", Json(int(pick(3)) + 2)}});
    case 9:
      return schema(
          {{"anyOf", Json::Array{RandomSchema(rng, depth - 1), RandomSchema(rng, depth - 1)}}});
    case 10:
      return schema({{"type", "object"},
                     {"additionalProperties", RandomSchema(rng, depth - 1)},
                     {"minProperties", Json(int(pick(2)))}});
    default:
      break;
  }
  Json::Object properties;
  Json::Array required;
  for (const char* name : {"a", "call", "hello", "é\"", "x:y"}) {
    if (pick(2) == 0) continue;
    properties.emplace_back(name, RandomSchema(rng, depth - 1));
    if (pick(2) == 0) required.emplace_back(name);
  }
  Json::Object out = {{"type", "object"}, {"properties", properties}, {"required", required}};
  if (pick(2) == 0) out.emplace_back("additionalProperties", pick(2) == 0);
  return out;
}

TEST(Grammar, RandomAnswersFitTheirSchemas) {
  std::mt19937 rng(17);
  const Small& small = TheSmall();
  for (int round = 0; round < 150; ++round) {
    const Json schema = RandomSchema(rng, 3);
    ASSERT_VALUE(const auto grammar,
                 Grammar::FromJsonSchema(small.vocabulary, schema, "schema", {}));
    for (int walk = 0; walk < 3; ++walk) {
      const auto constraint = grammar->Start(false, {small.stop});
      const GrammarWalk how{.vocabulary = small.vocabulary, .stop = small.stop, .check_every = 7};
      std::vector<TokenId> ids = how.Run(*constraint, [&](size_t n) { return rng() % n; });
      ASSERT_FALSE(ids.empty()) << schema.Dump();
      ids.pop_back();
      if (ids.size() > 1 && ids[0] == small.tokenizer.special().channel) continue;
      const std::string text = small.tokenizer.Decode(ids);
      const Result<Json> value = ParseJson(text);
      ASSERT_TRUE(value.has_value()) << schema.Dump() << "\n" << text << value.error().Message();
      EXPECT_TRUE(SchemaValidator(schema).Fits(*value)) << schema.Dump() << "\n" << text;
    }
  }
}

TEST(Grammar, BeginsBehindTheThought) {
  const Small& small = TheSmall();
  const SpecialIds& special = small.tokenizer.special();
  ASSERT_VALUE(const auto grammar, FromText(R"({"type":"null"})"));
  for (const bool in_thought : {true, false}) {
    const auto constraint = grammar->Start(in_thought, {small.stop});
    if (!in_thought) {
      ASSERT_TRUE(constraint->Allows(special.channel));
      constraint->Push(special.channel);
    }
    EXPECT_EQ(Take(*constraint, "thought {\" <|"), 13u);
    EXPECT_FALSE(constraint->Allows(small.stop));
    EXPECT_FALSE(constraint->Allows(special.tool_call));
    constraint->Push(special.channel_end);
    EXPECT_FALSE(constraint->Allows(small.stop));
    EXPECT_EQ(Take(*constraint, "null"), 4u);
    EXPECT_FALSE(constraint->Allows(special.channel));
    EXPECT_TRUE(constraint->Allows(small.stop));
    constraint->Push(small.stop);
    EXPECT_TRUE(constraint->Allows(small.stop));
    EXPECT_FALSE(constraint->Allows(ByteToken('n')));
  }
}

TEST(Grammar, JsonOrCalls) {
  const Small& small = TheSmall();
  const SpecialIds& special = small.tokenizer.special();
  const Json tools = MustParse(R"([{"type":"function","function":{"name":"go","parameters":{
    "type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}}}])");
  const Json schema = MustParse(R"({"type":"object","properties":{"a":{"type":"null"}},
    "required":["a"],"additionalProperties":false})");
  const auto start = [&](ToolChoice choice, bool parallel) {
    auto grammar =
        Grammar::JsonOrCalls(small.vocabulary, schema, "schema",
                             {.tools = &tools, .choice = choice, .parallel = parallel}, {});
    EXPECT_TRUE(grammar.has_value());
    return (*grammar)->Start(false, {small.stop});
  };
  const std::string json = R"({"a":null})", call = "call:go{n:7}";
  {  // the JSON text
    const auto constraint = start(ToolChoice::kAuto, true);
    EXPECT_FALSE(constraint->Allows(small.stop));
    EXPECT_FALSE(constraint->Allows(ByteToken('c')));
    EXPECT_EQ(Take(*constraint, json), json.size());
    EXPECT_TRUE(constraint->Allows(small.stop));
    EXPECT_FALSE(constraint->Allows(special.tool_call));
  }
  for (const bool parallel : {true, false}) {  // calls
    const auto constraint = start(ToolChoice::kAuto, parallel);
    // Looking ahead leaves it at its start.
    EXPECT_EQ(constraint->CountAllowed(std::vector{special.tool_call, ByteToken('c')}), 2u);
    EXPECT_TRUE(constraint->Allows(ByteToken('{')));
    ASSERT_TRUE(constraint->Allows(special.tool_call));
    constraint->Push(special.tool_call);
    EXPECT_FALSE(constraint->Allows(ByteToken('{')));
    EXPECT_EQ(Take(*constraint, call), call.size());
    EXPECT_FALSE(constraint->Allows(small.stop));
    ASSERT_TRUE(constraint->Allows(special.tool_call_end));
    constraint->Push(special.tool_call_end);
    EXPECT_TRUE(constraint->Allows(small.stop));
    EXPECT_EQ(constraint->Allows(special.tool_call), parallel);
    EXPECT_FALSE(constraint->Allows(ByteToken('{')));
  }
  EXPECT_FALSE(start(ToolChoice::kNone, true)->Allows(special.tool_call));
  EXPECT_FALSE(start(ToolChoice::kRequired, true)->Allows(ByteToken('{')));
}

TEST(Grammar, NoQuotedKeyTwice) {
  const Small& small = TheSmall();
  const SpecialIds& special = small.tokenizer.special();
  const Json tools = MustParse(R"([{"type":"function","function":{"name":"go","parameters":{
    "type":"object","additionalProperties":{"type":"null"}}}}])");
  const auto grammar = Grammar::FromTools(
      small.vocabulary, {.tools = &tools, .choice = ToolChoice::kRequired, .parallel = false}, {});
  ASSERT_TRUE(grammar.has_value());
  const auto constraint = (*grammar)->Start(false, {small.stop});
  const auto push = [&](TokenId id) {
    ASSERT_TRUE(constraint->Allows(id));
    constraint->Push(id);
  };
  push(special.tool_call);
  EXPECT_EQ(Take(*constraint, "call:go{"), 8u);
  push(special.quote);
  push(special.quote);
  EXPECT_EQ(Take(*constraint, ":null,"), 6u);
  push(special.quote);
  EXPECT_FALSE(constraint->Allows(special.quote));  // the empty key again
  std::vector<uint64_t> bits(small.vocabulary.num_words());
  constraint->FillMask(bits);
  EXPECT_FALSE(HasBit(bits, special.quote));
  EXPECT_EQ(Take(*constraint, "b"), 1u);
  push(special.quote);
  EXPECT_EQ(Take(*constraint, ":null"), 5u);
}

TEST(Grammar, DraftsWhatIsForced) {
  const Small& small = TheSmall();
  ASSERT_VALUE(const auto grammar, FromText(R"({"type":"object","properties":{"hello":{"type":
    "integer"}},"required":["hello"]})"));
  const auto constraint = grammar->Start(false, {small.stop});
  EXPECT_EQ(Take(*constraint, "{\"h"), 3u);
  std::vector<TokenId> drafts;
  constraint->AppendForced(10, drafts);
  EXPECT_EQ(small.tokenizer.Decode(drafts), "ello");  // the quote might become part of `":"`
  drafts.push_back(ByteToken('!'));
  EXPECT_EQ(constraint->CountAllowed(drafts), 4u);
  drafts.clear();
  constraint->AppendForced(2, drafts);
  EXPECT_EQ(small.tokenizer.Decode(drafts), "el");
}

}  // namespace
}  // namespace carat
