#include "tensor/dtype.h"

#include <gtest/gtest.h>

#include <set>

#include "tensor/lazy_buffer.h"
#include "tensor/view.h"

namespace carat {
namespace {

TEST(DType, NumbersAreUniqueAndFindTheirType) {
  std::set<uint32_t> ids;
  std::set<std::string_view> names;
  for (size_t i = 0; i < kNumDTypes; ++i) {
    EXPECT_TRUE(ids.insert(kDTypes[i].gguf_id).second);
    EXPECT_TRUE(names.insert(kDTypes[i].name).second);
    EXPECT_EQ(DTypeFromGguf(kDTypes[i].gguf_id), static_cast<DType>(i));
  }
  EXPECT_EQ(DTypeFromGguf(9), std::nullopt);
  EXPECT_EQ(DTypeFromGguf(UINT32_MAX), std::nullopt);
}

TEST(DType, SaysWhyATypeIsNotRead) {
  EXPECT_NE(UnknownGgufType(16).find("IQ2_XXS"), std::string_view::npos);
  EXPECT_NE(UnknownGgufType(4).find("removed"), std::string_view::npos);
  EXPECT_FALSE(UnknownGgufType(1000).empty());
}

TEST(MatrixView, CutsRowsOfBlocks) {
  MatrixView view;
  std::byte bytes[4 * 2 * 34];
  view.data = bytes;
  view.dtype = DType::kQ8_0;
  view.rows = 4;
  view.cols = 64;
  EXPECT_EQ(view.row_bytes(), 68u);
  const MatrixView part = view.Rows(1, 2);
  EXPECT_EQ(part.rows, 2u);
  EXPECT_EQ(part.row(1), view.row(2));
}

TEST(FloatBuffer, GrowsAndIsAligned) {
  FloatBuffer buffer(3);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % 64, 0u);
  buffer.data()[2] = 7;
  buffer.Resize(2);
  EXPECT_EQ(buffer.data()[2], 7);
  buffer.Resize(1000);
  EXPECT_GE(buffer.capacity(), 1000u);
}

TEST(LazyBuffer, IsZeroedAndMoves) {
  auto buffer = LazyBuffer::Create(1 << 20);
  ASSERT_TRUE(buffer.has_value());
  EXPECT_EQ(buffer->data()[12345], std::byte{0});
  std::byte* const at = buffer->data();
  const LazyBuffer moved = *std::move(buffer);
  EXPECT_EQ(moved.data(), at);
  EXPECT_EQ(moved.size(), size_t{1} << 20);
  const auto empty = LazyBuffer::Create(0);
  ASSERT_TRUE(empty.has_value());
  EXPECT_EQ(empty->data(), nullptr);
}

TEST(LazyBuffer, ReportsWhatCannotBeReserved) {
  const auto huge = LazyBuffer::Create(size_t{1} << 62);
  ASSERT_FALSE(huge.has_value());
  EXPECT_EQ(huge.error().code, ErrorCode::kNoMemory);
}

}  // namespace
}  // namespace carat
