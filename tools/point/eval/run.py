#!/usr/bin/env python3
"""Measure carat-point per skill, by greedy generation from the real prompt, on prompts that training never saw.

    eval/run.py MODEL_FOLDER [--count 200] [--skill NAME ...] [--out FILE.json] [--show N]

An answer counts only if all of it but the thought is what the world says, to the letter; a tool call if its name and
every argument are. Prints one line per skill; --out keeps prompts, wanted and given answers.
"""

import argparse
import json
import pathlib
import random
import sys

import torch
import transformers
from tokenizers import Tokenizer

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]

import golden_common as common  # noqa: E402
import world  # noqa: E402
from render import Renderer  # noqa: E402

MAX_NEW = 160
BATCH = 32


def held_out(skill, count, render):
    """`count` different prompts of the skill with their answers; of small talk, which has fewer, half as many."""
    count = count // 2 if skill == "talk" else count
    rng, found = random.Random(f"evaluation/{skill}"), {}
    while len(found) < count:
        sample = world.make_sample(rng, skill)
        prompt, answer = render(sample)
        if skill == "talk" or world.is_held_out(skill, prompt):
            found.setdefault(prompt, answer)
    return list(found.items())


def generate(model, tokenizer, prompts, stops):
    """Greedy answers as text, control tokens included."""
    encoded = [tokenizer.encode(prompt, add_special_tokens=False).ids for prompt in prompts]
    width = max(map(len, encoded))
    ids = torch.zeros(len(encoded), width, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, item in enumerate(encoded):  # padded on the left, so that all end at one place
        ids[row, width - len(item):] = torch.tensor(item)
        mask[row, width - len(item):] = 1
    with torch.no_grad():
        out = model.generate(input_ids=ids, attention_mask=mask, do_sample=False, max_new_tokens=MAX_NEW,
                             eos_token_id=stops, pad_token_id=0)
    texts = []
    for row in out[:, width:].tolist():
        end = next((i for i, token in enumerate(row) if token in stops), len(row) - 1)
        texts.append(tokenizer.decode(row[:end + 1], skip_special_tokens=False))
    return texts


def visible(answer):
    """Without the thought."""
    return answer.rsplit("<channel|>", 1)[-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--skill", action="append", choices=list(world.SKILLS))
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--show", type=int, default=0, help="print so many wrong answers of each skill")
    options = parser.parse_args()
    transformers.utils.logging.set_verbosity_error()
    model = common.load_reference(options.folder, torch.bfloat16)
    tokenizer = Tokenizer.from_file(str(options.folder / "tokenizer.json"))
    stops = common.read_json(options.folder / "generation_config.json")["eos_token_id"]
    render, results = Renderer(), {}
    for skill in options.skill or world.SKILLS:
        cases = sorted(held_out(skill, options.count, render), key=lambda case: len(case[0]))
        rows = []
        for begin in range(0, len(cases), BATCH):
            part = cases[begin:begin + BATCH]
            for (prompt, wanted), given in zip(part, generate(model, tokenizer, [p for p, _ in part], stops)):
                rows.append({"prompt": prompt, "wanted": wanted, "given": given,
                             "right": visible(wanted) == visible(given)})
        right = sum(row["right"] for row in rows)
        print(f"{skill:16} {right:4} of {len(rows):4}  {100 * right / len(rows):5.1f} %", flush=True)
        for row in [row for row in rows if not row["right"]][:options.show]:
            print("   prompt", repr(row["prompt"][-120:]), "\n   wanted", repr(row["wanted"]), "\n   given ",
                  repr(row["given"]))
        results[skill] = rows
    if options.out:
        options.out.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
