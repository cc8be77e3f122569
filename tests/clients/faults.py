#!/usr/bin/env python3
"""faults.py CARAT [SECONDS [SEED]]: kills and stops clients of `carat serve`, and the server itself, at random.

Needs Python 3.9 and nothing else. What must hold:
  - A client that is left alone gets the same greedy answer, whatever happens to the others.
  - When the others are gone, nothing of theirs waits or runs any more.
  - A response whose end a client has seen is there again after the server was killed.
  - SIGTERM ends it in order while clients are at work.
Exits with 1 and says what broke; the seed repeats the choices, not the times.
"""

import base64
import http.client
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CARAT = sys.argv[1]
SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 12
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 30)
FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "point"
CLIENTS = 8
QUESTION = {"messages": [{"role": "user", "content": "Count from 3 to 11."}], "temperature": 0, "max_tokens": 40}


class Server:
    def __init__(self, home):
        self.home = home
        environment = dict(os.environ, CARAT_HOME=str(home), HOME=str(home))
        self.errors = open(home / "log", "ab")
        self.process = subprocess.Popen(
            [CARAT, "serve", "--model", "point", "--port", "0", "--together", "3", "--store", str(home / "responses.db")],
            stdout=subprocess.PIPE, stderr=self.errors, env=environment, text=True)
        url = self.process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:"), "the server did not start: " + (home / "log").read_text()[-2000:]
        self.port = int(url.rsplit(":", 1)[1])
        self.key = next(line.split()[0] for line in (home / "api-keys").read_text().splitlines()
                        if line.startswith("carat-"))

    def end(self, number):
        self.process.send_signal(number)
        return self.process.wait(timeout=60)


def connect(port, timeout=60):
    return http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)


def call(port, key, method, path, body=None, timeout=60):
    connection = connect(port, timeout)
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None,
                           {"authorization": "Bearer " + key, "content-type": "application/json"})
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())
    finally:
        connection.close()


def picture():
    data = base64.b64encode((FIXTURES / "shapes.png").read_bytes()).decode()
    return [{"type": "image_url", "image_url": {"url": "data:image/png;base64," + data, "detail": "low"}},
            {"type": "text", "text": "What colour is the circle?"}]


def stream(port, key, path, body, rng):
    """Reads some of a stream, and leaves in the middle as often as not."""
    connection = connect(port)
    connection.request("POST", path, json.dumps(dict(body, stream=True)),
                       {"authorization": "Bearer " + key, "content-type": "application/json"})
    reply = connection.getresponse()
    most = rng.choice([1, 100, 1 << 20])
    while most > 0 and (piece := reply.read1(min(most, 512))):
        most -= len(piece)
        time.sleep(rng.choice([0, 0, 0.02]))
    connection.close()


def half(port, key, rng):
    """A request that breaks off somewhere in its head or body."""
    body = json.dumps(QUESTION)
    text = (f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}")
    connection = connect(port)
    connection.connect()
    connection.sock.sendall(text[:rng.randrange(1, len(text))].encode())
    time.sleep(rng.uniform(0, 0.3))
    connection.close()


def note(seen, name, text):
    """One write, so that who is killed leaves whole lines."""
    file = os.open(seen, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, (json.dumps([name, text]) + "\n").encode())
    os.close(file)


def misbehave(port, key, seed, seen):
    rng = random.Random(seed)
    talk = lambda: dict(QUESTION, messages=[{"role": "user", "content": rng.choice(["Hello!", "Who are you?", picture()])}])
    while True:
        what = rng.choice(["whole", "stream", "stream", "half", "messages", "response", "background"])
        try:
            if what == "whole":
                call(port, key, "POST", "/v1/chat/completions", talk())
            elif what == "stream":
                stream(port, key, "/v1/chat/completions", dict(talk(), n=rng.choice([1, 1, 3])), rng)
            elif what == "half":
                half(port, key, rng)
            elif what == "messages":
                stream(port, key, "/v1/messages", {"max_tokens": 30, "messages": [{"role": "user", "content": "Hello!"}]}, rng)
            elif what == "response":
                status, body = call(port, key, "POST", "/v1/responses", {"input": "Hello!", "max_output_tokens": 20})
                if status == 200:
                    note(seen, body["id"], body["output"][0]["content"][0]["text"])
            else:
                status, body = call(port, key, "POST", "/v1/responses", {"input": "Hello!", "background": True})
                if status == 200 and rng.random() < 0.5:
                    call(port, key, "POST", f"/v1/responses/{body['id']}/cancel")
        except (OSError, http.client.HTTPException, ValueError):
            time.sleep(0.05)  # the server is gone, or was


