"""Facts that the user tells and asks for later, with other turns between."""

from . import talk, words
from .sample import Sample, assistant, think_sometimes, user


def facts(rng):
    """Kinds of facts: what is said, what is asked, the answer."""
    name, city, colour = rng.choice(words.NAMES), rng.choice(words.CITIES), rng.choice(words.COLOURS)
    animal, pet, job = rng.choice(words.ANIMALS), rng.choice(words.NAMES), rng.choice(words.JOBS)
    food, hobby, age = rng.choice(words.FOODS), rng.choice(words.HOBBIES), rng.randint(5, 90)
    day, friend, thing = rng.choice(words.DAYS), rng.choice(words.NAMES), rng.choice(words.THINGS)
    place, number = rng.choice(words.PLACES), rng.randint(2, 99)
    return {
        "name": ([f"My name is {name}.", f"I am {name}.", f"Call me {name}."], f"Nice to meet you, {name}!",
                 ["What is my name?", "Who am I?", "Do you know my name?"], f"Your name is {name}."),
        "city": ([f"I live in {city}.", f"My home is in {city}."], f"{city} is a nice city.",
                 ["Where do I live?", "Which city do I live in?"], f"You live in {city}."),
        "colour": ([f"My favourite colour is {colour}.", f"I like {colour} most of all colours."],
                   f"{colour.capitalize()} is a nice colour.",
                   ["What is my favourite colour?", "Which colour do I like most?"],
                   f"Your favourite colour is {colour}."),
        "pet": ([f"I have {words.with_article(animal)} called {pet}.",
                 f"My {animal} is called {pet}."], f"{pet} is a good name for {words.with_article(animal)}.",
                [f"What is my {animal} called?", f"What is the name of my {animal}?"],
                f"Your {animal} is called {pet}."),
        "job": ([f"I work as {words.with_article(job)}.", f"I am {words.with_article(job)}."],
                f"{words.with_article(job).capitalize()}! That is a good job.",
                ["What is my job?", "What do I work as?"], f"You are {words.with_article(job)}."),
        "food": ([f"My favourite food is {food}.", f"I like to eat {food}."],
                 f"{food.capitalize()} is very good.",
                 ["What is my favourite food?", "What do I like to eat?"], f"You like {food}."),
        "hobby": ([f"My hobby is {hobby}.", f"In my free time I like {hobby}."],
                  f"{hobby.capitalize()} is fun.",
                  ["What is my hobby?", "What do I like in my free time?"], f"Your hobby is {hobby}."),
        "age": ([f"I am {age} years old.", f"My age is {age}."], f"{age} is a good age.",
                ["How old am I?", "What is my age?"], f"You are {age} years old."),
        "day": ([f"I will visit {friend} on {day}.", f"On {day} I will visit {friend}."],
                f"Have fun with {friend} on {day}!",
                [f"When will I visit {friend}?", f"On which day will I visit {friend}?"],
                f"You will visit {friend} on {day}."),
        "thing": ([f"My {thing} is in the {place}.", f"I left my {thing} in the {place}."],
                  f"I will remember that your {thing} is in the {place}.",
                  [f"Where is my {thing}?", f"Where did I leave my {thing}?"],
                  f"Your {thing} is in the {place}."),
        "number": ([f"My lucky number is {number}.", f"Remember the number {number}."],
                   f"I will remember {number}.",
                   ["What is my lucky number?", "Which number did I tell you?"], f"The number is {number}."),
    }


def make(rng):
    known = facts(rng)
    kinds = rng.sample(list(known), rng.randint(1, 4))
    messages = []
    asked = rng.choice(kinds)
    for kind in kinds:
        said, reply, _, _ = known[kind]
        messages += [user(rng.choice(said)), assistant(reply)]
        for _ in range(rng.choice([0, 0, 1, 2])):
            question, answer = talk.turn(rng)
            messages += [user(question), assistant(answer)]
    if rng.random() < 0.12:  # something that nobody told
        asked = rng.choice([kind for kind in known if kind not in kinds])
        _, _, questions, _ = known[asked]
        answer, thought = "You have not told me that.", "I look back. The user has not told me that."
    else:
        _, _, questions, answer = known[asked]
        thought = "I look back at what the user told me. " + answer.replace("Your", "The user's").replace(
            "You are", "The user is").replace("You live", "The user lives").replace(
                "You like", "The user likes").replace("You will", "The user will")
    thought, thinking = think_sometimes(rng, thought, 0.25)
    messages += [user(rng.choice(questions)), assistant(answer, thought)]
    return Sample(messages, thinking=thinking)
