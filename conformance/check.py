#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares what a libxent.so computes with the expected bits of every case, on every instruction set.

    python3 conformance/check.py --library build/libxent.so [--facts build/abi_facts]

With the program that says what the C compiler makes of xent.h, the structs of xent.py are compared first. Exits
with 0 where no value differs, 1 where one does, 77 without NumPy (1 where XENT_REQUIRE_NUMPY is set).
"""
import argparse
import ctypes
import os
import subprocess
import sys

try:
    import numpy as np
except ImportError:
    print("skipped: check.py needs NumPy, and this Python has none (Debian: apt-get install python3-numpy)")
    sys.exit(1 if os.environ.get("XENT_REQUIRE_NUMPY") else 77)

import files
from xent import STRUCTS, Library, XentError


def strange_structs(program):
    """Lines that say where xent.py and the C compiler disagree, of the structs that xent.py has."""
    ours, theirs = set(), set()
    for line in subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines():
        if line.split()[1] in STRUCTS:
            theirs.add(line)
    for name, struct in STRUCTS.items():
        ours.add(f"struct {name} {ctypes.sizeof(struct)}")
        for field, *_ in struct._fields_:
            place = getattr(struct, field)
            ours.add(f"field {name} {field} {place.offset} {place.size}")
    return [f"{who}: {line}" for who, lines in (("xent.py", ours - theirs), ("C", theirs - ours))
            for line in sorted(lines)]


def differing(got, want):
    """How many values have other bits."""
    size = want.dtype.itemsize
    return int(np.count_nonzero(got.reshape(-1).view(f"u{size}") != want.reshape(-1).view(f"u{size}")))


def wanted_of(case):
    types = {name: entry["type"] for name, entry in case["outputs"].items()}
    numbers = dict.fromkeys(case.get("numbers", {}), "f64")
    return {**types, **numbers}


def compare(library, case, isa, in_parts):
    """(values compared, lines that say what differs)"""
    options = {**case.get("options", {})}
    top = case["outputs_arrays"].get("top_classes")
    if top is not None:
        options["top_count"] = top.shape[case["axis"]]
    types = {name: entry["type"] for name, entry in case["inputs"].items()}
    results = library.run(case["function"], case["inputs_arrays"], case["axis"], options, wanted_of(case),
                          case["shape"], types, isa, case["parts"] if in_parts else None)
    where = f"{case['name']}, {isa}{', in parts' if in_parts else ''}"
    compared, lines = 0, []
    for name, want in case["outputs_arrays"].items():
        compared += want.size
        wrong = differing(results[name], want)
        if wrong:
            lines.append(f"{where}: {wrong} of {want.size} values of {name} differ")
    for name, want in case.get("numbers", {}).items():
        compared += 1
        if files.number(results[name]) != want:
            lines.append(f"{where}: {name} is {files.number(results[name])} instead of {want}")
    return compared, lines


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--library", required=True, help="libxent.so")
    arguments.add_argument("--facts", help="the program abi_facts of the C build")
    given = arguments.parse_args()
    strange = strange_structs(given.facts) if given.facts else []
    if strange:
        print(*strange, sep="\n")
        return 1
    library = Library(given.library)
    numerics, cases = files.read()
    if library.numerics_version != numerics:
        print(f"the library has numerics version {library.numerics_version}, the cases have {numerics}")
        return 1
    compared, lines = 0, []
    for isa in library.isas():
        for case in cases:
            for in_parts in (False, True)[:1 + ("parts" in case)]:
                try:
                    count, differences = compare(library, case, isa, in_parts)
                except XentError as error:
                    count, differences = 0, [f"{case['name']}, {isa}: {error}"]
                compared += count
                lines += differences
    print(*lines[:50], sep="\n", end="\n" if lines else "")
    print(f"expected = python with {' = '.join(library.isas())}: {len(cases)} cases, {compared} values compared, "
          f"{len(lines)} arrays differ")
    return 1 if lines or not compared else 0


if __name__ == "__main__":
    sys.exit(main())
