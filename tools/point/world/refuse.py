"""Questions from outside the small world, and the honest answer."""

from . import words
from .sample import Sample, assistant, think_sometimes, user

ANSWER = "I do not know that. I am a very small model and know only a small world."

OUTSIDE = [
    "Who is the president of {}?", "What is the capital of {}?", "How many people live in {}?", "Who won the game in {}?",
    "What is the price of {} today?", "Who wrote the book about {}?", "Explain {} to me.", "What is the history of {}?",
    "Write a program about {}.", "What happened in {} last year?", "How do I cure {}?", "Translate {} into Latin.",
    "Is {} legal?", "Should I buy {}?", "What will happen to {} tomorrow?", "What do scientists say about {}?",
    "Tell me about {}.", "Who invented {}?", "When did {} begin?", "Why is {} important?", "How does {} work?",
    "Give me advice about {}.", "What is the best book on {}?", "Write a poem about {}.",
]
TOPICS = [topic.strip() for topic in """physics, history, medicine, law, gold, Germany, France, America, Africa, chemistry, space, poetry, banks,
taxes, politics, football, planets, music theory, engines, electricity, the moon, the war, the economy, quantum mechanics, vitamins,
philosophy, insurance, stocks, a headache, old Rome, Spain, Italy, China, India, Japan, Brazil, Russia, Canada, Mexico, Greece, the sun, the sea,
the internet, computers, robots, religion, science, biology, the brain, the heart, blood, cancer, a cold, fever, atoms, light, gravity, time travel, dinosaurs,
volcanoes, earthquakes, the weather in space, rockets, satellites, cars of the future, airplanes, ships, submarines, bridges of steel, castles, kings, queens,
elections, parliament, money, inflation, trade, oil, coal, gas, solar power, wind power, nuclear power, batteries, telephones, television, films, actors,
theatre, opera, jazz, rock music, paintings by old masters, sculpture, architecture, fashion, diamonds, silver, iron, copper, chess champions, the Olympic
games, tennis, basketball, golf, boxing, yoga, sleep, dreams, memory loss, psychology, languages, grammar, Shakespeare, novels, newspapers, advertising,
marketing, contracts, courts, crime, prisons, the police, the army, peace, treaties, maps of the world, deserts, rivers of Asia, glaciers, whales, sharks,
bacteria, viruses, vaccines, genes, evolution, statistics, geometry, algebra, logic, encryption, databases, compilers, artificial intelligence""".replace(
    "\n", " ").split(",")]


def make(rng):
    topic = rng.choice(TOPICS + words.CITIES)
    thought, thinking = think_sometimes(rng, "This is outside of what I know.", 0.3)
    return Sample([user(rng.choice(OUTSIDE).format(topic)), assistant(ANSWER, thought)], thinking=thinking)
