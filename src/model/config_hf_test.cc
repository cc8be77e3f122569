// ConfigFromHuggingFace.

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "model/config.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"

namespace carat {
namespace {

// The values of gemma-4-12B (gemma4-12b specification, section 2.1) as the hub has them.
constexpr const char* kHub = R"({
  "model_type": "gemma4_unified", "tie_word_embeddings": true,
  "image_token_id": 258880, "audio_token_id": 258881, "video_token_id": 258884,
  "text_config": {
    "model_type": "gemma4_unified_text", "vocab_size": 262144, "hidden_size": 3840,
    "num_hidden_layers": 12, "intermediate_size": 15360, "num_attention_heads": 16,
    "num_key_value_heads": 8, "num_global_key_value_heads": 1, "head_dim": 256,
    "global_head_dim": 512, "attention_k_eq_v": true, "sliding_window": 1024,
    "max_position_embeddings": 262144, "rms_norm_eps": 1e-06,
    "hidden_activation": "gelu_pytorch_tanh", "final_logit_softcapping": 30.0,
    "use_bidirectional_attention": "vision", "num_kv_shared_layers": 0,
    "use_double_wide_mlp": false, "attention_bias": false, "attention_dropout": 0.0,
    "tie_word_embeddings": true, "hidden_size_per_layer_input": 0,
    "vocab_size_per_layer_input": 262144, "enable_moe_block": false, "num_experts": null,
    "pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2, "use_cache": true,
    "layer_types": ["sliding_attention", "sliding_attention", "sliding_attention",
      "sliding_attention", "sliding_attention", "full_attention", "sliding_attention",
      "sliding_attention", "sliding_attention", "sliding_attention", "sliding_attention",
      "full_attention"],
    "rope_parameters": {
      "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
      "full_attention": {"rope_type": "proportional", "rope_theta": 1000000.0,
                         "partial_rotary_factor": 0.25}}}})";

// The value at a path of member names, which is made if it is not there.
Json& At(Json& json, std::initializer_list<std::string_view> path) {
  Json* at = &json;
  for (const std::string_view key : path) {
    if (at->Find(key) == nullptr) at->Set(key, Json());
    at = const_cast<Json*>(at->Find(key));
  }
  return *at;
}
Json Hub() { return MustParse(kHub); }
// The hub's form with one field of text_config changed; `value` is JSON text, null removes.
Json With(std::string_view key, std::string_view value) {
  Json json = Hub();
  At(json, {"text_config", key}) = MustParse(value);
  return json;
}
// As transformers saves it again: per_layer_config in place of the two global sizes.
Json Saved(std::string_view per_layer_config) {
  Json json = With("per_layer_config", per_layer_config);
  At(json, {"text_config", "global_head_dim"}) = Json();
  At(json, {"text_config", "num_global_key_value_heads"}) = Json();
  return json;
}
constexpr std::string_view kPerLayer =
    R"({"05": {"head_dim": 512, "num_key_value_heads": 1}, "11": {"head_dim": 512, "num_key_value_heads": 1}})";

void ExpectIsHub(const Config& c) {
  EXPECT_EQ(c.vocab_size, 262144);
  EXPECT_EQ(c.hidden, 3840);
  EXPECT_EQ(c.intermediate, 15360);
  EXPECT_EQ(c.num_heads, 16);
  EXPECT_EQ(c.sliding.head_dim, 256);
  EXPECT_EQ(c.sliding.kv_heads, 8);
  EXPECT_EQ(c.sliding.rope_theta, 1e4);
  EXPECT_EQ(c.global.head_dim, 512);
  EXPECT_EQ(c.global.kv_heads, 1);
  EXPECT_EQ(c.global.rope_theta, 1e6);
  EXPECT_EQ(c.num_layers(), 12);
  for (int64_t i = 0; i < 12; ++i) EXPECT_EQ(c.is_global[static_cast<size_t>(i)], i % 6 == 5);
  EXPECT_EQ(c.window, 1024);
  EXPECT_EQ(c.max_positions, 262144);
  EXPECT_EQ(c.global_rotary_pairs(), 64);
  EXPECT_EQ(c.rms_eps, 1e-6f);
  EXPECT_EQ(c.softcap, 30.0f);
  EXPECT_EQ(c.embedding_scale, 62.0f);  // sqrt(3840) = 61.97 in bf16
  EXPECT_EQ(c.pad, 0);
  EXPECT_EQ(c.image, 258880);
  EXPECT_EQ(c.audio, 258881);
  EXPECT_EQ(c.video, 258884);
  EXPECT_TRUE(c.warnings.empty());
}

