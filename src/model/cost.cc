#include "model/cost.h"

#include <algorithm>

#include "kernels/interleaved.h"

namespace carat {
namespace {

size_t BytesOf(const MatrixView& w) {
  return w.interleaved ? kernels::InterleavedBytes(w.dtype, w.rows, w.cols)
                       : w.rows * w.row_bytes();
}

double Products(const MatrixView& w) {
  return static_cast<double>(w.rows) * static_cast<double>(w.cols);
}

}  // namespace

std::vector<std::span<const std::byte>> BytesOfPass(const Weights& weights) {
  std::vector<std::span<const std::byte>> all;
  for (const LayerWeights& layer : weights.layers)
    for (const MatrixView* w : MatricesOf(layer)) all.emplace_back(w->data, BytesOf(*w));
  all.emplace_back(weights.head.data, BytesOf(weights.head));
  return all;
}

std::vector<std::span<const std::byte>> BytesSeen(const Config& config, const KvCache& cache,
                                                  Pos position) {
  std::vector<std::span<const std::byte>> all;
  for (int64_t i = 0; i < config.num_layers(); ++i) {
    const CacheView view = cache.layer(i);
    const bool global = config.is_global[static_cast<size_t>(i)];
    const Pos begin = global ? 0 : std::max<Pos>(0, position + 1 - config.window);
    const auto n = static_cast<size_t>(position + 1 - begin);
    const size_t slot = static_cast<size_t>(begin) % view.capacity;
    const size_t first = std::min(n, view.capacity - slot), row = view.row_bytes();
    for (const std::byte* rows : {view.keys, view.values}) {
      for (size_t h = 0; h < view.kv_heads; ++h) {
        const std::byte* head = rows + h * view.head_bytes();
        all.emplace_back(head + slot * row, first * row);
        if (n > first) all.emplace_back(head, (n - first) * row);
      }
    }
  }
  return all;
}

double LayerProducts(const Weights& weights) {
  double sum = 0;
  for (const LayerWeights& layer : weights.layers)
    for (const MatrixView* w : MatricesOf(layer)) sum += Products(*w);
  return sum;
}

double HeadProducts(const Weights& weights) { return Products(weights.head); }

double AttentionProducts(const Config& config, Pos first, Pos end) {
  double sum = 0;
  for (int64_t i = 0; i < config.num_layers(); ++i) {
    const bool global = config.is_global[static_cast<size_t>(i)];
    double seen = 0;
    for (Pos p = first; p < end; ++p)
      seen += static_cast<double>(global ? p + 1 : std::min(p + 1, config.window));
    sum += 2 * seen * static_cast<double>(config.num_heads * config.attention(i).head_dim);
  }
  return sum;
}

}  // namespace carat
