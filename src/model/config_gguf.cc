// Config from GGUF metadata (gguf specification, sections 2.1 and 2.2).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/utf8.h"
#include "model/config.h"
#include "model/config_readers.h"
#include "tensor/half.h"

namespace carat {
namespace {

// The keys of one architecture, named without its prefix.
struct Keys {
  const Gguf& gguf;
  const std::string& architecture;

  std::string Name(std::string_view key) const { return fmt::format("{}.{}", architecture, key); }
  bool Has(std::string_view key) const { return gguf.Find(Name(key)) != nullptr; }
  Result<int64_t> Size(std::string_view key) const { return gguf.Int(Name(key), 1, kMaxSize); }
  Result<double> Number(std::string_view key) const { return gguf.Number(Name(key)); }
  Result<double> NumberOr(std::string_view key, double fallback) const {
    return gguf.NumberOr(Name(key), fallback);
  }

  // A size that is a number, or an array with one number per layer.
  Result<std::vector<int64_t>> PerLayer(std::string_view key, int64_t num_layers) const {
    const GgufValue* value = gguf.Find(Name(key));
    if (value != nullptr && value->AsArray() != nullptr)
      return gguf.Ints(Name(key), static_cast<size_t>(num_layers));
    CARAT_ASSIGN(const int64_t one, gguf.Int(Name(key), 0, kMaxSize));
    return std::vector<int64_t>(static_cast<size_t>(num_layers), one);
  }

  // A size that may stand per layer but is the same for all.
  Result<int64_t> SameForAll(std::string_view key, int64_t num_layers) const {
    CARAT_ASSIGN(const auto sizes, PerLayer(key, num_layers));
    const auto other = std::ranges::find_if(sizes, [&](int64_t size) { return size != sizes[0]; });
    if (other == sizes.end()) return sizes[0];
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "layers of different sizes",
                 .where = fmt::format("{}, layer {}", Name(key), other - sizes.begin()),
                 .wanted = std::to_string(sizes[0]),
                 .found = std::to_string(*other)});
  }

  // A number that must have one value where it is present.
  Status Only(std::string_view key, int64_t wanted, std::string_view what) const {
    CARAT_ASSIGN(const int64_t found, gguf.IntOr(Name(key), wanted, 0, kMaxSize));
    if (found == wanted) return {};
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = std::string(what),
                 .where = Name(key),
                 .wanted = std::to_string(wanted),
                 .found = std::to_string(found)});
  }
};

