#include "model/drafter_weights.h"

#include <fmt/format.h>

#include "model/binder.h"
#include "model/config_readers.h"
#include "model/tensor_names.h"

namespace carat {
namespace {

Error WithCentroids(std::string where) {
  return {.code = ErrorCode::kUnsupported,
          .what = "this drafter has a two-stage head (centroids), which no drafter of the 12B has",
          .where = std::move(where)};
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

constexpr auto kAny = Binder::Order::kAny;

Result<LayerWeights> BindLayer(Binder& bind, const Config& c, const Dialect& dialect,
                               int64_t layer) {
  const LayerNames& names = dialect.names;
  const auto name = [&](std::string_view suffix) {
    return fmt::format("{}{}.{}", dialect.layer, layer, suffix);
  };
  const int64_t dim = c.attention(layer).head_dim;
  const int64_t width = c.num_heads * dim;
  LayerWeights w;
  CARAT_ASSIGN(w.attn_norm, bind.Floats(name(names.attn_norm), {c.hidden}));
  CARAT_ASSIGN(w.q, bind.Matrix(name(names.q), width, c.hidden, kAny));
  CARAT_ASSIGN(w.o, bind.Matrix(name(names.o), c.hidden, width, kAny));
  CARAT_ASSIGN(w.q_norm, bind.Floats(name(names.q_norm), {dim}));
  CARAT_ASSIGN(w.post_attn_norm, bind.Floats(name(names.post_attn_norm), {c.hidden}));
  CARAT_ASSIGN(w.ffn_norm, bind.Floats(name(names.ffn_norm), {c.hidden}));
  CARAT_ASSIGN(w.gate, bind.Matrix(name(names.gate), c.intermediate, c.hidden, kAny));
  CARAT_ASSIGN(w.up, bind.Matrix(name(names.up), c.intermediate, c.hidden, kAny));
  CARAT_ASSIGN(w.down, bind.Matrix(name(names.down), c.hidden, c.intermediate, kAny));
  CARAT_ASSIGN(w.post_ffn_norm, bind.Floats(name(names.post_ffn_norm), {c.hidden}));
  CARAT_ASSIGN(w.layer_scalar, bind.Scalar(name(names.layer_scalar)));
  return w;
}

}  // namespace

Result<DrafterConfig> DrafterConfigFromHuggingFace(const Json& json) {
  const JsonView root(json, "");
  if (!json.is_object()) return Fail(root.Wrong("an object"));
  DrafterConfig c;
  CARAT_ASSIGN(const bool ordered, root.BoolOr("use_ordered_embeddings", false));
  if (ordered) return Fail(WithCentroids("use_ordered_embeddings"));
  CARAT_ASSIGN(c.target_hidden, root.Int("backbone_hidden_size", 1, kMaxSize));
  CARAT_ASSIGN(const JsonView text, root.Object("text_config"));
  CARAT_ASSIGN(c.text, ReadTextConfig(root, text, TextRole::kDrafter));
  return c;
}

Result<DrafterConfig> DrafterConfigFromGguf(const Gguf& gguf) {
  CARAT_ASSIGN(const std::string_view name, gguf.String("general.architecture"));
  const std::string architecture(name);
  const auto key = [&](std::string_view k) { return fmt::format("{}.{}", architecture, k); };
  DrafterConfig c;
  CARAT_ASSIGN(const int64_t ordered, gguf.IntOr(key("use_ordered_embeddings"), 0, 0, 1));
  if (ordered != 0) return Fail(WithCentroids(key("use_ordered_embeddings")));
  // The old dialect calls the target's width n_embd_backbone.
  const bool old = gguf.Find(key("embedding_length_out")) == nullptr &&
                   gguf.Find(key("n_embd_backbone")) != nullptr;
  CARAT_ASSIGN(c.target_hidden,
               gguf.Int(key(old ? "n_embd_backbone" : "embedding_length_out"), 1, kMaxSize));
  CARAT_ASSIGN(c.text, ReadTextConfig(gguf, architecture, TextRole::kDrafter));
  return c;
}

Result<DrafterWeights> BindDrafter(const DrafterConfig& config, const TensorDirectory& tensors) {
  const Config& text = config.text;
  DrafterWeights w;
  Binder bind(tensors, w.owned);
  for (const std::string_view name : {"masked_embd_centroids.weight", "mtp.centroids.weight",
                                      "masked_embedding.centroids.weight"}) {
    if (bind.Has(name)) return Fail(WithCentroids(std::string(name)));
  }
  const bool old = bind.Has("mtp.pre_projection.weight");
  const Dialect dialect =
      bind.Has("token_embd.weight") ? OfGguf(old ? "mtp." : "nextn.") : HuggingFace();
  CARAT_ASSIGN(w.head, bind.Matrix(dialect.embedding, text.vocab_size, text.hidden));
  CARAT_ASSIGN(w.pre_projection,
               bind.Matrix(dialect.pre, text.hidden, 2 * config.target_hidden, kAny));
  CARAT_ASSIGN(w.post_projection,
               bind.Matrix(dialect.post, config.target_hidden, text.hidden, kAny));
  CARAT_ASSIGN(w.final_norm, bind.Floats(dialect.norm, {text.hidden}));
  for (int64_t i = 0; i < text.num_layers(); ++i) {
    CARAT_ASSIGN(w.layers.emplace_back(), BindLayer(bind, text, dialect, i));
  }
  if (bind.Has("rope_freqs.weight")) bind.MarkUsed("rope_freqs.weight");  // the target's, again
  std::vector<std::string> none;
  CARAT_TRY(bind.CheckUnused({""}, {}, none));
  return w;
}

}  // namespace carat
