#include "model/weights.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "tensor/half.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/zero_tensors.h"

namespace carat {
namespace {

// A small model as GGUF bytes, parsed and bound. `bytes` outlives what borrows from it.
struct Bound {
  explicit Bound(const GgufWriter& writer)
      : bytes(writer.Build()), gguf(Gguf::Parse(AsBytes(bytes))), weights(Bind()) {}
  Result<Weights> Bind() const {
    if (!gguf) return Fail(gguf.error());
    CARAT_ASSIGN(const Config config, ConfigFromGguf(*gguf));
    return BindGguf(config, gguf->tensors());
  }
  const std::byte* Data(std::string_view name) const {
    return gguf->tensors().Find(name)->bytes.data();
  }
  std::string bytes;
  Result<Gguf> gguf;
  Result<Weights> weights;
};

TEST(BindGguf, EveryFieldIsItsTensor) {
  const Bound b(SmallModel());
  ASSERT_TRUE(b.weights.has_value()) << b.weights.error().Message();
  const Weights& w = *b.weights;
  EXPECT_TRUE(w.warnings.empty());
  EXPECT_TRUE(w.owned.empty());  // all is aligned f32 already
  EXPECT_EQ(w.embedding.data, b.Data("token_embd.weight"));
  EXPECT_EQ(w.embedding.rows, 300u);
  EXPECT_EQ(w.embedding.cols, 32u);
  EXPECT_EQ(w.head.data, w.embedding.data);
  EXPECT_EQ(static_cast<const void*>(w.final_norm), b.Data("output_norm.weight"));
  EXPECT_EQ(static_cast<const void*>(w.rope_factors), b.Data("rope_freqs.weight"));
  ASSERT_EQ(w.layers.size(), 2u);
  const LayerWeights &sliding = w.layers[0], &global = w.layers[1];
  struct Case {
    const MatrixView& view;
    const char* name;
    size_t rows, cols;
  };
  for (const Case& c : {Case{sliding.q, "blk.0.attn_q.weight", 64, 32},
                        {sliding.k, "blk.0.attn_k.weight", 64, 32},
                        {sliding.v, "blk.0.attn_v.weight", 64, 32},
                        {sliding.o, "blk.0.attn_output.weight", 32, 64},
                        {sliding.gate, "blk.0.ffn_gate.weight", 64, 32},
                        {sliding.up, "blk.0.ffn_up.weight", 64, 32},
                        {sliding.down, "blk.0.ffn_down.weight", 32, 64},
                        {global.q, "blk.1.attn_q.weight", 128, 32},
                        {global.k, "blk.1.attn_k.weight", 64, 32},
                        {global.o, "blk.1.attn_output.weight", 32, 128}}) {
    EXPECT_EQ(c.view.data, b.Data(c.name)) << c.name;
    EXPECT_EQ(c.view.rows, c.rows) << c.name;
    EXPECT_EQ(c.view.cols, c.cols) << c.name;
    EXPECT_EQ(c.view.scale, 1.0f) << c.name;
  }
  EXPECT_TRUE(global.v.empty());
  struct Norm {
    const float* values;
    const char* name;
  };
  for (const Norm& n : {Norm{sliding.attn_norm, "blk.0.attn_norm.weight"},
                        {sliding.post_attn_norm, "blk.0.post_attention_norm.weight"},
                        {sliding.ffn_norm, "blk.0.ffn_norm.weight"},
                        {sliding.post_ffn_norm, "blk.0.post_ffw_norm.weight"},
                        {sliding.q_norm, "blk.0.attn_q_norm.weight"},
                        {global.k_norm, "blk.1.attn_k_norm.weight"}}) {
    EXPECT_EQ(static_cast<const void*>(n.values), b.Data(n.name)) << n.name;
  }
  EXPECT_EQ(sliding.layer_scalar, 1.0f);
}

TEST(BindGguf, EachMissingTensorIsNamed) {
  const GgufWriter whole = SmallModel();
  for (const std::string& name : whole.TensorNames()) {
    const Bound b(GgufWriter(whole).RemoveTensor(name));
    ExpectError(b.weights, {name, "missing tensor"});
    EXPECT_EQ(b.weights.error().code, ErrorCode::kNotFound);
  }
}

TEST(BindGguf, EachMisshapenTensorIsNamed) {
  const GgufWriter whole = SmallModel();
  for (const std::string& name : whole.TensorNames()) {
    if (name == "token_embd.weight")
      continue;  // its rows are the vocabulary, whatever their number
    const Bound b(GgufWriter(whole).Floats(name, {7, 3}, std::vector<float>(21)));
    ExpectError(b.weights, {name, "wrong tensor shape", "wanted [", "found [3, 7]"});
  }
  ExpectError(
      Bound(SmallModel().Floats("blk.0.attn_q.weight", {64, 32}, std::vector<float>(2048))).weights,
      {"blk.0.attn_q.weight", "wanted [64, 32], found [32, 64]"});
  ExpectError(
      Bound(SmallModel().Floats("token_embd.weight", {31, 300}, std::vector<float>(9300))).weights,
      {"token_embd.weight", "wanted [300, 32], found [300, 31]"});
}

TEST(BindGguf, NumbersThatAreNoWeights) {
  const Bound b(SmallModel().Tensor("blk.0.ffn_up.weight", 24, {32, 64}, std::string(2048, '\0')));
  ExpectError(b.weights, {"blk.0.ffn_up.weight", "wrong tensor type", "found I8"});
}

TEST(BindGguf, UnknownTensors) {
  for (const char* name :
       {"blk.0.ffn_gate_inp.weight", "blk.0.attn_q.bias", "blk.2.attn_q.weight",
        "per_layer_token_embd.weight", "output_norm.bias", "token_embd_norm.weight"}) {
    const auto weights = Bound(SmallModel().Floats(name, {1}, {0})).weights;
    ExpectError(weights, {name, "does not know would change the mathematics"});
    EXPECT_EQ(weights.error().code, ErrorCode::kUnsupported);
  }
  GgufWriter writer = SmallModel();
  for (int i = 0; i < 8; ++i) writer.Floats("extra" + std::to_string(i), {1}, {0});
  const Bound b(writer);
  ASSERT_TRUE(b.weights.has_value());
  ASSERT_EQ(b.weights->warnings.size(), 6u);
  EXPECT_EQ(b.weights->warnings[0], "unknown tensor ignored: extra0");
  EXPECT_EQ(b.weights->warnings[5], "3 more unknown tensors ignored");
}

TEST(BindGguf, FusedQkv) {
  GgufWriter writer = SmallModel();
  for (const char* name : {"attn_q", "attn_k", "attn_v"}) {
    writer.RemoveTensor(std::string("blk.0.") + name + ".weight")
        .RemoveTensor(std::string("blk.1.") + name + ".weight");
  }
  writer.Floats("blk.0.attn_qkv.weight", {32, 192}, std::vector<float>(192 * 32));
  writer.Floats("blk.1.attn_qkv.weight", {32, 192}, std::vector<float>(192 * 32));  // no v
  writer.Floats("blk.1.attn_qkv.scale", {1}, {3});
  const Bound b(writer);
  ASSERT_TRUE(b.weights.has_value()) << b.weights.error().Message();
  const LayerWeights &sliding = b.weights->layers[0], &global = b.weights->layers[1];
  const std::byte* at = b.Data("blk.0.attn_qkv.weight");
  EXPECT_EQ(sliding.q.data, at);
  EXPECT_EQ(sliding.k.data, at + 64 * 128);
  EXPECT_EQ(sliding.v.data, at + 128 * 128);
  EXPECT_EQ(sliding.v.rows, 64u);
  EXPECT_EQ(global.q.rows, 128u);
  EXPECT_EQ(global.k.data, b.Data("blk.1.attn_qkv.weight") + 128 * 128);
  EXPECT_EQ(global.k.scale, 3.0f);
  EXPECT_TRUE(global.v.empty());
  ExpectError(
      Bound(writer.Floats("blk.0.attn_qkv.weight", {32, 128}, std::vector<float>(4096))).weights,
      {"blk.0.attn_qkv.weight", "wanted [192, 32], found [128, 32]"});
}

TEST(BindGguf, AStoredValueMatrixOfAGlobalLayerIsMeant) {
  const Bound b(SmallModel().Floats("blk.1.attn_v.weight", {32, 64}, std::vector<float>(2048)));
  ASSERT_TRUE(b.weights.has_value());
  EXPECT_EQ(b.weights->layers[1].v.data, b.Data("blk.1.attn_v.weight"));
}

TEST(BindGguf, CompanionFactors) {
  GgufWriter writer = SmallModel();
  writer.Floats("blk.0.ffn_up.scale", {1}, {0.25f}).Floats("blk.0.ffn_up.input_scale", {1}, {9});
  writer.Floats("token_embd.scale", {}, {2});  // a scalar without dimensions
  const Bound b(writer);
  ASSERT_TRUE(b.weights.has_value()) << b.weights.error().Message();
  EXPECT_EQ(b.weights->layers[0].up.scale, 0.25f);
  EXPECT_EQ(b.weights->layers[0].gate.scale, 1.0f);
  EXPECT_EQ(b.weights->embedding.scale, 2.0f);
  EXPECT_EQ(b.weights->head.scale, 2.0f);
  ExpectError(Bound(writer.Floats("blk.0.ffn_up.scale", {2}, {1, 1})).weights,
              {"blk.0.ffn_up.scale", "wanted [1], found [2]"});
}

TEST(BindGguf, AnOutputMatrixReplacesTheEmbedding) {
  const Bound b(SmallModel().Floats("output.weight", {32, 300}, std::vector<float>(9600)));
  ASSERT_TRUE(b.weights.has_value());
  EXPECT_EQ(b.weights->head.data, b.Data("output.weight"));
  EXPECT_EQ(b.weights->embedding.data, b.Data("token_embd.weight"));
}

TEST(BindGguf, VectorsInOtherFormatsAreConverted) {
  std::string halves;
  for (int i = 0; i < 32; ++i) halves += NumberBytes(ToBf16(static_cast<float>(i)));
  const Bound b(SmallModel().Tensor("blk.1.ffn_norm.weight", 30, {32}, halves));
  ASSERT_TRUE(b.weights.has_value());
  ASSERT_EQ(b.weights->owned.size(), 1u);
  EXPECT_EQ(b.weights->layers[1].ffn_norm[31], 31.0f);
}

TEST(BindGguf, VectorsMustBeFinite) {
  std::vector<float> norm(32, 1.0f);
  norm[17] = NAN;
  ExpectError(Bound(SmallModel().Floats("blk.1.ffn_norm.weight", {32}, norm)).weights,
              {"blk.1.ffn_norm.weight, element 17", "not a finite number", "found nan"});
  ExpectError(
      Bound(SmallModel().Floats("blk.0.layer_output_scale.weight", {1}, {INFINITY})).weights,
      {"blk.0.layer_output_scale.weight, element 0", "found inf"});
}

TEST(FindNonFinite, NamesTensorAndElement) {
  std::vector<float> up(2048);
  EXPECT_EQ(FindNonFinite(Bound(SmallModel()).gguf->tensors()), "");
  up[1999] = -INFINITY;
  const Bound b(SmallModel().Floats("blk.1.ffn_up.weight", {32, 64}, up));
  EXPECT_TRUE(b.weights.has_value());  // matrices are not looked through at loading
  EXPECT_EQ(FindNonFinite(b.gguf->tensors()), "blk.1.ffn_up.weight, element 1999");
}

// The names of section 3.1 of the gemma4-12b specification, in a directory made by hand.
class BindHuggingFaceTest : public testing::Test {
 protected:
  BindHuggingFaceTest() {
    config_.vocab_size = 8;
    config_.hidden = 2;
    config_.intermediate = 3;
    config_.num_heads = 1;
    config_.sliding = {.head_dim = 32, .kv_heads = 1, .rope_theta = 1e4};
    config_.global = {.head_dim = 64, .kv_heads = 1, .rope_theta = 1e6};
    config_.is_global = {false, true};
  }
  void Add(const std::string& name, std::vector<uint64_t> shape) {
    if (name == leave_out_) return;
    tensors_.Add(name, std::move(shape));
  }
  void AddModel(const std::string& prefix) {
    Add(prefix + "embed_tokens.weight", {8, 2});
    Add(prefix + "norm.weight", {2});
    for (const int i : {0, 1}) {
      const std::string layer = prefix + "layers." + std::to_string(i) + ".";
      const uint64_t head = i == 0 ? 32 : 64;
      for (const char* norm : {"input_layernorm", "post_attention_layernorm",
                               "pre_feedforward_layernorm", "post_feedforward_layernorm"}) {
        Add(layer + norm + ".weight", {2});
      }
      Add(layer + "layer_scalar", {1});
      Add(layer + "mlp.gate_proj.weight", {3, 2});
      Add(layer + "mlp.up_proj.weight", {3, 2});
      Add(layer + "mlp.down_proj.weight", {2, 3});
      Add(layer + "self_attn.q_proj.weight", {head, 2});
      Add(layer + "self_attn.k_proj.weight", {head, 2});
      if (i == 0) Add(layer + "self_attn.v_proj.weight", {head, 2});
      Add(layer + "self_attn.o_proj.weight", {2, head});
      Add(layer + "self_attn.q_norm.weight", {head});
      Add(layer + "self_attn.k_norm.weight", {head});
    }
  }
  std::string leave_out_;
  Config config_;
  ZeroTensors tensors_;
};

TEST_F(BindHuggingFaceTest, BothPrefixes) {
  for (const char* prefix : {"model.language_model.", "model."}) {
    tensors_.Clear();
    AddModel(prefix);
    ASSERT_VALUE(const Weights w, BindHuggingFace(config_, tensors_.directory()));
    EXPECT_EQ(w.layers.size(), 2u);
    EXPECT_EQ(w.head.rows, 8u);
    EXPECT_EQ(w.rope_factors, nullptr);
    EXPECT_TRUE(w.layers[1].v.empty());
    EXPECT_TRUE(w.warnings.empty());
  }
}

TEST_F(BindHuggingFaceTest, MissingTensorsAreNamed) {
  ExpectError(
      BindHuggingFace(config_, tensors_.directory()),
      {"model.language_model.embed_tokens.weight", "missing tensor", "wanted shape [8, 2]"});
  for (const char* name :
       {"model.language_model.layers.0.self_attn.v_proj.weight",
        "model.language_model.layers.1.layer_scalar", "model.language_model.norm.weight"}) {
    tensors_.Clear();
    leave_out_ = name;
    AddModel("model.language_model.");
    ExpectError(BindHuggingFace(config_, tensors_.directory()), {name, "missing tensor"});
  }
}

TEST_F(BindHuggingFaceTest, OtherTensors) {
  AddModel("model.language_model.");
  Add("lm_head.weight", {8, 2});  // tied: a copy of the embedding
  Add("model.vision_embedder.patch_dense.weight", {1});
  Add("model.embed_vision.embedding_projection.weight", {1});
  Add("model.embed_audio.embedding_projection.weight", {1});
  ASSERT_VALUE(const Weights known, BindHuggingFace(config_, tensors_.directory()));
  EXPECT_TRUE(known.warnings.empty());
  Add("optimizer.step", {});
  ASSERT_VALUE(const Weights warned, BindHuggingFace(config_, tensors_.directory()));
  EXPECT_EQ(warned.warnings, (std::vector<std::string>{"unknown tensor ignored: optimizer.step"}));
  Add("model.language_model.layers.0.self_attn.q_proj.bias", {32});
  ExpectError(BindHuggingFace(config_, tensors_.directory()),
              {"layers.0.self_attn.q_proj.bias", "would change the mathematics"});
}

}  // namespace
}  // namespace carat
