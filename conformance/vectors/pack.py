#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the files of the archive xent-vectors, which README.md of this folder describes.

    python3 conformance/vectors/pack.py FOLDER

Needs no package. Equal inputs make equal bytes.
"""
import argparse
import json
import os
import re
import shutil
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CONFORMANCE = HERE.parent
PAGES = HERE / "README.md", CONFORMANCE / "numerics.md"
COPIED = HERE / "vectors.py", HERE / "vectors.c", HERE / "vectors.rs", CONFORMANCE.parent / "LICENSE"
REPOSITORY = "https://github.com/OWNER/xent/blob/main/"


def contents(npy):
    """The shape and the data of a .npy file of version 1."""
    length = int.from_bytes(npy[8:10], "little")
    header = npy[10:10 + length].decode("ascii")
    if npy[:7] != b"\x93NUMPY\x01" or "'fortran_order': False" not in header:
        raise ValueError("not a .npy file of version 1 in C order")
    shape = re.search(r"'shape': \(([0-9, ]*)\)", header)[1]
    return [int(n) for n in shape.split(",") if n.strip()], npy[10 + length:]


class Arrays:
    """The arrays of the index in one file. Each begins at a multiple of eight bytes."""

    def __init__(self):
        self.archives, self.places, self.data = {}, {}, bytearray()

    def place(self, file):
        """The offset of an array of the index, and the number of its values."""
        if file not in self.places:
            path = Path(file)
            archive = path.parent.with_suffix(".npz")
            if archive not in self.archives:
                self.archives[archive] = zipfile.ZipFile(CONFORMANCE / archive)
            shape, data = contents(self.archives[archive].read(path.name))
            self.data += bytes(-len(self.data) % 8)
            count = 1
            for length in shape:
                count *= length
            self.places[file] = len(self.data), count
            self.data += data
        return self.places[file]


def text(value):
    """A value of an option as one word: doubles are hexadecimal."""
    return value.hex() if isinstance(value, float) else str(value).lower()


def lines_of(case, arrays):
    outer = inner = 1
    for at, length in enumerate(case["shape"]):
        outer *= length if at < case["axis"] else 1
        inner *= length if at > case["axis"] else 1
    yield f"case {case['name']}"
    yield f"function {case['function']}"
    yield f"shape {outer} {case['shape'][case['axis']]} {inner}"
    for group, word in ("options", "option"), ("sampling", "sampling"), ("numbers", "number"):
        for name, value in case.get(group, {}).items():
            yield f"{word} {name} {text(value)}"
    if "parts" in case:
        yield " ".join(["parts", *map(str, case["parts"])])
    for group, word in ("inputs", "input"), ("outputs", "output"):
        for name, entry in case[group].items():
            yield "{} {} {} {} {}".format(word, name, entry["type"], *arrays.place(entry["file"]))
    yield "end"


def page(path):
    """The text of a page whose links lead to the archive's files, or to the repository."""
    def link(found):
        target, _, place = found[1].partition("#")
        if not target or ":" in target:
            return found[0]
        if (path.parent / target).resolve() in PAGES:
            return f"]({Path(target).name})"
        return f"]({REPOSITORY}{os.path.relpath(path.parent / target, CONFORMANCE.parent)}{'#' * bool(place)}{place})"
    return re.sub(r"\]\(([^)\s]+)\)", link, path.read_text(encoding="utf-8"))


def pack(folder):
    """Writes the archive's files; returns how many cases there are, and the size of the arrays."""
    index = json.loads((CONFORMANCE / "cases.json").read_text(encoding="utf-8"))
    arrays = Arrays()
    lines = [f"xent-vectors 1 numerics {index['numerics']}"]
    for case in index["cases"]:
        lines += lines_of(case, arrays)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cases.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "arrays.bin").write_bytes(arrays.data)
    for path in PAGES:
        (folder / path.name).write_text(page(path), encoding="utf-8")
    for path in COPIED:
        shutil.copyfile(path, folder / path.name)
    return len(index["cases"]), len(arrays.data)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("folder", type=Path)
    cases, size = pack(arguments.parse_args().folder)
    print(f"{cases} cases, {size} bytes of arrays")


if __name__ == "__main__":
    main()
