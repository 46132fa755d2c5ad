# SPDX-License-Identifier: Apache-2.0
"""The index and the .npy files of conformance/, read and written. README.md says what is in them."""
import json
import re
from pathlib import Path

import numpy as np

from xent import TYPES

HERE = Path(__file__).resolve().parent
NUMBERS = ("sum", "counted", "denominator")


def read(index=HERE / "cases.json"):
    """The version of the numerics and the cases, their files as arrays."""
    whole = json.loads(Path(index).read_text())
    cache = {}

    def array(entry):
        path = Path(index).parent / entry["file"]
        if path not in cache:
            cache[path] = np.load(path)
        if cache[path].dtype != TYPES[entry["type"]][1]:
            raise ValueError(f"{path} holds {cache[path].dtype}, which is not {entry['type']}")
        return cache[path]

    for case in whole["cases"]:
        for group in ("inputs", "outputs"):
            case[group + "_arrays"] = {name: array(entry) for name, entry in case[group].items()}
    return whole["numerics"], whole["cases"]


class Writer:
    """Writes a directory of cases; equal arrays share a file."""

    def __init__(self, directory, numerics):
        self.directory, self.numerics, self.lines, self.known, self.paths = Path(directory), numerics, [], {}, set()

    def array(self, case, name, type_name, array):
        key = type_name, array.dtype.str, array.shape, array.tobytes()
        if key not in self.known:
            family, rest = case.split("/", 1)
            path = f"data/{family}/{re.sub('[^a-z0-9_]+', '-', rest.lower())}.{name}.npy"
            if path in self.paths:
                raise ValueError(f"two cases would write {path}")
            self.paths.add(path)
            (self.directory / path).parent.mkdir(parents=True, exist_ok=True)
            np.save(self.directory / path, array)
            self.known[key] = path
        return {"type": type_name, "file": self.known[key]}

    def case(self, case, results):
        """A case and what the library gave."""
        whole = case.shape or case.inputs["logits" if "logits" in case.inputs else "output"].shape
        entry = {"name": case.name, "function": case.function, "shape": list(whole), "axis": case.axis % len(whole)}
        options = {name: value for name, value in case.options.items() if name != "top_count"}
        if options:
            entry["options"] = options
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


def number(value):
    """A double as hexadecimal digits, an integer as it is."""
    return int(value) if value.dtype.kind == "i" else float(value).hex()
