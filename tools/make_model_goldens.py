#!/usr/bin/env python3
"""Make small random Gemma 4 checkpoints and what Hugging Face transformers computes with them.

    make_model_goldens.py OUT_FOLDER        (usually tests/golden/models)

Each variant is a folder as save_pretrained writes it, plus cases: `<case>.ids.json` (token ids),
`<case>.logits.npy` (float32 [rows, vocabulary], after the soft cap), `<case>.greedy.json` (a prompt
and the 24 tokens that greedy decoding with a cache adds, not stopping at an end token). Reference:
float32 on the CPU, eager attention, embedding scale rounded to bf16. manifest.json lists it all.
"""

import os
import shutil
import sys

import numpy as np
import safetensors
import safetensors.torch
import tokenizers
import torch
import transformers
from transformers import DynamicCache, GenerationConfig

import golden_common as common

NEW_TOKENS = 24
CHUNK = 5
MIN_GAP = 1e-3       # of the logit range, between the best two tokens of each greedy step
MAX_ERROR = 1e-5     # of the logit range, between the ways of running the model

VARIANTS = [
    {"name": "tiny6", "seed": 63, "dtype": "bfloat16", "lengths": [1, 11, 49, 110],
     "text": {"hidden_size": 48, "intermediate_size": 96, "num_attention_heads": 2,
              "num_key_value_heads": 1, "vocab_size": 512, "sliding_window": 16,
              "max_position_embeddings": 1024}},
    {"name": "tiny12", "seed": 132, "dtype": "bfloat16", "lengths": [1, 11, 75], "hub_form": True,
     "max_shard_size": "1200KB",
     "text": {"num_hidden_layers": 12, "hidden_size": 32, "intermediate_size": 32,
              "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 300,
              "sliding_window": 24, "max_position_embeddings": 1024}},
    {"name": "tiny6f32", "seed": 62, "dtype": "float32", "lengths": [1, 11, 49],
     "in_memory_names": True,
     "text": {"hidden_size": 32, "intermediate_size": 32, "num_attention_heads": 1,
              "num_key_value_heads": 1, "vocab_size": 256, "sliding_window": 16,
              "max_position_embeddings": 1024}},
]


def special_ids(vocab):
    """Ids in the order of the real model, near the top of the vocabulary."""
    return {"boi_token_id": vocab - 12, "boa_token_id": vocab - 11, "image_token_id": vocab - 8,
            "audio_token_id": vocab - 7, "eoi_token_id": vocab - 6, "eoa_token_index": vocab - 5,
            "video_token_id": vocab - 4}


def to_hub_form(folder):
    """Rewrite config.json to the keys that the hub's file has instead of per_layer_config."""
    path = os.path.join(folder, "config.json")
    config = common.read_json(path)
    text = config["text_config"]
    overrides = next(iter(text.pop("per_layer_config").values()))
    text.update(global_head_dim=overrides["head_dim"],
                num_global_key_value_heads=overrides["num_key_value_heads"],
                hidden_size_per_layer_input=0, vocab_size_per_layer_input=text["vocab_size"],
                enable_moe_block=False, num_experts=None, top_k_experts=None,
                moe_intermediate_size=None)
    config["vision_config"].update(model_patch_size=48, num_soft_tokens=280)
    audio = config["audio_config"]
    for key in ("hidden_size", "audio_samples_per_token", "output_proj_dims"):
        audio[key] = audio["audio_embed_dim"]
    common.write_json(path, config)


def save(variant, folder):
    """Write the checkpoint folder of a variant."""
    vocab = variant["text"]["vocab_size"]
    ids = special_ids(vocab)
    config = common.make_config(ids, variant["text"])
    suppressed = [ids["eoa_token_index"], ids["eoi_token_id"]]
    model = common.new_model(config, variant["seed"], loud_ids=suppressed)
    dtype = getattr(torch, variant["dtype"])
    model = model.to(dtype)
    model.config.dtype = dtype
    model.config.text_config.dtype = dtype
    model.generation_config = GenerationConfig(
        do_sample=True, temperature=1.0, top_k=64, top_p=0.95, eos_token_id=[1, 106, 50],
        bos_token_id=2, pad_token_id=0, suppress_tokens=suppressed)
    transformers.utils.logging.disable_progress_bar()
    model.save_pretrained(folder, max_shard_size=variant.get("max_shard_size", "10MB"))
    if variant.get("hub_form"):
        to_hub_form(folder)
    if variant.get("in_memory_names"):
        tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()
                   if name != "lm_head.weight"}
        safetensors.torch.save_file(tensors, os.path.join(folder, "model.safetensors"),
                                    metadata={"format": "pt"})
    for name in os.listdir(folder):
        os.chmod(os.path.join(folder, name), 0o644)


def chunked(model, ids, sizes):
    """Logits from a prefill in chunks of the given sizes, with a cache."""
    cache = DynamicCache(config=model.config.get_text_config())
    rows, start = [], 0
    with torch.no_grad():
        for size in sizes:
            part = torch.tensor([ids[start:start + size]])
            rows.append(model(part, cache=cache, use_cache=True).logits[0])
            start += size
    return torch.cat(rows)


