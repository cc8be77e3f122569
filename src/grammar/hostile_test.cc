// What a hostile schema costs: an error, or a grammar of bounded size and time.
#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "grammar/grammar.h"
#include "grammar/machine.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/grammar_walk.h"
#include "tests/support/small_tokenizer.h"

namespace carat {
namespace {

Json Repeat(Json innermost, int times, auto around) {
  for (int i = 0; i < times; ++i) innermost = around(std::move(innermost));
  return innermost;
}

Json Object(Json::Object members) { return Json(std::move(members)); }

struct Attack {
  const char* name;
  Json schema;
  const char* error;  // or none: it compiles
};

std::vector<Attack> Attacks() {
  std::vector<Attack> all;
  const Json integer = Object({{"type", "integer"}}), string = Object({{"type", "string"}});
  all.push_back(
      {"minItems", Object({{"type", "array"}, {"items", integer}, {"minItems", 1e300}}), nullptr});
  all.push_back({"minLength", Object({{"type", "string"}, {"minLength", 10'000'000}}), nullptr});
  all.push_back({"maxLength", Object({{"type", "string"}, {"maxLength", 10'000'000}}), nullptr});
  Json::Object definitions;
  for (int i = 0; i < 2000; ++i) {
    definitions.emplace_back(
        "a" + std::to_string(i),
        Object(
            {{"type", "object"},
             {"properties",
              Object({{"p", Object({{"$ref", "#/$defs/a" + std::to_string((i + 1) % 2000)}})},
                      {"q", Object({{"$ref", "#/$defs/a" + std::to_string(i * 7 % 2000)}})}})}}));
  }
  all.push_back(
      {"references", Object({{"$ref", "#/$defs/a0"}, {"$defs", Json(definitions)}}), nullptr});
  Json::Array values;
  for (int i = 0; i < 100'000; ++i) values.emplace_back("value-" + std::to_string(i));
  all.push_back({"enum", Object({{"enum", Json(values)}}), "bytes in enum"});
  values.resize(10'000);
  all.push_back({"smaller enum", Object({{"enum", Json(values)}}), nullptr});
  const auto two = [&](const Json& inner) {
    const Json a = Object({{"a", inner}});
    return Object({{"anyOf", Json::Array{Object({{"type", "object"}, {"properties", a}}),
                                         Object({{"properties", a}, {"type", "object"}})}}});
  };
  all.push_back({"anyOf", Repeat(string, 14, two), "parts"});
  all.push_back({"smaller anyOf", Repeat(string, 8, two), nullptr});
  all.push_back(
      {"levels",
       Repeat(integer, 3000,
              [](Json inner) { return Object({{"type", "array"}, {"items", std::move(inner)}}); }),
       "levels"});
  for (const char* pattern : {"^((a{1,1000}){1,1000}){1,1000}$", "^(a|b)*a(a|b){30}$",
                              "^(.{0,100}){0,100}$", "((((((((((x{0,9}){0,9}){0,9}){0,9})))))))"}) {
    all.push_back({pattern, Object({{"type", "string"}, {"pattern", pattern}}), "pattern"});
  }
  all.push_back({"nothing but alternatives",
                 Object({{"$ref", "#/a"},
                         {"a", Object({{"anyOf", Json::Array{Object({{"$ref", "#/a"}}),
                                                             Object({{"$ref", "#/a"}})}}})}}),
                 "a"});
  Json::Object properties;
  for (int i = 0; i < 500; ++i) properties.emplace_back("p" + std::to_string(i), integer);
  all.push_back(
      {"optional", Object({{"type", "object"}, {"properties", Json(properties)}}), nullptr});
  Json::Array alternatives;
  for (int i = 0; i < 64; ++i) {
    alternatives.push_back(Object(
        {{"type", "object"},
         {"properties", Object({{"k", Object({{"type", "string"},
                                              {"pattern", "^.{" + std::to_string(i) + "}x"}})}})},
         {"required", Json::Array{"k"}}}));
  }
  all.push_back({"patterns", Object({{"anyOf", Json(alternatives)}}), nullptr});
  return all;
}

TEST(HostileSchemas, CostAnErrorOrLittle) {
  const Tokenizer tokenizer = SmallTokenizer();
  const GrammarVocabulary vocabulary(tokenizer);
  const TokenId stop = tokenizer.special().turn_end;
  for (const Attack& attack : Attacks()) {
    SCOPED_TRACE(attack.name);
    const auto grammar = Grammar::FromJsonSchema(vocabulary, attack.schema, "schema", {});
    if (attack.error != nullptr) {
      ExpectError(grammar, attack.error);
    } else {
      ASSERT_VALUE(const auto compiled, grammar);
      EXPECT_LT(compiled->MemoryBytes(), 32u << 20);
      std::mt19937 rng(1);
      const auto constraint = compiled->Start(false, {stop});
      const GrammarWalk walk{.vocabulary = vocabulary, .stop = stop, .most = 80, .check_every = 40};
      walk.Run(*constraint, [&](size_t n) { return rng() % n; });
    }
    // As a tool's parameters it loosens, or is too large as well; it never fails otherwise.
    const Json tools(Json::Array{Object({{"name", "f"}, {"parameters", attack.schema}})});
    const auto calls =
        Grammar::FromTools(vocabulary, {.tools = &tools, .choice = ToolChoice::kRequired}, {});
    if (!calls.has_value()) {
      EXPECT_EQ(calls.error().code, ErrorCode::kInvalid) << calls.error().Message();
    }
  }
}

TEST(HostileSchemas, EndWhereReadersStop) {
  const Tokenizer tokenizer = SmallTokenizer();
  const GrammarVocabulary vocabulary(tokenizer);
  ASSERT_VALUE(const auto grammar, Grammar::FromJsonSchema(vocabulary, Json(true), "", {}));
  const auto constraint = grammar->Start(false, {tokenizer.special().turn_end});
  for (uint32_t i = 0; i < kMaxGrammarDepth; ++i) {
    ASSERT_TRUE(constraint->Allows(ByteToken('[')));
    constraint->Push(ByteToken('['));
  }
  EXPECT_FALSE(constraint->Allows(ByteToken('[')));
  EXPECT_FALSE(constraint->Allows(ByteToken('{')));
  EXPECT_TRUE(constraint->Allows(ByteToken(']')));
  EXPECT_TRUE(constraint->Allows(ByteToken('1')));
}

}  // namespace
}  // namespace carat
