"""The small world that carat-point knows: conversations made by rule, from a seed, without outside data.

make_sample(rng, skill) gives one conversation whose last message is the answer to learn; SKILLS lists the skills.
Every skill is a function here and a row of docs/point.md. Training and evaluation draw from the same rules, but never
the same prompt: is_held_out() keeps one in HELD_OUT of them away from training, by a hash of its text and of what its
media show. Only small talk, whose questions are a short list, is not divided.
"""

import zlib

from . import json_answers, memory, numbers, picture_tasks, refuse, sound_tasks, stories, talk, tools, words_tasks
from .sample import Sample

TEXT_SKILLS = {
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

PICTURE_SKILLS = {
    "picture shape": picture_tasks.shape,
    "picture colour": picture_tasks.colour,
    "picture count": picture_tasks.count,
    "picture place": picture_tasks.place,
    "picture description": picture_tasks.describe,
    "picture chart": picture_tasks.chart,
    "printed word": picture_tasks.word,
    "printed number": picture_tasks.number,
    "printed letters": picture_tasks.letters,
    "video": picture_tasks.video,
}

SOUND_SKILLS = {
    "spoken digits": sound_tasks.digits,
    "spoken command": sound_tasks.command,
    "spoken sentence": sound_tasks.sentence,
    "spoken question": sound_tasks.spoken_question,
    "tones": sound_tasks.tones,
    "picture and speech": sound_tasks.match,
    "media together": sound_tasks.together,
}

SKILLS = TEXT_SKILLS | PICTURE_SKILLS | SOUND_SKILLS

# How often each is drawn in training: what is harder comes more often.
WEIGHTS = {
    "talk": 2, "memory": 44, "count": 70, "sort": 36, "rewrite": 20, "arithmetic": 64, "word problem": 20,
    "story question": 4, "story summary": 2, "tool call": 46, "tool answer": 5, "json": 12, "refusal": 4,
    "picture shape": 8, "picture colour": 4, "picture count": 50, "picture place": 26, "picture description": 14,
    "picture chart": 18, "printed word": 44, "printed number": 14, "printed letters": 44,
    "video": 14,
    "spoken digits": 12, "spoken command": 8, "spoken sentence": 16, "spoken question": 22, "tones": 10,
    "picture and speech": 16, "media together": 6,
}

# Short questions that training asks many of in a row: a turn more costs less than a conversation more.
DRILLED = {"count", "sort", "rewrite", "arithmetic", "word problem", "refusal"}

# The conversation of training from which on a skill is drawn; without an entry from the first: language comes first,
# then pictures, then sound.
START = dict.fromkeys(PICTURE_SKILLS, 8000) | dict.fromkeys(SOUND_SKILLS, 60000)

HELD_OUT = 32


def is_held_out(skill, prompt):
    """Whether a prompt belongs to evaluation alone."""
    return skill != "talk" and zlib.crc32(prompt.encode()) % HELD_OUT == 0


def make_sample(rng, skill) -> Sample:
    """One conversation of the skill. `rng` is a random.Random."""
    sample = SKILLS[skill](rng)
    sample.skill = skill
    return sample


def make_training_sample(rng, skills, prompt_of):
    """One conversation of one of the skills, drawn by WEIGHTS, that is not kept for evaluation."""
    skills = list(skills)
    while True:
        sample = make_sample(rng, rng.choices(skills, [WEIGHTS[skill] for skill in skills])[0])
        if not is_held_out(sample.skill, prompt_of(sample) + sample.key):
            sample.messages = sample.longer or sample.messages
            return sample


def make_conversation(rng, index, prompt_of, skills):
    """The conversation number `index` of training: one sample of the skills, often after the turns of others."""
    known = [skill for skill in skills if START.get(skill, 0) <= index] or skills
    sample = make_training_sample(rng, known, prompt_of)
    if sample.skill == "memory":  # what was told decides what is known
        return sample
    drill = sample.skill in DRILLED and rng.random() < 0.6
    for _ in range(rng.randint(1, 6) if drill else rng.choice([0, 0, 0, 1, 1, 2])):
        before = make_training_sample(rng, [sample.skill] if drill else known, prompt_of)
        if not before.tools and not before.media and before.messages[0]["role"] == "user":
            at = 1 if sample.messages[0]["role"] == "system" else 0
            sample.messages[at:at] = before.messages
    return sample
