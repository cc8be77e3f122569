#include "engine/speculative/measure.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "model/cost.h"
#include "sys/clock.h"

namespace carat {
namespace {

constexpr size_t kWhole = size_t{256} << 20;  // bytes of weights that are measured as they are
constexpr Pos kPosition = 64;                 // where the passes stand
constexpr double kSeconds = 0.1;              // for passes of a small model
constexpr double kMostSeconds = 0.5;          // after which no pass begins

double Size(const Weights& weights) {
  double sum = 0;
  for (const auto part : BytesOfPass(weights)) sum += static_cast<double>(part.size());
  return sum;
}

// The last layer of each kind and a share of the head, as a model of its own. Borrows the matrices.
Decoder TwoLayers(const Decoder& whole) {
  const Config& all = whole.config();
  const Weights& from = whole.weights();
  Config config = all;
  Weights weights;
  config.is_global.clear();
  for (const bool global : {false, true}) {
    const int64_t layer = all.last_layer(global);
    if (layer < 0) continue;
    config.is_global.push_back(global);
    weights.layers.push_back(from.layers[static_cast<size_t>(layer)]);
  }
  constexpr size_t kRows = 1024;  // any part of them begins at the first
  const size_t rows = from.head.rows * weights.layers.size() / from.layers.size();
  weights.embedding = from.embedding;
  weights.head = from.head;
  weights.head.rows = std::max(kRows, rows / kRows * kRows);
  config.vocab_size = static_cast<int64_t>(weights.head.rows);
  weights.final_norm = from.final_norm;
  weights.rope_factors = from.rope_factors;
  return {std::move(config), std::move(weights)};
}

Result<KvCache> FilledCache(const Config& config) {
  CARAT_ASSIGN(KvCache cache,
               KvCache::Create(config, {.max_positions = kPosition + 16, .margin = kPosition}));
  cache.Advance(static_cast<size_t>(kPosition));
  return cache;
}

}  // namespace

Result<DraftCosts> MeasureDraftCosts(OpContext& context, const Decoder& target,
                                     MtpDrafter& drafter) {
  const double bytes = Size(target.weights());
  const bool large = bytes > double{kWhole} && target.config().num_layers() > 2 &&
                     target.weights().head.rows > 4096;
  std::optional<Decoder> part;
  if (large) part.emplace(TwoLayers(target));
  const Decoder& model = part ? *part : target;
  const double scale = bytes / Size(model.weights());

  // Rows that cost the same, for kernels take them in these numbers (kernels.h), are measured once.
  std::vector<size_t> sizes;
  const size_t most = std::tuple_size_v<decltype(DraftCosts::pass)> - 1;
  for (const size_t n : kernels::kBatchSizes) {
    sizes.push_back(std::min(n, most));
    if (n >= most) break;
  }
  CARAT_ASSIGN(KvCache cache, FilledCache(model.config()));
  CARAT_ASSIGN(KvCache rows, FilledCache(target.config()));
  Activations activations;
  DraftState state;
  state.hidden.assign(static_cast<size_t>(target.config().hidden), 0.5f);
  std::vector<float> logits(most * static_cast<size_t>(model.config().vocab_size));
  const std::vector<TokenId> ids(most, 3);
  DraftCosts costs;
  costs.pass.fill(std::numeric_limits<double>::max());
  costs.draft = std::numeric_limits<double>::max();
  const double begin = Now();
  const auto late = [&] { return Now() - begin > kMostSeconds; };
  for (int round = 0;
       round == 0 || (round < 2 && !late()) || (!large && round < 50 && Now() - begin < kSeconds);
       ++round) {
    for (const size_t n : sizes) {
      if (n > 1 && late()) break;
      const double start = Now();
      CARAT_TRY(model.Forward(
          context, activations, cache, {.ids = std::span(ids).first(n), .role = Role::kGenerated},
          LogitRows::kAll,
          std::span(logits).first(n * static_cast<size_t>(model.config().vocab_size))));
      costs.pass[n] = std::min(costs.pass[n], (Now() - start) * scale);
      cache.Truncate(kPosition);
    }
    const double start = Now();
    const auto y = drafter.Step(context, state, target, rows, ids[0]);
    static_cast<void>(drafter.head().Best(context, y, {}));
    costs.draft = std::min(costs.draft, Now() - start);
  }
  for (size_t n = most, from = most; n >= 1; --n) {
    if (std::ranges::find(sizes, n) != sizes.end()) from = n;
    // Where there was no time: as if tokens shared nothing.
    costs.pass[n] = std::min(costs.pass[from], static_cast<double>(n) * costs.pass[1]);
  }
  // More rows never take less: where they seem to, it is noise.
  for (size_t n = 2; n <= most; ++n) costs.pass[n] = std::max(costs.pass[n], costs.pass[n - 1]);
  return costs;
}

}  // namespace carat
