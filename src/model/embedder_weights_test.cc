#include "model/embedder_weights.h"

#include <gtest/gtest.h>

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

// Side 2 · 3 = 6, so P = 108; E = 4, H = 8, 5 positions, frames of 10 samples.
GgufWriter SmallEmbedders() {
  GgufWriter w;
  w.String("general.architecture", "clip");
  w.Bool("clip.has_vision_encoder", true).String("clip.vision.projector_type", "gemma4uv");
  w.U32("clip.vision.projection_dim", 8).U32("clip.vision.patch_size", 2);
  w.U32("clip.vision.embedding_length", 4).U32("clip.vision.attention.head_count", 0);
  w.Bool("clip.has_audio_encoder", true).String("clip.audio.projector_type", "gemma4ua");
  w.U32("clip.audio.projection_dim", 8).U32("clip.audio.embedding_length", 10);
  const auto floats = [&](const char* name, std::vector<uint64_t> dims) {
    w.Filled(name, std::move(dims), 0.5f);
  };
  floats("v.patch_norm.1.weight", {108});
  floats("v.patch_norm.1.bias", {108});
  floats("v.patch_embd.weight", {108, 4});
  floats("v.patch_embd.bias", {4});
  floats("v.patch_norm.2.weight", {4});
  floats("v.patch_norm.2.bias", {4});
  floats("v.position_embd.weight", {4, 5, 2});
  floats("v.patch_norm.3.weight", {4});
  floats("v.patch_norm.3.bias", {4});
  floats("mm.input_projection.weight", {4, 8});
  floats("mm.a.input_projection.weight", {10, 8});
  return w;
}

struct Bound {
  explicit Bound(const GgufWriter& writer)
      : bytes(writer.Build()), gguf(Gguf::Parse(AsBytes(bytes))), weights(Bind()) {}
  Result<EmbedderWeights> Bind() {
    if (!gguf) return Fail(gguf.error());
    CARAT_ASSIGN(config, EmbedderConfigFromGguf(*gguf));
    return BindEmbeddersGguf(config, gguf->tensors());
  }
  std::string bytes;
  Result<Gguf> gguf;
  EmbedderConfig config;
  Result<EmbedderWeights> weights;
};

TEST(EmbeddersGguf, EveryFieldIsItsTensor) {
  const Bound b(SmallEmbedders());
  ASSERT_TRUE(b.weights.has_value()) << b.weights.error().Message();
  EXPECT_EQ(b.config.hidden, 8);
  ASSERT_TRUE(b.config.vision && b.config.audio);
  EXPECT_EQ(b.config.vision->patch_side, 6);
  EXPECT_EQ(b.config.vision->positions, 5);
  EXPECT_EQ(b.config.audio->frame_samples, 10);
  EXPECT_TRUE(b.weights->warnings.empty());
  const auto data = [&](const char* name) { return b.gguf->tensors().Find(name)->bytes.data(); };
  ASSERT_TRUE(b.weights->vision.has_value());
  const VisionWeights& v = *b.weights->vision;
  EXPECT_EQ(v.order, PatchOrder::kPlanar);
  EXPECT_EQ(static_cast<const void*>(v.patch_norm.weight), data("v.patch_norm.1.weight"));
  EXPECT_EQ(static_cast<const void*>(v.patch_norm.bias), data("v.patch_norm.1.bias"));
  EXPECT_EQ(v.patch_matrix.data, data("v.patch_embd.weight"));
  EXPECT_EQ(v.patch_matrix.rows, 4u);
  EXPECT_EQ(v.patch_matrix.cols, 108u);
  EXPECT_EQ(static_cast<const void*>(v.patch_bias), data("v.patch_embd.bias"));
  EXPECT_EQ(static_cast<const void*>(v.embed_norm.weight), data("v.patch_norm.2.weight"));
  EXPECT_EQ(static_cast<const void*>(v.position_norm.bias), data("v.patch_norm.3.bias"));
  EXPECT_EQ(v.position_tables.rows, 10u);
  EXPECT_EQ(v.position_tables.cols, 4u);
  EXPECT_EQ(v.position_stride, 1);  // slice 0 is the x table, slice 1 the y table
  EXPECT_EQ(v.axis_stride, 5);
  EXPECT_EQ(v.projection.data, data("mm.input_projection.weight"));
  EXPECT_EQ(b.weights->audio_projection.rows, 8u);
  EXPECT_EQ(b.weights->audio_projection.cols, 10u);
}

