#include "service/held_media.h"

#include <gtest/gtest.h>

namespace carat {
namespace {

TEST(HeldMedia, IsBounded) {
  const HeldMedia held(100);
  auto first = held.NewShare();
  EXPECT_TRUE(held.Grow(*first, 70).has_value());
  EXPECT_TRUE(held.Grow(*first, 70).has_value());  // alone
  const auto second = held.NewShare();
  EXPECT_EQ(held.Grow(*second, 1).error().code, ErrorCode::kBusy);
  first.reset();
  EXPECT_TRUE(held.Grow(*second, 60).has_value());
  const auto third = held.NewShare();
  EXPECT_EQ(held.Grow(*third, 41).error().code, ErrorCode::kBusy);
  EXPECT_TRUE(held.Grow(*third, 40).has_value());
}

}  // namespace
}  // namespace carat
