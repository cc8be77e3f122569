"""Tool calls in the native form, for tools whose names the model has never seen: it must read the declaration.

Every conversation makes up the names of its functions and of their parameters from a verb, a noun and a style, so
that only the declaration tells them.
"""

import json

from . import talk, words
from .sample import Sample, assistant, think_sometimes, user

STYLES = [lambda *parts: "_".join(parts), lambda *parts: parts[0] + "".join(p.capitalize() for p in parts[1:]),
          lambda *parts: "".join(parts), lambda *parts: "-".join(parts)]

# Each kind: verbs and nouns of its names, its description, and its parameters as (names, type, description, values).
KINDS = {
    "weather": {
        "verbs": ["get", "find", "read", "check", "ask"], "nouns": ["weather", "forecast", "sky", "rain", "climate"],
        "description": ["The weather in a city", "Tells the weather of a place", "Weather report for a city"],
        "parameters": [(["city", "place", "location", "town"], "string", "the city", words.CITIES)],
        "questions": ["What is the weather in {0}?", "How is the weather in {0}?", "Is it cold in {0}?",
                      "Tell me the weather in {0}."],
    },
    "clock": {
        "verbs": ["get", "read", "tell", "show"], "nouns": ["time", "clock", "hour", "now"],
        "description": ["The time in a city", "Tells what time it is in a place"],
        "parameters": [(["city", "zone", "place", "where"], "string", "the city", words.CITIES)],
        "questions": ["What time is it in {0}?", "Tell me the time in {0}.", "How late is it in {0}?"],
    },
    "calculator": {
        "verbs": ["do", "run", "compute", "solve"], "nouns": ["sum", "calculation", "math", "expression"],
        "description": ["Calculates an expression", "Works out a calculation"],
        "parameters": [(["expression", "formula", "text", "input"], "string", "what to calculate", "expression")],
        "questions": ["Use the tool to work out {0}.", "Calculate {0} with the tool.", "How much is {0}? Use the tool."],
    },
    "files": {
        "verbs": ["list", "show", "get", "read"], "nouns": ["files", "folder", "directory", "documents"],
        "description": ["Lists the files of a folder", "Shows what is in a folder"],
        "parameters": [(["folder", "path", "directory", "name"], "string", "the folder", "folder")],
        "questions": ["Which files are in {0}?", "List the files in {0}.", "Show me what is in {0}."],
    },
    "note": {
        "verbs": ["write", "save", "add", "keep"], "nouns": ["note", "memo", "entry", "text"],
        "description": ["Writes a note", "Saves a note for later"],
        "parameters": [(["text", "content", "note", "message"], "string", "what to write", "note")],
        "questions": ["Write a note: {0}.", "Please note: {0}.", "Save this as a note: {0}."],
    },
    "timer": {
        "verbs": ["set", "start", "begin", "make"], "nouns": ["timer", "alarm", "countdown", "reminder"],
        "description": ["Starts a timer", "Sets a timer of some minutes"],
        "parameters": [(["minutes", "duration", "length", "time"], "integer", "minutes", "minutes")],
        "questions": ["Set a timer for {0} minutes.", "Start a timer of {0} minutes.", "Wake me in {0} minutes."],
    },
    "light": {
        "verbs": ["set", "switch", "change", "turn"], "nouns": ["light", "lamp", "lights", "room"],
        "description": ["Switches the light of a room", "Sets the colour of a room's light"],
        "parameters": [(["room", "place", "where"], "string", "the room", words.PLACES),
                       (["colour", "color", "shade"], "string", "the colour", words.COLOURS)],
        "questions": ["Make the light in the {0} {1}.", "Set the light of the {0} to {1}."],
    },
    "message": {
        "verbs": ["send", "write", "post"], "nouns": ["message", "mail", "letter", "text"],
        "description": ["Sends a message to a person", "Writes to somebody"],
        "parameters": [(["to", "person", "name", "receiver"], "string", "who gets it", words.NAMES),
                       (["text", "body", "content"], "string", "what it says", "note")],
        "questions": ["Send {0} a message: {1}.", "Write to {0}: {1}."],
    },
}


def value_of(rng, values):
    if isinstance(values, list):
        return rng.choice(values)
    if values == "expression":
        return f"{rng.randint(2, 99)} {rng.choice('+-*')} {rng.randint(2, 99)}"
    if values == "folder":
        return rng.choice(["photos", "letters", "music", "books", "work", "home", "notes", "pictures"])
    if values == "minutes":
        return rng.randint(1, 90)
    name, thing = rng.choice(words.NAMES), rng.choice(words.THINGS + words.FOODS)
    return rng.choice([f"buy {thing}", f"call {name}", f"bring the {thing}", f"meet {name} on {rng.choice(words.DAYS)}"])


