"""The tokenizer of carat-point: byte pair encoding of the Gemma form, trained on the world's own text.

    tokenizer.py OUT/tokenizer.json
"""

import collections
import pathlib
import random
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import golden_common as common  # noqa: E402
import small_tokenizer  # noqa: E402
import world  # noqa: E402
from render import Renderer  # noqa: E402

SIZE = 4096
SEED = 1
CONVERSATIONS = 20000
# Words stay apart, digits stand alone (so that sums can be learnt), and so do marks.
WORD = re.compile(r"▁?[A-Za-z]+|▁?[0-9]|▁+|\n+|▁?[^▁\nA-Za-z0-9]")
CONTROL = re.compile("|".join(map(re.escape, sorted(small_tokenizer.SPECIALS, key=len, reverse=True))))


def counted():
    """Words of many conversations. The square root keeps rare words from drowning among the frames."""
    rng = random.Random(SEED)
    render = Renderer()
    words = collections.Counter()
    for _ in range(CONVERSATIONS):
        prompt, answer = render(world.make_sample(rng, rng.choice(list(world.SKILLS))))
        for text in CONTROL.split(prompt + answer):
            words.update(WORD.findall(text.replace(" ", "▁")))
    return {word: int(count ** 0.5) for word, count in words.items() if len(word) > 1}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    words = counted()
    # General English, of which the world's text has few parts: single words that a user may write.
    for word, count in small_tokenizer.count_words(small_tokenizer.TEXT).items():
        for part in WORD.findall(word):
            words.setdefault(part, count)
    common.write_json(sys.argv[1], small_tokenizer.build(SIZE, words=words), indent=1)


if __name__ == "__main__":
    main()
