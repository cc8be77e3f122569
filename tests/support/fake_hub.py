#!/usr/bin/env python3
"""A Hub for tests: fake_hub.py FOLDER [--scenario JSON] [--lfs-above BYTES] [--tls PEM]

Serves FOLDER/OWNER/NAME/FILE as the Hugging Face Hub would, on 127.0.0.1, and prints its base URL as
the first line and the CDN's as the second. With --tls both speak it, as localhost, with the key and
certificate of a file. Files above the threshold are redirected to a second server, the "CDN". It ends when
its standard input does.

POST /_control with a JSON object sets the scenario (what it does not name is as in DEFAULTS), GET /_log
gives all requests so far as a JSON list, POST /_reset forgets the log and the scenario. Both are
answered whatever the scenario. What a scenario may hold is in DEFAULTS.
"""

import argparse
import gzip
import hashlib
import http.server
import json
import pathlib
import re
import socket
import ssl
import sys
import threading
import time

COMMIT = "c0ffee" + "0" * 34
DEFAULTS = {
    # What the body's sender does: the CDN, or the hub itself for small files.
    "ignore_ranges": False,
    "bytes_per_second": 0,       # per connection; 0: as fast as it goes
    "break_after": None,         # bytes of a body, then the connection ends
    "break_times": -1,           # how often; -1: every time
    "stall_after": None,         # bytes of a body, then nothing more comes
    "stall_times": -1,
    "flip_byte": None,           # offset in the file of a byte that is sent wrong
    "flip_times": -1,            # how many bodies that hold it
    "body_extra": 0,             # Content-Length says so many more (or less) than are sent
    "chunked_extra": None,       # no Content-Length, and so many bytes more (or less)
    "content_range": None,       # says this instead
    "gzip": False,
    "body_status": None,         # of a body, in place of 206 or 200
    # Headers of the hub's first answer.
    "linked_size_extra": 0,
    "linked_etag": None,         # "" leaves it out
    "repo_commit": None,         # "" leaves it out
    "endless_headers": False,
    # Failures: status for the first `times` requests at one of the servers.
    "fail": None,                # {"server": "hub", "status": 503, "times": 2, "headers": {}}
    "needs_token": None,         # 401 without it, 403 with another
    # Redirects.
    "redirect": None,            # the hub's Location for every file
    "cdn_redirect": None,        # the CDN's Location for everything
    "relative_redirects": 0,     # so many steps /_moved/N/… on the hub before the answer
    "cdn_uses": None,            # a signed address answers so often, then 403
}


class Hub:
    """What both servers share."""

    def __init__(self, folder, lfs_above):
        self.folder = pathlib.Path(folder)
        self.lfs_above = lfs_above
        self.lock = threading.Lock()
        self.log = []
        self.urls = {}
        self.reset()

    def reset(self):
        with self.lock:
            self.scenario = dict(DEFAULTS)
            self.counts = {}
            self.log.clear()

    def take(self, name, most):
        """Counts a use of a scenario that holds `most` times (-1: always); False once they are used up."""
        with self.lock:
            self.counts[name] = self.counts.get(name, 0) + 1
            return most < 0 or self.counts[name] <= most

    def content(self, repository, file):
        path = self.folder / repository / file
        return path.read_bytes() if path.is_file() else None


