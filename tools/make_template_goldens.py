#!/usr/bin/env python3
"""Make chat template test cases with the official Gemma 4 template and jinja2.

    make_template_goldens.py TEMPLATE.jinja OUT.json     (usually tests/golden/template/cases.json)

Each case has name, messages, tools (if any), add_generation_prompt, enable_thinking and
preserve_thinking, and either expected or "error": true where rendering fails. The environment is
set up as transformers does it. Tool call arguments given as a JSON string are parsed before
rendering; the case keeps the string. Names starting with "odd/" are inputs that no sane client
sends.
"""

import copy
import json
import os
import random
import sys

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

RANDOM_CASES = 160


def user(content, **more):
    return {"role": "user", "content": content, **more}


def assistant(content=None, **more):
    return {"role": "assistant", "content": content, **more}


def system(content, role="system"):
    return {"role": role, "content": content}


def text(value):
    return {"type": "text", "text": value}


def call(name, arguments, call_id=None):
    out = {"type": "function", "function": {"name": name, "arguments": arguments}}
    return {"id": call_id, **out} if call_id else out


def result(content, **more):
    return {"role": "tool", "content": content, **more}


def tool(name, description=None, parameters=None, **more):
    function = {"name": name, **more}
    if description is not None:
        function["description"] = description
    if parameters is not None:
        function["parameters"] = parameters
    return {"type": "function", "function": function}


def obj(properties, required=None, **more):
    out = {"type": "object", "properties": properties, **more}
    return out if required is None else {**out, "required": required}


WEATHER = tool("get_weather", "Get the weather for a city.", obj(
    {"location": {"type": "string", "description": "The city name"},
     "unit": {"type": "string", "description": "Unit", "enum": ["celsius", "fahrenheit"]}},
    ["location"]))
WHITE = ["", " ", "\n", "\t\n ", "\u00a0", "\u2003", "\u0085", "\u001c", "\u001f", "\u200b",
         "\ufeff", "\u3000", "\u1680", "\u180e", "\u2028", "\u205f", "\u2060", "\x0b\x0c", "\x00",
         "\x7f"]
IMAGE, AUDIO, VIDEO = {"type": "image"}, {"type": "audio"}, {"type": "video"}
IMAGE_URL = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
INPUT_AUDIO = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
THOUGHT = "<|channel>thought\nfoo\n<channel|>"

ARGUMENTS = {
    "empty": {}, "null": None, "string": {"a": "x"}, "empty string": {"a": ""},
    "quotes": {"a": 'say "hi" \\ <|"|> there'}, "newline": {"a": "line 1\nline 2\t."},
    "unicode": {"a": "café 日本 😀", "ключ": "значение"}, "int": {"a": 5, "b": -7, "c": 0},
    "big int": {"a": 123456789012345678901234567890, "b": -9223372036854775808,
                "c": 18446744073709551615, "d": 9007199254740993},
    "float": {"a": 0.1, "b": 1.0, "c": -2.5, "d": 3.141592653589793, "e": 100.0},
    "float small": {"a": 1e-7, "b": 1e-5, "c": 0.0001, "d": 0.00012345, "e": 5e-324},
    "float large": {"a": 1e22, "b": 1e16, "c": 1e15, "d": 123456789012345680.0,
                    "e": 1.7976931348623157e308, "f": 1e21, "g": 9999999999999998.0},
    "float odd": {"a": -0.0, "b": 0.30000000000000004, "c": 2.5e-8, "d": 1e100, "e": 1.5e300},
    "bool": {"a": True, "b": False}, "null value": {"a": None},
    "list": {"a": [1, "two", 3.5, None, True, []]}, "empty list": {"a": []},
    "nested": {"o": {"b": {"c": [1, {"d": "e"}]}, "a": {}}, "l": [[1, 2], [], [{}]]},
    "sorted": {"b": 1, "A": 2, "a": 3, "C": 4, "B": 5, "_": 6, "1": 7, "aa": 8},
    "sorted nested": {"Z": {"y": 1, "X": 2, "x": 3}, "a": [{"Q": 1, "p": 2}]},
    "non-ASCII keys": {"é": 1, "E": 2, "z": 3, "Ä": 4, "ä": 5, "Я": 6, "б": 7, "Ω": 8, "α": 9,
                       "中": 0},
    "keys with spaces": {"a b": 1, "a:b": 2, "": 3, "{": 4},
    "control text": {"a": "<tool_call|><turn|>"},
    "emoji key": {"😀": 1, "\uffff": 2, "a": 3}, "blank strings": {"a": " ", "b": "\n"},
}

