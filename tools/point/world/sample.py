"""Sample: one conversation, in OpenAI's form, with the answer at its end."""

from dataclasses import dataclass, field


@dataclass
class Sample:
    messages: list  # the last one is the assistant's answer, which is to be learnt
    tools: list | None = None
    thinking: bool = False
    skill: str = ""
    key: str = ""  # what the media show: together with the prompt it says whether two conversations are the same
    media: list = field(default_factory=list)  # pictures and sounds, in the order of their parts
    longer: list | None = None  # the messages that training takes instead: more was asked before the last question


def user(text):
    return {"role": "user", "content": text}


def assistant(text, thought=None):
    message = {"role": "assistant", "content": text}
    if thought:
        message["reasoning"] = thought
    return message


def system(text):
    return {"role": "system", "content": text}


def think_sometimes(rng, thought, share=0.35):
    """The thought and True, or nothing and False: whether this conversation has thinking on."""
    on = rng.random() < share
    return (thought if on else None), on
