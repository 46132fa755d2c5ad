# SPDX-License-Identifier: Apache-2.0
"""Expected bits in files, which Java, C and Python must reproduce; conformance/README.md describes the files.

    python -m pyxent conformance [DIRECTORY] [--facts PROGRAM]

Needs NumPy. The files store bfloat16 as uint16, and so do the arrays here.
"""
from __future__ import annotations

import ctypes
import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pyxent._arrays import bfloat16
from pyxent._call import Call, workspace_of
from pyxent._functions import FUNCTIONS, RULES
from pyxent._native import (HIDDEN_GRADIENT, ISAS, STRUCTS, TIES, WEIGHTS_GRADIENT, WHOLE_ROWS, ExactSum, Library,
                            Report, Sampling, State, library, sized)
from pyxent._native import RULES as RULE_SETS
from pyxent._options import options_of
from pyxent.errors import XentError

# The NumPy type of each type of the files.
DTYPES = {"f32": "<f4", "f64": "<f8", "f16": "<f2", "bf16": "<u2", "i8": "i1", "u8": "u1", "i16": "<i2", "i32": "<i4",
          "i64": "<i8", "u16": "<u2", "u32": "<u4", "u64": "<u8"}
NUMBERS = ("sum", "valid_rows", "denominator")
_LAYER_GRADIENTS = ("hidden_gradient", "weights_gradient", "bias_gradient")
_LAYER_CONTENTS = WEIGHTS_GRADIENT | WHOLE_ROWS | HIDDEN_GRADIENT


# ---- files --------------------------------------------------------------------------------------------------------


class Archives:
    """The arrays in a directory: data/NAME/FILE.npy of the index is FILE.npy in data/NAME.npz."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.open = directory, dict[Path, dict[str, Any]]()

    def array(self, entry: Mapping[str, str]) -> Any:
        """Reads an array of a case by its entry in the index."""
        import numpy

        path = Path(entry["file"])
        archive = path.parent.with_suffix(".npz")
        if archive not in self.open:
            self.open[archive] = dict(numpy.load(self.directory / archive))
        array = self.open[archive][path.stem]
        if array.dtype != numpy.dtype(DTYPES[entry["type"]]):
            raise ValueError(f"{path} holds {array.dtype}, which is not {entry['type']}")
        return array


def read(index: Path) -> tuple[int, list[dict[str, Any]]]:
    """Reads the numerics version and the cases, with their files as arrays."""
    whole = json.loads(index.read_text(encoding="utf-8"))
    archives = Archives(index.parent)
    for case in whole["cases"]:
        for group in ("inputs", "outputs"):
            case[group + "_arrays"] = {name: archives.array(entry) for name, entry in case[group].items()}
    return whole["numerics"], whole["cases"]


# ---- calls of any function ------------------------------------------------------------------------------------------


def run(function: str, inputs: Mapping[str, Any], axis: int, options: Mapping[str, Any] | None = None,
        wanted: Mapping[str, str] | None = None, types: Mapping[str, str] | None = None, isa: str = "best",
        parts: Sequence[int] | None = None, of: Library | None = None,
        sampling: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Computes a function of xent.h by its name.

    `softmax_forward` and `log_softmax_forward` are xent_softmax and xent_log_softmax. `cross_entropy_backward` is the
    gradient from the statistics of a cross_entropy, and `linear_cross_entropy_backward` that of a linear_cross_entropy.

    inputs   arrays by their names in xent.h
    axis     the class axis
    options  fields of xent_options, and `top_count`
    wanted   names of results -> their types; also `sum`, `valid_rows` and `denominator`
    types    names of inputs -> types, for types that NumPy does not have (bf16)
    parts    bounds of the class ranges that are computed separately
    sampling fields of xent_sampling, one for all rows
    """
    return _Case(of or library(), function, inputs, axis, dict(options or {}), wanted or {}, types or {}, isa,
                 dict(sampling or {})).run(parts)


