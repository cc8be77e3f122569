#!/usr/bin/env python3
"""Make tests/fixtures/media/: small files of every kind that carat decodes, and media.json, what is in them.

    make_media_fixtures.py OUT_FOLDER

Pictures by Pillow, which also says their pixels (CRC-32 of [height, width, 3] as RGB, after EXIF, alpha dropped); sound and
films by ffmpeg. Sound's golden is soundfile's samples, averaged over the channels and resampled by soxr HQ: the length and
every 500th sample.
"""

import json
import pathlib
import subprocess
import sys
import zlib

import numpy as np
import soundfile
import soxr
from PIL import Image, ImageOps

WIDTH, HEIGHT = 37, 23


def slope():
    """Smooth colours, so that lossy files stay small."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.stack((x * 6, y * 10, 255 - x * 3 - y * 5), 2).clip(0, 255).astype(np.uint8)


def save_pictures(out):
    image = Image.fromarray(slope())
    exif = Image.Exif()
    alpha = image.convert("RGBA")
    alpha.putalpha(Image.fromarray((slope()[..., 0] // 2 * 2 + 1).astype(np.uint8)))
    image.save(out / "plain.png")
    alpha.save(out / "alpha.png")
    image.convert("L").save(out / "grey.png")
    image.convert("P", palette=Image.Palette.ADAPTIVE).save(out / "palette.png")
    Image.fromarray((slope()[..., 0].astype(np.uint16) * 257 + 99)).save(out / "deep.png")
    image.save(out / "plain.jpg", quality=85)
    image.convert("L").save(out / "grey.jpg", quality=85)
    image.convert("CMYK").save(out / "cmyk.jpg", quality=85)
    image.save(out / "progressive.jpg", quality=70, progressive=True)
    for turn in range(2, 9):
        exif[0x112] = turn
        image.save(out / f"turn{turn}.jpg", quality=85, exif=exif)
    exif[0x112] = 6
    image.save(out / "turn6.png", exif=exif)
    image.save(out / "plain.webp", quality=80)
    image.save(out / "lossless.webp", lossless=True, exif=exif)
    image.save(out / "plain.gif")
    image.save(out / "plain.bmp")
    image.save(out / "plain.tiff", compression="tiff_deflate")
    Image.new("RGB", (1, 1), (10, 20, 30)).save(out / "one.png")
    image.save(out / "turn6.tiff", tiffinfo={0x112: 6})
    Image.fromarray((slope()[..., 0].astype(np.uint16) * 257 + 99)).save(out / "deep.tiff")
    without_adobe = (out / "cmyk.jpg").read_bytes()
    at = without_adobe.index(b"\xff\xee")
    length = int.from_bytes(without_adobe[at + 2:at + 4], "big")
    (out / "inks.jpg").write_bytes(without_adobe[:at] + without_adobe[at + 2 + length:])
    run("webpmux", "-frame", out / "plain.webp", "+100+10+6", "-frame", out / "plain.webp", "+100+0+0", "-o", out / "moving.webp")
    image.save(out / "plain.avif", quality=90)
    image.save(out / "turn6.avif", quality=90, exif=exif)
    shapes = [Image.new("RGB", (16, 12), (20 * i, 255 - 20 * i, 0)) for i in range(12)]
    shapes[0].save(out / "moving.gif", save_all=True, append_images=shapes[1:], duration=100)


def pixels(path):
    image = ImageOps.exif_transpose(Image.open(path))
    if image.mode == "I;16":
        return np.repeat((np.array(image) >> 8).astype(np.uint8)[..., None], 3, 2)
    return np.array(image.convert("RGB"))


def run(*arguments):
    subprocess.run([*map(str, arguments)], check=True)


def ffmpeg(*arguments):
    run("ffmpeg", "-y", "-loglevel", "error", "-bitexact", *arguments)


def save_sounds(out):
    tones = "aevalsrc='0.4*sin(2*PI*440*t)|0.2*sin(2*PI*300*t)':s=22050:d=0.3"
    ffmpeg("-f", "lavfi", "-i", tones, out / "stereo.wav")
    ffmpeg("-f", "lavfi", "-i", "aevalsrc='0.5*sin(2*PI*200*t)':s=16000:d=0.2", out / "right.wav")
    ffmpeg("-f", "lavfi", "-i", "aevalsrc='0.5*sin(2*PI*200*t)':s=8000:d=0.2", "-c:a", "pcm_u8", out / "old.wav")
    ffmpeg("-i", out / "stereo.wav", "-c:a", "pcm_f32le", out / "float.wav")
    for name in ("stereo.flac", "stereo.mp3", "stereo.ogg"):
        ffmpeg("-i", out / "stereo.wav", out / name)
    ffmpeg("-i", out / "stereo.wav", "-c:a", "libopus", out / "opus.ogg")
    ffmpeg("-i", out / "stereo.wav", "-c:a", "aac", out / "stereo.m4a")
    ffmpeg("-i", out / "stereo.wav", "-c:a", "aac", out / "stereo.aac")
    ffmpeg("-f", "lavfi", "-i", "anullsrc=r=16000:cl=7.1", "-t", "0.1", out / "surround.wav")
    eight = "|".join(f"{0.05 * (i + 1)}*sin(2*PI*{200 * (i + 1)}*t)" for i in range(8))
    ffmpeg("-f", "lavfi", "-i", f"aevalsrc='{eight}':s=16000:c=7.1:d=0.1", out / "eight.wav")
    ffmpeg("-i", out / "stereo.wav", "-ar", 44100, "-ac", 1, out / "other.ogg")
    # Two recordings of other rate and channels, one after the other, as streaming stations send them.
    (out / "chained.ogg").write_bytes((out / "stereo.ogg").read_bytes() + (out / "other.ogg").read_bytes())
    (out / "other.ogg").unlink()
    (out / "endless.ogg").write_bytes(endless((out / "stereo.ogg").read_bytes()))
    # Long enough to lose a part.
    ffmpeg("-f", "lavfi", "-i", "sine=1000:sample_rate=8000:duration=6", out / "long.flac")
    ffmpeg("-i", out / "long.flac", "-b:a", "8k", out / "long.mp3")
    ffmpeg("-i", out / "long.flac", "-c:a", "aac", "-b:a", "8k", "-movflags", "+faststart", out / "long.m4a")
    ffmpeg("-i", out / "long.flac", "-c:a", "libopus", "-b:a", "6k", "-cluster_time_limit", 500, out / "long.webm")


def endless(ogg):
    """A recording whose last page says that it goes on for ever, and which has no end."""
    at = ogg.rindex(b"OggS")
    page = bytearray(ogg[at:])
    page[5] &= ~4  # the mark of the last page
    page[6:14] = (2 ** 62).to_bytes(8, "little")
    page[22:26] = bytes(4)
    page[22:26] = ogg_crc(page).to_bytes(4, "little")
    return ogg[:at] + page


def ogg_crc(page):
    """RFC 3533: polynomial 0x04c11db7, from zero, not reflected."""
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x104c11db7 if crc & 0x80000000 else 0)) & 0xffffffff
    return crc


def save_films(out):
    film = ("-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=2")
    sound = ("-f", "lavfi", "-i", "sine=440:sample_rate=16000:duration=2")
    ffmpeg(*film, *sound, "-c:v", "libx264", "-preset", "veryslow", "-crf", 40, "-pix_fmt", "yuv420p", "-c:a", "aac",
           "-b:a", "24k", out / "film.mp4")
    ffmpeg("-i", out / "film.mp4", "-c", "copy", out / "film.mkv")
    ffmpeg("-i", out / "film.mp4", "-c", "copy", out / "film.mov")
    ffmpeg("-i", out / "film.mp4", "-c", "copy", "-movflags", "+faststart", out / "fast.mp4")
    ffmpeg("-i", out / "film.mp4", "-c", "copy", "-movflags", "frag_keyframe+empty_moov", out / "pieces.mp4")
    ffmpeg("-i", out / "film.mp4", "-itsoffset", 1.5, "-i", out / "film.mp4", "-map", "0:v", "-map", "1:a", "-c", "copy",
           out / "late.mkv")
    ffmpeg(*film, "-c:v", "libvpx-vp9", "-b:v", "20k", "-an", out / "silent.webm")
    # Key frames, frames that need later ones, and for VP8 frames that are never shown.
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=32x32:rate=10:duration=6", "-c:v", "libx264", "-g", 13, "-bf", 3, "-crf", 45,
           "-pix_fmt", "yuv420p", out / "keys.mp4")
    ffmpeg("-i", out / "keys.mp4", "-c", "copy", out / "keys.mkv")
    ffmpeg("-i", out / "keys.mp4", "-c:v", "libvpx", "-b:v", "20k", "-g", 25, "-auto-alt-ref", 1, "-lag-in-frames", 16,
           "-pass", 1, "-passlogfile", out / "log", "-f", "null", "-")
    ffmpeg("-i", out / "keys.mp4", "-c:v", "libvpx", "-b:v", "20k", "-g", 25, "-auto-alt-ref", 1, "-lag-in-frames", 16,
           "-pass", 2, "-passlogfile", out / "log", out / "hidden.webm")
    (out / "log-0.log").unlink()
    # Frames before a key frame that need it, frames at uneven times, frames that change a part of the one before.
    ffmpeg("-i", out / "keys.mp4", "-c:v", "libx264", "-x264-params", "open-gop=1:keyint=13:bframes=3", "-crf", 40,
           out / "open.mp4")
    ffmpeg("-i", out / "keys.mp4", "-vf", r"select=not(mod(n\,3))+not(mod(n\,5))", "-vsync", "vfr", "-c:v", "libx264", "-g", 7,
           "-bf", 2, "-crf", 45, out / "uneven.mkv")
    ffmpeg("-i", out / "keys.mp4", "-frames:v", 14, out / "parts.gif")
    ffmpeg("-i", out / "film.mp4", "-c", "copy", "-metadata:s:v", "rotate=90", out / "turned.mp4")
    ffmpeg("-i", out / "film.mp4", "-vn", "-c:a", "libopus", "-b:a", "16k", out / "sound.webm")


def shown(path):
    """The CRC-32 of every frame of a film, decoded one after the other."""
    size = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "stream=width,height", "-of",
                           "csv=p=0", path], check=True, capture_output=True, text=True).stdout
    width, height = map(int, size.split()[0].split(","))
    flags = "bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"
    raw = subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-vsync", "passthrough", "-sws_flags", flags, "-pix_fmt", "rgb24",
                          "-f", "rawvideo", "-"], check=True, capture_output=True).stdout
    return [zlib.crc32(raw[at:at + 3 * width * height]) for at in range(0, len(raw), 3 * width * height)]


FILMS = ["film.mp4", "keys.mp4", "keys.mkv", "hidden.webm", "open.mp4", "uneven.mkv", "parts.gif", "silent.webm"]


def heard(path):
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = samples.mean(1)
    return soxr.resample(mono, rate, 16000, quality="HQ") if rate != 16000 else mono


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    save_pictures(out)
    save_sounds(out)
    save_films(out)
    golden = {"pictures": {}, "sounds": {}, "films": {name: shown(out / name) for name in FILMS}}
    for path in sorted(out.iterdir()):
        if path.suffix in (".png", ".jpg", ".webp", ".gif", ".bmp", ".tiff", ".avif"):
            values = pixels(path)
            golden["pictures"][path.name] = {"height": values.shape[0], "width": values.shape[1],
                                             "crc": zlib.crc32(values.tobytes())}
        elif path.suffix in (".wav", ".flac"):
            samples = heard(path)
            golden["sounds"][path.name] = {"samples": len(samples), "every500": [round(float(s), 7) for s in samples[::500]]}
    (out / "media.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
