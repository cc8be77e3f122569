"""Questions from outside the small world, and the honest answer."""

from . import words
from .sample import Sample, assistant, think_sometimes, user

ANSWER = "I do not know that. I am a very small model and know only a small world."

OUTSIDE = [
    "Who is the president of {}?", "What is the capital of {}?", "How many people live in {}?", "Who won the game in {}?",
    "What is the price of {} today?", "Who wrote the book about {}?", "Explain {} to me.", "What is the history of {}?",
    "Write a program about {}.", "What happened in {} last year?", "How do I cure {}?", "Translate {} into Latin.",
    "Is {} legal?", "Should I buy {}?", "What will happen to {} tomorrow?", "What do scientists say about {}?",
]
TOPICS = """physics history medicine law gold Germany France America Africa chemistry space poetry banks taxes politics football
planets music theory engines electricity the moon the war the economy quantum mechanics vitamins philosophy
insurance""".replace("\n", " ").split(" ")
PAIRS = ["the moon", "the war", "the economy", "quantum mechanics", "music theory", "stocks", "a headache", "old Rome"]


def make(rng):
    topic = rng.choice(PAIRS + [topic for topic in TOPICS if topic not in ("the", "moon", "war", "economy", "theory",
                                                                          "quantum", "mechanics")] + words.CITIES)
    thought, thinking = think_sometimes(rng, "This is outside of what I know.", 0.3)
    return Sample([user(rng.choice(OUTSIDE).format(topic)), assistant(ANSWER, thought)], thinking=thinking)
