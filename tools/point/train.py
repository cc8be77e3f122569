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
from net import Net  # noqa: E402

SEED = 20261125
MATRIX_RATE, PATCH_RATE, REST_RATE = 4e-3, 1e-3, 2e-3
WARMUP = 100
SAVE_SECONDS = 300


def optimisers(model):
    """Muon for matrices, AdamW for tables and norms. The patches' matrix is wide: a step moves what it sees further."""
    matrices, patches, rest = [], [], []
    for name, tensor in model.named_parameters():
        is_table = tensor.dim() != 2 or "embed_tokens" in name
        (rest if is_table else patches if "patch_dense" in name else matrices).append(tensor)
    groups = [{"params": matrices, "base": MATRIX_RATE}, {"params": patches, "base": PATCH_RATE}]
    return [torch.optim.Muon(groups, lr=MATRIX_RATE, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW([{"params": rest, "base": REST_RATE}], betas=(0.9, 0.98), weight_decay=0.0)]


def rate_factor(step, options):
    factor = min(1.0, (step + 1) / WARMUP)
    if options.decay_from is not None and step >= options.decay_from:
        factor *= max(0.0, (options.steps - step) / max(1, options.steps - options.decay_from))
    return factor


def mean_losses(each, weights):
    """Mean loss over the answers' ids and over the prompts', and the weighted mean that is to go down."""
    answer = weights == 1
    means = [(each * part).sum() / part.sum().clamp(min=1) for part in (answer, ~answer)]
    return *means, (each * weights).sum() / weights.sum()


def prepared(samples, tokens, place):
    """A queue of batches made by a process of its own, each with the place after it."""
    queue = torch.multiprocessing.Queue(8)

    def work():
        torch.set_num_threads(1)
        batches = Batches(samples, tokens, place)
        for batch in batches:
            queue.put((batch, batches.place))

    torch.multiprocessing.get_context("fork").Process(target=work, daemon=True).start()
    return queue


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
    parser.add_argument("--tokens-per-step", type=int, default=4096)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.folder.mkdir(parents=True, exist_ok=True)
    tokenizer = options.folder / "tokenizer.json"
    if not tokenizer.exists():
        subprocess.run([sys.executable, HERE / "tokenizer.py", tokenizer], check=True)
    samples = Samples(tokenizer, SEED)
    state_path = options.folder / "state.pt"
    state = torch.load(state_path, weights_only=True) if state_path.exists() else {"step": 0, "tokens": 0, "place": (0, 0)}
    step, tokens, place = state["step"], state["tokens"], state["place"]
    source = prepared(samples, options.tokens_per_step, place)  # before there are threads
    model = point.make_model(samples.tokenizer.get_vocab())
    optims = optimisers(model)
    if "model" in state:
        model.load_state_dict(state["model"])
        for optim, saved in zip(optims, state["optimisers"]):
            optim.load_state_dict(saved)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, from step {step}", flush=True)
    net = Net(model)
    started = saved = time.monotonic()
    log_path = options.folder / "log.csv"
    new_log = not log_path.exists()
    with open(log_path, "a", newline="") as log_file:
        log = csv.writer(log_file)
        if new_log:
            log.writerow(["step", "tokens", "seconds", "answer_loss", "prompt_loss", "rate"])
        means = []
        while step < options.steps:
            batch, place = source.get()
            factor = rate_factor(step, options)
            for optim in optims:
                for group in optim.param_groups:
                    group["lr"] = group["base"] * factor
                optim.zero_grad(set_to_none=True)
            answer, prompt, loss = mean_losses(*net.losses(batch))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optim in optims:
                optim.step()
            step += 1
            tokens += batch.tokens
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
                    save(options.folder, model, optims, step, tokens, place)
                    saved = now
    save(options.folder, model, optims, step, tokens, place)


if __name__ == "__main__":
    main()
