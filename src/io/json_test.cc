#include "io/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <string_view>

#include "tests/support/errors.h"
#include "tests/support/files.h"

namespace carat {
namespace {

using std::literals::string_view_literals::operator""sv;

TEST(ParseJson, KindsOfValues) {
  EXPECT_TRUE(MustParse("null").is_null());
  EXPECT_TRUE(MustParse(" true ").boolean());
  EXPECT_EQ(MustParse("-12").integer(), -12);
  EXPECT_EQ(MustParse("1.5e3").number(), 1500.0);
  EXPECT_EQ(MustParse(R"("a\u00e9\n\ud83d\ude00\u0000")").string(),
            "a\xC3\xA9\n\xF0\x9F\x98\x80\0"sv);
  const Json json = MustParse(R"({"b": [1, []], "a": {}, "": 0})");
  ASSERT_TRUE(json.is_object());
  ASSERT_EQ(json.object().size(), 3u);
  EXPECT_EQ(json.object()[0].first, "b");  // members keep their order
  EXPECT_EQ(json.object()[1].first, "a");
  EXPECT_EQ(json.Find("")->integer(), 0);
  EXPECT_EQ(json.Find("c"), nullptr);
  EXPECT_EQ(json.Find("b")->Find("x"), nullptr);
}

TEST(ParseJson, NumbersAreWhatPythonMakesOfThem) {
  struct Case {
    const char *text, *dumped;
  };
  for (const Case& c : {Case{"9223372036854775807", "9223372036854775807"},
                        {"-9223372036854775808", "-9223372036854775808"},
                        {"9223372036854775808", "9223372036854775808"},
                        {"18446744073709551615", "18446744073709551615"},
                        {"18446744073709551616", "18446744073709551616"},
                        {"-9223372036854775809", "-9223372036854775809"},
                        {"123456789012345678901234567890", "123456789012345678901234567890"},
                        {"-0", "0"},
                        {"1.0", "1.0"},
                        {"-0.0", "-0.0"},
                        {"1E2", "100.0"},
                        {"0.1", "0.1"},
                        {"1e22", "1e+22"},
                        {"1e-400", "0.0"}}) {
    EXPECT_EQ(MustParse(c.text).Dump(), c.dumped) << c.text;
  }
  EXPECT_TRUE(MustParse("9223372036854775807").is_int());
  EXPECT_TRUE(MustParse("9223372036854775808").is_big_integer());
  EXPECT_TRUE(MustParse("9223372036854775808").is_number());
  EXPECT_EQ(MustParse("18446744073709551616").number(), 18446744073709551616.0);
  EXPECT_EQ(MustParse("-18446744073709551616").number(), -18446744073709551616.0);
}

TEST(ParseJson, Refuses) {
  for (const std::string_view text : {""sv,
                                      " "sv,
                                      "nul"sv,
                                      "nan"sv,
                                      "Infinity"sv,
                                      "01"sv,
                                      "+1"sv,
                                      "1."sv,
                                      ".5"sv,
                                      "1e"sv,
                                      "0x1"sv,
                                      "'a'"sv,
                                      "[1,]"sv,
                                      "[,1]"sv,
                                      "[1 2]"sv,
                                      "[1"sv,
                                      "]"sv,
                                      "{"sv,
                                      "{\"a\"}"sv,
                                      "{\"a\":}"sv,
                                      "{a:1}"sv,
                                      "{1:1}"sv,
                                      "{\"a\":1,}"sv,
                                      "\"a"sv,
                                      "\"\n\""sv,
                                      "\"\x01\""sv,
                                      "\"\\x\""sv,
                                      "\"\\u12\""sv,
                                      "// x\n1"sv,
                                      "1 1"sv,
                                      "{} x"sv,
                                      "[] ]"sv,  // trailing garbage
                                      "1\0"sv,
                                      "{}\0 hidden"sv,
                                      "\0"sv,
                                      "[1,\0 2]"sv,  // a NUL ends no text
                                      "\"\\ud800\""sv,
                                      "\"\\udc00\""sv,
                                      "\"\\ud800x\""sv,
                                      "\"\\ud800\\u0041\""sv,  // lone surrogates
                                      "\"\x80\""sv,
                                      "\"\xC0\x80\""sv,
                                      "\"\xED\xA0\x80\""sv,
                                      "\"\xF4\x90\x80\x80\""sv,
                                      "\"\xE2\x82\""sv,
                                      "1e400"sv,
                                      "-1e400"sv,
                                      "\xEF\xBB"sv,
                                      "\xEF\xBB\xBF"sv,
                                      "\xEF\xBB\xBF\xEF\xBB\xBF"
                                      "1"sv,
                                      "1\xEF\xBB\xBF"sv}) {
    const auto json = ParseJson(text);
    EXPECT_FALSE(json.has_value()) << testing::PrintToString(text);
    if (json) continue;
    EXPECT_NE(json.error().what.find("not valid JSON"), std::string::npos) << json.error().what;
  }
}

TEST(ParseJson, IgnoresOneByteOrderMark) {
  EXPECT_EQ(MustParse("\xEF\xBB\xBF{\"a\": 1}").Find("a")->integer(), 1);
}

TEST(ParseJson, ErrorsGiveTheByteOffset) {
  struct Case {
    std::string_view text;
    const char* where;
  };
  for (const Case& c : {Case{"[1, x]"sv, "offset 4"},
                        {"[1,]"sv, "offset 3"},
                        {"[1"sv, "offset 2"},
                        {""sv, "offset 0"},
                        {"{} x"sv, "offset 3"},
                        {"{}\0"sv, "offset 2"},
                        {"\xEF\xBB\xBF[x"sv, "offset 4"}}) {
    const auto json = ParseJson(c.text);
    ASSERT_FALSE(json.has_value()) << c.text;
    EXPECT_EQ(json.error().where, c.where) << c.text;
  }
}

TEST(ParseJson, DuplicateNames) {
  ExpectError(ParseJson(R"({"a": 1, "b": 2, "a": 3})"),
              "a member name stands twice in one object: \"a\"");
  std::string many = "{";
  for (int i = 0; i < 100; ++i) many += "\"" + std::to_string(i) + "\": 0, ";
  ExpectError(ParseJson(many + "\"57\": 1}"), "\"57\"");
  ExpectError(ParseJson(R"({"a": 1, "\u0061": 2})"), "\"a\"");
  EXPECT_TRUE(ParseJson(R"([{"a": 1}, {"a": {"a": 2}}])").has_value());
}

TEST(ParseJson, Depth) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(ParseJson(nested(64)).has_value());
  ExpectError(ParseJson(nested(65)), "nested deeper than 64 levels");
  ExpectError(ParseJson(std::string(10'000'000, '[')), "nested deeper than 64 levels");
  EXPECT_TRUE(ParseJson("[1]", {.max_depth = 1}).has_value());
  EXPECT_FALSE(ParseJson("[{}]", {.max_depth = 1}).has_value());
}

TEST(ParseJson, NodeLimit) {
  EXPECT_TRUE(ParseJson("[1,2,3]", {.max_nodes = 4}).has_value());
  ExpectError(ParseJson("[1,2,3,4]", {.max_nodes = 4}), "more than 4 values");
  ExpectError(ParseJson("[[],[],[],[]]", {.max_nodes = 4}), "more than 4 values");
}

TEST(JsonDump, CompactAndIndented) {
  const Json json = MustParse(R"({"a":[1,2],"b":[],"c":{},"d":[{"e":null}],"f":["x",true]})");
  EXPECT_EQ(json.Dump(),
            R"({"a": [1, 2], "b": [], "c": {}, "d": [{"e": null}], "f": ["x", true]})");
  EXPECT_EQ(json.Dump(1), R"({
 "a": [1, 2],
 "b": [],
 "c": {},
 "d": [
  {
   "e": null
  }
 ],
 "f": [
  "x",
  true
 ]
})");
  EXPECT_EQ(MustParse(json.Dump(3)).Dump(), json.Dump());
}

