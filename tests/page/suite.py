#!/usr/bin/env python3
"""suite.py CARAT [--pictures FOLDER] [TEST…]: carat's page in Debian's Chromium, on a real `carat serve` with carat-point.

Needs the packages of requirements.txt and /usr/bin/chromium; without them it ends with 77, which CTest takes for
skipped. With --pictures it writes those of docs/page.md.
"""

import sys
import unittest
from pathlib import Path

import harness
from harness import expect
from kept import KeptTest
from media import MediaTest
from talk import TalkTest

__all__ = ["KeptTest", "MediaTest", "TalkTest"]

if __name__ == "__main__":
    arguments = sys.argv[2:]
    if arguments[:1] == ["--pictures"]:
        harness.PICTURES = Path(arguments[1])
        arguments = arguments[2:]
    expect.set_options(timeout=15_000)
    unittest.main(argv=[sys.argv[0], "-v", *arguments])
