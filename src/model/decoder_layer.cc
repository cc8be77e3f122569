#include "model/decoder_layer.h"

#include <algorithm>
#include <span>

#include "ops/elementwise.h"
#include "ops/matmul.h"

namespace carat {
namespace {

// branch = Attn(normed) (section 4.3).
void SelfAttention(OpContext& context, const Config& config, const LayerWeights& w,
                   const LayerPlace& place, Activations& a) {
  const bool global = config.is_global[static_cast<size_t>(place.layer)];
  const AttentionShape& shape = config.attention(place.layer);
  const auto heads = static_cast<size_t>(config.num_heads);
  const auto kv_heads = static_cast<size_t>(shape.kv_heads);
  const auto dim = static_cast<size_t>(shape.head_dim);
  const size_t tokens = place.tokens;
  const RopeTable& rope = global ? a.global_rope : a.sliding_rope;

  Profile& profile = context.profile();
  profile.Enter(Stage::kQkv);
  const bool borrows = w.k.empty();  // keys and values
  const Product products[] = {{w.q, a.q.data()}, {w.k, a.k.data()}, {w.v, a.v.data()}};
  MatMul(context, place.role, a.normed.data(), tokens,
         std::span(products).first(borrows       ? 1
                                   : w.v.empty() ? 2
                                                 : 3));
  profile.Enter(Stage::kRope);
  RmsNorm(context, a.q.data(), w.q_norm, tokens * heads, dim, config.rms_eps, a.q.data());
  rope.Apply(a.q.data(), heads);

  if (!borrows) {
    // Without a matrix of its own the value is the raw key, before its norm and rotation.
    const float* value = w.v.empty() ? a.k.data() : a.v.data();
    RmsNorm(context, value, nullptr, tokens * kv_heads, dim, config.rms_eps, a.v.data());
    RmsNorm(context, a.k.data(), w.k_norm, tokens * kv_heads, dim, config.rms_eps, a.k.data());
    rope.Apply(a.k.data(), kv_heads);
  }
  size_t row = 0;
  const std::span<const KeyRange> seen = global ? a.global_seen : a.sliding_seen;
  for (const LayerPart& part : place.parts) {
    if (!borrows) {
      const size_t at = row * kv_heads * dim;
      StoreRows(part.cache, part.first, part.tokens, a.k.data() + at, a.v.data() + at);
    }
    profile.Enter(Stage::kAttention);
    const size_t at = row * heads * dim;
    Attention(context, part.cache, a.q.data() + at, heads, seen.subspan(row, part.tokens),
              a.mixed.data() + at);
    profile.Enter(Stage::kRope);
    row += part.tokens;
  }
  profile.Enter(Stage::kOutput);
  MatMul(context, place.role, w.o, a.mixed.data(), tokens, a.branch.data());
}

// branch = Wd (gelu(Wg normed) * (Wu normed)) (section 4.6).
void FeedForward(OpContext& context, const Config& config, const LayerWeights& w,
                 const LayerPlace& place, Activations& a) {
  const size_t tokens = place.tokens;
  Profile& profile = context.profile();
  profile.Enter(Stage::kGateUp);
  const Product products[] = {{w.gate, a.gate.data()}, {w.up, a.up.data()}};
  MatMul(context, place.role, a.normed.data(), tokens, products);
  profile.Enter(Stage::kGelu);
  GeluMul(context, a.gate.data(), a.up.data(), tokens, static_cast<size_t>(config.intermediate));
  profile.Enter(Stage::kDown);
  MatMul(context, place.role, w.down, a.gate.data(), tokens, a.branch.data());
}

}  // namespace

void DecoderLayer(OpContext& context, const Config& config, const LayerWeights& w,
                  const LayerPlace& place, Activations& a) {
  const auto hidden = static_cast<size_t>(config.hidden);
  const size_t tokens = place.tokens;
  const size_t n = tokens * hidden;
  float* stream = a.stream.data();
  float* normed = a.normed.data();
  float* branch = a.branch.data();

  Profile& profile = context.profile();
  profile.Enter(Stage::kNorms);
  RmsNorm(context, stream, w.attn_norm, tokens, hidden, config.rms_eps, normed);
  SelfAttention(context, config, w, place, a);
  profile.Enter(Stage::kNorms);
  RmsNorm(context, branch, w.post_attn_norm, tokens, hidden, config.rms_eps, branch);
  AddTo(stream, branch, n);

  RmsNorm(context, stream, w.ffn_norm, tokens, hidden, config.rms_eps, normed);
  FeedForward(context, config, w, place, a);
  profile.Enter(Stage::kNorms);
  RmsNorm(context, branch, w.post_ffn_norm, tokens, hidden, config.rms_eps, branch);
  AddTo(stream, branch, n);

  Scale(stream, w.layer_scalar, n);  // the whole stream, residual included
}

}  // namespace carat
