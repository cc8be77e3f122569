// Inner loops of every kernel table, one thread:
//   matmul/TABLE/FORMAT/tokens:N   a matrix of 3840 x 3840 through ops/matmul.h, decoding included
//   decode/TABLE/FORMAT            4 MiB of f32 out of one format
//   exp_scores/TABLE/n:N, dot_keys/…, mix_values/…   attention over N positions, head size 256
//
//   kernels_bench --benchmark_filter=matmul
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "kernels/select.h"
#include "ops/matmul.h"
#include "ops/usable_tables.h"
#include "tensor/half.h"

namespace carat {
namespace {

constexpr size_t kSize = 3840;  // the model's width
constexpr size_t kHeadDim = 256;

// Bytes below 0x70: every f16, bf16 and f32 in them is finite, so no kernel meets a slow value.
std::vector<std::byte> RandomBytes(size_t n) {
  std::mt19937_64 random(1);
  std::vector<std::byte> bytes(n);
  for (std::byte& b : bytes) b = static_cast<std::byte>(0x20 + random() % 0x18);
  return bytes;
}

void BenchMatMul(benchmark::State& state, const kernels::Table& table, DType dtype, size_t tokens) {
  MatrixView w{.dtype = dtype, .rows = kSize, .cols = kSize};
  const auto bytes = RandomBytes(w.row_bytes() * w.rows);
  w.data = bytes.data();
  const std::vector<float> x(tokens * kSize, 0.5f);
  std::vector<float> out(tokens * kSize);
  ThreadPool pool(1);
  OpContext context(pool, table);
  for (auto _ : state) {
    MatMul(context, Role::kGenerated, w, x.data(), tokens, out.data());
    benchmark::DoNotOptimize(out.data());
  }
  const auto runs = static_cast<double>(state.iterations());
  state.counters["weight_bytes/s"] =
      benchmark::Counter(runs * static_cast<double>(bytes.size()), benchmark::Counter::kIsRate);
  state.counters["flop/s"] = benchmark::Counter(
      runs * 2.0 * static_cast<double>(kSize * kSize * tokens), benchmark::Counter::kIsRate);
}

void BenchDecode(benchmark::State& state, const kernels::Table& table, DType dtype) {
  constexpr size_t kElements = size_t{1} << 20;
  const DTypeInfo& info = Info(dtype);
  const auto bytes = RandomBytes(kElements / info.block_elements * info.block_bytes);
  std::vector<float> out(kElements);
  for (auto _ : state) {
    table.decode[static_cast<size_t>(dtype)](bytes.data(), kElements, out.data());
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kElements));
}

void BenchExpScores(benchmark::State& state, const kernels::Table& table, size_t n) {
  std::vector<float> scores(n), x(n);
  for (size_t i = 0; i < n; ++i) scores[i] = static_cast<float>(i % 37) - 20.0f;
  for (auto _ : state) {
    std::memcpy(x.data(), scores.data(), n * sizeof(float));
    float top = 0;
    benchmark::DoNotOptimize(table.exp_scores(x.data(), n, &top));
    benchmark::DoNotOptimize(x.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(n));
}

// dot_keys or mix_values over n rows of eight heads, as in a sliding layer's cache.
void BenchAttention(benchmark::State& state, const kernels::Table& table, size_t format, size_t n,
                    bool mix) {
  const size_t stride = 8 * kHeadDim * (format == 0 ? 4 : 2);
  const auto rows = RandomBytes(n * stride);
  const kernels::CacheRows keys{rows.data(), stride, n, kHeadDim, nullptr};
  const std::vector<float> q(kHeadDim, 0.1f), p(n, 1e-3f);
  std::vector<float> scores(n), out(kHeadDim);
  for (auto _ : state) {
    if (mix) {
      table.mix_values[format](p.data(), 1, n, keys, out.data());
    } else {
      table.dot_keys[format](q.data(), 1, keys, scores.data(), n);
    }
    benchmark::DoNotOptimize(out.data());
    benchmark::DoNotOptimize(scores.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(n));
}

void Register() {
  const auto add = [](const std::string& name, auto run) {
    benchmark::RegisterBenchmark(name.c_str(), run)->Unit(benchmark::kMicrosecond);
  };
  const kernels::TableList tables = UsableTables();
  for (const kernels::Table* t : tables.all()) {
    const kernels::Table& table = *t;
    const std::string name = table.name;
    for (size_t i = 0; i < kNumWeightDTypes; ++i) {
      const auto dtype = static_cast<DType>(i);
      const std::string format(Info(dtype).name);
      for (const size_t tokens : {1, 8, 64}) {
        add("matmul/" + name + "/" + format + "/tokens:" + std::to_string(tokens),
            [&table, dtype, tokens](benchmark::State& s) { BenchMatMul(s, table, dtype, tokens); });
      }
      add("decode/" + name + "/" + format,
          [&table, dtype](benchmark::State& s) { BenchDecode(s, table, dtype); });
    }
    for (const size_t n : {64, 1024, 16384}) {
      const std::string size = "/n:" + std::to_string(n);
      add("exp_scores/" + name + size,
          [&table, n](benchmark::State& s) { BenchExpScores(s, table, n); });
      for (size_t format = 0; format < kernels::kNumCacheFormats; ++format) {
        for (const bool mix : {false, true}) {
          add(std::string(mix ? "mix_values/" : "dot_keys/") + name + "/" +
                  std::string(kDTypes[format].name) + size,
              [&table, format, n, mix](benchmark::State& s) {
                BenchAttention(s, table, format, n, mix);
              });
        }
      }
    }
  }
}

}  // namespace
}  // namespace carat

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  carat::Register();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