TEST(ConfigFromHuggingFace, BothFormsSayTheSame) {
  ASSERT_VALUE(const Config hub, ConfigFromHuggingFace(Hub()));
  ExpectIsHub(hub);
  ASSERT_VALUE(const Config saved, ConfigFromHuggingFace(Saved(kPerLayer)));
  ExpectIsHub(saved);
}

TEST(ConfigFromHuggingFace, TextOnlyForm) {
  Json hub = Hub();
  const Json text = At(hub, {"text_config"});
  ASSERT_VALUE(const Config c, ConfigFromHuggingFace(text));
  ExpectIsHub(c);  // the ids of media are the defaults
}

TEST(ConfigFromHuggingFace, DefaultsWhereKeysAreMissing) {
  Json json = Hub();
  for (const char* key :
       {"vocab_size", "head_dim", "global_head_dim", "sliding_window", "max_position_embeddings",
        "rms_norm_eps", "layer_types", "rope_parameters", "pad_token_id", "hidden_activation"}) {
    At(json, {"text_config", key}) = Json();
  }
  for (const char* key : {"image_token_id", "audio_token_id", "video_token_id"})
    At(json, {key}) = Json();
  ASSERT_VALUE(const Config c, ConfigFromHuggingFace(json));
  ExpectIsHub(c);
  ASSERT_VALUE(const Config kv, ConfigFromHuggingFace(With("num_global_key_value_heads", "null")));
  EXPECT_EQ(kv.global.kv_heads, 8);  // as the sliding layers'
  ASSERT_VALUE(const Config cap, ConfigFromHuggingFace(With("final_logit_softcapping", "null")));
  EXPECT_EQ(cap.softcap, 0.0f);
}

TEST(ConfigFromHuggingFace, RequiredFields) {
  for (const char* key : {"hidden_size", "intermediate_size", "num_hidden_layers",
                          "num_attention_heads", "num_key_value_heads"}) {
    const std::string where = std::string("text_config.") + key;
    ExpectError(ConfigFromHuggingFace(With(key, "null")), {where, "missing"});
    ExpectError(ConfigFromHuggingFace(With(key, "0")), {where, "found 0"});
    ExpectError(ConfigFromHuggingFace(With(key, "-1")), {where, "found -1"});
    ExpectError(ConfigFromHuggingFace(With(key, "1.5")), {where, "found 1.5"});
    ExpectError(ConfigFromHuggingFace(With(key, "\"8\"")), {where, "found \"8\""});
    ExpectError(ConfigFromHuggingFace(With(key, "99999999999")), {where, "found 99999999999"});
  }
}

TEST(ConfigFromHuggingFace, StrictFieldsAreNamed) {
  struct Case {
    const char *key, *value, *wanted, *found;
  };
  for (const Case& c : {
           Case{"num_kv_shared_layers", "18", "wanted 0", "found 18"},
           {"hidden_size_per_layer_input", "256", "wanted 0", "found 256"},
           {"attention_bias", "true", "wanted false", "found true"},
           {"use_double_wide_mlp", "true", "wanted false", "found true"},
           {"enable_moe_block", "true", "wanted false", "found true"},
           {"tie_word_embeddings", "false", "wanted true", "found false"},
           {"attention_k_eq_v", "false", "wanted true", "found false"},
           {"attention_k_eq_v", "null", "wanted true", "found false"},
           {"hidden_activation", "\"silu\"", "wanted gelu_pytorch_tanh", "found silu"},
           {"use_bidirectional_attention", "\"all\"", "wanted vision", "found all"},
           {"rope_scaling", R"({"rope_type": "yarn", "factor": 4.0})", "wanted none", "yarn"},
       }) {
    const auto config = ConfigFromHuggingFace(With(c.key, c.value));
    const std::string where = std::string("text_config.") + c.key;
    ExpectError(config, {where, "mathematics that carat does not have", c.wanted, c.found});
    EXPECT_TRUE(config || config.error().code == ErrorCode::kUnsupported);
  }
  Json untied = Hub();
  At(untied, {"tie_word_embeddings"}) = Json(false);
  ExpectError(ConfigFromHuggingFace(untied), {"tie_word_embeddings", "wanted true", "found false"});
}

