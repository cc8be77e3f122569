#include "base/check.h"

#include <gtest/gtest.h>

namespace carat {
namespace {

TEST(CheckDeathTest, StopsWithThePlaceAndTheCondition) {
  CARAT_CHECK(1 + 1 == 2);
  EXPECT_DEATH(CARAT_CHECK(1 + 1 == 3), "check_test.cc:[0-9]+: 1 \\+ 1 == 3 does not hold");
}

}  // namespace
}  // namespace carat
