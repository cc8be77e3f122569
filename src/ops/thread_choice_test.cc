#include "ops/thread_choice.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/kernel_tables.h"

namespace carat {
namespace {

TEST(ThreadChoice, IsOneOfThoseThatWereMeasured) {
  const std::vector<std::byte> memory(size_t{32} << 20, std::byte{1});
  for (const kernels::Table* table : Tables()) {
    const int chosen = ThreadsThatHelp(*table, memory, 4);
    EXPECT_TRUE(chosen == 4 || chosen == 2 || chosen == 1) << table->name << " " << chosen;
  }
}

TEST(ThreadChoice, MeasuresNothingWhereThereIsNothingToChoose) {
  const std::vector<std::byte> memory(1024);
  EXPECT_EQ(ThreadsThatHelp(*Tables()[0], memory, 1), 1);
  EXPECT_EQ(ThreadsThatHelp(*Tables()[0], memory, 8), 8);
}

}  // namespace
}  // namespace carat
