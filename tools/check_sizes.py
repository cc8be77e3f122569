#!/usr/bin/env python3
"""Fails on a source file of more than 800 lines and names those above 400.

A table may be longer: it says so with "size-exempt: REASON" in a comment in its first ten lines.
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ("src", "tests", "fuzz", "bench", "tools", "cmake", "web")
SUFFIXES = {".cc", ".h", ".inc", ".py", ".sh", ".cmake", ".js", ".css", ".ts", ".tsx"}
NOT_OURS = ("web/node_modules/", "src/page/files/")  # fetched, built
SPLIT_AT = 800
JUSTIFY_AT = 400


def main() -> int:
    files = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*")
                   if path.is_file() and (path.suffix in SUFFIXES or path.name == "CMakeLists.txt")
                   and not str(path.relative_to(ROOT)).startswith(NOT_OURS))
    too_long = 0
    for path in files:
        lines = path.read_text(encoding="utf-8").splitlines()
        if len(lines) <= JUSTIFY_AT or any("size-exempt:" in line for line in lines[:10]):
            continue
        kind = "warning"
        if len(lines) > SPLIT_AT:
            too_long += 1
            kind = "error"
        print(f"{path.relative_to(ROOT)}: {kind}: {len(lines)} lines; "
              f"justify above {JUSTIFY_AT}, split above {SPLIT_AT}")
    print(f"sizes: {len(files)} files, {too_long} too long")
    return 1 if too_long else 0


if __name__ == "__main__":
    sys.exit(main())
