#!/usr/bin/env python3
"""Make the picture, the recordings and the film that tests show to carat-point through the program.

    make_point_fixtures.py [--out tests/fixtures/point]

Drawn and spoken as its world is (tools/point/world). Needs tools/point/requirements.txt, espeak-ng and ffmpeg.
"""

import argparse
import pathlib
import random
import sys

import soundfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "point"), str(HERE / "point/eval")]

from make_point_goldens import save_film  # noqa: E402
from world.picture_tasks import Scene  # noqa: E402
from world.sounds import RATE, speech  # noqa: E402

SIZE = (292, 274)


def scene(rng, shapes):
    drawn = Scene(rng, 1)
    drawn.size, drawn.ground, drawn.shapes = SIZE, (250, 248, 240), shapes
    return drawn.picture(70)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=HERE.parent / "tests/fixtures/point")
    out, rng = parser.parse_args().out, random.Random(9)
    out.mkdir(parents=True, exist_ok=True)
    circle = ("circle", "yellow", "big", 90, 110, 70)
    scene(rng, [circle, ("square", "blue", "small", 225, 200, 32)]).image.save(out / "shapes.png", optimize=True)
    for name, said in (("seven", "seven"), ("door", "Open the door.")):
        soundfile.write(out / f"{name}.wav", speech(rng, said).samples, RATE, subtype="PCM_16")
    frames = [("square", "red", "big", 120, 130, 75), ("circle", "green", "big", 160, 140, 75),
              ("star", "purple", "big", 140, 120, 80)]
    save_film([(second, scene(rng, [shape])) for second, shape in enumerate(frames)], out / "shapes.mp4")


if __name__ == "__main__":
    main()
