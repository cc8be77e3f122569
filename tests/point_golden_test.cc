// carat-point's greedy answers against Hugging Face transformers in float32, on held-out prompts of
// every text skill (tests/golden/PROVENANCE.md).
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/generate.h"
#include "engine/session.h"
#include "tests/support/answers.h"
#include "tests/support/files.h"
#include "tests/support/kernel_tables.h"

namespace carat {
namespace {

struct Case {
  std::string prompt;
  std::vector<TokenId> answer;
};

std::vector<Case> ReadCases(const std::filesystem::path& path) {
  std::vector<Case> cases;
  const Json json = MustParse(MustRead(path));
  for (const Json& one : json.array())
    cases.push_back({one.Find("prompt")->string(), ToIds(*one.Find("answer"))});
  return cases;
}

void ExpectAnswer(Session& session, const Case& wanted) {
  const Engine& engine = session.engine();
  GenerateOptions options = OptionsFrom(engine.defaults());
  options.sampling.temperature = 0;
  options.repetition_guard = false;
  options.max_tokens = 96;  // as the maker's
  ASSERT_OK(session.SyncTo({.ids = engine.tokenizer()->EncodeControl(wanted.prompt)}));
  ASSERT_VALUE(Generation generation, Generation::Create(session, options));
  std::vector<TokenId> answer;
  while (!generation.done()) {
    ASSERT_VALUE(const GenerateStep step, generation.Step());
    if (step.id >= 0) answer.push_back(step.id);
  }
  EXPECT_EQ(answer, wanted.answer) << wanted.prompt;
}

// Every `stride`-th case of each skill.
void ExpectSameAnswers(const std::string& table, size_t stride) {
  SCOPED_TRACE("kernels " + table);
  ASSERT_VALUE(const auto engine, Engine::Open({.model = PointFolder(), .kernels = table}));
  ASSERT_VALUE(auto session, Session::Create(*engine, {.cache = DType::kF32, .context = 2048}));
  size_t skills = 0;
  for (const auto& file : std::filesystem::directory_iterator(Golden("point"))) {
    SCOPED_TRACE(file.path().filename().string());
    const auto cases = ReadCases(file.path());
    ASSERT_GE(cases.size(), 90u);
    for (size_t i = 0; i < cases.size(); i += stride) ExpectAnswer(session, cases[i]);
    ++skills;
  }
  EXPECT_GE(skills, 13u);
}

// All of them take minutes with each table: here some, fewer under sanitizers, all with
// CARAT_TEST_ALL set.
size_t Stride(size_t usual) {
  if (std::getenv("CARAT_TEST_ALL") != nullptr) return 1;
  return kSanitized ? 10 * usual : usual;
}

TEST(PointGolden, ReferenceKernelsAnswerAsTransformers) {
  ExpectSameAnswers("reference", Stride(6));
}

TEST(PointGolden, EveryKernelAnswersAsTransformers) {
  for (const kernels::Table* table : DistinctTables()) {
    if (std::string(table->name) != "reference") ExpectSameAnswers(table->name, Stride(4));
  }
}

}  // namespace
}  // namespace carat
