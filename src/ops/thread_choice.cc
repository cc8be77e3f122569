#include "ops/thread_choice.h"

#include <algorithm>

#include "ops/machine_limits.h"
#include "sys/thread_pool.h"

namespace carat {
namespace {

struct Speed {
  double bytes = 0, products = 0;  // per second
  bool Reaches(const Speed& other) const {
    constexpr double kAsFast = 0.97;
    return bytes >= kAsFast * other.bytes && products >= kAsFast * other.products;
  }
};

Speed Measure(const kernels::Table& table, std::span<const std::byte> memory, int threads) {
  ThreadPool pool(threads);
  Speed best;
  for (int round = 0; round < 3; ++round) {
    const double seconds = SecondsToRead(pool, table, {&memory, 1});
    best.bytes = std::max(best.bytes, static_cast<double>(memory.size()) / seconds);
    best.products = std::max(best.products, ProductsPerSecond(pool, table, 0.003));
  }
  return best;
}

}  // namespace

int ThreadsThatHelp(const kernels::Table& table, std::span<const std::byte> memory, int most) {
  constexpr size_t kEnough = size_t{24} << 20, kMost = size_t{512} << 20;
  if (most < 2 || memory.size() < kEnough) return most;
  memory = memory.first(std::min(memory.size(), kMost));
  const Speed all = Measure(table, memory, most);
  int helps = most;
  for (int fewer = most / 2; fewer >= std::max(1, most / 4); fewer /= 2) {
    if (!Measure(table, memory, fewer).Reaches(all)) break;
    helps = fewer;
  }
  return helps;
}

}  // namespace carat