PROPERTIES = {
    "string": {"type": "string"}, "described": {"type": "string", "description": "d"},
    "integer": {"type": "integer", "description": "n", "minimum": 1, "maximum": 5},
    "number": {"type": "number", "default": 1.5}, "boolean": {"type": "boolean"},
    "null type": {"type": "null"}, "missing type": {"description": "no type"}, "empty": {},
    "empty description": {"type": "string", "description": ""},
    "null description": {"type": "string", "description": None},
    "upper type": {"type": "STRING", "enum": ["a"]}, "mixed type": {"type": "Object"},
    "enum": {"type": "string", "enum": ["a", "b c", ""]},
    "enum with description": {"type": "string", "enum": ["a"], "description": "one"},
    "empty enum": {"type": "string", "enum": []},
    "enum numbers in string": {"type": "string", "enum": [1, 2.5, None, True]},
    "enum of integer": {"type": "integer", "enum": [1, 2]}, "enum no type": {"enum": ["a", "b"]},
    "nullable": {"type": "string", "nullable": True},
    "nullable described": {"type": "integer", "nullable": True, "description": "d"},
    "nullable enum": {"type": "string", "enum": ["x"], "nullable": True},
    "nullable false": {"type": "string", "nullable": False},
    "type list": {"type": ["string", "null"]},
    "type list described": {"type": ["integer", "string", "null"], "description": "either"},
    "type list enum": {"type": ["string", "null"], "enum": ["a", None]},
    "null as type": {"type": None, "description": "d"},
    "array": {"type": "array"}, "array of strings": {"type": "array", "items": {"type": "string"}},
    "array described": {"type": "array", "description": "d", "items": {"type": "integer"}},
    "array empty items": {"type": "array", "items": {}},
    "array items type list": {"type": "array", "items": {"type": ["string", "null"]}},
    "array items enum": {"type": "array", "items": {"type": "string", "enum": ["a", "b"],
                                                    "description": "each"}},
    "array items null": {"type": "array", "items": {"type": "string", "description": None}},
    "array of arrays": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
    "array of objects": {"type": "array", "items": obj(
        {"b": {"type": "string"}, "A": {"type": "integer", "description": "d"}}, ["A", "b"])},
    "array of objects no required": {"type": "array", "items": obj({"b": {"type": "string"}})},
    "array of objects empty": {"type": "array", "items": obj({}, [])},
    "array bounds": {"type": "array", "items": {"type": "number", "minimum": 0.5, "maximum": 1e3},
                     "minItems": 1},
    "array nullable": {"type": "array", "nullable": True, "items": {"type": "string"}},
    "array items additional": {"type": "array", "items": {
        "type": "object", "additionalProperties": False, "properties": {"x": {"type": "number"}}}},
    "array items anyOf": {"type": "array", "items": {"anyOf": [{"type": "string"},
                                                               {"type": "null"}]}},
    "array items ref": {"type": "array", "items": {"$ref": "#/$defs/Item"}},
    "array items list": {"type": "array", "items": [{"type": "string"}, {"type": "number"}]},
    "array items true": {"type": "array", "items": True},
    "object": obj({"x": {"type": "number"}, "Y": {"type": "string"}}, ["x"]),
    "object no required": obj({"x": {"type": "number"}}),
    "object described": obj({"x": {"type": "number"}}, ["x"], description="d"),
    "object empty properties": obj({}), "object without properties": {"type": "object"},
    "object empty required": obj({"x": {"type": "number"}}, []),
    "object null properties": {"type": "object", "properties": None},
    "object nullable": obj({"x": {"type": "number"}}, nullable=True),
    "object additional": obj({"x": {"type": "number"}}, additionalProperties=False),
    "object only additional": {"type": "object", "additionalProperties": {"type": "string"}},
    "object additional false": {"type": "object", "additionalProperties": False},
    "object only described": {"type": "object", "description": "free", "title": "T"},
    "object required only": {"type": "object", "required": ["a", "b"]},
    "object in array in object": obj({"list": {"type": "array", "items": obj(
        {"inner": obj({"deep": {"type": "boolean", "description": "deep one"}}, ["deep"])},
        ["inner"])}}, ["list"]),
    "deep": obj({"a": obj({"b": obj({"c": obj({"d": {"type": "string", "enum": ["x"]}},
                                              ["d"])})})}),
    "anyOf": {"anyOf": [{"type": "string"}, {"type": "integer"}], "description": "any"},
    "oneOf with type": {"type": "string", "oneOf": [{"const": "a"}]},
    "ref": {"$ref": "#/$defs/Thing"}, "const": {"const": 5},
     "format": {"type": "string", "format": "date"},
    "boolean schema": True,
    "unicode description": {"type": "string", "description": "Größe in ° — 日本"},
    "multi-line description": {"type": "string", "description": " first\n  second "},
    "control text": {"type": "string", "description": '<|"|> <tool|> <turn|>'},
    "number description": {"type": "string", "description": 5},
}


