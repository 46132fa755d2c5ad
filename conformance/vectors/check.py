#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the programs of this folder on the archive that pack.py writes: 0 values may differ.

    python3 conformance/vectors/check.py

Then plants mistakes in each program, one at a time: some values must differ. A program whose compiler is missing is
named and left out. Needs no package.
"""
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pack

COMPILERS = {
    "vectors.py": [],
    "vectors.c": ["cc", "-O2", "-std=c11", "-ffp-contract=off", "vectors.c", "-lm", "-o", "vectors"],
    "vectors.rs": ["rustc", "-O", "--edition", "2021", "vectors.rs", "-o", "vectors"],
}
# What someone may get wrong, as a pattern in the programs and what stands there instead.
MISTAKES = {
    "the label's term is in the sum of the others":
        (r" (or begin \+ i == label|\|\| at \+ i == label|\|\| label == Some\(i\))", ""),
    "lanes of nine to sixteen classes are added in double": (r"classes <= 16", "classes <= 8"),
    "a class without a target adds +0 instead of -0": (r"-0\.0(f?)( if not share| :| \} else)", r"0.0\1\2"),
    "tiny gradients are not carried": (r"(cc\)|cc\.abs\(\)) < (2\.0\*\*31|0x1p31|two\(31\.0\))", r"\1 < 0.0"),
}
# Those of one program alone.
OWN_MISTAKES = {
    "vectors.py": {
        "the targets of a probability row are taken to sum to 1": (r"cc \* \(q \+ 2", "cc * (1.0 + 2"),
        "a probability row is smoothed with two roundings":
            (r"fma\(f\(1 - epsilon\), q, f\(share\)\)", "f(f((1 - epsilon) * q) + f(share))"),
    },
}


def outcome(folder, name):
    """The last line that the program prints, and its exit code."""
    if COMPILERS[name]:
        subprocess.run(COMPILERS[name], cwd=folder, check=True)
    command = [sys.executable, name] if name.endswith(".py") else ["./vectors"]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=False)
    return (done.stdout.splitlines() or ["no output"])[-1], done.returncode


def check(folder, name):
    """Whether the program finds no difference, and finds every planted mistake."""
    line, code = outcome(folder, name)
    print(line)
    if code or not line.endswith(" 0 differ"):
        return False
    source = (folder / name).read_text(encoding="utf-8")
    missed = []
    mistakes = MISTAKES | OWN_MISTAKES.get(name, {})
    for mistake, (pattern, instead) in mistakes.items():
        text, count = re.subn(pattern, instead, source)
        if not count:
            sys.exit(f"check.py: {name} has nothing like {pattern}")
        (folder / name).write_text(text, encoding="utf-8")
        line, code = outcome(folder, name)
        if code != 1 or line.endswith(" 0 differ"):
            missed.append(mistake)
    print(f"  {len(mistakes) - len(missed)} of {len(mistakes)} planted mistakes found", *missed, sep="\n  not found: ")
    return not missed


def main():
    failed = []
    with tempfile.TemporaryDirectory() as directory:
        for name, compiler in COMPILERS.items():
            if compiler and not shutil.which(compiler[0]):
                print(f"{name}: left out, as there is no {compiler[0]}")
                continue
            folder = Path(directory, name)
            pack.pack(folder)
            if not check(folder, name):
                failed.append(name)
    return f"check.py: {' and '.join(failed)} failed" if failed else 0


if __name__ == "__main__":
    sys.exit(main())
