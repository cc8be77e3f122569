// The memory plan: what it promises is what a model takes.
#include "engine/plan.h"

#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <string>

#include "base/bytes.h"
#include "engine/session.h"
#include "io/file.h"
#include "tests/support/files.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/random_blocks.h"
#include "tests/support/temp_folder.h"

namespace carat {
namespace {

Config TinyConfig() {
  return Engine::Open({.model = SourceDir() / "tests/fixtures/tiny", .load = false})
      .value()
      ->config();
}

TEST(Plan, TheLongestContextIsTheLastThatFits) {
  const Config config = TinyConfig();
  for (const bool sees : {false, true}) {
    for (const DType cache : {DType::kF32, DType::kBF16, DType::kQ8_0}) {
      const SessionOptions options{.cache = cache};
      const auto total = [&](Pos context) {
        return MemoryOfSession(config, sees, options, context).needed();
      };
      for (const Pos wanted : {1024, 1025, 2000, 4095}) {
        const Pos longest = LongestContext(config, sees, options, total(wanted));
        EXPECT_GE(longest, wanted);
        EXPECT_EQ(total(longest), total(wanted));
        EXPECT_GT(total(longest + 1), total(wanted));
      }
      EXPECT_EQ(LongestContext(config, sees, options, total(1024) - 1), 0);
      EXPECT_EQ(LongestContext(config, sees, options, SIZE_MAX), config.max_positions);
    }
  }
}

TEST(Plan, ASmallerCacheTypeTakesLess) {
  const Config config = TinyConfig();
  const auto bytes = [&](DType cache) {
    const SessionMemory m = MemoryOfSession(config, false, {.cache = cache}, 4096);
    return m.sliding_cache + m.global_cache;
  };
  EXPECT_EQ(bytes(DType::kF32), 2 * bytes(DType::kBF16));
  EXPECT_EQ(bytes(DType::kBF16) / 64, bytes(DType::kQ8_0) / 34);
}

TEST(Plan, ErrorsSayWhatToDo) {
  const Error error = DoesNotFit({.weights = size_t{7} << 30}, size_t{1} << 30, size_t{4} << 30);
  EXPECT_EQ(error.code, ErrorCode::kNoMemory);
  EXPECT_NE(error.Message().find("7.0 GiB"), std::string::npos) << error.Message();
  EXPECT_NE(error.Message().find("4.0 GiB available"), std::string::npos) << error.Message();
  EXPECT_NE(error.Message().find("quantisation"), std::string::npos) << error.Message();
}

// Resident memory of this process (proc(5)).
size_t Resident() {
  std::ifstream file("/proc/self/status");
  std::string word;
  size_t kibibytes = 0;
  while (file >> word) {
    if (word == "VmRSS:" && file >> kibibytes) return kibibytes << 10;
  }
  return 0;
}

TEST(Plan, TheRealUseIsWhatWasPlanned) {
#ifdef CARAT_SANITIZED
  GTEST_SKIP() << "sanitizers keep memory of their own; make test runs this";
#endif
  const TempFolder folder;
  const auto path = folder / "model.gguf";
  {
    GgufWriter gguf = SmallModel({.hidden = 1024,
                                  .intermediate = 8192,
                                  .heads = 4,
                                  .vocab = 32768,
                                  .sliding_head = 256,
                                  .sliding_kv = 4,
                                  .global_head = 512,
                                  .global_kv = 1});
    const std::string shapes = gguf.Build();
    const Gguf parsed = Gguf::Parse(AsBytes(shapes)).value();
    std::mt19937_64 random(1);
    for (const TensorEntry& entry : parsed.tensors().entries()) {
      if (entry.shape.size() != 2) continue;
      const auto blocks =
          RandomBlocks(random, DType::kQ8_0, entry.shape[0] * entry.shape[1], Scales::kTame);
      gguf.Tensor(entry.name, Info(DType::kQ8_0).gguf_id, {entry.shape[1], entry.shape[0]},
                  std::string(AsText(blocks)));
    }
    const std::string bytes = gguf.Build();
    ASSERT_TRUE(WriteFileAtomic(path, AsBytes(bytes)).has_value());
  }
  const size_t before = Resident();
  const auto engine = Engine::Open({.model = path}).value();
  if (engine->memory().weights < (size_t{90} << 20) ||
      &engine->table() == &kernels::ReferenceTable())
    GTEST_SKIP() << "this machine has no fast kernels: weights stay in their file";
  const SessionOptions options{.cache = DType::kF32,
                               .context = 4096,
                               .window_pool_bytes = 0,
                               .drafts = SessionOptions::kNoDrafts};
  Session session = Session::Create(*engine, options).value();
  std::vector<TokenId> ids(4095);
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<TokenId>(i * 7 % 32768);
  ASSERT_TRUE(session.SyncTo({.ids = ids}).has_value());
  const size_t planned =
      engine->memory().total() + MemoryOfSession(engine->config(), false, options, 4096).total();
  const double used = static_cast<double>(Resident() - before);
  // Hardly more than was promised; less by what the program itself had taken before.
  EXPECT_LT(used / static_cast<double>(planned), 1.03)
      << used << " bytes used, " << planned << " planned";
  EXPECT_GT(used + double{12 << 20}, 0.97 * static_cast<double>(planned))
      << used << " bytes used, " << planned << " planned";
}

}  // namespace
}  // namespace carat
