#include "weights/gguf.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/gguf_writer.h"

namespace carat {
namespace {

// Parses a copy on the heap that ends with its last byte, so that a sanitizer sees any look beyond
// it.
struct Parsed {
  explicit Parsed(std::string_view text)
      : bytes(reinterpret_cast<const std::byte*>(text.data()),
              reinterpret_cast<const std::byte*>(text.data()) + text.size()),
        gguf(Gguf::Parse(bytes)) {}
  std::vector<std::byte> bytes;
  Result<Gguf> gguf;
};

void ExpectRefused(const GgufWriter& writer, std::initializer_list<std::string_view> parts) {
  const std::string text = writer.Build();
  ExpectError(Parsed(text).gguf, parts);
}

std::string Array(uint32_t type, uint64_t count, std::string_view elements) {
  return NumberBytes(type) + NumberBytes(count) + std::string(elements);
}

// A file with a value of every kind and two tensors.
GgufWriter Sample(uint32_t version = 3) {
  GgufWriter writer(version);
  writer.Raw("u8", 0, NumberBytes(uint8_t{200})).Raw("i8", 1, NumberBytes(int8_t{-100}));
  writer.Raw("u16", 2, NumberBytes(uint16_t{60000})).Raw("i16", 3, NumberBytes(int16_t{-30000}));
  writer.U32("u32", 4000000000u).I32("i32", -2000000000);
  writer.F32("f32", 0.5f).Bool("yes", true).Bool("no", false).String("text", "gemma4");
  writer.Raw("u64", 10, NumberBytes(uint64_t{1} << 40))
      .Raw("i64", 11, NumberBytes(int64_t{-1} << 40));
  writer.Raw("f64", 12, NumberBytes(-1e300)).Raw("huge", 10, NumberBytes(UINT64_MAX));
  writer.Strings("strings", {"a", "", "\xE2\x96\x81"})
      .I32s("ints", {3, -1, 4})
      .Bools("bools", {true, false});
  writer.Raw("shorts", 9, Array(3, 2, NumberBytes(int16_t{-2}) + NumberBytes(int16_t{7})));
  writer.Raw("longs", 9, Array(10, 2, NumberBytes(uint64_t{9}) + NumberBytes(UINT64_MAX)));
  writer.Raw("floats", 9, Array(6, 1, NumberBytes(1.0f)));
  writer.Raw("empty", 9, Array(8, 0, ""));
  writer.Raw("nested", 9,
             Array(9, 2, Array(5, 1, NumberBytes(int32_t{8})) + Array(8, 1, StringBytes("deep"))));
  writer.Floats("first", {2, 3}, {1, 2, 3, 4, 5, 6});
  writer.Tensor("second", 8, {32}, std::string(34, '\x11'));
  return writer;
}

void ExpectSample(const Gguf& gguf) {
  const auto range = [&](std::string_view key) {
    return gguf.Int(key, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max());
  };
  struct Case {
    const char* key;
    int64_t value;
  };
  for (const Case& c : {Case{"u8", 200},
                        {"i8", -100},
                        {"u16", 60000},
                        {"i16", -30000},
                        {"u32", 4000000000},
                        {"i32", -2000000000},
                        {"yes", 1},
                        {"no", 0},
                        {"u64", int64_t{1} << 40},
                        {"i64", int64_t{-1} << 40}}) {
    EXPECT_EQ(range(c.key).value(), c.value) << c.key;
  }
  EXPECT_EQ(gguf.Number("f32").value(), 0.5);
  EXPECT_EQ(gguf.Number("f64").value(), -1e300);
  EXPECT_EQ(gguf.Number("i8").value(), -100.0);
  EXPECT_EQ(gguf.String("text").value(), "gemma4");
  EXPECT_EQ(gguf.Ints("ints", 3).value(), (std::vector<int64_t>{3, -1, 4}));
  EXPECT_EQ(gguf.Ints("bools").value(), (std::vector<int64_t>{1, 0}));
  EXPECT_EQ(gguf.Ints("shorts").value(), (std::vector<int64_t>{-2, 7}));
  const GgufArray* strings = gguf.Find("strings")->AsArray();
  EXPECT_EQ(strings->strings, (std::vector<std::string_view>{"a", "", "\xE2\x96\x81"}));
  const GgufArray* nested = gguf.Find("nested")->AsArray();
  EXPECT_EQ(nested->count, 2u);
  EXPECT_EQ(nested->type, GgufType::kArray);
  EXPECT_EQ(gguf.metadata().size(), 22u);

  ASSERT_EQ(gguf.tensors().entries().size(), 2u);
  const TensorEntry* first = gguf.tensors().Find("first");
  EXPECT_EQ(first->shape, (std::vector<uint64_t>{3, 2}));  // outermost first
  EXPECT_EQ(AsText(first->bytes).substr(0, 8), NumberBytes(1.0f) + NumberBytes(2.0f));
  const TensorEntry* second = gguf.tensors().Find("second");
  EXPECT_EQ(second->dtype, DType::kQ8_0);
  EXPECT_EQ(AsText(second->bytes), std::string(34, '\x11'));
}

TEST(Gguf, ReadsEveryTypeInBothVersions) {
  for (const uint32_t version : {2u, 3u}) {
    const Parsed parsed(Sample(version).Build());
    ASSERT_TRUE(parsed.gguf.has_value()) << parsed.gguf.error().Message();
    EXPECT_EQ(parsed.gguf->version(), version);
    ExpectSample(*parsed.gguf);
  }
}

TEST(Gguf, MayBeMoved) {
  Parsed parsed(Sample().Build());
  ASSERT_TRUE(parsed.gguf.has_value());
  const Gguf moved = *std::move(parsed.gguf);
  ExpectSample(moved);
}

TEST(Gguf, DescribesValuesForPeople) {
  const Parsed parsed(Sample().Build());
  struct Case {
    const char *key, *text;
  };
  for (const Case& c : {Case{"u8", "200"},
                        {"i64", "-1099511627776"},
                        {"huge", "18446744073709551615"},
                        {"f32", "0.5"},
                        {"yes", "true"},
                        {"text", "\"gemma4\""},
                        {"strings", "3 strings"},
                        {"ints", "3 numbers"},
                        {"nested", "2 arrays"},
                        {"empty", "0 strings"}}) {
    EXPECT_EQ(parsed.gguf->Find(c.key)->Describe(), c.text) << c.key;
  }
}

TEST(Gguf, TypedReadingNamesKeyWantedAndFound) {
  GgufWriter writer = Sample();
  writer.F32("nan", std::nanf("")).F32("inf", INFINITY);
  const Parsed parsed(writer.Build());
  const Gguf& gguf = *parsed.gguf;
  ExpectError(gguf.Int("u8", 0, 199),
              {"u8: wrong metadata value", "wanted an integer from 0 to 199", "found 200"});
  ExpectError(gguf.Int("i8", 0, 10), "found -100");
  ExpectError(gguf.Int("huge", 0, INT64_MAX), "found 18446744073709551615");
  ExpectError(gguf.Int("f32", 0, 1), "found 0.5");
  ExpectError(gguf.Int("text", 0, 1), "found \"gemma4\"");
  ExpectError(gguf.Int("ints", 0, 9), "found 3 numbers");
  ExpectError(gguf.Number("yes"), {"yes", "wanted a finite number", "found true"});
  ExpectError(gguf.Number("nan"), "found nan");
  ExpectError(gguf.Number("inf"), "found inf");
  ExpectError(gguf.String("u8"), {"u8", "wanted a string", "found 200"});
  ExpectError(gguf.Ints("ints", 4), {"ints", "wanted an array of 4 integers", "found 3 numbers"});
  ExpectError(gguf.Ints("floats"), "wanted an array of integers");
  ExpectError(gguf.Ints("strings"), "found 3 strings");
  ExpectError(gguf.Ints("nested"), "found 2 arrays");
  ExpectError(gguf.Ints("u8"), "found 200");
  for (const auto& missing : {gguf.Int("none", 0, 1).error(), gguf.Number("none").error(),
                              gguf.String("none").error(), gguf.Ints("none").error()}) {
    EXPECT_EQ(missing.code, ErrorCode::kNotFound);
    EXPECT_EQ(missing.Message(), "none: missing metadata key");
  }
  EXPECT_EQ(gguf.IntOr("none", -5, 0, 1).value(), -5);
  EXPECT_EQ(gguf.NumberOr("none", 2.5).value(), 2.5);
  EXPECT_FALSE(gguf.IntOr("u8", 0, 0, 1).has_value());
  EXPECT_LT(gguf.Ints("longs").value()[1], 0);  // beyond 2^63: never a valid id
}

TEST(Gguf, ACutAtAnyByteIsAnError) {
  const std::string whole = Sample().Build();
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(Parsed(whole.substr(0, size)).gguf.has_value()) << size;
  }
}

TEST(Gguf, NoSingleWrongByteDoesHarm) {
  const std::string whole = Sample().Build();
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const char wrong : {'\x00', '\x01', '\x09', '\x7F', '\x80', '\xFF'}) {
      std::string text = whole;
      text[at] = wrong;
      const Parsed parsed(text);
      EXPECT_TRUE(parsed.gguf.has_value() || !parsed.gguf.error().what.empty());
    }
  }
}