TEST(JsonDump, EscapesAndRepairs) {
  EXPECT_EQ(Json("\"\\\n\r\t\b\f\x01\x1F\x7F/"sv).Dump(),
            R"("\"\\\n\r\t\u0008\u000c\u0001\u001f\u007f/")");
  EXPECT_EQ(Json("a\0b"sv).Dump(), R"("a\u0000b")");
  EXPECT_EQ(Json("\xC3\xA9\xFF\xE2\x82"sv).Dump(), "\"\xC3\xA9\uFFFD\uFFFD\"");
  EXPECT_EQ(Json(std::numeric_limits<double>::infinity()).Dump(), "null");
  EXPECT_EQ(Json(std::nan("")).Dump(), "null");
}

TEST(JsonDump, EveryTextSurvives) {
  std::string all;
  for (int c = 0; c < 128; ++c) all += static_cast<char>(c);
  all += "\u0080\u2028\uFEFF\uFFFF\U0010FFFF";
  EXPECT_EQ(MustParse(Json(all).Dump()).string(), all);
  for (const double x : {0.1, -0.0, 1e300, 5e-324, 123456789.125, 1e15, 1e16, 1e17, 3.0}) {
    const Json back = MustParse(Json(x).Dump());
    EXPECT_TRUE(back.is_double()) << x;
    EXPECT_EQ(back.number(), x);
    EXPECT_EQ(std::signbit(back.number()), std::signbit(x));
  }
}

