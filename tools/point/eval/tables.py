#!/usr/bin/env python3
"""Put what was measured into the tables of a document.

    eval/tables.py docs/point.md PRINTED ...

PRINTED: what run.py, drafts.py or make_point_goldens.py printed. Every row that names a skill or a kind of turn gets its
numbers; the rest of the document stays. Fails where a measured name has no row.
"""

import pathlib
import re
import sys

SKILL = re.compile(r"(.+?) +(\d+) of +(\d+) +([\d.]+) %")
TURN = re.compile(r"(.+?) +(\d+) +([\d.]+) +([\d.]+ %) +([\d.]+ %) +([\d.]+ %)$")


def row_of(line):
    """The name and the row that a printed line stands for, or nothing."""
    if found := TURN.match(line):
        return found[1], found.groups()
    if found := SKILL.match(line):
        return found[1], (*found.groups()[:3], found[4] + " %")
    return None


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    document = pathlib.Path(sys.argv[1])
    text = document.read_text(encoding="utf-8")
    for line in "\n".join(pathlib.Path(path).read_text() for path in sys.argv[2:]).splitlines():
        if (found := row_of(line.strip())) is None:
            continue
        name, cells = found
        row = re.compile(rf"^\| {re.escape(name)} (\|[^|\n]*){{{len(cells) - 1}}}\|$", re.MULTILINE)
        if len(row.findall(text)) != 1:
            sys.exit(f"{document}: not one row of {len(cells)} cells for {name}")
        text = row.sub(lambda _: f"| {' | '.join(cells)} |", text)
    document.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
