#include "base/bytes.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string_view>

#include "tests/support/errors.h"
#include "tests/support/files.h"

namespace carat {
namespace {

using std::literals::string_view_literals::operator""sv;

TEST(ByteReader, ReadsLittleEndianNumbersInOrder) {
  ByteReader in(AsBytes("\x01\x02\x03\x04\x05\x06\xFF"sv));
  ASSERT_VALUE(const auto u16, in.Read<uint16_t>("a"));
  EXPECT_EQ(u16, 0x0201);
  ASSERT_VALUE(const auto u32, in.Read<uint32_t>("b"));
  EXPECT_EQ(u32, 0x06050403u);
  EXPECT_EQ(in.offset(), 6u);
  ASSERT_VALUE(const auto i8, in.Read<int8_t>("c"));
  EXPECT_EQ(i8, -1);
  EXPECT_EQ(in.remaining(), 0u);
}

TEST(ByteReader, AFailedReadSaysWhereAndDoesNotMove) {
  ByteReader in(AsBytes("abcde"sv));
  ASSERT_VALUE(const auto head, in.ReadBytes("the head", 2));
  EXPECT_EQ(AsText(head), "ab");
  ExpectError(in.Read<uint32_t>("the version"),
              {"offset 2", "the data ends inside the version", "wanted 4 bytes", "found 3"});
  EXPECT_EQ(in.offset(), 2u);
  ASSERT_VALUE(const auto rest, in.ReadBytes("the rest", 3));
  EXPECT_EQ(AsText(rest), "cde");
}

TEST(ByteReader, NoLengthOverflows) {
  ByteReader in(AsBytes("abc"sv));
  ASSERT_VALUE(const auto first, in.Read<char>("x"));
  EXPECT_EQ(first, 'a');
  for (const uint64_t size : {uint64_t{3}, uint64_t{1} << 32, UINT64_MAX - 1, UINT64_MAX}) {
    ExpectError(in.ReadBytes("a string", size), {"a string", std::to_string(size), "found 2"});
    EXPECT_EQ(in.offset(), 1u);
  }
}

TEST(ByteReader, AnEmptyTextHoldsOnlyEmptyReads) {
  ByteReader in({});
  ASSERT_VALUE(const auto nothing, in.ReadBytes("nothing", 0));
  EXPECT_TRUE(nothing.empty());
  ExpectError(in.Read<uint8_t>("a byte"), {"offset 0", "wanted 1 bytes", "found 0"});
}

}  // namespace
}  // namespace carat