TEST(Json, SetAppendsAndReplaces) {
  Json json;
  json.Set("a", 1);
  json.Set("b", "x");
  json.Set("a", true);
  EXPECT_EQ(json.Dump(), R"({"a": true, "b": "x"})");
}

class JsonViewTest : public testing::Test {
 protected:
  const Json json_ =
      MustParse(R"({"n": 5, "d": 1.5, "big": 99999999999999999999, "t": true, "s": "text",
                                   "z": null, "a": [1, "x"], "o": {"in": {"n": -1}}})");
  const JsonView view_{json_, "f.json"};
};

TEST_F(JsonViewTest, ReadsWhatIsThere) {
  EXPECT_EQ(view_.Int("n", 0, 5).value(), 5);
  EXPECT_EQ(view_.Number("n").value(), 5.0);
  EXPECT_EQ(view_.Number("big").value(), 1e20);
  EXPECT_TRUE(view_.Bool("t").value());
  EXPECT_EQ(view_.String("s").value(), "text");
  EXPECT_EQ(view_.Array("a").value().At(1).path(), "f.json.a[1]");
  EXPECT_EQ(view_.Object("o").value().Object("in").value().Int("n", -9, 9).value(), -1);
  EXPECT_TRUE(view_.Has("n"));
  EXPECT_FALSE(view_.Has("z"));
  EXPECT_FALSE(view_.Has("none"));
}

TEST_F(JsonViewTest, FallsBackWhereAbsentOrNull) {
  for (const char* key : {"none", "z"}) {
    EXPECT_EQ(view_.IntOr(key, -7, 0, 1).value(), -7);
    EXPECT_EQ(view_.NumberOr(key, 2.5).value(), 2.5);
    EXPECT_TRUE(view_.BoolOr(key, true).value());
    EXPECT_EQ(view_.StringOr(key, "else").value(), "else");
  }
  EXPECT_EQ(view_.IntOr("n", 0, 0, 9).value(), 5);
  EXPECT_FALSE(view_.IntOr("s", 0, 0, 9).has_value());
}

TEST_F(JsonViewTest, ErrorsNameThePathAndBothValues) {
  ExpectError(view_.Int("n", 6, 9), {"f.json.n", "wanted an integer from 6 to 9", "found 5"});
  ExpectError(view_.Int("d", 0, 9), {"f.json.d", "found 1.5"});
  ExpectError(view_.Int("big", 0, INT64_MAX), "found 99999999999999999999");
  ExpectError(view_.Int("t", 0, 1), "found true");
  ExpectError(view_.Number("s"), {"wanted a number", "found \"text\""});
  ExpectError(view_.Bool("n"), {"wanted true or false", "found 5"});
  ExpectError(view_.String("a"), {"wanted a string", "found an array"});
  ExpectError(view_.Object("a"), {"f.json.a", "wanted an object"});
  ExpectError(view_.Array("o"), {"wanted an array", "found an object"});
  ExpectError(view_.Object("o").value().Object("in").value().Bool("n"), "f.json.o.in.n");
  ExpectError(JsonView(json_.object()[0].second, "p").Int("x", 0, 1),
              {"p", "wanted an object", "found 5"});
  ExpectError(JsonView(json_, "").Int("none", 0, 1), "none: missing");
}

TEST_F(JsonViewTest, AbsentAndNullAreNotFound) {
  for (const char* key : {"none", "z"}) {
    const auto got = view_.Int(key, 0, 1);
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error().code, ErrorCode::kNotFound);
    EXPECT_EQ(got.error().where, std::string("f.json.") + key);
  }
}

}  // namespace
}  // namespace carat
