#!/usr/bin/env python3
"""Measure carat-point per skill, by greedy generation from the real prompt, on conversations that training never saw.

    eval/run.py MODEL_FOLDER [--count 200] [--skill NAME ...] [--out FILE.json] [--show N]

An answer counts only if all of it but the thought is what the world says, to the letter; a tool call if its name and
every argument are. The weights are bf16, the computation is float32. Prints one line per skill; --out keeps prompts,
wanted and given answers.
"""

import argparse
import json
import pathlib
import sys

import transformers

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]

import world  # noqa: E402
from answers import answers, held_out, load, visible  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--skill", action="append", choices=list(world.SKILLS))
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--show", type=int, default=0, help="print so many wrong answers of each skill")
    options = parser.parse_args()
    transformers.utils.logging.set_verbosity_error()
    model, samples, stops = load(options.folder)
    results = {}
    for skill in options.skill or world.SKILLS:
        cases = held_out(skill, options.count, samples)
        rows = []
        for (_, prompt, wanted), (given, _) in zip(cases, answers(model, samples, cases, stops)):
            given = samples.tokenizer.decode(given, skip_special_tokens=False)
            rows.append({"prompt": prompt, "wanted": wanted, "given": given, "right": visible(wanted) == visible(given)})
        right = sum(row["right"] for row in rows)
        print(f"{skill:20} {right:4} of {len(rows):4}  {100 * right / len(rows):5.1f} %", flush=True)
        for row in [row for row in rows if not row["right"]][:options.show]:
            print("   prompt", repr(row["prompt"][-120:]), "\n   wanted", repr(row["wanted"]), "\n   given ",
                  repr(row["given"]))
        results[skill] = rows
    if options.out:
        options.out.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