def base_cases(add):
    """Plain conversations, system prompts, thinking, content kinds."""
    for thinking in (False, True):
        for prompt in (True, False):
            add("plain", [user("Hello")], enable_thinking=thinking, add_generation_prompt=prompt)
            add("empty list", [], enable_thinking=thinking, add_generation_prompt=prompt)
            add("system only", [system("S")], enable_thinking=thinking,
                add_generation_prompt=prompt)
            add("assistant last", [user("Hi"), assistant("Hello!")], enable_thinking=thinking,
                add_generation_prompt=prompt)
            add("empty list with tools", [], tools=[WEATHER], enable_thinking=thinking,
                add_generation_prompt=prompt)
    for role in ("system", "developer"):
        for thinking in (False, True):
            for content in ("You are a helpful assistant.", "  padded \n", "",
                            [text("You are a helpful assistant.")], [text(" a "), text("\nb")], [],
                            None):
                add(f"{role} prompt", [system(content, role), user("Hi")], enable_thinking=thinking)
            add(f"{role} and tools", [system("Be brief.", role), user("Hi")], tools=[WEATHER],
                enable_thinking=thinking)
            add(f"{role} list and tools", [system([text("Be brief.")], role), user("Hi")],
                tools=[WEATHER, tool("now", "Time")], enable_thinking=thinking)
        add(f"{role} with image part", [system([text("a"), IMAGE], role), user("Hi")])
        add(f"{role} later", [user("Hi"), system("Later.", role), user("Go")])
        add(f"{role} twice", [system("One.", role), system("Two.", role), user("Go")])
        add(f"{role} without content", [{"role": role}, user("Hi")])
        add(f"odd/{role} number", [system(5, role), user("Hi")])
    add("tools, no system", [user("Hi")], tools=[WEATHER])
    add("tools empty", [user("Hi")], tools=[])
    for white in WHITE:
        name = "white space " + ascii(white)
        add(name, [system(white + "S" + white), user(white + "u" + white),
                   assistant(white + "a" + white), user(white), assistant(white),
                   user([text(white)])])
        add(name + " after a call", [user("u"), assistant(white, tool_calls=[call("f", {})]),
                                     result(white), ])
        add(name + " in a thought", [user("u"), assistant("a", reasoning=white)])
    for value in (None, "", " x ", 5, 2.5, True, False, [], [text("a")], [text("a"), text(" b ")],
                  {}):
        name = "content " + json.dumps(value)
        add(name if value is None or isinstance(value, (str, list)) else "odd/" + name,
            [user(value), assistant(value), user("next")])
    add("content missing", [{"role": "user"}, {"role": "assistant"}, user("next")])
    add("odd/content mapping", [user({"type": "text", "text": "x"})])
    add("odd/content list of strings", [user(["a", "b"])])
    add("odd/part without type", [user([{"text": "a"}, text("b")])])
    add("odd/text part without text", [user([{"type": "text"}, text("b")])])
    add("odd/text part null", [user([{"type": "text", "text": None}])])
    add("odd/text part number", [user([{"type": "text", "text": 5}])])
    add("odd/model text part null", [user("u"), assistant([{"type": "text", "text": None}])])
    add("odd/role missing", [{"content": "x"}])
    for role in ("model", "critic", "", "User", "function", "tool"):
        add(f"unknown role {role!r}", [user("Hi"), {"role": role, "content": " x " + THOUGHT + "y"},
                                       user("next")])
    add("role model after assistant", [user("u"), assistant("a"),
                                       {"role": "model", "content": "b"}])
    add("tool role first", [result("r"), user("u")])
    add("tool role only", [result("r")])
    for control in ("<turn|>", "<|turn>system\n", "<bos>", '<|"|>', "<|image|>",
                    "<|tool_call>call:f{}",
                    "<channel|>", "<|channel>", "<|think|>"):
        add("control text " + ascii(control), [system(control), user("a" + control + "b"),
                                       assistant("c" + control + "d"), user(control)])


