// Config from a Hugging Face config.json (gemma4-12b specification, section 2.1).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "model/config.h"
#include "model/config_readers.h"
#include "tensor/half.h"

namespace carat {
namespace {

std::unexpected<Error> OtherMathematics(const JsonView& text, std::string_view key,
                                        std::string wanted, std::string found) {
  return Fail({.code = ErrorCode::kUnsupported,
               .what = "this setting needs mathematics that carat does not have",
               .where = text.path() + (text.path().empty() ? "" : ".") + std::string(key),
               .wanted = std::move(wanted),
               .found = std::move(found)});
}

// Fields that must have one value where they are present.
Status CheckStrict(const JsonView& text, TextRole role, int64_t num_layers) {
  const auto want_int = [&](std::string_view key, int64_t wanted,
                            std::string_view meaning) -> Status {
    CARAT_ASSIGN(const int64_t found, text.IntOr(key, wanted, 0, kMaxSize));
    if (found == wanted) return {};
    return OtherMathematics(text, key, fmt::format("{} ({})", wanted, meaning),
                            std::to_string(found));
  };
  const auto want_bool = [&](std::string_view key, bool wanted, bool fallback) -> Status {
    CARAT_ASSIGN(const bool found, text.BoolOr(key, fallback));
    if (found == wanted) return {};
    return OtherMathematics(text, key, wanted ? "true" : "false", found ? "true" : "false");
  };
  if (role == TextRole::kModel) {
    CARAT_TRY(want_int("num_kv_shared_layers", 0, "no shared key/value layers"));
    CARAT_TRY(want_bool("attention_k_eq_v", true, false));  // transformers' own default is false
  } else if (text.Has("num_kv_shared_layers")) {            // 0 means all too (section 2.2)
    CARAT_ASSIGN(const int64_t shared, text.Int("num_kv_shared_layers", 0, kMaxSize));
    if (shared != 0) CARAT_TRY(want_int("num_kv_shared_layers", num_layers, "all layers"));
  }
  CARAT_TRY(want_int("hidden_size_per_layer_input", 0, "no per-layer embeddings"));
  CARAT_TRY(want_bool("attention_bias", false, false));
  CARAT_TRY(want_bool("use_double_wide_mlp", false, false));
  CARAT_TRY(want_bool("enable_moe_block", false, false));
  CARAT_TRY(want_bool("tie_word_embeddings", true, true));
  CARAT_ASSIGN(const std::string activation,
               text.StringOr("hidden_activation", "gelu_pytorch_tanh"));
  if (activation != "gelu_pytorch_tanh")
    return OtherMathematics(text, "hidden_activation", "gelu_pytorch_tanh", activation);
  CARAT_ASSIGN(const std::string mask, text.StringOr("use_bidirectional_attention", "vision"));
  if (mask != "vision")
    return OtherMathematics(text, "use_bidirectional_attention", "vision", mask);
  // The older spelling of rope_parameters, which some long-context fine-tunes carry.
  if (text.Has("rope_scaling")) {
    return OtherMathematics(text, "rope_scaling", "none",
                            text.value().Find("rope_scaling")->Dump().substr(0, 80));
  }
  return {};
}

Status ReadLayerTypes(const JsonView& text, int64_t num_layers, Config& config) {
  if (!text.Has("layer_types")) {
    for (int64_t i = 0; i < num_layers; ++i) config.is_global.push_back((i + 1) % 6 == 0);
  } else {
    CARAT_ASSIGN(const JsonView types, text.Array("layer_types"));
    if (static_cast<int64_t>(types.value().array().size()) != num_layers) {
      return Fail({.what = "layer_types and num_hidden_layers differ",
                   .where = types.path(),
                   .wanted = fmt::format("{} layers", num_layers),
                   .found = std::to_string(types.value().array().size())});
    }
    for (size_t i = 0; i < types.value().array().size(); ++i) {
      const Json& type = types.value().array()[i];
      const bool global = type.is_string() && type.string() == "full_attention";
      if (!global && !(type.is_string() && type.string() == "sliding_attention")) {
        return Fail(types.At(i).Wrong("\"sliding_attention\" or \"full_attention\""));
      }
      config.is_global.push_back(global);
    }
  }
  if (!config.is_global.empty() && !config.is_global.back()) {
    config.is_global.back() = true;  // as transformers does (section 2.1)
    config.warnings.emplace_back("the last layer is not full_attention; it is run as one");
  }
  return {};
}

// Sizes of the global layers: global_head_dim and num_global_key_value_heads, or per_layer_config,
// which must say the same for every global layer and nothing for the others.
Status ReadGlobalShape(const JsonView& text, Config& config) {
  CARAT_ASSIGN(config.global.head_dim, text.IntOr("global_head_dim", 512, 1, kMaxSize));
  CARAT_ASSIGN(config.global.kv_heads,
               text.IntOr("num_global_key_value_heads", config.sliding.kv_heads, 1, kMaxSize));
  if (!text.Has("per_layer_config")) return {};
  CARAT_ASSIGN(const JsonView layers, text.Object("per_layer_config"));
  std::vector<std::optional<AttentionShape>> shapes(config.is_global.size());
  for (const auto& [key, value] : layers.value().object()) {
    const JsonView layer(value, layers.path() + "." + key);
    size_t index = 0;
    for (const char c : key)
      index =
          c >= '0' && c <= '9' && index < 10000 ? index * 10 + static_cast<size_t>(c - '0') : 10000;
    if (key.empty() || index >= shapes.size()) {
      return Fail({.what = "no such layer",
                   .where = layer.path(),
                   .wanted = fmt::format("0 to {} as the key", shapes.size() - 1)});
    }
    if (!value.is_object()) return Fail(layer.Wrong("an object"));
    if (shapes[index]) return Fail({.what = "a layer stands here twice", .where = layer.path()});
    AttentionShape shape = config.sliding;
    CARAT_ASSIGN(shape.head_dim, layer.IntOr("head_dim", config.sliding.head_dim, 1, kMaxSize));
    CARAT_ASSIGN(shape.kv_heads,
                 layer.IntOr("num_key_value_heads", config.sliding.kv_heads, 1, kMaxSize));
    for (const auto& [name, ignored] : value.object()) {
      if (name != "head_dim" && name != "num_key_value_heads") {
        return OtherMathematics(layer, name, "head_dim and num_key_value_heads only",
                                ignored.Dump().substr(0, 40));
      }
    }
    shapes[index] = shape;
  }
  bool first = true;
  for (size_t i = 0; i < shapes.size(); ++i) {
    const AttentionShape shape = shapes[i].value_or(config.sliding);
    AttentionShape& wanted = config.is_global[i] ? config.global : config.sliding;
    if (config.is_global[i] && first) {
      wanted.head_dim = shape.head_dim;
      wanted.kv_heads = shape.kv_heads;
      first = false;
    }
    if (shape.head_dim != wanted.head_dim || shape.kv_heads != wanted.kv_heads) {
      return Fail({.code = ErrorCode::kUnsupported,
                   .what = "layers of one kind differ in shape",
                   .where = fmt::format("{}, layer {}", layers.path(), i),
                   .wanted = fmt::format("head_dim {}, key/value heads {}", wanted.head_dim,
                                         wanted.kv_heads),
                   .found = fmt::format("head_dim {}, key/value heads {}", shape.head_dim,
                                        shape.kv_heads)});
    }
  }
  return {};
}

Status ReadRope(const JsonView& text, Config& config) {
  config.sliding.rope_theta = 1e4;
  config.global.rope_theta = 1e6;
  if (!text.Has("rope_parameters")) return {};
  CARAT_ASSIGN(const JsonView rope, text.Object("rope_parameters"));
  for (const auto& [kind, ignored] : rope.value().object()) {
    if (kind != "sliding_attention" && kind != "full_attention") {
      return OtherMathematics(rope, kind, "sliding_attention and full_attention only",
                              ignored.Dump().substr(0, 40));
    }
  }
  // A kind that stands here must say all of it: transformers' fallbacks for what is left out are
  // not the model's values.
  const auto read = [&](std::string_view kind, std::string_view type,
                        AttentionShape& shape) -> Status {
    if (!rope.Has(kind)) return {};
    CARAT_ASSIGN(const JsonView part, rope.Object(kind));
    CARAT_ASSIGN(const std::string found, part.String("rope_type"));
    if (found != type) return OtherMathematics(part, "rope_type", std::string(type), found);
    CARAT_ASSIGN(shape.rope_theta, part.Number("rope_theta"));
    if (type == "proportional") {
      CARAT_ASSIGN(config.partial_rotary, part.Number("partial_rotary_factor"));
    }
    CARAT_ASSIGN(const double factor, part.NumberOr("factor", 1.0));
    if (factor != 1.0) return OtherMathematics(part, "factor", "1", fmt::format("{}", factor));
    return {};
  };
  CARAT_TRY(read("sliding_attention", "default", config.sliding));
  return read("full_attention", "proportional", config.global);
}

// Ids at the top level. One outside the vocabulary cannot occur in a prompt: it counts as absent.
Status ReadTokenIds(const JsonView& root, const JsonView& text, Config& config) {
  const auto read = [&](const JsonView& view, std::string_view key, TokenId& id,
                        int64_t fallback) -> Status {
    CARAT_ASSIGN(const int64_t value, view.IntOr(key, fallback, -1, INT32_MAX));
    id = value < config.vocab_size ? static_cast<TokenId>(value) : -1;
    return {};
  };
  CARAT_TRY(read(text, "pad_token_id", config.pad, 0));
  config.pad = std::max(config.pad, TokenId{0});
  CARAT_TRY(read(root, "image_token_id", config.image, 258880));
  CARAT_TRY(read(root, "audio_token_id", config.audio, 258881));
  return read(root, "video_token_id", config.video, 258884);
}

}  // namespace

Result<Config> ReadTextConfig(const JsonView& root, const JsonView& text, TextRole role) {
  Config config;
  CARAT_ASSIGN(const int64_t num_layers, text.Int("num_hidden_layers", 1, 1024));
  CARAT_TRY(CheckStrict(text, role, num_layers));
  CARAT_ASSIGN(const bool tied, root.BoolOr("tie_word_embeddings", true));
  if (!tied) return OtherMathematics(root, "tie_word_embeddings", "true", "false");
  CARAT_ASSIGN(config.vocab_size, text.IntOr("vocab_size", 262144, 1, kMaxSize));
  CARAT_ASSIGN(config.hidden, text.Int("hidden_size", 1, kMaxSize));
  CARAT_ASSIGN(config.intermediate, text.Int("intermediate_size", 1, kMaxSize));
  CARAT_ASSIGN(config.num_heads, text.Int("num_attention_heads", 1, kMaxSize));
  CARAT_ASSIGN(config.sliding.kv_heads, text.Int("num_key_value_heads", 1, kMaxSize));
  CARAT_ASSIGN(config.sliding.head_dim, text.IntOr("head_dim", 256, 1, kMaxSize));
  CARAT_ASSIGN(config.window, text.IntOr("sliding_window", 1024, 1, kMaxSize));
  CARAT_ASSIGN(config.max_positions, text.IntOr("max_position_embeddings", 262144, 1, kMaxSize));
  CARAT_ASSIGN(const double eps, text.NumberOr("rms_norm_eps", 1e-6));
  CARAT_ASSIGN(const double softcap, text.NumberOr("final_logit_softcapping", 0.0));  // null: none
  config.rms_eps = static_cast<float>(eps);
  config.softcap = static_cast<float>(softcap);
  config.embedding_scale = RoundToBf16(std::sqrt(static_cast<float>(config.hidden)));
  CARAT_TRY(ReadLayerTypes(text, num_layers, config));
  CARAT_TRY(ReadGlobalShape(text, config));
  CARAT_TRY(ReadRope(text, config));
  CARAT_TRY(ReadTokenIds(root, text, config));
  CARAT_TRY(ValidateConfig(config));
  return config;
}

Result<Config> ConfigFromHuggingFace(const Json& json) {
  const JsonView root(json, "");
  if (!json.is_object()) return Fail(root.Wrong("an object"));
  CARAT_ASSIGN(const std::string type, root.StringOr("model_type", ""));
  if (type == "gemma4_unified_text") return ReadTextConfig(root, root, TextRole::kModel);
  if (type != "gemma4_unified") return Fail(UnsupportedArchitecture(type, "gemma4_unified"));
  CARAT_ASSIGN(const JsonView text, root.Object("text_config"));
  return ReadTextConfig(root, text, TextRole::kModel);
}

}  // namespace carat
