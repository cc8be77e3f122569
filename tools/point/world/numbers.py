"""Arithmetic with small numbers, and short problems in words."""

from . import words
from .sample import Sample, assistant, think_sometimes, user


def problem(rng):
    """Two numbers, an operation, the result, and a thought that leads there."""
    kind = rng.choice("++--**")
    if kind == "+":
        a, b = rng.randint(0, 99), rng.randint(0, 99)
        if rng.random() < 0.4:
            a, b = rng.randint(0, 20), rng.randint(0, 20)
        tens, ones = a // 10 * 10 + b // 10 * 10, a % 10 + b % 10
        how = f"{a} + {b}: tens {tens}, ones {ones}, together {a + b}." if a + b > 20 else f"{a} + {b} = {a + b}."
        return a, b, "+", a + b, how
    if kind == "-":
        a, b = sorted((rng.randint(0, 99), rng.randint(0, 99)), reverse=True)
        if rng.random() < 0.4:
            a, b = sorted((rng.randint(0, 20), rng.randint(0, 20)), reverse=True)
        middle = a - b // 10 * 10
        how = f"{a} - {b}: first {a} - {b // 10 * 10} = {middle}, then {middle} - {b % 10} = {a - b}."
        return a, b, "-", a - b, how if b >= 10 else f"{a} - {b} = {a - b}."
    a, b = rng.randint(0, 12), rng.randint(0, 12)
    return a, b, "*", a * b, f"{a} times {b} is {a * b}."


def arithmetic(rng):
    a, b, sign, result, how = problem(rng)
    in_words = {"+": f"{a} plus {b}", "-": f"{a} minus {b}", "*": f"{a} times {b}"}[sign]
    question = rng.choice([
        f"What is {a} {sign} {b}?", f"{a} {sign} {b}", f"{a} {sign} {b} =", f"What is {in_words}?",
        f"How much is {in_words}?", f"Calculate {a} {sign} {b}.", f"Please work out {in_words}."])
    thought, thinking = think_sometimes(rng, how, 0.45)
    return Sample([user(question), assistant(str(result), thought)], thinking=thinking)


def word_problem(rng):
    name, other = rng.sample(words.NAMES, 2)
    thing = words.plural(rng.choice(words.FRUITS + words.THINGS))
    kind = rng.choice(["gets", "gives", "eats", "boxes", "both", "more"])
    if kind == "gets":
        a, b = rng.randint(1, 30), rng.randint(1, 20)
        story = f"{name} has {a} {thing}. {other} gives {name} {b} more. How many {thing} does {name} have now?"
        result, how = a + b, f"{a} + {b} = {a + b}."
    elif kind in ("gives", "eats"):
        a = rng.randint(2, 40)
        b = rng.randint(1, a)
        verb = f"gives {b} to {other}" if kind == "gives" else f"loses {b}"
        story = f"{name} has {a} {thing} and {verb}. How many {thing} does {name} have left?"
        result, how = a - b, f"{a} - {b} = {a - b}."
    elif kind == "boxes":
        a, b = rng.randint(2, 10), rng.randint(2, 10)
        story = f"There are {a} boxes with {b} {thing} in each box. How many {thing} are there?"
        result, how = a * b, f"{a} times {b} is {a * b}."
    elif kind == "both":
        a, b = rng.randint(1, 40), rng.randint(1, 40)
        story = f"{name} has {a} {thing} and {other} has {b}. How many {thing} do they have together?"
        result, how = a + b, f"{a} + {b} = {a + b}."
    else:
        a, b = rng.sample(range(1, 50), 2)
        story = f"{name} has {a} {thing} and {other} has {b}. Who has more {thing}?"
        winner = name if a > b else other
        thought, thinking = think_sometimes(rng, f"{max(a, b)} is more than {min(a, b)}.", 0.4)
        return Sample([user(story), assistant(f"{winner} has more {thing}.", thought)], thinking=thinking)
    verb = "There are" if kind == "boxes" else "They have" if kind == "both" else f"{name} has"
    left = " left" if kind in ("gives", "eats") else ""
    shown = f"{verb} {result} {thing}{left}."
    thought, thinking = think_sometimes(rng, how, 0.45)
    return Sample([user(story), assistant(shown, thought)], thinking=thinking)