def media_cases(add):
    parts = [IMAGE, IMAGE_URL, AUDIO, INPUT_AUDIO, VIDEO, {"type": "video_url"}, {"type": "file"},
             {"type": "image", "url": "x.png"}, {"type": "image", "text": "t"}]
    for part in parts:
        add("media " + part["type"], [user([part, text("What?")])])
        add("media last " + part["type"], [user([text("What? "), part])])
    add("media all", [user([text(" a "), *parts[:5], text(" b "), IMAGE])])
    add("media two turns", [user([IMAGE, text("one")]), assistant("x"), user([VIDEO, text("two")])])
    add("media only", [user([IMAGE])])
    add("media in assistant", [user("draw"), assistant([text("here "), IMAGE]), user("ok")])
    add("media in a tool result", [user("u"), assistant(None, tool_calls=[call("f", {}, "1")]),
                                   result([text("a"), IMAGE, text("b"), INPUT_AUDIO, VIDEO, AUDIO,
                                           IMAGE_URL, {"type": "other"}], tool_call_id="1")])
    add("only media in a tool result", [user("u"), assistant(None, tool_calls=[call("f", {})]),
                                        result([IMAGE])])


def thinking_cases(add):
    strips = [THOUGHT + "Hello!", "a<channel|>b", "a<|channel>b", "a<|channel>b<channel|>c",
              "<channel|>", "<|channel>", "<|channel>x", "x<channel|><|channel>y<channel|>z",
              "a<|channel>b<|channel>c<channel|>d", " a <|channel>b<channel|> c ", THOUGHT,
              THOUGHT + THOUGHT + "x", "<channel|><channel|>x<|channel>"]
    for value in strips:
        add("strip " + ascii(value), [user("Hi"), assistant(value), user("Bye")])
        add("strip part " + ascii(value), [user(value), assistant([text(value), text(" t ")])])
    calls = [call("f", {"x": 1}, "1")]
    for field in ("reasoning", "reasoning_content"):
        for thinking in (False, True):
            for preserve in (False, True):
                flags = {"enable_thinking": thinking, "preserve_thinking": preserve}
                with_call = assistant(None, tool_calls=calls, **{field: "Need it."})
                add(f"{field} last", [user("u"), assistant("a", **{field: "Hm."})], **flags)
                add(f"{field} earlier", [user("u"), assistant("a", **{field: "Hm."}), user("v")],
                    **flags)
                add(f"{field} call pending", [user("u"), with_call], **flags)
                add(f"{field} call answered", [user("u"), with_call, result("r", tool_call_id="1")],
                    **flags)
                add(f"{field} call, earlier turn",
                    [user("u"), with_call, result("r", tool_call_id="1"),
                     assistant("done", **{field: "So."}), user("v")],
                    **flags)
    add("both reasoning fields", [user("u"), assistant("a", reasoning="A", reasoning_content="B")])
    add("reasoning empty, content used", [user("u"),
                                          assistant("a", reasoning="", reasoning_content="B")])
    add("reasoning null", [user("u"), assistant("a", reasoning=None)])
    add("reasoning of a user", [user("u", reasoning="mine"), assistant("a")])
    add("reasoning of the last user", [user("u", reasoning="mine")])
    add("reasoning without user", [assistant("a", reasoning="R"), assistant("b", reasoning="S")])
    add("odd/reasoning number", [user("u"), assistant("a", reasoning=5)])
    add("odd/reasoning list", [user("u"), assistant("a", reasoning=["x"])])


