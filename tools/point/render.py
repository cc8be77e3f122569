"""From a conversation to the text of a prompt and of its answer, by the official chat template."""

import pathlib

import jinja2

TEMPLATE = pathlib.Path(__file__).resolve().parents[2] / "tests/fixtures/tiny/chat_template.jinja"


def fail(message):
    raise ValueError(message)


class Renderer:
    """Calls give (prompt, answer). The answer is what the model has to write, its stop token included."""

    NO_THOUGHT = "<|channel>thought\n<channel|>"

    def __init__(self, template=TEMPLATE):
        # As transformers runs it.
        environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
        environment.globals["raise_exception"] = fail
        self.template = environment.from_string(pathlib.Path(template).read_text(encoding="utf-8"))

    def closes_thought(self, prompt):
        """Whether the template wrote the empty thought that turns thinking off."""
        return prompt.endswith(self.NO_THOUGHT)

    def prompt(self, sample):
        return self.template.render(messages=sample.messages[:-1], tools=sample.tools, add_generation_prompt=True,
                                    enable_thinking=sample.thinking, bos_token="<bos>")

    def __call__(self, sample):
        prompt = self.prompt(sample)
        whole = self.template.render(messages=sample.messages, tools=sample.tools, add_generation_prompt=False,
                                     enable_thinking=sample.thinking, bos_token="<bos>")
        before = prompt.removesuffix(self.NO_THOUGHT)
        if not whole.startswith(before):
            raise ValueError("the template does not continue the prompt:\n" + prompt)
        # A turn in the history ends in a newline, which the model does not write.
        return prompt, whole[len(before):].removesuffix("\n")
