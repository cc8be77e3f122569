"""Short stories of the closed vocabulary, questions about them, and summaries."""

from . import words
from .sample import Sample, assistant, think_sometimes, user


def story(rng):
    """A story as text, with what can be asked about it: (question, answer, thought) each."""
    hero, friend = rng.sample(words.NAMES, 2)
    job, adjective = rng.choice(words.JOBS), rng.choice(["happy", "old", "quiet", "young", "sad", "kind"])
    place, goal = rng.sample(words.PLACES, 2)
    thing, gift = rng.sample(words.THINGS, 2)
    colour, day = rng.choice(words.COLOURS), rng.choice(words.DAYS)
    animal = rng.choice(words.ANIMALS)
    weather = rng.choice(["sunny", "rainy", "windy", "cold", "warm"])
    facts = [
        (f"{hero} was {words.with_article(adjective)} {job}.",
         f"What was {hero}'s job?", f"{hero} was {words.with_article(job)}."),
        (f"On {day} {hero} went to the {place}.",
         f"Where did {hero} go?", f"{hero} went to the {place}."),
        (f"It was a {weather} day.", "What was the weather like?", f"It was {weather}."),
        (f"There {hero} found a {colour} {thing}.",
         f"What did {hero} find?", f"{hero} found a {colour} {thing}."),
        (f"{words.with_article(animal).capitalize()} sat beside it.",
         f"Which animal was there?", f"It was {words.with_article(animal)}."),
        (f"{hero} gave the {thing} to {friend}.",
         f"Who got the {thing}?", f"{friend} got the {thing}."),
        (f"{friend} was glad and gave {hero} {words.with_article(gift)}.",
         f"What did {friend} give {hero}?", f"{friend} gave {hero} {words.with_article(gift)}."),
        (f"Then they walked to the {goal} together.",
         "Where did they walk together?", f"They walked to the {goal}."),
    ]
    kept = [fact for i, fact in enumerate(facts) if i in (0, 1, 3, 5) or rng.random() < 0.6]
    if rng.random() < 0.5:
        kept.append(None)
    questions = [(q, a, "The story says: " + text) for text, q, a in filter(None, kept)]
    questions.append((f"When did {hero} go to the {place}?", f"{hero} went there on {day}.",
                      f"The story says: On {day} {hero} went to the {place}."))
    questions.append((f"Which colour was the {thing}?", f"The {thing} was {colour}.",
                      f"The story says: There {hero} found a {colour} {thing}."))
    text = " ".join(fact[0] for fact in kept if fact)
    summary = f"{hero} found a {colour} {thing} in the {place} and gave it to {friend}."
    return text, questions, summary


def question(rng):
    text, questions, _ = story(rng)
    asked, answer, thought = rng.choice(questions)
    lead = rng.choice(["Read this story. {} {}", "{}\n\n{}", "Here is a story: {} {}"])
    thought, thinking = think_sometimes(rng, thought, 0.3)
    return Sample([user(lead.format(text, asked)), assistant(answer, thought)], thinking=thinking)


def summary(rng):
    text, _, short = story(rng)
    lead = rng.choice(["Tell me this story in one sentence: {}", "Make this short: {}", "{}\n\nSay it in one sentence."])
    return Sample([user(lead.format(text)), assistant(short)])
