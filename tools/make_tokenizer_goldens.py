#!/usr/bin/env python3
"""Make tokenizer test cases with the Hugging Face tokenizers package.

    make_tokenizer_goldens.py GEMMA4_TOKENIZER.json TINY_TOKENIZER.json OUT_FOLDER

GEMMA4_TOKENIZER.json comes from make_gemma4_tokenizer.py, TINY_TOKENIZER.json is
tests/fixtures/tiny/tokenizer.json, OUT_FOLDER usually tests/golden/tokenizer. Each line of
cases.jsonl and tiny.jsonl is {"text", "ids", "plain"}: ids with added tokens recognised, plain with
their texts treated as ordinary text (left out when equal). {"bytes": base64, ...} stands for
invalid UTF-8, to be read as Python's bytes.decode("utf-8", "replace") reads it.
"""

import base64
import json
import os
import random
import sys

from tokenizers import Tokenizer

from make_gemma4_tokenizer import ADDED

CASES, TINY_CASES = 10000, 300

SENTENCES = """
The ferry leaves at 7:45, but nobody told the cook.
I can't believe it's only $12.50 (or 3 for $30)!
She said, "We'll meet at O'Brien's", and hung up.
HTTP/1.1 404 Not Found; Content-Type: text/html; charset=utf-8
Die Übergröße des Fußballschuhs überraschte Jörg völlig.
Où êtes-vous né ? À l'hôpital, près du château, dit l'élève.
¿Cuántos años tiene tu abuela? ¡Ochenta y siete!
A ação começou às três horas; não há ninguém lá.
Perché è così difficile? Può darsi che sia già tardi.
Zażółć gęślą jaźń, proszę pani, i wyślij łódź.
Příliš žluťoučký kůň úpěl ďábelské ódy.
Árvíztűrő tükörfúrógép, kérem szépen.
Șerpii și țânțarii dorm în iarbă.
Yarın İstanbul'da ışıklı bir gün, çok güzel olacak.
Hyvää päivää, missä on lähin kirjasto?
Sjöbefälet åkte till Ängelholm på söndag.
Þetta er íslenska, og ég á ekki hest.
Chúng tôi đang uống cà phê sữa đá ở Hà Nội.
Завтра мы поедем на дачу, если не будет дождя.
Ми любимо їсти вареники з вишнями, пане Їжаче.
Тази вечер ще вали сняг в планината.
Η θάλασσα ήταν ήρεμη και ο ουρανός γαλάζιος.
בבוקר שתיתי קפה, ואז הלכתי לעבודה.
ذهبت إلى السوق واشتريت خبزًا وتفاحًا.
امروز هوا خیلی خوب است و می‌خواهم قدم بزنم.
आज मौसम बहुत अच्छा है, चलो बाहर चलते हैं।
আমি বাংলায় গান গাই, তুমি কি শুনছ?
நாங்கள் நாளை கடற்கரைக்குப் போகிறோம்.
తెలుగు చాలా అందమైన భాష.
ഞാൻ ചായ കുടിക്കുന്നു.
วันนี้อากาศดีมาก เราไปเดินเล่นกันเถอะ
ຂ້ອຍຮັກເຈົ້າຫຼາຍ
ក្មេងៗកំពុងលេងបាល់
မင်္ဂလာပါ၊ နေကောင်းလား။
დღეს კარგი ამინდია, წავიდეთ ზღვაზე.
Բարեւ, ինչպե՞ս ես այսօր։
ሰላም እንዴት ነህ? ዛሬ ቀኑ ጥሩ ነው።
今天天气很好,我们去公园散步吧。
昨夜雨疏風驟,濃睡不消殘酒?不是這首。
明日は雨が降るかもしれないので、傘を持って行きます。
カタカナとひらがなと漢字をまぜて書く。ﾊﾝｶｸも。
내일은 친구와 함께 영화를 보러 갈 거예요.
Bonjour 世界, hello мир, γειά 🌍!
The quick brown fox — 123,456,789.00 — jumps over 1e-7 lazy dogs.
for (size_t i = 0; i < n; ++i) { sum += a[i] * b[i]; }
def f(x: int) -> str:\n    return f"{x:>08x}"\n
SELECT name, COUNT(*) FROM users WHERE age >= 18 GROUP BY name;
<div class="row"><a href="/x?y=1&z=2">link</a></div>
{"key": [1, 2.5, -3e10, null, true], "s": "a\\"b\\\\c"}
#include <vector>\nint main(){return 0;}\n
\\frac{a}{b} + \\sum_{i=0}^{n} x_i^2 = \\alpha
$ ls -la ~/dir | grep -v '^d' && echo "ok" > /dev/null
| a | b |\n|---|:-:|\n| 1 | **2** |
- [ ] todo\n- [x] done\n\n```python\nprint("hi")\n```
user@example.org https://example.org/path?q=a%20b#frag
x̄ = (∑xᵢ)/n ± 2σ, ∀x∈ℝ: x² ≥ 0 ⇒ ∃y ≠ ∅
♔♕♖ ♩♪♫ ☀☁☂ ①②③ ⅓⅔ ½ ™ ® © € £ ¥ ₹
CamelCaseIdentifier snake_case_name SCREAMING_CASE kebab-case
aaaaaaaaaaaaabbbbbbbbbbbbbbbbcccccccccc
0123456789 00000000 1111111 12345678901234567890
""".strip().split("\n")

