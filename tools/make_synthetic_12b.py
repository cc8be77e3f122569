#!/usr/bin/env python3
"""Make a full-size Gemma 4 12B of random weights, for measuring speed and memory:

    make_synthetic_12b.py FOLDER [--layers 48] [--type Q4_0] [--tokenizer tokenizer.json]

FOLDER/model.gguf (Q4_0, embedding Q6_K, 7.0 GB), drafter.gguf (Q8_0, 0.5 GB) and mmproj-model.gguf (BF16, 0.2 GB): the true
shapes, types and metadata. With --tokenizer, a Gemma 3 or 4 tokenizer.json, the vocabulary is the true one; without, a made-up
one of the same size. Needs numpy and gguf (golden-requirements.txt).
"""

import argparse
import json
import pathlib

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import TokenType

HIDDEN, INTERMEDIATE, VOCABULARY, HEADS = 3840, 15360, 262144, 16
SLIDING_DIM, SLIDING_KV, GLOBAL_DIM, GLOBAL_KV = 256, 8, 512, 1
DRAFTER_HIDDEN, DRAFTER_INTERMEDIATE = 1024, 8192
CONTROL = {0: "<pad>", 1: "<eos>", 2: "<bos>", 3: "<unk>", 4: "<mask>", 46: "<|tool>", 47: "<tool|>", 98: "<|think|>",
           105: "<|turn>", 106: "<turn|>", 255999: "<|image>", 256000: "<|audio>", 258880: "<|image|>",
           258881: "<|audio|>", 258882: "<image|>", 258883: "<audio|>", 258884: "<|video|>"}
USER_DEFINED = {48: "<|tool_call>", 49: "<tool_call|>", 50: "<|tool_response>", 51: "<tool_response|>", 52: '<|"|>',
                100: "<|channel>", 101: "<channel|>"}


def vocabulary(path):
    """Return tokens, merges and types."""
    if path:
        model = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))["model"]
        tokens = [""] * VOCABULARY
        for text, i in model["vocab"].items():
            tokens[i] = text
        merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
    else:  # words that grow by one letter of a small alphabet, each a merge of the one before
        letters = "▁etaoinsrhldcumfpgwybvkxjqz"
        words, merges, grown = list(letters), [], list(letters)
        while len(words) < VOCABULARY - 512:
            pairs = [(word, letter) for word in grown for letter in letters[1:]][: VOCABULARY - 512 - len(words)]
            merges += [" ".join(pair) for pair in pairs]
            grown = ["".join(pair) for pair in pairs]
            words += grown
        tokens = [f"<unused{i}>" for i in range(256)] + [f"<0x{i:02X}>" for i in range(256)] + words
    types = [TokenType.NORMAL] * VOCABULARY
    for i, text in enumerate(tokens):
        if len(text) == 6 and text.startswith("<0x"):
            types[i] = TokenType.BYTE
    for table, kind in ((CONTROL, TokenType.CONTROL), (USER_DEFINED, TokenType.USER_DEFINED)):
        for i, text in table.items():
            tokens[i], types[i] = text, kind
    types[3] = TokenType.UNKNOWN
    return tokens, merges, types


def random_blocks(rng, kind, rows, columns):
    """Random bits under scales that keep the outputs' variance near the inputs'."""
    size = np.float32(0.6 / np.sqrt(columns))
    if kind == Type.F32:
        return np.ones((rows, columns), "<f4")
    if kind == Type.BF16:
        bits = (rng.standard_normal((rows, columns), np.float32) * size).view(np.uint32) >> 16
        return bits.astype("<u2").view(np.uint8).reshape(rows, -1)
    block, width = gguf.GGML_QUANT_SIZES[kind]
    count = rows * columns // block
    data = np.frombuffer(rng.bytes(count * width), np.uint8).reshape(count, width).copy()

    def put(at, scale):
        data[:, at : at + 2] = (scale * rng.uniform(0.7, 1.3, count)).astype("<f2").view(np.uint8).reshape(-1, 2)

    if kind == Type.Q4_0:
        put(0, size / 4.6)
    elif kind == Type.Q8_0:
        put(0, size / 74)
    elif kind == Type.Q6_K:  # six bits times an eight-bit scale
        put(208, size / (18.5 * 74))
    elif kind in (Type.Q4_K, Type.Q5_K):  # the minima take away about the middle of what the scales give
        put(0, size / (37 * (4.6 if kind == Type.Q4_K else 9.2)))
        data[:, 2:4] = (data[:, :2].copy().view("<f2") * (7.5 if kind == Type.Q4_K else 15.5)).astype("<f2").view(np.uint8)
    return data.reshape(rows, -1)


