#include "model/weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/utf8.h"
#include "kernels/interleaved.h"
#include "kernels/kernels.h"
#include "model/binder.h"
#include "model/tensor_names.h"

namespace carat {
namespace {

constexpr auto kAny = Binder::Order::kAny;

Status BindAttention(Binder& bind, const Config& config, const LayerNames& names,
                     const std::string& prefix, int64_t layer, LayerWeights& out) {
  const AttentionShape& shape = config.attention(layer);
  const int64_t q_rows = config.num_heads * shape.head_dim;
  const int64_t kv_rows = shape.kv_heads * shape.head_dim;
  const auto name = [&](std::string_view suffix) { return prefix + std::string(suffix); };
  const std::string fused = prefix + "attn_qkv.weight";  // some conversions store q, k and v as one
  if (!bind.Has(name(names.q)) && bind.Has(fused)) {
    const bool has_v = !config.is_global[static_cast<size_t>(layer)];
    CARAT_ASSIGN(const MatrixView all,
                 bind.ScaledMatrix(fused, q_rows + (has_v ? 2 : 1) * kv_rows, config.hidden));
    const auto q = static_cast<size_t>(q_rows), kv = static_cast<size_t>(kv_rows);
    out.q = all.Rows(0, q);
    out.k = all.Rows(q, kv);
    if (has_v) out.v = all.Rows(q + kv, kv);
  } else {
    CARAT_ASSIGN(out.q, bind.ScaledMatrix(name(names.q), q_rows, config.hidden, kAny));
    CARAT_ASSIGN(out.k, bind.ScaledMatrix(name(names.k), kv_rows, config.hidden, kAny));
    // Global layers have no v: the raw key is the value (section 4.3).
    const bool global = config.is_global[static_cast<size_t>(layer)];
    if (!global || (names.global_v && bind.Has(name(names.v)))) {
      CARAT_ASSIGN(out.v, bind.ScaledMatrix(name(names.v), kv_rows, config.hidden, kAny));
    }
  }
  CARAT_ASSIGN(out.o, bind.ScaledMatrix(name(names.o), config.hidden, q_rows, kAny));
  CARAT_ASSIGN(out.q_norm, bind.Floats(name(names.q_norm), {shape.head_dim}));
  CARAT_ASSIGN(out.k_norm, bind.Floats(name(names.k_norm), {shape.head_dim}));
  return {};
}

Result<LayerWeights> BindLayer(Binder& bind, const Config& config, const LayerNames& names,
                               const std::string& prefix, int64_t layer) {
  LayerWeights out;
  const auto name = [&](std::string_view suffix) { return prefix + std::string(suffix); };
  CARAT_TRY(BindAttention(bind, config, names, prefix, layer, out));
  CARAT_ASSIGN(out.attn_norm, bind.Floats(name(names.attn_norm), {config.hidden}));
  CARAT_ASSIGN(out.post_attn_norm, bind.Floats(name(names.post_attn_norm), {config.hidden}));
  CARAT_ASSIGN(out.ffn_norm, bind.Floats(name(names.ffn_norm), {config.hidden}));
  CARAT_ASSIGN(out.post_ffn_norm, bind.Floats(name(names.post_ffn_norm), {config.hidden}));
  CARAT_ASSIGN(out.gate,
               bind.ScaledMatrix(name(names.gate), config.intermediate, config.hidden, kAny));
  CARAT_ASSIGN(out.up, bind.ScaledMatrix(name(names.up), config.intermediate, config.hidden, kAny));
  CARAT_ASSIGN(out.down,
               bind.ScaledMatrix(name(names.down), config.hidden, config.intermediate, kAny));
  CARAT_ASSIGN(out.layer_scalar, bind.Scalar(name(names.layer_scalar)));
  return out;
}

}  // namespace

Result<Weights> BindHuggingFace(const Config& config, const TensorDirectory& tensors) {
  Weights weights;
  Binder bind(tensors, weights.owned);
  const bool composite = bind.Has("model.language_model.embed_tokens.weight") ||
                         !bind.Has("model.embed_tokens.weight");
  const std::string prefix = composite ? "model.language_model." : "model.";
  CARAT_ASSIGN(weights.embedding,
               bind.Matrix(prefix + "embed_tokens.weight", config.vocab_size, config.hidden, kAny));
  weights.head = weights.embedding;
  if (bind.Has("lm_head.weight")) bind.MarkUsed("lm_head.weight");  // tied: a copy of the embedding
  CARAT_ASSIGN(weights.final_norm, bind.Floats(prefix + "norm.weight", {config.hidden}));
  for (int64_t i = 0; i < config.num_layers(); ++i) {
    CARAT_ASSIGN(
        weights.layers.emplace_back(),
        BindLayer(bind, config, kHuggingFaceNames, fmt::format("{}layers.{}.", prefix, i), i));
  }
  CARAT_TRY(bind.CheckUnused(
      {"model.language_model.", "model.layers.", "lm_head."},
      {"model.vision_embedder.", "model.embed_vision.", "model.embed_audio."}, weights.warnings));
  return weights;
}

Result<Weights> BindGguf(const Config& config, const TensorDirectory& tensors) {
  Weights weights;
  Binder bind(tensors, weights.owned);
  CARAT_ASSIGN(weights.embedding,
               bind.ScaledMatrix("token_embd.weight", config.vocab_size, config.hidden, kAny));
  weights.head = weights.embedding;
  if (bind.Has("output.weight")) {
    CARAT_ASSIGN(weights.head,
                 bind.ScaledMatrix("output.weight", config.vocab_size, config.hidden, kAny));
  }
  CARAT_ASSIGN(weights.final_norm, bind.Floats("output_norm.weight", {config.hidden}));
  CARAT_ASSIGN(weights.rope_factors,
               bind.Floats("rope_freqs.weight", {config.global.head_dim / 2}));
  for (int64_t i = 0; i < config.global.head_dim / 2; ++i) {
    if (weights.rope_factors[i] > 0) continue;
    return Fail({.what = "a rotary frequency cannot be divided by this",
                 .where = fmt::format("rope_freqs.weight, element {}", i),
                 .wanted = "above 0",
                 .found = fmt::format("{}", weights.rope_factors[i])});
  }
  for (int64_t i = 0; i < config.num_layers(); ++i) {
    CARAT_ASSIGN(weights.layers.emplace_back(),
                 BindLayer(bind, config, kGgufNames, fmt::format("blk.{}.", i), i));
  }
  CARAT_TRY(bind.CheckUnused({"blk.", "token_embd", "output", "per_layer_", "rope_freqs"}, {},
                             weights.warnings));
  return weights;
}

namespace {

// Of a matrix in the kernels' order.
std::string NonFiniteInterleaved(const TensorEntry& entry, FloatBuffer& values) {
  const auto cols = static_cast<size_t>(entry.shape.back());
  const auto rows = static_cast<size_t>(entry.elements()) / cols;
  std::vector<std::byte> stored(cols / Info(entry.dtype).block_elements *
                                Info(entry.dtype).block_bytes);
  values.Resize(cols);
  for (size_t r = 0; r < rows; ++r) {
    const size_t group = r / kernels::kGroupRows;
    kernels::StoredRow(entry.dtype,
                       entry.bytes.data() + group * kernels::GroupBytes(entry.dtype, cols),
                       r % kernels::kGroupRows, cols, stored.data());
    kernels::ReferenceTable().decode[static_cast<size_t>(entry.dtype)](stored.data(), cols,
                                                                       values.data());
    for (size_t c = 0; c < cols; ++c) {
      if (!std::isfinite(values.data()[c]))
        return fmt::format("{}, element {}", SanitizeUtf8(entry.name), r * cols + c);
    }
  }
  return {};
}

}  // namespace

std::string FindNonFinite(const TensorDirectory& tensors) {
  FloatBuffer row;
  for (const TensorEntry& entry : tensors.entries()) {
    if (!IsWeightType(entry.dtype) || entry.elements() == 0) continue;
    const DTypeInfo& info = Info(entry.dtype);
    if (entry.interleaved) {
      if (std::string where = NonFiniteInterleaved(entry, row); !where.empty()) return where;
      continue;
    }
    constexpr size_t kStep = 1 << 16;  // elements per step; a multiple of every block size
    row.Resize(kStep);
    const auto total = static_cast<size_t>(entry.elements());
    for (size_t at = 0; at < total; at += kStep) {
      const size_t n = std::min(kStep, total - at);
      const std::byte* src = entry.bytes.data() + at / info.block_elements * info.block_bytes;
      kernels::ReferenceTable().decode[static_cast<size_t>(entry.dtype)](src, n, row.data());
      for (size_t i = 0; i < n; ++i) {
        if (!std::isfinite(row.data()[i]))
          return fmt::format("{}, element {}", SanitizeUtf8(entry.name), at + i);
      }
    }
  }
  return {};
}

}  // namespace carat