TEST(Gguf, WrongBeginnings) {
  const std::string good = Sample().Build();
  const auto with = [&](size_t at, std::string_view bytes) {
    std::string text = good;
    text.replace(at, bytes.size(), bytes);
    return text;
  };
  const std::string other_magic = with(0, "GGML"), swapped_magic = with(0, "FUGG");
  ExpectError(Parsed(other_magic).gguf,
              {"offset 0", "wrong magic number", "wanted GGUF", "found 0x4c4d4747"});
  ExpectError(Parsed(swapped_magic).gguf, "big-endian");
  struct Case {
    uint32_t version;
    const char* text;
  };
  for (const Case& c : {Case{0x03000000, "big-endian"},
                        {0x02000000, "big-endian"},
                        {1, "found 1"},
                        {0, "found 0"},
                        {4, "wanted 2 or 3, found 4"},
                        {0x00030003, "unknown GGUF version"}}) {
    ExpectError(Parsed(with(4, NumberBytes(c.version))).gguf, {"offset 4", c.text});
  }
  for (const uint64_t count :
       {uint64_t{1} << 32, uint64_t{1} << 62, UINT64_MAX, UINT64_MAX / 24, UINT64_MAX / 13 + 1}) {
    ExpectError(Parsed(with(8, NumberBytes(count))).gguf,
                {"more tensors or metadata pairs", std::to_string(count)});
    ExpectError(Parsed(with(16, NumberBytes(count))).gguf,
                {"more tensors or metadata pairs", std::to_string(count)});
  }
}