def turn_cases(add):
    """Continuing model turns, calls and results."""
    calls = [call("f", {"x": 1}, "1"), call("g", {}, "2")]
    add("assistant twice", [user("u"), assistant("a"), assistant("b")])
    add("assistant three times", [user("u"), assistant("a"), assistant(""), assistant("c"),
                                  user("v")])
    add("assistant twice with reasoning", [user("u"), assistant("a", reasoning="R"),
                                           assistant("b", reasoning="S"), user("v")])
    add("assistant first", [assistant("a"), user("u")])
    add("users twice", [user("u"), user("v")])
    add("tool between assistants", [user("u"), assistant("a"), result("r"), assistant("b")])
    for thinking in (False, True):
        for prompt in (True, False):
            flags = {"enable_thinking": thinking, "add_generation_prompt": prompt}
            for name, content in (("", None), (" with text", "text")):
                start = [user("u"), assistant(content, tool_calls=calls)]
                done = [*start, result("r1", tool_call_id="1"), result("r2", tool_call_id="2")]
                add("call pending" + name, start, tools=[WEATHER], **flags)
                add("call answered" + name, done, tools=[WEATHER], **flags)
                add("call answered, then text" + name, [*done, assistant("ok")], **flags)
                add("call answered, then user" + name, [*done, user("v")], **flags)
                add("call pending, then user" + name, [*start, user("v")], **flags)
                add("call pending, then assistant" + name, [*start, assistant("b")], **flags)
                add("call again" + name, [*done, assistant(None,
                                                           tool_calls=[call("h", {"y": "z"}, "3")]),
                                          result("r3", tool_call_id="3")], **flags)
                add("call again pending" + name, [*done,
                                                  assistant("b", tool_calls=[call("h", {})])],
                    **flags)
    for name, arguments in ARGUMENTS.items():
        add("arguments " + name, [user("u"), assistant(None, tool_calls=[call("f", arguments)]),
                                  result("r")])
        add("string arguments " + name, [user("u"), assistant(None, tool_calls=[
            call("f", json.dumps(arguments, ensure_ascii=len(name) % 2 == 0))])])
        add("legacy response " + name, [user("u"), assistant(None, tool_calls=[call("f", {})],
            tool_responses=[{"name": "f", "response": arguments}])])
    for string in ('{"a": 1E5, "b": -0, "c": 1.50, "d": 0.1e1, "e": 1e-7}',
                   ' {"b":1,"a":"\\u00e9\\ud83d\\ude00"}\n',
                   '{"a": 100000000000000000000.0, "b": -1e-300, "c": 12345678901234567890123}'):
        add("string arguments literal", [user("u"),
                                         assistant(None, tool_calls=[call("f", string)])])
    for value in ("not json", "[1]", '"x"', "5", [1], 5, True):
        add("odd/arguments " + json.dumps(value), [user("u"),
                                                   assistant(None, tool_calls=[call("f", value)])])
    add("odd/arguments missing", [user("u"), assistant(None,
                                                       tool_calls=[{"function": {"name": "f"}}])])
    add("odd/call without function", [user("u"), assistant(None, tool_calls=[{"id": "1"}])])
    add("empty tool_calls", [user("u"), assistant("a", tool_calls=[])])
    add("null tool_calls", [user("u"), assistant("a", tool_calls=None)])
    for body in ("", "text", "two\nlines", '{"a": 1}', None, 5, 1.5, True, [],
                 [text("a"), text("b")], [{"type": "text"}], [{"type": "text", "text": None}]):
        odd = "odd/" if isinstance(body, list) and body and body[0].get("text") is None else ""
        add(odd + "result " + json.dumps(body), [user("u"), assistant(None, tool_calls=calls[:1]),
                                           result(body, tool_call_id="1")])
    add("result missing body", [user("u"), assistant(None, tool_calls=calls), {"role": "tool"}])
    add("odd/result mapping", [user("u"), assistant(None, tool_calls=calls[:1]), result({"a": 1})])
    add("odd/result empty mapping", [user("u"), assistant(None, tool_calls=calls[:1]), result({})])
    add("result by name", [user("u"), assistant(None, tool_calls=[call("f", {})]),
                           result("r", name="n")])
    add("result without name", [user("u"), assistant(None, tool_calls=calls), result("r"),
                                result("s")])
    add("result with unknown id", [user("u"), assistant(None, tool_calls=calls),
                                   result("r", tool_call_id="9", name="n"),
                                   result("s", tool_call_id="8")])
    add("results in other order", [user("u"), assistant(None, tool_calls=calls),
                                   result("r2", tool_call_id="2"), result("r1", tool_call_id="1")])
    add("result id and name", [user("u"), assistant(None, tool_calls=calls),
                               result("r", tool_call_id="2", name="n")])
    add("calls with equal ids", [user("u"), assistant(None, tool_calls=[call("f", {}, "1"),
                                                                        call("g", {}, "1")]),
                                 result("r", tool_call_id="1")])
    add("no ids anywhere", [user("u"), assistant(None, tool_calls=[call("f", {}), call("g", {})]),
                            result("r", name="n")])
    for response in (None, "s", 5, 0.5, True, [], [1, {"b": 2, "a": 1}], {}, {"B": 1, "a": [None]},
                     {"temperature": 15, "weather": "sunny"}):
        for content in (None, "after"):
            legacy = [{"name": "f", "response": response}]
            add("legacy response " + json.dumps(response), [user("u"), assistant(
                content, tool_calls=[call("f", {})], tool_responses=legacy)])
    add("legacy responses", [user("u"), assistant(None, tool_responses=[
        {"response": 1}, {"name": None, "response": 2}, {"name": "", "response": 3},
        {"name": "x"}])])
    add("legacy and tool role", [user("u"), assistant(None, tool_calls=calls, tool_responses=[
        {"name": "f", "response": "legacy"}]), result("role", tool_call_id="1"), user("v")])
    add("legacy without calls", [user("u"), assistant("a", tool_responses=[
        {"name": "f", "response": "r"}]), assistant("b"), user("v")])


