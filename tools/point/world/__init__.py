"""The small world that carat-point knows: conversations made by rule, from a seed, without outside data.

make_sample(rng, skill) gives one conversation whose last message is the answer to learn; SKILLS lists the
skills. Every skill is a function here and a row of docs/point.md. Training and evaluation draw from the same rules, but never
the same prompt: is_held_out() keeps one in HELD_OUT of them away from training, by a hash of its text. Only small
talk, whose questions are a short list, is not divided.
"""

import zlib

from . import json_answers, memory, numbers, refuse, stories, talk, tools, words_tasks
from .sample import Sample

SKILLS = {
    "talk": talk.make,
    "memory": memory.make,
    "count": words_tasks.count,
    "sort": words_tasks.sort,
    "rewrite": words_tasks.rewrite,
    "arithmetic": numbers.arithmetic,
    "word problem": numbers.word_problem,
    "story question": stories.question,
    "story summary": stories.summary,
    "tool call": tools.call,
    "tool answer": tools.answer,
    "json": json_answers.make,
    "refusal": refuse.make,
}

# How often each is drawn in training: what is harder comes more often.
WEIGHTS = {
    "talk": 6, "memory": 12, "count": 10, "sort": 12, "rewrite": 12, "arithmetic": 14, "word problem": 10,
    "story question": 10, "story summary": 6, "tool call": 16, "tool answer": 8, "json": 8, "refusal": 5,
}


HELD_OUT = 32


def is_held_out(skill, prompt):
    """Whether a prompt belongs to evaluation alone."""
    return skill != "talk" and zlib.crc32(prompt.encode()) % HELD_OUT == 0


def make_sample(rng, skill=None) -> Sample:
    """One conversation of the skill, or of one drawn by WEIGHTS. `rng` is a random.Random."""
    if skill is None:
        skill = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    sample = SKILLS[skill](rng)
    sample.skill = skill
    return sample
