"""The loop of training: optimisers, learning rate, state and log. Used for carat-point and for its drafter."""

import csv
import pathlib
import queue
import signal
import subprocess
import sys
import time

import torch

from data import Batches, Samples

HERE = pathlib.Path(__file__).resolve().parent

SEED = 20261125
MATRIX_RATE, SIGHT_RATE, REST_RATE = 4e-3, 1e-3, 2e-3
WARMUP = 100
SAVE_SECONDS = 300
REPORT = 20  # steps


def add_options(parser):
    parser.add_argument("--steps", type=int, required=True, help="how many in all, those done before counted in")
    parser.add_argument("--decay-from", type=int, help="the step from which the learning rate falls to zero at --steps")
    parser.add_argument("--rate", type=float, default=1.0, help="the share of the learning rate that is used")
    parser.add_argument("--tokens-per-step", type=int, default=4096)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--media-only", action="store_true", help="no conversations without pictures or sound")
    parser.add_argument("--pool", type=int, default=0, help="the pool of conversations that a new training begins with")


def sees(name):
    """Whether a parameter of this name belongs to seeing."""
    return "vision" in name


def optimisers(model):
    """Muon for matrices, AdamW for tables and norms, and for all that sees: Muon steps as far in every direction, and most
    directions of a patch's 6912 values are noise, which then drowns edges."""
    matrices, sight, rest = [], [], []
    for name, tensor in model.named_parameters():
        is_table = tensor.dim() != 2 or "embed_tokens" in name or name.startswith("guide.")
        (sight if sees(name) else rest if is_table else matrices).append(tensor)
    groups = [{"params": rest, "base": REST_RATE}] + ([{"params": sight, "base": SIGHT_RATE}] if sight else [])
    return [torch.optim.Muon([{"params": matrices, "base": MATRIX_RATE}], lr=MATRIX_RATE, weight_decay=0.05,
                             adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=0.0)]


def rate_factor(step, options):
    factor = options.rate * min(1.0, (step + 1) / WARMUP)
    if options.decay_from is not None and step >= options.decay_from:
        factor *= max(0.0, (options.steps - step) / max(1, options.steps - options.decay_from))
    return factor


def prepared(samples, tokens, place):
    """Batches made by a process of its own, each with the place after it."""
    made = torch.multiprocessing.Queue(8)

    def work():
        torch.set_num_threads(1)
        batches = Batches(samples, tokens, place)
        for batch in batches:
            made.put((batch, batches.place))

    process = torch.multiprocessing.get_context("fork").Process(target=work, daemon=True)
    process.start()  # now: before there are threads

    def batches():
        while True:
            try:
                yield made.get(timeout=10)
            except queue.Empty:
                if not process.is_alive():
                    sys.exit("the process that makes conversations has ended")

    return batches()


def save(path, model, optims, step, tokens, place, of):
    state = {"model": model.state_dict(), "optimisers": [o.state_dict() for o in optims], "step": step, "tokens": tokens,
             "place": place, "of": of, "torch": str(torch.__version__)}
    torch.save(state, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").replace(path)


def load(state_path, log_path, pool, of):
    """The state to go on from and the seconds that it took, with the log cut where it was saved. Begins anew where there is
    none, or only one that was trained for another `of`."""
    state = torch.load(state_path, weights_only=True) if state_path.exists() else {}
    if "step" not in state or state.get("of") != of:
        log_path.unlink(missing_ok=True)
        return {"step": 0, "tokens": 0, "place": (pool, 0)}, 0.0
    if not log_path.exists():
        return state, 0.0
    with open(log_path, newline="") as file:
        rows = list(csv.reader(file))
    rows = rows[:1] + [row for row in rows[1:] if int(row[0]) <= state["step"]]
    with open(log_path, "w", newline="") as file:
        csv.writer(file).writerows(rows)
    return state, float(rows[-1][2]) if len(rows) > 1 else 0.0


def train(name, options, make, columns, of=None):
    """Trains until options.steps, and ends the program with 143 if it is told to end before. FOLDER/name.pt holds the state
    and FOLDER/name.csv the log. make(samples) gives the model and a function of a batch: the losses that the log has columns
    for, and the loss that is to go down. `of` says what it is trained for."""
    torch.set_num_threads(options.threads)
    options.folder.mkdir(parents=True, exist_ok=True)
    tokenizer = options.folder / "tokenizer.json"
    if not tokenizer.exists():
        subprocess.run([sys.executable, HERE / "tokenizer.py", tokenizer], check=True)
    samples = Samples(tokenizer, SEED, options.media_only)
    state_path, log_path = options.folder / f"{name}.pt", options.folder / f"{name}.csv"
    state, spent = load(state_path, log_path, options.pool, of)
    step, tokens, place = state["step"], state["tokens"], state["place"]
    source = prepared(samples, options.tokens_per_step, place)
    model, losses = make(samples)
    optims = optimisers(model)
    if "model" in state:
        model.load_state_dict(state["model"])
        for optim, saved in zip(optims, state["optimisers"]):
            optim.load_state_dict(saved)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, from step {step}", flush=True)
    saved = time.monotonic()
    started = saved - spent
    new_log = not log_path.exists()
    with open(log_path, "a", newline="") as log_file:
        log = csv.writer(log_file)
        if new_log:
            log.writerow(["step", "tokens", "seconds", *columns, "rate"])
        seen = []
        stopping = []
        signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))  # ends after the step, with the state saved
        while step < options.steps and not stopping:
            batch, place = next(source)
            factor = rate_factor(step, options)
            for optim in optims:
                for group in optim.param_groups:
                    group["lr"] = group["base"] * factor
                optim.zero_grad(set_to_none=True)
            *means, loss = losses(batch)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optim in optims:
                optim.step()
            step += 1
            tokens += batch.tokens
            seen.append([mean.item() for mean in means])
            if step % REPORT == 0:
                now = time.monotonic()
                row = [step, tokens, f"{now - started:.1f}", *(f"{sum(m) / len(m):.4f}" for m in zip(*seen)),
                       f"{factor:.4f}"]
                log.writerow(row)
                log_file.flush()
                print(*row, flush=True)
                seen = []
                if now - saved > SAVE_SECONDS:
                    save(state_path, model, optims, step, tokens, place, of)
                    saved = now
    save(state_path, model, optims, step, tokens, place, of)
    if step < options.steps:
        sys.exit(143)
