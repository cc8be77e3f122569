// Logits and greedy text of random checkpoints against Hugging Face transformers
// (tests/golden/PROVENANCE.md).
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/generate.h"
#include "engine/session.h"
#include "tests/support/files.h"
#include "tests/support/kernel_tables.h"
#include "tests/support/npy.h"

namespace carat {
namespace {

// A correct engine reaches 1e-5 of the logits' range (gemma4-12b specification, appendix B); 2e-5
// leaves room for another processor's order of summation.
constexpr double kTolerance = 2e-5;

struct Case {
  std::filesystem::path model;
  std::filesystem::path stem;  // PATH/case, without ".ids.json"
};

std::vector<Case> AllCases() {
  std::vector<Case> cases;
  for (const auto& folder : std::filesystem::directory_iterator(Golden("models"))) {
    if (!folder.is_directory()) continue;
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
      const std::string name = file.path().filename().string();
      if (name.ends_with(".ids.json")) {
        cases.push_back({folder, folder.path() / name.substr(0, name.size() - 9)});
      }
    }
  }
  cases.push_back({Golden("quants/mixed.gguf"), Golden("quants/mixed")});
  std::ranges::sort(cases, {}, &Case::stem);
  return cases;
}

struct Difference {
  double relative = 0;  // largest difference over the range of the golden logits
  bool same_arg_max = true;
};

Difference Compare(const std::vector<float>& golden, const std::vector<float>& ours, size_t vocab) {
  const auto [low, high] = std::ranges::minmax(golden);
  Difference worst;
  for (size_t i = 0; i < golden.size(); ++i) {
    worst.relative =
        std::max(worst.relative, std::abs(double{golden[i]} - double{ours[i]}) / (high - low));
  }
  for (size_t at = 0; at < golden.size(); at += vocab) {
    const auto best = [&](const std::vector<float>& v) {
      const auto begin = v.begin() + static_cast<std::ptrdiff_t>(at);
      return std::max_element(begin, begin + static_cast<std::ptrdiff_t>(vocab)) - begin;
    };
    worst.same_arg_max &= best(golden) == best(ours);
  }
  return worst;
}

TEST(ModelGolden, LogitsEqualTransformers) {
  const auto cases = AllCases();
  ASSERT_GE(cases.size(), 10u);
  for (const Case& c : cases) {
    for (const kernels::Table* kernels : DistinctTables()) {
      const std::string table = kernels->name;
      SCOPED_TRACE(c.stem.string() + " with " + table);
      ASSERT_VALUE(const auto engine,
                   Engine::Open({.model = c.model, .threads = 2, .kernels = table, .exact = true}));
      const auto ids = MustReadIds(c.stem.string() + ".ids.json");
      ASSERT_VALUE(const NpyFloats golden, ReadNpy(c.stem.string() + ".logits.npy"));
      const auto vocab = static_cast<size_t>(engine->config().vocab_size);
      ASSERT_EQ(golden.shape, (std::vector<size_t>{ids.size(), vocab}));
      for (const Pos chunk : {Pos{512}, Pos{7}}) {
        ASSERT_VALUE(Session session,
                     Session::Create(*engine, {.cache = DType::kF32, .chunk = chunk}));
        std::vector<float> logits;
        ASSERT_OK(session.ReadAll({.ids = ids}, [&](std::span<const float> rows) {
          logits.insert(logits.end(), rows.begin(), rows.end());
          return Status();
        }));
        ASSERT_EQ(logits.size(), ids.size() * vocab);
        const Difference worst = Compare(golden.values, logits, vocab);
        EXPECT_LT(worst.relative, kTolerance);
        EXPECT_TRUE(worst.same_arg_max);
        RecordProperty(c.stem.filename().string() + "_" + table, std::to_string(worst.relative));
      }
    }
  }
}

TEST(ModelGolden, GreedyTextEqualsTransformers) {
  size_t compared = 0;
  for (const Case& c : AllCases()) {
    const std::string path = c.stem.string() + ".greedy.json";
    if (!std::filesystem::exists(path)) continue;
    SCOPED_TRACE(path);
    ASSERT_VALUE(const auto engine, Engine::Open({.model = c.model}));
    ASSERT_VALUE(Session session, Session::Create(*engine, {.cache = DType::kF32}));
    const Json golden = MustParse(MustRead(path));
    const Json* prompt = golden.Find("prompt");
    const Json* ids = golden.Find("new");
    ASSERT_TRUE(prompt != nullptr && ids != nullptr);
    ASSERT_OK(session.SyncTo({.ids = ToIds(*prompt)}));
    GenerateOptions options;
    options.sampling.temperature = 0;
    options.sampling.suppressed = engine->defaults().suppressed;
    options.ignore_stop = true;
    options.repetition_guard = false;
    options.max_tokens = ids->array().size();
    Generation answer = Generation::Create(session, options).value();
    for (const Json& wanted : ids->array()) {
      ASSERT_VALUE(const GenerateStep step, answer.Step());
      EXPECT_EQ(step.id, wanted.integer());
    }
    ++compared;
  }
  EXPECT_GE(compared, 9u);
}

}  // namespace
}  // namespace carat
