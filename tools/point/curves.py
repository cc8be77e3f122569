#!/usr/bin/env python3
"""Draw what training logged, and a sheet of samples.

    curves.py TRAINED_FOLDER OUT_FOLDER        (usually docs)

Writes point-curves.svg from state.csv and drafter.csv, and point-samples.png: pictures of the world with a question
and its answer each.
"""

import csv
import pathlib
import random
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plot  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import world  # noqa: E402

SMOOTH = 10  # rows of the log


def columns(path):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in rows[0]}


def smoothed(values):
    return [sum(values[max(0, i - SMOOTH):i + 1]) / len(values[max(0, i - SMOOTH):i + 1]) for i in range(len(values))]


def draw_curves(folder, out):
    names = {"state": ("carat-point", "loss of the answers", "loss of the prompts"),
             "drafter": ("its drafter", "loss of the first draft", "loss of the later drafts")}
    figure, axes = plot.subplots(1, 2, figsize=(11, 4))
    for axis, (name, (title, first, second)) in zip(axes, names.items()):
        if not (folder / f"{name}.csv").exists():
            continue
        log = columns(folder / f"{name}.csv")
        millions = [tokens / 1e6 for tokens in log["tokens"]]
        for losses, label in zip(list(log)[3:5], (first, second)):  # after step, tokens and seconds
            axis.plot(millions, smoothed(log[losses]), label=label)
        axis.set(title=title, xlabel="million tokens", yscale="log")
        axis.grid(True, which="both", alpha=0.3)
        axis.legend()
    figure.tight_layout()
    plot.rcParams["svg.hashsalt"] = "carat-point"  # the same picture, the same file
    figure.savefig(out / "point-curves.svg", metadata={"Date": None})


def draw_samples(out):
    skills = [skill for skill in world.PICTURE_SKILLS if skill != "video"]
    figure, axes = plot.subplots(3, 3, figsize=(11, 9))
    rng = random.Random(3)
    for axis, skill in zip(axes.flat, skills):
        sample = world.make_sample(rng, skill)
        question, answer = (message["content"] for message in sample.messages[-2:])
        if isinstance(question, list):
            question = question[-1]["text"]
        axis.imshow(sample.media[0].image)
        axis.axis("off")
        axis.set_title(f"{question}\n{answer}", fontsize=7)
    figure.tight_layout()
    figure.savefig(out / "point-samples.png", dpi=80)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder, out = map(pathlib.Path, sys.argv[1:])
    draw_curves(folder, out)
    draw_samples(out)


if __name__ == "__main__":
    main()
