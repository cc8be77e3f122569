#include "weights/safetensors.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/bytes.h"
#include "io/file.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/temp_folder.h"

namespace carat {
namespace {

std::string File(std::string_view header, std::string_view data) {
  return NumberBytes(uint64_t{header.size()}) + std::string(header) + std::string(data);
}

constexpr std::string_view kHeader =
    R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[1,2],"data_offsets":[4,12]},)"
    R"("a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]},"s":{"dtype":"F16","shape":[],"data_offsets":[12,14]}}  )";
constexpr std::string_view kData = "0123456789ABCD";

struct Parsed {
  explicit Parsed(std::string_view text)
      : bytes(reinterpret_cast<const std::byte*>(text.data()),
              reinterpret_cast<const std::byte*>(text.data()) + text.size()),
        file(Safetensors::Parse(bytes)) {}
  std::vector<std::byte> bytes;
  Result<Safetensors> file;
};

void ExpectRefused(std::string_view header, std::initializer_list<std::string_view> parts) {
  ExpectError(Parsed(File(header, kData)).file, parts);
}

TEST(Safetensors, ReadsTensors) {
  const Parsed parsed(File(kHeader, kData));
  ASSERT_TRUE(parsed.file.has_value()) << parsed.file.error().Message();
  const TensorDirectory& tensors = parsed.file->tensors();
  ASSERT_EQ(tensors.entries().size(), 3u);
  const TensorEntry* a = tensors.Find("a");
  EXPECT_EQ(a->dtype, DType::kBF16);
  EXPECT_EQ(AsText(a->bytes), "0123");
  const TensorEntry* b = tensors.Find("b");
  EXPECT_EQ(b->shape, (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(AsText(b->bytes), "456789AB");
  EXPECT_TRUE(tensors.Find("s")->shape.empty());
  EXPECT_EQ(tensors.Find("__metadata__"), nullptr);
}

TEST(Safetensors, ACutAtAnyByteIsAnError) {
  const std::string whole = File(kHeader, kData);
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(Parsed(whole.substr(0, size)).file.has_value()) << size;
  }
}

TEST(Safetensors, NoSingleWrongByteDoesHarm) {
  const std::string whole = File(kHeader, kData);
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const char wrong : {'\0', '"', '{', '9', '-', '\x7F', '\xFF'}) {
      std::string text = whole;
      text[at] = wrong;
      const Parsed parsed(text);
      EXPECT_TRUE(parsed.file.has_value() || !parsed.file.error().what.empty());
    }
  }
}

TEST(Safetensors, EmptyTensorsMayStandAnywhere) {
  EXPECT_TRUE(Parsed(File("{}", "")).file.has_value());
  // Same begin, the empty one named last: they do not overlap.
  const Parsed parsed(File(R"({"full":{"dtype":"I8","shape":[4],"data_offsets":[0,4]},)"
                           R"("empty":{"dtype":"F32","shape":[0,7],"data_offsets":[0,0]}})",
                           "1234"));
  ASSERT_TRUE(parsed.file.has_value()) << parsed.file.error().Message();
  EXPECT_EQ(parsed.file->tensors().Find("empty")->elements(), 0u);
}

TEST(Safetensors, HeaderErrors) {
  ExpectError(Parsed(NumberBytes(uint64_t{100'000'001}) + "{}").file,
              {"the header is too long", "at most 100000000", "found 100000001"});
  ExpectError(Parsed(NumberBytes(UINT64_MAX) + "{}").file, "the header is too long");
  ExpectError(Parsed(NumberBytes(uint64_t{3}) + "{}").file,
              {"the data ends inside the header", "wanted 3", "found 2"});
  ExpectError(Parsed("GGUF").file, "the data ends inside the header length");
  ExpectRefused("[]", {"header", "wanted an object", "found an array"});
  ExpectRefused("{", {"header, offset 1", "not valid JSON"});
  ExpectRefused(std::string_view("{}\0\0", 4), {"header, offset 2", "not valid JSON"});
  ExpectRefused(R"({"a":{},"a":{}})", {"a member name stands twice"});
}

TEST(Safetensors, EntryErrors) {
  struct Case {
    const char *entry, *part;
  };
  for (
      const Case& c : {
          Case{R"(7)", "wanted an object, found 7"},
          {R"({"shape":[1],"data_offsets":[0,4]})", "dtype: missing"},
          {R"({"dtype":1,"shape":[1],"data_offsets":[0,4]})",
           "dtype: wrong value (wanted a string, found 1)"},
          {R"({"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]})", "found F8_E4M3"},
          {R"({"dtype":"F32","data_offsets":[0,4]})", "shape: missing"},
          {R"({"dtype":"F32","shape":4,"data_offsets":[0,4]})",
           "shape: wrong value (wanted an array, found 4)"},
          {R"({"dtype":"F32","shape":[-1],"data_offsets":[0,4]})", "non-negative integers"},
          {R"({"dtype":"F32","shape":[1.0],"data_offsets":[0,4]})", "non-negative integers"},
          {R"({"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]})",
           "non-negative integers"},
          {R"({"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]})",
           "at most 8 dimensions"},
          {R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]})", "overflows"},
          {R"({"dtype":"F32","shape":[1]})", "data_offsets: missing"},
          {R"({"dtype":"F32","shape":[1],"data_offsets":[0]})", "[begin, end]"},
          {R"({"dtype":"F32","shape":[1],"data_offsets":[0,4,8]})", "[begin, end]"},
          {R"({"dtype":"F32","shape":[1],"data_offsets":[-4,0]})", "[begin, end]"},
          {R"({"dtype":"F32","shape":[1],"data_offsets":[8,4]})", "[begin, end]"},
          {R"({"dtype":"F32","shape":[1],"data_offsets":[0,"4"]})", "[begin, end]"},
          {R"({"dtype":"F32","shape":[1],"data_offsets":[12,16]})",
           "wanted bytes 12 to 16, found 14 bytes of data"},
          {R"({"dtype":"F32","shape":[1],"data_offsets":[9223372036854775803,9223372036854775807]})",
           "outside"},
          {R"({"dtype":"F32","shape":[2],"data_offsets":[0,4]})",
           "wanted 8 bytes for [2], found 4"},
          {R"({"dtype":"F32","shape":[0],"data_offsets":[0,4]})",
           "wanted 0 bytes for [0], found 4"},
      }) {
    const std::string header = std::string(R"({"t":)") + c.entry + "}";
    ExpectRefused(header, {"tensor \"t\"", c.part});
  }
}

