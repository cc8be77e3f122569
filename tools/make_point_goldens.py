#!/usr/bin/env python3
"""Make tests/golden/point/: what transformers answers in float32 to held-out prompts of each text skill of carat-point.

    make_point_goldens.py [--count 200] [--skill NAME ...]

Greedy, through generate, from models/point as shipped. One file per skill, one case per line: the rendered prompt, and
the ids of the answer with its stop. An answer whose choice hung on less than TIE is left out: there two correct programs
may differ. Prints how many answers are right, as eval/run.py does.
"""

import argparse
import json
import pathlib
import sys

import transformers

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "point"), str(HERE / "point/eval")]

import golden_common as common  # noqa: E402
import world  # noqa: E402
from answers import answers, count_of, held_out, load, visible  # noqa: E402

POINT = HERE.parent / "models/point"
OUT = HERE.parent / "tests/golden/point"
TIE = 1e-3  # of logits in -30..30; programs differ by 1e-4 of them


def margin(model, prompt, answer):
    """The least lead of a chosen token over the next best."""
    logits = common.forward(model, prompt + answer)[len(prompt) - 1:-1]
    best = logits.topk(2).values
    return (best[:, 0] - best[:, 1]).min().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--skill", action="append", choices=list(world.TEXT_SKILLS))
    options = parser.parse_args()
    transformers.utils.logging.set_verbosity_error()
    model, samples, stops = load(POINT)
    OUT.mkdir(parents=True, exist_ok=True)
    for skill in options.skill or world.TEXT_SKILLS:
        # A few more than wanted, for those that hang on a tie.
        cases = held_out(skill, options.count + options.count // 20, samples)
        lines, right = [], []
        for (_, prompt, wanted), answer in zip(cases, answers(model, samples, cases, stops)):
            given = samples.tokenizer.decode(answer, skip_special_tokens=False)
            right.append(visible(given) == visible(wanted))
            if margin(model, samples.encode(prompt), answer) > TIE:
                lines.append(json.dumps({"prompt": prompt, "answer": answer}))
        count = count_of(skill, options.count)
        print(f"{skill:20} {sum(right[:count]):4} of {count:4}  {100 * sum(right[:count]) / count:5.1f} %  "
              f"(goldens: {len(lines)} of {len(cases)} without a tie)", flush=True)
        (OUT / f"{skill.replace(' ', '_')}.json").write_text("[" + ",\n".join(lines[:count]) + "]\n")


if __name__ == "__main__":
    main()
