"""The closed vocabulary: a few hundred words of each kind that the world is made of."""

NAMES = """Anna Ben Clara David Emma Felix Grace Henry Ida Jonas Kate Leo Maria Noah Olivia Paul Rosa Sam Tina Victor
Alice Bruno Carla Dan Elsa Frank Greta Hugo Irene Jack Lena Max Nina Oscar Peter Ruth Simon Theo Vera Will""".split()

CITIES = """Berlin Paris London Rome Madrid Vienna Oslo Lisbon Prague Dublin Athens Warsaw Tokyo Cairo Lima Boston Chicago
Toronto Sydney Delhi""".split()

COLOURS = "red blue green yellow black white orange purple brown pink grey".split()

ANIMALS = """dog cat horse cow pig sheep goat duck hen mouse rabbit fox bear wolf lion tiger frog fish bird bee owl snail turtle
pony""".split()

FRUITS = "apple pear plum cherry lemon orange banana grape peach melon berry fig".split()

FOODS = """bread cheese soup rice cake pie pasta salad egg butter honey milk tea coffee juice jam pizza fish corn
nut""".split()

THINGS = """book pen cup plate ball box key lamp chair table clock hat shoe coat bag door window map ring coin letter bell
rope stone leaf flower tree boat car bike train kite drum spoon fork knife bottle basket candle mirror""".split()

PLACES = """park forest garden market school house kitchen river beach village city station library farm mountain lake bridge
shop tower street""".split()

JOBS = "baker teacher doctor farmer painter sailor cook gardener driver singer writer nurse builder pilot".split()

HOBBIES = "reading swimming painting cooking singing dancing running fishing skating chess music gardening".split()

ADJECTIVES = """big small old new warm cold happy sad quiet loud fast slow clean dirty heavy light long short soft hard bright
dark sweet sour""".split()

VERBS = {  # base: past
    "walk": "walked", "look": "looked", "open": "opened", "close": "closed", "paint": "painted", "clean": "cleaned",
    "cook": "cooked", "carry": "carried", "call": "called", "help": "helped", "wash": "washed", "plant": "planted",
    "find": "found", "see": "saw", "buy": "bought", "take": "took", "bring": "brought", "eat": "ate", "give": "gave",
    "make": "made", "read": "read", "sing": "sang", "hear": "heard", "lose": "lost",
}

DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = """January February March April May June July August September October November December""".split()

IRREGULAR_PLURALS = {
    "sheep": "sheep", "fish": "fish", "mouse": "mice", "knife": "knives", "leaf": "leaves", "wolf": "wolves",
    "man": "men", "child": "children",
}


def plural(noun):
    if noun in IRREGULAR_PLURALS:
        return IRREGULAR_PLURALS[noun]
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


def with_article(noun):
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def listing(items, last="and"):
    """"a, b and c"."""
    if len(items) == 1:
        return items[0]
    return ", ".join(items[:-1]) + f" {last} " + items[-1]


NUMBER_WORDS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen twenty""".split()


def spelled(number):
    """A number as a word up to twenty, as digits beyond."""
    return NUMBER_WORDS[number] if 0 <= number <= 20 else str(number)
