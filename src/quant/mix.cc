#include "quant/mix.h"

#include <algorithm>
#include <charconv>

namespace carat {
namespace {

constexpr std::string_view kEmbedding = "token_embd.weight";
constexpr std::string_view kOutput = "output.weight";

char Upper(char c) { return 'a' <= c && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool SameInAnyCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, Upper, Upper);
}

// Dimensions as ggml counts them: outermost ones of 1 are none.
size_t Dimensions(std::span<const uint64_t> shape) {
  size_t skipped = 0;
  while (skipped < shape.size() && shape[skipped] == 1) ++skipped;
  return shape.size() - skipped;
}

// Section 5.5, "Kept as they are".
bool Stays(std::string_view name, std::span<const uint64_t> shape) {
  if (Dimensions(shape) < 2 || !name.ends_with("weight")) return true;
  constexpr std::string_view kKept[] = {
      "_norm.weight", "ffn_gate_inp.weight", "per_layer_model_proj", "altup",
      "laurel",       "position_embd",       ".patch_embd",          ".patch_merger"};
  return std::ranges::any_of(kKept, [&](std::string_view part) { return name.contains(part); });
}

// more(i, n) of section 5.5: the layers that matter most.
bool More(size_t i, size_t n) { return i < n / 8 || i >= 7 * n / 8 || (i - n / 8) % 3 == 2; }

// Where the row is no whole number of blocks, the next format that it fits.
DType Fitting(DType type, uint64_t row) {
  if (row % Info(type).block_elements == 0) return type;
  switch (type) {
    case DType::kQ2_K:
    case DType::kQ3_K:
      type = DType::kQ4_0;
      break;
    case DType::kQ4_K:
      type = DType::kQ5_0;
      break;
    case DType::kQ5_K:
      type = DType::kQ5_1;
      break;
    case DType::kQ6_K:
      type = DType::kQ8_0;
      break;
    default:
      break;
  }
  return row % Info(type).block_elements == 0 ? type : DType::kF16;
}

// -1 outside the layers.
int LayerOf(std::string_view name) {
  constexpr std::string_view kPrefix = "blk.";
  if (!name.starts_with(kPrefix)) return -1;
  int layer = -1;
  const char* const end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + kPrefix.size(), end, layer);
  return error == std::errc() ? layer : -1;
}

}  // namespace

std::optional<QuantTarget> FindQuantTarget(std::string_view name) {
  for (size_t i = 0; i < kQuantTargets.size(); ++i)
    if (SameInAnyCase(name, kQuantTargets[i].name)) return static_cast<QuantTarget>(i);
  if (SameInAnyCase(name, "Q3_K")) return QuantTarget::kQ3_K_M;
  if (SameInAnyCase(name, "Q4_K")) return QuantTarget::kQ4_K_M;
  if (SameInAnyCase(name, "Q5_K")) return QuantTarget::kQ5_K_M;
  return std::nullopt;
}

std::optional<DType> QuantMix::Next(std::string_view name, std::span<const uint64_t> shape) {
  if (Stays(name, shape)) return std::nullopt;
  const uint64_t row = shape.back();
  // The reference lets an override stand that the row does not fit, and aborts.
  if (name == kEmbedding && options_.token_embedding)
    return Fitting(*options_.token_embedding, row);
  return Fitting(Choose(name, row), row);
}

DType QuantMix::Choose(std::string_view name, uint64_t row) {
  const DType base = Info(options_.target).base;
  // Plain numbers are one format throughout.
  if (options_.pure || Info(base).block_elements == 1) return base;
  if (name == kOutput || (name == kEmbedding && !model_.has_output)) {
    if (base == DType::kQ8_0 || row % Info(DType::kQ6_K).block_elements != 0) return DType::kQ8_0;
    return DType::kQ6_K;
  }
  if (name.ends_with("attn_v.weight")) return AttnV();
  if (name.contains("ffn_down")) return FfnDown();
  if (name.ends_with("attn_output.weight")) {
    if (options_.target == QuantTarget::kQ2_K) return DType::kQ3_K;
    if (options_.target == QuantTarget::kQ3_K_M) return DType::kQ4_K;
    if (options_.target == QuantTarget::kQ3_K_L) return DType::kQ5_K;
  }
  return base;
}

DType QuantMix::AttnV() {
  const size_t i = attn_v_idx_++;
  const DType base = Info(options_.target).base;
  switch (options_.target) {
    case QuantTarget::kQ2_K:
      return model_.heads_per_kv_head >= 4 ? DType::kQ4_K : DType::kQ3_K;
    case QuantTarget::kQ3_K_M:
      return i < 2 ? DType::kQ5_K : DType::kQ4_K;
    case QuantTarget::kQ3_K_L:
      return DType::kQ5_K;
    case QuantTarget::kQ4_K_S:
      return i < 4 ? DType::kQ5_K : base;
    case QuantTarget::kQ4_K_M:
    case QuantTarget::kQ5_K_M:
      return More(i, model_.num_attn_v) ? DType::kQ6_K : base;
    default:
      return base;
  }
}

// `i` counts the ffn_down met, which is the layer where every layer has one.
DType QuantMix::FfnDown() {
  const size_t i = ffn_down_idx_++, n = model_.num_layers;
  const DType base = Info(options_.target).base;
  switch (options_.target) {
    case QuantTarget::kQ2_K:
      return DType::kQ3_K;
    case QuantTarget::kQ3_K_M:
      return i < n / 16 ? DType::kQ5_K : DType::kQ4_K;
    case QuantTarget::kQ3_K_L:
      return DType::kQ5_K;
    case QuantTarget::kQ4_K_S:
      return i < n / 8 ? DType::kQ5_K : base;
    case QuantTarget::kQ4_K_M:
    case QuantTarget::kQ5_K_M:
      return More(i, n) ? DType::kQ6_K : base;
    case QuantTarget::kQ4_0:
      return options_.importance && i < n / 8 ? DType::kQ4_1 : base;
    case QuantTarget::kQ5_0:
      return options_.importance && i < n / 8 ? DType::kQ5_1 : base;
    default:
      return base;
  }
}

bool WrittenBefore(std::string_view a, std::string_view b) {
  const int layer_a = LayerOf(a), layer_b = LayerOf(b);
  return layer_a != layer_b ? layer_a < layer_b : a < b;
}

}  // namespace carat