EMOJI = ["😀", "👍🏽", "👩‍💻", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "🇯🇵🇧🇷", "❤️", "☺︎", "1️⃣", "🧑🏿‍🚀", "🫠",
         "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "‍", "️", "🏽"]
SPACES = [" ", "  ", "   ", " " * 7, " " * 16, " " * 31, " " * 40, "\t", "\t\t", "\t\t\t\t", "\n",
          "\n\n", "\n\n\n", "\n" * 9, "\n" * 32, "\r\n", "\r", " \n", "\n ", "\t \n", "\u00a0",
          "\u2003", "\u2009", "\u202f", "\u3000", "\u1680", "\u0085", "\u2028", "\u2029", "\ufeff",
          "\u200b", "\u200d", "▁", "▁▁", "▁ ▁", " ▁", "▁ ", "\v", "\f"]
CONTROLS = [chr(code) for code in [*range(0, 32), 127, *range(0x80, 0xA0)]]
MARKS = ["e\u0301", "a\u0308", "n\u0303", "o\u0302\u0323",
         "Z\u0351\u036b\u0343a\u0322l\u0356g\u030d", "\u0301", "\u0338=", "ก็", "क्ष", "שָׁ", "ﷺ",
         "ﬁ", "Å", "Å", "㍿", "가", "각"]
SPECIALS = list(ADDED.values())
PARTIAL = ["<|turn", "<turn|>>", "<<|turn>", "<|turn|>", "<|turn>|>", "|turn>", "<|", "|>", '<|"',
           '"|>', "<", "<|image", "image|>", "<|image|", "<|image|>>", "<<image|>",
           "<|image><|image|>", "<bos", "bos>", "<BOS>", "<|Turn>", "< |turn>", "<|turn >",
           "<pad>>", "<unk", "<unused0>", "<unused99>", "<start_of_turn>", "<end_of_turn>",
           "<0x41>", "<0x0A>", "</s>", "<s>", "<|tool_call>call:f{}",
           "<table>", "</td>", "<h1>", "[multimodal]", "<mask", "<eos", "<|video|>x", "<|think|"]
FRAGMENTS = ["un", "ing", " the", "The", "ed ", "tion", "ß", "é", "中", "语", "ん", "ж", " А", "'s",
             "n't", "...", "!!", "?!", "--", "==", "=>", "::", "//", "/*", "*/", "#", "@", "%", "(",
             ")", "[", "]", "{", "}", "0", "7", "42", "3.14", "\\n", "\\", '"', "'", "`", "~", "^",
             "_", "__init__", " =", "+=", "a", "b"]
RANGES = [(0x20, 0x7E), (0xA1, 0x24F), (0x250, 0x52F), (0x530, 0x10FF), (0x1100, 0x1FFF),
          (0x2000, 0x2BFF), (0x2C00, 0x33FF), (0x3400, 0x9FFF), (0xA000, 0xD7FF), (0xE000, 0xFFFF),
          (0x10000, 0x1FFFF), (0x20000, 0x3FFFF), (0xE0000, 0x10FFFF)]


def unicode_text(rng, length):
    low, high = rng.choice(RANGES)
    mixed = rng.random() < 0.3
    out = []
    for _ in range(length):
        if mixed:
            low, high = rng.choice(RANGES)
        out.append(chr(rng.randint(low, high)))
    return "".join(out)


def piece(rng):
    """A short random string of some kind."""
    kind = rng.randrange(12)
    if kind < 3:
        words = rng.choice(SENTENCES).split(" ")
        start = rng.randrange(len(words))
        return " ".join(words[start:start + rng.randint(1, 4)])
    if kind == 3:
        return rng.choice(EMOJI)
    if kind < 6:
        return rng.choice(SPACES)
    if kind == 6:
        return rng.choice(CONTROLS)
    if kind == 7:
        return rng.choice(MARKS)
    if kind == 8:
        return rng.choice(SPECIALS)
    if kind == 9:
        return rng.choice(PARTIAL)
    if kind == 10:
        return unicode_text(rng, rng.randint(1, 4))
    return "".join(rng.choice(FRAGMENTS) for _ in range(rng.randint(1, 5)))


def fixed_texts():
    """The cases that must be there."""
    texts = ["", *SENTENCES, *[text.replace("\\n", "\n") for text in SENTENCES if "\\n" in text]]
    texts += EMOJI + SPACES + CONTROLS + MARKS + SPECIALS + PARTIAL + FRAGMENTS
    texts += [chr(code) for code in range(0x20, 0x7F)]
    texts += [f"a{space}b" for space in SPACES] + [f"{space}a " for space in SPACES]
    texts += [f"x{token}y" for token in SPECIALS] + [f" {token} " for token in SPECIALS]
    texts += [f"{token}{token}\n{token}" for token in SPECIALS]
    texts += [token[:cut] for token in SPECIALS for cut in range(1, len(token))]
    texts += [token[cut:] for token in SPECIALS for cut in range(1, len(token))]
    texts += ["".join(SPECIALS), " ".join(SPECIALS),
              "<bos><|turn>user\nHello<turn|>\n<|turn>model\n"]
    texts += ["\0", "a\0b", "\0\0\0", "<|turn>\0<turn|>", "\0 \0"]
    for character in [" ", "\n", "\t", "a", "▁", "0", "=", "-", "😀", "中", "\u0301", "\0", "ab",
                      " a", "\n ", "\r\n", "<", "|", "ha", "é", "<|turn>"]:
        for count in (2, 5, 17, 33, 64, 257):
            texts.append(character * count)
    texts += [" " * 3000, "a" * 3000, "\n" * 3000, "=" * 2999, "▁" * 1025, "\u00e9" * 1500,
              "\t" * 2048, "中" * 1000, "xy" * 1500, "\U000e0001" * 300]
    return texts


INVALID = [b"\xff", b"\xfe\xff", b"\x80", b"\xbf\xbf", b"\xc0\x80", b"\xc1\xbf", b"\xc3", b"\xc3(",
           b"\xe2\x82", b"\xe2\x28\xa1", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xed\xbf\xbf",
           b"\xed\xa0\xbd\xed\xb8\x80", b"\xf0\x9f\x98", b"\xf0\x9f", b"\xf0", b"\xf0\x28\x8c\xbc",
           b"\xf0\x80\x80\x80", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80",
           b"\xfc\x84\x80\x80\x80\x80", b"a\xe2\x82b", b"<|turn>\xff<turn|>", b"<|tu\xe2rn>",
           b"\xe4\xb8\xad\xe4\xb8", b"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41",
           b"\xef\xbf\xbd\xef\xbf"]


def invalid_bytes(rng, count):
    """Byte strings that are not UTF-8."""
    out = list(INVALID)
    while len(out) < count:
        data = bytearray("".join(piece(rng) for _ in range(rng.randint(1, 4))).encode())
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(data) + 1)
            if rng.random() < 0.5:
                data[at:at + rng.randint(0, 1)] = bytes([rng.randint(0x80, 0xFF)])
            else:
                data[at:at + rng.randint(1, 2)] = b""
        try:
            data.decode()
        except UnicodeDecodeError:
            out.append(bytes(data))
    return out