TEST(ConfigFromHuggingFace, Rope) {
  struct Case {
    const char *value, *where, *part;
  };
  for (const Case& c : {
           Case{R"({"full_attention": {"rope_type": "yarn"}})",
                "rope_parameters.full_attention.rope_type", "wanted proportional, found yarn"},
           {R"({"sliding_attention": {"rope_type": "linear"}})",
            "rope_parameters.sliding_attention.rope_type", "wanted default, found linear"},
           {R"({"full_attention": {"rope_type": "proportional", "rope_theta": 1e6, "factor": 8.0,
                "partial_rotary_factor": 0.25}})",
            "rope_parameters.full_attention.factor", "wanted 1, found 8"},
           {R"({"full_attention": {"rope_type": "proportional", "rope_theta": 0.5,
                "partial_rotary_factor": 0.25}})",
            "global rope_theta", "found 0.5"},
           {R"({"full_attention": {"rope_type": "proportional", "rope_theta": "x"}})",
            "full_attention.rope_theta", "found \"x\""},
           {R"({"full_attention": {"rope_type": "proportional", "rope_theta": 1e6,
                "partial_rotary_factor": 1.5}})",
            "partial_rotary_factor", "found 1.5"},
           {R"({"full_attention": {"rope_type": "proportional", "rope_theta": 1e6,
                "partial_rotary_factor": 0}})",
            "partial_rotary_factor", "found 0"},
           // transformers would take other values than the model's for these (1.0, not 0.25).
           {R"({"full_attention": {"rope_type": "proportional", "rope_theta": 1e6}})",
            "partial_rotary_factor", "missing"},
           {R"({"full_attention": {"rope_theta": 1e6, "partial_rotary_factor": 0.25}})",
            "full_attention.rope_type", "missing"},
           {R"({"sliding_attention": {"rope_type": "default"}})", "sliding_attention.rope_theta",
            "missing"},
           {R"({"full_attention": 7})", "rope_parameters.full_attention", "found 7"},
           {R"({"rope_type": "yarn", "rope_theta": 10000})", "rope_parameters.rope_type",
            "only, found \"yarn\""},
           {R"([])", "rope_parameters", "wanted an object, found an array"},
       }) {
    ExpectError(ConfigFromHuggingFace(With("rope_parameters", c.value)), {c.where, c.part});
  }
  ASSERT_VALUE(const Config c,
               ConfigFromHuggingFace(
                   With("rope_parameters", R"({"full_attention": {"rope_type": "proportional",
                       "rope_theta": 1e6, "partial_rotary_factor": 0.5}})")));
  EXPECT_EQ(c.global_rotary_pairs(), 128);
  EXPECT_EQ(c.global.rope_theta, 1e6);
}

TEST(ConfigFromHuggingFace, LayerTypes) {
  Json json = With("num_hidden_layers", "2");
  At(json, {"text_config", "layer_types"}) =
      MustParse(R"(["sliding_attention", "sliding_attention"])");
  ASSERT_VALUE(const Config forced, ConfigFromHuggingFace(json));
  EXPECT_EQ(forced.is_global, (std::vector<bool>{false, true}));
  ASSERT_EQ(forced.warnings.size(), 1u);
  EXPECT_NE(forced.warnings[0].find("the last layer is not full_attention"), std::string::npos);

  At(json, {"text_config", "layer_types"}) = MustParse(R"(["full_attention", "full_attention"])");
  EXPECT_EQ(ConfigFromHuggingFace(json)->is_global, (std::vector<bool>{true, true}));
  struct Case {
    const char *value, *part;
  };
  for (const Case& c : {Case{R"(["full_attention"])", "wanted 2 layers, found 1"},
                        {R"(["full_attention", "chunked_attention"])", "layer_types[1]"},
                        {R"(["full_attention", 1])", "found 1"},
                        {R"("full_attention")", "wanted an array"}}) {
    At(json, {"text_config", "layer_types"}) = MustParse(c.value);
    ExpectError(ConfigFromHuggingFace(json), {"text_config.layer_types", c.part});
  }
}

