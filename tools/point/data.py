"""Batches of conversations as ids, pictures and sounds, with a weight for every id that is to be predicted."""

import dataclasses
import random

import torch
from tokenizers import Tokenizer

import world
from render import Renderer

# Predicting the prompt counts a little, for it teaches the language: at one place of four, to save time.
PROMPT_WEIGHT, PROMPT_EVERY = 0.2, 4
MAX_TOKENS = 1024
TEXT, PATCH, FRAME = 0, 1, 2


@dataclasses.dataclass
class Item:
    """One conversation."""
    ids: list
    weights: list  # of predicting each id
    kinds: list  # TEXT, PATCH (also of a video) or FRAME (of sound) per id
    blocks: list  # the picture that the id belongs to, or -1
    patches: list  # tensors [n, 6912] in 0..1
    places: list  # tensors [n, 2]: column and row
    frames: list  # tensors [n, 640]
    labels: list  # tensors [n, pictures.LABELS], what each patch shows
    said: list  # what each sound says, a sign for each phoneme or tone


@dataclasses.dataclass
class Batch:
    """Conversations side by side, padded on the right."""
    ids: torch.Tensor
    weights: torch.Tensor
    kinds: torch.Tensor
    blocks: torch.Tensor
    patches: torch.Tensor | None
    places: torch.Tensor | None
    frames: torch.Tensor | None
    tokens: int
    labels: torch.Tensor | None = None
    said: list = dataclasses.field(default_factory=list)  # for each sound what it says and its count of frames


class Samples:
    """Encodes conversations; a pure function of the seed and the index."""

    def __init__(self, tokenizer_path, seed, media_only=False):
        self.tokenizer = Tokenizer.from_file(str(tokenizer_path))
        self.render = Renderer()
        self.seed = seed
        self.skills = [skill for skill in world.WEIGHTS if not media_only or skill not in world.TEXT_SKILLS]
        ids = self.tokenizer.get_vocab()
        self.named = {name: ids[name] for name in (
            "<|turn>", "<turn|>", "<|tool_response>", "<tool_response|>", "model", "\n", "<|image>", "<|image|>",
            "<image|>", "<|audio>", "<|audio|>", "<audio|>", "<|video|>")}

    def encode(self, text):
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def written(self, ids):
        """For each id, whether the model wrote it: in its turns, but not in the tools' responses."""
        begin = [self.named["<|turn>"], self.named["model"], self.named["\n"]]
        inside, response, out = False, False, []
        for i, token in enumerate(ids):
            out.append(inside and not response)
            if token == self.named["<|tool_response>"]:
                response = True
            elif token == self.named["<tool_response|>"]:
                response = False
            elif token == self.named["<turn|>"]:
                inside = False
            elif ids[i - 2:i + 1] == begin:
                inside = True
        return out

    def item(self, sample):
        """A conversation with its media in their places, its answer at the end."""
        prompt, answer = self.render(sample)
        head, tail = self.encode(prompt), self.encode(answer)
        weights = [1.0 if own else PROMPT_WEIGHT * (i % PROMPT_EVERY == 1) for i, own in enumerate(self.written(head))]
        if sample.thinking:  # earlier answers stand without the thoughts that they had
            weights = [0.0 if weight == 1.0 else weight for weight in weights]
        if self.render.closes_thought(prompt):  # written by the template, not by the model
            count = len(self.encode(self.render.NO_THOUGHT))
            weights[-count:] = [0.0] * count
        return self.laid_out(head + tail, weights + [1.0] * len(tail), sample.media)

    def prompt(self, sample):
        """A conversation without its answer."""
        head = self.encode(self.render.prompt(sample))
        return self.laid_out(head, [0.0] * len(head), sample.media)

    def laid_out(self, ids, weights, media):
        """The ids with every medium in the place of its placeholder."""
        item = Item([], [], [], [], [], [], [], [], [])
        media = iter(media)
        slots = {self.named["<|image|>"], self.named["<|audio|>"], self.named["<|video|>"]}
        for token, weight in zip(ids, weights):
            if token in slots:
                self.place(item, token, next(media))
            else:
                add(item, [token], [weight])
        return item

    def place(self, item, token, medium):
        named = self.named
        if token == named["<|audio|>"]:
            frames = medium.frames()
            add(item, [named["<|audio>"]] + [token] * len(frames) + [named["<audio|>"]], None,
                [TEXT] + [FRAME] * len(frames) + [TEXT])
            item.frames.append(frames)
            item.said.append(medium.said)
        elif token == named["<|image|>"]:
            self.place_picture(item, token, medium)
        else:
            for number, (second, picture) in enumerate(medium.frames):
                stamp = f"{second // 60:02}:{second % 60:02} "
                add(item, self.encode((" " if number else "") + stamp))
                self.place_picture(item, token, picture)

    def place_picture(self, item, token, picture):
        block = len(item.patches)
        patches, places = picture.patches()
        add(item, [self.named["<|image>"]] + [token] * len(patches) + [self.named["<image|>"]], None,
            [TEXT] + [PATCH] * len(patches) + [TEXT], [-1] + [block] * len(patches) + [-1])
        item.patches.append(patches)
        item.places.append(places)
        item.labels.append(picture.labels())

    def __getitem__(self, index):
        rng = random.Random(f"{self.seed}/{index}")
        while True:
            item = self.item(world.make_conversation(rng, index, self.render.prompt, self.skills))
            if len(item.ids) <= MAX_TOKENS:
                return item


def add(item, ids, weights=None, kinds=None, blocks=None):
    item.ids += ids
    item.weights += weights or [0.0] * len(ids)
    item.kinds += kinds or [TEXT] * len(ids)
    item.blocks += blocks or [-1] * len(ids)


class Batches:
    """Batches of about `tokens` ids, of conversations of like length. `place` says where the next one stands."""

    POOL = 512  # conversations that are sorted by length before they are cut into batches

    def __init__(self, samples, tokens, place=(0, 0)):
        self.samples, self.tokens, self.place = samples, tokens, tuple(place)

    def pool(self, number):
        items = sorted((self.samples[number * self.POOL + i] for i in range(self.POOL)),
                       key=lambda item: len(item.ids))
        batches, batch = [], []
        for item in items:
            if batch and len(item.ids) * (len(batch) + 1) > self.tokens:
                batches.append(batch)
                batch = []
            batch.append(item)
        batches.append(batch)
        random.Random(f"{self.samples.seed}/order/{number}").shuffle(batches)
        return batches

    def __iter__(self):
        while True:
            number, begin = self.place
            batches = self.pool(number)
            for index in range(begin, len(batches)):
                self.place = (number, index + 1)
                yield collate(batches[index])
            self.place = (number + 1, 0)


def collate(items):
    width = max(len(item.ids) for item in items)
    width += -width % 16

    def padded(name, dtype, fill):
        out = torch.full((len(items), width), fill, dtype=dtype)
        for row, item in enumerate(items):
            values = getattr(item, name)
            out[row, :len(values)] = torch.tensor(values, dtype=dtype)
        return out

    def joined(name):
        parts = [part for item in items for part in getattr(item, name)]
        return torch.cat(parts) if parts else None

    return Batch(padded("ids", torch.long, 0), padded("weights", torch.float, 0), padded("kinds", torch.long, TEXT),
                 padded("blocks", torch.long, -1), joined("patches"), joined("places"), joined("frames"),
                 sum(len(item.ids) for item in items), joined("labels"),
                 [(said, len(frames)) for item in items for said, frames in zip(item.said, item.frames)])
