// Properties of the whole engine that need no golden data: results do not depend on how work is
// cut, and a storage format is nothing but its values.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "engine/engine.h"
#include "engine/generate.h"
#include "engine/session.h"
#include "tests/support/files.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/kernel_tables.h"
#include "tests/support/random_blocks.h"
#include "tests/support/random_model.h"

namespace carat {
namespace {

constexpr DType kCacheTypes[] = {DType::kF32, DType::kF16, DType::kBF16};

// Both models have a window of 16 or less against sequences of more than a hundred tokens.
std::vector<std::filesystem::path> Models() {
  return {Golden("models/tiny6"), Golden("quants/mixed.gguf")};
}

std::unique_ptr<Engine> Open(const std::filesystem::path& model, int threads = 1,
                             const std::string& table = "") {
  auto engine = Engine::Open({.model = model, .threads = threads, .kernels = table});
  EXPECT_TRUE(engine.has_value()) << (engine ? "" : engine.error().Message());
  return engine ? *std::move(engine) : nullptr;
}

std::vector<float> AllLogits(Engine& engine, const SessionOptions& options,
                             const std::vector<TokenId>& ids) {
  Session session = Session::Create(engine, options).value();
  std::vector<float> logits;
  const Status status = session.ReadAll({.ids = ids}, [&](std::span<const float> rows) {
    logits.insert(logits.end(), rows.begin(), rows.end());
    return Status();
  });
  EXPECT_TRUE(status.has_value()) << (status ? "" : status.error().Message());
  return logits;
}

std::vector<float> Copy(std::span<const float> values) { return {values.begin(), values.end()}; }

TEST(Invariants, PrefillInChunksEqualsWholePrefill) {
  for (const auto& model : Models()) {
    for (const kernels::Table* table : DistinctTables()) {
      const auto engine = Open(model, 1, table->name);
      const auto ids = RandomIds(1, 100, 490);
      for (const DType cache : kCacheTypes) {
        const auto whole = AllLogits(*engine, {.cache = cache, .chunk = 200}, ids);
        for (const Pos chunk : {1, 2, 3, 7, 16, 64}) {
          SCOPED_TRACE(model.string() + " " + table->name + " chunk " + std::to_string(chunk));
          ASSERT_EQ(AllLogits(*engine, {.cache = cache, .chunk = chunk}, ids), whole);
          if (chunk != 7) continue;
          Session session = Session::Create(*engine, {.cache = cache, .chunk = chunk}).value();
          ASSERT_OK(session.SyncTo({.ids = ids}));
          ASSERT_TRUE(std::ranges::equal(session.logits(), std::span(whole).last(512)));
        }
      }
    }
  }
}

TEST(Invariants, ThreadsDoNotChangeABit) {
  for (const auto& model : Models()) {
    const auto ids = RandomIds(2, 70, 490);
    for (const kernels::Table* table : DistinctTables()) {
      std::vector<float> expected;
      for (const int threads : {1, 2, 3, 5}) {
        const auto engine = Open(model, threads, table->name);
        const auto logits = AllLogits(*engine, {.cache = DType::kBF16, .chunk = 32}, ids);
        if (threads == 1) expected = logits;
        ASSERT_EQ(logits, expected) << model << " " << table->name << " " << threads;
      }
    }
  }
}

// The ring of chunk 1 holds 81 positions; 700 go around it eight times.
TEST(Invariants, ManyWindowsInSmallSteps) {
  const auto engine = Open(Golden("models/tiny6"));
  const auto ids = RandomIds(3, 700, 490);
  for (const DType cache : kCacheTypes) {
    const auto whole = AllLogits(*engine, {.cache = cache, .chunk = 1000}, ids);
    for (const Pos chunk : {1, 13}) {
      ASSERT_EQ(AllLogits(*engine, {.cache = cache, .chunk = chunk}, ids), whole) << chunk;
    }
  }
}

TEST(Invariants, TruncateThenExtendEqualsFresh) {
  for (const auto& model : Models()) {
    const auto engine = Open(model);
    std::mt19937_64 random(4);
    for (const DType cache : kCacheTypes) {
      Session session =
          Session::Create(*engine, {.cache = cache, .chunk = 16, .max_picture = 0}).value();
      auto ids = RandomIds(5, 90, 490);
      for (int round = 0; round < 12; ++round) {
        ASSERT_OK(session.SyncTo({.ids = ids}));
        Session fresh = Session::Create(*engine, {.cache = cache}).value();
        ASSERT_OK(fresh.SyncTo({.ids = ids}));
        ASSERT_EQ(Copy(session.logits()), Copy(fresh.logits())) << model << " round " << round;
        ids.resize(ids.size() - random() % 60);
        const auto more = RandomIds(random(), random() % 70, 490);
        ids.insert(ids.end(), more.begin(), more.end());
        if (ids.size() > 160) ids.resize(100);
      }
    }
  }
}

// Where prompts have an arithmetic of their own (Role), roles_test.cc says what is equal.
TEST(Invariants, GeneratingEqualsReadingWhatWasGenerated) {
  for (const auto& model : Models()) {
    const auto engine = Open(model, 1, DistinctTables().back()->name);
    Session session = Session::Create(*engine, {.chunk = 8, .max_picture = 0}).value();
    ASSERT_OK(session.SyncTo({.ids = RandomIds(6, 30, 490)}));
    GenerateOptions options;
    options.max_tokens = 50;
    options.ignore_stop = true;
    Generation answer = Generation::Create(session, options).value();
    while (!answer.done()) ASSERT_OK(answer.Step());
    ASSERT_EQ(session.size(), 79);
    ASSERT_OK(session.Append(7));
    Session reader = Session::Create(*engine, {}).value();
    ASSERT_OK(reader.SyncTo({.ids = {session.ids().begin(), session.ids().end()}}));
    EXPECT_EQ(Copy(session.logits()), Copy(reader.logits()));
  }
}

// ---- a format is its values --------------------------------------------------------------------

// Two files of the same small model: matrices in `dtype`, and as f32 of the same values.
struct TwoFiles {
  std::string stored, plain;
};

TwoFiles MakeFiles(DType dtype) {
  const SmallSizes sizes = {.hidden = 256, .intermediate = 256, .heads = 8};
  GgufWriter stored = SmallModel(sizes), plain = SmallModel(sizes);
  const std::string shapes = stored.Build();
  const Gguf gguf = Gguf::Parse(AsBytes(shapes)).value();
  std::mt19937_64 random(7);
  for (const TensorEntry& entry : gguf.tensors().entries()) {
    if (entry.shape.size() != 2) continue;
    const size_t n = entry.shape[0] * entry.shape[1];
    const auto blocks = RandomBlocks(random, dtype, n, Scales::kTame);
    std::vector<float> values(n);
    kernels::ReferenceTable().decode[static_cast<size_t>(dtype)](blocks.data(), n, values.data());
    stored.Tensor(entry.name, Info(dtype).gguf_id, {entry.shape[1], entry.shape[0]},
                  std::string(AsText(blocks)));
    plain.Floats(entry.name, {entry.shape[1], entry.shape[0]}, values);
  }
  return {stored.Build(), plain.Build()};
}

std::vector<float> GgufLogits(const std::string& file, const kernels::Table& table, DType dtype) {
  const Gguf gguf = Gguf::Parse(AsBytes(file)).value();
  const Config config = ConfigFromGguf(gguf).value();
  const Decoder decoder(config, BindGguf(config, gguf.tensors()).value());
  EXPECT_EQ(decoder.weights().layers[0].q.dtype, dtype);
  ThreadPool pool(2);
  OpContext context(pool, table);
  Activations activations;
  KvCache cache = KvCache::Create(config, {.dtype = DType::kBF16, .max_positions = 64}).value();
  const auto ids = RandomIds(8, 40, config.vocab_size);
  std::vector<float> logits(ids.size() * static_cast<size_t>(config.vocab_size));
  EXPECT_TRUE(decoder.Forward(context, activations, cache, {.ids = ids}, LogitRows::kAll, logits)
                  .has_value());
  return logits;
}

TEST(Invariants, AGgufFileInAnyFormatEqualsItsDecodedValues) {
  for (const DType dtype : {DType::kF16, DType::kBF16, DType::kQ8_0, DType::kQ4_0, DType::kQ4_K,
                            DType::kQ5_K, DType::kQ6_K}) {
    const TwoFiles files = MakeFiles(dtype);
    for (const kernels::Table* table : DistinctTables()) {
      const auto logits = GgufLogits(files.stored, *table, dtype);
      EXPECT_EQ(logits, GgufLogits(files.plain, *table, DType::kF32))
          << Info(dtype).name << " " << table->name;
      const auto [low, high] = std::ranges::minmax(logits);
      EXPECT_GT(high - low, 0.1f);
    }
  }
}

}  // namespace
}  // namespace carat
