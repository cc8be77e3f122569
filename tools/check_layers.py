#!/usr/bin/env python3
"""Holds every #include in src/ to tools/layers.txt, and src/CMakeLists.txt's rooms with it."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SRC = ROOT / "src"
LAYERS = ROOT / "tools" / "layers.txt"
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|(<[^>]+>))')
SUPPORT = "tests/support/"  # what a *_test.cc may include besides its room's own list

errors: list[str] = []


def complain(path: pathlib.Path, line: int, text: str) -> None:
    errors.append(f"{path.relative_to(ROOT)}:{line}: {text}")


def read_layers() -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Rooms to what they may include, and foreign header prefixes to the places that may include them."""
    rooms: dict[str, set[str]] = {}
    foreign: dict[str, set[str]] = {}
    for number, line in enumerate(LAYERS.read_text().splitlines(), 1):
        line = line.split("#", 1)[0].strip()
        if not line:
            continue
        name, _, rest = line.partition(":")
        if name.startswith("<"):
            foreign[name] = set(rest.split())
            continue
        allowed = set(rooms) if rest.strip() == "*" else set(rest.split())
        for dep in sorted(allowed - set(rooms)):
            complain(LAYERS, number, f"{name} may include {dep}, which does not stand above it")
        if name in rooms:
            complain(LAYERS, number, f"{name} stands here twice")
        rooms[name] = allowed | {name}
    return rooms, foreign


def check_include(path: pathlib.Path, number: int, target: str, allowed: set[str],
                  rooms: dict[str, set[str]]) -> None:
    if target.startswith(SUPPORT):
        if not path.stem.endswith("_test"):
            complain(path, number, f'"{target}" is for tests only')
        elif not (ROOT / target).is_file():
            complain(path, number, f'"{target}" does not exist')
        return
    room = target.split("/", 1)[0]
    if room not in rooms:
        complain(path, number, f'"{target}" does not begin with a room of tools/layers.txt')
    elif room not in allowed:
        here = path.relative_to(SRC).parts[0]
        complain(path, number, f'"{target}": {here} may not include {room}')
    elif not (SRC / target).is_file():
        complain(path, number, f'"{target}" does not exist')


def check_file(path: pathlib.Path, rooms: dict[str, set[str]], foreign: dict[str, set[str]]) -> None:
    inside = path.relative_to(SRC)
    room = inside.parts[0]
    if len(inside.parts) == 1 or room not in rooms:
        complain(path, 1, "stands in no room of tools/layers.txt")
        return
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        if match.group(1):
            check_include(path, number, match.group(1), rooms[room], rooms)
            continue
        for prefix, places in foreign.items():
            if match.group(2).startswith(prefix) and not any(
                    inside.as_posix().startswith(place + "/") for place in places):
                complain(path, number, f"{match.group(2)} belongs to {', '.join(sorted(places))} alone")


def check_cmake(rooms: dict[str, set[str]]) -> None:
    path = SRC / "CMakeLists.txt"
    text = re.sub(r"#[^\n]*", "", path.read_text())
    for match in re.finditer(r"carat_room\(\s*NAME\s+(\w+)([^)]*)\)", text):
        number = text.count("\n", 0, match.start()) + 1
        name = match.group(1)
        deps = re.search(r"\bDEPS\b((?:\s+[a-z]\w*)*)", match.group(2))
        if name not in rooms:
            complain(path, number, f"room {name} is not in tools/layers.txt")
            continue
        for dep in deps.group(1).split() if deps else []:
            if dep not in rooms[name]:
                complain(path, number, f"{name} may not depend on {dep}")


def main() -> int:
    rooms, foreign = read_layers()
    files = [p for p in sorted(SRC.rglob("*")) if p.suffix in (".h", ".inc", ".cc") and p.is_file()]
    for path in files:
        check_file(path, rooms, foreign)
    check_cmake(rooms)
    for error in errors:
        print(error)
    print(f"layers: {len(files)} files, {len(errors)} violations")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