class Clients:
    def __init__(self, server, rng, seen):
        self.server, self.rng, self.seen, self.all = server, rng, seen, []
        for _ in range(CLIENTS):
            self.start()

    def start(self):
        client = multiprocessing.Process(
            target=misbehave, args=(self.server.port, self.server.key, self.rng.randrange(1 << 30), self.seen), daemon=True)
        client.start()
        self.all.append(client)

    def harm(self):
        """Kills one, or lets one sleep, or wakes all."""
        victim = self.rng.choice(self.all)
        what = self.rng.choice([signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT])
        if what == signal.SIGCONT:
            for client in self.all:
                os.kill(client.pid, signal.SIGCONT)
            return
        os.kill(victim.pid, what)
        if what == signal.SIGKILL:
            victim.join()
            self.all.remove(victim)
            self.start()

    def end(self):
        for client in self.all:
            os.kill(client.pid, signal.SIGKILL)
            client.join()
        self.all = []


def answer(server):
    status, body = call(server.port, server.key, "POST", "/v1/chat/completions", QUESTION)
    assert status == 200, body
    return body["choices"][0]["message"]["content"]


def disturb(server, rng, seen):
    alone = answer(server)
    assert "11" in alone, alone
    clients = Clients(server, rng, seen)
    until, asked = time.monotonic() + SECONDS, 0
    while time.monotonic() < until:
        clients.harm()
        time.sleep(rng.uniform(0, 0.2))
        if asked % 4 == 0:
            now = answer(server)
            assert now == alone, f"an answer changed: {now!r}, was {alone!r}"
        asked += 1
    clients.end()
    until = time.monotonic() + 20
    while True:
        _, status = call(server.port, server.key, "GET", "/v1/carat/status")
        busy = status["answers"]["running"] + status["answers"]["waiting"]
        if busy == 0:
            break
        assert time.monotonic() < until, f"{busy} answers of nobody still run: {status}"
        time.sleep(0.2)
    assert answer(server) == alone


def crash(home, rng, seen):
    """Kills the server among its clients; what it had acknowledged is there afterwards."""
    for _ in range(3):
        server = Server(home)
        clients = Clients(server, rng, seen)
        time.sleep(rng.uniform(0.5, 2))
        server.end(signal.SIGKILL)
        clients.end()
    server = Server(home)
    kept = 0
    for line in seen.read_text().splitlines():
        name, text = json.loads(line)
        status, body = call(server.port, server.key, "GET", "/v1/responses/" + name)
        assert status == 200, f"{name} is lost: {body}"
        assert body["output"][0]["content"][0]["text"] == text, body
        kept += 1
    assert kept > 0, "no response was made"
    return server, kept


def main():
    rng = random.Random(SEED)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        seen = home / "seen"
        server = Server(home)
        try:
            disturb(server, rng, seen)
            assert server.end(signal.SIGTERM) == 0, "SIGTERM did not end it in order"
            server, kept = crash(home, rng, seen)
            clients = Clients(server, rng, seen)
            time.sleep(1)
            assert server.end(signal.SIGTERM) == 0, "SIGTERM did not end it in order among clients"
            clients.end()
        except BaseException:
            print(f"seed {SEED}; the log ends so:\n" + (home / "log").read_text()[-3000:], file=sys.stderr)
            raise
        finally:
            server.process.kill()
    print(f"{kept} responses outlived the server; seed {SEED}")


if __name__ == "__main__":
    main()
