"""What is asked about pictures: shapes, charts, printed words, and short videos. Several questions share a picture."""

import string

from . import pictures, words
from .sample import Sample, assistant, user

THIRDS = ["left", "middle", "right"]
ROWS = ["top", "middle", "bottom"]


class Scene:
    """Up to five shapes that do not touch. Each: kind, colour, "big" or "small", and its middle in 0..1."""

    def __init__(self, rng, count):
        self.size = pictures.new_size(rng)
        self.ground = rng.choice(pictures.GROUNDS)
        colours = pictures.far_from(self.ground, pictures.COLOURS)
        width, height = self.size
        self.shapes, self.rng = [], rng
        short = min(width, height)
        for tries in range(200):
            if len(self.shapes) == count:
                break
            big = rng.random() < (0.5 if count < 4 else 0.25)
            radius = short * (rng.uniform(0.22, 0.3) if big else rng.uniform(0.09, 0.125))
            x, y = rng.uniform(radius, width - radius), rng.uniform(radius, height - radius)
            if all((x - other[3]) ** 2 + (y - other[4]) ** 2 > (1.15 * (radius + other[5])) ** 2 for other in self.shapes):
                self.shapes.append((rng.choice(pictures.SHAPES), rng.choice(colours), "big" if big else "small", x, y, radius))

    def picture(self, budget):
        image, draw = pictures.canvas(self.size, self.ground)
        for kind, colour, _, x, y, radius in self.shapes:
            turn = self.rng.uniform(-0.15, 0.15) if kind in ("star", "triangle") else 0
            pictures.draw_shape(draw, kind, x * pictures.SMOOTH, y * pictures.SMOOTH, radius * pictures.SMOOTH,
                                pictures.near(self.rng, pictures.COLOURS[colour]), turn)
        return pictures.Picture(pictures.finish(self.rng, image), budget, self.marks())

    def marks(self):
        width, height = self.size
        marks = []
        for kind, colour, size, x, y, radius in self.shapes:
            x, y, across, down = x / width, y / height, radius / width, radius / height
            marks += [((kind, colour, size), pictures.around(x, y, 0.75 * across, 0.75 * down)),
                      (("middle",), pictures.around(x, y, 0.05 * across, 0.05 * down))]
        return marks

    def clear(self, value, size, edge=0.04):
        """Whether it is clear in which third a place is."""
        return min(abs(value / size - 1 / 3), abs(value / size - 2 / 3)) > edge


def name(shape):
    return f"{shape[1]} {shape[0]}"


def alone(scene, part):
    """The shapes whose kind (part 0) or colour (part 1) no other has."""
    values = [shape[part] for shape in scene.shapes]
    return [shape for shape in scene.shapes if values.count(shape[part]) == 1]


def ask_shape(rng, scene):
    if len(scene.shapes) == 1:
        return (rng.choice(["What shape is this?", "What shape is in the picture?", "Which shape do you see?"]),
                f"It is {words.with_article(scene.shapes[0][0])}.")
    shape = rng.choice(alone(scene, 1) or [None])
    return shape and (rng.choice([f"Which shape is {shape[1]}?", f"What shape is the {shape[1]} one?"]),
                      f"The {shape[0]} is {shape[1]}.")


def ask_colour(rng, scene):
    shape = rng.choice(alone(scene, 0) or [None])
    return shape and (rng.choice([f"What colour is the {shape[0]}?", f"Which colour does the {shape[0]} have?"]),
                      f"The {shape[0]} is {shape[1]}.")


def number_of(count, what):
    if count == 1:
        return f"There is one {what}."
    return f"There are {'no' if count == 0 else words.spelled(count)} {words.plural(what)}."


def ask_count(rng, scene):
    kind = rng.choice(["all", "all", "kind", "colour"])
    if kind == "all":
        return (rng.choice(["How many shapes are there?", "How many shapes do you see?", "Count the shapes."]),
                number_of(len(scene.shapes), "shape"))
    part = 0 if kind == "kind" else 1
    value = rng.choice([shape[part] for shape in scene.shapes] + [rng.choice(pictures.SHAPES if part == 0 else list(pictures.COLOURS))])
    count = sum(shape[part] == value for shape in scene.shapes)
    what = value if part == 0 else f"{value} shape"
    return f"How many {words.plural(what)} are there?", number_of(count, what)


def ask_size(rng, scene):
    shape = rng.choice(alone(scene, 0) or [None])
    return shape and (f"Is the {shape[0]} big or small?", f"The {shape[0]} is {shape[2]}.")


def place_of(scene, shape):
    across = THIRDS[int(3 * shape[3] / scene.size[0])]
    down = ROWS[int(3 * shape[4] / scene.size[1])]
    return "middle" if across == down else f"{down} {across}"