TEST(ConfigFromHuggingFace, OddPerLayerConfig) {
  struct Case {
    const char *value, *part;
  };
  for (const Case& c : {
           Case{"7", "per_layer_config: wrong value (wanted an object, found 7)"},
           {R"({"05": 7})", "per_layer_config.05: wrong value (wanted an object, found 7)"},
           {R"({"05": null})", "per_layer_config.05: wrong value (wanted an object, found null)"},
           {R"({"05": [512]})",
            "per_layer_config.05: wrong value (wanted an object, found an array)"},
           {R"({"12": {}})", "per_layer_config.12: no such layer (wanted 0 to 11 as the key)"},
           {R"({"": {}})", "no such layer"},
           {R"({"-1": {}})", "no such layer"},
           {R"({"5x": {}})", "no such layer"},
           {R"({"18446744073709551621": {}})", "no such layer"},  // 2^64 + 5
           {R"({"05": {"head_dim": 512}, "5": {"head_dim": 512}})",
            "per_layer_config.5: a layer stands here twice"},
           {R"({"05": {"head_dim": 0}})", "per_layer_config.05.head_dim"},
           {R"({"05": {"head_dim": "512"}})", "found \"512\""},
           {R"({"05": {"sliding_window": 9}})", "per_layer_config.05.sliding_window"},
           {R"({"05": {"head_dim": 512}})", "layer 11: layers of one kind differ in shape"},
           {R"({"04": {"head_dim": 512}})", "layer 4: layers of one kind differ in shape"},
       }) {
    ExpectError(ConfigFromHuggingFace(Saved(c.value)), c.part);
  }
  ASSERT_VALUE(const Config one_size, ConfigFromHuggingFace(Saved("{}")));
  EXPECT_EQ(one_size.global.head_dim, 256);  // nothing said: as the sliding layers
  EXPECT_EQ(one_size.global.kv_heads, 8);
}

TEST(ConfigFromHuggingFace, SizesOutOfRange) {
  struct Case {
    const char *key, *value, *part;
  };
  for (const Case& c :
       {Case{"head_dim", "250",
             "sliding head_dim: a model size out of range (wanted a multiple of 32"},
        {"global_head_dim", "8192", "global head_dim"},
        {"num_key_value_heads", "3", "sliding key/value heads"},
        {"num_key_value_heads", "32", "a divisor of the 16 heads, found 32"},
        {"num_global_key_value_heads", "5", "global key/value heads"},
        {"num_attention_heads", "257", "num_attention_heads"},
        {"hidden_size", "65537", "hidden_size"},
        {"num_hidden_layers", "1025", "num_hidden_layers"},
        {"rms_norm_eps", "0", "rms_norm_eps"},
        {"rms_norm_eps", "1e300", "rms_norm_eps"},
        {"final_logit_softcapping", "-1", "final_logit_softcapping"},
        {"final_logit_softcapping", "1e300", "final_logit_softcapping"},
        {"pad_token_id", "-2", "pad_token_id"},
        {"vocab_size", "0", "vocab_size"}}) {
    ExpectError(ConfigFromHuggingFace(With(c.key, c.value)), c.part);
  }
}

TEST(ConfigFromHuggingFace, IdsOutsideTheVocabularyCountAsAbsent) {
  Json json = With("vocab_size", "258881");
  At(json, {"text_config", "pad_token_id"}) = Json(258881);
  ASSERT_VALUE(const Config c, ConfigFromHuggingFace(json));
  EXPECT_EQ(c.pad, 0);
  EXPECT_EQ(c.image, 258880);
  EXPECT_EQ(c.audio, -1);
  EXPECT_EQ(c.video, -1);
}

TEST(ConfigFromHuggingFace, OtherArchitectures) {
  struct Case {
    const char *type, *part;
  };
  for (const Case& c : {Case{"gemma4", "per-layer embeddings, experts or encoders"},
                        {"gemma3n", "per-layer embeddings, experts or encoders"},
                        {"gemma3", "another generation of Gemma"},
                        {"gemma2", "another generation of Gemma"},
                        {"llama", "carat runs one family only"},
                        {"", "carat runs one family only"}}) {
    Json json = Hub();
    At(json, {"model_type"}) = Json(c.type);
    const auto config = ConfigFromHuggingFace(json);
    ExpectError(config, {"this architecture is not run", c.part,
                         "wanted Gemma 4 12B Unified (gemma4_unified)"});
    EXPECT_EQ(config.error().code, ErrorCode::kUnsupported);
    EXPECT_EQ(config.error().found, c.type);
  }
  ExpectError(ConfigFromHuggingFace(MustParse("[]")), "wanted an object");
  ExpectError(ConfigFromHuggingFace(MustParse("{}")), "this architecture is not run");
  ExpectError(ConfigFromHuggingFace(MustParse(R"({"model_type": "gemma4_unified"})")),
              {"text_config", "missing"});
}

}  // namespace
}  // namespace carat
