// The same drafter from safetensors and from both GGUF dialects drafts the same; with a quantised
// body it drafts nearly the same as in f32.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "engine/engine.h"
#include "engine/session.h"
#include "io/file.h"
#include "kernels/interleaved.h"
#include "model/mtp.h"
#include "tests/support/files.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/kernel_tables.h"
#include "tests/support/random_blocks.h"
#include "tests/support/random_model.h"
#include "tests/support/temp_folder.h"

namespace carat {
namespace {

// The GGUF name of a safetensors drafter tensor (gguf specification, 2.2 and 3.2).
std::string GgufName(std::string name, const std::string& projections) {
  const std::pair<std::string, std::string> parts[] = {
      {"model.embed_tokens", "token_embd"},
      {"model.norm", "output_norm"},
      {"model.layers.", "blk."},
      {"input_layernorm", "attn_norm"},
      {"self_attn.q_proj", "attn_q"},
      {"self_attn.q_norm", "attn_q_norm"},
      {"self_attn.o_proj", "attn_output"},
      {"post_attention_layernorm", "post_attention_norm"},
      {"pre_feedforward_layernorm", "ffn_norm"},
      {"post_feedforward_layernorm", "post_ffw_norm"},
      {"mlp.gate_proj", "ffn_gate"},
      {"mlp.up_proj", "ffn_up"},
      {"mlp.down_proj", "ffn_down"},
      {"layer_scalar", "layer_output_scale.weight"}};
  for (const auto& [from, to] : parts) {
    if (const size_t at = name.find(from); at != std::string::npos)
      name.replace(at, from.size(), to);
  }
  if (name.starts_with("pre_projection") || name.starts_with("post_projection"))
    name = projections + name;
  return name;
}

TEST(DrafterFormats, EveryDialectDraftsTheSame) {
  const auto model = Golden("models/tiny6f32");
  ASSERT_VALUE(const ModelFiles files, OpenModelFiles(model / "assistant"));
  ASSERT_VALUE(const Drafter drafter, LoadDrafter(files));
  const Config& c = drafter.config.text;
  const auto drafts = [&](const std::filesystem::path& path) {
    auto engine = Engine::Open({.model = model, .drafter = path, .threads = 1});
    EXPECT_TRUE(engine.has_value()) << engine.error().Message();
    if (!engine) return std::pair(std::vector<TokenId>(), std::vector<float>());
    Session session = Session::Create(**engine, {.cache = DType::kF32, .drafts = 8}).value();
    EXPECT_TRUE(session.SyncTo({.ids = MustReadIds(model / "len49.ids.json")}).has_value());
    std::vector<float> logits;
    auto ids = session.InspectDrafts(7, 8, [&](std::span<const float> row) {
      logits.insert(logits.end(), row.begin(), row.end());
      return Status();
    });
    return std::pair(ids.value(), logits);
  };
  const auto wanted = drafts(model / "assistant");
  for (const bool old : {false, true}) {
    GgufWriter w;
    const std::string arch = old ? "gemma4_assistant" : "gemma4-assistant";
    const auto number = [&](const std::string& key, int64_t value) {
      w.U32(arch + key, static_cast<uint32_t>(value));
    };
    w.String("general.architecture", arch);
    number(old ? ".n_embd_backbone" : ".embedding_length_out", drafter.config.target_hidden);
    number(".embedding_length", c.hidden);
    number(".feed_forward_length", c.intermediate);
    number(".attention.head_count", c.num_heads);
    number(".block_count", c.num_layers());
    number(".attention.key_length", c.global.head_dim);
    number(".attention.key_length_swa", c.sliding.head_dim);
    number(".context_length", c.max_positions);
    number(".attention.sliding_window", c.window);
    number(".attention.shared_kv_layers", c.num_layers());
    w.F32(arch + ".rope.freq_base", 1e6f);
    w.F32(arch + ".attention.layer_norm_rms_epsilon", 1e-6f);
    std::vector<bool> sliding(c.is_global.size());
    for (size_t i = 0; i < sliding.size(); ++i) sliding[i] = !c.is_global[i];
    w.Bools(arch + ".attention.sliding_window_pattern", sliding);
    for (const TensorEntry& entry : files.tensors().entries()) {
      ASSERT_EQ(entry.dtype, DType::kF32) << entry.name;
      std::vector<uint64_t> dims(entry.shape.rbegin(), entry.shape.rend());
      w.Tensor(GgufName(std::string(entry.name), old ? "mtp." : "nextn."), 0, dims,
               std::string(AsText(entry.bytes)));
    }
    TempFolder folder;
    const std::string bytes = w.Build();
    ASSERT_OK(WriteFileAtomic(folder / "mtp.gguf", AsBytes(bytes)));
    const auto got = drafts(folder / "mtp.gguf");
    EXPECT_EQ(got.first, wanted.first) << old;
    EXPECT_EQ(got.second, wanted.second) << old;
  }
}

// A drafter of random blocks for a random target.
struct Fixture {
  std::mt19937_64 random{3};
  RandomModel target;
  DrafterConfig config;
  TempFolder folder;
  std::vector<MappedFile> storage;  // weights that are interleaved let their file's pages go
  std::vector<std::vector<float>> norms;

