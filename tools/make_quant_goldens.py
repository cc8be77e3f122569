#!/usr/bin/env python3
"""Make random quantised blocks with their values, and a small GGUF model of mixed types.

    make_quant_goldens.py OUT_FOLDER        (usually tests/golden/quants)

`<TYPE>.bin` holds valid random blocks (768 elements, finite scales), `<TYPE>.f32` their values as
little-endian float32, decoded by the gguf package (Q1_0 and Q2_0: by the code below). mixed.gguf is
a Gemma 4 text model with matrices of many types; `mixed.logits.npy` is what transformers computes
in float32 from its decoded weights for `mixed.ids.json`.
"""

import os
import sys

import gguf
import numpy as np
import torch
import transformers
from gguf import GGMLQuantizationType as Type
from gguf import GGUFValueType as Value

import golden_common as common
import small_tokenizer

ELEMENTS = 768
# name: (elements in a block, bytes in a block, offsets of its f16 fields)
BLOCKS = {
    "F16": (1, 2, [0]), "BF16": (1, 2, []), "Q8_0": (32, 34, [0]), "Q4_0": (32, 18, [0]),
    "Q4_1": (32, 20, [0, 2]), "Q5_0": (32, 22, [0]), "Q5_1": (32, 24, [0, 2]),
    "Q2_K": (256, 84, [80, 82]), "Q3_K": (256, 110, [108]), "Q4_K": (256, 144, [0, 2]),
    "Q5_K": (256, 176, [0, 2]), "Q6_K": (256, 210, [208]), "IQ4_NL": (32, 18, [0]),
    "IQ4_XS": (256, 136, [0]), "MXFP4": (32, 17, []), "NVFP4": (64, 36, []),
    "TQ1_0": (256, 54, [52]), "TQ2_0": (256, 66, [64]), "Q1_0": (128, 18, [0]),
    "Q2_0": (64, 18, [0]),
}
USER_DEFINED = ("<|channel>", "<channel|>", "<|tool_call>", "<tool_call|>", "<|tool_response>",
                "<tool_response|>", '<|"|>')
VOCAB, HIDDEN, WINDOW, LENGTH = 512, 256, 16, 50