TEST(EmbeddersGguf, EachMissingOrMisshapenTensorIsNamed) {
  const GgufWriter whole = SmallEmbedders();
  for (const std::string& name : whole.TensorNames()) {
    ExpectError(Bound(GgufWriter(whole).RemoveTensor(name)).weights, {name, "missing tensor"});
    ExpectError(Bound(GgufWriter(whole).Floats(name, {7, 3}, std::vector<float>(21))).weights,
                {name, "wrong tensor shape", "found [3, 7]"});
  }
  // The wrong audio width of the first conversions.
  ExpectError(Bound(SmallEmbedders().U32("clip.audio.embedding_length", 12)).weights,
              {"mm.a.input_projection.weight", "wanted [8, 12], found [8, 10]"});
}

TEST(EmbeddersGguf, OtherProjectorsAndWidths) {
  ExpectError(Bound(SmallEmbedders().String("clip.vision.projector_type", "gemma4v")).weights,
              {"clip.vision.projector_type", "wanted gemma4uv", "found gemma4v"});
  ExpectError(Bound(SmallEmbedders().String("clip.audio.projector_type", "gemma4a")).weights,
              {"clip.audio.projector_type", "wanted gemma4ua"});
  ExpectError(Bound(SmallEmbedders().U32("clip.audio.projection_dim", 9)).weights,
              {"different widths", "wanted 8, found 9"});
  ExpectError(
      Bound(SmallEmbedders().Remove("clip.has_vision_encoder").Remove("clip.has_audio_encoder"))
          .weights,
      {"holds no embedder"});
  ExpectError(Bound(SmallEmbedders().U32("clip.vision.patch_size", 0)).weights,
              {"clip.vision.patch_size", "found 0"});
  ExpectError(Bound(SmallEmbedders().Floats("v.blk.0.attn_q.weight", {1}, {0})).weights,
              {"v.blk.0.attn_q.weight", "would change the mathematics"});
}

TEST(EmbeddersGguf, OnePartAlone) {
  GgufWriter deaf = SmallEmbedders();
  deaf.Bool("clip.has_audio_encoder", false).RemoveTensor("mm.a.input_projection.weight");
  const Bound b(deaf);
  ASSERT_TRUE(b.weights.has_value()) << b.weights.error().Message();
  EXPECT_TRUE(b.weights->vision.has_value());
  EXPECT_TRUE(b.weights->audio_projection.empty());
}

TEST(EmbeddersGguf, AHalfPrecisionPatchMatrixStays) {
  std::string halves;
  for (int i = 0; i < 108 * 4; ++i) halves += NumberBytes(ToBf16(0.25f));
  const Bound b(SmallEmbedders().Tensor("v.patch_embd.weight", 30, {108, 4}, halves));
  ASSERT_TRUE(b.weights.has_value()) << b.weights.error().Message();
  EXPECT_EQ(b.weights->vision->patch_matrix.dtype, DType::kBF16);
}

