#include "sys/thread_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "sys/cpu_features.h"

namespace carat {
namespace {

TEST(ThreadPool, DoesEveryPartOnce) {
  for (int threads = 1; threads <= 8; ++threads) {
    ThreadPool pool(threads);
    ASSERT_EQ(pool.threads(), threads);
    for (const size_t parts : {0, 1, 2, 3, 5, 7, 8, 9, 63, 64, 1000}) {
      std::vector<int> times(parts, 0);
      std::vector<int> owner(parts, -1);
      pool.Run(parts, [&](size_t part, int thread) {
        ++times[part];
        owner[part] = thread;
      });
      EXPECT_TRUE(std::ranges::all_of(times, [](int n) { return n == 1; }));
      EXPECT_TRUE(std::ranges::all_of(owner, [&](int t) { return t >= 0 && t < threads; }));
    }
  }
}

// The first part ends only when all others are done, those of its own thread's run included.
TEST(ThreadPool, OthersTakeWhatASlowThreadHasLeft) {
  for (const int threads : {2, 5}) {
    ThreadPool pool(threads);
    std::atomic<int> done = 0;
    pool.Run(40, [&](size_t part, int) {
      if (part == 0) {
        while (done.load() < 39) std::this_thread::yield();
      }
      ++done;
    });
    EXPECT_EQ(done.load(), 40);
  }
}

// Every round reads what other threads wrote in the round before: a missing happens-before shows as
// a wrong sum, and under the thread sanitizer as a race.
TEST(ThreadPool, RoundsSeeEachOthersResults) {
  for (const int threads : {2, 3, 8}) {
    ThreadPool pool(threads);
    constexpr size_t kParts = 24;
    std::vector<uint64_t> now(kParts, 1), next(kParts), expected(kParts, 1);
    for (int round = 0; round < 300; ++round) {
      pool.Run(kParts, [&](size_t part, int) {
        next[part] = now[part] * 3 + now[kParts - 1 - part] + now[(part + 7) % kParts];
      });
      now.swap(next);
      std::vector<uint64_t> last = expected;
      for (size_t i = 0; i < kParts; ++i) {
        expected[i] = last[i] * 3 + last[kParts - 1 - i] + last[(i + 7) % kParts];
      }
    }
    EXPECT_EQ(now, expected);
  }
}

TEST(ThreadPool, WakesWorkersThatWentToSleep) {
  ThreadPool pool(4);
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(4));
    std::vector<int> times(16, 0);
    pool.Run(times.size(), [&](size_t part, int) { ++times[part]; });
    EXPECT_EQ(times, std::vector<int>(16, 1));
  }
}

TEST(ThreadPool, EndsWithoutEverHavingRun) {
  for (int i = 0; i < 20; ++i) ThreadPool pool(1 + i % 8);
}

TEST(CpuFeatures, AreConsistent) {
  const CpuFeatures features = DetectCpuFeatures();
  EXPECT_TRUE(features.avx2 || !features.avx512);
  EXPECT_GE(UsableProcessors(), 1);
}

}  // namespace
}  // namespace carat
