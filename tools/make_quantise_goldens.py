#!/usr/bin/env python3
"""Make what ggml's quantiser and llama-quantize write, for tests/quantise_golden_test.cc.

    make_quantise_goldens.py LIBRARIES OUT_FOLDER        (usually tests/golden/quantise)

LIBRARIES holds libggml-base.so, libggml.v0.5.0.so and libllama.v0.5.0.so: the folder
package/bins/linux-x64 of the npm package @node-llama-cpp/linux-x64 3.22.1, llama.cpp v0.5.0.

rows.json: SHA-256 of ggml_quantize_chunk's output for rows that `row` below makes and the test makes
again. The .gguf files are small inputs; files.json says what llama_model_quantize (the whole of
llama-quantize but its command line) makes of each: SHA-256, and types of the
input's tensors, which it lists in the order that they are written in.
importance.gguf and importance.dat are the same importance matrix in both file formats.
"""

import ctypes
import hashlib
import os
import struct
import sys
import tempfile

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFValueType as Value

import golden_common as common

LLAMA_CPP = "v0.5.0"
ROW_TYPES = ("F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K",
             "MXFP4")
WIDTHS = (256, 768, 3840)
KINDS = 16
# Names as carat's, numbers of general.file_type. MXFP4 is left out: carat's own mix.
TARGETS = {"F32": 0, "F16": 1, "BF16": 32, "Q4_0": 2, "Q4_1": 3, "Q5_0": 8, "Q5_1": 9, "Q8_0": 7, "Q2_K": 10,
           "Q3_K_S": 11, "Q3_K_M": 12, "Q3_K_L": 13, "Q4_K_S": 14, "Q4_K_M": 15, "Q5_K_S": 16, "Q5_K_M": 17, "Q6_K": 18}
F32 = np.float32


