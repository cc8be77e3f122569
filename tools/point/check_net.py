#!/usr/bin/env python3
"""Compare net.py with transformers on random weights: text, a picture, a sound. Prints the largest difference.

    check_net.py TOKENIZER.json

Net computes in bf16 and transformers here in float32, and a picture's masks are those of transformers (behaviour L).
"""

import pathlib
import sys

import torch

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import model as point  # noqa: E402
from data import FRAME, PATCH, Batch, Samples  # noqa: E402
from net import Net, linear  # noqa: E402


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    samples = Samples(sys.argv[1], 1)
    model = point.make_model(samples.tokenizer.get_vocab())
    named = samples.named
    torch.manual_seed(1)
    patches, frames = torch.rand(150, 6912), torch.rand(20, 640) - 0.5
    ids = samples.encode("<bos><|turn>user\nWhat is this?") + [named["<|image>"]] + [named["<|image|>"]] * 150
    ids += [named["<image|>"], named["<|audio>"]] + [named["<|audio|>"]] * 20 + [named["<audio|>"]]
    ids = torch.tensor([ids + samples.encode("Say it in a few words, please." * 20)])
    kinds = torch.zeros_like(ids)
    kinds[ids == named["<|image|>"]], kinds[ids == named["<|audio|>"]] = PATCH, FRAME
    blocks = torch.where(kinds == PATCH, 0, -1)
    places = torch.stack((torch.arange(150) % 15, torch.arange(150) // 15), 1)
    batch = Batch(ids, torch.ones(ids.shape), kinds, blocks, patches, places, frames, ids.shape[1])
    with torch.no_grad():
        y = Net(model, compiled=False).states(batch, literal=True)
        mine = 30 * torch.tanh(linear(y, model.model.language_model.embed_tokens.weight).float() / 30)
        right = model(input_ids=ids, mm_token_type_ids=torch.where(kinds == FRAME, 3, kinds), pixel_values=patches[None],
                      image_position_ids=places[None], input_features=frames[None],
                      input_features_mask=torch.ones(1, 20, dtype=torch.bool)).logits
    print(f"largest difference {(mine - right).abs().max():.4f} of logits up to {right.abs().max():.2f}")


if __name__ == "__main__":
    main()
