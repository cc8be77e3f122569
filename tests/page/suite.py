#!/usr/bin/env python3
"""suite.py CARAT [--pictures FOLDER] [TEST…]: carat's page in Debian's Chromium, on a real `carat serve` with carat-point.

Needs the packages of requirements.txt and /usr/bin/chromium; without them it ends with 77, which CTest takes for
skipped. With --pictures it writes those of docs/page.md.
"""

import base64
import hashlib
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request
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


HELVETICA = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
SONG = ("<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UCS2-H /DescendantFonts [<< /Type /Font"
        " /Subtype /CIDFontType0 /BaseFont /STSong-Light /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 2 >>"
        " /FontDescriptor << /Type /FontDescriptor /FontName /STSong-Light /Flags 6 /FontBBox [0 0 1000 1000] /ItalicAngle 0"
        " /Ascent 880 /Descent -120 /CapHeight 880 /StemV 93 >> >>] >>")


def pdf(*pages, font=HELVETICA):
    """A document of these lines, one on a page, in a font that it does not bring along."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>",
               f"<< /Type /Pages /Count {len(pages)} /Kids [{' '.join(f'{4 + 2 * i} 0 R' for i in range(len(pages)))}] >>",
               font]
    for i, line in enumerate(pages):
        shown = line if line.startswith("<") else f"({line})"
        text = f"BT /F 24 Tf 72 700 Td {shown} Tj ET" if line else "72 700 100 20 re f"
        objects += [f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * i} 0 R"
                    " /Resources << /Font << /F 3 0 R >> >> >>", f"<< /Length {len(text)} >>\nstream\n{text}\nendstream"]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    return out + (f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
                  f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n").encode()


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

    # --- help ---

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
        expect(self.page.locator(".status")).to_contain_text("of 4096")

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
        written = download.value.path().read_text()
        self.assertEqual(written, "# kept\n\n## You\n\nWhere is it?\n\n## carat\n\nIn the **third** drawer.\n")
        # And back; what looks like a heading of the file stays a part of its message.
        self.page.set_input_files("input[accept^='application/json']", {
            "name": "back.md", "mimeType": "text/markdown",
            "buffer": written.replace("# kept", "# back").replace("drawer.", "drawer.\n\\## You").encode()})
        expect(self.page.locator("header h1")).to_have_text("back")
        expect(self.page.locator("article")).to_have_count(2)
        expect(self.answer().locator("h2")).to_have_text("You")

    def test_first_visit(self):
        """What can be had, and whether this machine takes it."""
        model = self.page.get_by_label("The model", exact=True)
        expect(model).to_contain_text("Fetch Gemma 4 12B, 7.4 GB")
        _, known = self.call("GET", "/v1/carat/models")
        self.assertEqual([offer["name"] for offer in known["offers"]], ["gemma-4-12b", "gemma-4-12b:q8_0"])
        for offer in known["offers"]:
            fits = offer["fits_memory"] and offer["fits_disk"]
            item = model.locator("li", has_text=offer["description"])
            expect(item.locator(".fits" if fits else ".lacks")).to_be_visible()
            expect(item.get_by_role("button")).to_be_enabled(enabled=fits)

    def test_first_visit_fetches_the_model(self):
        """From a Hub of our own, which has carat-point under the 12B's names."""
        with tempfile.TemporaryDirectory() as folder:
            home, files = Path(folder) / "home", Path(folder) / "hub"
            home.mkdir(mode=0o700)
            point = SOURCE / "models" / "point"
            for place, source in (("google/gemma-4-12B-it-qat-q4_0-gguf/gemma-4-12b-it-qat-q4_0.gguf", [point]),
                                  ("google/gemma-4-12B-it-qat-q4_0-gguf/mmproj-gemma-4-12b-it-qat-q4_0.gguf", [point, "--part", "embedders"]),
                                  ("unsloth/gemma-4-12B-it-qat-GGUF/mtp-gemma-4-12B-it.gguf", [point / "assistant"])):
                (files / place).parent.mkdir(parents=True, exist_ok=True)
                kind = "Q4_0" if source == [point] else "BF16"
                subprocess.run([CARAT, "quantize", "--quiet", *map(str, source), str(files / place), kind], check=True, capture_output=True)
            hub = subprocess.Popen([sys.executable, str(SOURCE / "tests" / "support" / "fake_hub.py"), str(files), "--scenario",
                                    '{"fail": {"server": "hub", "status": 404, "times": 1}, "bytes_per_second": 4000000}'],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            own = Server(home, model=None, HF_ENDPOINT=hub.stdout.readline().strip())
            context = self.new_context()
            page = context.new_page()
            page.goto(own.entrance())
            model = page.get_by_label("The model", exact=True)
            expect(model).to_contain_text("This is carat-point")
            fetch = model.get_by_role("button", name="Fetch Gemma 4 12B")
            fetch.click()
            expect(model).to_contain_text("could not be fetched")
            expect(model).to_contain_text("404")
            fetch.click()
            model.get_by_role("progressbar").wait_for()
            self.ask("Who are you?", page)  # meanwhile
            expect(self.answer(page)).to_contain_text("carat-point")
            page.get_by_role("button", name="New conversation").click()
            model.get_by_role("button", name="Talk to gemma-4-12b instead").click(timeout=60_000)
            expect(page.locator(".status")).to_contain_text("gemma-4-12b")
            expect(model).to_have_count(0)
            self.ask("Count from 3 to 5.", page)
            expect(self.answer(page)).to_contain_text("3, 4, 5")
            page.close()
            context.asked.clear()
            own.end()
            hub.stdin.close()
            hub.wait()
            hub.stdout.close()

    def test_documents(self):
        self.page.set_input_files("input[type=file]:not([accept])",
                                  {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"some notes"})
        self.page.locator(".attached li").wait_for()
        self.ask("Who are you?")
        self.answer().wait_for()
        expect(self.page.locator("article.mine summary")).to_have_text("notes.txt")
        expect(self.page.locator("article.mine pre")).to_contain_text("some notes")
        self.page.set_input_files("input[type=file]:not([accept])",
                                  {"name": "what.bin", "mimeType": "", "buffer": b"\0\1\2\3" * 50})
        expect(self.page.get_by_role("alert")).to_contain_text("what.bin")

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

    def test_pdf_as_text(self):
        self.add("paper.pdf", pdf("The zebra is in room 7.", "A second page."), "application/pdf")
        expect(self.page.locator(".attached li")).to_contain_text("of 2")
        expect(self.page.locator(".attached .cost")).to_contain_text("tokens")
        self.type_into(self.page.get_by_label("Last page of paper.pdf"), "1")
        self.ask("Who are you?")  # at once: it goes when what was chosen has been read
        self.answer().wait_for()
        self.assertEqual(self.last_question()[0], {"type": "text", "name": "paper.pdf", "text": "[page 1]\nThe zebra is in room 7."})

    def test_pdf_pages_are_typed_slowly(self):
        """And one behind the other by the Tab key, while the first choice is still read."""
        self.add("paper.pdf", pdf(*[f"page {n}" for n in range(30)]), "application/pdf")
        last = self.page.get_by_label("Last page of paper.pdf")
        last.click()
        last.select_text()
        self.page.keyboard.type("1")
        time.sleep(3)
        expect(last).to_have_value("1")
        self.page.keyboard.type("2")
        last.blur()
        self.page.get_by_label("First page of paper.pdf").click()
        self.page.get_by_label("First page of paper.pdf").select_text()
        self.page.keyboard.type("3")
        self.page.keyboard.press("Tab")
        self.page.keyboard.type("9")
        self.page.keyboard.press("Enter")
        self.ask("Who are you?")
        self.answer().wait_for()
        text = self.last_question()[0]["text"]
        self.assertEqual([n for n in range(1, 31) if f"[page {n}]" in text], list(range(3, 10)))

    def test_pdf_as_pictures(self):
        self.add("paper.pdf", pdf("The zebra is in room 7."), "application/pdf")
        self.page.get_by_label("How paper.pdf goes").select_option("pages")
        expect(self.page.get_by_label("Detail of paper.pdf")).to_be_visible()
        self.page.get_by_label("Detail of paper.pdf").select_option("280")
        self.ask("What do you see?")
        self.page.locator("article.mine img").wait_for()
        [part, _] = self.last_question()
        self.assertEqual((part["type"], part["name"], part["budget"]), ("image", "paper.pdf, page 1", 280))
        # The letters are there, though the document brings no font.
        dark = self.page.evaluate("""async () => {
          const image = document.querySelector("article.mine img"), canvas = document.createElement("canvas")
          await image.decode()
          canvas.width = image.naturalWidth; canvas.height = image.naturalHeight
          const context = canvas.getContext("2d")
          context.drawImage(image, 0, 0)
          const { data } = context.getImageData(0, 0, canvas.width, canvas.height)
          let dark = 0
          for (let i = 0; i < data.length; i += 4) dark += data[i] < 100
          return dark }""")
        self.assertGreater(dark, 500)

    def test_pdf_in_chinese(self):
        """Its codes mean something by a table that the document does not bring along either."""
        self.add("hello.pdf", pdf("<4F60597D>", font=SONG), "application/pdf")
        expect(self.page.locator(".attached .cost")).to_contain_text("tokens")
        self.ask("Who are you?")
        self.answer().wait_for()
        self.assertEqual(self.last_question()[0]["text"], "[page 1]\n你好")

    def test_pdf_without_text(self):
        """A scan goes as pictures by itself; what is broken or locked is refused by name."""
        self.add("scan.pdf", pdf(""), "application/pdf")
        expect(self.page.get_by_label("How scan.pdf goes")).to_have_value("pages")
        self.add("broken.pdf", b"%PDF-1.7 nothing at all")
        expect(self.page.get_by_role("alert")).to_contain_text("broken.pdf can't be read: it is no PDF")

    def test_transcript(self):
        self.page.set_input_files("input[type=file]:not([accept])", FIXTURES / "door.wav")
        self.page.locator(".attached").get_by_role("button", name="Transcribe").click()
        view = self.page.get_by_label("Transcript", exact=True)
        expect(view.locator("li")).to_contain_text("Open the door.")
        expect(view.get_by_label("Place in the recording")).to_be_visible()
        texts = {}
        for kind in ("SRT", "VTT"):
            with self.page.expect_download() as download:
                view.get_by_role("button", name=kind).click()
            texts[kind] = download.value.path().read_text()
        self.assertRegex(texts["SRT"], r"^1\n00:00:00,\d\d\d --> 00:00:01,\d\d\d\nOpen the door.\n$")
        self.assertRegex(texts["VTT"], r"^WEBVTT\n\n00:00:00.\d\d\d --> 00:00:01.\d\d\d\nOpen the door.\n$")
        view.get_by_label("Place in the recording").focus()
        self.page.keyboard.press("ArrowRight")
        at = lambda: self.page.evaluate("document.querySelector('.transcript audio').currentTime")
        self.wait_until(lambda: at() > 0.5)
        view.locator("li button").click()
        self.wait_until(lambda: 0 < at() < 0.5)
        view.get_by_role("button", name="Put into the message").click()
        expect(self.page.get_by_label("Message")).to_have_value("Open the door.")
        view.get_by_role("button", name="Close").click()
        self.page.get_by_label("Leave out door.wav").click()

    def test_presets_of_ones_own(self):
        self.page.get_by_role("button", name="Settings").click()
        self.page.get_by_label("What it is told before everything").fill("You are kind.")
        self.page.get_by_label("Min p").fill("0.05")
        self.page.get_by_label("Min p").blur()
        self.said = "Kind"
        self.page.get_by_role("button", name="Keep these as a preset").click()
        expect(self.page.get_by_role("button", name="Forget the preset Kind")).to_be_visible()
        self.page.evaluate("localStorage.removeItem('carat-settings')")
        self.page.reload()
        self.page.get_by_role("button", name="Settings").click()
        expect(self.page.get_by_label("What it is told before everything")).to_have_value("")
        self.page.get_by_role("combobox", name="Preset").select_option("Kind")
        expect(self.page.get_by_label("What it is told before everything")).to_have_value("You are kind.")
        expect(self.page.get_by_label("Min p")).to_have_value("0.05")
        self.page.get_by_role("button", name="Forget the preset Kind").click()
        expect(self.page.get_by_role("button", name="Forget the preset Kind")).to_have_count(0)
        self.page.evaluate("localStorage.removeItem('carat-settings')")

    def test_settings_are_kept_as_they_are_typed(self):
        id = self.kept("a", "b")
        self.page.get_by_role("button", name="Settings").click()
        self.page.get_by_label("What it is told before everything").click()
        self.page.keyboard.type("You are kind and quiet.", delay=10)
        for label, text in (("Temperature", "0.5"), ("Top p", "0.95"), ("Min p", "0.05"), ("Seed", "17")):
            self.type_into(self.page.get_by_label(label, exact=True), text)
        settings = lambda: self.call("GET", "/v1/carat/conversations/" + id)[1]["settings"]
        wanted = {"system": "You are kind and quiet.", "temperature": 0.5, "top_p": 0.95, "min_p": 0.05, "seed": 17}
        self.wait_until(lambda: settings() == wanted)
        self.type_into(self.page.get_by_label("Temperature"), "7")
        expect(self.page.get_by_role("alert")).to_contain_text("from 0 to 2")
        expect(self.page.get_by_label("Temperature")).to_have_value("0.5")
        self.assertEqual(settings(), wanted)

    def test_long_conversations_open_at_their_end(self):
        """And what was searched for is seen, wherever it stands."""
        lines = "".join(f"line {n}\n\n" for n in range(8))
        self.kept(*[f"message {n}\n\n{lines}" + (" with vanadium" if n == 3 else "") for n in range(300)])
        end = "(() => { const t = document.querySelector('.thread'); return t.scrollHeight - t.scrollTop - t.clientHeight })()"
        self.wait_until(lambda: self.page.evaluate(end) < 5)
        expect(self.page.locator("article").last).to_be_in_viewport()
        self.page.get_by_label("Search all conversations").fill("vanadium")
        self.page.locator(".snippet", has_text="vanadium").first.click()
        expect(self.page.locator("article.found")).to_contain_text("message 3")
        expect(self.page.locator("article.found")).to_be_in_viewport()
        # Again, though it is the same; and it does not hold the view when something else is looked at.
        self.page.locator(".thread").focus()
        self.page.keyboard.press("End")
        expect(self.page.locator("article").last).to_be_in_viewport()
        self.page.get_by_label("Search all conversations").fill("vanadium")
        self.page.locator(".snippet", has_text="vanadium").first.click()
        expect(self.page.locator("article.found")).to_be_in_viewport()
        self.page.get_by_role("button", name="New conversation").click()
        self.page.locator(".list button[aria-current]").wait_for(state="detached")
        expect(self.page.locator("article.found")).to_have_count(0)

    def test_settings_outlive_a_server_that_is_away(self):
        home = tempfile.TemporaryDirectory()
        own = Server(Path(home.name))
        context = self.new_context()
        page = context.new_page()
        page.goto(own.entrance())
        self.ask("Who are you?", page)
        expect(self.answer(page)).to_contain_text("carat-point")
        port = int(own.url.rsplit(":", 1)[1])
        own.end()
        page.get_by_role("button", name="Settings").click()
        page.get_by_label("What it is told before everything").fill("Be brief.")
        page.get_by_label("What it is told before everything").blur()
        expect(page.get_by_text("The server does not answer")).to_be_visible(timeout=15_000)
        own = Server(Path(home.name), port)
        expect(page.get_by_text("on this machine alone")).to_be_visible(timeout=30_000)
        id = page.url.split("=")[1]
        settings = lambda: json.load(urllib.request.urlopen(urllib.request.Request(
            f"{own.url}/v1/carat/conversations/{id}", headers={"authorization": "Bearer " + own.key})))["settings"]
        self.wait_until(lambda: settings() == {"system": "Be brief."})
        expect(page.get_by_label("What it is told before everything")).to_have_value("Be brief.")
        page.close()
        context.asked.clear()
        own.end()
        home.cleanup()

    def test_texts_of_every_kind(self):
        for name, data, kind in (("old.txt", "Grüße".encode("latin-1"), "text/plain"), ("wide.txt", "Grüße".encode("utf-16"), "text/plain"),
                                 ("Makefile", "Grüße".encode(), ""), ("film.srt", "Grüße".encode(), "application/x-subrip")):
            self.add(name, data, kind)
            expect(self.page.locator(".attached li", has_text=name).locator(".cost")).to_contain_text("tokens")
        self.ask("Who are you?")
        self.answer().wait_for()
        self.assertEqual([part["text"] for part in self.last_question()[:-1]], ["Grüße"] * 4)
        self.page.set_input_files("input[type=file]:not([accept])", [
            {"name": "nothing.txt", "mimeType": "text/plain", "buffer": b""}, {"name": "what.zip", "mimeType": "", "buffer": b"PK\3\4\0\0"}])
        expect(self.page.get_by_role("alert")).to_contain_text("nothing.txt can't be read: it is empty.")
        expect(self.page.get_by_role("alert")).to_contain_text("what.zip can't be read")

    def test_deep_tree(self):
        messages = []
        for n in range(600):
            parent = f"a{n - 1}" if n else None
            messages += [{"id": f"q{n}", "parent": parent, "role": "user", "body": {"content": f"question {n}"}},
                         {"id": f"b{n}", "parent": f"q{n}", "role": "assistant", "body": {"content": "other"}},
                         {"id": f"a{n}", "parent": f"q{n}", "role": "assistant", "body": {"content": f"answer {n}"}}]
        _, body = self.call("POST", "/v1/carat/conversations/import", {"title": "deep", "leaf": "a599", "messages": messages})
        self.page.goto(f"{self.server.url}/?c={body['id']}")
        self.page.get_by_role("button", name="Branches").click()
        expect(self.page.get_by_label("Branches", exact=True).get_by_role("button", name="answer 599")).to_be_in_viewport()

    def test_tree(self):
        self.ask("Count from 3 to 5.")
        self.page.get_by_role("button", name="Again").click()
        expect(self.page.locator("article.its .branches")).to_contain_text("2/2")
        self.page.get_by_role("button", name="Edit").click()
        self.page.get_by_label("Edit the question").fill("Count from 6 to 8.")
        self.page.get_by_role("button", name="Ask this instead").click()
        expect(self.answer()).to_contain_text("8")
        self.page.get_by_role("button", name="Branches").click()
        tree = self.page.get_by_label("Branches", exact=True).locator("li")
        expect(tree).to_have_count(4)  # two questions, the first with two answers, the second with its one
        tree.get_by_role("button", name="Count from 3 to 5.").click()
        expect(self.answer()).to_contain_text("3, 4, 5")

    def test_push_to_talk(self):
        """As long as the button is held; then it goes at once."""
        button = self.page.get_by_role("button", name="Speak")
        button.hover()
        self.page.mouse.down()
        self.page.get_by_label("Loudness").wait_for()
        time.sleep(1)
        self.page.mouse.up()
        self.page.locator("article.mine audio").wait_for()
        self.page.get_by_role("button", name="Again").wait_for()

    def test_paste_of_files_with_text(self):
        self.page.get_by_label("Message").focus()
        self.page.evaluate("""() => {
          const data = new DataTransfer()
          data.items.add(new File(["some notes"], "notes.txt", { type: "text/plain" }))
          data.setData("text/plain", "and words")
          document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })) }""")
        expect(self.page.locator(".attached li")).to_contain_text("notes.txt")
        expect(self.page.get_by_label("Message")).to_have_value("and words")
        self.page.get_by_label("Message").fill("")
        self.page.get_by_label("Leave out notes.txt").click()

    def test_turned_text_is_shown_as_it_is(self):
        bad = "user\u202Egnp.exe"
        status, body = self.call("POST", "/v1/carat/conversations/import", {"title": bad, "messages": [
            {"id": "a", "role": "user", "body": {"content": bad}},
            {"id": "b", "parent": "a", "role": "assistant", "body": {"content": "x", "reasoning": bad,
             "tool_calls": [{"name": "f", "arguments": {"x": bad}}]}}]})
        self.assertEqual(status, 200, body)
        self.page.goto(f"{self.server.url}/?c={body['id']}")
        self.page.locator("article").first.wait_for()
        for summary in self.page.locator("summary").all():
            summary.click()
        expect(self.page.locator(".thoughts")).to_contain_text("U+202E")
        self.assertNotIn("\u202E", self.page.locator("body").inner_text() + self.page.title())

    def test_large_archives(self):
        """Media go one by one: an archive may be larger than any request."""
        pictures = {}
        for n in range(4):
            data = (FIXTURES / "shapes.png").read_bytes() + bytes([n]) * 20_000_000
            pictures[hashlib.sha256(data).hexdigest()] = {"type": "image/png", "data": base64.b64encode(data).decode()}
        archive = {"title": "large", "messages": [{"id": "a", "role": "user", "body": {
            "content": [{"type": "image", "media": name} for name in pictures]}}], "media": pictures}
        file = Path(self.folder.name) / "large.json"
        file.write_text(json.dumps(archive))
        self.page.set_input_files("input[accept^='application/json']", file)
        expect(self.page.locator("header h1")).to_have_text("large", timeout=60_000)
        expect(self.page.locator("article.mine img")).to_have_count(4)

    def test_shows_its_token_to_nobody_else(self):
        """Another program listens where the server was: it is asked for a proof, and gets no token."""
        own = Server(Path(tempfile.mkdtemp()))
        page = self.new_context().new_page()
        page.goto(own.entrance())
        page.get_by_label("Message").wait_for()
        port = int(own.url.rsplit(":", 1)[1])
        own.end()
        asked = []

        class Other(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append((self.path, self.headers.get("authorization")))
                body = b'{"proof": "0", "conversations": [], "has_more": false}'
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        http.server.ThreadingHTTPServer.allow_reuse_address = True
        other = http.server.ThreadingHTTPServer(("127.0.0.1", port), Other)
        threading.Thread(target=other.serve_forever, daemon=True).start()
        expect(page.get_by_text("does not know this page")).to_be_visible(timeout=30_000)
        other.shutdown()
        other.server_close()
        page.close()
        self.contexts[-1].asked.clear()
        self.assertTrue(any("/page/proof" in path for path, _ in asked))
        self.assertEqual([one for one in asked if one[1]], [])

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
        self.page.set_input_files("input[accept^='application/json']", file)
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
                page.get_by_role("button", name="Again").click()
                expect(page.locator("article.its .branches")).to_contain_text("2/2")
                page.set_input_files("input[type=file]:not([accept])", FIXTURES / "door.wav")
                page.locator(".attached").get_by_role("button", name="Transcribe").click()
                expect(page.locator(".transcript li")).to_contain_text("Open the door.")
                page.set_input_files("input[type=file]:not([accept])", {"name": "a.pdf", "mimeType": "", "buffer": pdf("x")})
                page.get_by_label("How a.pdf goes").wait_for()
                page.locator(".status button").click()
                page.evaluate(AXE)
                for panel in ("Branches", "Settings"):
                    page.get_by_role("button", name=panel).click()
                    found = page.evaluate("axe.run()")["violations"]
                    self.assertEqual([(one["id"], [node["html"] for node in one["nodes"]]) for one in found], [],
                                     f"{panel} {scheme} {width}")
                self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), width)
                if width == 400:
                    page.get_by_role("button", name="Conversations").click()
                    page.keyboard.press("Escape")
                    expect(page.get_by_role("button", name="New conversation")).to_be_hidden()
                    page.keyboard.press("Control+k")
                    self.wait_until(lambda: page.evaluate("document.activeElement.id") == "search")
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
            page.locator(".status button").click()
            time.sleep(5)
            page.screenshot(path=str(PICTURES / f"page-machine-{scheme}.png"))
            page.locator(".status button").click()
            page.set_input_files("input[type=file]:not([accept])", FIXTURES / "door.wav")
            page.locator(".attached").get_by_role("button", name="Transcribe").click()
            expect(page.locator(".transcript li")).to_contain_text("Open the door.")
            time.sleep(0.5)
            page.screenshot(path=str(PICTURES / f"page-transcript-{scheme}.png"))
            context.close()


if __name__ == "__main__":
    arguments = sys.argv[2:]
    if arguments[:1] == ["--pictures"]:
        PICTURES = Path(arguments[1])
        arguments = arguments[2:]
    expect.set_options(timeout=15_000)
    unittest.main(argv=[sys.argv[0], "-v", *arguments], defaultTest=None if arguments else "PageTest")
