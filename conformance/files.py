# SPDX-License-Identifier: Apache-2.0
"""Reads and writes the index and the arrays of conformance/. README.md describes their contents."""
import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np

import package  # noqa: F401 - finds the package pyxent
from pyxent.conformance import NUMBERS, number
from pyxent.conformance import read as read_index

HERE = Path(__file__).resolve().parent


def read(index=HERE / "cases.json"):
    """The version of the numerics and the cases, their files as arrays."""
    return read_index(Path(index))


class Writer:
    """Writes a directory of cases; equal arrays share a file."""

    def __init__(self, directory, numerics):
        self.directory, self.numerics, self.lines, self.known, self.files = Path(directory), numerics, [], {}, {}

    def array(self, case, name, type_name, array):
        key = type_name, array.dtype.str, array.shape, array.tobytes()
        if key not in self.known:
            family, rest = case.split("/", 1)
            path = f"data/{family}/{re.sub('[^a-z0-9_]+', '-', rest.lower())}.{name}.npy"
            if path in self.files:
                raise ValueError(f"two cases would write {path}")
            content = io.BytesIO()
            np.save(content, array)
            self.files[path] = content.getvalue()
            self.known[key] = path
        return {"type": type_name, "file": self.known[key]}

    def case(self, case, results):
        """Writes a case and the results of the library."""
        whole = case.shape or case.inputs["logits" if "logits" in case.inputs else "output"].shape
        entry = {"name": case.name, "function": case.function, "shape": list(whole), "axis": case.axis % len(whole)}
        options = {name: value for name, value in case.options.items() if name != "top_count"}
        if options:
            entry["options"] = options
        if case.sampling:
            entry["sampling"] = case.sampling
        if case.parts:
            entry["parts"] = case.parts
        entry["inputs"] = {name: self.array(case.name, name, case.types[name], array)
                           for name, array in case.inputs.items()}
        entry["outputs"] = {name: self.array(case.name, name, case.wanted[name], results[name])
                            for name in case.wanted if name not in NUMBERS}
        numbers = {name: number(results[name]) for name in NUMBERS if name in case.wanted}
        if numbers:
            entry["numbers"] = numbers
        self.lines.append(json.dumps(entry))

    def close(self):
        text = f'{{"format": 1, "numerics": {self.numerics}, "cases": [\n' + ",\n".join(self.lines) + "\n]}\n"
        (self.directory / "cases.json").write_text(text)
        (self.directory / "data").mkdir(parents=True, exist_ok=True)
        archives = {}
        for path, content in self.files.items():
            archives.setdefault(Path(path).parent, []).append((Path(path).name, content))
        for path, members in archives.items():
            pack(self.directory / path.with_suffix(".npz"), members)


def pack(path, members):
    """An archive of (name, bytes), the same bytes whenever and wherever it is made: nothing in it is compressed or dated."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members:
            about = zipfile.ZipInfo(name)
            about.create_system, about.external_attr = 3, 0o644 << 16
            archive.writestr(about, content)