def tool_cases(add):
    question = [user("Hi")]
    for name, schema in PROPERTIES.items():
        tools = [tool("f", "d", obj({"p": schema, "Last": {"type": "string"}}, ["p"]))]
        odd = "odd/" if name in ("number description", "null as type") else ""
        add(f"{odd}schema {name}", question, tools=tools)
    add("all properties", question, tools=[tool("f", "d", obj(
        {key.replace(" ", "_"): value for key, value in PROPERTIES.items()}))])
    add("tool without parameters", question, tools=[tool("f", "d")])
    add("tool empty parameters", question, tools=[tool("f", "d", {})])
    add("tool null parameters", question, tools=[{"type": "function", "function": {
        "name": "f", "description": "d", "parameters": None}}])
    add("tool empty properties", question, tools=[tool("f", "d", obj({}))])
    add("tool required empty", question, tools=[tool("f", "d", obj({"a": {"type": "string"}}, []))])
    add("tool no type", question, tools=[tool("f", "d", {"properties": {"a": {"type": "string"}}})])
    add("tool only type", question, tools=[tool("f", "d", {"type": "object"})])
    add("tool only required", question, tools=[tool("f", "d", {"required": ["a"]})])
    add("tool without description", question, tools=[
        tool("f", None, obj({"a": {"type": "string"}}))])
    add("tool null description", question, tools=[{"type": "function", "function": {
        "name": "f", "description": None, "parameters": {"type": "object", "properties": {}}}}])
    add("tool description padded", question, tools=[tool("f", " d \n", obj({}))])
    add("tool additional keys", question, tools=[tool("f", "d", obj(
        {"a": {"type": "string"}}, ["a"], additionalProperties=False, title="T",
        **{"$defs": {"X": {"type": "string"}}}), strict=True)])
    add("several tools", question, tools=[WEATHER, tool("b", "B"), tool("a", "A", obj({}))])
    add("keyword names", question, tools=[tool("f", "d", obj({
        key: {"type": "string", "description": f"named {key}"}
        for key in ("type", "description", "properties", "required", "nullable", "items", "enum")},
        ["type", "properties"]))])
    add("keyword names nested", question, tools=[tool("f", "d", obj({"o": obj({
        "type": {"type": "string"}, "description": {"type": "integer"},
        "required": {"type": "boolean"}})}))])
    add("mixed-case keys", question, tools=[tool("f", "d", obj({
        key: {"type": "string"}
        for key in ("b", "A", "a", "C", "B", "_x", "1", "É", "é", "z", "Я", "ю")}))])
    add("odd/special casing keys", question, tools=[tool("f", "d", obj({
        key: {"type": "string"}
        for key in ("İ", "i", "ß", "SS", "Σ", "ς", "σ", "\u212a", "k", "ǅ", "ǆ")}))])
    add("odd/type with special casing", question, tools=[
        tool("f", "d", obj({"p": {"type": "straße"}}))])
    for response in ({"type": "object", "description": "R"}, {"type": "object"}, {"type": "string"},
                     {"description": "R"}, {}, None, {"type": "OBJECT", "properties": {"a": {}}}):
        add("response schema " + json.dumps(response), question, tools=[
            tool("f", "d", obj({"a": {"type": "string"}}), response=response)])
    add("response schema, no parameters", question, tools=[
        tool("f", "d", response={"type": "object"})])
    add("odd/tool without function", question, tools=[{"name": "f", "description": "d"}])
    add("odd/tool without name", question, tools=[{"type": "function", "function": {}}])


