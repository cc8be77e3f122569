#!/usr/bin/env python3
"""Compare fast kernels with the reference: perplexity, KL divergence and how often the most probable token is the same.

    fidelity.py CARAT MODEL [MODEL …] [--text FILE | --ids N] [--kernels NAMES]

Prints lines of a Markdown table, a line for each model and table of kernels. A model is what `carat inspect logits --model`
takes. Tokens are read as a prompt's, over an f32 cache. The prompt is a text, read by the model's tokenizer with <bos> before it, or N ids at random. Needs numpy.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile

import numpy as np


def logits(carat, model, ids, out, options):
    subprocess.run([carat, "inspect", "logits", "--model", model, "--ids", ids, "--rows", "all", "--out", out, *options],
                   check=True)
    values = np.load(out).astype(np.float64)
    values -= values.max(1, keepdims=True)
    return values - np.log(np.exp(values).sum(1, keepdims=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("carat")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--text")
    parser.add_argument("--ids", type=int, default=64)
    parser.add_argument("--kernels", default="avx2,avxvnni,avx512,avx512vnni,amx")
    args = parser.parse_args()
    print("| model | kernels | perplexity, reference | perplexity | mean KL | most probable the same |")
    print("| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        ids_file, out = str(pathlib.Path(folder) / "ids.json"), str(pathlib.Path(folder) / "logits.npy")
        for model in args.models:
            if args.text:
                shown = subprocess.run([args.carat, "inspect", "tokens", "--model", model, "--json", "--text",
                                        pathlib.Path(args.text).read_text(encoding="utf-8")],
                                       check=True, capture_output=True, text=True)
                ids = [2, *json.loads(shown.stdout)["ids"]]
            else:
                ids = [2, *(int(i) for i in np.random.default_rng(1).integers(300, 1000, args.ids - 1))]
            pathlib.Path(ids_file).write_text(json.dumps(ids), encoding="utf-8")
            reference = logits(args.carat, model, ids_file, out, ["--reference"])
            rows = np.arange(len(ids) - 1)
            perplexity = lambda log_p: np.exp(-log_p[rows, ids[1:]].mean())
            for name in args.kernels.split(","):
                try:
                    fast = logits(args.carat, model, ids_file, out, ["--kernels", name])
                except subprocess.CalledProcessError:  # carat has said why
                    continue
                kl = (np.exp(reference) * (reference - fast)).sum(1).mean()
                same = (reference.argmax(1) == fast.argmax(1)).mean()
                print(f"| {pathlib.Path(model).name} | {name} | {perplexity(reference):.4g} | {perplexity(fast):.4g} | "
                      f"{kl:.2g} | {100 * same:.1f} % |", flush=True)


if __name__ == "__main__":
    main()
