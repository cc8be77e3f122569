#include "ops/thread_choice.h"

#include <algorithm>
#include <vector>

#include "sys/clock.h"
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
  constexpr size_t kPart = size_t{1} << 20, kSteps = 5000;
  constexpr double kSeconds = 0.003;
  ThreadPool pool(threads);
  const size_t parts = memory.size() / kPart;
  const auto count = static_cast<size_t>(pool.threads());
  std::vector<double> products(count);
  Speed best;
  for (int round = 0; round < 3; ++round) {
    double start = Now();
    pool.Run(parts, [&](size_t part, int) {
      static_cast<void>(table.read(memory.data() + part * kPart, kPart));
    });
    best.bytes = std::max(best.bytes, static_cast<double>(parts * kPart) / (Now() - start));
    start = Now();
    pool.Run(count, [&](size_t i, int) {
      products[i] = 0;
      while (Now() - start < kSeconds) products[i] += table.matrix_steps(kSteps);
    });
    const double seconds = Now() - start;
    double sum = 0;
    for (const double p : products) sum += p;
    best.products = std::max(best.products, sum / seconds);
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
