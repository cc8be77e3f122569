// How the two dialects name the tensors of a decoder layer; the drafter's layers have the same
// names.
#pragma once

#include <string_view>

namespace carat {

// The names of one layer's tensors in a dialect (gguf specification, table 3.1), after the prefix.
struct LayerNames {
  std::string_view attn_norm, q, k, v, o, q_norm, k_norm, post_attn_norm, ffn_norm, gate, up, down,
      post_ffn_norm, layer_scalar;
  // A stored v of a global layer is meant (gguf specification, 3.1); transformers would not use it.
  bool global_v = false;
};

inline constexpr LayerNames kHuggingFaceNames = {
    .attn_norm = "input_layernorm.weight",
    .q = "self_attn.q_proj.weight",
    .k = "self_attn.k_proj.weight",
    .v = "self_attn.v_proj.weight",
    .o = "self_attn.o_proj.weight",
    .q_norm = "self_attn.q_norm.weight",
    .k_norm = "self_attn.k_norm.weight",
    .post_attn_norm = "post_attention_layernorm.weight",
    .ffn_norm = "pre_feedforward_layernorm.weight",
    .gate = "mlp.gate_proj.weight",
    .up = "mlp.up_proj.weight",
    .down = "mlp.down_proj.weight",
    .post_ffn_norm = "post_feedforward_layernorm.weight",
    .layer_scalar = "layer_scalar",
};

inline constexpr LayerNames kGgufNames = {
    .attn_norm = "attn_norm.weight",
    .q = "attn_q.weight",
    .k = "attn_k.weight",
    .v = "attn_v.weight",
    .o = "attn_output.weight",
    .q_norm = "attn_q_norm.weight",
    .k_norm = "attn_k_norm.weight",
    .post_attn_norm = "post_attention_norm.weight",
    .ffn_norm = "ffn_norm.weight",
    .gate = "ffn_gate.weight",
    .up = "ffn_up.weight",
    .down = "ffn_down.weight",
    .post_ffn_norm = "post_ffw_norm.weight",
    .layer_scalar = "layer_output_scale.weight",
    .global_v = true,
};

}  // namespace carat
