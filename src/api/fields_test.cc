#include "api/fields.h"

#include <gtest/gtest.h>

#include "tests/support/errors.h"
#include "tests/support/files.h"

namespace carat {
namespace {

TEST(Fields, ReadsEachKind) {
  const Json json = MustParse(
      R"({"b": true, "i": 3, "d": 0.5, "s": "x", "o": "low", "null": null, "ignored": [1]})");
  ASSERT_VALUE(Fields fields, Fields::Of(json, "a"));
  EXPECT_EQ(fields.Bool("b").value(), true);
  EXPECT_EQ(fields.Int("i", 0, 3).value(), 3);
  EXPECT_EQ(fields.Number("d", 0, 1).value(), 0.5);
  EXPECT_EQ(fields.RequireString("s").value(), "x");
  EXPECT_EQ(fields.OneOf("o", {"low", "high"}).value(), "low");
  EXPECT_EQ(fields.Int("absent", 0, 1).value(), std::nullopt);
  EXPECT_EQ(fields.String("null").value(), std::nullopt);
  ExpectError(fields.Done(), {"a.ignored", "no such parameter"});
  fields.Ignore({"ignored"});
  ASSERT_OK(fields.Done());
}

TEST(Fields, SaysWhatIsWrong) {
  const Json json = MustParse(R"({"i": 4, "big": 99999999999999999999, "d": 1.5, "s": 7})");
  ASSERT_VALUE(Fields fields, Fields::Of(json, ""));
  ExpectError(fields.Int("i", 0, 3), {"i", "an integer from 0 to 3", "4"});
  ExpectError(fields.Int("i", 5, 9), "an integer from 5 to 9");
  ExpectError(fields.Int("d", 0, 3), {"d", "an integer"});
  ExpectError(fields.Int("big", 0, INT64_MAX), "big");
  ExpectError(fields.Number("d", 0, 1), {"a number from 0 to 1", "1.5"});
  ExpectError(fields.Bool("s"), "true or false");
  ExpectError(fields.String("s"), {"a string", "7"});
  ExpectError(fields.RequireString("absent"), {"absent", "missing"});
  ExpectError(Fields::Of(Json(3), "x.y"), {"x.y", "an object"});
}

TEST(Fields, RefusesAllButTheHarmless) {
  const Json json = MustParse(R"({"zero": 0.0, "one": 1, "list": ["text"]})");
  ASSERT_VALUE(Fields fields, Fields::Of(json, ""));
  ASSERT_OK(fields.Only("zero", {0}));
  ASSERT_OK(fields.Only("list", {Json(Json::Array{"text"})}));
  ASSERT_OK(fields.Only("absent", {}));
  const Status refused = fields.Only("one", {0});
  ExpectError(refused, {"one", "carat does not do this"});
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace carat