class Tool:
    """One declared function: of a kind, with made-up names."""

    def __init__(self, rng, kind):
        spec = KINDS[kind]
        style = rng.choice(STYLES)
        parts = [rng.choice(spec["verbs"]), rng.choice(spec["nouns"])]
        if rng.random() < 0.3:
            parts.append(rng.choice(["tool", "now", "for", "my", "home", "it"]))
        self.kind, self.name = kind, style(*parts)
        self.parameters = [(rng.choice(names), type_, text, values) for names, type_, text, values in spec["parameters"]]
        properties = {name: {"type": type_, "description": text} for name, type_, text, _ in self.parameters}
        self.declaration = {"type": "function", "function": {
            "name": self.name, "description": rng.choice(spec["description"]),
            "parameters": {"type": "object", "properties": properties, "required": list(properties)}}}

    def use(self, rng):
        """A question that needs the tool, and the arguments of the call."""
        values = [value_of(rng, values) for _, _, _, values in self.parameters]
        question = rng.choice(KINDS[self.kind]["questions"]).format(*values)
        return question, {name: value for (name, _, _, _), value in zip(self.parameters, values)}

    def result(self, rng, arguments):
        """What the tool gives back, and the sentence that tells the user."""
        first = next(iter(arguments.values()))
        if self.kind == "weather":
            sky, degrees = rng.choice(["sunny", "rainy", "cloudy", "windy"]), rng.randint(-5, 35)
            return {"sky": sky, "degrees": degrees}, f"In {first} it is {sky} and {degrees} degrees."
        if self.kind == "clock":
            time = f"{rng.randint(0, 23)}:{rng.randint(0, 59):02}"
            return {"time": time}, f"It is {time} in {first}."
        if self.kind == "calculator":
            number = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__}[first.split()[1]](
                int(first.split()[0]), int(first.split()[2]))
            return {"result": number}, f"The result is {number}."
        if self.kind == "files":
            files = rng.sample(words.THINGS, rng.randint(1, 4))
            return {"files": files}, f"In {first} there are: {', '.join(files)}."
        if self.kind == "timer":
            return {"status": "started"}, f"The timer runs for {first} minutes."
        if self.kind == "light":
            room, colour = arguments.values()
            return {"status": "done"}, f"The light in the {room} is now {colour}."
        if self.kind == "message":
            return {"status": "sent"}, f"The message to {first} is sent."
        return {"status": "saved"}, "The note is saved."


def called(uses, thought=None):
    """The assistant's message that makes these calls: (tool, arguments) each."""
    message = {"role": "assistant", "content": "", "tool_calls": [
        {"id": f"call_{i}", "type": "function", "function": {"name": tool.name, "arguments": arguments}}
        for i, (tool, arguments) in enumerate(uses)]}
    if thought:
        message["reasoning"] = thought
    return message


def setting(rng):
    """The declared tools of a conversation, in random order."""
    while True:
        tools = [Tool(rng, kind) for kind in rng.sample(list(KINDS), rng.choice([1, 1, 2, 2, 3, 4]))]
        if len({tool.name for tool in tools}) == len(tools):
            return tools


def call(rng):
    tools = setting(rng)
    declared = [tool.declaration for tool in tools]
    if rng.random() < 0.15:  # nothing to call
        question, answer = talk.turn(rng)
        thought, thinking = think_sometimes(rng, "I need no tool for that.", 0.3)
        return Sample([user(question), assistant(answer, thought)], declared, thinking)
    tool = rng.choice(tools)
    question, arguments = tool.use(rng)
    uses = [(tool, arguments)]
    if rng.random() < 0.2:  # two calls at once
        other = rng.choice(tools)
        more, arguments = other.use(rng)
        question, uses = f"{question} {more}", uses + [(other, arguments)]
    thought, thinking = think_sometimes(
        rng, "I need " + words.listing([tool.name for tool, _ in uses]) + " for that.", 0.3)
    messages = [user(question), called(uses, thought)]
    before = [message for _ in range(rng.choice([0, 1, 2, 4])) for message in used(rng, rng.choice(tools))]
    return Sample(messages, declared, thinking, longer=before + messages)


def used(rng, tool):
    """The messages of a question, the call that it needs, the response and what is told of it."""
    question, arguments = tool.use(rng)
    result, told = tool.result(rng, arguments)
    content = json.dumps(result) if rng.random() < 0.5 else result
    if isinstance(content, dict):
        response = [{"name": tool.name, "response": content}]
        return [user(question), {**called([(tool, arguments)]), "tool_responses": response}, assistant(told)]
    return [user(question), called([(tool, arguments)]),
            {"role": "tool", "tool_call_id": "call_0", "name": tool.name, "content": content}, assistant(told)]


def answer(rng):
    tools = setting(rng)
    return Sample(used(rng, rng.choice(tools)), [tool.declaration for tool in tools])
