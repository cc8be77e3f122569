#include "ops/machine_limits.h"

#include <algorithm>
#include <vector>

#include "sys/clock.h"

namespace carat {

double SecondsToRead(ThreadPool& pool, const kernels::Table& table,
                     std::span<const std::span<const std::byte>> runs) {
  constexpr size_t kPart = size_t{1} << 20, kStep = 256;
  std::vector<std::span<const std::byte>> parts;
  for (const auto run : runs) {
    for (size_t at = 0; at < run.size(); at += kPart) {
      const auto part = run.subspan(at, std::min(kPart, run.size() - at));
      parts.push_back(part.first(part.size() / kStep * kStep));
    }
  }
  const double start = Now();
  pool.Run(parts.size(),
           [&](size_t i, int) { static_cast<void>(table.read(parts[i].data(), parts[i].size())); });
  return Now() - start;
}

double ProductsPerSecond(ThreadPool& pool, const kernels::Table& table, double seconds) {
  constexpr size_t kSteps = 5000;
  std::vector<double> products(static_cast<size_t>(pool.threads()));
  const double start = Now();
  pool.Run(products.size(), [&](size_t i, int) {
    while (Now() - start < seconds) products[i] += table.matrix_steps(kSteps);
  });
  double sum = 0;
  for (const double p : products) sum += p;
  return sum / (Now() - start);
}

}  // namespace carat
