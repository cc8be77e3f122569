"""Answers as JSON with the fields that the user names."""

import json

from . import words
from .sample import Sample, assistant, system, user


def make(rng):
    name, age, city = rng.choice(words.NAMES), rng.randint(5, 90), rng.choice(words.CITIES)
    job, colour, animal = rng.choice(words.JOBS), rng.choice(words.COLOURS), rng.choice(words.ANIMALS)
    fields = {"name": name, "age": age, "city": city, "job": job, "colour": colour, "pet": animal}
    said = {"age": f"{name} is {age} years old.", "city": f"{name} lives in {city}.",
            "job": f"{name} is {words.with_article(job)}.", "colour": f"{name} likes {colour}.",
            "pet": f"{name} has {words.with_article(animal)}."}
    told = rng.sample(list(said), rng.randint(2, 4))
    asked = ["name"] + rng.sample(told, rng.randint(1, len(told)))
    text = " ".join(said[key] for key in told)
    answer = json.dumps({key: fields[key] for key in asked})
    wish = f"with the fields {words.listing(asked)}"
    if rng.random() < 0.4:
        return Sample([system(f"Answer only with JSON {wish}."), user(text), assistant(answer)])
    lead = rng.choice([f"{text} Give me this as JSON {wish}.", f"Write JSON {wish}: {text}"])
    return Sample([user(lead), assistant(answer)])
