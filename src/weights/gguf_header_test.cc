#include "weights/gguf_header.h"

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace carat {
namespace {

TEST(GgufHeader, ReadsAsItWasWritten) {
  GgufHeader header(64);
  header.SetString("general.architecture", "x");
  header.SetUint32("general.alignment", 64);
  header.SetBool("flag", true);
  header.SetInt32("below", -5);
  header.SetFloat32("half", 0.5f);
  header.SetStrings("names", std::vector<std::string>{"", "b\nc"});
  header.SetInts("ints", std::vector<int32_t>{1, -2});
  header.SetFloats("floats", std::vector<float>{-1000.0f});
  header.SetBools("bools", std::array{true, false});
  header.SetUint32("flag", 7);  // now the last
  header.AddTensor("a", DType::kF32, std::vector<uint64_t>{3});
  header.AddTensor("b", DType::kQ8_0, std::vector<uint64_t>{2, 32});
  std::string bytes = header.Bytes();
  ASSERT_EQ(bytes.size(), header.size());
  ASSERT_EQ(header.file_size(), bytes.size() + 64 + 128);
  EXPECT_EQ(header.place_of(1), bytes.size() + 64);
  bytes.resize(header.file_size(), '\1');

  const auto gguf = Gguf::Parse(AsBytes(bytes));
  ASSERT_TRUE(gguf.has_value()) << gguf.error().Message();
  EXPECT_EQ(gguf->version(), 3u);
  EXPECT_EQ(gguf->metadata().back().key, "flag");
  EXPECT_EQ(gguf->Int("flag", 0, 9).value(), 7);
  EXPECT_EQ(gguf->Int("below", -9, 9).value(), -5);
  EXPECT_EQ(gguf->Number("half").value(), 0.5);
  EXPECT_EQ(gguf->Find("names")->AsArray()->strings[1], "b\nc");
  EXPECT_EQ(gguf->Ints("ints").value(), (std::vector<int64_t>{1, -2}));
  EXPECT_EQ(gguf->Ints("bools").value(), (std::vector<int64_t>{1, 0}));
  const TensorEntry* b = gguf->tensors().Find("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->ShapeText(), "[2, 32]");
  EXPECT_EQ(b->bytes.size(), 68u);

  // Pairs of another file come over byte for byte.
  GgufHeader copy(64);
  for (const GgufPair& pair : gguf->metadata()) copy.SetStored(pair);
  copy.AddTensor("a", DType::kF32, std::vector<uint64_t>{3});
  copy.AddTensor("b", DType::kQ8_0, std::vector<uint64_t>{2, 32});
  EXPECT_EQ(copy.Bytes(), header.Bytes());
}

}  // namespace
}  // namespace carat
