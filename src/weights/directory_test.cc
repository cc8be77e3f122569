#include "weights/directory.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"

namespace carat {
namespace {

TEST(StorageBytes, CountsWholeBlocks) {
  struct Case {
    DType dtype;
    std::vector<uint64_t> shape;
    uint64_t bytes;
  };
  for (const Case& c : {Case{DType::kF32, {}, 4},
                        {DType::kF32, {3, 5}, 60},
                        {DType::kBF16, {7}, 14},
                        {DType::kQ8_0, {2, 64}, 136},
                        {DType::kQ4_K, {3, 512}, 864},
                        {DType::kQ1_0, {128}, 18},
                        {DType::kF32, {0, 9}, 0},
                        {DType::kQ8_0, {9, 0}, 0},
                        {DType::kI8, {uint64_t{1} << 56}, uint64_t{1} << 56}}) {
    EXPECT_EQ(StorageBytes(c.dtype, c.shape).value(), c.bytes) << ShapeText(c.shape);
  }
}

TEST(StorageBytes, RefusesWhatDoesNotFit) {
  ExpectError(StorageBytes(DType::kQ8_0, std::vector<uint64_t>{2, 33}),
              {"row length", "wanted a multiple of 32 for Q8_0", "found 33"});
  // The row must fit, not the whole tensor.
  ExpectError(StorageBytes(DType::kQ4_K, std::vector<uint64_t>{256, 2}),
              "a multiple of 256 for Q4_K");
  ExpectError(StorageBytes(DType::kQ8_0, {}), "found 1");
  for (const std::vector<uint64_t>& shape :
       {std::vector<uint64_t>{uint64_t{1} << 32, uint64_t{1} << 32},
        {UINT64_MAX, 2},
        {UINT64_MAX},
        {uint64_t{1} << 63, 2, 0}}) {
    ExpectError(StorageBytes(DType::kF32, shape), {"overflows", ShapeText(shape)});
  }
}

TEST(TensorDirectory, KeepsOrderAndRefusesDuplicates) {
  TensorDirectory directory;
  const std::string bytes(12, '\0');
  ASSERT_OK(directory.Add({.name = "b", .shape = {3}, .bytes = AsBytes(bytes)}));
  ASSERT_OK(directory.Add({.name = "a", .shape = {2, 0}, .bytes = {}}));
  ExpectError(directory.Add({.name = "b", .shape = {}, .bytes = {}}), {"the same name", "found b"});
  ASSERT_EQ(directory.entries().size(), 2u);
  EXPECT_EQ(directory.entries()[0].name, "b");
  EXPECT_EQ(directory.Find("a"), &directory.entries()[1]);
  EXPECT_EQ(directory.Find("c"), nullptr);
  EXPECT_EQ(directory.TotalBytes(), 12u);
  EXPECT_EQ(directory.TotalElements(), 3u);
  EXPECT_EQ(directory.Find("a")->ShapeText(), "[2, 0]");
}

}  // namespace
}  // namespace carat
