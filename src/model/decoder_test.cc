#include "model/decoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "tests/support/files.h"
#include "tests/support/kernel_tables.h"
#include "tests/support/random_model.h"

namespace carat {
namespace {

// A decoder, a cache and what they need.
struct Runner {
  ThreadPool pool;
  OpContext context;
  Activations activations;
  const Decoder& decoder;
  KvCache cache;

  Runner(const Decoder& d, const kernels::Table& table, int threads = 1,
         const KvCache::Options& options = {.dtype = DType::kF32,
                                            .max_positions = 200,
                                            .margin = 64})
      : pool(threads),
        context(pool, table),
        decoder(d),
        cache(KvCache::Create(d.config(), options).value()) {}

  Result<std::vector<float>> Try(std::span<const TokenId> ids, LogitRows rows = LogitRows::kAll) {
    const size_t count = rows == LogitRows::kNone ? 0 : rows == LogitRows::kLast ? 1 : ids.size();
    std::vector<float> logits(count * static_cast<size_t>(decoder.config().vocab_size));
    CARAT_TRY(decoder.Forward(context, activations, cache, {.ids = ids}, rows, logits));
    return logits;
  }
  std::vector<float> Run(std::span<const TokenId> ids, LogitRows rows = LogitRows::kAll) {
    return Try(ids, rows).value();
  }
};

std::vector<float> Fresh(const Decoder& decoder, const kernels::Table& table,
                         const std::vector<TokenId>& ids) {
  Runner runner(decoder, table);
  std::vector<float> all;
  for (size_t at = 0; at < ids.size(); at += 50) {
    const auto part = runner.Run(std::span(ids).subspan(at, std::min<size_t>(50, ids.size() - at)));
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

TEST(Decoder, DoesNotDependOnHowTheSequenceIsCut) {
  RandomModel model = MakeRandomModel({});
  const Decoder decoder(model.config, std::move(model.weights));
  const auto ids = RandomIds(1, 100, 64);
  for (const kernels::Table* table : Tables()) {
    for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
      std::vector<float> expected;
      for (const size_t chunk : {1, 2, 3, 7, 16, 64}) {
        for (const int threads : {1, 3}) {
          if (threads > 1 && chunk != 7) continue;
          Runner runner(decoder, *table, threads,
                        {.dtype = dtype, .max_positions = 100, .margin = static_cast<Pos>(chunk)});
          std::vector<float> logits;
          for (size_t at = 0; at < ids.size(); at += chunk) {
            const auto part =
                runner.Run(std::span(ids).subspan(at, std::min(chunk, ids.size() - at)));
            logits.insert(logits.end(), part.begin(), part.end());
          }
          if (expected.empty()) expected = logits;
          ASSERT_EQ(logits, expected) << table->name << " " << chunk << " " << threads;
        }
      }
    }
  }
}

TEST(Decoder, LogitRowsAreTheLastOfAll) {
  RandomModel model = MakeRandomModel({});
  const Decoder decoder(model.config, std::move(model.weights));
  const auto ids = RandomIds(2, 20, 64);
  const auto all = Fresh(decoder, *Tables()[0], ids);
  Runner last(decoder, *Tables()[0]), none(decoder, *Tables()[0]);
  const auto row = last.Run(ids, LogitRows::kLast);
  EXPECT_TRUE(std::equal(row.begin(), row.end(), all.end() - 64));
  EXPECT_TRUE(none.Run(std::span(ids).first(19), LogitRows::kNone).empty());
  EXPECT_EQ(none.Run(std::span(ids).last(1)), row);
}

TEST(Decoder, EveryFormatEqualsItsDecodedValues) {
  const auto ids = RandomIds(3, 24, 64);
  for (size_t i = 0; i < kNumWeightDTypes; ++i) {
    const auto dtype = static_cast<DType>(i);
    RandomModel model =
        MakeRandomModel({.dtype = dtype, .hidden = 256, .intermediate = 256, .num_heads = 8});
    RandomModel decoded = Decoded(model);
    const Decoder plain(decoded.config, std::move(decoded.weights));
    const Decoder decoder(model.config, std::move(model.weights));
    ASSERT_EQ(decoder.weights().layers[0].down.dtype, dtype);
    for (const kernels::Table* table : Tables()) {
      const auto logits = Fresh(decoder, *table, ids);
      EXPECT_EQ(logits, Fresh(plain, *table, ids)) << table->name << " " << Info(dtype).name;
      const auto [low, high] = std::ranges::minmax(logits);
      EXPECT_GT(high - low, 0.1f) << "a model that says nothing tests nothing";
    }
  }
}

TEST(Decoder, GgufsRopeFactorsSayTheSameAsThePartialRotation) {
  RandomModel model = MakeRandomModel({});
  std::vector<float> factors(32, 1e30f);
  std::fill_n(factors.begin(), 8, 1.0f);  // a quarter of 64, in pairs
  Weights weights;
  weights.layers = model.weights.layers;
  weights.embedding = weights.head = model.weights.embedding;
  weights.final_norm = model.weights.final_norm;
  weights.rope_factors = factors.data();
  const Decoder with(model.config, std::move(weights));
  const Decoder without(model.config, std::move(model.weights));
  const auto ids = RandomIds(4, 40, 64);
  EXPECT_EQ(Fresh(with, *Tables()[0], ids), Fresh(without, *Tables()[0], ids));
}

// Specification, appendix B, item 4.
TEST(Decoder, AGlobalValueDoesNotDependOnTheKeysNorm) {
  const auto global_rows = [](bool other_norm) {
    RandomModel model = MakeRandomModel({});
    if (other_norm) model.weights.layers[5].k_norm = model.weights.layers[5].q_norm;
    const Decoder decoder(model.config, std::move(model.weights));
    Runner runner(decoder, *Tables()[0]);
    runner.Run(RandomIds(5, 30, 64));
    const CacheView view = runner.cache.layer(5);
    const size_t bytes = 30 * view.row_bytes();
    return std::pair(std::vector(view.keys, view.keys + bytes),
                     std::vector(view.values, view.values + bytes));
  };
  const auto [keys, values] = global_rows(false);
  const auto [other_keys, other_values] = global_rows(true);
  EXPECT_EQ(values, other_values);
  EXPECT_NE(keys, other_keys);
}

TEST(Decoder, ASlidingLayerSeesItsWindowOnly) {
  RandomModel model = MakeRandomModel({.num_layers = 1, .window = 8});
  const Decoder decoder(model.config, std::move(model.weights));
  auto ids = RandomIds(6, 30, 64);
  const auto last = [&] {
    const auto all = Fresh(decoder, *Tables()[0], ids);
    return std::vector(all.end() - 64, all.end());
  };
  const auto before = last();
  ids[29 - 8] = (ids[29 - 8] + 1) % 64;
  EXPECT_EQ(last(), before);
  ids[29 - 7] = (ids[29 - 7] + 1) % 64;
  EXPECT_NE(last(), before);
}

TEST(Decoder, APlaceholderReadsAsPad) {
  RandomModel model = MakeRandomModel({});
  model.config.pad = 3;
  model.config.image = 40;
  model.config.audio = 41;
  model.config.video = 42;
  const Decoder decoder(model.config, std::move(model.weights));
  EXPECT_EQ(Fresh(decoder, *Tables()[0], {7, 40, 41, 42, 9}),
            Fresh(decoder, *Tables()[0], {7, 3, 3, 3, 9}));
}

TEST(Decoder, AnErrorChangesNothing) {
  RandomModel model = MakeRandomModel({});
  const Decoder decoder(model.config, std::move(model.weights));
  Runner runner(decoder, *Tables()[0], 1,
                {.dtype = DType::kF32, .max_positions = 10, .margin = 64});
  runner.Run(std::vector<TokenId>{1, 2, 3});
  for (const TokenId bad : {-1, 64, INT32_MAX, INT32_MIN}) {
    const auto result = runner.Try(std::vector<TokenId>{5, bad});
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ErrorCode::kNotFound);
    EXPECT_NE(result.error().Message().find("position 4"), std::string::npos);
  }
  const auto full = runner.Try(RandomIds(7, 8, 64));
  ASSERT_FALSE(full.has_value());
  EXPECT_EQ(full.error().code, ErrorCode::kContextFull);
  EXPECT_EQ(runner.cache.size(), 3);
  const auto ids = RandomIds(8, 7, 64);
  std::vector<TokenId> whole{1, 2, 3};
  whole.insert(whole.end(), ids.begin(), ids.end());
  const auto fresh = Fresh(decoder, *Tables()[0], whole);
  EXPECT_EQ(runner.Run(ids), std::vector(fresh.begin() + 3 * 64, fresh.end()));
}

}  // namespace
}  // namespace carat