def random_blocks(name, rng):
    """Random bytes with the scale fields made finite: [blocks, bytes]."""
    elements, size, halves = BLOCKS[name]
    blocks = rng.integers(0, 256, (ELEMENTS // elements, size), dtype=np.uint8)
    for offset in halves:
        field = blocks[:, offset:offset + 2].copy().view(np.uint16)
        field[(field & 0x7C00) == 0x7C00] ^= 0x4000  # not an infinity or a NaN
        blocks[:, offset:offset + 2] = field.view(np.uint8)
    if name == "BF16":
        field = blocks.view(np.uint16)
        field[(field & 0x7F80) == 0x7F80] ^= 0x4000
    elif name == "MXFP4":
        blocks[:, 0] = np.concatenate([[0, 1, 2, 251], rng.integers(0, 252, len(blocks) - 4)])
    elif name == "NVFP4":
        blocks[:, :4] &= 0x7F  # an unsigned scale
        blocks[0, :4] = [0, 0x7F, 1, 0x7E]
    elif name == "TQ1_0":  # bytes made from five base-3 digits, as the encoder makes them
        packed = blocks[:, :52].astype(np.int64) * 243 // 256
        packed[:, 48:] = packed[:, 48:] // 3 * 3  # the last four bytes hold four digits
        blocks[:, :52] = (packed * 256 + 242) // 243
    return blocks


def decode_q1_0(blocks):
    scale = blocks[:, :2].copy().view(np.float16).astype(np.float32)
    bits = np.unpackbits(blocks[:, 2:], axis=1, bitorder="little")
    return np.where(bits == 1, scale, -scale)


def decode_q2_0(blocks):
    scale = blocks[:, :2].copy().view(np.float16).astype(np.float32)
    codes = blocks[:, 2:, None] >> np.array([0, 2, 4, 6], dtype=np.uint8) & 3
    return scale * (codes.reshape(len(blocks), 64).astype(np.float32) - 1)


OWN_DECODERS = {"Q1_0": decode_q1_0, "Q2_0": decode_q2_0}


def decode(name, blocks):
    if name in OWN_DECODERS:
        return OWN_DECODERS[name](blocks).astype("<f4")
    return gguf.quants.dequantize(blocks, Type[name]).astype("<f4")


def half(value, rng, count):
    """count f16 scales near value, as bytes."""
    return (value * rng.uniform(0.8, 1.25, count)).astype(np.float16)


def matrix(name, rows, columns, std, rng):
    """A random matrix of a type with the given standard deviation: its bytes [rows, ...]."""
    values = (rng.standard_normal((rows, columns)) * std).astype(np.float32)
    if name in ("F32", "F16", "BF16", "Q8_0", "Q4_0"):
        return gguf.quants.quantize(values, Type[name])
    elements, size, _ = BLOCKS[name]
    count = rows * columns // elements
    blocks = rng.integers(0, 256, (count, size), dtype=np.uint8)
    if name == "Q6_K":
        blocks[:, 192:208] = rng.integers(10, 60, (count, 16)) * rng.choice([-1, 1], (count, 16))
        scale = half(std / (18.5 * 38), rng, count)
        blocks[:, 208:210] = scale[:, None].view(np.uint8)
    else:  # Q4_K, Q5_K: minima that make the mean about zero
        top = 15 if name == "Q4_K" else 31
        sub = rng.integers(12, 64, (count, 8), dtype=np.uint8)
        blocks[:, 4:8] = sub[:, :4] | sub[:, 4:] >> 4 << 6
        blocks[:, 8:12] = blocks[:, 4:8]
        blocks[:, 12:16] = sub[:, 4:] & 15 | (sub[:, 4:] & 15) << 4
        scale = half(std / (40 * top * 0.31), rng, count)
        blocks[:, 0:2] = scale[:, None].view(np.uint8)
        blocks[:, 2:4] = (scale * np.float16(top / 2))[:, None].view(np.uint8)
    return blocks.reshape(rows, columns // elements * size)


def metadata(writer, tokenizer):
    """All keys of a Gemma 4 text model, with their exact types."""
    def add(key, value, kind, sub=None):
        writer.add_key_value(key, value, kind, sub)

    u32, i32, f32 = Value.UINT32, Value.INT32, Value.FLOAT32
    add("general.type", "model", Value.STRING)
    add("general.sampling.top_k", 64, i32)
    add("general.sampling.top_p", 0.95, f32)
    add("general.sampling.temp", 1.0, f32)
    add("general.name", "mixed", Value.STRING)
    for key, value, kind in [
        ("block_count", 6, u32), ("context_length", 1024, u32), ("embedding_length", HIDDEN, u32),
        ("feed_forward_length", 256, u32), ("attention.head_count", 1, u32),
        ("rope.freq_base", 1e6, f32), ("rope.freq_base_swa", 1e4, f32),
        ("attention.layer_norm_rms_epsilon", 1e-6, f32), ("attention.key_length", 512, u32),
        ("attention.value_length", 512, u32), ("final_logit_softcapping", 30.0, f32),
        ("attention.sliding_window", WINDOW, u32), ("attention.shared_kv_layers", 0, u32),
        ("embedding_length_per_layer_input", 0, u32), ("attention.key_length_swa", 256, u32),
        ("attention.value_length_swa", 256, u32), ("rope.dimension_count", 512, u32),
        ("rope.dimension_count_swa", 256, u32),
    ]:
        add("gemma4." + key, value, kind)
    add("gemma4.attention.head_count_kv", [1] * 6, Value.ARRAY, i32)
    add("gemma4.attention.sliding_window_pattern", [True] * 5 + [False], Value.ARRAY, Value.BOOL)
    tokens = list(tokenizer["model"]["vocab"])
    kinds = [2 if token == "<unk>" else 4 if token in USER_DEFINED
             else 3 if index < len(small_tokenizer.SPECIALS)
             else 6 if token.startswith("<0x") else 1 for index, token in enumerate(tokens)]
    merges = [" ".join(pair) for pair in tokenizer["model"]["merges"]]
    ids = {token: index for index, token in enumerate(tokens)}
    prefix = "tokenizer.ggml."
    add(prefix + "suppress_tokens", [ids["<audio|>"], ids["<image|>"]], Value.ARRAY, i32)
    add(prefix + "model", "gemma4", Value.STRING)
    add(prefix + "tokens", tokens, Value.ARRAY, Value.STRING)
    add(prefix + "scores", [-1000.0] * len(tokens), Value.ARRAY, f32)
    add(prefix + "token_type", kinds, Value.ARRAY, i32)
    add(prefix + "merges", merges, Value.ARRAY, Value.STRING)
    for name, token in [("bos", "<bos>"), ("eos", "<eos>"), ("unknown", "<unk>"),
                        ("padding", "<pad>"), ("mask", "<mask>")]:
        add(f"{prefix}{name}_token_id", ids[token], u32)
    add(prefix + "add_space_prefix", False, Value.BOOL)
    add(prefix + "add_bos_token", True, Value.BOOL)
    add("general.quantization_version", 2, u32)
    add("general.file_type", 15, u32)


# Types of the matrices q, k, v, o, gate, up, down of each layer (the last has no v).
LAYER_TYPES = [
    "F32 Q8_0 Q5_K Q4_0 Q4_K Q4_K Q6_K",
    "Q4_K Q6_K BF16 Q5_K Q4_0 Q4_K Q5_K",
    "Q5_K Q4_0 Q4_K F16 Q6_K Q4_0 Q4_K",
    "Q6_K Q4_K Q4_0 Q4_K Q5_K Q6_K Q4_0",
    "Q4_0 Q5_K Q6_K Q4_K Q8_0 Q5_K Q4_K",
    "Q4_K Q5_K - Q5_K Q4_K Q4_0 Q6_K",
]
MATRICES = [("attn_q", "self_attn.q_proj"), ("attn_k", "self_attn.k_proj"),
            ("attn_v", "self_attn.v_proj"), ("attn_output", "self_attn.o_proj"),
            ("ffn_gate", "mlp.gate_proj"), ("ffn_up", "mlp.up_proj"), ("ffn_down", "mlp.down_proj")]
NORMS = [("attn_norm", "input_layernorm", 1.0), ("post_attention_norm", "post_attention_layernorm",
         0.5), ("ffn_norm", "pre_feedforward_layernorm", 1.0),
         ("post_ffw_norm", "post_feedforward_layernorm", 0.5)]


def make_model(folder, rng):
    """Write mixed.gguf and its goldens."""
    writer = gguf.GGUFWriter(os.path.join(folder, "mixed.gguf"), "gemma4")
    metadata(writer, small_tokenizer.build(VOCAB, small_tokenizer.ASCII))
    state = {}

    def vector(gguf_name, hf_name, values):
        values = np.asarray(values, dtype=np.float32)
        writer.add_tensor(gguf_name + ".weight", values)
        if hf_name:
            state["model.language_model." + hf_name] = torch.from_numpy(values)

    def norm(gguf_name, hf_name, size, mean):
        vector(gguf_name, hf_name + ".weight", rng.normal(mean, 0.2 * mean, size))

    def dense(gguf_name, hf_name, kind, rows, columns):
        data = matrix(kind, rows, columns, columns ** -0.5, rng)
        writer.add_tensor(gguf_name + ".weight", data, raw_dtype=Type[kind])
        values = gguf.quants.dequantize(data, Type[kind]).reshape(rows, columns)
        state[f"model.language_model.{hf_name}.weight"] = torch.from_numpy(values.copy())

    vector("rope_freqs", None, [1.0] * 64 + [1e30] * 192)
    dense("token_embd", "embed_tokens", "Q6_K", VOCAB, HIDDEN)
    for layer, types in enumerate(LAYER_TYPES):
        head = 512 if layer == 5 else 256
        rows = {"attn_q": head, "attn_k": head, "attn_v": head}
        for (name, hf_name), kind in zip(MATRICES, types.split()):
            if kind != "-":
                dense(f"blk.{layer}.{name}", f"layers.{layer}.{hf_name}", kind,
                      rows.get(name, HIDDEN), head if name == "attn_output" else HIDDEN)
        for name, hf_name, mean in NORMS:
            norm(f"blk.{layer}.{name}", f"layers.{layer}.{hf_name}", HIDDEN, mean)
        norm(f"blk.{layer}.attn_q_norm", f"layers.{layer}.self_attn.q_norm", head, 1.0)
        norm(f"blk.{layer}.attn_k_norm", f"layers.{layer}.self_attn.k_norm", head, 0.09)
        vector(f"blk.{layer}.layer_output_scale", f"layers.{layer}.layer_scalar",
               rng.uniform(0.4, 1.1, 1))
    norm("output_norm", "norm", HIDDEN, 8.0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    config = common.make_config({}, {
        "hidden_size": HIDDEN, "intermediate_size": 256, "num_attention_heads": 1,
        "num_key_value_heads": 1, "vocab_size": VOCAB, "sliding_window": WINDOW,
        "max_position_embeddings": 1024})
    model = common.Gemma4UnifiedForConditionalGeneration(config).float().eval()
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and not [key for key in missing if "language_model" in key]
    model.tie_weights()
    common.set_embed_scale(model)
    media = range(len(small_tokenizer.SPECIALS))
    ids = [2, *(int(i) for i in rng.choice([i for i in range(VOCAB) if i not in media],
                                           LENGTH - 1))]
    logits = common.forward(model, ids)
    span = (logits.max() - logits.min()).item()
    raw = torch.atanh((logits / 30).clamp(-0.999999, 0.999999)) * 30
    print(f"mixed: range {span:.2f}, std before cap {raw.std().item():.2f}")
    common.write_json(os.path.join(folder, "mixed.ids.json"), ids, indent=None)
    np.save(os.path.join(folder, "mixed.logits.npy"), logits.numpy())


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    for index, name in enumerate(BLOCKS):
        blocks = random_blocks(name, np.random.default_rng([1, index]))
        values = decode(name, blocks)
        assert values.size == ELEMENTS and np.isfinite(values).all(), name
        blocks.tofile(os.path.join(folder, name + ".bin"))
        values.tofile(os.path.join(folder, name + ".f32"))
    make_model(folder, np.random.default_rng(2))


if __name__ == "__main__":
    main()
