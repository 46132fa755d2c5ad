# SPDX-License-Identifier: Apache-2.0
"""include/xent.h in ctypes: its structs, its entry points for bindings, and the library that contains them."""
from __future__ import annotations

import ctypes
import os
import struct
import sys
import zlib
from collections.abc import Callable, Container, Mapping
from ctypes import c_double, c_int32, c_int64, c_uint64, c_void_p
from functools import cache
from math import inf, nan
from pathlib import Path
from typing import Any, TypeVar

from pyxent._functions import FUNCTIONS, LAYOUTS, SIZES, XENT_OPTIONS, XENT_SAMPLING, Function
from pyxent.errors import NativeLibraryError

ABI_VERSION = 1
NUMERICS_VERSION = 1
CHUNK = 8192

TYPES = {"F32": 1, "F64": 2, "F16": 3, "BF16": 4, "I8": 5, "U8": 6, "I16": 7, "I32": 8, "I64": 9, "U16": 10, "U32": 11,
         "U64": 12}
ISAS = {"best": 0, "scalar": 1, "avx2": 2, "avx512": 3, "neon": 4}
FULLY_MASKED = {"nan": 0, "zero": 1}
SMOOTHING = {"uniform": 0, "others": 1}
FILTERS = {"top_k": 1, "top_p": 2, "min_p": 3, "typical_p": 4, "top_n_sigma": 5, "xtc": 6, "temperature": 7}
RULES = {"xent": 0, "transformers": 1, "vllm": 2, "llama.cpp": 3, "onnxruntime-genai": 4}
TIES = {None: 0, "first": 1, "all": 2}
WEIGHTS_GRADIENT, WHOLE_ROWS, HIDDEN_GRADIENT = 1, 2, 8  # the purposes of a workspace

INVALID_OPTION, INVALID_LABEL, OUT_OF_STACK = 3, 4, 7

Struct = TypeVar("Struct", bound=ctypes.Structure)


class Layout(ctypes.Structure):
    _fields_ = [("outer", c_int64), ("classes", c_int64), ("inner", c_int64), ("type", c_int32), ("reserved", c_int32)]


class Shape(ctypes.Structure):
    """The sizes of a call and the layouts of its arrays, for all functions that it runs."""

    _fields_ = [*((name, c_int64) for name in SIZES), *((name, Layout) for name in LAYOUTS)]


class Options(ctypes.Structure):
    _fields_ = XENT_OPTIONS


class Sampling(ctypes.Structure):
    _fields_ = XENT_SAMPLING


class Statistics(ctypes.Structure):
    _fields_ = [("opaque", c_uint64 * 8)]


class State(ctypes.Structure):
    _fields_ = [("opaque", c_uint64 * 8)]


class ExactSum(ctypes.Structure):
    _fields_ = [("size", c_uint64), ("nan", c_int64), ("positive_infinity", c_int64), ("negative_infinity", c_int64),
                ("bins", c_int64 * 256), ("doubles", c_int64), ("digits", c_int64 * 66)]


class Report(ctypes.Structure):
    _fields_ = [("size", c_uint64), ("field", c_int32), ("path", c_int32), ("row", c_int64), ("label", c_int64),
                ("integer", c_int64), ("value", c_double), ("valid_rows", c_int64), ("denominator", c_double),
                ("unfinished", c_int64)]


_SIZE, _LAYOUT = ctypes.sizeof(c_int64), ctypes.sizeof(Layout)
_AT_LAYOUT = {name: len(SIZES) * _SIZE + i * _LAYOUT for i, name in enumerate(LAYOUTS)}
_ALWAYS = ("logits", "output", "targets")  # whose types a function may read without the arrays
_HEAD = struct.Struct("Q24xQ")  # size, sizes, the range of rows
_NUMBERS = len(SIZES) - 3  # of the sizes that only some functions have
_FIRST_SIZE, _FIRST_ARRAY = 7, 7 + _NUMBERS