WORDS = ["Hello", "the weather", "  two  spaces ", "naïve café", "日本語", "😀", "line\nbreak",
         "<turn|>", THOUGHT, "", "\u00a0x\u2003", "x<|channel>y", "12.5%", '"quoted"', "{json: 1}",
         "\ttab", "Привет"]
KEYS = ["a", "b", "B", "City", "unit", "Ünit", "count", "type", "_id", "ключ", "zz", "Zz"]


def random_value(rng, depth=0):
    kind = rng.randrange(9 if depth < 3 else 6)
    if kind < 2:
        return rng.choice(WORDS)
    if kind == 2:
        return rng.choice([0, 1, -5, 2 ** 53 + 1, 10 ** 25, rng.randint(-1000, 1000)])
    if kind == 3:
        return rng.choice([0.5, -1.25, 1e-9, 1e17, rng.random(), rng.uniform(-1e6, 1e6)])
    if kind < 6:
        return rng.choice([True, False, None])
    if kind == 6:
        return [random_value(rng, depth + 1) for _ in range(rng.randint(0, 3))]
    return random_object(rng, depth + 1)


def random_object(rng, depth=0):
    return {key: random_value(rng, depth) for key in rng.sample(KEYS, rng.randint(0, 4))}


def random_schema(rng, depth=0):
    kind = rng.choice(["string", "integer", "number", "boolean", "array", "object", None]
                      if depth < 3 else ["string", "integer"])
    out = {} if kind is None else {"type": kind}
    if rng.random() < 0.6:
        out["description"] = rng.choice(WORDS)
    if rng.random() < 0.2:
        out["nullable"] = rng.random() < 0.7
    if kind == "string" and rng.random() < 0.4:
        out["enum"] = rng.sample(WORDS, rng.randint(0, 3))
    elif kind == "string" and rng.random() < 0.15:
        out["type"] = ["string", "null"]
    elif kind in ("integer", "number"):
        if rng.random() < 0.3:
            out["minimum"] = rng.choice([0, 1.5])
    elif kind == "array" and rng.random() < 0.85:
        out["items"] = random_schema(rng, depth + 1)
    elif kind == "object" and rng.random() < 0.85:
        out.update(random_object_schema(rng, depth + 1))
    items = list(out.items())
    rng.shuffle(items)
    return dict(items)


def random_object_schema(rng, depth=0):
    names = rng.sample(KEYS, rng.randint(0, 4))
    out = {"type": "object", "properties": {name: random_schema(rng, depth) for name in names}}
    if rng.random() < 0.6:
        out["required"] = names[:rng.randint(0, len(names))]
    return out


