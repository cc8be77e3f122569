#include "model/drafter_weights.h"

#include <fmt/format.h>

#include "base/utf8.h"
#include "model/binder.h"
#include "model/tensor_names.h"

namespace carat {
namespace {

constexpr int64_t kMaxSize = int64_t{1} << 24;

Error WithCentroids(std::string where) {
  return {.code = ErrorCode::kUnsupported,
          .what = "this drafter has a two-stage head (centroids), which no drafter of the 12B has",
          .where = std::move(where)};
}

Status CheckSizes(const DrafterConfig& config) {
  const auto check = [](std::string_view name, int64_t value) -> Status {
    if (value >= 1 && value <= kMaxSize) return {};
    return Fail({.what = "a drafter size out of range",
                 .where = std::string(name),
                 .wanted = "1 or more",
                 .found = std::to_string(value)});
  };
  CARAT_TRY(check("hidden size", config.hidden));
  CARAT_TRY(check("target's hidden size", config.target_hidden));
  CARAT_TRY(check("intermediate size", config.intermediate));
  CARAT_TRY(check("heads", config.num_heads));
  CARAT_TRY(check("sliding head size", config.sliding_head_dim));
  return check("global head size", config.global_head_dim);
}

// The names outside the layers, and the prefix of a layer.
struct Dialect {
  std::string embedding, norm, pre, post, layer;
  LayerNames names;
};

Dialect HuggingFace() {
  return {.embedding = "model.embed_tokens.weight",
          .norm = "model.norm.weight",
          .pre = "pre_projection.weight",
          .post = "post_projection.weight",
          .layer = "model.layers.",
          .names = kHuggingFaceNames};
}

// `projections` is "nextn.", in the old dialect "mtp." (gguf specification, 2.2).
Dialect OfGguf(const std::string& projections) {
  return {.embedding = "token_embd.weight",
          .norm = "output_norm.weight",
          .pre = projections + "pre_projection.weight",
          .post = projections + "post_projection.weight",
          .layer = "blk.",
          .names = kGgufNames};
}

Result<DrafterLayerWeights> BindLayer(Binder& bind, const DrafterConfig& c, const Dialect& dialect,
                                      size_t layer) {
  const LayerNames& names = dialect.names;
  const auto name = [&](std::string_view suffix) {
    return fmt::format("{}{}.{}", dialect.layer, layer, suffix);
  };
  const int64_t dim = c.is_global[layer] ? c.global_head_dim : c.sliding_head_dim;
  const int64_t width = c.num_heads * dim;
  DrafterLayerWeights w;
  CARAT_ASSIGN(w.attn_norm, bind.Floats(name(names.attn_norm), {c.hidden}));
  CARAT_ASSIGN(w.q, bind.Matrix(name(names.q), width, c.hidden));
  CARAT_ASSIGN(w.o, bind.Matrix(name(names.o), c.hidden, width));
  CARAT_ASSIGN(w.q_norm, bind.Floats(name(names.q_norm), {dim}));
  CARAT_ASSIGN(w.post_attn_norm, bind.Floats(name(names.post_attn_norm), {c.hidden}));
  CARAT_ASSIGN(w.ffn_norm, bind.Floats(name(names.ffn_norm), {c.hidden}));
  CARAT_ASSIGN(w.gate, bind.Matrix(name(names.gate), c.intermediate, c.hidden));
  CARAT_ASSIGN(w.up, bind.Matrix(name(names.up), c.intermediate, c.hidden));
  CARAT_ASSIGN(w.down, bind.Matrix(name(names.down), c.hidden, c.intermediate));
  CARAT_ASSIGN(w.post_ffn_norm, bind.Floats(name(names.post_ffn_norm), {c.hidden}));
  CARAT_ASSIGN(w.layer_scalar, bind.Scalar(name(names.layer_scalar)));
  return w;
}

}  // namespace

Result<DrafterConfig> DrafterConfigFromHuggingFace(const Json& json) {
  const JsonView root(json, "");
  DrafterConfig c;
  CARAT_ASSIGN(const bool ordered, root.BoolOr("use_ordered_embeddings", false));
  if (ordered) return Fail(WithCentroids("use_ordered_embeddings"));
  CARAT_ASSIGN(c.target_hidden, root.Int("backbone_hidden_size", 1, kMaxSize));
  // The text part has the target's form, but for sharing every key and value; ConfigFromHuggingFace
  // is for models that own theirs.
  CARAT_ASSIGN(const JsonView text, root.Object("text_config"));
  CARAT_ASSIGN(c.vocab_size, text.IntOr("vocab_size", 262144, 1, kMaxSize));
  CARAT_ASSIGN(c.hidden, text.Int("hidden_size", 1, kMaxSize));
  CARAT_ASSIGN(c.intermediate, text.Int("intermediate_size", 1, kMaxSize));
  CARAT_ASSIGN(c.num_heads, text.Int("num_attention_heads", 1, kMaxSize));
  CARAT_ASSIGN(c.sliding_head_dim, text.IntOr("head_dim", 256, 1, kMaxSize));
  CARAT_ASSIGN(c.global_head_dim, text.IntOr("global_head_dim", 512, 1, kMaxSize));
  CARAT_ASSIGN(const JsonView types, text.Array("layer_types"));
  for (size_t i = 0; i < types.value().array().size(); ++i) {
    const Json& type = types.value().array()[i];
    if (!type.is_string()) return Fail(types.At(i).Wrong("the kind of a layer"));
    c.is_global.push_back(type.string() == "full_attention");
  }
  if (text.Has("per_layer_config")) {
    CARAT_ASSIGN(const JsonView layers, text.Object("per_layer_config"));
    for (const auto& [key, value] : layers.value().object()) {
      const JsonView layer(value, layers.path() + "." + SanitizeUtf8(key));
      CARAT_ASSIGN(c.global_head_dim, layer.IntOr("head_dim", c.sliding_head_dim, 1, kMaxSize));
    }
  }
  CARAT_TRY(CheckSizes(c));
  return c;
}

Result<DrafterConfig> DrafterConfigFromGguf(const Gguf& gguf) {
  CARAT_ASSIGN(const std::string_view architecture, gguf.String("general.architecture"));
  const auto key = [&](std::string_view name) { return fmt::format("{}.{}", architecture, name); };
  DrafterConfig c;
  CARAT_ASSIGN(const int64_t ordered, gguf.IntOr(key("use_ordered_embeddings"), 0, 0, 1));
  if (ordered != 0) return Fail(WithCentroids(key("use_ordered_embeddings")));
  // The old dialect calls the target's width n_embd_backbone.
  const bool old = gguf.Find(key("embedding_length_out")) == nullptr &&
                   gguf.Find(key("n_embd_backbone")) != nullptr;
  CARAT_ASSIGN(c.target_hidden,
               gguf.Int(key(old ? "n_embd_backbone" : "embedding_length_out"), 1, kMaxSize));
  CARAT_ASSIGN(c.hidden, gguf.Int(key("embedding_length"), 1, kMaxSize));
  CARAT_ASSIGN(c.intermediate, gguf.Int(key("feed_forward_length"), 1, kMaxSize));
  CARAT_ASSIGN(c.num_heads, gguf.Int(key("attention.head_count"), 1, kMaxSize));
  CARAT_ASSIGN(c.global_head_dim, gguf.Int(key("attention.key_length"), 1, kMaxSize));
  CARAT_ASSIGN(c.sliding_head_dim, gguf.Int(key("attention.key_length_swa"), 1, kMaxSize));
  CARAT_ASSIGN(const int64_t layers, gguf.Int(key("block_count"), 1, 64));
  CARAT_ASSIGN(const auto pattern,
               gguf.Ints(key("attention.sliding_window_pattern"), static_cast<size_t>(layers)));
  for (const int64_t sliding : pattern) c.is_global.push_back(sliding == 0);
  if (const TensorEntry* table = gguf.tensors().Find("token_embd.weight");
      table != nullptr && table->shape.size() == 2) {
    c.vocab_size = static_cast<int64_t>(table->shape[0]);
  }
  CARAT_TRY(CheckSizes(c));
  return c;
}

Result<DrafterWeights> BindDrafter(const DrafterConfig& config, const TensorDirectory& tensors) {
  DrafterWeights w;
  Binder bind(tensors, w.owned);
  for (const std::string_view name : {"masked_embd_centroids.weight", "mtp.centroids.weight",
                                      "masked_embedding.centroids.weight"}) {
    if (bind.Has(name)) return Fail(WithCentroids(std::string(name)));
  }
  const bool old = bind.Has("mtp.pre_projection.weight");
  const Dialect dialect =
      bind.Has("token_embd.weight") ? OfGguf(old ? "mtp." : "nextn.") : HuggingFace();
  CARAT_ASSIGN(w.head, bind.Matrix(dialect.embedding, config.vocab_size, config.hidden));
  CARAT_ASSIGN(w.pre_projection, bind.Matrix(dialect.pre, config.hidden, 2 * config.target_hidden));
  CARAT_ASSIGN(w.post_projection, bind.Matrix(dialect.post, config.target_hidden, config.hidden));
  CARAT_ASSIGN(w.final_norm, bind.Floats(dialect.norm, {config.hidden}));
  for (size_t i = 0; i < config.is_global.size(); ++i) {
    CARAT_ASSIGN(w.layers.emplace_back(), BindLayer(bind, config, dialect, i));
  }
  if (bind.Has("rope_freqs.weight")) bind.MarkUsed("rope_freqs.weight");  // the target's, again
  std::vector<std::string> none;
  CARAT_TRY(bind.CheckUnused({""}, {}, none));
  return w;
}

}  // namespace carat
