"""What stays and what lasts: search, files, other tabs, the server, the door; and the page for everybody."""

import base64
import hashlib
import http.server
import json
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import harness
from harness import AXE, CARAT, FIXTURES, SOURCE, PageTest, Server, expect
from media import pdf


class KeptTest(PageTest):
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

    def test_pictures_for_the_documentation(self):
        if not harness.PICTURES:
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
            page.screenshot(path=str(harness.PICTURES / f"page-{scheme}.png"))
            page.locator(".status button").click()
            time.sleep(5)
            page.screenshot(path=str(harness.PICTURES / f"page-machine-{scheme}.png"))
            page.locator(".status button").click()
            page.set_input_files("input[type=file]:not([accept])", FIXTURES / "door.wav")
            page.locator(".attached").get_by_role("button", name="Transcribe").click()
            expect(page.locator(".transcript li")).to_contain_text("Open the door.")
            time.sleep(0.5)
            page.screenshot(path=str(harness.PICTURES / f"page-transcript-{scheme}.png"))
            context.close()
