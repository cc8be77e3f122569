#!/usr/bin/env python3
"""Make goldens of carat-point: what transformers answers in float32 to held-out prompts of each skill.

    make_point_goldens.py text  [--count 200] [--skill NAME ...] [--out tests/golden/point]
    make_point_goldens.py media [--count 5]   [--skill NAME ...] [--out tests/golden/point_media]

Greedy, through generate, from models/point as shipped. One file per skill, one case per line: the rendered prompt, the ids of
the answer with its stop and, for skills that see or hear, the media as files: pictures as PNG, sound as FLAC of sixteen
bits (to which it is rounded before transformers hears it), films as H.264 without loss. An answer whose choice hung on less than
TIE is left out: there two correct programs may differ. Prints how many answers are right, as eval/run.py does. The
repository holds few cases with media, since files are large; `media --count 200 --out ELSEWHERE` makes many, and
CARAT_TEST_POINT_MEDIA=ELSEWHERE lets the test read them. Needs ffmpeg for films.
"""

import argparse
import json
import pathlib
import subprocess
import sys

import numpy as np
import soundfile
import transformers

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "point"), str(HERE / "point/eval")]

import world  # noqa: E402
from answers import answers, count_of, held_out, load, visible  # noqa: E402
from world.pictures import Picture  # noqa: E402
from world.sounds import RATE, Sound  # noqa: E402

POINT = HERE.parent / "models/point"
GOLDEN = HERE.parent / "tests/golden"
SKILLS = {"text": world.TEXT_SKILLS, "media": world.PICTURE_SKILLS | world.SOUND_SKILLS}
COUNTS = {"text": 200, "media": 5}
OUT = {"text": GOLDEN / "point", "media": GOLDEN / "point_media"}
TIE = 1e-3  # of logits in -30..30; programs differ by 1e-4 of them


def round_sounds(sample):
    """Sound to what sixteen bits hold."""
    for medium in sample.media:
        if isinstance(medium, Sound):
            medium.samples = (np.round(medium.samples * 32768).clip(-32768, 32767) / 32768).astype(np.float32)


def save_film(frames, path):
    """One frame for each step between two; an even size, as the format wants it, is the world's to give."""
    step = frames[1][0] - frames[0][0]
    width, height = frames[0][1].image.size
    command = ["ffmpeg", "-y", "-loglevel", "error", "-bitexact", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s",
               f"{width}x{height}", "-r", f"1/{step}", "-i", "-", "-c:v", "libx264rgb", "-qp", "0", "-bf", "0", path]
    subprocess.run(command, check=True, input=b"".join(picture.image.convert("RGB").tobytes() for _, picture in frames))


def saved(sample, folder, stem):
    """The media of a sample as parts of a message."""
    parts = []
    for number, medium in enumerate(sample.media):
        name = f"{stem}_{number}"
        if isinstance(medium, Picture):
            medium.image.save(folder / f"{name}.png", optimize=True)
            parts.append({"type": "image", "path": f"{name}.png", "budget": medium.budget})
        elif isinstance(medium, Sound):
            soundfile.write(folder / f"{name}.flac", medium.samples, RATE, subtype="PCM_16")
            parts.append({"type": "audio", "path": f"{name}.flac"})
        else:
            save_film(medium.frames, folder / f"{name}.mp4")
            parts.append({"type": "video", "path": f"{name}.mp4", "frames": len(medium.frames)})
    return parts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["text", "media"])
    parser.add_argument("--count", type=int)
    parser.add_argument("--skill", action="append", choices=list(world.SKILLS))
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    transformers.utils.logging.set_verbosity_error()
    model, samples, stops = load(POINT)
    out, wanted_count = options.out or OUT[options.kind], options.count or COUNTS[options.kind]
    out.mkdir(parents=True, exist_ok=True)
    for skill in options.skill or SKILLS[options.kind]:
        stem, count = skill.replace(" ", "_"), count_of(skill, wanted_count)
        # A few more than wanted, for those that hang on a tie.
        cases = held_out(skill, wanted_count + 2 + wanted_count // 20, samples)
        for sample, _, _ in cases:
            round_sounds(sample)
        lines, right = [], []
        for (sample, prompt, wanted), (answer, lead) in zip(cases, answers(model, samples, cases, stops)):
            right.append(visible(samples.tokenizer.decode(answer, skip_special_tokens=False)) == visible(wanted))
            if lead > TIE and len(lines) < count:
                case = {"prompt": prompt, "answer": answer}
                if sample.media:
                    case["media"] = saved(sample, out, f"{stem}_{len(lines)}")
                lines.append(json.dumps(case))
        print(f"{skill:20} {sum(right[:count]):4} of {count:4}  {100 * sum(right[:count]) / count:5.1f} %  "
              f"(goldens: {len(lines)})", flush=True)
        (out / f"{stem}.json").write_text("[" + ",\n".join(lines) + "]\n")


if __name__ == "__main__":
    main()
