#!/usr/bin/env python3
"""Proves that no code compiled for one instruction set can leak into the rest of the program.

usage: check_kernel_symbols.py BUILD_FOLDER

The files below src/kernels/x86/ and arm/ alone are compiled with -mavx2 and the like. An inline function
that one of them shares with other files is emitted as a weak symbol, and the linker may keep that copy for
everybody: the program then dies of an illegal instruction far from here, on older machines only. So each
such file is compiled again at -O0, where nothing is inlined away, and must define exactly one strong
external symbol, the getter of its table, and no weak one. Its includes are held to the short list below.
"""

import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
KERNELS = ROOT / "src" / "kernels"
INCLUDE = re.compile(r'^\s*#\s*include\s+("[^"]+"|<[^>]+>)', re.MULTILINE)
ALLOWED = {"<cstdint>", "<cstddef>", "<immintrin.h>", "<arm_neon.h>", '"kernels/kernels.h"',
           '"tensor/quant_blocks.h"'}


def is_isa_file(path: pathlib.Path) -> bool:
    inside = path.relative_to(KERNELS).parts if path.is_relative_to(KERNELS) else ()
    return len(inside) > 1 and inside[0] in ("x86", "arm") and not path.stem.endswith("_test")


def check_includes(path: pathlib.Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    # Besides the list, what is written for the same family only: "kernels/x86/...".
    own = '"' + "/".join(path.relative_to(ROOT / "src").parts[:2]) + "/"
    errors = []
    for match in INCLUDE.finditer(text):
        if match.group(1) not in ALLOWED and not match.group(1).startswith(own):
            line = text.count("\n", 0, match.start(1)) + 1
            errors.append(f"{path.relative_to(ROOT)}:{line}: {match.group(1)} may not be included here")
    return errors


def compile_plain(entry: dict, out: pathlib.Path) -> None:
    words = entry.get("arguments") or shlex.split(entry["command"])
    if os.path.basename(words[0]) in ("ccache", "sccache"):
        words = words[1:]
    kept, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word in ("-o", "-MF", "-MT", "-MQ"):
            skip = True
        elif word in ("-c", "-MD", "-MMD") or word.startswith(("-fsanitize", "-fno-sanitize", "-O", "-g")):
            continue
        else:
            kept.append(word)
    subprocess.run([*kept, "-O0", "-c", "-o", str(out)], cwd=entry["directory"], check=True)


def check_symbols(path: pathlib.Path, obj: pathlib.Path) -> list[str]:
    listing = subprocess.run(["nm", "--demangle", "--extern-only", "--defined-only", str(obj)], check=True,
                             capture_output=True, text=True).stdout
    strong, weak = [], []
    for line in listing.splitlines():
        _, kind, name = line.split(" ", 2)
        (weak if kind in "VvWwui" else strong).append(name)
    where = path.relative_to(ROOT)
    errors = [f"{where}: shares the inline function or variable {name}; put it into an anonymous namespace"
              for name in weak if not name.startswith("DW.ref.")]
    if len(strong) != 1:
        found = ", ".join(strong) or "none"
        errors.append(f"{where}: must define one external symbol, its table getter; found: {found}")
    return errors


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    commands = json.loads((pathlib.Path(sys.argv[1]) / "compile_commands.json").read_text())
    entries = {}
    for entry in commands:
        path = pathlib.Path(entry["directory"], entry["file"]).resolve()
        if is_isa_file(path):
            entries[path] = entry
    errors = []
    for path in sorted(p for p in KERNELS.rglob("*") if p.suffix in (".h", ".inc", ".cc") and is_isa_file(p)):
        errors += check_includes(path)
    with tempfile.TemporaryDirectory() as folder:
        for number, (path, entry) in enumerate(sorted(entries.items())):
            obj = pathlib.Path(folder, f"{number}.o")
            compile_plain(entry, obj)
            errors += check_symbols(path, obj)
    for error in errors:
        print(error)
    print(f"kernel symbols: {len(entries)} objects, {len(errors)} wrong")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