TEST(Gguf, MalformedMetadata) {
  const auto one = [](std::string_view key, uint32_t type, std::string_view bytes) {
    GgufWriter writer;
    writer.Raw(key, type, bytes);
    return writer;
  };
  ExpectRefused(one("", 4, "1234"), {"bad metadata key", "offset 24"});
  ExpectRefused(one(std::string(65536, 'k'), 4, "1234"),
                {"bad metadata key", "wanted 1 to 65535 bytes"});
  ExpectRefused(one("\xFF", 4, "1234"), {"bad metadata key", "UTF-8"});
  ExpectRefused(one("k", 13, "1234"),
                {"metadata \"k\"", "offset 33", "wanted 0 to 12", "found 13"});
  ExpectRefused(one("k", 7, "\x02"), {"metadata \"k\"", "neither 0 nor 1", "found 2"});
  ExpectRefused(one("k", 8, NumberBytes(uint64_t{5}) + "abcd"),
                {"metadata \"k\"", "wanted 5 bytes", "found 4"});
  ExpectRefused(one("k", 8, NumberBytes(UINT64_MAX) + "abcd"),
                {"wanted 18446744073709551615 bytes"});
  ExpectRefused(one("k", 9, Array(99, 0, "")), {"no such metadata value type", "found 99"});
  ExpectRefused(Sample().Again("u8", 0, "1"), {"a metadata key stands twice", "found \"u8\""});
  std::string deep = Array(4, 0, "");
  for (int i = 0; i < 3; ++i) deep = Array(9, 1, deep);
  EXPECT_TRUE(Parsed(one("k", 9, deep).Build()).gguf.has_value());
  for (int i = 0; i < 100; ++i) deep = Array(9, 1, deep);
  ExpectRefused(one("k", 9, deep), {"nested too deep", "at most 4 levels"});
}