def write(path, architecture, keys, tensors, seed):
    """tensors: (name, numpy shape, type); a shape with one side is a vector of ones."""
    rng = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, architecture)
    for add, key, value in keys:
        getattr(writer, "add_" + add)(key, value)
    for name, shape, kind in tensors:
        block, width = gguf.GGML_QUANT_SIZES[kind]
        bytes_of = int(np.prod(shape)) // block * width
        stored = shape if kind == Type.F32 else (*shape[:-1], shape[-1] // block * width)
        writer.add_tensor_info(name, stored, np.dtype("<f4" if kind == Type.F32 else np.uint8), bytes_of,
                               None if kind == Type.F32 else kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for name, shape, kind in tensors:
        if name == "rope_freqs.weight":
            data = np.where(np.arange(shape[0]) < GLOBAL_DIM // 8, 1, 1e30).astype("<f4")
        else:
            data = random_blocks(rng, kind, int(np.prod(shape[:-1])), shape[-1])
            if "position_embd" in name:
                data = (rng.standard_normal(data.shape) * 0.02).astype("<f4")
        writer.write_tensor_data(data)
    writer.close()
    print(path, pathlib.Path(path).stat().st_size)


def attention_keys(prefix, kv_heads, sliding):
    return [("array", prefix + "attention.head_count_kv", kv_heads), ("uint32", prefix + "attention.head_count", HEADS),
            ("float32", prefix + "rope.freq_base", 1e6), ("float32", prefix + "rope.freq_base_swa", 1e4),
            ("uint32", prefix + "rope.dimension_count", GLOBAL_DIM), ("uint32", prefix + "rope.dimension_count_swa", SLIDING_DIM),
            ("float32", prefix + "attention.layer_norm_rms_epsilon", 1e-6),
            ("uint32", prefix + "attention.key_length", GLOBAL_DIM), ("uint32", prefix + "attention.value_length", GLOBAL_DIM),
            ("uint32", prefix + "attention.key_length_swa", SLIDING_DIM),
            ("uint32", prefix + "attention.value_length_swa", SLIDING_DIM),
            ("uint32", prefix + "attention.sliding_window", 1024), ("array", prefix + "attention.sliding_window_pattern", sliding),
            ("uint32", prefix + "embedding_length_per_layer_input", 0)]


def tokenizer_keys(vocabulary_parts):
    tokens, merges, types = vocabulary_parts
    scores = [0.0 if kind == TokenType.NORMAL else -1000.0 for kind in types]
    return [("string", "tokenizer.ggml.model", "gemma4"), ("array", "tokenizer.ggml.tokens", tokens),
            ("array", "tokenizer.ggml.scores", scores), ("array", "tokenizer.ggml.token_type", [int(t) for t in types]),
            ("array", "tokenizer.ggml.merges", merges), ("uint32", "tokenizer.ggml.bos_token_id", 2),
            ("uint32", "tokenizer.ggml.eos_token_id", 1), ("uint32", "tokenizer.ggml.unknown_token_id", 3),
            ("uint32", "tokenizer.ggml.padding_token_id", 0), ("uint32", "tokenizer.ggml.mask_token_id", 4),
            ("bool", "tokenizer.ggml.add_space_prefix", False), ("bool", "tokenizer.ggml.add_bos_token", True)]


def layer(block, hidden, intermediate, dim, kv_heads, kind):
    """kv_heads 0: a drafter's layer; a global layer has no values of its own."""
    tensors = [("attn_norm", (hidden,)), ("attn_q", (HEADS * dim, hidden)), ("attn_output", (hidden, HEADS * dim)),
               ("attn_q_norm", (dim,)), ("post_attention_norm", (hidden,)), ("ffn_norm", (hidden,)),
               ("ffn_gate", (intermediate, hidden)), ("ffn_up", (intermediate, hidden)), ("ffn_down", (hidden, intermediate)),
               ("post_ffw_norm", (hidden,)), ("layer_output_scale", (1,))]
    if kv_heads > 0:
        tensors += [("attn_k", (kv_heads * dim, hidden)), ("attn_k_norm", (dim,))]
        if dim == SLIDING_DIM:
            tensors.append(("attn_v", (kv_heads * dim, hidden)))
    return [(f"blk.{block}.{name}.weight", shape, Type.F32 if len(shape) == 1 else kind) for name, shape in tensors]


def write_text(path, layers, vocabulary_parts, kind):
    sliding = [i % 6 != 5 for i in range(layers)]
    p = "gemma4."
    keys = [("string", "general.name", "synthetic-12b"), ("uint32", "general.file_type", 2),
            ("uint32", "general.quantization_version", 2), ("uint32", p + "block_count", layers),
            ("uint32", p + "context_length", 262144), ("uint32", p + "embedding_length", HIDDEN),
            ("uint32", p + "feed_forward_length", INTERMEDIATE), ("float32", p + "final_logit_softcapping", 30.0),
            ("uint32", p + "attention.shared_kv_layers", 0),
            *attention_keys(p, [SLIDING_KV if s else GLOBAL_KV for s in sliding], sliding), *tokenizer_keys(vocabulary_parts),
            ("array", "tokenizer.ggml.suppress_tokens", [258883, 258882])]
    tensors = [("token_embd.weight", (VOCABULARY, HIDDEN), Type.Q6_K), ("output_norm.weight", (HIDDEN,), Type.F32),
               ("rope_freqs.weight", (GLOBAL_DIM // 2,), Type.F32)]
    for i, s in enumerate(sliding):
        dim, kv_heads = (SLIDING_DIM, SLIDING_KV) if s else (GLOBAL_DIM, GLOBAL_KV)
        tensors += layer(i, HIDDEN, INTERMEDIATE, dim, kv_heads, kind)
    write(path, "gemma4", keys, tensors, 1)


def write_drafter(path, vocabulary_parts):
    p = "gemma4-assistant."
    sliding = [True, True, True, False]
    keys = [("uint32", "general.quantization_version", 2), ("uint32", p + "block_count", 4),
            ("uint32", p + "nextn_predict_layers", 4), ("uint32", p + "context_length", 131072),
            ("uint32", p + "embedding_length", DRAFTER_HIDDEN), ("uint32", p + "embedding_length_out", HIDDEN),
            ("uint32", p + "feed_forward_length", DRAFTER_INTERMEDIATE), ("uint32", p + "attention.shared_kv_layers", 4),
            *attention_keys(p, [SLIDING_KV] * 3 + [GLOBAL_KV], sliding), *tokenizer_keys(vocabulary_parts)]
    tensors = [("token_embd.weight", (VOCABULARY, DRAFTER_HIDDEN), Type.Q8_0),
               ("output_norm.weight", (DRAFTER_HIDDEN,), Type.F32), ("rope_freqs.weight", (GLOBAL_DIM // 2,), Type.F32),
               ("nextn.pre_projection.weight", (DRAFTER_HIDDEN, 2 * HIDDEN), Type.Q8_0),
               ("nextn.post_projection.weight", (HIDDEN, DRAFTER_HIDDEN), Type.Q8_0)]
    for i, s in enumerate(sliding):
        tensors += layer(i, DRAFTER_HIDDEN, DRAFTER_INTERMEDIATE, SLIDING_DIM if s else GLOBAL_DIM, 0, Type.Q8_0)
    write(path, "gemma4-assistant", keys, tensors, 2)


def write_embedders(path):
    keys = [("string", "general.type", "mmproj"), ("uint32", "general.file_type", 32),
            ("uint32", "general.quantization_version", 2)]
    for part, projector, width in (("vision", "gemma4uv", HIDDEN), ("audio", "gemma4ua", 640)):
        p = f"clip.{part}."
        keys += [("bool", f"clip.has_{part}_encoder", True), ("uint32", p + "projection_dim", HIDDEN),
                 ("uint32", p + "embedding_length", width), ("uint32", p + "feed_forward_length", 0),
                 ("uint32", p + "block_count", 0), ("uint32", p + "attention.head_count", 1),
                 ("string", p + "projector_type", projector), ("float32", p + "attention.layer_norm_epsilon", 1e-6)]
    keys += [("uint32", "clip.vision.image_size", 224), ("uint32", "clip.vision.patch_size", 16),
             ("array", "clip.vision.image_mean", [0.0] * 3), ("array", "clip.vision.image_std", [1.0] * 3),
             ("uint32", "clip.audio.num_mel_bins", 128)]
    patch = 3 * 48 * 48
    tensors = [("v.patch_embd.weight", (HIDDEN, patch), Type.F32), ("v.patch_embd.bias", (HIDDEN,), Type.F32),
               ("v.position_embd.weight", (2, 1120, HIDDEN), Type.F32),
               ("mm.input_projection.weight", (HIDDEN, HIDDEN), Type.BF16),
               ("mm.a.input_projection.weight", (HIDDEN, 640), Type.BF16)]
    for n, width in ((1, patch), (2, HIDDEN), (3, HIDDEN)):
        tensors += [(f"v.patch_norm.{n}.{part}", (width,), Type.F32) for part in ("weight", "bias")]
    write(path, "clip", keys, tensors, 3)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--layers", type=int, default=48)
    parser.add_argument("--type", default="Q4_0", choices=("Q4_0", "Q8_0", "Q4_K", "Q5_K", "Q6_K", "BF16"))
    parser.add_argument("--tokenizer")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    parts = vocabulary(args.tokenizer)
    write_text(args.folder / "model.gguf", args.layers, parts, Type[args.type])
    write_drafter(args.folder / "drafter.gguf", parts)
    write_embedders(args.folder / "mmproj-model.gguf")


if __name__ == "__main__":
    main()
