"""Sounds: speech from espeak-ng in many voices, tones, silence and noise; and what the model gets of them."""

import ctypes
import functools
import math

import numpy
import torch

RATE = 16000
FRAME = 640

ACCENTS = ["en", "en-us", "en-us-nyc", "en-gb-x-rp", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029"]
VARIANTS = ["", *(f"+m{i}" for i in range(1, 9)), *(f"+f{i}" for i in range(1, 6))]


class Sound:
    """Mono samples in -1..1 at 16 kHz. `said` spells what is to be heard, a sign for each phoneme or tone."""

    def __init__(self, samples, said=""):
        self.samples, self.said = samples, said

    def frames(self):
        """[n, 640], the last one filled up with silence (specification, 6)."""
        count = -(-len(self.samples) // FRAME)
        padded = numpy.zeros(count * FRAME, numpy.float32)
        padded[:len(self.samples)] = self.samples
        return torch.from_numpy(padded).view(count, FRAME)


class Speaker:
    """The espeak-ng library, asked for samples instead of playing them."""

    RATE_OF_SPEECH, PITCH, RANGE = 1, 3, 4
    SYNCHRONOUS = 2  # samples come to the callback while espeak_Synth runs

    def __init__(self):
        self.library = ctypes.CDLL("libespeak-ng.so.1")
        self.rate = self.library.espeak_Initialize(self.SYNCHRONOUS, 0, None, 0)
        if self.rate <= 0:
            raise RuntimeError("espeak-ng does not start")
        self.parts = []
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self.callback = kind(self.take)
        self.library.espeak_SetSynthCallback(self.callback)

    def take(self, samples, count, _events):
        if count > 0:
            self.parts.append(numpy.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def say(self, text, voice, speed, pitch, spread):
        """Samples at self.rate."""
        self.parts = []
        if self.library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise RuntimeError(f"espeak-ng has no voice {voice}")
        for parameter, value in ((self.RATE_OF_SPEECH, speed), (self.PITCH, pitch), (self.RANGE, spread)):
            self.library.espeak_SetParameter(parameter, value, 0)
        data = text.encode()
        self.library.espeak_Synth(data, len(data) + 1, 0, 1, 0, 1, None, None)
        return numpy.concatenate(self.parts).astype(numpy.float32) / 32768

    def phonemes(self, text):
        """What the voice that spoke last says for the text: ASCII signs without stress."""
        rest, spelled = ctypes.c_char_p(text.encode()), ""
        self.library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        while rest.value is not None:  # a clause at a time
            spelled += (self.library.espeak_TextToPhonemes(ctypes.byref(rest), 1, 0) or b"").decode()
        return "".join(sign for sign in spelled if sign not in " ',_:|-;")


@functools.cache
def speaker():
    return Speaker()


def resampled(samples, factor):
    """About `factor` times as many samples, by the spectrum. Both lengths are filled up to what the transform is quick at."""
    samples = numpy.pad(samples, (0, -len(samples) % 256))
    count = max(1, round(len(samples) * factor / 256)) * 256
    waves = numpy.fft.rfft(samples)
    return numpy.fft.irfft(waves[:count // 2 + 1], count) * (count / len(samples))


def trimmed(samples):
    """Without the silence at both ends."""
    loud = numpy.flatnonzero(numpy.abs(samples) > 0.01)
    return samples[loud[0]:loud[-1] + 1] if len(loud) else samples


def speech(rng, text):
    """The text in a random voice, speed and pitch, in a random recording."""
    spoken = speaker().say(text, rng.choice(ACCENTS) + rng.choice(VARIANTS), rng.randint(130, 210), rng.randint(25, 75),
                           rng.randint(30, 70))
    # A little faster or slower, with the voice's pitch and size.
    return recorded(rng, resampled(trimmed(spoken), RATE / speaker().rate * rng.uniform(0.92, 1.08)),
                    speaker().phonemes(text))


def recorded(rng, samples, said):
    """With silence around, a level, and often noise."""
    samples = samples / max(1e-6, numpy.abs(samples).max())
    samples = numpy.concatenate((numpy.zeros(rng.randint(0, 3200)), samples, numpy.zeros(rng.randint(800, 3200))))
    if rng.random() < 0.6:
        noise = numpy.random.default_rng(rng.getrandbits(32)).normal(0, 1, len(samples))
        if rng.random() < 0.5:  # duller
            noise = numpy.convolve(noise, numpy.ones(8) / 8, "same")
        noise /= noise.std()
        samples = samples + noise * 10 ** rng.uniform(-3.5, -1.5)
    return Sound((samples / max(1.0, numpy.abs(samples).max()) * rng.uniform(0.1, 0.95)).astype(numpy.float32), said)


TONES = {"low": (180, 320), "middle": (600, 900), "high": (1700, 2800)}


def tones(rng, names):
    """Pure tones, one after the other."""
    parts = []
    for name in names:
        pitch, length = rng.uniform(*TONES[name]), rng.uniform(0.15, 0.35)
        time = numpy.arange(round(length * RATE)) / RATE
        wave = numpy.sin(2 * math.pi * pitch * time + rng.uniform(0, 6)) * numpy.minimum(1, numpy.minimum(
            time, length - time) / 0.02)
        parts += [wave, numpy.zeros(round(rng.uniform(0.06, 0.15) * RATE))]
    return recorded(rng, numpy.concatenate(parts), "".join("<=>"[list(TONES).index(name)] for name in names))