class EmbeddersFolderTest : public testing::Test {
 protected:
  void Add(const std::string& name, std::vector<uint64_t> shape) {
    tensors_.Add(name, std::move(shape));
  }
  void AddVision(const std::string& part, const std::string& projection) {
    for (const char* suffix : {".weight", ".bias"}) {
      Add(part + "patch_ln1" + suffix, {108});
      Add(part + "patch_ln2" + suffix, {4});
      Add(part + "pos_norm" + suffix, {4});
    }
    Add(part + "patch_dense.weight", {4, 108});
    Add(part + "patch_dense.bias", {4});
    Add(part + "pos_embedding", {5, 2, 4});
    Add(projection, {8, 4});
  }
  Result<EmbedderWeights> Bind() {
    CARAT_ASSIGN(const EmbedderConfig config, EmbedderConfigFromHuggingFace(MustParse(config_)));
    return BindEmbeddersHuggingFace(config, tensors_.directory());
  }
  std::string config_ =
      R"({"text_config": {"hidden_size": 8}, "audio_config": {"audio_embed_dim": 10},
          "vision_config": {"patch_size": 2, "mm_embed_dim": 4, "output_proj_dims": 4,
                            "mm_posemb_size": 5}})";
  ZeroTensors tensors_;
};

TEST_F(EmbeddersFolderTest, BothSpellings) {
  for (const bool hub : {true, false}) {
    tensors_.Clear();
    AddVision(hub ? "model.vision_embedder." : "model.embed_vision.",
              hub ? "model.embed_vision.embedding_projection.weight"
                  : "model.embed_vision.multimodal_embedder.embedding_projection.weight");
    Add("model.embed_audio.embedding_projection.weight", {8, 10});
    Add("model.language_model.norm.weight", {8});  // not ours
    ASSERT_VALUE(const EmbedderWeights w, Bind());
    ASSERT_TRUE(w.vision.has_value());
    EXPECT_EQ(w.vision->order, PatchOrder::kInterleaved);
    EXPECT_EQ(w.vision->position_tables.rows, 10u);
    EXPECT_EQ(w.vision->position_stride, 2);  // [position][axis]
    EXPECT_EQ(w.vision->axis_stride, 1);
    EXPECT_FALSE(w.audio_projection.empty());
    EXPECT_TRUE(w.warnings.empty());
  }
}

TEST_F(EmbeddersFolderTest, ATextOnlyExportIsToldSo) {
  Add("model.language_model.norm.weight", {8});
  ASSERT_VALUE(const EmbedderWeights w, Bind());
  EXPECT_FALSE(w.vision.has_value());
  EXPECT_EQ(w.warnings, (std::vector<std::string>{"no vision embedder among the tensors",
                                                  "no audio embedder among the tensors"}));
}

TEST_F(EmbeddersFolderTest, UnknownMissingAndMisshapenTensors) {
  AddVision("model.vision_embedder.", "model.embed_vision.embedding_projection.weight");
  Add("model.embed_audio.embedding_projection.bias", {8});
  ExpectError(Bind(), {"model.embed_audio.embedding_projection.weight", "missing tensor"});
  Add("model.embed_audio.embedding_projection.weight", {8, 10});
  ExpectError(Bind(), {"model.embed_audio.embedding_projection.bias", "change the mathematics"});
  tensors_.Clear();
  AddVision("model.vision_embedder.", "model.embed_vision.projection.weight");
  ExpectError(Bind(), {"model.embed_vision.embedding_projection.weight", "missing tensor"});
  tensors_.Clear();
  AddVision("model.vision_embedder.", "model.embed_vision.embedding_projection.weight");
  config_.replace(config_.find("\"mm_posemb_size\": 5"), 19, "\"mm_posemb_size\": 6");
  ExpectError(Bind(), {"model.vision_embedder.pos_embedding", "wanted [6, 2, 4], found [5, 2, 4]"});
}

TEST_F(EmbeddersFolderTest, WrongSizes) {
  config_ = R"({"text_config": {"hidden_size": 8},
                "vision_config": {"mm_embed_dim": 4, "output_proj_dims": 5}})";
  ExpectError(Bind(), {"vision_config.output_proj_dims", "wanted 4 (mm_embed_dim), found 5"});
  config_ = R"({"text_config": {"hidden_size": 8}, "audio_config": {"audio_embed_dim": 0}})";
  ExpectError(Bind(), {"audio_config.audio_embed_dim"});
  config_ = R"({"text_config": {"hidden_size": 8}, "audio_config": 3})";
  ExpectError(Bind(), {"audio_config"});
}

}  // namespace
}  // namespace carat
