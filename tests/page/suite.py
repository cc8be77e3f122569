#!/usr/bin/env python3
"""suite.py CARAT [--pictures FOLDER] [TEST…]: carat's page in Debian's Chromium, on a real `carat serve` with carat-point.

Needs the packages of requirements.txt and /usr/bin/chromium; without them it ends with 77, which CTest takes for
skipped. With --pictures it writes those of docs/page.md.
"""

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

# What a model could write to do harm.
HOSTILE = """<script>window.harmed = 1</script><img src=x onerror="window.harmed = 1"> <b onclick="window.harmed=1">b</b>

![p](https://evil.example/pixel.png) [click](javascript:window.harmed=1) [data](data:text/html,x) [ok](https://example.org/a)

<style>body { display: none }</style> <form action="https://evil.example"><input name=a></form>

user\u202Egnp.exe

$\\href{javascript:window.harmed=1}{x}$ and $x^2$

```html
<script>window.harmed = 1</script>
```

| a | b |
| --- | ---: |
| 1 | <iframe src="https://evil.example"></iframe> |
"""


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
    def __init__(self, home, port=0):
        self.home = home
        environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
        environment.update(CARAT_HOME=str(home), HOME=str(home))
        self.environment = environment
        self.log = open(home / "log", "ab")
        self.process = subprocess.Popen(
            [CARAT, "serve", "--model", str(SOURCE / "models" / "point"), "--port", str(port)],
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

    # --- help ---

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

    # --- what it does ---

    def test_code_is_good_once(self):
        entrance = self.server.entrance()
        other = self.new_context()
        page = other.new_page()
        page.goto(entrance)
        page.get_by_label("Message").wait_for()
        self.assertNotIn("code", page.url)
        third = self.new_context().new_page()
        third.goto(entrance)
        expect(third.get_by_text("was not let in")).to_be_visible()

    def test_talks(self):
        self.ask("What is 12 plus 7?")
        expect(self.answer()).to_contain_text("19")
        self.ask("Who are you?")
        expect(self.answer()).to_contain_text("carat-point")
        expect(self.page.locator("header h1")).to_have_text("What is 12 plus 7?")

    def test_reload_in_the_middle(self):
        self.ask("Tell me a short story.")
        self.page.locator("article.its").wait_for()
        self.page.reload()
        self.page.get_by_role("button", name="Again").wait_for()
        _, kept = self.call("GET", "/v1/carat/conversations/" + self.page.url.split("=")[1])
        self.assertEqual(self.answer().inner_text().split(), kept["messages"][1]["body"]["content"].split())

    def test_branches(self):
        self.ask("Count from 3 to 5.")
        expect(self.answer()).to_contain_text("5")
        self.page.get_by_role("button", name="Again").click()
        expect(self.page.locator("article.its .branches")).to_contain_text("2/2")
        self.page.get_by_role("button", name="Edit").click()
        self.page.get_by_label("Edit the question").fill("Count from 6 to 8.")
        self.page.get_by_role("button", name="Ask this instead").click()
        expect(self.answer()).to_contain_text("8")
        expect(self.page.locator("article.mine .branches")).to_contain_text("2/2")
        self.page.get_by_label("Earlier version").first.click()
        expect(self.answer()).to_contain_text("3, 4, 5")
        expect(self.page.locator("article.its .branches")).to_contain_text("2/2")

    def test_pictures(self):
        self.page.set_input_files("input[type=file]:not([accept])", FIXTURES / "shapes.png")
        self.page.locator(".attached img").wait_for()
        self.page.get_by_label("Detail of shapes.png").select_option("280")
        self.ask("What colour is the circle?")
        expect(self.answer()).to_contain_text("yellow")
        self.page.locator("article.mine img").wait_for()

    def test_sound(self):
        """A spoken sentence is written down. A machine that is busy loses pieces of it, hence three tries."""
        for _ in range(3):
            self.page.get_by_role("button", name="New conversation").click()
            self.page.get_by_role("button", name="Speak").click()
            self.page.get_by_label("Loudness").wait_for()
            time.sleep(4)
            self.page.get_by_role("button", name="Stop recording").click()
            self.page.locator(".attached li").wait_for()
            self.ask("What is said?")
            self.page.locator("article.mine audio").wait_for()
            self.page.get_by_role("button", name="Again").wait_for()
            if "door" in self.answer().inner_text().lower():
                return
        self.fail("it heard: " + self.answer().inner_text())

    def test_camera(self):
        self.page.get_by_role("button", name="Camera").click()
        self.page.get_by_label("What the camera sees").wait_for()
        time.sleep(1)
        self.page.get_by_role("button", name="Take the picture").click()
        self.page.locator(".attached img").wait_for()
        self.ask("What do you see?")
        self.page.get_by_role("button", name="Again").wait_for()
        self.page.locator("article.mine img").wait_for()

    def test_markdown(self):
        self.kept("Where is it?", "In the **third** drawer.")
        with self.page.expect_download() as download:
            self.page.get_by_role("button", name="Markdown").click()
        self.assertEqual(download.value.path().read_text(),
                         "# kept\n\n## You\n\nWhere is it?\n\n## carat\n\nIn the **third** drawer.\n")

    def test_first_visit(self):
        expect(self.page.get_by_label("The model", exact=True)).to_contain_text("Fetch Gemma 4 12B")

    def test_documents(self):
        self.page.set_input_files("input[type=file]:not([accept])",
                                  {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"some notes"})
        self.page.locator(".attached li").wait_for()
        self.ask("Who are you?")
        self.answer().wait_for()
        expect(self.page.locator("article.mine summary")).to_have_text("notes.txt")
        self.page.set_input_files("input[type=file]:not([accept])",
                                  {"name": "what.bin", "mimeType": "", "buffer": b"\0\1\2\3" * 50})
        expect(self.page.get_by_role("alert")).to_contain_text("what.bin")

    def test_thinking(self):
        self.page.get_by_role("button", name="Settings").click()
        self.page.get_by_role("combobox", name="Thinks").select_option("low")
        self.page.get_by_role("button", name="Close").click()
        self.ask("What is 12 plus 7?")
        expect(self.page.locator("article.its .thoughts summary")).to_contain_text("Thought")
        expect(self.answer()).to_contain_text("19")
        self.page.evaluate("localStorage.removeItem('carat-settings')")

    def test_search_rename_export_import_delete(self):
        self.kept("Where is the zirconium?", "In the **third** drawer.")
        self.page.get_by_label("Search all conversations").fill("zirconium")
        self.page.locator(".snippet", has_text="zirconium").first.click()
        expect(self.answer()).to_contain_text("third drawer")
        self.said = "Drawers"
        self.page.get_by_role("button", name="Rename").click()
        expect(self.page.locator("header h1")).to_have_text("Drawers")
        with self.page.expect_download() as download:
            self.page.get_by_role("button", name="Export").click()
        file = download.value.path()
        self.page.locator(".sidebar .tools").get_by_role("button", name="Delete").click()
        expect(self.page.get_by_role("heading", name="What is it?")).to_be_visible()
        database = (Path(self.folder.name) / "history" / "history.db").read_bytes()
        self.assertNotIn(b"zirconium", database)
        self.page.set_input_files("input[accept='application/json']", file)
        expect(self.answer()).to_contain_text("third drawer")

    def test_two_tabs_agree(self):
        self.ask("Count from 3 to 11.")
        expect(self.answer()).to_contain_text("11")
        other = self.context.new_page()
        other.goto(self.page.url)
        expect(self.answer(other)).to_contain_text("11")
        self.ask("Who are you?")
        expect(self.answer(other)).to_contain_text("carat-point")
        other.close()

    def test_hostile_output_stays_text(self):
        self.kept("Do harm.", HOSTILE)
        self.answer().locator("pre").wait_for()
        self.answer().locator("math").first.wait_for()
        time.sleep(0.5)
        self.assertIsNone(self.page.evaluate("window.harmed ?? null"))
        shown = self.answer()
        for bad in ("script", "img", "iframe", "form", "input", "style", "[onclick]", "[onerror]", "[style]",
                    "a[href^=javascript]", "a[href^=data]"):
            self.assertEqual(shown.locator(bad).count(), 0, bad)
        self.assertEqual(shown.locator("a[href='https://example.org/a']").get_attribute("rel"),
                         "noopener noreferrer nofollow")
        expect(shown).to_contain_text("U+202E")
        self.assertNotIn("\u202E", shown.inner_text())
        self.assertFalse([url for url in self.context.asked if "evil" in url])

    def test_thousands_of_turns(self):
        self.kept(*[f"message {i}" for i in range(3000)])
        expect(self.page.locator("article").last).to_contain_text("message 2999")
        self.page.get_by_role("button", name="Show 100 earlier messages").click()
        expect(self.page.locator("article")).to_have_count(200)
        self.ask("Count from 3 to 5.")
        # The question would be too long with all before it: the page says so and keeps what was typed.
        expect(self.page.get_by_role("alert")).to_contain_text("too long")
        expect(self.page.get_by_label("Message")).to_have_value("Count from 3 to 5.")
        start = time.monotonic()
        self.page.get_by_label("Message").fill("typing is quick " * 20)
        self.assertLess(time.monotonic() - start, 3)
        self.page.get_by_label("Message").fill("")

    def test_server_restart(self):
        self.ask("Count from 3 to 11.")
        expect(self.answer()).to_contain_text("11")
        port = int(self.server.url.rsplit(":", 1)[1])
        self.server.end()
        expect(self.page.get_by_text("The server does not answer")).to_be_visible(timeout=15000)
        type(self).server = Server(Path(self.folder.name), port)
        expect(self.page.get_by_text("on this machine alone")).to_be_visible(timeout=30000)
        self.ask("Who are you?")
        expect(self.answer()).to_contain_text("carat-point")

    def test_keyboard(self):
        self.page.keyboard.press("Control+k")
        self.assertEqual(self.page.evaluate("document.activeElement.id"), "search")
        self.page.get_by_label("Message").focus()
        seen = set()
        for _ in range(40):
            self.page.keyboard.press("Tab")
            seen.add(self.page.evaluate("(document.activeElement.textContent || document.activeElement.ariaLabel || '').trim()"))
        for name in ("Add files", "Speak", "New conversation", "Settings"):
            self.assertIn(name, seen)

    def test_first_paint_and_policy(self):
        page = self.context.new_page()
        reply = page.goto(self.server.url + "/")
        page.get_by_label("Message").wait_for()
        self.assertIn("default-src 'none'", reply.headers["content-security-policy"])
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0")
        print(f"first contentful paint after {paint:.0f} ms", file=sys.stderr)
        page.close()

    def test_everybody(self):
        """axe-core finds nothing, in light and dark, wide and narrow."""
        for scheme in ("light", "dark"):
            for width in (1200, 400):
                context = self.new_context(bypass_csp=True, color_scheme=scheme, viewport={"width": width, "height": 800},
                                           storage_state=self.context.storage_state())
                page = context.new_page()
                page.goto(self.server.url + "/")
                page.get_by_label("Message").wait_for()
                self.ask("Count from 3 to 11.", page)
                expect(self.answer(page)).to_contain_text("11")
                page.get_by_role("button", name="Settings").click()
                page.locator(".status button").click()
                page.evaluate(AXE)
                found = page.evaluate("axe.run()")["violations"]
                self.assertEqual([(one["id"], [node["html"] for node in one["nodes"]]) for one in found], [], f"{scheme} {width}")
                if PICTURES and width == 1200:
                    page.screenshot(path=str(PICTURES / f"page-machine-{scheme}.png"))
                context.close()

    def test_right_to_left(self):
        self.kept("مرحبا", "אבג")
        direction = "el => getComputedStyle(el).direction"
        self.assertEqual(self.page.locator("article.mine .plain").evaluate(direction), "rtl")
        self.assertEqual(self.answer().evaluate(direction), "rtl")

    def test_pictures_for_the_documentation(self):
        if not PICTURES:
            self.skipTest("no --pictures")
        for scheme in ("light", "dark"):
            context = self.new_context(color_scheme=scheme, viewport={"width": 1200, "height": 800},
                                       storage_state=self.context.storage_state())
            page = context.new_page()
            page.goto(self.server.url + "/")
            page.set_input_files("input[type=file]:not([accept])", FIXTURES / "shapes.png")
            page.locator(".attached img").wait_for()
            self.ask("What colour is the circle?", page)
            expect(self.answer(page)).to_contain_text("yellow")
            time.sleep(0.5)
            page.screenshot(path=str(PICTURES / f"page-{scheme}.png"))
            context.close()


if __name__ == "__main__":
    arguments = sys.argv[2:]
    if arguments[:1] == ["--pictures"]:
        PICTURES = Path(arguments[1])
        arguments = arguments[2:]
    expect.set_options(timeout=15_000)
    unittest.main(argv=[sys.argv[0], "-v", *arguments], defaultTest=None if arguments else "PageTest")
