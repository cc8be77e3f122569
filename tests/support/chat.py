"""chat.py CARAT LINE…: types the lines into `carat run` on a terminal, each when the one before is answered. "!COMMAND" runs a command instead."""

import os
import pty
import re
import select
import subprocess
import sys

program, lines = sys.argv[1], sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.environ["TERM"] = "dumb"
    os.execv(program, [program, "run"])
shown = b""


def until(pattern):
    """Reads until what was shown since the last call ends so."""
    global shown
    fresh = b""
    while not re.search(pattern, fresh):
        if not select.select([terminal], [], [], 30)[0]:
            break
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        fresh += piece
    shown += fresh


PROMPT = rb"> [^\n]{0,20}$"
until(PROMPT)
for line in lines:
    if line.startswith("!"):
        subprocess.run(line[1:], shell=True, check=True)
        continue
    os.write(terminal, line.encode() + b"\r")
    until(rb"\n(.*\n)*.*" + PROMPT)
os.write(terminal, b"/quit\r")
until(rb"$^")
sys.stdout.buffer.write(shown)
