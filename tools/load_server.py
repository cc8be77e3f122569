#!/usr/bin/env python3
"""load_server.py: many clients at once on a running `carat serve`, and what they got.

    build/carat serve --model point --port 8012 &
    tools/load_server.py --clients 64 --seconds 600 --pid $!
    tools/load_server.py --clients 4 --seconds 120 --plain --tokens 64      # throughput alone

Needs Python 3.9 and nothing else. Each client asks again and again: short and long prompts, pictures, sound, tools,
JSON, thinking, streams and whole answers; it cancels some and hangs up on some. `--plain` asks for
so many tokens of text each, without any of that. Prints one JSON object: requests and tokens, time to first token,
the share of the client that got least and most, and the server's memory over time.
"""

import argparse
import base64
import http.client
import io
import json
import os
import random
import struct
import threading
import time
import wave
import zlib
from pathlib import Path
from urllib.parse import urlsplit


def png(rgb, side=96):
    row = b"\0" + bytes(rgb) * side
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(row * side)) + chunk(b"IEND", b""))


def wav(seconds):
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(struct.pack("<h", 0) * int(16000 * seconds))
    return out.getvalue()


TOOL = {"type": "function", "function": {
    "name": "get_weather", "description": "The weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "sum", "schema": {
    "type": "object", "properties": {"result": {"type": "integer"}}, "required": ["result"],
    "additionalProperties": False}}}


def ask(rng, plain, tokens):
    """A request's body, and how it is to be ended: "read", "hang up" or "cancel"."""
    if plain:
        body = {"messages": [{"role": "user", "content": f"Count from {rng.randrange(9)} to {rng.randrange(20, 90)}."}],
                "max_tokens": tokens, "stream": True, "temperature": 0, "carat": {"ignore_stop": True},
                "stream_options": {"include_usage": True}}
        return body, "read"
    kind = rng.choice(["talk", "long", "picture", "sound", "tool", "json", "think", "choices"])
    text = rng.choice(["Hello!", "What is 12 plus 7?", "Sort these numbers: 9 4 7 1", "Who are you?"])
    content = text
    body = {"max_tokens": 48, "temperature": rng.choice([0, 1]), "stream": rng.random() < 0.8}
    if kind == "long":
        content = "Once upon a time there was a small house. " * rng.randrange(5, 40) + text
    elif kind == "picture":
        url = "data:image/png;base64," + base64.b64encode(png([rng.randrange(256) for _ in range(3)])).decode()
        content = [{"type": "image_url", "image_url": {"url": url, "detail": "low"}},
                   {"type": "text", "text": "What do you see?"}]
    elif kind == "sound":
        data = base64.b64encode(wav(rng.uniform(0.3, 2))).decode()
        content = [{"type": "input_audio", "input_audio": {"data": data, "format": "wav"}},
                   {"type": "text", "text": "What is said?"}]
    elif kind == "tool":
        body["tools"] = [TOOL]
        body["tool_choice"] = rng.choice(["auto", "required"])
        content = "What is the weather in Paris?"
    elif kind == "json":
        body["response_format"] = SCHEMA
    elif kind == "think":
        body["reasoning_effort"] = "low"
    elif kind == "choices":
        body["n"] = 2
    body["messages"] = [{"role": "user", "content": content}]
    if body["stream"]:
        body["stream_options"] = {"include_usage": True}
    end = "read" if rng.random() < 0.8 else "hang up"
    return body, end


class Client(threading.Thread):
    def __init__(self, number, options, key, until):
        super().__init__(daemon=True)
        self.number, self.options, self.key, self.until = number, options, key, until
        self.rng = random.Random(options.seed + number)
        self.tokens = self.requests = self.hung_up = self.busy = 0
        self.first, self.errors = [], []

    def run(self):
        place = urlsplit(self.options.url)
        headers = {"Content-Type": "application/json"}
        if self.key:
            headers["Authorization"] = "Bearer " + self.key
        connection = None
        while time.monotonic() < self.until:
            body, end = ask(self.rng, self.options.plain, self.options.tokens)
            body["model"] = self.options.model
            start = time.monotonic()
            try:
                if connection is None:
                    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=600)
                connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
                answer = connection.getresponse()
                if answer.status in (429, 503):
                    answer.read()
                    self.busy += 1
                    time.sleep(0.2)
                    continue
                if answer.status != 200:
                    self.errors.append(f"{answer.status} {answer.read()[:300]!r}")
                    connection.close()
                    connection = None
                    continue
                if self.read(answer, body, end, start):
                    self.requests += 1
                else:
                    self.hung_up += 1
                    connection.close()
                    connection = None
            except OSError as error:
                self.errors.append(repr(error))
                connection = None
            except http.client.HTTPException as error:
                self.errors.append(repr(error))
                connection = None

    def read(self, answer, body, end, start):
        if not body["stream"]:
            whole = json.loads(answer.read())
            self.tokens += whole["usage"]["completion_tokens"]
            return True
        left = self.rng.randrange(1, 12)
        seen = False
        for line in answer:
            if not line.startswith(b"data: {"):
                continue
            event = json.loads(line[6:])
            if "error" in event:
                self.errors.append(json.dumps(event)[:300])
                continue
            delta = event["choices"][0]["delta"] if event["choices"] else {}
            if not seen and any(delta.get(name) for name in ("content", "reasoning_content", "tool_calls")):
                seen = True
                self.first.append(time.monotonic() - start)
            if event.get("usage"):
                self.tokens += event["usage"]["completion_tokens"]
            left -= 1
            if end == "hang up" and left < 0:
                return False
        return True


def resident(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8012")
    parser.add_argument("--key-file", default=os.path.expanduser("~/.config/carat/api-keys"))
    parser.add_argument("--model", default="default")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--pid", type=int)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    key = ""
    if os.path.exists(options.key_file):
        lines = [l for l in Path(options.key_file).read_text().splitlines() if l and not l.startswith("#")]
        key = lines[0].split()[0]
    begin = time.monotonic()
    until = begin + options.seconds
    clients = [Client(i, options, key, until) for i in range(options.clients)]
    for client in clients:
        client.start()
    memory = []
    while any(client.is_alive() for client in clients):
        time.sleep(min(5.0, max(0.5, options.seconds / 60)))
        if options.pid:
            memory.append((round(time.monotonic() - begin, 1), resident(options.pid)))
    seconds = time.monotonic() - begin
    first = sorted(t for client in clients for t in client.first)
    shares = [client.requests for client in clients]
    errors = [e for client in clients for e in client.errors]
    at = lambda q: first[min(len(first) - 1, int(q * len(first)))] if first else None
    report = {
        "clients": options.clients, "seconds": round(seconds, 1), "requests": sum(shares),
        "hung_up": sum(c.hung_up for c in clients), "busy": sum(c.busy for c in clients),
        "errors": len(errors), "first_errors": errors[:5],
        "tokens": sum(c.tokens for c in clients),
        "tokens_per_s": round(sum(c.tokens for c in clients) / seconds, 2),
        "requests_least": min(shares), "requests_most": max(shares),
        "ttft_s": {"median": at(0.5), "p90": at(0.9), "p99": at(0.99)},
    }
    if memory:
        third = memory[len(memory) // 3:]
        report["memory_bytes"] = {"first_third_end": third[0][1], "end": memory[-1][1],
                                  "most": max(m for _, m in memory),
                                  "growth_percent": round(100 * (third[-1][1] / third[0][1] - 1), 2)}
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
