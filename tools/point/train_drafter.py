#!/usr/bin/env python3
"""Train the drafter on the frozen carat-point of FOLDER/state.pt, as it will be used: the place is constant in a round,
the keys are the target's, and from the second step on it reads its own hidden state. It learns what the target would
write. Resumable.

    train_drafter.py FOLDER --steps N [--decay-from N] [--tokens-per-step N] [--threads N] [--begin-with DRAFTER --pool N]

--begin-with takes the weights of an exported drafter as the first ones. Give a pool from which on every skill is drawn.
FOLDER gets drafter.pt and drafter.csv (the losses: of the first draft, and of the later ones); a drafter of another target
that stands there is begun anew.
"""

import argparse
import pathlib
import sys

import torch
from safetensors.torch import load_file

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import model as point  # noqa: E402
import training  # noqa: E402
from drafter import DraftNet, make_drafter  # noqa: E402
from net import Net, linear  # noqa: E402

DEPTH = 4  # drafts of a round


def own_places(weights):
    """The places of ids that the model wrote, [batch, most], and which of them are real."""
    own = weights == 1
    order = torch.argsort(~own, dim=1, stable=True)[:, :int(own.sum(1).max())]
    return order.clamp(min=1), own.gather(1, order)


def draft_losses(draft, batch):
    """The mean loss of the first draft, of the later ones, and of all. A round begins at every id that the model wrote."""
    places, real = own_places(batch.weights)
    states, rows, caches, hidden = draft.begin(batch, places)
    choice = linear(states, draft.net.text.embed_tokens.weight).argmax(-1)  # the soft cap does not change it
    sums, counts, last = [], [], batch.ids.shape[1] - 1
    for depth in range(DEPTH):
        at = (places + depth).clamp(max=last)
        y, rows = draft.step(draft.token_rows(batch.ids.gather(1, at)), rows, caches, places, hidden)
        # The id after `at` is the target's choice there, as long as the turn goes on.
        real = real & (batch.weights.gather(1, (at + 1).clamp(max=last)) == 1) & (places + depth < last)
        each = torch.nn.functional.cross_entropy(draft.logits(y)[real], choice.gather(1, at)[real], reduction="none")
        sums.append(each.sum())
        counts.append(real.sum().clamp(min=1))
    later = sum(sums[1:]) / sum(counts[1:])
    return sums[0] / counts[0], later, sum(sums) / sum(counts)


def make(options, samples):
    vocab = samples.tokenizer.get_vocab()
    target = point.trained_model(vocab, options.folder / "state.pt")
    drafter = make_drafter(vocab)
    if options.begin_with is not None:
        drafter.load_state_dict({name: value.float() for name, value in
                                 load_file(options.begin_with / "model.safetensors").items()}, strict=False)
    # Compiling the small layers for every shape takes longer than it saves.
    draft = DraftNet(drafter, Net(target.requires_grad_(False)), compiled=False)
    return drafter, lambda batch: draft_losses(draft, batch)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--begin-with", type=pathlib.Path)
    training.add_options(parser)
    options = parser.parse_args()
    target = torch.load(options.folder / "state.pt", weights_only=True)
    training.train("drafter", options, lambda samples: make(options, samples), ["first_loss", "later_loss"],
                   of=[target["step"], target["tokens"]])


if __name__ == "__main__":
    main()
