#include "engine/window_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "tests/support/random_model.h"

namespace carat {
namespace {

constexpr int64_t kWindow = 4;

class WindowPoolTest : public testing::Test {
 protected:
  WindowPoolTest()
      : cache_(KvCache::Create(MakeRandomModel({.window = kWindow}).config,
                               {.dtype = DType::kF32, .max_positions = 400, .margin = 8})
                   .value()) {}

  // Advances to `end` as if every position's first key were the position itself.
  void RunTo(Pos end) {
    while (cache_.size() < end) {
      const CacheView view = cache_.layer(0);
      const auto number = static_cast<float>(cache_.size());
      std::memcpy(view.keys + Slot(cache_.size()), &number, sizeof number);
      cache_.Advance(1);
    }
  }
  float KeyAt(Pos position) const {
    float number = 0;
    std::memcpy(&number, cache_.layer(0).keys + Slot(position), sizeof number);
    return number;
  }
  size_t Slot(Pos position) const {
    const CacheView view = cache_.layer(0);
    return static_cast<size_t>(position) % view.capacity * view.row_bytes();
  }

  KvCache cache_;
};

TEST_F(WindowPoolTest, FitsItsBudget) {
  const size_t bytes = cache_.WindowBytes();
  EXPECT_EQ(WindowPool(bytes, 0).capacity(), 0u);
  EXPECT_EQ(WindowPool(bytes, bytes - 1).capacity(), 0u);
  EXPECT_EQ(WindowPool(bytes, 3 * bytes).capacity(), 3u);
  EXPECT_EQ(WindowPool(bytes, 4 * bytes - 1).capacity(), 3u);
  EXPECT_EQ(WindowPool(bytes, SIZE_MAX).capacity(), WindowPool::kMaxWindows);
  EXPECT_EQ(WindowPool(0, 100).capacity(), 0u);  // a model without sliding layers
}

TEST_F(WindowPoolTest, WithoutRoomItKeepsNothing) {
  WindowPool pool(cache_.WindowBytes(), 0);
  RunTo(10);
  pool.Save(cache_);
  EXPECT_EQ(pool.Nearest(100), std::nullopt);
}

TEST_F(WindowPoolTest, RestoresTheRowsBeforeAPosition) {
  WindowPool pool(cache_.WindowBytes(), SIZE_MAX);
  pool.Save(cache_);  // at the beginning there is nothing to keep
  EXPECT_EQ(pool.Nearest(100), std::nullopt);
  for (const Pos p : {2, 10, 30}) {
    RunTo(p);
    pool.Save(cache_);
  }
  RunTo(200);
  EXPECT_EQ(pool.Nearest(1), std::nullopt);
  EXPECT_EQ(pool.Nearest(2), 2);
  EXPECT_EQ(pool.Nearest(29), 10);
  EXPECT_EQ(pool.Nearest(1000), 30);
  for (const Pos p : {30, 10, 2}) {
    pool.Restore(p, cache_);
    EXPECT_EQ(cache_.size(), p);
    for (Pos i = std::max<Pos>(0, p - kWindow); i < p; ++i) {
      EXPECT_EQ(KeyAt(i), static_cast<float>(i));
    }
  }
}

TEST_F(WindowPoolTest, ReplacesTheLeastRecentlyUsed) {
  WindowPool pool(cache_.WindowBytes(), 2 * cache_.WindowBytes());
  RunTo(10);
  pool.Save(cache_);
  RunTo(20);
  pool.Save(cache_);
  pool.Restore(10, cache_);  // used again
  RunTo(30);
  pool.Save(cache_);
  EXPECT_EQ(pool.Nearest(25), 10);
  EXPECT_EQ(pool.Nearest(30), 30);
  RunTo(40);
  pool.Save(cache_);
  EXPECT_EQ(pool.Nearest(29), std::nullopt);
}

TEST_F(WindowPoolTest, AForgottenPlaceIsTakenFirst) {
  WindowPool pool(cache_.WindowBytes(), 2 * cache_.WindowBytes());
  RunTo(10);
  pool.Save(cache_);
  RunTo(20);
  pool.Save(cache_);
  pool.DropBeyond(19);
  EXPECT_EQ(pool.Nearest(100), 10);
  cache_.Truncate(19);
  RunTo(25);
  pool.Save(cache_);
  EXPECT_EQ(pool.Nearest(24), 10);
  EXPECT_EQ(pool.Nearest(25), 25);
  pool.DropBeyond(10);
  EXPECT_EQ(pool.Nearest(100), 10);
  pool.DropBeyond(0);
  EXPECT_EQ(pool.Nearest(100), std::nullopt);
}

TEST_F(WindowPoolTest, SavingTwiceTakesOnePlace) {
  WindowPool pool(cache_.WindowBytes(), 2 * cache_.WindowBytes());
  RunTo(10);
  pool.Save(cache_);
  pool.Save(cache_);
  RunTo(20);
  pool.Save(cache_);
  EXPECT_EQ(pool.Nearest(10), 10);
}

}  // namespace
}  // namespace carat
