// The drafter's logits and drafts against Hugging Face transformers, after prompts of text,
// pictures, sound and films, below and beyond the window (tests/golden/PROVENANCE.md).
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/session.h"
#include "sampling/sampler.h"
#include "tests/support/files.h"
#include "tests/support/kernel_tables.h"
#include "tests/support/noise.h"
#include "tests/support/npy.h"

namespace carat {
namespace {

constexpr double kTolerance =
    5e-5;  // of the logits' range; the drafter inherits the target's error

Medium ReadMedium(const Json& one) {
  const auto number = [&](const char* name) {
    return static_cast<size_t>(one.Find(name)->integer());
  };
  const std::string& kind = one.Find("kind")->string();
  const auto seed = static_cast<uint32_t>(number("seed"));
  if (kind == "sound") return Medium::FromSamples(NoiseSamples(seed, number("samples")));
  const size_t height = number("rows") * 48, width = number("columns") * 48;
  return Medium::FromPixels(
      kind == "picture" ? MediumKind::kPicture : MediumKind::kFrame,
      {.height = height, .width = width, .rgb = NoiseBytes(seed, 3 * height * width)});
}

Prompt ReadPrompt(const std::filesystem::path& stem) {
  if (const auto ids = stem.string() + ".ids.json"; std::filesystem::exists(ids))
    return {.ids = MustReadIds(ids)};
  const Json json = MustParse(MustRead(stem.string() + ".media.json"));
  Prompt prompt{.ids = ToIds(*json.Find("ids"))};
  for (const Json& one : json.Find("media")->array()) {
    prompt.media.push_back({static_cast<Pos>(one.Find("at")->integer()),
                            std::make_shared<const Medium>(ReadMedium(one))});
  }
  return prompt;
}

void ExpectGolden(Engine& engine, const std::filesystem::path& stem, Pos chunk) {
  const Json golden = MustParse(MustRead(stem.string() + ".draft.json"));
  ASSERT_VALUE(const NpyFloats logits, ReadNpy(stem.string() + ".draft.npy"));
  const std::vector<TokenId> wanted = ToIds(*golden.Find("drafts"));
  ASSERT_VALUE(Session session,
               Session::Create(engine, {.cache = DType::kF32, .context = 600, .chunk = chunk}));
  ASSERT_OK(session.SyncTo(ReadPrompt(stem)));
  const SamplingOptions greedy{.temperature = 0, .suppressed = engine.defaults().suppressed};
  ASSERT_VALUE(const TokenId first,
               Sample(session.logits(), greedy, session.size(), session.ids()));
  EXPECT_EQ(first, golden.Find("first")->integer());
  std::vector<float> ours;
  ASSERT_VALUE(const std::vector<TokenId> drafts,
               session.InspectDrafts(first, wanted.size(), [&](std::span<const float> row) {
                 ours.insert(ours.end(), row.begin(), row.end());
                 return Status();
               }));
  EXPECT_EQ(drafts, wanted);
  ASSERT_EQ(ours.size(), logits.values.size());
  const auto [low, high] = std::ranges::minmax(logits.values);
  double worst = 0;
  for (size_t i = 0; i < ours.size(); ++i)
    worst = std::max(worst, std::abs(double{ours[i]} - double{logits.values[i]}) / (high - low));
  EXPECT_LT(worst, kTolerance);
}

TEST(DrafterGolden, DraftsEqualTransformers) {
  size_t compared = 0;
  for (const std::string name : {"tiny6", "tiny12", "tiny6f32"}) {
    const auto folder = Golden("models/" + name);
    for (const kernels::Table* table : DistinctTables()) {
      ASSERT_VALUE(
          const auto engine,
          Engine::Open({.model = folder, .threads = 2, .kernels = table->name, .exact = true}));
      ASSERT_NE(engine->drafter(), nullptr) << engine->no_drafts();
      for (const auto& file : std::filesystem::directory_iterator(folder)) {
        const std::string path = file.path().string();
        if (!path.ends_with(".draft.json")) continue;
        SCOPED_TRACE(path + " with " + table->name);
        for (const Pos chunk : {512, 5})
          ExpectGolden(*engine, path.substr(0, path.size() - 11), chunk);
        ++compared;
      }
    }
  }
  EXPECT_GE(compared, 22u);
}

}  // namespace
}  // namespace carat
