#!/usr/bin/env python3
"""Make a stand-in for Gemma 4's tokenizer.json from Gemma 3's.

    make_gemma4_tokenizer.py GEMMA3_TOKENIZER_JSON OUT

The two share vocabulary and merges; only the added tokens differ. The 24 added tokens of Gemma 4
take the place of Gemma 3's, and the vocabulary entries at their ids are renamed. Everything else
stays as it is. Needs nothing but the standard library. The output is under the Gemma terms, like
the input: do not commit it.
"""

import json
import sys

ADDED = {
    0: "<pad>", 1: "<eos>", 2: "<bos>", 3: "<unk>", 4: "<mask>",
    46: "<|tool>", 47: "<tool|>", 48: "<|tool_call>", 49: "<tool_call|>",
    50: "<|tool_response>", 51: "<tool_response|>", 52: '<|"|>', 98: "<|think|>",
    100: "<|channel>", 101: "<channel|>", 105: "<|turn>", 106: "<turn|>",
    255999: "<|image>", 256000: "<|audio>", 258880: "<|image|>", 258881: "<|audio|>",
    258882: "<image|>", 258883: "<audio|>", 258884: "<|video|>",
}


def convert(tokenizer):
    """Change the parsed Gemma 3 tokenizer.json into Gemma 4's, in place."""
    old_vocab = tokenizer["model"]["vocab"]
    vocab = {ADDED.get(token_id, text): token_id for text, token_id in old_vocab.items()}
    if len(vocab) != len(old_vocab):
        raise ValueError("an added token's text is already in the vocabulary under another id")
    missing = [text for token_id, text in ADDED.items() if vocab.get(text) != token_id]
    if missing:
        raise ValueError(f"the vocabulary has no entry to rename for {missing}")
    tokenizer["model"]["vocab"] = vocab
    tokenizer["added_tokens"] = [
        {"id": token_id, "content": text, "single_word": False, "lstrip": False,
         "rstrip": False, "normalized": False, "special": True}
        for token_id, text in ADDED.items()
    ]
    return tokenizer


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        tokenizer = json.load(file)
    convert(tokenizer)
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump(tokenizer, file, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    main()
