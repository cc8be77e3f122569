"""Helpers of the make_*.py scripts that build small random Gemma 4 models with transformers."""

import json
import math
import os

import torch
from transformers import Gemma4UnifiedConfig, Gemma4UnifiedForConditionalGeneration

LAYER_NORMS = ("input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm",
               "post_feedforward_layernorm")


def make_config(ids, text, audio_dim=640):
    """The configuration of a small model of the true architecture. ids: the special token ids."""
    text = {
        "num_hidden_layers": 6, "attention_k_eq_v": True, "final_logit_softcapping": 30.0,
        "head_dim": 256, "global_head_dim": 512, "num_global_key_value_heads": 1,
        "use_bidirectional_attention": "vision", "dtype": "bfloat16", **text,
    }
    hidden = text["hidden_size"]
    return Gemma4UnifiedConfig(
        text_config=text,
        vision_config={"mm_embed_dim": hidden, "output_proj_dims": hidden, "mm_posemb_size": 16},
        audio_config={"audio_embed_dim": audio_dim},
        dtype="bfloat16", attn_implementation="eager", **ids,
    )


def bf16(tensor):
    return tensor.to(torch.bfloat16).to(torch.float32)


def embed_scale(hidden):
    """The embedding scale of the bf16 reference: sqrt(hidden) rounded to bf16."""
    return torch.tensor(math.sqrt(hidden)).to(torch.bfloat16).item()


def set_embed_scale(model):
    """Give a float32 model the scale that a model loaded in bf16 has."""
    embed = model.get_input_embeddings()
    embed.embed_scale.fill_(embed_scale(embed.weight.shape[1]))


def randomise(model, seed, logit_std=8.0, loud_ids=()):
    """Fill a float32 model with random numbers of the sizes seen in real checkpoints.

    q and k norms keep attention scores near a standard deviation of 2; the final norm gives
    logits before the soft cap a standard deviation of about logit_std. The rows in loud_ids of the
    embedding are doubled, so that these tokens often win unless they are suppressed.
    """
    rng = torch.Generator().manual_seed(seed)

    def normal(tensor, mean, std):
        tensor.copy_(torch.randn(tensor.shape, generator=rng) * std + mean)

    with torch.no_grad():
        for name, tensor in sorted(model.state_dict().items()):
            kind = name.rsplit(".", 2)[-2]
            if name == "lm_head.weight":
                continue  # tied to the embedding
            if name.endswith("layer_scalar"):
                tensor.copy_(torch.rand(tensor.shape, generator=rng) * 0.7 + 0.4)
            elif kind == "q_norm":
                normal(tensor, 1.0, 0.2)
            elif kind == "k_norm":
                normal(tensor, 0.09, 0.02)
            elif kind in LAYER_NORMS:
                normal(tensor, 0.5 if kind.startswith("post") else 1.0, 0.2)
            elif kind == "norm":
                normal(tensor, logit_std, 0.2 * logit_std)
            elif kind in ("patch_ln1", "patch_ln2", "pos_norm"):
                normal(tensor, 1.0 if name.endswith("weight") else 0.0, 0.3)
            elif name.endswith("bias"):
                normal(tensor, 0.0, 0.1)
            elif name.endswith("pos_embedding"):
                normal(tensor, 0.0, 0.5)
            else:  # a matrix [out, in]: keep the size of the vectors
                normal(tensor, 0.0, 1 / math.sqrt(tensor.shape[-1]))
            if name.endswith("embed_tokens.weight"):
                for row in loud_ids:
                    tensor[row] *= 2


def new_model(config, seed, **how):
    """A random float32 model; weights not rounded."""
    model = Gemma4UnifiedForConditionalGeneration(config).float().eval()
    randomise(model, seed, **how)
    return model


def load_reference(folder, dtype):
    """Load a folder for a float32 forward on the CPU with the bf16 embedding scale."""
    model = Gemma4UnifiedForConditionalGeneration.from_pretrained(
        folder, dtype=dtype, attn_implementation="eager").eval()
    model = model.float()
    set_embed_scale(model)
    return model


def checkpoints(models):
    """Name, folder, weights' type and float32 model of each checkpoint of make_model_goldens.py."""
    for name in sorted(os.listdir(models)):
        folder = os.path.join(models, name)
        if os.path.isdir(folder):
            dtype = torch.float32 if name.endswith("f32") else torch.bfloat16
            yield name, folder, dtype, load_reference(folder, dtype)


def forward(model, ids):
    """Logits of all positions, one forward without a cache."""
    with torch.no_grad():
        return model(torch.tensor([ids]), use_cache=False).logits[0]


def padded(parts, fill):
    """Tensors [n, ...] of different n as one [parts, most, ...]."""
    out = torch.full((len(parts), max(map(len, parts)), *parts[0].shape[1:]), fill, dtype=parts[0].dtype)
    for row, part in enumerate(parts):
        out[row, :len(part)] = part
    return out


def read_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def write_json(path, value, indent=2):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, indent=indent)
        file.write("\n")
