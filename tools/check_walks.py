#!/usr/bin/env python3
"""Checks that the walks in docs/one-*.md are true, and that links lead somewhere.

A stop of a walk is a table row or a list item that names a source file in backticks. Every file it names
must exist below src/ (or the repository's root), and every function or type it names in backticks, such as
`Submit`, `Session::Step` or `Step()`, must occur in one of the stop's files.

The first function that a stop names is where the walk goes. Each but the first must be called by the
function of an earlier stop, directly or through other functions of that stop's file: so stops cannot be
swapped, left out or invented. A call through a table of pointers counts by its name (MatMul: table.matmul), and
a function that a table of routes names counts as called by whoever looks into that table. A stop that says "In a
thread of its own" is not called: what wakes it stands before it.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SRC = ROOT / "src"
TICKED = re.compile(r"`([^`]+)`")
FILE = re.compile(r"^[\w./-]+\.(?:cc|h|py|cmake|txt)$")
ROUTE = re.compile(r'\{"[A-Z]+", "/[^"]*", (\w+)')  # of a table: method, path, function
NAME = re.compile(r"^(?:\w+::)*([A-Z]\w*)(?:\(\))?$")
LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)")

errors: list[str] = []


def complain(path: pathlib.Path, line: int, text: str) -> None:
    errors.append(f"{path.relative_to(ROOT)}:{line}: {text}")


def stops(text: str) -> list[tuple[int, str]]:
    """Table rows and list items, the latter with the lines that continue them, by line number."""
    found: list[tuple[int, str]] = []
    open_item = False
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"\s*([-*+]|\d+[.)])\s", line):
            found.append((number, line))
            open_item = True
        elif line.lstrip().startswith("|"):
            found.append((number, line))
            open_item = False
        elif open_item and line.strip():
            found[-1] = (found[-1][0], found[-1][1] + "\n" + line)
        else:
            open_item = False
    return found


def resolve(name: str, beside: list[pathlib.Path]) -> pathlib.Path | None:
    folders = [SRC, ROOT]
    if "/" not in name:  # a bare `limits.h` stands beside a file named before it in the same stop
        folders = [path.parent for path in beside] + folders
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    return None


def bodies(source: str) -> dict[str, str]:
    """The functions that a formatted file defines, by their plain names: signature and body."""
    found: dict[str, str] = {}
    name, text = "", ""
    for line in source.splitlines():
        if not name:
            start = re.match(r"(?!namespace|struct|class|enum|using|template|constexpr|[/#\s}])[^(]*?(\w+)\(", line)
            if not start:
                continue
            name, text = start.group(1), ""
        text += line + "\n"
        declared = line.endswith(";") and "{" not in text
        if declared or ("{" in text and text.count("{") == text.count("}") and line.endswith(("}", "};"))):
            found[name] = found.get(name, "") + text
            name = ""
    return found


def plain(name: str) -> str:
    return name.replace("_", "").lower()


def calls_of(function: str, source: str) -> set[str]:
    """What the function calls, and what the functions of the same file that it calls do."""
    known = bodies(source)
    calls: set[str] = set()
    todo, seen = [function], set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        names = set(re.findall(r"(\w+)\(", known.get(name, "").partition("{")[2]))
        calls |= {plain(called) for called in names}
        todo += [called for called in names if called in known]
    return calls


def check_walk(path: pathlib.Path) -> int:
    count = 0
    called: set[str] = set()  # by the stops so far
    for number, text in stops(path.read_text(encoding="utf-8")):
        ticked = TICKED.findall(text)
        names = [token for token in ticked if FILE.match(token)]
        if not names:
            continue
        count += 1
        files: list[pathlib.Path] = []
        for name in names:
            file = resolve(name, files)
            if file is None:
                complain(path, number, f"{name} does not exist below src/")
            else:
                files.append(file)
        if not files:
            continue
        source = "\n".join(file.read_text(encoding="utf-8") for file in files)
        for token in ticked:
            match = NAME.match(token)
            if match and not re.search(rf"\b{match.group(1)}\b", source):
                complain(path, number, f"{token} does not occur in {', '.join(names)}")
        functions = [match.group(1) for match in map(NAME.match, ticked) if match]
        if not functions:
            continue
        if count > 1 and plain(functions[0]) not in called and "In a thread of its own" not in text:
            complain(path, number, f"no earlier stop calls {functions[0]}")
        if functions[0] not in bodies(source):
            complain(path, number, f"{functions[0]} is not defined in {', '.join(names)}")
        called |= calls_of(functions[0], source)
        called |= {plain(name) for name in ROUTE.findall(source)}
    return count


def check_links(path: pathlib.Path) -> int:
    count = 0
    fenced = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        if fenced:
            continue
        for target in LINK.findall(re.sub(r"`[^`]*`", "", line)):
            target = target.split("#", 1)[0]
            if not target or re.match(r"[a-z]+:", target):
                continue
            count += 1
            if not (path.parent / target).exists():
                complain(path, number, f"the link to {target} leads nowhere")
    return count


def main() -> int:
    walks = sorted((ROOT / "docs").glob("one-*.md"))
    num_stops = sum(check_walk(path) for path in walks)
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")),
             *sorted((ROOT / "third_party").glob("*.md")), *sorted((ROOT / "tests").rglob("*.md")),
             *sorted(SRC.rglob("*.md"))]
    num_links = sum(check_links(path) for path in pages if path.is_file())
    for error in errors:
        print(error)
    print(f"walks: {len(walks)} walks with {num_stops} stops, {num_links} links, {len(errors)} wrong")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