class _Case:
    def __init__(self, found: Library, function: str, inputs: Mapping[str, Any], axis: int, options: dict[str, Any],
                 wanted: Mapping[str, str], types: Mapping[str, str], isa: str, sampling: dict[str, Any]) -> None:
        self.function, self.wanted = function.removesuffix("_forward"), wanted
        given = {name: bfloat16(array) if types.get(name) == "bf16" else array for name, array in inputs.items()}
        linear = function.startswith("linear_")
        lead = RULES[FUNCTIONS[self.function].rules[0]].array
        classes = len(inputs["weights"]) if linear else None
        call = self.call = Call(found, self.function, given[lead], axis, given.get("row_offsets"), classes)
        if linear:
            self._prepare_layer()
        call.counts["top_count"] = options.pop("top_count", 0)
        self.options = options_of(found, **options)
        self.options.isa = ISAS[isa]
        if call.elements:
            if "targets" in given:
                call.take_element_targets(given["targets"])
        elif function == "selected_log_probabilities":
            call.take_selected(given["targets"])
        elif "targets" in given:
            call.take_targets(given["targets"], given.get("target_weights"))
        for name, array in given.items():
            if name not in (lead, "targets", "target_weights", "row_offsets"):
                call.take(name, array)
        for name, type_ in wanted.items():
            if name not in NUMBERS:
                call.write(name, True, type_.upper())
        call.prepare()
        if function == "sample":
            size = call.sample_workspace
            call.workspace = lambda rows: workspace_of(size)
            self.sampling = sized(Sampling, rules=RULE_SETS[sampling.pop("rules", "xent")],
                                  ties=TIES[sampling.pop("ties", None)], **sampling)

    def _prepare_layer(self) -> None:
        call = self.call
        features = call.counts["features"] = call.lead.shape[call.axis]
        size = call.library.c.xent_linear_workspace(max(call.rows, 1), features, call.classes, _LAYER_CONTENTS)
        call.workspace = lambda rows: workspace_of(size)

    def run(self, parts: Sequence[int] | None) -> dict[str, Any]:
        import numpy

        call, numbers = self.call, dict[str, Any]()
        if {"valid_rows", "denominator"} & self.wanted.keys() and self.function != "sample":
            elements = call.elements
            report = sized(Report)
            call.invoke(self.function if elements else "check_targets", self.options, 0, call.rows, 0, report,
                        without=("losses", "gradient") if elements else ())
            numbers = {"valid_rows": numpy.array(report.valid_rows), "denominator": numpy.array(report.denominator)}
        exact_sum = sized(ExactSum)
        if self.function == "sample":
            call.requests = lambda first: self.sampling
            report = call.invoke("sample", self.options, 0, call.rows)
            numbers["valid_rows"] = numpy.array(report.valid_rows)
        elif parts:
            self._run_parts([0, *parts, call.classes], exact_sum)
        else:
            if self.function.endswith("cross_entropy_backward"):
                call.keep_statistics()
                call.invoke(self.function.removesuffix("_backward"), self.options, 0, call.rows,
                            without=("gradient", *_LAYER_GRADIENTS))
            call.invoke(self.function, self.options, 0, call.rows, exact_sum=exact_sum if "sum" in self.wanted else None)
        numbers["sum"] = numpy.array(call.library.exact_sum_value(exact_sum))
        arrays = {name: array.view(DTYPES[self.wanted[name]]) for name, array in call.results.items()}
        return {**arrays, **{name: numbers[name] for name in NUMBERS if name in self.wanted}}

    def _run_parts(self, bounds: Sequence[int], exact_sum: ExactSum) -> None:
        """Computes class ranges separately, the last one first: states, then one finish, then outputs."""
        call = self.call
        ranges = list(zip(bounds, bounds[1:]))[::-1]
        call.states = (State * (max(call.rows, 1) * call.chunks))()
        linear = self.function == "linear_cross_entropy"
        states = ("linear_states" if linear else
                  "backward_states" if self.function.endswith("softmax_backward") else "forward_states")
        log = ("output",) if self.function == "log_softmax_backward" else ()
        self._each(states, ranges, (*log, "statistics"))
        call.keep_statistics()
        report, adds = sized(Report), exact_sum if "sum" in self.wanted else None
        if call.invoke("finish", self.options, 0, call.rows, 0, report, adds).unfinished:
            self._each(states, ranges)
            call.invoke("finish", self.options, 0, call.rows, 0, report, adds, second_round=1)
        if linear:  # the gradient of hidden states needs all classes
            call.invoke("linear_cross_entropy_backward", self.options, 0, call.rows)
            self._each("linear_cross_entropy_backward", ranges, ("hidden_gradient",))
        if "gradient" in call.results or "output" in call.results:
            self._each("cross_entropy_backward" if self.function == "cross_entropy" else self.function, ranges)

    def _each(self, function: str, ranges: Sequence[tuple[int, int]], without: Sequence[str] = ()) -> None:
        for classes in ranges:
            self.call.invoke(function, self.options, 0, self.call.rows, classes=classes, without=without)


