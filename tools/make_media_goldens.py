#!/usr/bin/env python3
"""Make what transformers computes from pictures, sound and video with the random checkpoints of make_model_goldens.py.

    make_media_goldens.py MODELS_FOLDER        (usually tests/golden/models)

Per checkpoint and case: `<case>.media.json` (ids, and for each medium its kind, where its soft tokens begin, its size and
the seed of its content), `<case>.soft.npy` (float32 [soft tokens, hidden], all media in order) and `<case>.R.npy` and
`<case>.L.npy` (float32 logits of all positions with both behaviours of the block masks). Float32 on the CPU, eager
attention, embedding scale rounded to bf16. Pixels and samples come from a small generator that the tests have too.
"""

import sys

import numpy as np
import torch
import transformers

import golden_common as common

PATCH, FRAME = 48, 640
CASES = {
    "picture": [("text", 3), ("picture", 5, 4), ("text", 5)],
    "sound": [("text", 2), ("sound", 4000), ("text", 4)],
    "video": [("text", 2), ("frame", 2, 3), ("text", 3), ("frame", 2, 3), ("text", 4)],
    "mixed": [("text", 1), ("sound", 1280), ("picture", 3, 2), ("text", 2), ("picture", 2, 9), ("text", 1), ("frame", 1, 4),
              ("text", 1), ("sound", 641), ("text", 6)],
}


def noise(seed, count):
    """`count` bytes: the high bytes of a linear congruential generator."""
    out, state = np.empty(count, np.uint8), seed
    for i in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        out[i] = state >> 24
    return out


def pixels_of(seed, columns, rows):
    return noise(seed, columns * rows * PATCH * PATCH * 3).reshape(rows * PATCH, columns * PATCH, 3)


def samples_of(seed, count):
    return (noise(seed, count).astype(np.float32) - 128) / 128


def patches_of(pixels):
    """[n, 6912] in 0..1 and [n, 2], as the processor makes them of pixels that fit."""
    rows, columns = pixels.shape[0] // PATCH, pixels.shape[1] // PATCH
    tiles = pixels.reshape(rows, PATCH, columns, PATCH, 3).transpose(0, 2, 1, 3, 4).reshape(rows * columns, -1)
    places = [(x, y) for y in range(rows) for x in range(columns)]
    return torch.from_numpy(tiles.astype(np.float32)) * np.float32(1 / 255), torch.tensor(places)


def build(case, config, rng):
    """ids, types, media for the tests, and the arguments of the model."""
    taken = {config.image_token_id, config.audio_token_id, config.video_token_id}
    plain = [token for token in range(3, config.text_config.vocab_size) if token not in taken]
    ids, types, media = [2], [0], []
    pictures, frames, sounds = [], [], []
    for number, (kind, *size) in enumerate(case):
        if kind == "text":
            ids += [int(token) for token in rng.choice(plain, size[0])]
            types += [0] * size[0]
            continue
        seed = 100 + number
        if kind == "sound":
            samples = samples_of(seed, size[0])
            count = -(-len(samples) // FRAME)
            sound = np.zeros(count * FRAME, np.float32)
            sound[:len(samples)] = samples
            sounds.append(torch.from_numpy(sound).view(count, FRAME))
            begin, soft, end, type_ = config.boa_token_id, config.audio_token_id, config.eoa_token_index, 3
            entry = {"samples": size[0]}
        else:
            columns, rows = size
            (pictures if kind == "picture" else frames).append(patches_of(pixels_of(seed, columns, rows)))
            soft, type_ = (config.image_token_id, 1) if kind == "picture" else (config.video_token_id, 2)
            begin, end, count = config.boi_token_id, config.eoi_token_id, columns * rows
            entry = {"columns": columns, "rows": rows}
        media.append({"kind": kind, "at": len(ids) + 1, "count": count, "seed": seed, **entry})
        ids += [begin] + [soft] * count + [end]
        types += [0] + [type_] * count + [0]
    arguments = {}
    if pictures:
        arguments["pixel_values"] = common.padded([values for values, _ in pictures], 0.0)
        arguments["image_position_ids"] = common.padded([places for _, places in pictures], -1)
    if frames:
        arguments["pixel_values_videos"] = common.padded([values for values, _ in frames], 0.0)
        arguments["video_position_ids"] = common.padded([places for _, places in frames], -1)
        arguments["num_frames_per_video"] = torch.tensor([len(frames)])
    if sounds:
        arguments["input_features"] = common.padded(sounds, 0.0)
        arguments["input_features_mask"] = common.padded([torch.ones(len(sound), dtype=torch.bool) for sound in sounds], False)
    return ids, types, media, arguments


def soft_tokens(model, media, arguments):
    """The rows of all media in order."""
    rows = {"picture": [], "frame": [], "sound": []}
    with torch.no_grad():
        inner = model.model
        for kind, values, places in (("picture", "pixel_values", "image_position_ids"),
                                     ("frame", "pixel_values_videos", "video_position_ids")):
            for patches, place in zip(arguments.get(values, []), arguments.get(places, [])):
                kept = place[:, 0] >= 0
                rows[kind].append(inner.embed_vision(patches[kept][None], place[kept][None]).pooler_output.view(
                    int(kept.sum()), -1))
        for sound, mask in zip(arguments.get("input_features", []), arguments.get("input_features_mask", [])):
            rows["sound"].append(inner.embed_audio(sound[mask][None]).view(int(mask.sum()), -1))
    sources = {kind: iter(parts) for kind, parts in rows.items()}
    return torch.cat([next(sources[medium["kind"]]) for medium in media])


def reference_masks(model, ids, types):
    """The masks that generate() makes: blocks open in sliding layers. ids, types [1, n]."""
    return model.create_masks_for_generate(
        config=model.config, inputs_embeds=model.get_input_embeddings()(ids), attention_mask=torch.ones_like(ids),
        cache=None, position_ids=torch.arange(ids.shape[1])[None], mm_token_type_ids=types)


def run(model, ids, types, arguments, behaviour):
    ids, types = torch.tensor([ids]), torch.tensor([types])
    extra = {}
    with torch.no_grad():
        if behaviour == "R":
            extra["attention_mask"] = reference_masks(model, ids, types)
        return model(input_ids=ids, mm_token_type_ids=types, use_cache=False, **arguments, **extra).logits[0]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    for name, folder, _, model in common.checkpoints(sys.argv[1]):
        for case, parts in CASES.items():
            ids, types, media, arguments = build(parts, model.config, np.random.default_rng(1))
            common.write_json(f"{folder}/{case}.media.json", {"ids": ids, "media": media}, indent=None)
            np.save(f"{folder}/{case}.soft.npy", soft_tokens(model, media, arguments).numpy())
            logits = {behaviour: run(model, ids, types, arguments, behaviour) for behaviour in "RL"}
            for behaviour, values in logits.items():
                np.save(f"{folder}/{case}.{behaviour}.npy", values.numpy())
            span = (logits["R"].max() - logits["R"].min()).item()
            print(f"{name} {case}: {len(ids)} ids, range {span:.1f}, R and L differ by "
                  f"{(logits['R'] - logits['L']).abs().max().item() / span:.3f} of it")


if __name__ == "__main__":
    main()
