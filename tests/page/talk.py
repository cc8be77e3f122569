"""Talking: answers, branches, settings, long conversations, and what a model may write."""

import time

from harness import PageTest, expect


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


class TalkTest(PageTest):
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

    def test_nothing_jumps_while_an_answer_comes(self):
        self.kept(*[f"message {n}" for n in range(40)])
        self.page.evaluate("window.jumped = 0; new PerformanceObserver(list => { for (const entry of list.getEntries())"
                           " window.jumped += entry.value }).observe({ type: 'layout-shift' })")
        for question, end in (("Count from 3 to 20.", "20"), ("Who are you?", "carat-point")):
            self.ask(question)
            expect(self.answer()).to_contain_text(end)
            self.page.get_by_role("button", name="Send").wait_for()
        jumped = self.page.evaluate("window.jumped")
        self.assertLess(jumped, 0.1)  # of the window, summed up; less than 0.1 counts as still (web.dev)

    def fork(self):
        """A question with two answers, and another question in its place with one."""
        self.ask("Count from 3 to 5.")
        expect(self.answer()).to_contain_text("5")
        self.page.get_by_role("button", name="Again").click()
        expect(self.page.locator("article.its .branches")).to_contain_text("2/2")
        self.page.get_by_role("button", name="Edit").click()
        self.page.get_by_label("Edit the question").fill("Count from 6 to 8.")
        self.page.get_by_role("button", name="Ask this instead").click()
        expect(self.answer()).to_contain_text("8")

    def test_branches(self):
        self.fork()
        expect(self.page.locator("article.mine .branches")).to_contain_text("2/2")
        self.page.get_by_label("Earlier version").first.click()
        expect(self.answer()).to_contain_text("3, 4, 5")
        expect(self.page.locator("article.its .branches")).to_contain_text("2/2")

    def test_tree(self):
        self.fork()
        self.page.get_by_role("button", name="Branches").click()
        tree = self.page.get_by_label("Branches", exact=True).locator("li")
        expect(tree).to_have_count(4)  # two questions, the first with two answers, the second with its one
        tree.get_by_role("button", name="Count from 3 to 5.").click()
        expect(self.answer()).to_contain_text("3, 4, 5")

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

    def test_thinking(self):
        self.page.get_by_role("button", name="Settings").click()
        self.page.get_by_role("combobox", name="Thinks").select_option("low")
        self.page.get_by_role("button", name="Close").click()
        self.ask("What is 12 plus 7?")
        expect(self.page.locator("article.its .thoughts summary")).to_contain_text("Thought")
        expect(self.answer()).to_contain_text("19")
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

    def test_right_to_left(self):
        self.kept("مرحبا", "אבג")
        direction = "el => getComputedStyle(el).direction"
        self.assertEqual(self.page.locator("article.mine .plain").evaluate(direction), "rtl")
        self.assertEqual(self.answer().evaluate(direction), "rtl")

    def test_keyboard(self):
        self.page.keyboard.press("Control+k")
        self.wait_until(lambda: self.page.evaluate("document.activeElement.id") == "search")
        self.page.get_by_label("Message").focus()
        seen = set()
        for _ in range(40):
            self.page.keyboard.press("Tab")
            seen.add(self.page.evaluate("(document.activeElement.textContent || document.activeElement.ariaLabel || '').trim()"))
        for name in ("Add files", "Speak", "New conversation", "Settings"):
            self.assertIn(name, seen)

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
