// Split GGUF models (gguf specification, section 1.6).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "io/file.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/temp_folder.h"
#include "weights/gguf.h"

namespace carat {
namespace {

std::string Name(int shard, int count) {
  return fmt::format("model-{:05}-of-{:05}.gguf", shard, count);
}

// Shard `no` (from 0) with one tensor t<no> that holds the shard's number.
GgufWriter Shard(uint16_t no, uint16_t count, int32_t tensors) {
  GgufWriter writer;
  if (no == 0) writer.String("general.architecture", "gemma4");
  writer.Raw("split.no", 2, NumberBytes(no)).Raw("split.count", 2, NumberBytes(count));
  writer.I32("split.tensors.count", tensors);
  writer.Floats(fmt::format("t{}", no), {2}, {static_cast<float>(no), 0});
  return writer;
}

void Write(const std::filesystem::path& path, const GgufWriter& writer) {
  ASSERT_OK(WriteFileAtomic(path, AsBytes(writer.Build())));
}

class GgufSplitTest : public testing::Test {
 protected:
  void SetUp() override {
    for (uint16_t no = 0; no < 3; ++no) Write(folder_ / Name(no + 1, 3), Shard(no, 3, 3));
  }
  const TempFolder folder_;
};

TEST_F(GgufSplitTest, TheFirstShardBringsTheOthers) {
  ASSERT_VALUE(const Gguf opened, Gguf::Open(folder_ / Name(1, 3)));
  ASSERT_EQ(opened.tensors().entries().size(), 3u);
  for (int no = 0; no < 3; ++no) {
    const TensorEntry* t = opened.tensors().Find(fmt::format("t{}", no));
    ASSERT_NE(t, nullptr);
    EXPECT_EQ(AsText(t->bytes).substr(0, 4), NumberBytes(static_cast<float>(no)));
  }
  EXPECT_EQ(opened.String("general.architecture").value(), "gemma4");
}

TEST_F(GgufSplitTest, AnotherShardNamesTheFirst) {
  const auto opened = Gguf::Open(folder_ / Name(2, 3));
  ExpectError(opened, {"not the first shard", "wanted model-00001-of-00003.gguf", "found shard 2"});
}

TEST_F(GgufSplitTest, AMissingShardIsNamed) {
  std::filesystem::remove(folder_ / Name(3, 3));
  const auto opened = Gguf::Open(folder_ / Name(1, 3));
  ExpectError(opened, {Name(3, 3), "No such file"});
  EXPECT_EQ(opened.error().code, ErrorCode::kNotFound);
}

TEST_F(GgufSplitTest, ABrokenShardIsNamed) {
  const std::string bytes = Shard(1, 3, 3).Build();
  ASSERT_OK(WriteFileAtomic(folder_ / Name(2, 3), AsBytes(bytes.substr(0, bytes.size() - 1))));
  ExpectError(Gguf::Open(folder_ / Name(1, 3)), {Name(2, 3), "tensor \"t1\"", "outside the file"});
}

TEST_F(GgufSplitTest, AWrongTensorCount) {
  Write(folder_ / Name(1, 3), Shard(0, 3, 4));
  ExpectError(Gguf::Open(folder_ / Name(1, 3)), {"split.tensors.count", "wanted 4", "found 3"});
}

TEST_F(GgufSplitTest, AShardOfAnotherPlaceOrModel) {
  Write(folder_ / Name(3, 3), Shard(1, 3, 3));
  ExpectError(Gguf::Open(folder_ / Name(1, 3)), {Name(3, 3), "split.no", "found 1"});
  Write(folder_ / Name(3, 3), Shard(2, 4, 3));
  ExpectError(Gguf::Open(folder_ / Name(1, 3)), {Name(3, 3), "split.count", "found 4"});
}

TEST_F(GgufSplitTest, ATensorInTwoShards) {
  Write(folder_ / Name(3, 3), Shard(1, 3, 3).U32("split.no", 2));
  ExpectError(Gguf::Open(folder_ / Name(1, 3)), {Name(3, 3), "the same name", "t1"});
}

TEST_F(GgufSplitTest, ARenamedShard) {
  std::filesystem::rename(folder_ / Name(1, 3), folder_ / "renamed.gguf");
  ExpectError(Gguf::Open(folder_ / "renamed.gguf"),
              {"its name does not say so", "-00001-of-00003.gguf", "found renamed.gguf"});
}

TEST_F(GgufSplitTest, SplitKeysOfAnUnsplitFile) {
  Write(folder_ / "one.gguf", Shard(0, 1, 1));
  EXPECT_TRUE(Gguf::Open(folder_ / "one.gguf").has_value());
  Write(folder_ / "zero.gguf", Shard(0, 0, 1));
  EXPECT_TRUE(Gguf::Open(folder_ / "zero.gguf").has_value());
  Write(folder_ / "bad.gguf", Shard(0, 2, 2).Remove("split.no"));
  ExpectError(Gguf::Open(folder_ / "bad.gguf"), {"bad.gguf", "split.no", "missing"});
  Write(folder_ / "text.gguf", Shard(0, 2, 2).String("split.count", "two"));
  ExpectError(Gguf::Open(folder_ / "text.gguf"), {"split.count", "found \"two\""});
}

TEST(GgufOpen, NamesTheFile) {
  const TempFolder folder;
  ASSERT_OK(WriteFileAtomic(folder / "f.gguf", AsBytes("not a model at all")));
  ExpectError(Gguf::Open(folder / "f.gguf"), {(folder / "f.gguf").string(), "not a GGUF file"});
  ASSERT_OK(WriteFileAtomic(folder / "empty.gguf", {}));
  ExpectError(Gguf::Open(folder / "empty.gguf"),
              {"empty.gguf", "the data ends inside the magic number"});
  ExpectError(Gguf::Open(folder / "none.gguf"), "No such file");
  ExpectError(Gguf::Open(folder.path()), "found a directory");
}

}  // namespace
}  // namespace carat