TEST(Gguf, ArrayCountsThatOverflow) {
  for (const uint32_t type : {0u, 3u, 6u, 7u, 8u, 9u, 10u, 12u}) {
    for (const uint64_t count : {uint64_t{17}, uint64_t{1} << 61, (uint64_t{1} << 61) + 1,
                                 (uint64_t{1} << 62) + 1, (uint64_t{1} << 63) + 1, UINT64_MAX}) {
      GgufWriter writer;
      writer.Raw("k", 9, Array(type, count, std::string(16, '\0')));
      ExpectRefused(writer,
                    {"metadata \"k\"", "an array is longer than the file", std::to_string(count)});
    }
  }
}

TEST(Gguf, TensorsWithWrongInfos) {
  const auto one = [](std::string_view name, uint32_t type, std::vector<uint64_t> dims,
                      std::optional<uint64_t> offset = {}) {
    GgufWriter writer;
    writer.Tensor(name, type, std::move(dims), std::string(128, '\0'), offset);
    return writer;
  };
  EXPECT_TRUE(Parsed(one("t", 0, {32}).Build()).gguf.has_value());
  EXPECT_TRUE(Parsed(one("t", 0, {}).Build()).gguf.has_value());
  EXPECT_TRUE(Parsed(one("t", 0, {32, 1, 1, 1}).Build()).gguf.has_value());
  EXPECT_TRUE(Parsed(one("t", 0, {0}, 128).Build()).gguf.has_value());
  ExpectRefused(one("", 0, {32}), {"bad tensor name"});
  ExpectRefused(one(std::string(256, 'n'), 0, {32}), {"bad tensor name", "1 to 255 bytes"});
  ExpectRefused(one("\xC3", 0, {32}), {"bad tensor name"});
  ExpectRefused(one("t", 0, {1, 1, 1, 1, 1}),
                {"tensor \"t\"", "too many dimensions", "at most 4", "found 5"});
  ExpectRefused(one("t", 8, {33}), {"tensor \"t\"", "a multiple of 32 for Q8_0", "found 33"});
  ExpectRefused(one("t", 0, {UINT64_MAX, 4}), {"tensor \"t\"", "overflows"});
  ExpectRefused(one("t", 0, {uint64_t{1} << 32, uint64_t{1} << 32}), {"overflows"});
  ExpectRefused(one("t", 0, {33}), {"tensor \"t\"", "outside the file", "wanted 132 bytes",
                                    "found 192 bytes of file"});
  ExpectRefused(one("t", 0, {uint64_t{1} << 50}), {"outside the file"});
  ExpectRefused(one("t", 0, {1}, 1), {"tensor \"t\"", "not aligned", "divisible by 32", "found 1"});
  for (const uint64_t offset : {uint64_t{128}, uint64_t{1} << 40, UINT64_MAX - 31}) {
    ExpectRefused(one("t", 0, {1}, offset), {"tensor \"t\"", "outside the file"});
  }
}

