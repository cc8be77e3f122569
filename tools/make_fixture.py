#!/usr/bin/env python3
"""Make a complete small Hugging Face folder of a random Gemma 4 model, for first runs and tests.

    make_fixture.py TEMPLATE.jinja OUT_FOLDER        (usually tests/fixtures/tiny)

Config, weights, generation and processor settings, a tokenizer of 1024 pieces trained on the text
in small_tokenizer.py, and a copy of the official chat template. The weights are random; rows of the
embedding and the final norm are arranged so that the model says random words instead of one word
over and over or single letters.
"""

import os
import re
import shutil
import sys

import torch
import transformers
from transformers import GenerationConfig

import golden_common as common
import small_tokenizer

VOCAB, HIDDEN, SEED = 1024, 48, 4
WORDS = set(re.findall(r"[a-z]+", small_tokenizer.TEXT))


def processor_config():
    """The default values of the real model's processor, with its limits on tokens."""
    image = {
        "do_convert_rgb": True, "do_normalize": False, "do_rescale": True, "do_resize": True,
        "image_mean": [0.0, 0.0, 0.0], "image_std": [1.0, 1.0, 1.0],
        "image_processor_type": "Gemma4UnifiedImageProcessor", "max_soft_tokens": 280,
        "patch_size": 16, "pooling_kernel_size": 3, "resample": 3,
        "rescale_factor": 0.00392156862745098}
    video = {key: value for key, value in image.items() if key != "image_processor_type"}
    video.update(do_normalize=True, do_sample_frames=True, max_soft_tokens=70, num_frames=32,
                 return_metadata=False, video_processor_type="Gemma4UnifiedVideoProcessor")
    audio = {"audio_samples_per_token": 640, "feature_size": 640, "padding_side": "right",
             "feature_extractor_type": "Gemma4UnifiedAudioFeatureExtractor", "padding_value": 0.0,
             "return_attention_mask": True, "sampling_rate": 16000}
    return {"audio_ms_per_token": 40, "audio_seq_length": 750, "feature_extractor": audio,
            "image_processor": image, "image_seq_length": 280,
            "processor_class": "Gemma4UnifiedProcessor", "video_processor": video}


def tokenizer_config():
    named = {
        "image_token": "<|image|>", "boi_token": "<|image>", "eoi_token": "<image|>",
        "audio_token": "<|audio|>", "boa_token": "<|audio>", "eoa_token": "<audio|>",
        "sot_token": "<|turn>", "eot_token": "<turn|>", "soc_token": "<|channel>",
        "eoc_token": "<channel|>", "think_token": "<|think|>", "escape_token": '<|"|>',
        "str_token": "<|tool_response>", "etr_token": "<tool_response|>",
        "stc_token": "<|tool_call>", "etc_token": "<tool_call|>", "std_token": "<|tool>",
        "etd_token": "<tool|>"}
    return {"add_bos_token": False, "backend": "tokenizers", "bos_token": "<bos>",
            "clean_up_tokenization_spaces": False, "eos_token": "<eos>", "mask_token": "<mask>",
            "model_max_length": 4096, "model_specific_special_tokens": named,
            "pad_token": "<pad>", "padding_side": "left", "tokenizer_class": "GemmaTokenizer",
            "unk_token": "<unk>", **named}


def row_scale(piece):
    """How loud a piece is: whole words more than letters, bytes and markers hardly at all."""
    if piece == "<turn|>":
        return 0.9
    if piece in small_tokenizer.SPECIALS or piece.startswith("<0x"):
        return 0.05
    if piece.startswith("▁") and piece[1:] in WORDS:
        return 1.0
    return 0.8 if piece in ".,?" else 0.35


def make_model(vocab, folder):
    ids = {"boi_token_id": vocab["<|image>"], "eoi_token_id": vocab["<image|>"],
           "image_token_id": vocab["<|image|>"], "video_token_id": vocab["<|video|>"],
           "boa_token_id": vocab["<|audio>"], "eoa_token_index": vocab["<audio|>"],
           "audio_token_id": vocab["<|audio|>"]}
    config = common.make_config(ids, {
        "hidden_size": HIDDEN, "intermediate_size": 128, "num_attention_heads": 1,
        "num_key_value_heads": 1, "vocab_size": VOCAB, "sliding_window": 64,
        "max_position_embeddings": 4096})
    model = common.new_model(config, SEED, logit_std=4.5)
    scale = torch.tensor([row_scale(piece) for piece in vocab])
    with torch.no_grad():
        model.get_input_embeddings().weight.mul_(scale[:, None])
        # Random signs, or each token would most of all predict itself (the head is tied).
        rng = torch.Generator().manual_seed(SEED)
        signs = torch.randint(0, 2, (HIDDEN,), generator=rng) * 2 - 1
        model.model.language_model.norm.weight.mul_(signs)
    model = model.to(torch.bfloat16)
    model.generation_config = GenerationConfig(
        do_sample=True, temperature=1.0, top_k=64, top_p=0.95, pad_token_id=vocab["<pad>"],
        bos_token_id=vocab["<bos>"],
        eos_token_id=[vocab["<eos>"], vocab["<turn|>"], vocab["<|tool_response>"]],
        suppress_tokens=[vocab["<audio|>"], vocab["<image|>"]])
    transformers.utils.logging.disable_progress_bar()
    model.save_pretrained(folder)
    os.chmod(os.path.join(folder, "model.safetensors"), 0o644)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    template, folder = sys.argv[1:]
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    torch.set_num_threads(1)
    tokenizer = small_tokenizer.build(VOCAB)
    make_model(tokenizer["model"]["vocab"], folder)
    common.write_json(os.path.join(folder, "tokenizer.json"), tokenizer, indent=1)
    common.write_json(os.path.join(folder, "tokenizer_config.json"), tokenizer_config())
    common.write_json(os.path.join(folder, "processor_config.json"), processor_config())
    shutil.copyfile(template, os.path.join(folder, "chat_template.jinja"))


if __name__ == "__main__":
    main()
