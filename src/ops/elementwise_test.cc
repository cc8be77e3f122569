#include "ops/elementwise.h"

#include <gtest/gtest.h>

#include <cfloat>
#include <cmath>
#include <vector>

namespace carat {
namespace {

TEST(Elementwise, AllFiniteFindsEveryPlace) {
  for (const size_t n : {0, 1, 15, 16, 17, 100}) {
    std::vector<float> x(n, -FLT_MAX);
    EXPECT_TRUE(AllFinite(x)) << n;
    for (size_t i = 0; i < n; ++i) {
      for (const float bad : {NAN, INFINITY, -INFINITY}) {
        x[i] = bad;
        EXPECT_FALSE(AllFinite(x)) << bad << " at " << i << " of " << n;
      }
      x[i] = FLT_MIN;
    }
    EXPECT_TRUE(AllFinite(x)) << n;
  }
}

}  // namespace
}  // namespace carat
