#!/usr/bin/env python3
"""Write what train.py and train_drafter.py have reached as Hugging Face folders in bf16.

    export.py TRAINED_FOLDER OUT_FOLDER        (usually models/point; the drafter goes into its assistant/)
"""

import pathlib
import shutil
import sys

import torch
import transformers
from transformers import GenerationConfig

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import model as point  # noqa: E402  (brings tools/ into the path)
from drafter import make_drafter  # noqa: E402
from render import TEMPLATE  # noqa: E402

import golden_common as common  # noqa: E402
import make_fixture  # noqa: E402


def save(model, folder):
    """A float32 model as bf16 safetensors with its configuration."""
    model = model.to(torch.bfloat16)
    model.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    trained, out = map(pathlib.Path, sys.argv[1:])
    out.mkdir(parents=True, exist_ok=True)
    transformers.utils.logging.disable_progress_bar()
    vocab = common.read_json(trained / "tokenizer.json")["model"]["vocab"]
    suppressed = [vocab["<audio|>"], vocab["<image|>"]]
    model = point.trained_model(vocab, trained / "state.pt")
    model.generation_config = GenerationConfig(
        do_sample=False, pad_token_id=vocab["<pad>"], bos_token_id=vocab["<bos>"],
        eos_token_id=[vocab["<eos>"], vocab["<turn|>"], vocab["<|tool_response>"]], suppress_tokens=suppressed)
    save(model, out)
    shutil.copyfile(trained / "tokenizer.json", out / "tokenizer.json")
    common.write_json(out / "tokenizer_config.json", make_fixture.tokenizer_config())
    common.write_json(out / "processor_config.json", make_fixture.processor_config())
    shutil.copyfile(TEMPLATE, out / "chat_template.jinja")
    if (trained / "drafter.pt").exists():
        drafter = make_drafter(vocab)
        drafter.load_state_dict(torch.load(trained / "drafter.pt", weights_only=True)["model"])
        drafter.generation_config = GenerationConfig(
            do_sample=True, temperature=1.0, top_k=64, top_p=0.95, pad_token_id=vocab["<pad>"],
            bos_token_id=vocab["<bos>"], eos_token_id=vocab["<eos>"], suppress_tokens=suppressed, num_assistant_tokens=3)
        save(drafter, out / "assistant")


if __name__ == "__main__":
    main()
