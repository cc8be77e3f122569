"""What the tests of the page share: a real `carat serve` with carat-point, Debian's Chromium, and hands for both."""

import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
import wave
from pathlib import Path

try:
    import axe_core_python
    from playwright.sync_api import expect, sync_playwright
except ImportError as error:
    print(f"skipped: {error}; tools/fetch_clients.sh says why")
    sys.exit(77)
if not Path("/usr/bin/chromium").exists():
    print("skipped: there is no /usr/bin/chromium (Debian: chromium)")
    sys.exit(77)

CARAT = sys.argv[1]
SOURCE = Path(__file__).resolve().parents[2]
FIXTURES = SOURCE / "tests" / "fixtures" / "point"
AXE = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text()
PICTURES = None


def spoken(folder):
    """door.wav behind a second of silence, in which the browser gets ready."""
    with wave.open(str(FIXTURES / "door.wav")) as file:
        parameters, frames = file.getparams(), file.readframes(file.getnframes())
    path = folder / "spoken.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams(parameters)
        file.writeframes(bytes(parameters.framerate * parameters.sampwidth * parameters.nchannels) + frames)
    return path


class Server:
    def __init__(self, home, port=0, model=SOURCE / "models" / "point", **more):
        self.home = home
        environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
        environment.update(CARAT_HOME=str(home), HOME=str(home), **more)
        self.environment = environment
        self.log = open(home / "log", "ab")
        self.process = subprocess.Popen(
            [CARAT, "serve", "--port", str(port), *(["--model", str(model)] if model else [])],
            stdout=subprocess.PIPE, stderr=self.log, env=environment, text=True)
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("http://127.0.0.1:"), (home / "log").read_text()[-2000:]
        self.key = next(line.split()[0] for line in (home / "api-keys").read_text().splitlines()
                        if line.startswith("carat-"))

    def entrance(self):
        """The file that `carat page` makes, which leads to the page with a code."""
        subprocess.run([CARAT, "page"], env=self.environment, check=True, capture_output=True)
        file = self.home / "page.html"
        assert file.stat().st_mode & 0o777 == 0o600
        return file.as_uri()

    def end(self):
        self.process.terminate()
        assert self.process.wait(timeout=60) == 0
        self.process.stdout.close()
        self.log.close()


class PageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.server = Server(Path(cls.folder.name))
        cls.playwright = sync_playwright().start()
        cls.browser = cls.playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
                  f"--use-file-for-fake-audio-capture={spoken(Path(cls.folder.name))}%noloop"])
        cls.contexts = []
        cls.context = cls.new_context()
        page = cls.context.new_page()
        page.goto(cls.server.entrance())
        page.get_by_label("Message").wait_for()
        page.close()

    @classmethod
    def new_context(cls, **options):
        context = cls.browser.new_context(accept_downloads=True, permissions=["microphone", "camera", "clipboard-read", "clipboard-write"],
                                          **options)
        context.asked = []
        context.on("request", lambda request: context.asked.append(request.url))
        cls.contexts.append(context)
        return context

    @classmethod
    def tearDownClass(cls):
        # Nothing but its own server was ever asked, by any page of any test.
        foreign = [url for context in cls.contexts for url in context.asked
                   if not url.startswith((cls.server.url, "blob:" + cls.server.url, "file:"))]
        cls.browser.close()
        cls.playwright.stop()
        cls.server.end()
        cls.folder.cleanup()
        assert not foreign, foreign

    def setUp(self):
        self.page = self.context.new_page()
        self.errors = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("dialog", lambda dialog: dialog.accept(self.said) if dialog.type == "prompt" else dialog.accept())
        self.said = ""
        self.page.goto(self.server.url + "/")
        self.page.get_by_label("Message").wait_for()

    def tearDown(self):
        self.page.close()
        self.assertEqual(self.errors, [])

    def wait_until(self, holds):
        until = time.monotonic() + 15
        while not holds():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.02)

    def ask(self, text, page=None):
        page = page or self.page
        page.get_by_label("Message").fill(text)
        page.keyboard.press("Enter")

    def answer(self, page=None):
        return (page or self.page).locator("article.its .markdown").last

    def call(self, method, path, body=None):
        reply = self.context.request.fetch(
            self.server.url + path, method=method, data=None if body is None else json.dumps(body),
            headers={"authorization": "Bearer " + self.server.key, "content-type": "application/json"})
        return reply.status, reply.json()

    def kept(self, *messages):
        """A conversation that is there already, of questions and answers in turn."""
        whole = [{"id": str(i), "parent": str(i - 1) if i else None, "role": "assistant" if i % 2 else "user",
                  "body": {"content": text}} for i, text in enumerate(messages)]
        status, body = self.call("POST", "/v1/carat/conversations/import",
                                 {"title": "kept", "leaf": str(len(whole) - 1), "messages": whole})
        self.assertEqual(status, 200, body)
        self.page.goto(f"{self.server.url}/?c={body['id']}")
        self.page.locator("article").first.wait_for()
        return body["id"]

    def add(self, name, data, kind=""):
        self.page.set_input_files("input[type=file]:not([accept])", {"name": name, "mimeType": kind, "buffer": data})

    def type_into(self, field, text):
        """As a person does: key by key."""
        field.click()
        field.select_text()
        self.page.keyboard.type(text, delay=60)
        field.blur()

    def last_question(self):
        _, kept = self.call("GET", "/v1/carat/conversations/" + self.page.url.split("=")[1])
        return [message for message in kept["messages"] if message["role"] == "user"][-1]["body"]["content"]
