#!/usr/bin/env python3
"""Counts the test cases in a CTest log and says why any of them skipped."""

import re
import sys


def main() -> int:
    with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
        lines = log.read().splitlines()
    passed = failed = 0
    reasons: dict[str, str] = {}
    for at, line in enumerate(lines):
        # GoogleTest prints the verdict a second time in its summary, there without the time taken.
        match = re.match(r"\[ +(OK|FAILED|SKIPPED) +\] (\S+?),?( .*)?\(\d+ ms\)$", line)
        if not match:
            continue
        verdict, name = match.group(1), match.group(2)
        if verdict == "OK":
            passed += 1
        elif verdict == "FAILED":
            failed += 1
        else:
            # What stands between "file:line: Skipped" and the verdict is the reason.
            start = at
            while start > 0 and not lines[start - 1].endswith(": Skipped") \
                    and not lines[start - 1].startswith("[ RUN"):
                start -= 1
            reason = " ".join(text.strip() for text in lines[start:at] if text.strip())
            reasons[name] = reason or "no reason given"
    for name, reason in reasons.items():
        print(f"skipped {name}: {reason}")
    print("GoogleTest cases:")
    print(f"{passed} passed, {failed} failed, {len(reasons)} skipped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