def hashes(content):
    return (hashlib.sha256(content).hexdigest(),
            hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest())


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub = None   # set by main, as is the next
    name = ""    # "hub" or "cdn"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/_reset":
            self.hub.reset()
        else:
            unknown = set(json.loads(body)) - set(DEFAULTS)
            assert not unknown, unknown
            with self.hub.lock:
                self.hub.scenario = DEFAULTS | json.loads(body)
                self.hub.counts.clear()
        self.simple(200)

    def simple(self, status, headers=None, body=b""):
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def answer(self):
        if self.path == "/_log":
            with self.hub.lock:
                body = json.dumps(self.hub.log).encode()
            self.simple(200, {}, body)
            return
        scenario = dict(self.hub.scenario)
        with self.hub.lock:
            self.hub.log.append({
                "server": self.name, "method": self.command, "path": self.path, "time": time.monotonic(),
                "authorization": self.headers.get("Authorization"), "range": self.headers.get("Range"),
                "encoding": self.headers.get("Accept-Encoding"), "agent": self.headers.get("User-Agent")})
        try:
            if not self.refuse(scenario):
                (self.answer_hub if self.name == "hub" else self.answer_cdn)(scenario)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def refuse(self, scenario):
        fail = scenario["fail"]
        if fail and fail["server"] == self.name and self.hub.take("fail", fail.get("times", -1)):
            self.simple(fail["status"], fail.get("headers"))
            return True
        if scenario["endless_headers"]:
            self.send_response(200)
            self.flush_headers()
            for i in range(100_000):
                self.wfile.write(b"X-Filler-%d: %s\r\n" % (i, b"x" * 1000))
            return True
        wanted = scenario["needs_token"]
        said = self.headers.get("Authorization")
        if wanted and self.name == "hub" and said != "Bearer " + wanted:
            self.simple(403 if said else 401, {"X-Error-Code": "GatedRepo"})
            return True
        return False

    def answer_hub(self, scenario):
        path = self.path
        moved = re.fullmatch(r"/_moved/(\d+)(/.*)", path)
        steps = int(moved[1]) if moved else scenario["relative_redirects"]
        path = moved[2] if moved else path
        if steps > 0:
            self.simple(307, {"Location": f"/_moved/{steps - 1}{path}"})
            return
        match = re.fullmatch(r"(?:/prefix)?/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        if not match:
            self.simple(404)
            return
        repository, revision, file = match.groups()
        if not (self.hub.folder / repository).is_dir():
            self.simple(404, {"X-Error-Code": "RepoNotFound"})
        elif revision not in ("main", COMMIT):
            self.simple(404, {"X-Error-Code": "RevisionNotFound"})
        elif (content := self.hub.content(repository, file)) is None:
            self.simple(404, {"X-Error-Code": "EntryNotFound"})
        else:
            self.answer_file(scenario, repository, file, content)

    def answer_file(self, scenario, repository, file, content):
        large = len(content) > self.hub.lfs_above
        sha256, blob = hashes(content)
        etag = f'"{sha256 if large else blob}"'
        if scenario["linked_etag"] is not None:
            etag = scenario["linked_etag"]
        facts = {"X-Repo-Commit": COMMIT if scenario["repo_commit"] is None else scenario["repo_commit"]}
        if large or scenario["redirect"]:
            facts["X-Linked-Size"] = str(len(content) + scenario["linked_size_extra"])
            facts["X-Linked-Etag"] = etag
            with self.hub.lock:
                number = self.hub.counts["signed"] = self.hub.counts.get("signed", 0) + 1
            facts["Location"] = scenario["redirect"] or (
                f"{self.hub.urls['cdn']}/{repository}/{file}?signature=s{number}")
            self.simple(302, {k: v for k, v in facts.items() if v}, b"Found. Redirecting")
            return
        facts["ETag"] = "W/" + etag if etag else ""
        self.body(scenario, content, {k: v for k, v in facts.items() if v})

    def answer_cdn(self, scenario):
        if scenario["cdn_redirect"]:
            self.simple(302, {"Location": scenario["cdn_redirect"]})
            return
        path, _, signature = self.path[1:].partition("?signature=")
        repository, file = "/".join(path.split("/")[:2]), "/".join(path.split("/")[2:])
        content = self.hub.content(repository, file)
        if not signature or content is None:
            self.simple(404)
        elif scenario["cdn_uses"] is not None and not self.hub.take(signature, scenario["cdn_uses"]):
            self.simple(403)
        else:
            self.body(scenario, content, {"ETag": '"of-the-cdn"'})

    def body(self, scenario, content, headers):
        first, last, status = 0, len(content) - 1, 200
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range") or "")
        if asked and not scenario["ignore_ranges"]:
            first, last, status = int(asked[1]), min(int(asked[2]), len(content) - 1), 206
            if first > last:
                self.simple(416, {"Content-Range": f"bytes */{len(content)}"})
                return
            headers["Content-Range"] = scenario["content_range"] or f"bytes {first}-{last}/{len(content)}"
        data = bytearray(content[first:last + 1])
        flip = scenario["flip_byte"]
        if flip is not None and first <= flip <= last and self.hub.take("flip", scenario["flip_times"]):
            data[flip - first] ^= 1
        if scenario["gzip"]:
            data, headers["Content-Encoding"] = gzip.compress(bytes(data)), "gzip"
        extra = scenario["chunked_extra"]
        if extra is None:
            headers["Content-Length"] = str(len(data) + scenario["body_extra"])
        else:
            headers["Transfer-Encoding"] = "chunked"
            data = data + b"x" * extra if extra > 0 else data[:len(data) + extra]
        self.send_response(scenario["body_status"] or status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if extra is None:
            self.send(scenario, data)
        else:
            self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data))

    def send(self, scenario, data):
        """The body, in pieces as the speed wants, until the scenario ends it."""
        speed = scenario["bytes_per_second"]
        step = max(1, speed // 50) if speed else 1 << 20
        end = len(data)
        breaks = scenario["break_after"] is not None and scenario["break_after"] < end and self.hub.take(
            "break", scenario["break_times"])
        stalls = scenario["stall_after"] is not None and self.hub.take("stall", scenario["stall_times"])
        if breaks or stalls:
            end = min(end, scenario["break_after"] if breaks else scenario["stall_after"])
        for at in range(0, end, step):
            self.wfile.write(data[at:min(at + step, end)])
            if speed:
                time.sleep(1 / 50)
        if stalls:
            time.sleep(3600)
        if breaks or scenario["body_extra"]:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        pass  # a client that goes away is part of the tests


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--scenario", default="{}")
    parser.add_argument("--lfs-above", type=int, default=1000)
    parser.add_argument("--tls")
    arguments = parser.parse_args()
    hub = Hub(arguments.folder, arguments.lfs_above)
    hub.scenario.update(json.loads(arguments.scenario))
    for name in ("hub", "cdn"):
        handler = type(name.title() + "Handler", (Handler,), {"hub": hub, "name": name})
        server = Server(("127.0.0.1", 0), handler)
        hub.urls[name] = f"http://127.0.0.1:{server.server_address[1]}"
        if arguments.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(arguments.tls)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
            hub.urls[name] = f"https://localhost:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(hub.urls["hub"], flush=True)
    print(hub.urls["cdn"], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