# ---- the check ----------------------------------------------------------------------------------------------------


def strange_structs(program: str) -> list[str]:
    """Lines with differences between this package and a C compiler; the program is abi_facts of the C build."""
    ours, theirs = set(), set()
    for line in subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines():
        if line.split()[1] in STRUCTS:
            theirs.add(line)
    for name, struct in STRUCTS.items():
        ours.add(f"struct {name} {ctypes.sizeof(struct)}")
        for field, *_ in struct._fields_:
            place = getattr(struct, field)
            ours.add(f"field {name} {field} {place.offset} {place.size}")
    both = ("Python", ours - theirs), ("C", theirs - ours)
    return [f"{who}: {line}" for who, lines in both for line in sorted(lines)]


def differing(got: Any, expected: Any) -> int:
    """The number of values with different bits."""
    import numpy

    bits = f"u{expected.dtype.itemsize}"
    return int(numpy.count_nonzero(numpy.asarray(got).reshape(-1).view(bits) != expected.reshape(-1).view(bits)))


def number(value: Any) -> int | str:
    """A double as hexadecimal digits, an integer unchanged."""
    return int(value) if value.dtype.kind == "i" else float(value).hex()


def compare(case: Mapping[str, Any], isa: str, in_parts: bool = False) -> tuple[int, list[str]]:
    """Returns the number of values compared in a case, and lines that describe the differences."""
    outputs, numbers = case["outputs_arrays"], case.get("numbers", {})
    options = dict(case.get("options", {}))
    if "top_classes" in outputs:
        options["top_count"] = outputs["top_classes"].shape[case["axis"]]
    wanted = {**{name: entry["type"] for name, entry in case["outputs"].items()}, **dict.fromkeys(numbers, "f64")}
    where = f"{case['name']}, {isa}{', in parts' if in_parts else ''}"
    try:
        results = run(case["function"], case["inputs_arrays"], case["axis"], options, wanted,
                      {name: entry["type"] for name, entry in case["inputs"].items()}, isa,
                      case["parts"] if in_parts else None, sampling=case.get("sampling"))
    except XentError as error:
        return 0, [f"{where}: {error}"]
    wrong = {name: differing(results[name], expected) for name, expected in outputs.items()}
    lines = [f"{where}: {count} of {outputs[name].size} values of {name} differ"
             for name, count in wrong.items() if count]
    lines += [f"{where}: {name} is {number(results[name])} instead of {expected}" for name, expected in numbers.items()
              if number(results[name]) != expected]
    return sum(expected.size for expected in outputs.values()) + len(numbers), lines


def check(directory: Path, facts: str | None = None) -> int:
    """Compares all cases on every instruction set; returns 0 if no value differs, otherwise 1."""
    strange = strange_structs(facts) if facts else []
    if strange:
        print(*strange, sep="\n")
        return 1
    isas = library().isas
    numerics, cases = read(directory / "cases.json")
    found = int(library().c.xent_numerics_version())
    if found != numerics:
        print(f"the library has numerics version {found}, the cases have {numerics}")
        return 1
    compared, lines = 0, list[str]()
    for isa, case, in_parts in _calls(isas, cases):
        count, differences = compare(case, isa, in_parts)
        compared += count
        lines += differences
    print(*lines[:50], sep="\n", end="\n" if lines else "")
    print(f"expected = python with {' = '.join(isas)}: {len(cases)} cases, {compared} values compared, {len(lines)} "
          f"arrays differ")
    return 1 if lines or not compared else 0


def _calls(isas: Sequence[str], cases: Sequence[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any], bool]]:
    for isa in isas:
        for case in cases:
            yield isa, case, False
            if "parts" in case:
                yield isa, case, True
