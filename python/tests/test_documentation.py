# SPDX-License-Identifier: Apache-2.0
"""The examples of the docstrings run, and the expected bits are those of this library."""
import doctest
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pyxent
from pyxent import (_arrays, _binary, _classes, _divergences, _hessians, _linear, _losses, _plans, _results, _sample, _sampler,
                    _softmax, conformance)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "python.md"
FILES = Path(__file__).resolve().parents[2] / "conformance"


@pytest.mark.parametrize("module", [_arrays, _binary, _classes, _divergences, _hessians, _linear, _losses, _plans, _results, _sample,
                                    _sampler, _softmax])
def test_examples(module):
    failed, tried = doctest.testmod(module)
    assert tried and not failed


@pytest.mark.skipif(not PAGE.exists(), reason="not in the repository")
@pytest.mark.parametrize("library", ["torch", "jax"])
def test_programs_with_other_libraries(library):
    pytest.importorskip(library)
    programs = re.findall(r"```py\n(.*?)```\n+```text\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    programs = [program for program in programs if f"import {library}\n" in program[0]]
    assert programs
    for source, output in programs:
        run = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=300)
        assert (run.stdout, run.stderr) == (output, "")


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
@pytest.mark.skipif(not PAGE.exists(), reason="not in the repository")
def test_columns_of_data_frames(library):
    imported, x = pytest.importorskip(library), np.array([[2, 1], [0, 3]], np.float32)
    columns = {"a": x[:, 0], "b": x[:, 1], "label": np.array([0, 1])}
    if library == "pandas":
        frame = imported.DataFrame(columns)
    elif library == "polars":
        frame = imported.DataFrame({**columns, "logits": x})
    else:
        rows = imported.array(x.tolist(), imported.list_(imported.float32(), 2))
        frame = imported.table({"logits": rows, "label": columns["label"]})
    name = {"pandas": "pandas", "polars": "Polars", "pyarrow": "Arrow"}[library]
    lines = re.findall(rf"\n\| {name}(?:, [^|]*)? \| `([^`]*)`[^|]* \| `([^`]*)` \|", PAGE.read_text(encoding="utf-8"))
    assert len(lines) == {"pandas": 1, "polars": 2, "pyarrow": 1}[library]
    for line in lines:
        logits, labels = (eval(code, {"frame": frame, "np": np, "n": 2}) for code in line)
        assert pyxent.cross_entropy(logits, labels).loss == pyxent.cross_entropy(x, np.array([0, 1])).loss


@pytest.mark.skipif(not FILES.exists(), reason="not in the repository")
def test_conformance(capsys):
    assert conformance.check(FILES) == 0
    assert capsys.readouterr().out.endswith(" values compared, 0 arrays differ\n")
