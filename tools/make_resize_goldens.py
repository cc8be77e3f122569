#!/usr/bin/env python3
"""Make tests/golden/resize.json: sizes that transformers' processor chooses and a checksum of what torchvision resizes.

    make_resize_goldens.py OUT.json

Each case: kind and seed of the content (tests/support/noise.h has the same), height, width, budget in soft tokens, and
what comes out: height, width and the CRC-32 of the pixels [height, width, 3].
"""

import json
import math
import random
import sys
import zlib

import numpy as np
import torch
from torchvision.transforms.v2 import functional
from transformers.models.gemma4_unified import image_processing_gemma4_unified as processing

from make_media_goldens import noise

BUDGETS = [70, 140, 280, 560, 1120]
CASES = 200


def content(kind, seed, height, width):
    if kind == "noise":
        return noise(seed, height * width * 3).reshape(height, width, 3)
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    if kind == "blocks":
        return (((x // 7 + y // 5 + c) * 37 + seed) % 256).astype(np.uint8)
    return ((x * 3 + y * 2 + c * 85 + seed) // 4 % 256).astype(np.uint8)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    rng, cases = random.Random(7), []
    for number in range(CASES):
        budget = BUDGETS[number % 5]
        side = math.exp(rng.uniform(math.log(4), math.log(700)))
        aspect = math.exp(rng.gauss(0, 0.9 if number % 4 == 0 else 0.4))
        height, width = max(1, round(side / math.sqrt(aspect))), max(1, round(side * math.sqrt(aspect)))
        kind = rng.choice(["noise", "blocks", "slope"])
        size = processing.get_aspect_ratio_preserving_size(height, width, 16, 9 * budget, 3)
        pixels = torch.from_numpy(content(kind, number, height, width)).permute(2, 0, 1)
        if size != (height, width):
            pixels = functional.resize(pixels, list(size), functional.InterpolationMode.BICUBIC, antialias=True)
        cases.append({"kind": kind, "seed": number, "height": height, "width": width, "budget": budget,
                      "to": list(size), "crc": zlib.crc32(pixels.permute(1, 2, 0).contiguous().numpy().tobytes())})
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write("[" + ",\n".join(json.dumps(case) for case in cases) + "]\n")


if __name__ == "__main__":
    main()
