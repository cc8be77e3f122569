"""Counting, sorting and rewriting."""

from . import words
from .sample import Sample, assistant, think_sometimes, user

KINDS = {"animals": words.ANIMALS, "fruits": words.FRUITS, "colours": words.COLOURS, "things": words.THINGS,
         "names": words.NAMES, "cities": words.CITIES}


def count(rng):
    kind = rng.choice(["list", "list", "up", "down", "one word", "which"])
    if kind == "list":
        what = rng.choice(list(KINDS))
        items = rng.sample(KINDS[what], rng.randint(2, 8))
        question = rng.choice([f"How many {what} are in this list: {', '.join(items)}?",
                               f"Count the {what}: {', '.join(items)}.",
                               f"{', '.join(items)}: how many {what} is that?"])
        thought = ", ".join(f"{item} {i}" for i, item in enumerate(items, 1)) + "."
        answer = f"There are {words.spelled(len(items))} {what}."
    elif kind in ("up", "down"):
        low = rng.randint(0, 30)
        high = low + rng.randint(2, 9)
        a, b = (low, high) if kind == "up" else (high, low)
        step = 1 if kind == "up" else -1
        question = rng.choice([f"Count from {a} to {b}.", f"Please count from {a} to {b}."])
        answer = ", ".join(str(i) for i in range(a, b + step, step))
        thought = f"I start at {a} and go {kind} to {b}."
    elif kind == "one word":
        item = rng.choice(words.ANIMALS + words.FRUITS + words.THINGS)
        items = [rng.choice([item, rng.choice(words.THINGS)]) for _ in range(rng.randint(3, 8))]
        n = items.count(item)
        question = f"How often does the word {item} stand here: {' '.join(items)}?"
        thought = " ".join(f"{word} yes" if word == item else f"{word} no" for word in items) + f". That makes {n}."
        answer = {0: "Not once.", 1: "Once.", 2: "Twice."}.get(n, f"{words.spelled(n).capitalize()} times.")
    else:
        n, what = rng.randint(1, 5), rng.choice(["animals", "fruits", "cities", "names"])
        items = rng.sample(KINDS[what], rng.randint(max(n, 2), 6))
        order = ["first", "second", "third", "fourth", "fifth"][n - 1]
        question = f"Which is the {order} word: {', '.join(items)}?"
        thought = ", ".join(f"{i} {item}" for i, item in enumerate(items[:n], 1)) + "."
        answer = f"The {order} word is {items[n - 1]}."
    thought, thinking = think_sometimes(rng, thought)
    return Sample([user(question), assistant(answer, thought)], thinking=thinking)


def sort(rng):
    if rng.random() < 0.5:
        items = rng.sample(range(0, 100), rng.randint(3, 7))
        down = rng.random() < 0.4
        order = "from big to small" if down else "from small to big"
        question = rng.choice([f"Sort these numbers {order}: {', '.join(map(str, items))}.",
                               f"Put {', '.join(map(str, items))} in order {order}."])
        ordered = sorted(items, reverse=down)
        answer = ", ".join(map(str, ordered))
        thought = f"The {'biggest' if down else 'smallest'} is {ordered[0]}, the last is {ordered[-1]}."
    else:
        pool = rng.choice([words.ANIMALS, words.FRUITS, words.THINGS, words.NAMES, words.CITIES])
        items = rng.sample(pool, rng.randint(3, 6))
        question = rng.choice([f"Sort these words by the alphabet: {', '.join(items)}.",
                               f"Put these words in the order of the alphabet: {', '.join(items)}."])
        ordered = sorted(items, key=str.lower)
        answer = ", ".join(ordered)
        thought = "First letters: " + " ".join(sorted(item[0].lower() for item in items)) + "."
    thought, thinking = think_sometimes(rng, thought)
    return Sample([user(question), assistant(answer, thought)], thinking=thinking)


def sentence(rng):
    """A plain sentence, and the words it was made of."""
    name, verb = rng.choice(words.NAMES), rng.choice(list(words.VERBS))
    adjective, thing, place = rng.choice(words.ADJECTIVES), rng.choice(words.THINGS), rng.choice(words.PLACES)
    text = f"{name} {words.VERBS[verb]} the {adjective} {thing} in the {place}."
    return text, {"name": name, "adjective": adjective, "thing": thing, "place": place}


def rewrite(rng):
    text, parts = sentence(rng)
    kind = rng.choice(["capitals", "backwards", "replace", "plural", "question", "short", "past"])
    if kind == "capitals":
        question, answer = f"Write in capital letters: {text}", text.upper()
        if rng.random() < 0.5:
            items = rng.sample(words.THINGS, rng.randint(2, 4))
            question, answer = f"Write in capital letters: {' '.join(items)}", " ".join(items).upper()
    elif kind == "backwards":
        items = rng.sample(words.THINGS + words.ANIMALS, rng.randint(3, 6))
        question, answer = f"Say these words in reverse order: {' '.join(items)}", " ".join(reversed(items))
    elif kind == "replace":
        slot = rng.choice(list(parts))
        pool = {"name": words.NAMES, "adjective": words.ADJECTIVES, "thing": words.THINGS, "place": words.PLACES}[slot]
        new = rng.choice([word for word in pool if word != parts[slot]])
        question = f"Replace {parts[slot]} by {new}: {text}"
        answer = " ".join(new + word[len(parts[slot]):] if word.rstrip(".") == parts[slot] else word
                          for word in text.split(" "))
    elif kind == "plural":
        noun = rng.choice(words.ANIMALS + words.FRUITS + words.THINGS)
        question = rng.choice([f"What is the plural of {noun}?", f"One {noun}, two ...?"])
        answer = words.plural(noun)
    elif kind == "question":
        question = f"Ask who did it: {text}"
        answer = "Who" + text[len(parts["name"]):-1] + "?"
    elif kind == "short":
        question = f"Leave out the place: {text}"
        answer = text[:text.index(" in the ")] + "."
    else:
        verb = rng.choice(list(words.VERBS))
        question, answer = f"What is the past of {verb}?", words.VERBS[verb]
    return Sample([user(question), assistant(answer)])