// The one value of the layers of a kind.
Result<int64_t> OfKind(const std::string& key, const std::vector<int64_t>& values,
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

Status CheckStrict(const Keys& keys, TextRole role, int64_t num_layers) {
  constexpr std::string_view kOther = "this member of the Gemma 4 family is not run: it has ";
  CARAT_TRY(keys.Only("embedding_length_per_layer_input", 0,
                      fmt::format("{}per-layer embeddings", kOther)));
  CARAT_TRY(keys.Only("expert_count", 0, fmt::format("{}experts", kOther)));
  if (role == TextRole::kModel) {
    CARAT_TRY(keys.Only("attention.shared_kv_layers", 0,
                        fmt::format("{}shared key/value layers", kOther)));
  } else {
    CARAT_TRY(keys.Only("attention.shared_kv_layers", num_layers,
                        "every layer of a drafter reads the model's keys and values"));
    CARAT_TRY(keys.Only("nextn_predict_layers", num_layers, "this must equal block_count"));
  }
  if (!keys.Has("rope.scaling.type")) return {};
  CARAT_ASSIGN(const std::string_view scaling, keys.gguf.String(keys.Name("rope.scaling.type")));
  if (scaling == "none") return {};
  return Fail({.code = ErrorCode::kUnsupported,
               .what = "rotary embeddings that are scaled are not run",
               .where = keys.Name("rope.scaling.type"),
               .wanted = "none",
               .found = SanitizeUtf8(scaling.substr(0, 40))});
}

Status ReadAttention(const Keys& keys, int64_t num_layers, Config& config) {
  CARAT_ASSIGN(config.num_heads, keys.SameForAll("attention.head_count", num_layers));
  const std::string_view kv =
      keys.Has("attention.head_count_kv") ? "attention.head_count_kv" : "attention.head_count";
  CARAT_ASSIGN(const auto kv_heads, keys.PerLayer(kv, num_layers));
  CARAT_ASSIGN(config.sliding.kv_heads, OfKind(keys.Name(kv), kv_heads, config.is_global, false));
  CARAT_ASSIGN(config.global.kv_heads, OfKind(keys.Name(kv), kv_heads, config.is_global, true));
  CARAT_ASSIGN(config.global.head_dim, keys.Size("attention.key_length"));
  CARAT_ASSIGN(config.sliding.head_dim, keys.Size("attention.key_length_swa"));
  constexpr std::string_view kTwice = "this size must equal the key's";
  CARAT_TRY(keys.Only("attention.value_length", config.global.head_dim, kTwice));
  CARAT_TRY(keys.Only("attention.value_length_swa", config.sliding.head_dim, kTwice));
  CARAT_TRY(keys.Only("rope.dimension_count", config.global.head_dim, kTwice));
  CARAT_TRY(keys.Only("rope.dimension_count_swa", config.sliding.head_dim, kTwice));
  CARAT_ASSIGN(config.global.rope_theta, keys.Number("rope.freq_base"));
  CARAT_ASSIGN(config.sliding.rope_theta, keys.NumberOr("rope.freq_base_swa", 1e4));
  CARAT_ASSIGN(config.window, keys.Size("attention.sliding_window"));
  return {};
}

// The embedding's rows are the vocabulary.
Result<int64_t> VocabSize(const Gguf& gguf, const Config& config) {
  const TensorEntry* embedding = gguf.tensors().Find("token_embd.weight");
  if (embedding == nullptr || embedding->shape.size() != 2) {
    return Fail({.code = ErrorCode::kNotFound,
                 .what = "missing tensor",
                 .where = "token_embd.weight",
                 .wanted = fmt::format("a matrix of [vocabulary, {}]", config.hidden)});
  }
  return static_cast<int64_t>(std::min<uint64_t>(embedding->shape[0], uint64_t{1} << 30));
}

Status ReadTokenIds(const Gguf& gguf, Config& config) {
  const GgufValue* tokens = gguf.Find("tokenizer.ggml.tokens");
  const GgufArray* list = tokens == nullptr ? nullptr : tokens->AsArray();
  if (list != nullptr) {
    const auto find = [&](std::string_view text) {
      const auto found = std::ranges::find(list->strings, text);
      return found == list->strings.end() ? TokenId{-1}
                                          : static_cast<TokenId>(found - list->strings.begin());
    };
    config.image = find("<|image|>");
    config.audio = find("<|audio|>");
    config.video = find("<|video|>");
  }
  CARAT_ASSIGN(const int64_t pad,
               gguf.IntOr("tokenizer.ggml.padding_token_id", 0, 0, config.vocab_size - 1));
  config.pad = static_cast<TokenId>(pad);
  return {};
}

}  // namespace

Result<Config> ReadTextConfig(const Gguf& gguf, const std::string& architecture, TextRole role) {
  const Keys keys{gguf, architecture};
  Config config;
  CARAT_ASSIGN(const int64_t num_layers, gguf.Int(keys.Name("block_count"), 1, 1024));
  CARAT_TRY(CheckStrict(keys, role, num_layers));
  CARAT_ASSIGN(config.max_positions, keys.Size("context_length"));
  CARAT_ASSIGN(config.hidden, keys.Size("embedding_length"));
  CARAT_ASSIGN(const auto pattern, gguf.Ints(keys.Name("attention.sliding_window_pattern"),
                                             static_cast<size_t>(num_layers)));
  for (const int64_t sliding : pattern) config.is_global.push_back(sliding == 0);
  CARAT_ASSIGN(config.intermediate, keys.SameForAll("feed_forward_length", num_layers));
  CARAT_TRY(ReadAttention(keys, num_layers, config));
  CARAT_ASSIGN(const double eps, keys.Number("attention.layer_norm_rms_epsilon"));
  const double usual_cap = role == TextRole::kModel ? 30.0 : 0.0;
  CARAT_ASSIGN(const double softcap, keys.NumberOr("final_logit_softcapping", usual_cap));
  config.rms_eps = static_cast<float>(eps);
  config.softcap = static_cast<float>(softcap);
  config.embedding_scale = RoundToBf16(std::sqrt(static_cast<float>(config.hidden)));
  CARAT_ASSIGN(config.vocab_size, VocabSize(gguf, config));
  CARAT_TRY(ReadTokenIds(gguf, config));
  CARAT_TRY(ValidateConfig(config));
  return config;
}

Result<Config> ConfigFromGguf(const Gguf& gguf) {
  CARAT_ASSIGN(const std::string_view architecture, gguf.String("general.architecture"));
  if (architecture != "gemma4")
    return Fail(UnsupportedArchitecture(std::string(architecture), "gemma4"));
  return ReadTextConfig(gguf, "gemma4", TextRole::kModel);
}

}  // namespace carat