def random_content(rng):
    if rng.random() < 0.6:
        return "".join(rng.choice(WORDS) for _ in range(rng.randint(0, 3)))
    if rng.random() < 0.15:
        return None
    parts = [IMAGE, IMAGE_URL, AUDIO, INPUT_AUDIO, VIDEO]
    return [rng.choice(parts) if rng.random() < 0.3 else text(rng.choice(WORDS))
            for _ in range(rng.randint(0, 4))]


def random_case(rng):
    messages = []
    if rng.random() < 0.4:
        content = random_content(rng)
        messages.append(system(content, rng.choice(["system", "developer"])))
    for turn in range(rng.randint(1, 4)):
        if rng.random() < 0.9:
            messages.append(user(random_content(rng)))
        for _ in range(rng.choice([0, 1, 1, 2, 3])):
            message = assistant(random_content(rng))
            if rng.random() < 0.3:
                message[rng.choice(["reasoning", "reasoning_content"])] = rng.choice(WORDS)
            if rng.random() < 0.5:
                message["tool_calls"] = []
                for index in range(rng.randint(1, 3)):
                    arguments = random_object(rng)
                    if rng.random() < 0.3:
                        arguments = json.dumps(arguments)
                    message["tool_calls"].append(
                        call(rng.choice(["f", "get_weather", "g.h"]), arguments,
                             f"call_{turn}_{index}"))
            if rng.random() < 0.15:
                message["tool_responses"] = [{"name": "f", "response": random_value(rng)}]
            messages.append(message)
            for index in range(rng.choice([0, 1, 2]) if "tool_calls" in message else 0):
                more = rng.choice([{"tool_call_id": f"call_{turn}_{index}"}, {"name": "n"}, {}])
                body = random_content(rng)
                messages.append(result(body, **more))
    tools = [tool(rng.choice(["f", "g"]), rng.choice(WORDS), random_object_schema(rng))
             for _ in range(rng.randint(1, 3))] if rng.random() < 0.5 else None
    return messages, tools, {"add_generation_prompt": rng.random() < 0.8,
                             "enable_thinking": rng.random() < 0.5,
                             "preserve_thinking": rng.random() < 0.3}


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def environment():
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                        extensions=[jinja2.ext.loopcontrols])
    env.globals["raise_exception"] = raise_exception
    return env


def with_parsed_arguments(messages):
    messages = copy.deepcopy(messages)
    for message in messages:
        for tool_call in message.get("tool_calls") or []:
            arguments = tool_call.get("function", {}).get("arguments")
            if isinstance(arguments, str):
                tool_call["function"]["arguments"] = json.loads(arguments)
    return messages


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        template = environment().from_string(file.read())
    cases = []

    def add(name, messages, tools=None, add_generation_prompt=True, enable_thinking=False,
            preserve_thinking=False):
        case = {"name": f"{len(cases) + 1:04d} {name}", "messages": messages}
        if tools is not None:
            case["tools"] = tools
        case.update(add_generation_prompt=add_generation_prompt, enable_thinking=enable_thinking,
                    preserve_thinking=preserve_thinking)
        case = json.loads(json.dumps(case))  # what a reader of the file will see
        flags = {key: case[key] for key in (
            "add_generation_prompt", "enable_thinking", "preserve_thinking")}
        try:
            case["expected"] = template.render(messages=with_parsed_arguments(case["messages"]),
                                               tools=tools, bos_token="<bos>", **flags)
        except Exception:  # whatever a template can raise
            case["error"] = True
        cases.append(case)

    for group in (base_cases, media_cases, thinking_cases, turn_cases, tool_cases):
        group(add)
    rng = random.Random(8)
    for _ in range(RANDOM_CASES):
        messages, tools, flags = random_case(rng)
        add("random", messages, tools, **flags)
    os.makedirs(os.path.dirname(sys.argv[2]) or ".", exist_ok=True)
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        lines = [json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases]
        file.write("[\n" + ",\n".join(lines) + "\n]\n")
    print(f"{len(cases)} cases, {sum('error' in case for case in cases)} of them errors")
    print("\n".join(case["name"] for case in cases if "error" in case))


if __name__ == "__main__":
    main()