  Fixture() : target(MakeRandomModel({.hidden = 256, .intermediate = 256, .num_heads = 4})) {
    config.text = target.config;
    config.text.hidden = 256;
    config.text.intermediate = 512;
    config.text.is_global = {false, true};
    config.target_hidden = target.config.hidden;
  }
  MatrixView Matrix(DType dtype, int64_t rows, int64_t cols) {
    const auto path = folder / std::to_string(storage.size());
    const auto blocks =
        RandomBlocks(random, dtype, static_cast<size_t>(rows * cols), Scales::kTame);
    EXPECT_TRUE(WriteFileAtomic(path, blocks).has_value());
    storage.push_back(MappedFile::Open(path).value());
    return {.data = storage.back().bytes().data(),
            .dtype = dtype,
            .rows = static_cast<size_t>(rows),
            .cols = static_cast<size_t>(cols)};
  }
  const float* Norm(int64_t n) {
    norms.push_back(std::vector<float>(static_cast<size_t>(n), 0.7f));
    return norms.back().data();
  }
  DrafterWeights Weights(DType dtype) {
    const Config& c = config.text;
    DrafterWeights w;
    w.head = Matrix(dtype, c.vocab_size, c.hidden);
    w.pre_projection = Matrix(dtype, c.hidden, 2 * config.target_hidden);
    w.post_projection = Matrix(dtype, config.target_hidden, c.hidden);
    w.final_norm = Norm(c.hidden);
    for (int64_t i = 0; i < c.num_layers(); ++i) {
      const int64_t dim = c.attention(i).head_dim, width = c.num_heads * dim;
      LayerWeights l;
      l.attn_norm = Norm(c.hidden);
      l.q = Matrix(dtype, width, c.hidden);
      l.o = Matrix(dtype, c.hidden, width);
      l.q_norm = Norm(dim);
      l.post_attn_norm = Norm(c.hidden);
      l.ffn_norm = Norm(c.hidden);
      l.gate = Matrix(dtype, c.intermediate, c.hidden);
      l.up = Matrix(dtype, c.intermediate, c.hidden);
      l.down = Matrix(dtype, c.hidden, c.intermediate);
      l.post_ffn_norm = Norm(c.hidden);
      w.layers.push_back(l);
    }
    return w;
  }
};

double Distance(std::span<const float> a, std::span<const float> b) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    size += b[i] * b[i];
  }
  return std::sqrt(difference / size);
}

TEST(DrafterFormats, FastBodiesComputeWhatTheExactOneDoes) {
  for (const DType dtype : {DType::kBF16, DType::kF16, DType::kQ8_0, DType::kQ6_K, DType::kQ5_K,
                            DType::kQ4_K, DType::kQ4_0, DType::kQ4_1}) {
    Fixture fixture;
    const DrafterWeights weights = fixture.Weights(dtype);
    const Decoder target(fixture.target.config, std::move(fixture.target.weights));
    KvCache cache = KvCache::Create(target.config(), {.max_positions = 64}).value();
    ThreadPool pool(2);
    const auto run = [&](const kernels::Table& table, bool exact) {
      OpContext context(pool, table);
      DrafterWeights copy;
      copy.head = weights.head;
      copy.pre_projection = weights.pre_projection;
      copy.post_projection = weights.post_projection;
      copy.final_norm = weights.final_norm;
      copy.layers = weights.layers;
      auto drafter = MtpDrafter::Create(context, fixture.config, std::move(copy), target.config(),
                                        exact, {}, {})
                         .value();
      DraftState state;
      std::mt19937_64 random(8);
      state.hidden = RandomFloats(random, static_cast<size_t>(target.config().hidden));
      std::vector<float> all;
      for (const TokenId token : {5, 9, 33}) {
        const auto y = drafter.Step(context, state, target, cache, token);
        all.insert(all.end(), y.begin(), y.end());
        all.insert(all.end(), state.hidden.begin(), state.hidden.end());
      }
      return all;
    };
    {
      OpContext context(pool, *Tables().front());
      Activations activations;
      std::vector<float> logits;
      ASSERT_OK(target.Forward(context, activations, cache, {.ids = RandomIds(1, 20, 64)},
                               LogitRows::kNone, logits));
    }
    const auto exact = run(kernels::ReferenceTable(), true);
    for (const kernels::Table* table : Tables()) {
      EXPECT_LT(Distance(run(*table, false), exact), 0.05)
          << table->name << " " << Info(dtype).name;
    }
  }
}

}  // namespace
}  // namespace carat
