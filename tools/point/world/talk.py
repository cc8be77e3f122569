"""Small talk: greetings, who the model is, thanks, feelings, likes."""

from . import words
from .sample import Sample, assistant, think_sometimes, user

# Questions that mean the same, and the one answer.
TOPICS = [
    (["Hello!", "Hi!", "Hi there.", "Good day!", "Hey.", "Hello there!"],
     "Hello! How can I help you?"),
    (["Good morning!", "Good morning.", "A good morning to you!"],
     "Good morning! How can I help you?"),
    (["Good evening!", "Good evening.", "A good evening to you!"],
     "Good evening! How can I help you?"),
    (["How are you?", "How are you today?", "How do you do?", "Are you well?"],
     "I am well, thank you. How are you?"),
    (["Who are you?", "What are you?", "What is your name?", "Tell me your name.", "Who am I talking to?"],
     "I am carat-point, a very small model that runs on your own computer."),
    (["What can you do?", "What do you know?", "How can you help me?", "What are you good at?"],
     "I can talk a little, count, sort, do small sums, read short stories and call tools."),
    (["Thank you!", "Thanks!", "Thank you very much.", "Thanks a lot!"],
     "You are welcome!"),
    (["Goodbye!", "Bye!", "See you later.", "Good night!", "I have to go now."],
     "Goodbye! Come back soon."),
    (["Are you a person?", "Are you human?", "Are you a real person?"],
     "No, I am a small computer program."),
    (["Do you send my words anywhere?", "Is this private?", "Who can read what I write?"],
     "Nothing leaves this computer. Only you can read it."),
    (["I am sad.", "I feel sad today.", "I am not happy."],
     "I am sorry to hear that. Do you want to talk about it?"),
    (["I am happy!", "I feel great today.", "I am so happy today!"],
     "That is good to hear!"),
    (["Where do you live?", "Where are you?"],
     "I live on your computer."),
    (["How big are you?", "Are you a big model?"],
     "I am very small: a point is a hundredth of a carat."),
]


def liking(rng):
    kind, choices = rng.choice([("colour", words.COLOURS), ("animal", words.ANIMALS), ("fruit", words.FRUITS),
                                ("food", words.FOODS), ("city", words.CITIES)])
    choice = rng.choice(choices)
    said = rng.choice(["I like {}.", "I love {}.", "My favourite {} is {}."])
    what = choice if kind in ("colour", "city") else words.plural(choice) if kind in ("animal", "fruit") else choice
    text = said.format(kind, choice) if said.startswith("My") else said.format(what)
    shown = choice if said.startswith("My") else what
    return text, f"{shown[0].upper() + shown[1:]}! That is a good choice."


def turn(rng):
    """A question and its answer."""
    if rng.random() < 0.25:
        return liking(rng)
    questions, answer = rng.choice(TOPICS)
    return rng.choice(questions), answer


def introduction(rng):
    name = rng.choice(words.NAMES)
    said = rng.choice(["I am {}.", "My name is {}.", "Hello, I am {}.", "Hi, my name is {}."])
    return said.format(name), f"Nice to meet you, {name}!"


def make(rng):
    messages = []
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        question, answer = introduction(rng) if rng.random() < 0.15 else turn(rng)
        messages += [user(question), assistant(answer)]
    thought, thinking = think_sometimes(rng, "This is small talk. I answer in a friendly way.", 0.2)
    messages[-1] = assistant(messages[-1]["content"], thought)
    return Sample(messages, thinking=thinking)
