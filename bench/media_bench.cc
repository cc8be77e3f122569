// Pictures on their way in, one thread:
//   resize_12mp/BUDGET, choose_budget_12mp   a photo of 12 megapixels
//   embed_picture/280   its patches to soft tokens, at the 12B's sizes, weights in bf16
//   layer_matrices/280  what the same tokens meet in one of its 48 layers: the matrices alone
// Embedding's share of prefilling is at most embed_picture / (48 * layer_matrices).
#include <benchmark/benchmark.h>

#include <filesystem>
#include <vector>

#include "kernels/select.h"
#include "media/budget.h"
#include "media/resize.h"
#include "model/embedders.h"
#include "ops/matmul.h"
#include "ops/usable_tables.h"

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

constexpr size_t kWidth = 3840, kPatch = 6912, kTokens = 280;

// Small finite bf16 values.
struct Matrix {
  std::vector<uint16_t> values;
  MatrixView view;
  Matrix(size_t rows, size_t cols) : values(rows * cols) {
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<uint16_t>(0x3c00 + i % 97);
    view = {.data = reinterpret_cast<const std::byte*>(values.data()),
            .dtype = DType::kBF16,
            .rows = rows,
            .cols = cols};
  }
};

void BenchEmbed(benchmark::State& state) {
  const Matrix patch(kWidth, kPatch), projection(kWidth, kWidth), positions(2 * 1120, kWidth);
  const std::vector<float> ones(kPatch, 1.0f);
  const LayerNormWeights norm{ones.data(), ones.data()};
  const VisionConfig config{.patch_side = 48, .width = kWidth, .positions = 1120};
  const VisionWeights weights{.patch_norm = norm,
                              .patch_matrix = patch.view,
                              .patch_bias = ones.data(),
                              .embed_norm = norm,
                              .position_tables = positions.view,
                              .position_stride = 2,
                              .axis_stride = 1,
                              .position_norm = norm,
                              .projection = projection.view};
  const std::vector<uint8_t> rgb(3 * 14 * 48 * 20 * 48, 100);
  std::vector<float> out(kTokens * kWidth);
  ThreadPool pool(1);
  OpContext context(pool, UsableTables().best());
  for (auto _ : state) {
    EmbedPicture(context, config, weights, {.rgb = rgb, .height = 14 * 48, .width = 20 * 48}, out);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(BenchEmbed)->Name("embed_picture/280")->Unit(benchmark::kMillisecond);

// A sliding layer: queries and output of 16 heads, keys and values of 8, head size 256, and the
// feed-forward.
void BenchLayer(benchmark::State& state) {
  constexpr size_t kQuery = 4096, kKey = 2048, kForward = 15360;
  const Matrix matrices[] = {{kQuery, kWidth},  {kKey, kWidth},     {kKey, kWidth},
                             {kWidth, kQuery},  {kForward, kWidth}, {kForward, kWidth},
                             {kWidth, kForward}};
  const std::vector<float> x(kTokens * kForward, 0.5f);
  std::vector<float> out(kTokens * kForward);
  ThreadPool pool(1);
  OpContext context(pool, UsableTables().best());
  for (auto _ : state) {
    for (const Matrix& m : matrices)
      MatMul(context, Role::kGenerated, m.view, x.data(), kTokens, out.data());
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(BenchLayer)->Name("layer_matrices/280")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace carat

BENCHMARK_MAIN();
