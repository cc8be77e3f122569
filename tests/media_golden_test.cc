// Soft tokens and logits of pictures, sound and video with random checkpoints against Hugging Face
// transformers, with both behaviours of the block masks (tests/golden/PROVENANCE.md).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/model_files.h"
#include "model/decoder.h"
#include "model/embedders.h"
#include "tests/support/files.h"
#include "tests/support/kernel_tables.h"
#include "tests/support/noise.h"
#include "tests/support/npy.h"

namespace carat {
namespace {

constexpr double kTolerance = 2e-5;  // of the golden values' range

struct Medium {
  std::string kind;  // picture, frame or sound
  size_t at = 0;     // of its first soft token
  size_t count = 0;
  uint32_t seed = 0;
  size_t columns = 0, rows = 0;  // of patches
  size_t samples = 0;
};

struct Case {
  std::vector<TokenId> ids;
  std::vector<Medium> media;
};

Case ReadCase(const std::filesystem::path& path) {
  const Json json = MustParse(MustRead(path));
  Case c{.ids = ToIds(*json.Find("ids")), .media = {}};
  for (const Json& one : json.Find("media")->array()) {
    const auto number = [&](const char* name) {
      const Json* value = one.Find(name);
      return value == nullptr ? size_t{0} : static_cast<size_t>(value->integer());
    };
    c.media.push_back({one.Find("kind")->string(), number("at"), number("count"),
                       static_cast<uint32_t>(number("seed")), number("columns"), number("rows"),
                       number("samples")});
  }
  return c;
}

double Difference(std::span<const float> golden, std::span<const float> ours) {
  EXPECT_EQ(golden.size(), ours.size());
  const auto [low, high] = std::ranges::minmax(golden);
  double worst = 0;
  for (size_t i = 0; i < std::min(golden.size(), ours.size()); ++i)
    worst = std::max(worst, std::abs(double{golden[i]} - double{ours[i]}));
  return worst / (high - low);
}

// A model, and a place to run it.
struct Bench {
  LoadedModel model;
  Decoder decoder;
  ThreadPool pool{2};
  OpContext context;

  Bench(LoadedModel m, const kernels::Table& table)
      : model(std::move(m)),
        decoder(model.config, std::move(model.weights)),
        context(pool, table) {}

  std::vector<float> Soft(const Medium& m) {
    const Embedders& embedders = model.embedders;
    std::vector<float> rows(m.count * static_cast<size_t>(decoder.config().hidden));
    if (m.kind == "sound") {
      auto samples = NoiseSamples(m.seed, m.samples);
      samples.resize(m.count * static_cast<size_t>(embedders.config.audio->frame_samples));
      EmbedSound(context, *embedders.config.audio, embedders.weights.audio_projection, samples,
                 rows);
    } else {
      const size_t height = m.rows * 48, width = m.columns * 48;
      const auto rgb = NoiseBytes(m.seed, 3 * height * width);
      EmbedPicture(context, *embedders.config.vision, *embedders.weights.vision,
                   {rgb, height, width}, rows);
    }
    return rows;
  }

  // The logits of all positions, cut before these indices into passes.
  std::vector<float> Logits(const Case& c, const std::vector<std::vector<float>>& soft,
                            BlockMask mask, std::vector<size_t> cuts) {
    KvCache cache = KvCache::Create(decoder.config(),
                                    {.dtype = DType::kF32, .max_positions = 200, .margin = 128})
                        .value();
    Activations activations;
    std::vector<float> all;
    cuts.push_back(c.ids.size());
    size_t begin = 0;
    for (const size_t end : cuts) {
      std::vector<SoftRun> runs;
      for (size_t i = 0; i < c.media.size(); ++i) {
        // What of the medium lies in this pass: all of it, or a part of sound.
        const size_t from = std::max(begin, c.media[i].at);
        const size_t to = std::min(end, c.media[i].at + c.media[i].count);
        if (from >= to) continue;
        const auto hidden = static_cast<size_t>(decoder.config().hidden);
        runs.push_back({.at = from - begin,
                        .count = to - from,
                        .rows = soft[i].data() + (from - c.media[i].at) * hidden,
                        .is_block = c.media[i].kind != "sound"});
      }
      const auto ids = std::span(c.ids).subspan(begin, end - begin);
      std::vector<float> logits(ids.size() * static_cast<size_t>(decoder.config().vocab_size));
      EXPECT_TRUE(decoder
                      .Forward(context, activations, cache,
                               {.ids = ids, .soft = runs, .mask = mask}, LogitRows::kAll, logits)
                      .has_value());
      all.insert(all.end(), logits.begin(), logits.end());
      begin = end;
    }
    return all;
  }
};

// Every position where a pass may end: not inside of a picture.
std::vector<size_t> AllCuts(const Case& c) {
  std::vector<size_t> cuts;
  for (size_t at = 1; at < c.ids.size(); ++at) {
    if (std::ranges::none_of(c.media, [&](const Medium& m) {
          return m.kind != "sound" && at > m.at && at < m.at + m.count;
        }))
      cuts.push_back(at);
  }
  return cuts;
}

void ExpectGolden(const std::filesystem::path& folder, const std::string& name, Bench& bench) {
  SCOPED_TRACE((folder / name).string());
  const Case c = ReadCase(folder / (name + ".media.json"));
  std::vector<std::vector<float>> soft;
  std::vector<float> rows;
  for (const Medium& medium : c.media) {
    soft.push_back(bench.Soft(medium));
    rows.insert(rows.end(), soft.back().begin(), soft.back().end());
  }
  ASSERT_VALUE(const NpyFloats golden_rows, ReadNpy(folder / (name + ".soft.npy")));
  EXPECT_LT(Difference(golden_rows.values, rows), kTolerance);
  for (const BlockMask mask : {BlockMask::kReference, BlockMask::kLiteral}) {
    const char* suffix = mask == BlockMask::kReference ? ".R.npy" : ".L.npy";
    ASSERT_VALUE(const NpyFloats golden, ReadNpy(folder / (name + suffix)));
    const auto whole = bench.Logits(c, soft, mask, {});
    EXPECT_LT(Difference(golden.values, whole), kTolerance) << suffix;
    EXPECT_EQ(bench.Logits(c, soft, mask, AllCuts(c)), whole) << "one by one" << suffix;
  }
}

TEST(MediaGolden, EqualsTransformers) {
  size_t models = 0;
  for (const auto& folder : std::filesystem::directory_iterator(Golden("models"))) {
    if (!folder.is_directory()) continue;
    ++models;
    for (const kernels::Table* table : DistinctTables()) {
      SCOPED_TRACE(table->name);
      ASSERT_VALUE(ModelFiles files, OpenModelFiles(folder));
      ASSERT_VALUE(LoadedModel model, LoadTextModel(std::move(files)));
      Bench bench(std::move(model), *table);
      for (const char* name : {"picture", "sound", "video", "mixed"})
        ExpectGolden(folder, name, bench);
    }
  }
  EXPECT_GE(models, 3u);
}

}  // namespace
}  // namespace carat
