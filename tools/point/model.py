"""The sizes of carat-point and its first weights."""

import math
import pathlib
import sys

import torch
from transformers import Gemma4UnifiedConfig, Gemma4UnifiedForConditionalGeneration

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import golden_common as common  # noqa: E402

HIDDEN = 192
TEXT = {
    "hidden_size": HIDDEN, "intermediate_size": 640, "num_hidden_layers": 12, "num_attention_heads": 2,
    "num_key_value_heads": 1, "num_global_key_value_heads": 1, "head_dim": 256, "global_head_dim": 512,
    "attention_k_eq_v": True, "final_logit_softcapping": 30.0, "use_bidirectional_attention": "vision",
    "sliding_window": 128, "max_position_embeddings": 4096, "dtype": "bfloat16",
}


def special_ids(vocab):
    return {"boi_token_id": vocab["<|image>"], "eoi_token_id": vocab["<image|>"], "image_token_id": vocab["<|image|>"],
            "video_token_id": vocab["<|video|>"], "boa_token_id": vocab["<|audio>"],
            "eoa_token_index": vocab["<audio|>"], "audio_token_id": vocab["<|audio|>"]}


def make_config(vocab):
    return Gemma4UnifiedConfig(
        text_config={**TEXT, "vocab_size": len(vocab)},
        vision_config={"mm_embed_dim": HIDDEN, "output_proj_dims": HIDDEN, "mm_posemb_size": 1120},
        audio_config={"audio_embed_dim": 640}, dtype="bfloat16", attn_implementation="sdpa", **special_ids(vocab))


def make_model(vocab, seed=1):
    """A float32 model with first weights. Attention has no scale of its own: the key norm starts as one over the
    root of the head size, so that scores begin near one; what is added to the stream begins small."""
    torch.manual_seed(seed)
    model = Gemma4UnifiedForConditionalGeneration(make_config(vocab)).float()
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            kind = name.rsplit(".", 2)[-2]
            if kind == "k_norm":
                tensor.fill_(1 / math.sqrt(tensor.shape[0]))
            elif kind in ("post_attention_layernorm", "post_feedforward_layernorm"):
                tensor.fill_(0.3)
            elif name.endswith("pos_embedding"):
                tensor.normal_(0, 0.02)
            elif tensor.dim() == 2:
                tensor.normal_(0, 1 / math.sqrt(tensor.shape[1]))
    common.set_embed_scale(model)
    return model
