// Pictures on their way in: a photo of 12 megapixels, decoded and resized on one core.
#include <benchmark/benchmark.h>

#include <filesystem>

#include "media/budget.h"
#include "media/resize.h"

namespace carat {
namespace {

Pixels Photo() {
  Pixels photo{3000, 4000, std::vector<uint8_t>(size_t{3} * 3000 * 4000)};
  for (size_t i = 0; i < photo.rgb.size(); ++i)
    photo.rgb[i] = static_cast<uint8_t>(i / 3 % 4000 / 16 + i / 12000 / 12);
  return photo;
}

void BenchResize(benchmark::State& state) {
  const Pixels photo = Photo();
  const PixelSize size =
      FittedSize({photo.height, photo.width}, static_cast<size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(Resize(photo, size).rgb.data());
}
BENCHMARK(BenchResize)
    ->Name("resize_12mp")
    ->Arg(70)
    ->Arg(280)
    ->Arg(1120)
    ->Unit(benchmark::kMillisecond);

void BenchChoose(benchmark::State& state) {
  const Pixels photo = Photo();
  for (auto _ : state) benchmark::DoNotOptimize(ChooseBudget(photo, 4096).budget);
}
BENCHMARK(BenchChoose)->Name("choose_budget_12mp")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace carat

BENCHMARK_MAIN();
