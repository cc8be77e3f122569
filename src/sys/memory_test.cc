#include "sys/memory.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace carat {
namespace {

TEST(AvailableMemory, IsPlausible) {
  EXPECT_GT(AvailableMemory(), size_t{1} << 20);
  EXPECT_LT(AvailableMemory(), SIZE_MAX);  // Linux says
}

}  // namespace
}  // namespace carat
