#include "model/drafter_weights.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/bytes.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/gguf_writer.h"

namespace carat {
namespace {

// h = 4, H = 6, F = 8, two heads of 32 (sliding) and 64 (global), 10 tokens, two layers.
GgufWriter SmallDrafter(bool old) {
  GgufWriter w;
  const std::string arch = old ? "gemma4_assistant" : "gemma4-assistant";
  const std::string projections = old ? "mtp." : "nextn.";
  w.String("general.architecture", arch);
  w.U32(arch + (old ? ".n_embd_backbone" : ".embedding_length_out"), 6);
  w.U32(arch + ".embedding_length", 4).U32(arch + ".feed_forward_length", 8);
  w.U32(arch + ".attention.head_count", 2).U32(arch + ".block_count", 2);
  w.U32(arch + ".attention.key_length", 64).U32(arch + ".attention.key_length_swa", 32);
  w.U32(arch + ".context_length", 64).U32(arch + ".attention.sliding_window", 8);
  w.U32(arch + ".attention.shared_kv_layers", 2).F32(arch + ".rope.freq_base", 1e6f);
  w.F32(arch + ".attention.layer_norm_rms_epsilon", 1e-6f);
  w.Bools(arch + ".attention.sliding_window_pattern", {true, false});
  const auto floats = [&](const std::string& name, std::vector<uint64_t> dims) {
    w.Filled(name, std::move(dims), 0.5f);
  };
  floats("token_embd.weight", {4, 10});
  floats("output_norm.weight", {4});
  floats("rope_freqs.weight", {32});
  floats(projections + "pre_projection.weight", {12, 4});
  floats(projections + "post_projection.weight", {4, 6});
  for (const int i : {0, 1}) {
    const std::string layer = "blk." + std::to_string(i) + ".";
    const uint64_t dim = i == 0 ? 32 : 64;
    for (const char* norm : {"attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"})
      floats(layer + norm + ".weight", {4});
    floats(layer + "attn_q.weight", {4, 2 * dim});
    floats(layer + "attn_q_norm.weight", {dim});
    floats(layer + "attn_output.weight", {2 * dim, 4});
    floats(layer + "ffn_gate.weight", {4, 8});
    floats(layer + "ffn_up.weight", {4, 8});
    floats(layer + "ffn_down.weight", {8, 4});
    floats(layer + "layer_output_scale.weight", {1});
  }
  return w;
}

struct Bound {
  explicit Bound(const GgufWriter& writer)
      : bytes(writer.Build()), gguf(Gguf::Parse(AsBytes(bytes))), weights(Bind()) {}
  Result<DrafterWeights> Bind() {
    if (!gguf) return Fail(gguf.error());
    CARAT_ASSIGN(config, DrafterConfigFromGguf(*gguf));
    return BindDrafter(config, gguf->tensors());
  }
  std::string bytes;
  Result<Gguf> gguf;
  DrafterConfig config;
  Result<DrafterWeights> weights;
};

TEST(Drafter, BothDialectsOfGguf) {
  for (const bool old : {false, true}) {
    const Bound b(SmallDrafter(old));
    ASSERT_TRUE(b.weights.has_value()) << b.weights.error().Message();
    EXPECT_EQ(b.config.target_hidden, 6);
    EXPECT_EQ(b.config.text.vocab_size, 10);
    EXPECT_EQ(b.config.text.is_global, (std::vector<bool>{false, true}));
    EXPECT_EQ(b.weights->pre_projection.rows, 4u);
    EXPECT_EQ(b.weights->pre_projection.cols, 12u);
    EXPECT_EQ(b.weights->post_projection.rows, 6u);
    EXPECT_EQ(b.weights->layers[0].q.rows, 64u);
    EXPECT_EQ(b.weights->layers[1].q.rows, 128u);
    EXPECT_EQ(b.weights->layers[1].layer_scalar, 0.5f);
  }
}

TEST(Drafter, EachMissingOrMisshapenTensorIsNamed) {
  const GgufWriter whole = SmallDrafter(false);
  for (const std::string& name : whole.TensorNames()) {
    if (name == "rope_freqs.weight" || name == "token_embd.weight") continue;
    ExpectError(Bound(GgufWriter(whole).RemoveTensor(name)).weights, {name, "missing tensor"});
    ExpectError(Bound(GgufWriter(whole).Floats(name, {7, 3}, std::vector<float>(21))).weights,
                {name, "wrong tensor shape", "found [3, 7]"});
  }
}

TEST(Drafter, TwoStageHeadsAndUnknownTensors) {
  for (const char* name : {"mtp.centroids.weight", "masked_embd_centroids.weight"})
    ExpectError(Bound(SmallDrafter(false).Floats(name, {1}, {0})).weights, {name, "centroids"});
  ExpectError(Bound(SmallDrafter(false).Floats("blk.0.attn_k.weight", {1}, {0})).weights,
              {"blk.0.attn_k.weight", "would change the mathematics"});
  const std::string ordered = "gemma4-assistant.use_ordered_embeddings";
  ExpectError(Bound(SmallDrafter(false).Bool(ordered, true)).weights, {ordered, "centroids"});
  ExpectError(Bound(SmallDrafter(false).U32("gemma4-assistant.attention.head_count", 0)).weights,
              {"num_attention_heads", "found 0"});
}

TEST(Drafter, StrictAsTheModel) {
  const std::string arch = "gemma4-assistant.";
  ExpectError(Bound(SmallDrafter(false).U32(arch + "attention.shared_kv_layers", 1)).weights,
              {"attention.shared_kv_layers", "wanted 2, found 1"});
  ExpectError(Bound(SmallDrafter(false).U32(arch + "nextn_predict_layers", 3)).weights,
              {"nextn_predict_layers", "wanted 2, found 3"});
  ExpectError(Bound(SmallDrafter(false).F32(arch + "attention.layer_norm_rms_epsilon", -1)).weights,
              {"rms_norm_eps", "between 0 and 1"});
  ExpectError(Bound(SmallDrafter(false).U32(arch + "rope.dimension_count", 32)).weights,
              {"rope.dimension_count", "wanted 64, found 32"});
}

TEST(Drafter, ConfigOfAFolder) {
  const auto read = [](const std::string& changes) {
    return DrafterConfigFromHuggingFace(
        MustParse(R"({"backbone_hidden_size": 6, "text_config": {"vocab_size": 10, "hidden_size": 4,
            "intermediate_size": 8, "num_attention_heads": 2, "num_key_value_heads": 1)" +
                  changes + "}}"));
  };
  ASSERT_VALUE(const DrafterConfig c, read(R"(, "num_hidden_layers": 2, "num_kv_shared_layers": 2,
                        "layer_types": ["sliding_attention", "full_attention"])"));
  EXPECT_EQ(c.target_hidden, 6);
  EXPECT_EQ(c.text.hidden, 4);
  EXPECT_EQ(c.text.sliding.head_dim, 256);
  EXPECT_EQ(c.text.global.head_dim, 512);
  EXPECT_EQ(c.text.is_global, (std::vector<bool>{false, true}));
  EXPECT_EQ(c.text.softcap, 0.0f);
  ExpectError(read(R"(, "num_hidden_layers": 9, "layer_types": [])"), {"layer_types"});
  ExpectError(read(R"(, "num_hidden_layers": 1, "layer_types": ["chunked_attention"])"),
              {"layer_types[0]", "chunked_attention"});
  ExpectError(read(R"(, "num_hidden_layers": 4, "hidden_activation": "silu")"),
              {"hidden_activation", "found silu"});
  ExpectError(read(R"(, "num_hidden_layers": 4, "num_kv_shared_layers": 3)"),
              {"num_kv_shared_layers", "wanted 4"});
  ExpectError(DrafterConfigFromHuggingFace(MustParse(R"({"use_ordered_embeddings": true})")),
              {"use_ordered_embeddings", "centroids"});
}

}  // namespace
}  // namespace carat
