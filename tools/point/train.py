#!/usr/bin/env python3
"""Train carat-point. Resumable: start it again with the same folder and it goes on where it stopped.

    train.py FOLDER [--steps N] [--tokens-per-step N] [--threads N]

FOLDER gets tokenizer.json, state.pt (weights, optimisers, step) and log.csv (step, tokens, seconds, loss of the answers,
loss of the prompts, learning rate). The learning rate is constant until --decay-from N; from there it falls to zero at
--steps, so that training can be prolonged before it is ended.
"""

import argparse
import csv
import pathlib
import subprocess
import sys
import time

import torch

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import model as point  # noqa: E402
from data import Batches, Samples  # noqa: E402

SEED = 20261125
MATRIX_RATE, REST_RATE = 4e-3, 2e-3
WARMUP = 100
SAVE_SECONDS = 300


def optimisers(model):
    """Muon for the layers' matrices, AdamW for tables, norms and the embedders of media."""
    matrices, rest = [], []
    for name, tensor in model.named_parameters():
        (matrices if tensor.dim() == 2 and ".layers." in name else rest).append(tensor)
    return [torch.optim.Muon(matrices, lr=MATRIX_RATE, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(rest, lr=REST_RATE, betas=(0.9, 0.98), weight_decay=0.0)]


def rate_factor(step, options):
    factor = min(1.0, (step + 1) / WARMUP)
    if options.decay_from is not None and step >= options.decay_from:
        factor *= max(0.0, (options.steps - step) / max(1, options.steps - options.decay_from))
    return factor


def losses(model, batch):
    """Mean loss over the answers' ids and over the prompts', and the weighted sum to go down."""
    ids, weights, mask = batch
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1]
    target, weight = ids[:, 1:], weights[:, 1:]
    each = torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), target.flatten(), reduction="none")
    each = each.view_as(weight)
    is_answer, is_prompt = weight == 1, (weight > 0) & (weight < 1)
    answer = (each * is_answer).sum() / is_answer.sum().clamp(min=1)
    prompt = (each * is_prompt).sum() / is_prompt.sum().clamp(min=1)
    return answer, prompt, (each * weight).sum() / weight.sum()


def save(folder, model, optims, step, tokens, place):
    state = {"model": model.state_dict(), "optimisers": [o.state_dict() for o in optims], "step": step, "tokens": tokens,
             "place": place, "torch": str(torch.__version__)}
    torch.save(state, folder / "state.tmp")
    (folder / "state.tmp").replace(folder / "state.pt")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--steps", type=int, default=30000)
    parser.add_argument("--decay-from", type=int)
    parser.add_argument("--tokens-per-step", type=int, default=6144)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.folder.mkdir(parents=True, exist_ok=True)
    tokenizer = options.folder / "tokenizer.json"
    if not tokenizer.exists():
        subprocess.run([sys.executable, HERE / "tokenizer.py", tokenizer], check=True)
    samples = Samples(tokenizer, SEED)
    model = point.make_model(samples.tokenizer.get_vocab())
    optims = optimisers(model)
    step, tokens, place = 0, 0, (0, 0)
    if (options.folder / "state.pt").exists():
        state = torch.load(options.folder / "state.pt", weights_only=True)
        model.load_state_dict(state["model"])
        for optim, saved in zip(optims, state["optimisers"]):
            optim.load_state_dict(saved)
        step, tokens, place = state["step"], state["tokens"], state["place"]
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, from step {step}", flush=True)
    model.train()
    started = saved = time.monotonic()
    log_path = options.folder / "log.csv"
    new_log = not log_path.exists()
    with open(log_path, "a", newline="") as log_file:
        log = csv.writer(log_file)
        if new_log:
            log.writerow(["step", "tokens", "seconds", "answer_loss", "prompt_loss", "rate"])
        means = []
        batches = Batches(samples, options.tokens_per_step, place)
        source = iter(batches)
        while step < options.steps:
            batch = next(source)
            factor = rate_factor(step, options)
            for optim, rate in zip(optims, (MATRIX_RATE, REST_RATE)):
                for group in optim.param_groups:
                    group["lr"] = rate * factor
                optim.zero_grad(set_to_none=True)
            answer, prompt, loss = losses(model, batch)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optim in optims:
                optim.step()
            step += 1
            tokens += int(batch[2].sum())
            means.append((answer.item(), prompt.item()))
            if step % 20 == 0:
                now = time.monotonic()
                row = [step, tokens, f"{now - started:.1f}", *(f"{sum(m) / len(m):.4f}" for m in zip(*means)),
                       f"{factor:.4f}"]
                log.writerow(row)
                log_file.flush()
                print(*row, flush=True)
                means = []
                if now - saved > SAVE_SECONDS:
                    save(options.folder, model, optims, step, tokens, batches.place)
                    saved = now
    save(options.folder, model, optims, step, tokens, batches.place)


if __name__ == "__main__":
    main()
