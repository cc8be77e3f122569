#!/usr/bin/env python3
"""Train carat-point. Resumable: start it again with the same folder and it goes on where it stopped.

    train.py FOLDER --steps N [--decay-from N] [--tokens-per-step N] [--threads N] [--media-only]
             [--begin-with MODEL_FOLDER [--fresh-sight] --pool N]

FOLDER gets tokenizer.json, state.pt (weights, optimisers, step) and state.csv (step, tokens, seconds, loss of the answers,
of the prompts and of the guide, learning rate). The learning rate is constant until --decay-from; from there it falls to
zero at --steps, so that training can be prolonged before it is ended. SIGTERM ends it after the step, saved. --begin-with takes the weights of an exported model
as the first ones where FOLDER holds no state, --fresh-sight without those that see; give its tokenizer.json to FOLDER too,
and a pool that its training did not reach.
"""

import argparse
import pathlib
import sys

import torch
from transformers import Gemma4UnifiedForConditionalGeneration

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import model as point  # noqa: E402
import training  # noqa: E402
from guide import SHARE, Guide  # noqa: E402
from net import Net  # noqa: E402


def mean_losses(each, weights):
    """Mean loss over the answers' ids and over the prompts', and the weighted mean that is to go down."""
    answer = weights == 1
    means = [(each * part).sum() / part.sum().clamp(min=1) for part in (answer, ~answer)]
    return *means, (each * weights).sum() / weights.sum()


def make(samples, options):
    model = point.make_model(samples.tokenizer.get_vocab())
    if options.begin_with is not None:
        exported = Gemma4UnifiedForConditionalGeneration.from_pretrained(options.begin_with, dtype=torch.float32)
        fresh = {name: value for name, value in model.state_dict().items() if options.fresh_sight and training.sees(name)}
        model.load_state_dict(exported.state_dict() | fresh)
    net = Net(model)
    model.guide = Guide(net.config.layer_types.count("full_attention"))

    def losses(batch):
        inner = []
        answers, others, total = mean_losses(*net.losses(batch, inner))
        guided = model.guide(inner, batch)
        return answers, others, guided.detach(), total + SHARE * guided

    return model, losses


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--begin-with", type=pathlib.Path)
    parser.add_argument("--fresh-sight", action="store_true", help="what sees begins anew")
    training.add_options(parser)
    options = parser.parse_args()
    training.train("state", options, lambda samples: make(samples, options),
                   ["answer_loss", "other_loss", "guide_loss"])


if __name__ == "__main__":
    main()
