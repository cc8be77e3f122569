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
    """A float32 model with first weights."""
    torch.manual_seed(seed)
    model = Gemma4UnifiedForConditionalGeneration(make_config(vocab)).float()
    first_weights(model)
    with torch.no_grad():
        model.model.embed_vision.patch_dense.weight.copy_(waves())
        model.model.embed_vision.pos_embedding.copy_(place_waves())
        model.model.embed_audio.embedding_projection.weight.copy_(bands())
    common.set_embed_scale(model)
    return model


def trained_model(vocab, path):
    """The model whose training has its state at `path`."""
    model = make_model(vocab)
    state = torch.load(path, weights_only=True)["model"]
    model.load_state_dict({name: value for name, value in state.items() if not name.startswith("guide.")})
    return model


def first_weights(model):
    """Attention has no scale of its own: the key norm starts as one over the root of the head size, so that scores begin
    near one. What is added to the stream begins small."""
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            kind = name.rsplit(".", 2)[-2]
            if kind == "k_norm":
                tensor.fill_(1 / math.sqrt(tensor.shape[0]))
            elif kind in ("post_attention_layernorm", "post_feedforward_layernorm"):
                tensor.fill_(0.3)
            elif tensor.dim() == 2:
                tensor.normal_(0, 1 / math.sqrt(tensor.shape[1]))


def waves():
    """The lowest cosine waves of a patch in each colour, [hidden, 6912]: where seeing begins before it is learnt."""
    line = (torch.arange(48) + 0.5) * math.pi / 48
    count = round(math.sqrt(HIDDEN / 3))
    rows = torch.zeros(count, count, 3, 48, 48, 3)
    for v in range(count):
        for u in range(count):
            wave = torch.outer((line * v).cos(), (line * u).cos())
            for colour in range(3):
                # Low waves are the strong ones in pictures: the others are raised.
                rows[v, u, colour, :, :, colour] = wave / wave.norm() * (1 + u + v) / 4
    return rows.view(HIDDEN, -1)


def place_waves():
    """Columns in the first half of the row, lines in the second, as sines and cosines, [1120, 2, hidden]."""
    half = HIDDEN // 2
    period = 4 * 100 ** (torch.arange(half // 2) / (half // 2))
    angle = torch.arange(1120)[:, None] * 2 * math.pi / period
    both = torch.cat((angle.sin(), angle.cos()), 1) / 2
    places = torch.zeros(1120, 2, HIDDEN)
    places[:, 0, :half], places[:, 1, half:] = both, both
    return places


def bands():
    """Windowed waves of two parts of a frame, spread as the ear spreads them, [hidden, 640]: where hearing begins."""
    count = HIDDEN // 4
    mel = torch.linspace(math.log(1 + 100 / 700), math.log(1 + 7000 / 700), count)
    pitch = 700 * (mel.exp() - 1) / 16000
    rows, time = [], torch.arange(640)
    for begin in (0, 213):
        window = torch.zeros(640)
        window[begin:begin + 427] = torch.hann_window(427)
        for turn in (0, math.pi / 2):
            wave = window * (2 * math.pi * pitch[:, None] * time + turn).cos()
            rows.append(wave / wave.norm(dim=1, keepdim=True))
    return torch.cat(rows)
