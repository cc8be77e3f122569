"""Batches of conversations as ids, with a weight for every id that is to be predicted."""

import random

import torch
from tokenizers import Tokenizer

import world
from render import Renderer

# How much predicting the prompt counts: a little, for it teaches the language.
PROMPT_WEIGHT = 0.1
MAX_TOKENS = 1024


class Samples:
    """Encodes conversations; a pure function of the seed and the index."""

    def __init__(self, tokenizer_path, seed):
        self.tokenizer = Tokenizer.from_file(str(tokenizer_path))
        self.render = Renderer()
        self.seed = seed

    def encode(self, text):
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def __getitem__(self, index):
        """Ids and, for each, the weight of predicting it."""
        rng = random.Random(f"{self.seed}/{index}")
        while True:
            sample = world.make_sample(rng)
            prompt, answer = self.render(sample)
            if not world.is_held_out(sample.skill, prompt):
                break
        prompt, answer = self.encode(prompt), self.encode(answer)
        ids = (prompt + answer)[:MAX_TOKENS]
        return ids, ([0.0] + [PROMPT_WEIGHT] * (len(prompt) - 1) + [1.0] * len(answer))[:MAX_TOKENS]


class Batches:
    """Batches of about `tokens` ids, of conversations of like length. `place` says where the next one stands."""

    POOL = 512  # conversations that are sorted by length before they are cut into batches

    def __init__(self, samples, tokens, place=(0, 0)):
        self.samples, self.tokens, self.place = samples, tokens, tuple(place)

    def pool(self, number):
        items = sorted((self.samples[number * self.POOL + i] for i in range(self.POOL)), key=lambda item: len(item[0]))
        batches, batch = [], []
        for item in items:
            if batch and len(item[0]) * (len(batch) + 1) > self.tokens:
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


def collate(batch):
    width = max(len(ids) for ids, _ in batch)
    ids = torch.zeros(len(batch), width, dtype=torch.long)
    weights = torch.zeros(len(batch), width)
    mask = torch.zeros(len(batch), width, dtype=torch.long)
    for row, (item, weight) in enumerate(batch):
        ids[row, :len(item)] = torch.tensor(item)
        weights[row, :len(item)] = torch.tensor(weight)
        mask[row, :len(item)] = 1
    return ids, weights, mask
