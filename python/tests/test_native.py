# SPDX-License-Identifier: Apache-2.0
"""The declarations in ctypes against include/xent.h, and what a library may be."""
import ctypes
import importlib
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import pyxent
from pyxent import _native
from pyxent._functions import FUNCTIONS

INCLUDE = Path(__file__).resolve().parents[2] / "include"
HEADER, BINDINGS = INCLUDE / "xent.h", INCLUDE / "xent_bindings.h"
needs_header = pytest.mark.skipif(not HEADER.exists(), reason="not in the repository")


def text():
    both = HEADER.read_text(encoding="utf-8") + BINDINGS.read_text(encoding="utf-8")
    return re.sub(r"/\*.*?\*/", " ", both, flags=re.S)


def members(struct):
    """Type, name and what else is said of each member, in order; the type of a pointer ends with *."""
    body = re.search(rf"typedef struct {struct} {{(.*?)}} {struct};", text(), re.S).group(1)
    found = []
    for declaration in filter(str.strip, body.split(";")):
        type_, names = re.fullmatch(r"\s*(?:const )?(\w+)(.*)", declaration, re.S).groups()
        for star, name, count in re.findall(r"(\*?)(\w+)(?:\[(\d+)\])?", names):
            found.append((type_ + star, name, int(count or 0)))
    return found


@needs_header
@pytest.mark.parametrize("struct", _native.STRUCTS)
def test_structs(struct):
    types = {"int32_t": ctypes.c_int32, "uint32_t": ctypes.c_uint32, "int64_t": ctypes.c_int64,
             "uint64_t": ctypes.c_uint64, "double": ctypes.c_double, "xent_layout": _native.Layout}
    expected = []
    for type_, name, count in members(struct):
        in_ctypes = ctypes.c_void_p if type_.endswith("*") else types[type_]
        expected.append((name, in_ctypes * count if count else in_ctypes))
    assert _native.STRUCTS[struct]._fields_ == expected


@needs_header
def test_every_function_is_there():
    declared = re.findall(r"XENT_FUNCTION_(\w+) = (\d+)", text())
    assert {name.lower(): int(number) for name, number in declared} == {
        name: function.number for name, function in FUNCTIONS.items()}


ARRAYS = {"xent_input", "xent_output", "xent_statistics*", "xent_state*", "xent_exact_sum*", "void*"}


@needs_header
@pytest.mark.parametrize("function", FUNCTIONS)
def test_arrays_are_those_of_the_struct(function):
    struct = re.search(rf"xent_status xent_{function}\(\s*const (\w+) \*call\)", text()).group(1)
    assert [name for type_, name, _ in members(struct) if type_ in ARRAYS] == FUNCTIONS[function].arrays
    assert (("xent_range*", "classes", 0) in members(struct)) == FUNCTIONS[function].has_classes


@needs_header
@pytest.mark.parametrize("prefix, codes", [
    ("", _native.TYPES), ("ISA_", _native.ISAS), ("FULLY_MASKED_", _native.FULLY_MASKED),
    ("SMOOTHING_", _native.SMOOTHING), ("RULES_", _native.RULES)])
def test_codes(prefix, codes):
    declared = dict(re.findall(rf"XENT_({prefix}\w+) = (\d+)", text()))
    for name, code in codes.items():
        assert int(declared[prefix + re.sub(r"\W", "_", name).upper()]) == code


@needs_header
def test_versions():
    declared = dict(re.findall(r"#define XENT_(\w+) (\d+)", text()))
    assert int(declared["ABI_VERSION"]) == _native.ABI_VERSION
    assert int(declared["NUMERICS_VERSION"]) == _native.NUMERICS_VERSION == pyxent.numerics_version()
    assert int(declared["CHUNK"]) == _native.CHUNK
    assert int(declared["PREPARED_BYTES"]) == ctypes.sizeof(_native.Prepared)


def refusal(path):
    run = subprocess.run([sys.executable, "-m", "pyxent", "info"], env={**os.environ, "XENT_LIBRARY": str(path)},
                         capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stdout) == (2, "")
    return run.stderr


