"""Pictures: drawn scenes, charts and printed words, as a camera or a file would give them; and what the model gets of them."""

import functools
import io
import math
import string

import numpy
import torch
from PIL import Image, ImageDraw, ImageFont
from torchvision.transforms.v2 import functional

PATCH = 48
BUDGETS = {70: 84, 140: 10, 280: 4, 560: 1, 1120: 0.5}  # soft tokens at most, and how often training has it

# Only hues that stay apart when a patch is normalised: inside of a plain patch its brightness is lost.
COLOURS = {
    "red": (215, 25, 30), "green": (30, 150, 50), "blue": (30, 70, 215), "yellow": (245, 215, 20),
    "orange": (250, 130, 10), "purple": (130, 40, 160), "pink": (250, 120, 190), "black": (15, 15, 15),
    "white": (248, 248, 248),
}
GROUNDS = [(255, 255, 255), (250, 248, 240), (232, 232, 232), (205, 205, 210), (70, 70, 75), (25, 25, 28)]
SHAPES = ["circle", "square", "triangle", "star", "cross", "diamond"]
# What training may tell the model about a patch, beside the answers (guide.py).
LABELS = [*SHAPES, *COLOURS, "big", "small", "middle", "top", *string.ascii_letters, *string.digits]

FONT_FOLDER = "/usr/share/fonts/truetype/"
FONTS = ["dejavu/DejaVuSans.ttf", "dejavu/DejaVuSans-Bold.ttf", "dejavu/DejaVuSerif.ttf", "dejavu/DejaVuSansMono.ttf",
         "liberation/LiberationSans-Regular.ttf", "liberation/LiberationSans-Bold.ttf",
         "liberation/LiberationSerif-Regular.ttf", "liberation/LiberationMono-Regular.ttf"]


class Picture:
    """Eight-bit RGB pixels, and how many soft tokens they may become. `marks` say where what is seen: each has its LABELS and
    its box (left, top, right, bottom) in 0..1."""

    def __init__(self, image, budget, marks=()):
        self.image, self.budget, self.marks = image, budget, marks

    def patches(self):
        """[n, 6912] in 0..1 in raster order, and [n, 2] with each one's column and row (specification, 5.2 to 5.5)."""
        height, width = target_size(self.image.height, self.image.width, self.budget)
        pixels = torch.from_numpy(numpy.array(self.image)).permute(2, 0, 1)
        pixels = functional.resize(pixels, [height, width], functional.InterpolationMode.BICUBIC, antialias=True)
        rows, columns = height // PATCH, width // PATCH
        tiles = pixels.view(3, rows, PATCH, columns, PATCH).permute(1, 3, 2, 4, 0).reshape(rows * columns, -1)
        places = torch.stack((torch.arange(columns).repeat(rows), torch.arange(rows).repeat_interleave(columns)), 1)
        return tiles.float() / 255, places

    def labels(self):
        """[n, LABELS], 1 where a patch shows a good part of what a mark names, or is filled by it to a good part."""
        height, width = target_size(self.image.height, self.image.width, self.budget)
        rows, columns = height // PATCH, width // PATCH
        out = numpy.zeros((rows, columns, len(LABELS)), numpy.uint8)

        def overlaps(count, begin, end):
            edges = numpy.arange(count + 1) / count
            return numpy.clip(numpy.minimum(edges[1:], end) - numpy.maximum(edges[:-1], begin), 0, None)

        for names, (left, top, right, bottom) in self.marks:
            area = numpy.outer(overlaps(rows, top, bottom), overlaps(columns, left, right))
            seen = area >= 0.25 * min((right - left) * (bottom - top), 1 / (rows * columns))
            for name in names:
                out[seen, LABELS.index(name)] = 1
        return torch.from_numpy(out.reshape(rows * columns, -1))


class Video:
    """Pictures of 70 soft tokens with the second that each one stands at."""

    def __init__(self, frames):
        self.frames = frames


