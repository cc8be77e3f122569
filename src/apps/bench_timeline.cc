#include "apps/bench_timeline.h"

#include <algorithm>
#include <random>

#include "model/decoder.h"
#include "sys/clock.h"

namespace carat {

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  const size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

TokenId IdAt(const Config& config, Pos p) {
  return static_cast<TokenId>((p * 7919 + 3) % config.vocab_size);
}

Result<Timeline> Timeline::Create(Engine& engine, DType dtype, Pos position) {
  CARAT_ASSIGN(KvCache cache,
               KvCache::Create(engine.config(),
                               {.dtype = dtype, .max_positions = position + 64, .margin = 64}));
  Timeline timeline(engine, std::move(cache));
  timeline.Fill(position);
  return timeline;
}

Result<double> Timeline::Generate(size_t tokens) {
  const Config& config = engine_->config();
  std::vector<TokenId> ids(tokens);
  for (size_t t = 0; t < tokens; ++t) ids[t] = IdAt(config, static_cast<Pos>(t) + 7);
  logits_.resize(tokens * static_cast<size_t>(config.vocab_size));
  const Pos position = cache_.size();
  profile().Start();
  const double start = Now();
  CARAT_TRY(engine_->decoder().Forward(context_, activations_, cache_,
                                       {.ids = ids, .role = Role::kGenerated}, LogitRows::kAll,
                                       logits_));
  const double seconds = Now() - start;
  cache_.Truncate(position);
  return seconds;
}

double Timeline::Draft(size_t steps) {
  MtpDrafter& drafter = *engine_->drafter();
  draft_.hidden.resize(static_cast<size_t>(engine_->config().hidden));
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  for (float& x : draft_.hidden) x = normal(random);
  TokenId token = IdAt(engine_->config(), 5);
  const double start = Now();
  for (size_t i = 0; i < steps; ++i) {
    const auto y = drafter.Step(context_, draft_, engine_->decoder(), cache_, token);
    token = std::max<TokenId>(0, drafter.head().Best(context_, y, {}).id);
  }
  return Now() - start;
}

void Timeline::Fill(Pos position) {
  constexpr Pos kRows = 32;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (int64_t i = 0; i < engine_->config().num_layers(); ++i) {
    const CacheView view = cache_.layer(i);
    std::vector<float> rows(static_cast<size_t>(kRows) * view.kv_heads * view.head_dim);
    for (float& x : rows) x = normal(random);
    const Pos begin = std::max<Pos>(0, position - static_cast<Pos>(view.capacity));
    const auto parts = static_cast<size_t>((position - begin + kRows - 1) / kRows);
    engine_->pool().Run(parts, [&](size_t part, int) {
      const Pos first = begin + static_cast<Pos>(part) * kRows;
      StoreRows(view, first, static_cast<size_t>(std::min(kRows, position - first)), rows.data(),
                rows.data());
    });
  }
  while (cache_.size() < position)
    cache_.Advance(static_cast<size_t>(std::min(cache_.margin(), position - cache_.size())));
}

}  // namespace carat
