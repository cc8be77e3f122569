#!/usr/bin/env python3
"""Measure the drafter: how many of three drafts the target accepts, by place in the round and by kind of turn.

    eval/drafts.py MODEL_FOLDER [--count 50] [--depth 3]

The target's greedy answers to held-out prompts are made by generate; then rounds are played on them as in decoding:
each begins at the last accepted token, and the drafter reads its own drafts and its own hidden state.
"""

import argparse
import pathlib
import sys

import torch
import transformers

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]

import world  # noqa: E402
from answers import answers, held_out, load  # noqa: E402
from data import add, collate  # noqa: E402
from drafter import DraftNet, make_drafter  # noqa: E402
from net import Net  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

KINDS = {"text": [skill for skill in world.TEXT_SKILLS if not skill.startswith("tool")], "tool call": ["tool call"],
         "tool answer": ["tool answer"], "picture": list(world.PICTURE_SKILLS), "sound": list(world.SOUND_SKILLS)}


def drafted(draft, batch, places, depth):
    """What is drafted from each place of a batch of one: [places, depth]."""
    _, rows, caches, hidden = draft.begin(batch, places)
    token, out = batch.ids.gather(1, places), []
    for _ in range(depth):
        y, rows = draft.step(draft.token_rows(token), rows, caches, places, hidden)
        token = draft.logits(y).argmax(-1)
        out.append(token[0])
    return torch.stack(out, 1).tolist()


def rounds(drafts, answer):
    """The accepted drafts of each round. drafts[i]: what follows answer[i]. A round at the end may not need all."""
    at, out = 0, []
    while at + 1 < len(answer):
        wanted = answer[at + 1:at + 1 + len(drafts[at])]
        accepted = 0
        while accepted < len(wanted) and drafts[at][accepted] == wanted[accepted]:
            accepted += 1
        out.append((accepted, len(wanted)))
        at += accepted + 1
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=50, help="conversations of each skill")
    parser.add_argument("--depth", type=int, default=3)
    options = parser.parse_args()
    transformers.utils.logging.set_verbosity_error()
    model, samples, stops = load(options.folder)
    drafter = make_drafter(samples.tokenizer.get_vocab())
    weights = load_file(options.folder / "assistant/model.safetensors")
    drafter.load_state_dict({name: tensor.float() for name, tensor in weights.items()}, strict=False)
    draft = DraftNet(drafter, Net(model, compiled=False), compiled=False)
    print("kind          rounds  mean accepted  by place: of the rounds that needed it, accepted up to there")
    for kind, skills in KINDS.items():
        played = []
        for skill in skills:
            cases = held_out(skill, options.count, samples)
            for (sample, _, _), (answer, _) in zip(cases, answers(model, samples, cases, stops)):
                item = samples.prompt(sample)
                first = len(item.ids)
                add(item, answer)
                places = torch.arange(first, len(item.ids))[None]
                with torch.no_grad():
                    played += rounds(drafted(draft, collate([item]), places, options.depth), answer)
        full = [accepted for accepted, needed in played if needed == options.depth]
        by_place = []
        for place in range(options.depth):
            needed = [accepted > place for accepted, need in played if need > place]
            by_place.append(f"{100 * sum(needed) / max(1, len(needed)):5.1f} %")
        print(f"{kind:12} {len(played):7}  {sum(full) / max(1, len(full)):13.2f}  {'  '.join(by_place)}", flush=True)


if __name__ == "__main__":
    main()
