"""Build a small tokenizer.json of the Gemma form. Used by make_quant_goldens.py, make_fixture.py and point/.

The 24 added tokens take the first ids (in the order of the real ids), then come the 256 byte
tokens, the characters, and the pieces that byte pair encoding finds in a small text. As in Gemma's
own file the merge list holds every split of a piece into two others, ordered by the piece's rank.
"""

import collections
import re

from make_gemma4_tokenizer import ADDED

SPECIALS = list(ADDED.values())
ASCII = [*"▁\n\t", *map(chr, range(0x21, 0x7F))]
CHARACTERS = ASCII + list("áàâäçéèêëíîïñóôöúùûüßœæåøÄÖÜÉ"
                          "–—‘’“”…«»€°·×абвгдежзиклмнопрстуфхцчшыьэюя"
                          "αβγδεηθικλμνοπρστω的一是不了人我在有中日本語あいうえお")

TEXT = """
The small engine reads a model from a folder and answers in plain words. It loads the weights, it
splits the question into pieces, and it predicts the next piece again and again until the answer is
complete. When the answer is complete the engine stops. Nothing else happens, and nothing else needs
to happen. A short program is easier to read than a long one, and a program that is easy to read is
easier to trust.

In the morning the harbour was quiet. The boats lay still, the water was grey, and a thin line of
light stood over the hills on the other side. An old man walked along the wall with his dog. He
stopped, looked at the sky, and said that the wind would turn before noon. The dog did not seem to
mind. By the time the sun came out the market had opened, and people were buying bread, apples,
fish, and flowers. Children ran between the stalls and shouted to each other. Somebody played a
song that everybody knew, and for a while the whole street was singing.

How do you make good bread? You need flour, water, salt, and time. Mix the flour with the water and
let it rest. Add the salt, fold the dough, and wait. After some hours the dough is soft and full of
air. Put it into a hot oven and do not open the door too early. The crust should be dark brown, and
the bread should sound hollow when you knock on it. Let it cool before you cut it, even if that is
the hardest part of all.

Numbers: 0, 1, 2, 3, 10, 12, 100, 256, 512, 1000, 1024, 2025, 3.14159. Colors: red, green, blue,
yellow, black, white, orange, purple. Days: Monday, Tuesday, Wednesday, Thursday, Friday, Saturday,
Sunday. Here are a few ways you could say it: "I would like to know more about this," or "Please
tell me what you think," or simply "Thank you!" This is a list:

1. The first thing is to understand the problem.
2. The second thing is to write down what you know.
3. The third thing is to check that the answer makes sense.

- **Note:** the name of the user and the name of the model are not the same.
- **Note:** a system message comes first, then the user, then the model; a thought stays hidden.

def add(first, second):
    return first + second

for (int i = 0; i < count; i++) {
    if (values[i] > limit) { result += values[i]; }
}

{"name": "get_weather", "arguments": {"location": "Tokyo", "unit": "celsius"}, "type": "object"}
declaration:get_weather{description:,parameters:{properties:{location:{description:,type:STRING}}}}

Der Hund läuft durch den Garten, und die Katze schläft auf dem Sofa. Später möchten wir über die
Brücke gehen und im Café etwas trinken. Le chat est sur la table, et le garçon mange une pomme.
Nous avons déjà vu cette maison près de la forêt. El niño juega en la calle mientras su hermana
escribe una canción. La mañana está tranquila y el sol sale despacio.

What is the meaning of the word? The meaning of a word is its use in the language. What is the time?
It is time to go home. Where does the river go? The river goes to the sea. Why is the sky blue?
Because the air scatters the blue part of the light more than the red part. Who are you? I am a very
small model with random weights, and nothing I say should be taken as true.
"""


def count_words(text):
    """The words of a text, each with the space before it."""
    return collections.Counter(re.findall(r"▁*[^▁\n]+|▁+|\n+", text.replace(" ", "▁")))


def train(words, size, vocab):
    """Add the pieces of greedy byte pair encoding to vocab until it has the given size."""
    words = {tuple(word): count for word, count in words.items()}
    while len(vocab) < size:
        pairs = collections.Counter()
        for word, count in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += count
        if not pairs:
            raise ValueError("the text is too short for this vocabulary")
        left, right = min(pairs, key=lambda pair: (-pairs[pair], pair))
        vocab.setdefault(left + right, len(vocab))
        merged = {}
        for word, count in words.items():
            out, index = [], 0
            while index < len(word):
                if word[index:index + 2] == (left, right):
                    out.append(left + right)
                    index += 2
                else:
                    out.append(word[index])
                    index += 1
            merged[tuple(out)] = merged.get(tuple(out), 0) + count
        words = merged


def merge_list(vocab, first):
    """Every (left, right) that makes a piece of rank >= first."""
    merges = []
    for piece, rank in vocab.items():
        if rank >= first and len(piece) > 1:
            splits = [(piece[:cut], piece[cut:]) for cut in range(1, len(piece))]
            splits = [(a, b) for a, b in splits if a in vocab and b in vocab]
            merges += sorted(splits, key=lambda pair: (vocab[pair[0]], vocab[pair[1]]))
    return merges


def build(size, characters=CHARACTERS, words=None):
    """The tokenizer.json (as a dict) of a vocabulary of the given size, trained on counted words."""
    vocab = {text: index for index, text in enumerate(SPECIALS)}
    for byte in range(256):
        vocab[f"<0x{byte:02X}>"] = len(vocab)
    for character in characters:
        vocab.setdefault(character, len(vocab))
    first = len(vocab)
    train(words or count_words(TEXT), size, vocab)
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [
            {"id": index, "content": text, "single_word": False, "lstrip": False,
             "rstrip": False, "normalized": False, "special": True}
            for index, text in enumerate(SPECIALS)],
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        "pre_tokenizer": {"type": "Split", "pattern": {"String": " "},
                          "behavior": "MergedWithPrevious", "invert": False},
        "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
            {"type": "ByteFallback"}, {"type": "Fuse"}]},
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>",
                  "continuing_subword_prefix": None, "end_of_word_suffix": None,
                  "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                  "vocab": vocab, "merges": [list(pair) for pair in merge_list(vocab, first)]},
    }