def target_size(height, width, budget):
    """The size that fills the budget: rows and columns of whole patches."""
    factor = math.sqrt(budget * PATCH * PATCH / (height * width))
    rows, columns = (int(factor * side / PATCH) for side in (height, width))
    if rows == 0:
        rows, columns = 1, min(width // height, budget)
    elif columns == 0:
        rows, columns = min(height // width, budget), 1
    return rows * PATCH, columns * PATCH


def near(rng, colour, spread=12):
    """A colour that the eye takes for the same."""
    return tuple(min(255, max(0, part + rng.randint(-spread, spread))) for part in colour)


def far_from(ground, names):
    """The colours of `names` that show on this ground."""
    return [name for name in names if max(abs(a - b) for a, b in zip(COLOURS[name], ground)) > 90]


def draw_shape(draw, kind, x, y, radius, colour, turn=0.0):
    """A shape whose middle is (x, y). `turn` in radians."""
    def corners(angles, radii):
        return [(x + r * math.cos(a + turn), y + r * math.sin(a + turn)) for a, r in zip(angles, radii)]

    if kind == "circle":
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    elif kind == "square":
        side = radius * 0.86
        draw.rectangle((x - side, y - side, x + side, y + side), fill=colour)
    elif kind == "triangle":
        draw.polygon(corners([-math.pi / 2 + i * 2 * math.pi / 3 for i in range(3)], [radius] * 3), fill=colour)
    elif kind == "diamond":
        draw.polygon(corners([i * math.pi / 2 for i in range(4)], [radius * 0.7, radius] * 2), fill=colour)
    elif kind == "star":
        draw.polygon(corners([-math.pi / 2 + i * math.pi / 5 for i in range(10)], [radius, radius * 0.42] * 5), fill=colour)
    else:
        arm = radius * 0.3
        draw.rectangle((x - radius, y - arm, x + radius, y + arm), fill=colour)
        draw.rectangle((x - arm, y - radius, x + arm, y + radius), fill=colour)


def new_size(rng):
    """Width and height: mostly near a square, sometimes long."""
    side, aspect = rng.randint(130, 360), math.exp(rng.gauss(0, 0.25))
    if rng.random() < 0.1:
        aspect = rng.choice([0.4, 0.5, 2.0, 2.5])
    return round(side * math.sqrt(aspect)), round(side / math.sqrt(aspect))


SMOOTH = 2  # drawn larger and reduced, so that edges are smooth


def canvas(size, ground):
    image = Image.new("RGB", (size[0] * SMOOTH, size[1] * SMOOTH), ground)
    return image, ImageDraw.Draw(image)


def finish(rng, image):
    """As a file may hold it: with noise, after JPEG, or clean."""
    image = image.reduce(SMOOTH)
    if rng.random() < 0.35:
        noise = numpy.random.default_rng(rng.getrandbits(32)).normal(0, rng.uniform(1, 10), (image.height, image.width, 3))
        image = Image.fromarray(numpy.clip(numpy.asarray(image) + noise, 0, 255).astype(numpy.uint8))
    if rng.random() < 0.4:
        data = io.BytesIO()
        image.save(data, "JPEG", quality=rng.randint(35, 95))
        image = Image.open(data)
        image.load()
    return image


def budget(rng):
    return rng.choices(list(BUDGETS), list(BUDGETS.values()))[0]


@functools.cache
def font(name, size):
    return ImageFont.truetype(FONT_FOLDER + name, size)


def around(x, y, reach_x, reach_y):
    """The box of a mark whose middle is (x, y)."""
    return (x - reach_x, y - reach_y, x + reach_x, y + reach_y)


def printed(rng, text):
    """A picture of one line of text."""
    ground, ink = rng.choice([((255, 255, 255), "black"), ((250, 248, 240), "blue"), ((25, 25, 28), "white"),
                              ((232, 232, 232), "black"), ((245, 215, 20), "black"), ((30, 70, 160), "white"),
                              ((255, 255, 255), "red"), ((255, 255, 255), "black")])
    size = rng.choice([44, 60, 88])
    face = font(rng.choice(FONTS), size)
    left, top, right, bottom = face.getbbox(text)
    width, height = right - left, bottom - top
    margin = [rng.uniform(0.08, 0.4) * size for _ in range(4)]
    image, draw = canvas((round(width / SMOOTH + margin[0] + margin[1]), round(max(
        height / SMOOTH + margin[2] + margin[3], width / SMOOTH * rng.uniform(0.2, 0.5)))), ground)
    y = (image.height - height) / 2 - top + (margin[2] - margin[3]) * rng.random()
    x = margin[0] * SMOOTH - left
    draw.text((x, y), text, fill=near(rng, COLOURS[ink]), font=face)
    marks = []
    for i, letter in enumerate(text):
        begin, end = (x + face.getlength(text[:n]) for n in (i, i + 1))
        _, high, _, low = face.getbbox(letter)
        box = begin / image.width, (y + high) / image.height, end / image.width, (y + low) / image.height
        marks += [((letter,), box), (("middle",), around((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, 0.01, 0.01))]
    return Picture(finish(rng, image), budget(rng), marks)