def ask_place(rng, scene):
    clear = [shape for shape in alone(scene, 0)
             if scene.clear(shape[3], scene.size[0]) and scene.clear(shape[4], scene.size[1])]
    if not clear:
        return None
    shape = rng.choice(clear)
    return f"Where is the {shape[0]}?", f"The {shape[0]} is in the {place_of(scene, shape)}."


def ask_relation(rng, scene):
    known = alone(scene, 0)
    if len(known) < 2:
        return None
    first, second = rng.sample(known, 2)
    axis = rng.choice([3, 4])
    if abs(first[axis] - second[axis]) < 0.12 * scene.size[axis - 3]:
        return None
    before = first[axis] < second[axis]
    said = rng.choice([True, False])
    relation = {(3, True): "left of", (3, False): "right of", (4, True): "above", (4, False): "below"}[axis, said]
    return f"Is the {first[0]} {relation} the {second[0]}?", "Yes." if before == said else "No."


def from_left(scene):
    """The shapes from left to right, or nothing where that is not clear."""
    shapes = sorted(scene.shapes, key=lambda shape: shape[3])
    clear = all(b[3] - a[3] > 0.05 * scene.size[0] for a, b in zip(shapes, shapes[1:]))
    return shapes if clear else None


def ask_all(rng, scene):
    shapes = from_left(scene)
    if not shapes:
        return None
    return (rng.choice(["Describe the picture.", "What is in the picture?", "What do you see?"]),
            f"I see {words.listing([f'a {shape[2]} {name(shape)}' for shape in shapes])}.")


def ask_places(rng, scene):
    shapes = from_left(scene)
    if not shapes or not all(scene.clear(shape[3], scene.size[0]) and scene.clear(shape[4], scene.size[1])
                             for shape in shapes):
        return None
    return "Where is everything?", ", ".join(f"{name(shape)} {place_of(scene, shape)}" for shape in shapes) + "."


# What may be asked before the question that counts; a description would tell the rest.
ASKS = [ask_shape, ask_colour, ask_count, ask_count, ask_size, ask_place, ask_relation]


def shown(kind, medium, before, last, key, after=()):
    """A conversation about one medium: a question and its answer, for training with others before and after it. What tells
    all comes after: an answer is to be seen and not to be read from an earlier one."""
    return Sample(with_media([last], [kind]), media=[medium], key=key,
                  longer=with_media([*before, last, *after], [kind]))


def without(turns, last):
    """Each turn once, those that could not be asked and the last one left out."""
    return dict.fromkeys(turn for turn in turns if turn and turn[0] != last[0])


def with_media(turns, kinds, text_first=False):
    messages = []
    for question, answer in turns:
        messages += [user(question), assistant(answer)]
    parts = [{"type": kind} for kind in kinds]
    text = [{"type": "text", "text": turns[0][0]}]
    messages[0] = user(text + parts if text_first else parts + text)
    return messages


def scene(rng, asks, counts):
    """A scene whose question is one of `asks`."""
    while True:
        drawn = Scene(rng, rng.choice(counts))
        last = rng.choice(asks)(rng, drawn)
        if last is None or not drawn.shapes:
            continue
        turns = [rng.choice(ASKS)(rng, drawn) for _ in range(rng.choice([0, 0, 3, 5, 7]))]
        all_of_it = [ask(rng, drawn) for ask in rng.sample([ask_all, ask_places], 2)]
        return shown("image", drawn.picture(pictures.budget(rng)), without(turns, last), last, repr(drawn.shapes),
                     without(all_of_it, last))


def shape(rng):
    return scene(rng, [ask_shape], [1, 1, 2, 3])


def colour(rng):
    return scene(rng, [ask_colour], [1, 1, 2, 3])


def count(rng):
    return scene(rng, [ask_count], [1, 2, 3, 4, 5])


def place(rng):
    return scene(rng, [ask_place, ask_relation, ask_size], [1, 2, 2, 3])


def describe(rng):
    return scene(rng, [ask_all], [1, 2, 2, 3])