def test_libraries_that_cannot_be(tmp_path):
    missing, garbage = tmp_path / "missing.so", tmp_path / "garbage.so"
    garbage.write_bytes(b"no library")
    assert refusal(missing).startswith(f"pyxent: there is no native library at {missing}: install a wheel for this "
                                       f"platform")
    # One that needs the interpreter alone: Windows does not find libraries in another folder.
    other = importlib.import_module("numpy.random._mt19937").__file__
    message = refusal(other)
    assert message.startswith(f"pyxent: {other} lacks a function of Xent: ") and "xent_abi_version" in message
    assert message.endswith("; unset XENT_LIBRARY, or name the library of the same build\n")
    assert refusal(garbage).startswith(f"pyxent: {garbage} cannot be loaded: ")


def test_a_wheel_that_is_not_installed(tmp_path):
    """As spark-submit --py-files and PYTHONPATH take it: Python imports from archives, and loads no library."""
    wheel, source = tmp_path / "pyxent.whl", Path(pyxent.__file__).parent
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in source.glob("*.py"):
            archive.write(file, f"pyxent/{file.name}")
    environment = {name: value for name, value in os.environ.items() if name != "XENT_LIBRARY"}
    run = subprocess.run([sys.executable, "-m", "pyxent", "info"], env={**environment, "PYTHONPATH": str(wheel)},
                         capture_output=True, text=True, timeout=60)
    name = _native.NAMES.get(sys.platform, "libxent.so")
    assert (run.returncode, run.stdout, run.stderr) == (
        2, "", f"pyxent: the native library is in the archive {wheel} and cannot be loaded from there; expected a file "
               f"{name}. Install the wheel with pip, unpack the archive, or set XENT_LIBRARY to the file\n")


class OnlyFinite:
    """A library to which a NaN is a number, as to one that was compiled with -ffinite-math-only."""

    def __init__(self, library):
        self.library, self.isas = library, library.isas

    def call_of(self, function, work, arrays):
        def call(address):
            status = self.library.call_of(function, work, arrays)(address)
            if function == "softmax":
                output = (ctypes.c_float * (6 * _native.TEST_CLASSES)).from_address(arrays["output"])
                output[:] = [1 if value != value else value for value in output]
            return status

        return call


def test_libraries_that_compute_other_bits(monkeypatch):
    library = _native.library()
    assert _native.self_test(library) is None
    assert _native.self_test(OnlyFinite(library)) == "a softmax of F32 on scalar"
    monkeypatch.setitem(_native.TESTED, "BF16", (_native.TESTED["BF16"][0], 0))
    with pytest.raises(pyxent.NativeLibraryError) as refused:
        _native.Library(library.path)
    assert str(refused.value) == (
        f"{library.path} computes other bits than this version of Xent does: a cross-entropy of BF16 on scalar; take "
        f"another build of the library")


def test_info():
    run = subprocess.run([sys.executable, "-m", "pyxent", "info"], check=True, capture_output=True, text=True,
                         timeout=60)
    assert f"numerics {_native.NUMERICS_VERSION}, scalar" in run.stdout


@needs_header
def test_wheels_without_hatchling(tmp_path):
    library = tmp_path / "META-INF" / "native" / "linux-x86_64" / "libxent.so"
    library.parent.mkdir(parents=True)
    library.write_bytes(b"")
    run = subprocess.run([sys.executable, "-S", HEADER.parents[1] / "python" / "wheels", "--natives", tmp_path],
                         capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stderr) == (
        1, f"wheels: {sys.executable} has no hatchling, which builds wheels; pip install hatchling\n")


def test_the_instruction_set_of_a_process():
    def run(isa):
        return subprocess.run([sys.executable, "-c", "import array, pyxent; print(pyxent.softmax(array.array('f', range(40)))"
                               ".tobytes().hex())"], capture_output=True, text=True, env={**os.environ, "XENT_ISA": isa})

    assert len({run(isa).stdout for isa in ("", "best", *pyxent.isas())}) == 1
    assert run("sse").stderr.strip().endswith(f"XENT_ISA is sse; expected one of best, {', '.join(pyxent.isas())}, which run here")