def greedy(model, prompt, suppressed):
    """Greedy ids by generate(), checked with whole forwards; also the smallest gap of the best two
    (relative to the range) and how often the suppression changed the choice."""
    with torch.no_grad():
        out = model.generate(torch.tensor([prompt]), do_sample=False, max_new_tokens=NEW_TOKENS)
    new = out[0, len(prompt):].tolist()
    assert len(new) == NEW_TOKENS and not set(new) & set(suppressed)
    logits = common.forward(model, prompt + new)[len(prompt) - 1:-1]
    span = (logits.max() - logits.min()).item()
    unsuppressed = logits.argmax(-1)
    logits[:, suppressed] = -torch.inf
    best = logits.topk(2, dim=-1).values
    assert logits.argmax(-1).tolist() == new
    changed = int((unsuppressed != logits.argmax(-1)).sum())
    return new, ((best[:, 0] - best[:, 1]).min() / span).item(), changed


def placeholder_rule(model, config):
    """Which row transformers embeds for a media placeholder id that comes without media."""
    base = [2, 9, config.image_token_id, 7, config.audio_token_id, config.video_token_id, 8]
    media = {config.image_token_id, config.audio_token_id, config.video_token_id}
    padded = [config.text_config.pad_token_id if token in media else token for token in base]
    same = torch.equal(common.forward(model, base), common.forward(model, padded))
    return "pad row (scaled)" if same else "own row"


def make(variant, folder):
    """Make one variant; return its manifest entry."""
    shutil.rmtree(folder, ignore_errors=True)
    save(variant, folder)
    model = common.load_reference(folder, getattr(torch, variant["dtype"]))
    config = model.config
    vocab = config.text_config.vocab_size
    suppressed = model.generation_config.suppress_tokens
    model.generation_config = GenerationConfig(suppress_tokens=suppressed, pad_token_id=0)
    media = {config.image_token_id, config.audio_token_id, config.video_token_id}
    plain = [token for token in range(3, vocab) if token not in media]
    cases = []
    for length in variant["lengths"]:
        for seed in range(1000):  # the first prompt whose greedy steps are clear and varied
            rng = np.random.default_rng([variant["seed"], length, seed])
            ids = [2, *(int(token) for token in rng.choice(plain, length - 1))]
            prompt = ids if length > 1 else [2, int(rng.choice(plain))]
            new, gap, changed = greedy(model, prompt, suppressed)
            varied = changed and len(set(new)) >= NEW_TOKENS // 2
            if gap > MIN_GAP and (varied or seed > 300):
                break
        else:
            raise RuntimeError("no clear prompt found")
        logits = common.forward(model, ids)
        span = (logits.max() - logits.min()).item()
        sizes = [min(CHUNK, length - start) for start in range(0, length, CHUNK)]
        errors = {
            "chunks": (chunked(model, ids, sizes) - logits).abs().max().item() / span,
            "single": (chunked(model, ids, [1] * length) - logits).abs().max().item() / span,
        }
        cap = config.text_config.final_logit_softcapping
        raw_std = (torch.atanh((logits / cap).clamp(-0.999999, 0.999999)) * cap).std().item()
        name = f"len{length}"
        print(f"{variant['name']} {name}: range {span:.2f}, std before cap {raw_std:.2f}, errors "
              f"{errors['chunks']:.1e} {errors['single']:.1e}, greedy gap {gap:.1e}, "
              f"suppression changed {changed} of {NEW_TOKENS}, {len(set(new))} different")
        assert max(errors.values()) < MAX_ERROR
        common.write_json(f"{folder}/{name}.ids.json", ids, indent=None)
        common.write_json(f"{folder}/{name}.greedy.json", {"prompt": prompt, "new": new},
                          indent=None)
        np.save(f"{folder}/{name}.logits.npy", logits.numpy())
        cases.append({"name": name, "length": length, "prompt_seed": seed,
                      "logit_range": round(span, 3), "std_before_cap": round(raw_std, 3),
                      "error_chunks_of_5": float(f"{errors['chunks']:.1e}"),
                      "error_one_by_one": float(f"{errors['single']:.1e}"),
                      "greedy_min_gap": float(f"{gap:.1e}"), "suppression_changed": changed})
    return {"name": variant["name"], "seed": variant["seed"], "weights": variant["dtype"],
            "embed_scale": common.embed_scale(config.text_config.hidden_size),
            "embed_scale_how": "the embed_scale buffer of the float32 model is set to "
                               "bf16(sqrt(hidden_size))",
            "config_form": "hub" if variant.get("hub_form") else "re-saved (per_layer_config)",
            "vision_names": "in-memory" if variant.get("in_memory_names") else "hub",
            "placeholder_without_media_embeds": placeholder_rule(model, config),
            "suppress_tokens": suppressed, "cases": cases}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    entries = [make(variant, os.path.join(sys.argv[1], variant["name"])) for variant in VARIANTS]
    common.write_json(os.path.join(sys.argv[1], "manifest.json"), {
        "command": "python3 tools/make_model_goldens.py tests/golden/models",
        "packages": {"torch": torch.__version__, "transformers": transformers.__version__,
                     "tokenizers": tokenizers.__version__, "numpy": np.__version__,
                     "safetensors": safetensors.__version__},
        "reference": "float32 on the CPU, eager attention, one forward without a cache",
        "new_tokens": NEW_TOKENS, "errors_are": "largest difference divided by the logit range",
        "variants": entries})


if __name__ == "__main__":
    main()