TEST(Safetensors, OverlappingTensorsAreNamed) {
  ExpectRefused(R"({"one":{"dtype":"I8","shape":[4],"data_offsets":[0,4]},)"
                R"("two":{"dtype":"I8","shape":[4],"data_offsets":[3,7]}})",
                {"two tensors overlap", "one and two"});
  ExpectRefused(R"({"one":{"dtype":"I8","shape":[9],"data_offsets":[0,9]},)"
                R"("two":{"dtype":"I8","shape":[2],"data_offsets":[3,5]}})",
                {"two tensors overlap", "one and two"});
}

std::string One(const std::string& name) {
  return File(R"({")" + name + R"(":{"dtype":"I8","shape":[1],"data_offsets":[0,1]}})",
              name.substr(0, 1));
}

class SafetensorsFolderTest : public testing::Test {
 protected:
  void Write(const std::string& name, std::string_view text) {
    ASSERT_OK(WriteFileAtomic(folder_ / name, AsBytes(text)));
  }
  void WriteIndex(const std::string& map) {
    Write("model.safetensors.index.json",
          R"({"metadata":{"total_size":2},"weight_map":)" + map + "}");
  }
  Result<Safetensors> Open() { return Safetensors::OpenFolder(folder_.path()); }
  const TempFolder folder_;
};

TEST_F(SafetensorsFolderTest, OneFile) {
  Write("model.safetensors", One("x"));
  ASSERT_VALUE(const Safetensors file, Open());
  EXPECT_EQ(AsText(file.tensors().Find("x")->bytes), "x");
}

TEST_F(SafetensorsFolderTest, Shards) {
  Write("s1.safetensors", One("x"));
  Write("s2.safetensors", One("y"));
  WriteIndex(R"({"x":"s1.safetensors","y":"s2.safetensors"})");
  ASSERT_VALUE(const Safetensors file, Open());
  EXPECT_EQ(AsText(file.tensors().Find("x")->bytes), "x");
  EXPECT_EQ(AsText(file.tensors().Find("y")->bytes), "y");
}

TEST_F(SafetensorsFolderTest, MissingFiles) {
  ExpectError(Open(), {"model.safetensors", "No such file"});
  EXPECT_EQ(Open().error().code, ErrorCode::kNotFound);
  Write("s1.safetensors", One("x"));
  WriteIndex(R"({"x":"s1.safetensors","y":"s2.safetensors"})");
  ExpectError(Open(), {"s2.safetensors", "No such file"});
}

TEST_F(SafetensorsFolderTest, ATensorThatNoShardHolds) {
  Write("s1.safetensors", One("x"));
  WriteIndex(R"({"x":"s1.safetensors","y":"s1.safetensors"})");
  ExpectError(Open(),
              {"model.safetensors.index.json", "names a tensor that no shard holds", "found y"});
}

TEST_F(SafetensorsFolderTest, ATensorInTwoShards) {
  Write("s1.safetensors", One("x"));
  Write("s2.safetensors", One("x"));
  WriteIndex(R"({"x":"s1.safetensors","z":"s2.safetensors"})");
  ExpectError(Open(), {"s2.safetensors", "the same name", "found x"});
}

TEST_F(SafetensorsFolderTest, AnIndexLeadsNowhereElse) {
  const TempFolder elsewhere;
  ASSERT_OK(WriteFileAtomic(elsewhere / "x", AsBytes(One("x"))));
  for (const std::string& name :
       {std::string("../x"), (elsewhere / "x").string(), std::string("sub/x"), std::string(".."),
        std::string(), std::string("./s1"), std::string("s1\\u0000"), std::string("..\\/x")}) {
    WriteIndex(R"({"some.weight":")" + name + R"("})");
    ExpectError(Open(), {"weight_map.some.weight", "wrong shard name"});
  }
  WriteIndex(R"({"some.weight":5})");
  ExpectError(Open(), {"weight_map.some.weight", "found 5"});
  WriteIndex(R"({"x":"."})");
  ExpectError(Open(), "found a directory");
}

TEST_F(SafetensorsFolderTest, BrokenIndex) {
  Write("model.safetensors.index.json", "{");
  ExpectError(Open(), {"index.json, offset 1", "not valid JSON"});
  Write("model.safetensors.index.json", "{}");
  ExpectError(Open(), {"index.json", "weight_map", "missing"});
  WriteIndex("[]");
  ExpectError(Open(), "wanted an object");
}

TEST_F(SafetensorsFolderTest, ADirectoryInPlaceOfTheFile) {
  std::filesystem::create_directory(folder_ / "model.safetensors");
  ExpectError(Open(), {"model.safetensors", "wanted a regular file", "found a directory"});
}

TEST_F(SafetensorsFolderTest, ABrokenFileIsNamed) {
  Write("model.safetensors", "12345");
  ExpectError(Open(),
              {(folder_ / "model.safetensors").string(), "the data ends inside the header length"});
}

}  // namespace
}  // namespace carat