TEST(Gguf, TheSameTensorTwice) {
  // The writer replaces by name, so the name of the second is changed afterwards.
  std::string text = Sample().Tensor("fir_t", 0, {1}, "1234").Build();
  text.replace(text.find("fir_t"), 5, "first");
  ExpectError(Parsed(text).gguf, {"two tensors have the same name", "found first"});
}

TEST(Gguf, UnreadableTensorTypesAreNamed) {
  struct Case {
    uint32_t type;
    const char* text;
  };
  for (const Case& c : {Case{16, "IQ2_XXS needs a codebook"},
                        {17, "IQ2_XS needs a codebook"},
                        {18, "IQ3_XXS needs a codebook"},
                        {19, "IQ1_S needs a codebook"},
                        {21, "IQ3_S needs a codebook"},
                        {22, "IQ2_S needs a codebook"},
                        {29, "IQ1_M needs a codebook"},
                        {9, "Q8_1"},
                        {15, "Q8_K"},
                        {4, "removed"},
                        {31, "removed"},
                        {38, "removed"},
                        {43, "no such tensor type"},
                        {UINT32_MAX, "no such tensor type"}}) {
    GgufWriter writer;
    writer.Tensor("blk.0.attn_q.weight", c.type, {256}, std::string(256, '\0'));
    const std::string number = "found type " + std::to_string(c.type);
    ExpectRefused(writer, {"tensor \"blk.0.attn_q.weight\"", c.text, number});
    EXPECT_EQ(Parsed(writer.Build()).gguf.error().code, ErrorCode::kUnsupported);
  }
}

TEST(Gguf, Alignment) {
  for (const uint32_t alignment : {1u, 8u, 64u, 4096u}) {
    GgufWriter writer = Sample();
    writer.U32("general.alignment", alignment).Alignment(alignment);
    const Parsed parsed(writer.Build());
    ASSERT_TRUE(parsed.gguf.has_value()) << parsed.gguf.error().Message();
    EXPECT_EQ(AsText(parsed.gguf->tensors().Find("second")->bytes), std::string(34, '\x11'));
  }
  for (const uint32_t alignment : {0u, 3u, 48u, 1u << 21, UINT32_MAX}) {
    ExpectRefused(Sample().U32("general.alignment", alignment),
                  {"general.alignment", "wanted a power of two", std::to_string(alignment)});
  }
  ExpectRefused(Sample().String("general.alignment", "32"), {"bad alignment", "found \"32\""});
  ExpectRefused(Sample().I32("general.alignment", -32), {"found -32"});
}

TEST(Gguf, MessagesAreUtf8AndShort) {
  GgufWriter writer;
  writer.Raw(std::string(70, 'k') + "\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC", 99, "");
  const Parsed parsed(writer.Build());
  EXPECT_TRUE(ParseJson(Json(parsed.gguf.error().Message()).Dump()).has_value());
  EXPECT_LT(parsed.gguf.error().Message().size(), 300u);
}

TEST(GgufParse, TensorsThatOverlap) {
  const auto parse = [](uint64_t second) {
    const std::string bytes = GgufWriter()
                                  .Tensor("one", 0, {16}, std::string(64, '\0'), 0)
                                  .Tensor("two", 0, {8}, std::string(64, '\0'), second)
                                  .Build();
    const auto gguf = Gguf::Parse(AsBytes(bytes));
    return gguf ? Status() : Status(std::unexpected(gguf.error()));
  };
  EXPECT_TRUE(parse(64).has_value());
  ExpectError(parse(32),
              {"two tensors overlap", "one and two", "wanted an offset of 64", "found 32"});
}

}  // namespace
}  // namespace carat