class Work:
    """The struct of a function without its arrays: the sizes and layouts of a Shape, ranges, and other structs.

    Function.struct has its size, and the offsets of choice, report, sampling, workspace_size, logits_type, continues,
    the sizes and the arrays; 0 for what the function does not have.
    """

    def __init__(self, function: Function, shape: Shape, options: int, rows: int, classes: int, report: int = 0) -> None:
        self.function, self.shape = function, shape
        self.memory, self.ranges = (c_uint64 * (function.struct[0] // _SIZE))(), (c_int64 * 4)(0, rows, 0, classes)
        self.address, ranges = ctypes.addressof(self.memory), ctypes.addressof(self.ranges)
        _HEAD.pack_into(self.memory, 0, function.struct[0], ranges)
        if function.has_classes:
            self._put(40, ranges + 2 * _SIZE)
        self.options(options)
        if report:
            self._put(function.struct[2], report)

    def _put(self, at: int, value: int) -> None:
        struct.pack_into("q", self.memory, at, value)

    def options(self, address: int) -> None:
        self._put(48 if self.function.has_classes else 40, address)

    def choice(self, value: int) -> None:
        struct.pack_into("i", self.memory, self.function.struct[1], value)

    def sampling(self, address: int) -> None:
        self._put(self.function.struct[3], address)

    def workspace_size(self, size: int) -> None:
        self._put(self.function.struct[4], size)

    def continues(self, value: bool) -> None:
        struct.pack_into("i", self.memory, self.function.struct[6], value)

    def sizes(self) -> None:
        """Copies the sizes."""
        at = ctypes.addressof(self.shape)
        ctypes.memmove(self.address + _SIZE, at, 3 * _SIZE)
        for i, offset in enumerate(self.function.struct[_FIRST_SIZE:_FIRST_ARRAY], 3):
            if offset:
                ctypes.memmove(self.address + offset, at + i * _SIZE, _SIZE)

    def fill(self, names: Container[str]) -> None:
        """Copies the sizes, and the layouts of these arrays."""
        self.sizes()
        at, of, offsets = ctypes.addressof(self.shape), self.function, self.function.struct
        if offsets[5]:
            struct.pack_into("i", self.memory, offsets[5], self.shape.logits.type)
        for place, name in enumerate(of.arrays):
            if (name in names or name in _ALWAYS) and name in _AT_LAYOUT:
                ctypes.memmove(self.address + offsets[_FIRST_ARRAY + place] + _SIZE, at + _AT_LAYOUT[name], _LAYOUT)


    def places(self, names: Container[str]) -> list[tuple[int, str]]:
        """Where `memory` has the addresses of these arrays."""
        return [(offset // _SIZE, name) for offset, name in zip(self.function.struct[_FIRST_ARRAY:], self.function.arrays)
                if name in names]


class TextBiases(ctypes.Structure):
    _fields_ = [("size", c_uint64), ("classes", c_int64), ("tokens", c_void_p), ("token_count", c_int64),
                ("continues", c_int32), ("reserved", c_int32), ("no_repeat_ngram", c_int64), ("dry_multiplier", c_double),
                ("dry_base", c_double), ("dry_allowed_length", c_int64), ("dry_range", c_int64),
                ("dry_breakers", c_void_p), ("breaker_count", c_int64), ("banned_sequences", c_void_p),
                ("banned_count", c_int64), ("bias_tokens", c_void_p), ("bias_values", c_void_p),
                ("bias_count", c_void_p), ("workspace", c_void_p), ("workspace_size", c_uint64), ("report", c_void_p)]


class Prepared(ctypes.Structure):
    _fields_ = [("size", c_uint64), ("opaque", c_uint64 * 511)]  # XENT_PREPARED_BYTES


STRUCTS: dict[str, type[ctypes.Structure]] = {
    "xent_layout": Layout, "xent_options": Options, "xent_sampling": Sampling,
    "xent_statistics": Statistics, "xent_state": State, "xent_exact_sum": ExactSum, "xent_report": Report,
    "xent_text_biases_call": TextBiases}


def sized(struct: type[Struct], **fields: Any) -> Struct:
    """Creates a struct whose first field is its size."""
    return struct(size=ctypes.sizeof(struct), **fields)


class Library:
    """libxent.so, libxent.dylib or xent.dll."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        archive = next((parent for parent in self.path.parents if parent.is_file()), None)
        if archive:  # Python imported this package from an archive
            raise NativeLibraryError(
                f"the native library is in the archive {archive} and cannot be loaded from there; expected a file "
                f"{self.path.name}. Install the wheel with pip, unpack the archive, or set XENT_LIBRARY to the file")
        if not self.path.is_file():
            raise NativeLibraryError(
                f"there is no native library at {self.path}: install a wheel for this platform, or name the file of a "
                "library in the environment variable XENT_LIBRARY")
        try:
            c = self.c = ctypes.CDLL(str(self.path.resolve()))
        except OSError as error:
            raise NativeLibraryError(f"{self.path} cannot be loaded: {error}; give a library for this "
                                     f"platform") from error
        try:
            self._require("ABI", c.xent_abi_version(), ABI_VERSION)
            self._require("numerics", c.xent_numerics_version(), NUMERICS_VERSION)
            self._declare(c)
        except AttributeError as error:
            raise NativeLibraryError(f"{self.path} lacks a function of Xent: {error}; unset XENT_LIBRARY, or name the "
                                     f"library of the same build") from error
        self.version: str = c.xent_version().decode()
        self.isas = [name for name, code in ISAS.items() if code and c.xent_has_isa(code)]
        isa = os.environ.get("XENT_ISA") or "best"
        if isa not in ("best", *self.isas):
            raise NativeLibraryError(f"XENT_ISA is {isa}; expected one of best, {', '.join(self.isas)}, which run here")
        self.isa = ISAS[isa]  # of every call; the bits are the same
        failure = self_test(self)
        if failure:
            raise NativeLibraryError(f"{self.path} computes other bits than this version of Xent does: {failure}; take "
                                     f"another build of the library")

    def _declare(self, c: ctypes.CDLL) -> None:
        for name in ("xent_version", "xent_status_message", "xent_field_name", "xent_isa_name", "xent_path_name"):
            getattr(c, name).restype = ctypes.c_char_p
        self.functions = {name: getattr(c, f"xent_{name}") for name in FUNCTIONS}
        for function in (*self.functions.values(), c.xent_run):
            function.argtypes = [c_void_p]
        c.xent_prepare.argtypes = [c_void_p, c_int32, c_void_p]
        c.xent_with_temperatures.argtypes = [c_int32, c_void_p, c_void_p]
        c.xent_exact_sum_value.argtypes, c.xent_exact_sum_value.restype = [c_void_p], c_double
        c.xent_exact_sum_merge.argtypes = [c_void_p, c_void_p]
        c.xent_exact_sum_add.argtypes = [c_void_p, c_void_p, c_int32, c_int64, c_int64]
        c.xent_sample_workspace.argtypes, c.xent_sample_workspace.restype = [c_int64] * 2, c_uint64
        c.xent_text_biases.argtypes = [c_void_p]
        c.xent_text_biases_workspace.argtypes, c.xent_text_biases_workspace.restype = [c_int64] * 2, c_uint64
        c.xent_linear_workspace.argtypes, c.xent_linear_workspace.restype = [c_int64] * 3 + [c_int32], c_uint64
        c.xent_has_isa.argtypes = [c_int32]

    def _require(self, what: str, found: int, needed: int) -> None:
        if found != needed:
            raise NativeLibraryError(
                f"{self.path} has {what} version {found}, this package needs {needed}; expected the library of the "
                f"same build")

    def call_of(self, function: str, work: Work, arrays: Mapping[str, int]) -> Callable[[int], int]:
        """Fills the struct of a call with the arrays that its function has; returns the function, which takes its address."""
        work.fill(arrays)
        for place, name in work.places(arrays):
            work.memory[place] = arrays[name]
        found: Callable[[int], int] = self.functions[function]
        return found

    def field_name(self, field: int) -> str:
        return str(self.c.xent_field_name(field).decode())

    def status_message(self, status: int) -> str:
        return str(self.c.xent_status_message(status).decode())

    def exact_sum_value(self, exact_sum: ExactSum) -> float:
        return float(self.c.xent_exact_sum_value(ctypes.addressof(exact_sum)))

    def merge(self, exact_sum: ExactSum, other: ExactSum) -> None:
        self.c.xent_exact_sum_merge(ctypes.addressof(exact_sum), ctypes.addressof(other))

    def sum_of(self, address: int, type_: int, count: int, other: float = 0.0) -> float:
        """The exact sum of contiguous numbers and `other`, rounded once."""
        exact_sum = sized(ExactSum)
        self.c.xent_exact_sum_add(ctypes.addressof(exact_sum), address, type_, 1, count)
        if other:
            self.c.xent_exact_sum_add(ctypes.addressof(exact_sum), ctypes.byref(c_double(other)), TYPES["F64"], 1, 1)
        return self.exact_sum_value(exact_sum)


# The CRC-32 of the results of the self-test, for each type of logits; SelfTest.java has the same rows and numbers.
TESTED = {"F32": (0x29b578a1, 0x6f1ae59c), "F64": (0x740ae6d8, 0xb63e810f), "F16": (0x026932c6, 0x39b4d13f),
          "BF16": (0x2ac0a045, 0xc0605f77)}
TEST_CLASSES = 43  # two groups of sixteen lanes and a part of one


def _logits_of_test(type_: str) -> bytes:
    """Three rows of numbers that are exact in every type, with a NaN, an infinity, and a signed zero among -infinity.
    """
    values = [(i * 37 % 64 - 32) / 4 for i in range(5 * TEST_CLASSES)] + [-inf] * TEST_CLASSES
    values[3 * TEST_CLASSES + 5], values[4 * TEST_CLASSES + 20], values[5 * TEST_CLASSES + 11] = nan, inf, -0.0
    if type_ == "BF16":
        return b"".join((word >> 16).to_bytes(2, sys.byteorder)
                        for word in struct.unpack(f"{len(values)}I", struct.pack(f"{len(values)}f", *values)))
    return struct.pack(f"{len(values)}{ {'F32': 'f', 'F64': 'd', 'F16': 'e'}[type_] }", *values)


def self_test(library: Library) -> str | None:
    """Checks the library against known results, for faults of compiler or processor; returns the fault, or None."""
    labels = (c_int32 * 6)(7, 0, TEST_CLASSES - 1, 1, 2, 11)
    for type_, expected in TESTED.items():
        logits, code = ctypes.create_string_buffer(data := _logits_of_test(type_), len(data)), TYPES[type_]
        per_class, per_row = Layout(TEST_CLASSES, 1, 1, code), Layout(1, 0, 1, code)
        shape = Shape(outer=6, classes=TEST_CLASSES, inner=1, logits=per_class, output=per_class,
                      gradient=per_class, losses=per_row, log_sum_exp=per_row, targets=Layout(1, 0, 1, TYPES["I32"]))
        for isa in library.isas:
            options = sized(Options, isa=ISAS[isa])
            for function, crc in zip(("softmax", "cross_entropy"), expected):
                results = ctypes.create_string_buffer(len(data) + 2 * len(data) // TEST_CLASSES)
                output = ctypes.addressof(results)
                losses = output + len(data)
                arrays = {"logits": ctypes.addressof(logits), "output": output, "gradient": output,
                          "targets": ctypes.addressof(labels), "losses": losses,
                          "log_sum_exp": losses + len(data) // TEST_CLASSES}
                work = Work(FUNCTIONS[function], shape, ctypes.addressof(options), 6, TEST_CLASSES)
                if library.call_of(function, work, arrays)(work.address) or zlib.crc32(results) != crc:
                    return f"a {function.replace('_', '-')} of {type_} on {isa}"
    return None


NAMES = {"darwin": "libxent.dylib", "win32": "xent.dll"}


@cache
def library() -> Library:
    """The library of this process: the file in XENT_LIBRARY, otherwise that of the wheel."""
    return Library(os.environ.get("XENT_LIBRARY") or Path(__file__).with_name(NAMES.get(sys.platform, "libxent.so")))


def numerics_version() -> int:
    """The version of the arithmetic, see `numerics.md`: libraries and packages with equal versions return equal bits.
    """
    return int(library().c.xent_numerics_version())


def isas() -> list[str]:
    """The instruction sets that run here, the best last."""
    return list(library().isas)
