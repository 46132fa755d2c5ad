# SPDX-License-Identifier: Apache-2.0
"""The declarations in ctypes against include/xent.h, and what a library may be."""
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import xent
from xent import _native

HEADER = Path(__file__).resolve().parents[2] / "include" / "xent.h"
needs_header = pytest.mark.skipif(not HEADER.exists(), reason="not in the repository")


def text():
    return re.sub(r"/\*.*?\*/", " ", HEADER.read_text(encoding="utf-8"), flags=re.S)


@needs_header
@pytest.mark.parametrize("function", _native.ARGUMENTS)
def test_arguments_are_those_of_the_header(function):
    declared = re.search(rf"xent_{function}_at\(([^)]*)\)", text()).group(1)
    names = [re.search(r"(\w+)\s*$", argument).group(1) for argument in declared.split(",")]
    expected = ["shape", "options", "row_begin", "row_end"]
    if function == "sample":
        expected[2:2] = ["sampling", "per_row"]
    for name in _native.ARGUMENTS[function]:
        expected += ["class_begin", "class_end"] if name == "classes" else [name]
    if function == "check_targets":
        expected[-1] = "weights"
    assert names == [*expected, "report"]


@needs_header
def test_every_function_is_there():
    assert set(re.findall(r"\bxent_(\w+)_at\(", text())) - {"cross_entropy_plain"} == set(_native.ARGUMENTS)


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
    assert int(declared["NUMERICS_VERSION"]) == _native.NUMERICS_VERSION == xent.numerics_version()
    assert int(declared["CHUNK"]) == _native.CHUNK


def refusal(path):
    run = subprocess.run([sys.executable, "-m", "xent", "info"], env={**os.environ, "XENT_LIBRARY": str(path)},
                         capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stdout) == (2, "")
    return run.stderr


def test_libraries_that_cannot_be(tmp_path):
    missing, garbage = tmp_path / "missing.so", tmp_path / "garbage.so"
    garbage.write_bytes(b"no library")
    assert refusal(missing).startswith(f"xent: there is no native library at {missing}: install a wheel for this "
                                       f"platform")
    assert refusal(garbage).startswith(f"xent: {garbage} cannot be loaded: ")


def test_info():
    run = subprocess.run([sys.executable, "-m", "xent", "info"], check=True, capture_output=True, text=True, timeout=60)
    assert f"numerics {_native.NUMERICS_VERSION}, scalar" in run.stdout
