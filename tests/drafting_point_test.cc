// Drafting changes no answer of carat-point.
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

// Every skill of carat-point, greedy and sampled. All depths take minutes: here one for each
// prompt, all of them, on every table, with CARAT_TEST_ALL set.
TEST(DraftingPoint, ChangesNoAnswer) {
  const bool all = std::getenv("CARAT_TEST_ALL") != nullptr;
  std::vector<std::string> tables = {""};
  if (all) {
    for (const kernels::Table* table : DistinctTables()) tables.emplace_back(table->name);
  }
  for (const std::string& table : tables) {
    ASSERT_VALUE(const auto engine, Engine::Open({.model = PointFolder(), .kernels = table}));
    ASSERT_NE(engine->drafter(), nullptr);
    const auto session = [&](int drafts) {
      return Session::Create(*engine, {.context = 2048, .drafts = drafts}).value();
    };
    Session plain = session(SessionOptions::kNoDrafts);
    std::vector<Session> drafted;
    for (const int depth : AllDepths()) drafted.push_back(session(depth));
    size_t prompts = 0, skills = 0;
    const size_t stride = all ? 1 : 2;
    for (const auto& file : std::filesystem::directory_iterator(Golden("point"))) {
      const Json json = MustParse(MustRead(file.path()));
      for (size_t i = 0; i < json.array().size() && i < 39 * stride;
           i += stride * (kSanitized ? 8 : 1)) {
        const Ids prompt =
            engine->tokenizer()->EncodeControl(json.array()[i].Find("prompt")->string());
        GenerateOptions options = Greedy(*engine, 96);
        if (prompts % 2 == 1) {
          options.sampling.temperature = 0.8;
          options.sampling.seed = prompts;
        }
        ASSERT_OK(plain.SyncTo({.ids = prompt}));
        const Ids wanted = Answer(plain, options);
        for (size_t d = 0; d < drafted.size(); ++d) {
          if (!all && d != prompts % drafted.size()) continue;
          ASSERT_OK(drafted[d].SyncTo({.ids = prompt}));
          EXPECT_EQ(Answer(drafted[d], options), wanted)
              << file.path().filename() << " " << i << ", depth " << AllDepths()[d];
        }
        ++prompts;
      }
      ++skills;
    }
    EXPECT_GE(skills, 13u);
    EXPECT_GE(prompts, kSanitized ? 60u : 500u);
    // (Whether auto drafts is a matter of time, which other programs take part in.)
    // A trained drafter is right often enough to be worth something.
    const DraftCounts& three = drafted[kSanitized ? 1 : 3].speculator()->counts();
    EXPECT_GT(static_cast<double>(three.accepted) / static_cast<double>(three.passes), 0.4);
  }
}

}  // namespace
}  // namespace carat
