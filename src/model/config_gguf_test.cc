// ConfigFromGguf.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "model/config.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/gguf_writer.h"

namespace carat {
namespace {

Result<Config> FromGguf(const GgufWriter& writer) {
  const std::string bytes = writer.Build();
  CARAT_ASSIGN(const Gguf gguf, Gguf::Parse(AsBytes(bytes)));
  return ConfigFromGguf(gguf);
}

TEST(ConfigFromGguf, ReadsASmallModel) {
  GgufWriter writer = SmallModel();
  AddVocabulary(MakeSmallVocabulary(), writer);
  ASSERT_VALUE(const Config c, FromGguf(writer));
  EXPECT_EQ(c.vocab_size, 300);
  EXPECT_EQ(c.hidden, 32);
  EXPECT_EQ(c.intermediate, 64);
  EXPECT_EQ(c.num_heads, 2);
  EXPECT_EQ(c.sliding.head_dim, 32);
  EXPECT_EQ(c.sliding.kv_heads, 2);
  EXPECT_EQ(c.global.head_dim, 64);
  EXPECT_EQ(c.global.kv_heads, 1);
  EXPECT_EQ(c.is_global, (std::vector<bool>{false, true}));
  EXPECT_EQ(c.window, 64);
  EXPECT_EQ(c.max_positions, 4096);
  EXPECT_EQ(c.rms_eps, 1e-6f);
  EXPECT_EQ(c.softcap, 30.0f);
  EXPECT_EQ(kAddedTokens[static_cast<size_t>(c.image)], "<|image|>");
  EXPECT_EQ(kAddedTokens[static_cast<size_t>(c.audio)], "<|audio|>");
  EXPECT_EQ(kAddedTokens[static_cast<size_t>(c.video)], "<|video|>");
}

// Section 2.1: what a file may lack. Stricter than llama.cpp on rope.freq_base, whose absence it
// takes for a silently wrong value; laxer where the value follows from another key.
TEST(ConfigFromGguf, KeysMissingOneByOne) {
  const std::vector<std::string> required = {"general.architecture",
                                             "gemma4.block_count",
                                             "gemma4.context_length",
                                             "gemma4.embedding_length",
                                             "gemma4.feed_forward_length",
                                             "gemma4.attention.head_count",
                                             "gemma4.rope.freq_base",
                                             "gemma4.attention.layer_norm_rms_epsilon",
                                             "gemma4.attention.key_length",
                                             "gemma4.attention.sliding_window",
                                             "gemma4.attention.sliding_window_pattern",
                                             "gemma4.attention.key_length_swa"};
  const GgufWriter whole = SmallModel();
  size_t missed = 0;
  for (const std::string& key : whole.Keys()) {
    SCOPED_TRACE(key);
    const auto config = FromGguf(GgufWriter(whole).Remove(key));
    if (std::ranges::find(required, key) == required.end()) {
      // Without head_count_kv both kinds have as many as queries.
      EXPECT_TRUE(config.has_value()) << config.error().Message();
      continue;
    }
    ++missed;
    ExpectError(config, {key, "missing metadata key"});
    EXPECT_EQ(config.error().code, ErrorCode::kNotFound);
  }
  EXPECT_EQ(missed, required.size());
  EXPECT_EQ(FromGguf(SmallModel().Remove("gemma4.attention.head_count_kv"))->global.kv_heads, 2);
  EXPECT_EQ(FromGguf(SmallModel().Remove("gemma4.final_logit_softcapping"))->softcap, 30.0f);
  EXPECT_EQ(FromGguf(SmallModel().F32("gemma4.final_logit_softcapping", 0))->softcap, 0.0f);
  EXPECT_EQ(FromGguf(SmallModel().Remove("gemma4.rope.freq_base_swa"))->sliding.rope_theta, 1e4);
  ExpectError(FromGguf(SmallModel().RemoveTensor("token_embd.weight")),
              {"token_embd.weight", "[vocabulary, 32]"});
}

TEST(ConfigFromGguf, PerLayerArrays) {
  GgufWriter writer = SmallModel();
  writer.I32s("gemma4.feed_forward_length", {64, 64}).I32s("gemma4.attention.head_count", {2, 2});
  writer.I32s("gemma4.attention.sliding_window_pattern", {1, 0});  // 0 and 1 in place of bools
  ASSERT_VALUE(const Config c, FromGguf(writer));
  EXPECT_EQ(c.intermediate, 64);
  EXPECT_EQ(c.num_heads, 2);
  EXPECT_EQ(c.is_global, (std::vector<bool>{false, true}));
  EXPECT_EQ(FromGguf(SmallModel().U32("gemma4.attention.head_count_kv", 1))->sliding.kv_heads, 1);
  struct Case {
    const char* key;
    std::vector<int32_t> values;
    const char* part;
  };
  for (const Case& k :
       {Case{"gemma4.feed_forward_length", {64, 128}, "layers of different sizes"},
        {"gemma4.feed_forward_length", {64}, "an array of 2 integers, found 1 numbers"},
        {"gemma4.attention.head_count", {2, 4}, "layers of different sizes"},
        {"gemma4.attention.head_count", {2, 2, 2}, "an array of 2 integers"},
        {"gemma4.attention.head_count", {-1, -1}, "found -1"},
        {"gemma4.attention.head_count_kv", {2}, "an array of 2 integers"},
        {"gemma4.attention.sliding_window_pattern", {1, 1, 0}, "an array of 2 integers"}}) {
    ExpectError(FromGguf(SmallModel().I32s(k.key, k.values)), k.part);
  }
  writer = SmallModel();
  writer.U32("gemma4.block_count", 3).I32s("gemma4.attention.head_count_kv", {2, 1, 1});
  writer.Bools("gemma4.attention.sliding_window_pattern", {true, true, false});
  ExpectError(FromGguf(writer),
              {"head_count_kv, layer 1", "layers of one kind differ", "wanted 2, found 1"});
}

TEST(ConfigFromGguf, WrongValuesAreNamed) {
  struct Case {
    const char* key;
    uint32_t value;
    const char* part;
  };
  for (const Case& c :
       {Case{"gemma4.embedding_length_per_layer_input", 256, "it has per-layer embeddings"},
        {"gemma4.attention.shared_kv_layers", 18, "it has shared key/value layers"},
        {"gemma4.expert_count", 128, "it has experts"},
        {"gemma4.attention.value_length", 32, "wanted 64, found 32"},
        {"gemma4.attention.value_length_swa", 64, "wanted 32, found 64"},
        {"gemma4.rope.dimension_count", 32, "wanted 64, found 32"},
        {"gemma4.rope.dimension_count_swa", 16, "wanted 32, found 16"},
        {"gemma4.block_count", 0, "1 to 1024"},
        {"gemma4.block_count", 1025, "1 to 1024"},
        {"gemma4.context_length", 0, "found 0"},
        {"gemma4.embedding_length", 1u << 25, "found 33554432"},
        {"gemma4.attention.sliding_window", 0, "found 0"}}) {
    ExpectError(FromGguf(SmallModel().U32(c.key, c.value)), {c.key, c.part});
  }
  ExpectError(FromGguf(SmallModel()
                           .U32("gemma4.attention.key_length", 48)
                           .Remove("gemma4.attention.value_length")
                           .Remove("gemma4.rope.dimension_count")),
              {"global head_dim", "a multiple of 32", "found 48"});
  ExpectError(FromGguf(SmallModel().F32("gemma4.rope.freq_base", NAN)),
              {"gemma4.rope.freq_base", "found nan"});
  ExpectError(FromGguf(SmallModel().F32("gemma4.rope.freq_base", 0)), "rope_theta");
  ExpectError(FromGguf(SmallModel().F32("gemma4.attention.layer_norm_rms_epsilon", -1)),
              "rms_norm_eps");
  ExpectError(FromGguf(SmallModel().String("gemma4.rope.scaling.type", "yarn")),
              {"gemma4.rope.scaling.type", "wanted none, found yarn"});
  EXPECT_TRUE(FromGguf(SmallModel().String("gemma4.rope.scaling.type", "none")).has_value());
  ExpectError(FromGguf(SmallModel().U32("tokenizer.ggml.padding_token_id", 300)),
              {"tokenizer.ggml.padding_token_id", "0 to 299", "found 300"});
  ExpectError(FromGguf(SmallModel().Floats("token_embd.weight", {32}, std::vector<float>(32))),
              {"token_embd.weight", "[vocabulary, 32]"});
  ExpectError(FromGguf(SmallModel().Floats("token_embd.weight", {32, 0}, {})),
              {"vocab_size", "found 0"});
}

TEST(ConfigFromGguf, OtherArchitectures) {
  ExpectError(FromGguf(SmallModel().String("general.architecture", "gemma3")),
              "another generation of Gemma");
  ExpectError(FromGguf(SmallModel().String("general.architecture", "llama")),
              {"carat runs one family only", "found llama"});
  ExpectError(FromGguf(SmallModel().U32("general.architecture", 4)), "wanted a string, found 4");
}

}  // namespace
}  // namespace carat
