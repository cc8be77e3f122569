#!/usr/bin/env python3
"""tour.py CARAT [TEST...]: the official openai and anthropic clients, unchanged, on `carat serve` with carat-point.

Every endpoint, whole and streamed; tools, schemas, pictures, sound, thoughts, errors. What comes back is
read by the clients' own types, strictly: a required field that is missing fails the test.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import anthropic
import openai
from anthropic.types import Message, RawMessageStreamEvent
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "point"
CARAT = sys.argv.pop(1) if len(sys.argv) > 1 else "build/carat"
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
SUM = {"type": "object", "properties": {"result": {"type": "integer"}}, "required": ["result"],
       "additionalProperties": False}


def data_url(name, kind):
    return f"data:{kind};base64," + base64.b64encode((FIXTURES / name).read_bytes()).decode()


def base64_of(name):
    return base64.b64encode((FIXTURES / name).read_bytes()).decode()


class Server:
    def __init__(self):
        self.home = tempfile.TemporaryDirectory()
        self.log = open(Path(self.home.name) / "log", "wb")
        environment = {**os.environ, "CARAT_HOME": self.home.name}
        self.process = subprocess.Popen(
            [CARAT, "serve", "--model", "point", "--port", "0", "--together", "3"],
            stdout=subprocess.PIPE, stderr=self.log, env=environment, text=True)
        self.url = self.process.stdout.readline().strip()
        if not self.url.startswith("http"):
            raise RuntimeError(Path(self.home.name, "log").read_text())
        words = Path(self.home.name, "api-keys").read_text().split()
        self.key = next(word for word in words if word.startswith("carat-"))

    def stop(self):
        self.process.terminate()
        code = self.process.wait(60)
        self.process.stdout.close()
        self.log.close()
        self.home.cleanup()
        return code


SERVER = None


def setUpModule():
    global SERVER
    SERVER = Server()


def tearDownModule():
    code = SERVER.stop()
    if code != 0:
        raise RuntimeError(f"carat serve ended with {code}")


class ClientTest(unittest.TestCase):
    def setUp(self):
        self.openai = openai.OpenAI(api_key=SERVER.key, base_url=SERVER.url + "/v1", max_retries=0)
        self.anthropic = anthropic.Anthropic(api_key=SERVER.key, base_url=SERVER.url, max_retries=0)

    def chat(self, content, **more):
        raw = self.openai.chat.completions.with_raw_response.create(
            model="carat-point", messages=[{"role": "user", "content": content}], temperature=0, **more)
        return ChatCompletion.model_validate_json(raw.text)

    def message(self, content, **more):
        raw = self.anthropic.messages.with_raw_response.create(
            model="carat-point", max_tokens=more.pop("max_tokens", 200), extra_body={"temperature": 0},
            messages=content if isinstance(content, list) and content and "role" in content[0]
            else [{"role": "user", "content": content}], **more)
        return Message.model_validate_json(raw.text())

    def response(self, content, **more):
        raw = self.openai.responses.with_raw_response.create(
            model="carat-point", input=content, temperature=0, **more)
        return Response.model_validate_json(raw.text)


class ChatCompletions(ClientTest):
    def test_talks(self):
        answer = self.chat("Who are you?")
        self.assertEqual(answer.choices[0].message.content,
                         "I am carat-point, a very small model that runs on your own computer.")
        self.assertEqual(answer.choices[0].finish_reason, "stop")
        self.assertGreater(answer.usage.prompt_tokens, 5)
        self.assertEqual(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens)

    def test_streams_the_same(self):
        whole = self.chat("Count from 7 to 12.")
        text, usage = "", None
        with self.openai.chat.completions.create(
                model="carat-point", messages=[{"role": "user", "content": "Count from 7 to 12."}], temperature=0,
                stream=True, stream_options={"include_usage": True}) as stream:
            for chunk in stream:
                chunk = ChatCompletionChunk.model_validate(chunk.to_dict())
                usage = chunk.usage or usage
                for choice in chunk.choices:
                    text += choice.delta.content or ""
        self.assertEqual(text, whole.choices[0].message.content)
        self.assertEqual(usage.completion_tokens, whole.usage.completion_tokens)

    def test_streams_through_the_helper(self):
        with self.openai.chat.completions.stream(
                model="carat-point", messages=[{"role": "user", "content": "Thank you!"}], temperature=0) as stream:
            for _ in stream:
                pass
            self.assertEqual(stream.get_final_completion().choices[0].message.content, "You are welcome!")

    def test_remembers_and_reports_the_cache(self):
        messages = [{"role": "user", "content": "My name is Anna."}]
        first = self.openai.chat.completions.create(model="carat-point", messages=messages, temperature=0)
        messages += [{"role": "assistant", "content": first.choices[0].message.content},
                     {"role": "user", "content": "What is my name?"}]
        second = self.openai.chat.completions.create(model="carat-point", messages=messages, temperature=0)
        self.assertIn("Anna", second.choices[0].message.content)
        self.assertGreater(second.usage.prompt_tokens_details.cached_tokens, 3)

    def test_calls_a_tool_and_reads_its_result(self):
        tools = [{"type": "function", "function": {
            "name": "get_weather", "description": "The weather in a city.", "parameters": WEATHER}}]
        messages = [{"role": "user", "content": "What is the weather in Paris?"}]
        answer = self.openai.chat.completions.create(
            model="carat-point", messages=messages, tools=tools, temperature=0, tool_choice="required")
        call = answer.choices[0].message.tool_calls[0]
        self.assertEqual(answer.choices[0].finish_reason, "tool_calls")
        self.assertEqual(call.function.name, "get_weather")
        self.assertEqual(list(json.loads(call.function.arguments)), ["city"])
        messages += [answer.choices[0].message.to_dict(),
                     {"role": "tool", "tool_call_id": call.id, "content": '{"weather": "sunny"}'}]
        last = self.openai.chat.completions.create(
            model="carat-point", messages=messages, tools=tools, temperature=0)
        self.assertTrue(last.choices[0].message.content)

    def test_streams_tool_calls(self):
        tools = [{"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}}]
        with self.openai.chat.completions.stream(
                model="carat-point", messages=[{"role": "user", "content": "What is the weather in Paris?"}],
                tools=tools, tool_choice={"type": "function", "function": {"name": "get_weather"}},
                temperature=0) as stream:
            for _ in stream:
                pass
            call = stream.get_final_completion().choices[0].message.tool_calls[0]
        self.assertIn("city", json.loads(call.function.arguments))

    def test_obeys_a_schema(self):
        answer = self.chat("What is 12 plus 7? Answer in JSON.", response_format={
            "type": "json_schema", "json_schema": {"name": "sum", "strict": True, "schema": SUM}})
        value = json.loads(answer.choices[0].message.content)
        self.assertEqual(list(value), ["result"])
        self.assertIsInstance(value["result"], int)
        with self.assertRaises(openai.BadRequestError) as refused:
            self.chat("Hello!", response_format={"type": "json_schema", "json_schema": {
                "name": "x", "schema": {"type": "object", "patternProperties": {"^a": {"type": "string"}}}}})
        self.assertIn("patternProperties", str(refused.exception))

    def test_gives_any_json(self):
        answer = self.chat("Give me JSON about a house.", response_format={"type": "json_object"}, max_tokens=300)
        if answer.choices[0].finish_reason == "stop":
            self.assertIsInstance(json.loads(answer.choices[0].message.content), dict)

    def test_thinks_apart(self):
        answer = self.chat("What is 12 plus 7?", reasoning_effort="low")
        message = answer.choices[0].message
        self.assertTrue(message.reasoning_content)
        self.assertIn("19", message.content)
        self.assertGreater(answer.usage.completion_tokens_details.reasoning_tokens, 3)
        self.assertIsNone(getattr(self.chat("What is 12 plus 7?").choices[0].message, "reasoning_content", None))

    def test_sees_and_hears(self):
        seen = self.chat([{"type": "image_url", "image_url": {"url": data_url("shapes.png", "image/png")}},
                          {"type": "text", "text": "What colour is the circle?"}])
        self.assertEqual(seen.choices[0].message.content, "The circle is yellow.")
        heard = self.chat([{"type": "input_audio", "input_audio": {"data": base64_of("door.wav"), "format": "wav"}},
                           {"type": "text", "text": "What was said?"}])
        self.assertEqual(heard.choices[0].message.content, "Open the door.")
        film = self.chat([{"type": "video_url", "video_url": {"url": data_url("shapes.mp4", "video/mp4")}},
                          {"type": "text", "text": "What appears first?"}])
        self.assertEqual(film.choices[0].message.content, "First there is a red square.")

    def test_details_are_budgets(self):
        tokens = [self.chat([{"type": "image_url", "image_url": {
            "url": data_url("shapes.png", "image/png"), "detail": detail}}]).usage.prompt_tokens
                  for detail in ("low", "high")]
        self.assertLess(tokens[0] * 3, tokens[1])

    def test_choices_logprobs_stop_and_seed(self):
        answer = self.chat("Count from 7 to 12.", n=3, logprobs=True, top_logprobs=2, stop=["10"], seed=3)
        self.assertEqual([c.index for c in answer.choices], [0, 1, 2])
        for choice in answer.choices:
            self.assertEqual(choice.message.content, "7, 8, 9, ")
            self.assertEqual("".join(t.token for t in choice.logprobs.content)[:9], "7, 8, 9, ")
            self.assertEqual(len(choice.logprobs.content[0].top_logprobs), 2)
        same = [self.openai.chat.completions.create(
            model="carat-point", messages=[{"role": "user", "content": "Tell me a short story."}], seed=5,
            temperature=1).choices[0].message.content for _ in range(2)]
        self.assertEqual(same[0], same[1])

    def test_says_why_an_answer_is_short(self):
        answer = self.chat("Count from 1 to 20.", max_completion_tokens=4)
        self.assertEqual(answer.choices[0].finish_reason, "length")

    def test_errors(self):
        for content, status in [
                ([{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}], 400),
                ([{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}], 400),
                ([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}], 400)]:
            with self.assertRaises(openai.APIStatusError) as refused:
                self.chat(content)
            self.assertEqual(refused.exception.status_code, status)
            self.assertNotIn("/tmp", str(refused.exception))
        with self.assertRaises(openai.BadRequestError) as refused:
            self.chat("word " * 6000)
        self.assertEqual(refused.exception.code, "context_length_exceeded")
        with self.assertRaises(openai.BadRequestError) as refused:
            self.chat("Hello!", extra_body={"no_such_parameter": 1})
        self.assertIn("no_such_parameter", str(refused.exception))
        with self.assertRaises(openai.NotFoundError):
            self.openai.chat.completions.create(model="gpt-9", messages=[{"role": "user", "content": "Hello!"}])
        with self.assertRaises(openai.AuthenticationError):
            openai.OpenAI(api_key="wrong", base_url=SERVER.url + "/v1", max_retries=0).models.list()


class Responses(ClientTest):
    def test_talks_and_is_kept(self):
        first = self.response("My name is Anna.", instructions="You are friendly.")
        self.assertEqual(first.status, "completed")
        second = self.response("What is my name?", previous_response_id=first.id)
        self.assertIn("Anna", second.output_text)
        self.assertEqual(self.openai.responses.retrieve(first.id).output_text, first.output_text)
        self.assertTrue(self.openai.responses.input_items.list(second.id).data)
        self.openai.responses.delete(first.id)
        with self.assertRaises(openai.NotFoundError):
            self.openai.responses.retrieve(first.id)

    def test_streams(self):
        text, kinds, numbers = "", [], []
        for event in self.openai.responses.create(
                model="carat-point", input="Count from 7 to 12.", temperature=0, stream=True):
            event = TypeAdapter(ResponseStreamEvent).validate_python(event.to_dict())
            kinds.append(event.type)
            numbers.append(event.sequence_number)
            if event.type == "response.output_text.delta":
                text += event.delta
        self.assertEqual(text, "7, 8, 9, 10, 11, 12")
        self.assertEqual((kinds[0], kinds[-1]), ("response.created", "response.completed"))
        self.assertEqual(numbers, list(range(len(numbers))))

    def test_calls_tools(self):
        tool = {"type": "function", "name": "get_weather", "parameters": WEATHER, "strict": True}
        first = self.response("What is the weather in Paris?", tools=[tool], tool_choice="required")
        call = next(item for item in first.output if item.type == "function_call")
        self.assertIn("city", json.loads(call.arguments))
        second = self.response([{"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}],
                               tools=[tool], previous_response_id=first.id)
        self.assertTrue(second.output_text)

    def test_schema_thoughts_and_media(self):
        answer = self.response("What is 12 plus 7? Answer in JSON.", text={"format": {
            "type": "json_schema", "name": "sum", "schema": SUM, "strict": True}})
        self.assertEqual(list(json.loads(answer.output_text)), ["result"])
        thought = self.response("What is 12 plus 7?", reasoning={"effort": "low"})
        self.assertEqual(thought.output[0].type, "reasoning")
        self.assertIn("19", thought.output_text)
        seen = self.response([{"role": "user", "content": [
            {"type": "input_image", "image_url": data_url("shapes.png", "image/png"), "detail": "auto"},
            {"type": "input_text", "text": "What colour is the circle?"}]}])
        self.assertEqual(seen.output_text, "The circle is yellow.")

    def test_runs_in_the_background_and_is_cancelled(self):
        answer = self.response("Count from 1 to 20.", background=True)
        self.assertIn(answer.status, ("queued", "in_progress", "completed"))
        cancelled = self.openai.responses.cancel(answer.id)
        self.assertIn(cancelled.status, ("cancelled", "completed"))


class Messages(ClientTest):
    def test_talks(self):
        answer = self.message("Who are you?", system="You are friendly.")
        self.assertEqual(answer.content[0].type, "text")
        self.assertIn("carat-point", answer.content[0].text)
        self.assertEqual(answer.stop_reason, "end_turn")

    def test_streams(self):
        adapter = TypeAdapter(RawMessageStreamEvent)
        text = ""
        for event in self.anthropic.messages.create(
                model="carat-point", max_tokens=100, extra_body={"temperature": 0}, stream=True,
                messages=[{"role": "user", "content": "Count from 7 to 12."}]):
            event = adapter.validate_python(event.to_dict())
            if event.type == "content_block_delta":
                text += event.delta.text
        self.assertEqual(text, "7, 8, 9, 10, 11, 12")
        with self.anthropic.messages.stream(
                model="carat-point", max_tokens=100, extra_body={"temperature": 0},
                messages=[{"role": "user", "content": "Count from 7 to 12."}]) as stream:
            self.assertEqual(stream.get_final_text(), text)

    def test_calls_tools(self):
        tool = {"name": "get_weather", "description": "The weather in a city.", "input_schema": WEATHER}
        messages = [{"role": "user", "content": "What is the weather in Paris?"}]
        first = self.message(messages, tools=[tool], tool_choice={"type": "any"})
        self.assertEqual(first.stop_reason, "tool_use")
        call = next(block for block in first.content if block.type == "tool_use")
        self.assertIn("city", call.input)
        messages += [{"role": "assistant", "content": [b.to_dict() for b in first.content]},
                     {"role": "user", "content": [
                         {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}]}]
        self.assertTrue(self.message(messages, tools=[tool]).content)

    def test_thinks_and_is_stopped(self):
        answer = self.message("What is 12 plus 7?", thinking={"type": "enabled", "budget_tokens": 1024},
                              max_tokens=1500)
        self.assertEqual([b.type for b in answer.content], ["thinking", "text"])
        stopped = self.message("Count from 7 to 12.", stop_sequences=["10"])
        self.assertEqual((stopped.stop_reason, stopped.stop_sequence), ("stop_sequence", "10"))
        self.assertEqual(self.message("Count from 7 to 12.", max_tokens=2).stop_reason, "max_tokens")

    def test_sees(self):
        answer = self.message([
            {"type": "image", "source": {"type": "base64", "media_type": "image/png",
                                         "data": base64_of("shapes.png")}},
            {"type": "text", "text": "What colour is the circle?"}])
        self.assertEqual(answer.content[0].text, "The circle is yellow.")
        with self.assertRaises(anthropic.BadRequestError):
            self.message([{"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}}])

    def test_counts_lists_and_refuses(self):
        messages = [{"role": "user", "content": "Who are you?"}]
        count = self.anthropic.messages.count_tokens(model="carat-point", messages=messages)
        usage = self.message(messages).usage
        self.assertEqual(count.input_tokens, usage.input_tokens + (usage.cache_read_input_tokens or 0))
        self.assertEqual([m.id for m in self.anthropic.models.list()], ["carat-point"])
        with self.assertRaises(anthropic.NotFoundError):
            self.anthropic.messages.create(model="claude-9", max_tokens=9, messages=messages)
        with self.assertRaises(anthropic.AuthenticationError):
            anthropic.Anthropic(api_key="wrong", base_url=SERVER.url, max_retries=0).messages.create(
                model="carat-point", max_tokens=9, messages=messages)


class Audio(ClientTest):
    def test_transcribes(self):
        for form in ("json", "text", "verbose_json", "srt", "vtt"):
            with open(FIXTURES / "door.wav", "rb") as file:
                answer = self.openai.audio.transcriptions.create(model="carat-point", file=file, response_format=form)
            text = answer if isinstance(answer, str) else answer.text
            self.assertIn("Open the door.", text)
        with open(FIXTURES / "door.wav", "rb") as file:
            pieces = list(self.openai.audio.transcriptions.create(model="carat-point", file=file, stream=True))
        self.assertEqual(pieces[-1].type, "transcript.text.done")
        self.assertEqual(pieces[-1].text.strip(), "Open the door.")

    def test_translates_and_refuses(self):
        with open(FIXTURES / "door.wav", "rb") as file:
            self.assertTrue(self.openai.audio.translations.create(model="carat-point", file=file).text)
        with self.assertRaises(openai.BadRequestError):
            self.openai.audio.transcriptions.create(model="carat-point", file=("a.wav", b"no sound at all"))


class Rest(ClientTest):
    def get(self, path, body=None):
        if body is None:
            return self.openai.get(path, cast_to=object)
        return self.openai.post(path, body=body, cast_to=object)

    def test_models(self):
        self.assertEqual([m.id for m in self.openai.models.list()], ["carat-point"])
        self.assertEqual(self.openai.models.retrieve("carat-point").id, "carat-point")

    def test_tokens_go_round(self):
        tokens = self.get("/tokenize", {"content": "Count from 7 to 12."})["tokens"]
        self.assertEqual(self.get("/detokenize", {"tokens": tokens})["content"], "Count from 7 to 12.")

    def test_status(self):
        self.assertTrue(self.get("/carat/status"))
        self.assertTrue(self.get("/carat/models"))
        ran = subprocess.run([CARAT, "status", "--json"], capture_output=True, text=True,
                             env={**os.environ, "CARAT_HOME": SERVER.home.name}, check=True)
        self.assertTrue(json.loads(ran.stdout))


if __name__ == "__main__":
    unittest.main(verbosity=2)