class Noise:
    """Numbers in [-1, 1) by a linear congruential generator."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state * 1664525 + 1013904223) % 2**32
        return F32((self.state >> 8) - 2**23) * F32(2.0**-23)


def value(kind, i, noise):
    """Element i of a row of a kind. Products of floats alone, so that C++ gets the same bits."""
    a, b = noise.next(), noise.next()
    x = a * b
    if kind == 0:
        return x * F32(2.0**-5)
    if kind == 1:  # one sign
        return abs(x) * F32(2.0**-5)
    if kind == 2:
        return -abs(x) * F32(2.0**-5)
    if kind == 3:  # far from zero
        return a * F32(2.0**-7) + F32(0.125)
    if kind == 4:  # zero blocks
        return F32(0) if i // 32 % 3 == 0 else x
    if kind == 5:  # zeros of both signs
        return F32(0) if a < 0 else F32(-0.0)
    if kind == 6:  # one value
        return F32(0.375)
    if kind == 7:  # many ties
        return np.floor(a * F32(8)) * F32(0.0625)
    if kind == 8:  # scales down to subnormals of f16 and below
        return x * F32(2.0 ** (i // 32 * 7 % 41 - 30))
    if kind == 9:  # the same from group to group of 16
        return x * F32(2.0 ** (i // 16 * 5 % 23 - 20))
    if kind == 10:
        return x * F32(2.0**-40)
    if kind == 11:  # the inverse of the scale overflows
        return x * F32(2.0**-128)
    if kind == 12:
        return x * F32(2.0**14)
    if kind == 13:  # outliers
        return a * F32(4) if i % 61 == 7 else x * F32(2.0**-6)
    if kind == 14:  # sparse
        return x if i % 8 == 3 else F32(0)
    return a * F32(2.0**-4)  # 15: uniform


def row(kind, width):
    noise = Noise(1000 * kind + width)
    return [value(kind, i, noise) for i in range(width)]


def importance(kind, width):
    """One weight a column: squares, or powers of two with every fifth 0."""
    noise = Noise(77 + width)
    squares = [a * a for a in (noise.next() for _ in range(width))]
    if kind == "squares":
        return np.array(squares, F32)
    return np.array([F32(0) if i % 5 == 0 else a * F32(2.0 ** (i * 13 % 24 - 12)) for i, a in enumerate(squares)], F32)


class Importance(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("data", ctypes.c_void_p), ("size", ctypes.c_size_t)]


class Override(ctypes.Structure):
    _fields_ = [("tag", ctypes.c_int), ("key", ctypes.c_char * 128), ("padding", ctypes.c_int),
                ("value", ctypes.c_char * 128)]


class Parameters(ctypes.Structure):
    """llama_model_quantize_params of v0.5.0."""
    _fields_ = [("nthread", ctypes.c_int32), ("ftype", ctypes.c_int), ("output_tensor_type", ctypes.c_int),
                ("token_embedding_type", ctypes.c_int), ("allow_requantize", ctypes.c_bool),
                ("quantize_output_tensor", ctypes.c_bool), ("only_copy", ctypes.c_bool), ("pure", ctypes.c_bool),
                ("keep_split", ctypes.c_bool), ("dry_run", ctypes.c_bool), ("imatrix", ctypes.c_void_p),
                ("kv_overrides", ctypes.c_void_p), ("tt_overrides", ctypes.c_void_p), ("prune_layers", ctypes.c_void_p),
                ("max_buf_size", ctypes.c_size_t)]


class Reference:
    """The two functions of the libraries."""

    def __init__(self, folder):
        base, _, self.llama = (ctypes.CDLL(os.path.join(folder, name), mode=ctypes.RTLD_GLOBAL)
                               for name in ("libggml-base.so", "libggml.v0.5.0.so", "libllama.v0.5.0.so"))
        self.quantize_chunk = base.ggml_quantize_chunk
        self.quantize_chunk.restype = ctypes.c_size_t
        self.quantize_chunk.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64,
                                        ctypes.c_int64, ctypes.c_void_p]
        self.llama.llama_model_quantize_default_params.restype = Parameters
        self.llama.llama_model_quantize.restype = ctypes.c_uint32
        self.llama.llama_model_quantize.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(Parameters)]
        self.quiet = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(lambda *_: None)
        self.llama.llama_log_set(self.quiet, None)
        self.llama.llama_backend_init()

    def rows(self, type_name, values, weights):
        """The bytes of rows [rows, width]."""
        kind = Type[type_name]
        block, size = gguf.GGML_QUANT_SIZES[kind]
        out = np.zeros(values.size // block * size, np.uint8)
        pointer = None if weights is None else weights.ctypes.data
        written = self.quantize_chunk(kind, values.ctypes.data, out.ctypes.data, 0, *values.shape, pointer)
        assert written == out.size
        return out.tobytes()

    def file(self, source, target, file_type, weights=None, overrides=(), **parameters):
        """llama-quantize SOURCE TARGET; overrides are keys that its command line adds."""
        p = self.llama.llama_model_quantize_default_params()
        p.ftype, p.nthread = file_type, 1
        for name, setting in parameters.items():
            setattr(p, name, setting)
        if weights is not None:
            entries = (Importance * (len(weights) + 1))()
            for entry, (name, data) in zip(entries, weights.items()):
                entry.name, entry.data, entry.size = name.encode(), data.ctypes.data, data.size
            p.imatrix = ctypes.addressof(entries)
        if overrides:
            keys = (Override * (len(overrides) + 1))()
            for key, (name, setting) in zip(keys, overrides):
                text = isinstance(setting, str)
                key.tag, key.key = 3 if text else 0, name.encode()
                data = setting.encode() + b"\0" if text else struct.pack("<q", setting)
                ctypes.memmove(ctypes.addressof(key) + Override.value.offset, data, len(data))
            p.kv_overrides = ctypes.addressof(keys)
        assert self.llama.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(p)) == 0, (source, file_type)


def make_rows(reference, folder):
    cases = []
    for width in WIDTHS:
        values = np.array([row(kind, width) for kind in range(KINDS)], F32)
        weights = {"none": None, **{kind: importance(kind, width) for kind in ("squares", "powers")}}
        for type_name in ROW_TYPES:
            for kind, columns in weights.items():
                digest = hashlib.sha256(reference.rows(type_name, values, columns)).hexdigest()
                cases.append({"type": type_name, "width": width, "importance": kind, "sha256": digest})
    common.write_json(os.path.join(folder, "rows.json"), {"llama.cpp": LLAMA_CPP, "cases": cases}, indent=1)


class Writer:
    """A small GGUF file of random tensors."""

    def __init__(self, path, architecture, seed):
        self.writer = gguf.GGUFWriter(path, architecture)
        self.rng = np.random.default_rng(seed)

    def keys(self, items):
        for key, setting, kind, *sub in items:
            self.writer.add_key_value(key, setting, kind, *sub)

    def tensor(self, name, shape, kind="F32"):
        values = (self.rng.standard_normal(shape) * 0.02).astype(F32)
        data = gguf.quants.quantize(values, Type[kind])
        self.writer.add_tensor(name, data, raw_dtype=Type[kind])

    def close(self):
        self.writer.write_header_to_file()
        self.writer.write_kv_data_to_file()
        self.writer.write_tensors_to_file()
        self.writer.close()


def decoder_keys(prefix, layers, width, heads, kv_heads, kind):
    """Keys of a decoder; general.* stand in the middle, as in converted files."""
    u32, f32 = Value.UINT32, Value.FLOAT32
    sliding = [layer % 6 != 5 for layer in range(layers)]
    keys = [("general.type", "model", Value.STRING), ("general.name", "toy", Value.STRING),
            (prefix + "block_count", layers, u32), (prefix + "context_length", 1024, u32),
            (prefix + "embedding_length", width, u32), (prefix + "feed_forward_length", 256, u32),
            (prefix + "attention.head_count", heads, u32),
            (prefix + "attention.head_count_kv", [kv_heads if s else 1 for s in sliding], Value.ARRAY, Value.INT32),
            (prefix + "attention.key_length", 512, u32), (prefix + "attention.value_length", 512, u32),
            ("general.file_type", {"F32": 0, "F16": 1, "BF16": 32}[kind], u32),
            (prefix + "attention.key_length_swa", 256, u32), (prefix + "attention.value_length_swa", 256, u32),
            (prefix + "attention.sliding_window", 16, u32),
            (prefix + "attention.sliding_window_pattern", sliding, Value.ARRAY, Value.BOOL),
            (prefix + "attention.layer_norm_rms_epsilon", 1e-6, f32), (prefix + "rope.freq_base", 1e6, f32),
            (prefix + "embedding_length_per_layer_input", 0, u32),
            ("tokenizer.ggml.model", "gemma4", Value.STRING),
            ("tokenizer.ggml.tokens", ["<pad>", "<eos>", "<bos>", "<unk>", "▁"], Value.ARRAY, Value.STRING),
            ("general.quantization_version", 2, u32), ("tokenizer.ggml.add_bos_token", True, Value.BOOL)]
    return keys, sliding


def make_decoder(path, architecture, layers, width, kind, seed, heads=16, kv_heads=8, split=False):
    """A text model or a drafter with two rows in each matrix, in the order of a converted file."""
    drafter = architecture == "gemma4-assistant"
    keys, sliding = decoder_keys(architecture + ".", layers, width, heads, kv_heads, kind)
    if drafter:
        keys += [("gemma4-assistant.embedding_length_out", 256, Value.UINT32),
                 ("gemma4-assistant.nextn_predict_layers", layers, Value.UINT32)]
    if split:
        keys[5:5] = [("split.no", 0, Value.UINT16), ("split.count", 1, Value.UINT16),
                     ("split.tensors.count", 9, Value.INT32)]
    writer = Writer(path, architecture, seed)
    writer.keys(keys)
    writer.tensor("rope_freqs.weight", (8,))
    writer.tensor("token_embd.weight", (5, width), kind)
    for layer in sorted(range(layers), key=str):
        names = ["attn_output", "attn_q"]
        if layer % 2 == 0:  # not everywhere, for small files
            writer.tensor(f"blk.{layer}.attn_norm.weight", (width,))
            names += ["ffn_gate", "ffn_up"]
        writer.tensor(f"blk.{layer}.ffn_down.weight", (2, 256), kind)
        names += [] if drafter else ["attn_k"] + ["attn_v"] * sliding[layer]
        for name in names:
            writer.tensor(f"blk.{layer}.{name}.weight", (2, width), kind)
        writer.tensor(f"blk.{layer}.layer_output_scale.weight", (1,))
    writer.tensor("output_norm.weight", (width,))
    if drafter:
        writer.tensor("nextn.post_projection.weight", (2, width), kind)
        writer.tensor("nextn.pre_projection.weight", (2, 2 * width), kind)
    writer.close()


def make_embedders(path, kind):
    writer = Writer(path, "clip", 9)
    writer.keys([("general.type", "mmproj", Value.STRING), ("general.file_type", 32, Value.UINT32),
                 ("clip.has_vision_encoder", True, Value.BOOL),
                 ("clip.vision.image_mean", [0.0] * 3, Value.ARRAY, Value.FLOAT32),
                 ("general.quantization_version", 2, Value.UINT32), ("clip.has_audio_encoder", True, Value.BOOL)])
    writer.tensor("v.patch_embd.weight", (2, 768))
    writer.tensor("v.patch_embd.bias", (2,))
    writer.tensor("v.patch_norm.1.weight", (768,))
    writer.tensor("v.position_embd.weight", (2, 3, 256))
    writer.tensor("mm.input_projection.weight", (3, 256), kind)
    writer.tensor("mm.a.input_projection.weight", (3, 640), kind)
    writer.close()


def make_importance(folder, source):
    """Sums for some matrices of a file, in both formats; what llama-quantize computes from them."""
    sums, counts = {}, {}
    for tensor in gguf.GGUFReader(os.path.join(folder, source)).tensors:
        layer = tensor.name.split(".")[1]
        if len(tensor.shape) == 2 and layer in ("0", "1", "9") and "attn_k" not in tensor.name:
            width = int(tensor.shape[0])
            sums[tensor.name] = importance("powers" if "ffn" in tensor.name else "squares", width) * F32(40)
            counts[tensor.name] = 0 if tensor.name == "blk.9.attn_q.weight" else 37
    writer = gguf.GGUFWriter(os.path.join(folder, "importance.gguf"), "none")
    writer.kv_data[0].pop("general.architecture")  # such files have none
    writer.add_type("imatrix")
    writer.add_array("imatrix.datasets", ["toy text"])
    writer.add_uint32("imatrix.chunk_count", 3)
    writer.add_uint32("imatrix.chunk_size", 512)
    for name, data in sorted(sums.items()):
        writer.add_tensor(name + ".in_sum2", data.reshape(1, -1))
        writer.add_tensor(name + ".counts", np.full((1, 1), counts[name], F32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with open(os.path.join(folder, "importance.dat"), "wb") as file:
        file.write(struct.pack("<i", len(sums)))
        for name, data in sorted(sums.items()):
            file.write(struct.pack("<i", len(name)) + name.encode() + struct.pack("<ii", counts[name], data.size))
            file.write(data.tobytes())
        file.write(struct.pack("<ii", 3, len("toy text")) + b"toy text")

    def values(legacy):  # a count of 0: the sums in the legacy format, ones in GGUF
        return {name: data / F32(counts[name]) if counts[name] else data.copy() if legacy else np.ones_like(data)
                for name, data in sums.items()}
    return {"importance.gguf": values(False), "importance.dat": values(True)}


def importance_keys(name, weights):
    return [("quantize.imatrix.file", name), ("quantize.imatrix.dataset", "toy text"),
            ("quantize.imatrix.entries_count", len(weights)), ("quantize.imatrix.chunks_count", 3)]


def make_files(reference, folder):
    at = lambda name: os.path.join(folder, name)  # noqa: E731
    make_decoder(at("text_f32.gguf"), "gemma4", 2, 256, "F32", 1, split=True)
    make_decoder(at("text_bf16.gguf"), "gemma4", 16, 256, "BF16", 2)
    make_decoder(at("narrow_f16.gguf"), "gemma4", 2, 640, "F16", 3, heads=4, kv_heads=1)
    make_decoder(at("drafter_bf16.gguf"), "gemma4-assistant", 4, 256, "BF16", 4)
    make_embedders(at("mmproj_bf16.gguf"), "BF16")
    weights = make_importance(folder, "text_bf16.gguf")

    cases, inputs = [], {}
    for name in ("text_f32.gguf", "text_bf16.gguf", "narrow_f16.gguf", "drafter_bf16.gguf", "mmproj_bf16.gguf"):
        cases += [{"input": name, "target": target} for target in TARGETS]
        inputs[name] = {"heads_per_kv_head": 4 if name.startswith("narrow") else 2,
                        "layers": {"text_f32": 2, "text_bf16": 16, "narrow_f16": 2, "drafter_bf16": 4}.get(name[:-5], 0),
                        "tensors": {}}
    for target in ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K"):
        cases.append({"input": "text_bf16.gguf", "target": target, "importance": "importance.gguf"})
    cases.append({"input": "text_bf16.gguf", "target": "Q4_K_M", "importance": "importance.dat"})
    cases += [{"input": "text_f32.gguf", "target": "Q4_K_M", "pure": True},
              {"input": "narrow_f16.gguf", "target": "Q4_K_M", "pure": True},
              {"input": "text_f32.gguf", "target": "Q4_K_M", "token_embedding": "Q8_0"},
              {"input": "text_f32.gguf", "target": "Q4_K_M", "pure": True, "token_embedding": "F16"}]
    with tempfile.TemporaryDirectory() as scratch:
        out = os.path.join(scratch, "out.gguf")
        for case in cases:
            options = {"pure": case.get("pure", False)}
            if "token_embedding" in case:
                options["token_embedding_type"] = Type[case["token_embedding"]]
            if "importance" in case:
                options["weights"] = weights[case["importance"]]
                options["overrides"] = importance_keys(case["importance"], options["weights"])
            reference.file(at(case["input"]), out, TARGETS[case["target"]], **options)
            with open(out, "rb") as file:
                data = file.read()
            case["bytes"], case["sha256"] = len(data), hashlib.sha256(data).hexdigest()
            written = gguf.GGUFReader(out).tensors
            shapes = {t.name: [int(n) for n in reversed(t.shape)] for t in written}
            known = inputs[case["input"]]["tensors"]
            assert not known or list(known.items()) == list(shapes.items())  # the same order for every target
            known.update(shapes)
            case["types"] = " ".join(t.tensor_type.name for t in written)
    common.write_json(at("files.json"), {"llama.cpp": LLAMA_CPP, "inputs": inputs, "cases": cases}, indent=None)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    os.makedirs(sys.argv[2], exist_ok=True)
    reference = Reference(sys.argv[1])
    with np.errstate(all="ignore"):
        make_rows(reference, sys.argv[2])
    make_files(reference, sys.argv[2])


if __name__ == "__main__":
    main()
