"""Showing: pictures, sound, films, documents."""

import time

from harness import FIXTURES, PageTest, expect


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


class MediaTest(PageTest):
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