def write(tokenizer_path, out_path, texts, invalid):
    tokenizer = Tokenizer.from_file(tokenizer_path)
    lines = []
    for item in texts + invalid:
        text = item if isinstance(item, str) else item.decode("utf-8", "replace")
        line = ({"text": text} if isinstance(item, str)
                else {"bytes": base64.b64encode(item).decode()})
        tokenizer.encode_special_tokens = False
        line["ids"] = tokenizer.encode(text, add_special_tokens=False).ids
        tokenizer.encode_special_tokens = True
        plain = tokenizer.encode(text, add_special_tokens=False).ids
        if plain != line["ids"]:
            line["plain"] = plain
        lines.append(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
    os.makedirs(os.path.dirname(out_path), exist_ok=True)
    with open(out_path, "w", encoding="utf-8", newline="") as file:
        file.writelines(lines)
    print(f"{out_path}: {len(lines)} cases")


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    gemma, tiny, folder = sys.argv[1:]
    rng = random.Random(9)
    invalid = invalid_bytes(rng, 500)
    texts = list(dict.fromkeys(fixed_texts()))
    while len(texts) + len(invalid) < CASES:
        if rng.random() < 0.15:
            texts.append(unicode_text(rng, rng.randint(1, 16)))
        else:
            texts.append("".join(piece(rng) for _ in range(rng.randint(1, 7))))
    write(gemma, os.path.join(folder, "cases.jsonl"), texts, invalid)
    rng = random.Random(10)
    some = texts[:60] + rng.sample([text for text in texts if len(text) < 300], TINY_CASES - 90)
    write(tiny, os.path.join(folder, "tiny.jsonl"), some, rng.sample(invalid, 30))


if __name__ == "__main__":
    main()
