# SPDX-License-Identifier: Apache-2.0
"""The examples of the docstrings run, and the expected bits are those of this library."""
import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pyxent import _arrays, _operations, conformance

PAGE = Path(__file__).resolve().parents[2] / "docs" / "python.md"
FILES = Path(__file__).resolve().parents[2] / "conformance"


@pytest.mark.parametrize("module", [_operations, _arrays])
def test_examples(module):
    failed, tried = doctest.testmod(module)
    assert tried and not failed


@pytest.mark.skipif(not PAGE.exists(), reason="not in the repository")
def test_programs_with_pytorch():
    pytest.importorskip("torch")
    programs = re.findall(r"```py\n(.*?)```\n+```text\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert programs
    for source, output in programs:
        run = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=300)
        assert (run.stdout, run.stderr) == (output, "")


@pytest.mark.skipif(not FILES.exists(), reason="not in the repository")
def test_conformance(capsys):
    assert conformance.check(FILES) == 0
    assert capsys.readouterr().out.endswith(" values compared, 0 arrays differ\n")