def chart(rng):
    width, height = pictures.new_size(rng)
    ground = rng.choice(pictures.GROUNDS[:4])
    colours = rng.sample(pictures.far_from(ground, pictures.COLOURS), rng.randint(2, 5))
    heights = rng.sample(range(2, 11), len(colours))
    image, draw = pictures.canvas((width, height), ground)
    step, base = image.width / (len(colours) + 0.5), image.height * rng.uniform(0.86, 0.95)
    marks = []
    for i, (name_, level) in enumerate(zip(colours, heights)):
        left, top = step * (i + 0.35), base - level / 10.5 * base
        draw.rectangle((left, top, left + step * 0.75, base), fill=pictures.COLOURS[name_])
        across = left / image.width, (left + step * 0.75) / image.width
        marks += [((name_,), (across[0], top / image.height, across[1], base / image.height)),
                  (("top",), pictures.around(sum(across) / 2, top / image.height, step * 0.375 / image.width, 0.005)),
                  (("middle",), pictures.around(sum(across) / 2, base / image.height - 0.01, 0.01, 0.01))]
    draw.line((step * 0.1, base, image.width - step * 0.1, base), fill=(90, 90, 90), width=4)
    order = sorted(zip(heights, colours))

    def ask():
        kind = rng.choice(["high", "low", "count", "compare"])
        if kind == "high":
            return "Which bar is the highest?", f"The {order[-1][1]} bar is the highest."
        if kind == "low":
            return "Which bar is the lowest?", f"The {order[0][1]} bar is the lowest."
        if kind == "count":
            return "How many bars are in the chart?", number_of(len(colours), "bar")
        (high, first), (low, second) = rng.sample(order, 2)
        return f"Is the {first} bar higher than the {second} bar?", "Yes." if high > low else "No."

    last, before = ask(), [ask() for _ in range(rng.choice([0, 1, 2, 4]))]
    after = [("Which bars do you see from left to right?", ", ".join(colours) + "."),
             ("Sort the bars from low to high.", ", ".join(colour for _, colour in order) + ".")]
    picture = pictures.Picture(pictures.finish(rng, image), pictures.budget(rng), marks)
    return shown("image", picture, without(before, last), last, repr((colours, heights)), after)


PRINTED = sorted({*words.THINGS, *words.ANIMALS, *words.FRUITS, *words.FOODS, *words.PLACES, *words.NAMES, *words.CITIES,
                  *words.DAYS, *pictures.COLOURS})


def printed(rng, text):
    question = rng.choice(["What is written here?", "Read this.", "What does the picture say?", "Which word is this?"])
    spelled = (rng.choice(["Spell it.", "Spell what you see."]), " ".join(text) + ".")
    before, after = rng.choice([([spelled], []), ([spelled], []), ([], [spelled])])  # every letter is seen for itself
    key = str(rng.random())  # few words, but every picture is another
    return shown("image", pictures.printed(rng, text), before, (question, f"It says {text}."), key, after)


def word(rng):
    text = rng.choice(PRINTED)
    return printed(rng, rng.choice([text, text, text.capitalize(), text.upper()]))


# Signs that look alike in some font are left out.
UPPER = [sign for sign in string.ascii_uppercase + string.digits if sign not in "IO01"]
LOWER = [sign for sign in string.ascii_lowercase if sign != "l"]


def letters(rng):
    """Signs in no order, to be spelled: a word shows few letters at once."""
    text = "".join(rng.choices(rng.choice([UPPER, LOWER]), k=rng.randint(4, 12)))
    question = rng.choice(["Spell it.", "Spell what you see."])
    return shown("image", pictures.printed(rng, text), [], (question, " ".join(text) + "."), text)


def number(rng):
    return printed(rng, str(rng.randint(0, rng.choice([9, 99, 999]))))


def film(rng, count):
    """A film in which one shape after another appears; what is asked about it, and what tells all of it."""
    step = rng.choice([1, 1, 2, 5])
    scenes = [Scene(rng, 1) for _ in range(count)]
    size = scenes[0].size
    for one in scenes:  # all frames have one size
        one.size = size
        one.shapes = moved(rng, size, one.shapes[0])
    seconds = [i * step for i in range(count)]
    stamp = [f"{second // 60:02}:{second % 60:02}" for second in seconds]

    def ask():
        kind = rng.choice(["when", "what", "first", "last"])
        at = rng.randrange(count)
        seen = scenes[at].shapes[0]
        if kind == "when" and [one.shapes[0][:2] for one in scenes].count(seen[:2]) == 1:
            return f"When does the {name(seen)} appear?", f"It appears at {stamp[at]}."
        if kind == "first":
            return "What appears first?", f"First there is {words.with_article(name(scenes[0].shapes[0]))}."
        if kind == "last":
            return "What appears last?", f"Last there is {words.with_article(name(scenes[-1].shapes[0]))}."
        return f"What appears at {stamp[at]}?", f"At {stamp[at]} there is {words.with_article(name(seen))}."

    told = ("Say what appears when.", ", ".join(
        f"{at} {name(one.shapes[0])}" for at, one in zip(stamp, scenes)) + ".")
    shots = pictures.Video([(second, one.picture(70)) for second, one in zip(seconds, scenes)])
    return shots, ask, told, repr([one.shapes for one in scenes])


def video(rng):
    shots, ask, told, key = film(rng, rng.randint(2, 5))
    last, before = ask(), [ask() for _ in range(rng.choice([0, 1, 3, 5]))]
    return shown("video", shots, without(before, last), last, key, [told])


def moved(rng, size, shape_):
    """The shape moved to a new place of a picture of this size."""
    radius = min(size) * rng.uniform(0.2, 0.35)
    x, y = rng.uniform(radius, size[0] - radius), rng.uniform(radius, size[1] - radius)
    return [(*shape_[:2], "big", x, y, radius)]
