#!/usr/bin/env python3
"""Make random drafters for the checkpoints of make_model_goldens.py and what transformers drafts with them.

    make_drafter_goldens.py MODELS_FOLDER        (usually tests/golden/models, after make_media_goldens.py)

Per checkpoint: `assistant/`, a drafter as save_pretrained writes it, and for some cases of both scripts
`<case>.draft.json` (`first`: the greedy token after the case's ids; `drafts`: eight tokens after it) and
`<case>.draft.npy` (float32 [8, vocabulary], the drafter's raw logits of each). A draft is the highest logit whose id is
neither in suppress_tokens nor a medium's placeholder. The drafter sees the cache rows of the case's ids, the state is the
normed hidden state of the last of them. Float32 on the CPU, eager attention, embedding scale rounded to bf16.
"""

import os
import shutil
import sys

import numpy as np
import torch
import transformers
from transformers import GenerationConfig
from transformers.models.gemma4_unified_assistant.configuration_gemma4_unified_assistant import (
    Gemma4UnifiedAssistantConfig)
from transformers.models.gemma4_unified_assistant.modeling_gemma4_unified_assistant import (
    Gemma4UnifiedAssistantForCausalLM)

import golden_common as common
from make_media_goldens import CASES, build, reference_masks

STEPS = 8
MIN_GAP = 1e-3  # of the logit range, between the best two of each step


def make_drafter(target, folder, seed, dtype):
    """Write a random drafter for a target; gives it back in float32."""
    text = target.config.text_config.to_dict()
    names = ("vocab_size", "num_attention_heads", "num_key_value_heads", "head_dim", "sliding_window",
             "attention_k_eq_v", "rms_norm_eps", "max_position_embeddings", "rope_parameters")
    layers = ["sliding_attention"] * 3 + ["full_attention"]
    config = Gemma4UnifiedAssistantConfig(
        backbone_hidden_size=text["hidden_size"], dtype=str(dtype).removeprefix("torch."), attn_implementation="eager",
        image_token_id=target.config.image_token_id, audio_token_id=target.config.audio_token_id,
        text_config={"model_type": "gemma4_unified_text", **{name: text[name] for name in names},
                     "global_head_dim": 512, "num_global_key_value_heads": 1, "hidden_size": 64,
                     "intermediate_size": 64, "num_hidden_layers": 4, "num_kv_shared_layers": 4,
                     "layer_types": layers, "final_logit_softcapping": None})
    drafter = Gemma4UnifiedAssistantForCausalLM(config).float().eval()
    common.randomise(drafter, seed)
    drafter = drafter.to(dtype)
    drafter.generation_config = GenerationConfig(num_assistant_tokens=STEPS)
    shutil.rmtree(folder, ignore_errors=True)
    drafter.save_pretrained(folder)
    for name in os.listdir(folder):
        os.chmod(os.path.join(folder, name), 0o644)
    return Gemma4UnifiedAssistantForCausalLM.from_pretrained(
        folder, dtype=dtype, attn_implementation="eager").eval().float()


def draft(target, drafter, ids, types, arguments, excluded):
    """The first greedy token, the drafts after it, their logits, and the smallest gap of the best two."""
    ids_tensor = torch.tensor([ids])
    extra = {}
    with torch.no_grad():
        if any(types):
            extra["mm_token_type_ids"] = torch.tensor([types])
            extra["attention_mask"] = reference_masks(target, ids_tensor, extra["mm_token_type_ids"])
        out = target(input_ids=ids_tensor, use_cache=False, output_hidden_states=True, return_shared_kv_states=True,
                     **arguments, **extra)
        suppressed = target.generation_config.suppress_tokens
        row = out.logits[0, -1].clone()
        row[suppressed] = -torch.inf
        token = int(row.argmax())
        state = out.hidden_states[-1][:, -1:]
        shared = {kind: (k[:, :, :len(ids)], v[:, :, :len(ids)]) for kind, (k, v) in out.shared_kv_states.items()}
        first, drafts, logits, gap = token, [], [], np.inf
        for _ in range(STEPS):
            embedded = target.get_input_embeddings()(torch.tensor([[token]]))
            step = drafter(inputs_embeds=torch.cat((embedded, state), -1), position_ids=torch.tensor([[len(ids)]]),
                           shared_kv_states=shared, attention_mask=None)
            row = step.logits[0, 0].clone()
            logits.append(step.logits[0, 0].numpy())
            span = (row.max() - row.min()).item()
            row[excluded] = -torch.inf
            best = row.topk(2)
            gap = min(gap, ((best.values[0] - best.values[1]) / span).item())
            token, state = int(best.indices[0]), step.last_hidden_state
            drafts.append(token)
    return first, drafts, np.stack(logits), gap


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    for name, folder, dtype, target in common.checkpoints(sys.argv[1]):
        config = target.config
        excluded = [*target.generation_config.suppress_tokens, config.image_token_id, config.audio_token_id,
                    config.video_token_id]
        prompts = {file.removesuffix(".ids.json"): None for file in sorted(os.listdir(folder)) if file.endswith(".ids.json")}
        prompts.update(dict.fromkeys(CASES))
        for seed in range(100):  # the first drafter whose choices are clear
            drafter = make_drafter(target, os.path.join(folder, "assistant"), 1000 + seed, dtype)
            results = {}
            for case in prompts:
                if case in CASES:
                    ids, types, _, arguments = build(CASES[case], config, np.random.default_rng(1))
                else:
                    ids, arguments = common.read_json(f"{folder}/{case}.ids.json"), {}
                    types = [0] * len(ids)
                results[case] = draft(target, drafter, ids, types, arguments, excluded)
            if min(gap for *_, gap in results.values()) > MIN_GAP:
                break
        else:
            raise RuntimeError("no clear drafter found")
        for case, (first, drafts, logits, gap) in results.items():
            common.write_json(f"{folder}/{case}.draft.json", {"first": first, "drafts": drafts}, indent=None)
            np.save(f"{folder}/{case}.draft.npy", logits)
            print(f"{name} {case}: {len(set(drafts))} different, range {logits.max() - logits.min():.1f}, gap {gap:.1e}")


if __name__ == "__main__":
    main()
