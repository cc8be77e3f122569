// Config from GGUF metadata (gguf specification, section 2.1).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/utf8.h"
#include "model/config.h"
#include "tensor/half.h"

namespace carat {
namespace {

constexpr int64_t kMaxSize = int64_t{1} << 24;

// A size that is a number, or an array with one number per layer.
Result<std::vector<int64_t>> PerLayer(const Gguf& gguf, std::string_view key, int64_t num_layers) {
  const GgufValue* value = gguf.Find(key);
  if (value != nullptr && value->AsArray() != nullptr)
    return gguf.Ints(key, static_cast<size_t>(num_layers));
  CARAT_ASSIGN(const int64_t one, gguf.Int(key, 0, kMaxSize));
  return std::vector<int64_t>(static_cast<size_t>(num_layers), one);
}

// The one value of the layers of a kind.
Result<int64_t> OfKind(std::string_view key, const std::vector<int64_t>& values,
                       const std::vector<bool>& is_global, bool global) {
  std::optional<int64_t> found;
  for (size_t i = 0; i < values.size(); ++i) {
    if (is_global[i] != global) continue;
    if (found && *found != values[i]) {
      return Fail({.code = ErrorCode::kUnsupported,
                   .what = "layers of one kind differ",
                   .where = fmt::format("{}, layer {}", key, i),
                   .wanted = std::to_string(*found),
                   .found = std::to_string(values[i])});
    }
    found = values[i];
  }
  return found.value_or(1);  // no layer of this kind: any valid value
}

Status CheckStrict(const Gguf& gguf) {
  const auto zero = [&](std::string_view key, std::string_view meaning) -> Status {
    CARAT_ASSIGN(const int64_t found, gguf.IntOr(key, 0, 0, kMaxSize));
    if (found == 0) return {};
    return Fail(
        {.code = ErrorCode::kUnsupported,
         .what = fmt::format("this member of the Gemma 4 family is not run: it has {}", meaning),
         .where = std::string(key),
         .wanted = "0",
         .found = std::to_string(found)});
  };
  CARAT_TRY(zero("gemma4.embedding_length_per_layer_input", "per-layer embeddings"));
  CARAT_TRY(zero("gemma4.attention.shared_kv_layers", "shared key/value layers"));
  CARAT_TRY(zero("gemma4.expert_count", "experts"));
  if (gguf.Find("gemma4.rope.scaling.type") == nullptr) return {};
  CARAT_ASSIGN(const std::string_view scaling, gguf.String("gemma4.rope.scaling.type"));
  if (scaling == "none") return {};
  return Fail({.code = ErrorCode::kUnsupported,
               .what = "rotary embeddings that are scaled are not run",
               .where = "gemma4.rope.scaling.type",
               .wanted = "none",
               .found = SanitizeUtf8(scaling.substr(0, 40))});
}

// Sizes that stand twice must agree.
Status Same(const Gguf& gguf, std::string_view key, int64_t wanted) {
  CARAT_ASSIGN(const int64_t found, gguf.IntOr(key, wanted, 0, kMaxSize));
  if (found == wanted) return {};
  return Fail({.code = ErrorCode::kUnsupported,
               .what = "this size must equal the key's",
               .where = std::string(key),
               .wanted = std::to_string(wanted),
               .found = std::to_string(found)});
}

Status ReadTokenIds(const Gguf& gguf, Config& config) {
  const GgufValue* tokens = gguf.Find("tokenizer.ggml.tokens");
  const GgufArray* list = tokens == nullptr ? nullptr : tokens->AsArray();
  if (list != nullptr) {
    const auto find = [&](std::string_view text, TokenId absent) {
      const auto found = std::ranges::find(list->strings, text);
      return found == list->strings.end() ? absent
                                          : static_cast<TokenId>(found - list->strings.begin());
    };
    config.image = find("<|image|>", -1);
    config.audio = find("<|audio|>", -1);
    config.video = find("<|video|>", -1);
  }
  CARAT_ASSIGN(const int64_t pad,
               gguf.IntOr("tokenizer.ggml.padding_token_id", 0, 0, config.vocab_size - 1));
  config.pad = static_cast<TokenId>(pad);
  return {};
}

}  // namespace

Result<Config> ConfigFromGguf(const Gguf& gguf) {
  CARAT_ASSIGN(const std::string_view architecture, gguf.String("general.architecture"));
  if (architecture != "gemma4") {
    return Fail(
        UnsupportedArchitecture(architecture == "gemma4_unified" ? "" : std::string(architecture)));
  }
  CARAT_TRY(CheckStrict(gguf));
  Config config;
  CARAT_ASSIGN(const int64_t num_layers, gguf.Int("gemma4.block_count", 1, 1024));
  CARAT_ASSIGN(config.max_positions, gguf.Int("gemma4.context_length", 1, kMaxSize));
  CARAT_ASSIGN(config.hidden, gguf.Int("gemma4.embedding_length", 1, kMaxSize));
  CARAT_ASSIGN(const auto pattern, gguf.Ints("gemma4.attention.sliding_window_pattern",
                                             static_cast<size_t>(num_layers)));
  for (const int64_t sliding : pattern) config.is_global.push_back(sliding == 0);
  CARAT_ASSIGN(const auto widths, PerLayer(gguf, "gemma4.feed_forward_length", num_layers));
  config.intermediate = widths[0];
  if (std::ranges::any_of(widths, [&](int64_t w) { return w != widths[0]; })) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "layers of different feed-forward width",
                 .where = "gemma4.feed_forward_length"});
  }
  CARAT_ASSIGN(const auto heads, PerLayer(gguf, "gemma4.attention.head_count", num_layers));
  config.num_heads = heads[0];
  if (std::ranges::any_of(heads, [&](int64_t h) { return h != heads[0]; })) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "layers of different head counts",
                 .where = "gemma4.attention.head_count"});
  }
  std::vector<int64_t> kv_heads = heads;
  if (gguf.Find("gemma4.attention.head_count_kv") != nullptr) {
    CARAT_ASSIGN(kv_heads, PerLayer(gguf, "gemma4.attention.head_count_kv", num_layers));
  }
  CARAT_ASSIGN(config.sliding.kv_heads,
               OfKind("gemma4.attention.head_count_kv", kv_heads, config.is_global, false));
  CARAT_ASSIGN(config.global.kv_heads,
               OfKind("gemma4.attention.head_count_kv", kv_heads, config.is_global, true));
  CARAT_ASSIGN(config.global.head_dim, gguf.Int("gemma4.attention.key_length", 1, kMaxSize));
  CARAT_ASSIGN(config.sliding.head_dim, gguf.Int("gemma4.attention.key_length_swa", 1, kMaxSize));
  CARAT_TRY(Same(gguf, "gemma4.attention.value_length", config.global.head_dim));
  CARAT_TRY(Same(gguf, "gemma4.attention.value_length_swa", config.sliding.head_dim));
  CARAT_TRY(Same(gguf, "gemma4.rope.dimension_count", config.global.head_dim));
  CARAT_TRY(Same(gguf, "gemma4.rope.dimension_count_swa", config.sliding.head_dim));
  CARAT_ASSIGN(config.global.rope_theta, gguf.Number("gemma4.rope.freq_base"));
  CARAT_ASSIGN(config.sliding.rope_theta, gguf.NumberOr("gemma4.rope.freq_base_swa", 1e4));
  CARAT_ASSIGN(config.window, gguf.Int("gemma4.attention.sliding_window", 1, kMaxSize));
  CARAT_ASSIGN(const double eps, gguf.Number("gemma4.attention.layer_norm_rms_epsilon"));
  CARAT_ASSIGN(const double softcap, gguf.NumberOr("gemma4.final_logit_softcapping", 30.0));
  config.rms_eps = static_cast<float>(eps);
  config.softcap = static_cast<float>(softcap);
  config.embedding_scale = RoundToBf16(std::sqrt(static_cast<float>(config.hidden)));

  const TensorEntry* embedding = gguf.tensors().Find("token_embd.weight");
  if (embedding == nullptr || embedding->shape.size() != 2) {
    return Fail({.code = ErrorCode::kNotFound,
                 .what = "missing tensor",
                 .where = "token_embd.weight",
                 .wanted = fmt::format("a matrix of [vocabulary, {}]", config.hidden)});
  }
  config.vocab_size =
      static_cast<int64_t>(std::min<uint64_t>(embedding->shape[0], uint64_t{1} << 30));
  CARAT_TRY(ReadTokenIds(gguf, config));
  CARAT_TRY(ValidateConfig(config));
  return config;
}

}  // namespace carat
