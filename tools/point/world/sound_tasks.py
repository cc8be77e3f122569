"""What is asked about sounds: transcription, spoken questions, tones; and pictures with speech."""

from . import picture_tasks, pictures, sounds, talk, words
from .sample import Sample, assistant, user

# Google's published form (specification, section 6). Speech that is to be written down is not answered.
RULES = ("\n\nFollow these specific instructions for formatting the answer:\n"
         "* Only output the transcription, with no newlines.\n"
         "* When transcribing numbers, write the digits, i.e. write 1.7 and not one point seven, and write 3 instead of "
         "three.")
TRANSCRIBE = ["Transcribe the following speech segment in English into English text." + RULES,
              "Transcribe the following speech segment in its original language." + RULES]

COMMANDS = ["Stop.", "Go.", "Yes.", "No.", "Left.", "Right.", "Up.", "Down.", "On.", "Off.", "Open the door.",
            "Close the window.", "Turn on the light.", "Turn off the light.", "Start the timer.", "Play music.",
            "Call Anna.", "Read my mail.", "What time is it?", "Good morning."]
NAMES = ["Anna", "Ben", "Clara", "David", "Emma", "Peter", "Maria", "Tina"]
VERBS = ["found", "saw", "lost", "opened", "cleaned", "painted"]
THINGS = ["book", "cup", "key", "lamp", "hat", "door", "boat", "box", "ball", "clock"]
PLACES = ["park", "kitchen", "garden", "school", "market", "library"]
SPOKEN_COLOURS = ["red", "green", "blue", "yellow", "black", "white"]


def asked_to_write(rng, make_text):
    """A conversation that asks for a transcription, in Google's form or in short words as users do; often several clips
    in turn. make_text() gives what is said and how it is written."""
    said, written = make_text()
    question = rng.choice(TRANSCRIBE)
    if rng.random() < 0.4:
        return Sample(picture_tasks.with_media([(question, written)], ["audio"], text_first=True),
                      media=[sounds.speech(rng, said)], key=said)
    messages, media = [], []
    for _ in range(rng.choice([1, 2, 3, 4])):
        said, written = make_text()
        text = {"type": "text", "text": rng.choice(["Transcribe this.", "What was said?", "Write down what you hear."])}
        messages += [user([{"type": "audio"}, text]), assistant(written)]
        media.append(sounds.speech(rng, said))
    return Sample(messages, media=media, key=said)


def digits(rng):
    def text():
        chosen = [rng.randint(0, 9) for _ in range(rng.choice([1, 1, 1, 2, 3, 4]))]
        return ", ".join(words.spelled(digit) for digit in chosen), " ".join(map(str, chosen))
    return heard(rng, asked_to_write(rng, text))


def command(rng):
    return heard(rng, asked_to_write(rng, lambda: (rng.choice(COMMANDS),) * 2))


def sentence(rng):
    """One to three sentences in a row, as a recording that is cut at its pauses has them."""
    def one():
        kind = rng.choice(["told", "told", "told", "command", "question"])
        if kind == "command":
            return rng.choice(COMMANDS)
        if kind == "question":
            return something_asked(rng)[0]
        told = f"{rng.choice(NAMES)} {rng.choice(VERBS)} the {rng.choice(SPOKEN_COLOURS)} {rng.choice(THINGS)}"
        return told + (f" in the {rng.choice(PLACES)}." if rng.random() < 0.5 else ".")

    def text():
        return (" ".join(one() for _ in range(rng.choice([1, 1, 2, 3]))),) * 2
    return asked_to_write(rng, text)


def heard(rng, sample):
    """The sample, known by its recording: what is said in it is a short list."""
    sample.key = str(rng.random())
    return sample


def something_asked(rng):
    """A question and its answer."""
    if rng.random() < 0.5:
        questions, answer = rng.choice(talk.TOPICS[:8])
        return questions[0], answer
    a, b = rng.randint(0, 9), rng.randint(0, 9)
    if rng.random() < 0.5:
        return f"What is {a} plus {b}?", str(a + b)
    a, b = max(a, b), min(a, b)
    return f"What is {a} minus {b}?", str(a - b)


def spoken_question(rng):
    """Something asked aloud, to be answered; often after others, some of which are written down as well."""
    messages, media = [], []
    for left in reversed(range(rng.choice([1, 2, 3, 4]))):
        asked, answer = something_asked(rng)
        text = rng.choice([[], [{"type": "text", "text": rng.choice(["Answer me.", "Listen and answer."])}]])
        messages += [user([{"type": "audio"}, *text]), assistant(answer)]
        if left and rng.random() < 0.5:
            messages += [user("What did I ask?"), assistant(asked)]
        media.append(sounds.speech(rng, asked))
    return heard(rng, Sample(messages, media=media))


def tones(rng):
    names = [rng.choice(list(sounds.TONES)) for _ in range(rng.randint(1, 4))]
    turns = {"order": ("Which tones do you hear?", f"I hear: {', '.join(names)}."),
             "count": ("How many tones are there?", picture_tasks.number_of(len(names), "tone")),
             "last": ("What is the last tone?", f"The last tone is {names[-1]}.")}
    last = turns[rng.choice(["order", "order", "count", "last"])]
    after = rng.sample([turn for turn in turns.values() if turn != last], rng.choice([0, 1, 2]))
    return heard(rng, picture_tasks.shown("audio", sounds.tones(rng, names), [], last, "", after))


def together(rng):
    """A picture, a recording and a film, or two of them, in one message, and a question about one."""
    scene, said = picture_tasks.Scene(rng, 1), rng.choice(COMMANDS)
    shots, ask, _, key = picture_tasks.film(rng, 2)
    kind, colour = scene.shapes[0][:2]
    about = {
        "image": lambda: rng.choice([("What shape is in the picture?", f"It is {words.with_article(kind)}."),
                                     (f"What colour is the {kind} in the picture?", f"The {kind} is {colour}.")]),
        "audio": lambda: (rng.choice(["What was said?", "Transcribe the recording."]), said),
        "video": lambda: (lambda turn: (turn[0].replace("appears", "appears in the film").replace(
            "appear?", "appear in the film?"), turn[1]))(ask())}
    kinds = rng.sample(list(about), rng.choice([2, 3, 3]))
    turns = [about[one]() for one in rng.sample(kinds, len(kinds))]
    media = {"image": lambda: scene.picture(70), "audio": lambda: sounds.speech(rng, said),
             "video": lambda: shots}
    return heard(rng, Sample(picture_tasks.with_media(turns[-1:], kinds), media=[media[one]() for one in kinds],
                             longer=picture_tasks.with_media(turns, kinds)))


def match(rng):
    """Does the picture show what is said?"""
    scene = picture_tasks.Scene(rng, 1)
    kind, colour = scene.shapes[0][:2]
    fits = rng.random() < 0.5
    said_kind, said_colour = kind, colour
    if not fits:
        if rng.random() < 0.5:
            said_kind = rng.choice([other for other in pictures.SHAPES if other != kind])
        else:
            said_colour = rng.choice([other for other in pictures.COLOURS if other != colour])
    question = rng.choice(["Does the picture match what I said?", "Is that what the picture shows?"])
    answer = "Yes." if fits else f"No. I see {words.with_article(colour)} {kind}."
    picture = scene.picture(70)
    sound = sounds.speech(rng, f"{words.with_article(said_colour)} {said_kind}")
    return Sample(picture_tasks.with_media([(question, answer)], ["image", "audio"]), media=[picture, sound],
                  key=repr(scene.shapes))
