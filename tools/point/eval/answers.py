"""Held-out conversations, and a model's greedy answers to them through transformers' generate."""

import random

import torch

import golden_common as common
import world
from data import FRAME, PATCH, Samples

MAX_NEW = 96
BATCH = 32


def load(folder):
    """An exported model in float32, its samples, and the ids that end an answer."""
    model = common.load_reference(folder, torch.bfloat16)
    return model, Samples(folder / "tokenizer.json", 0), common.read_json(folder / "generation_config.json")["eos_token_id"]


def count_of(skill, count):
    """How many of a skill stand for `count`: of small talk, which has fewer prompts and is not divided, half as many."""
    return count // 2 if skill == "talk" else count


def held_out(skill, count, samples):
    """count_of(skill, count) samples whose prompts training never saw, each as (sample, prompt, answer)."""
    count = count_of(skill, count)
    rng, found, tries = random.Random(f"evaluation/{skill}"), {}, 0
    while len(found) < count:
        tries += 1
        if tries > 2000 * count:
            raise RuntimeError(f"{skill}: the world has only {len(found)} held-out prompts")
        sample = world.make_sample(rng, skill)
        prompt, answer = samples.render(sample)
        key = prompt + sample.key
        if skill == "talk" or world.is_held_out(skill, key):
            found.setdefault(key, (sample, prompt, answer))
    return list(found.values())


def visible(answer):
    """Without the thought."""
    return answer.rsplit("<channel|>", 1)[-1]


def inputs(items, samples):
    """The arguments of generate for prompts side by side, padded on the left."""
    width = max(len(item.ids) for item in items)
    ids = torch.zeros(len(items), width, dtype=torch.long)
    mask, types = torch.zeros_like(ids), torch.zeros_like(ids)
    pictures, frames, counts, sounds = [], [], [], []
    for row, item in enumerate(items):
        begin = width - len(item.ids)
        ids[row, begin:], mask[row, begin:] = torch.tensor(item.ids), 1
        moving = [token == samples.named["<|video|>"] for token in item.ids]
        types[row, begin:] = torch.tensor([3 if kind == FRAME else 0 if kind != PATCH else 2 if video else 1
                                           for kind, video in zip(item.kinds, moving)])
        of_video = {block: video for block, video in zip(item.blocks, moving) if block >= 0}
        for block, picture in enumerate(zip(item.patches, item.places)):
            (frames if of_video[block] else pictures).append(picture)
        counts += [sum(of_video.values())] if any(of_video.values()) else []  # one film at most
        sounds += item.frames
    out = {"input_ids": ids, "attention_mask": mask, "mm_token_type_ids": types}
    if pictures:
        out["pixel_values"], out["image_position_ids"] = padded_pictures(pictures)
    if frames:
        out["pixel_values_videos"], out["video_position_ids"] = padded_pictures(frames)
        out["num_frames_per_video"] = torch.tensor(counts)
    if sounds:
        out["input_features"] = common.padded(sounds, 0.0)
        out["input_features_mask"] = common.padded([torch.ones(len(sound), dtype=torch.bool) for sound in sounds], False)
    return out


def padded_pictures(pictures):
    patches, places = zip(*pictures)
    return common.padded(patches, 0.0), common.padded(places, -1)


def generate(model, samples, items, stops):
    """Greedy answers of one batch as (ids with the stop, the least lead of a chosen token over the next best). The cache is
    static: with it transformers hides what the specification says that the reference hides (behaviour R)."""
    arguments = inputs(items, samples)
    dtype = next(model.parameters()).dtype
    arguments = {name: value.to(dtype) if value.is_floating_point() else value for name, value in arguments.items()}
    media = {} if len(arguments) == 3 else {"cache_implementation": "static"}
    with torch.no_grad():
        out = model.generate(**arguments, do_sample=False, max_new_tokens=MAX_NEW, eos_token_id=stops, pad_token_id=0,
                             disable_compile=True, return_dict_in_generate=True, output_logits=True, **media)
    best = torch.stack(out.logits, 1).topk(2).values  # [batch, steps, 2]
    leads = best[..., 0] - best[..., 1]
    answers = []
    for row, lead in zip(out.sequences[:, arguments["input_ids"].shape[1]:].tolist(), leads):
        end = next((i for i, token in enumerate(row) if token in stops), len(row) - 1)
        answers.append((row[:end + 1], lead[:end + 1].min().item()))
    return answers


def answers(model, samples, cases, stops):
    """The answer of each case, as generate() gives it."""
    items = [samples.prompt(sample) for sample, _, _ in cases]
    order = sorted(range(len(items)), key=lambda i: len(items[i].ids))
    out = [None] * len(items)
    for begin in range(0, len(order), BATCH):
        part = order[begin:begin + BATCH]
        for i, answer in zip(part, generate(model, samples, [items[i] for i in part], stops)):
            out[i] = answer
    return out
