# SPDX-License-Identifier: Apache-2.0
"""What type checkers say of a program of a user: nothing of its right lines, something of each wrong one."""
import json
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("typed_program.py")
SOURCE = Path(__file__).resolve().parents[1] / "src"
LINES = PROGRAM.read_text(encoding="utf-8").splitlines()
WRONG = set(range(LINES.index("# wrong") + 2, len(LINES) + 1))


def test_mypy_strict(tmp_path):
    pytest.importorskip("mypy")
    run = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--config-file", "", "--cache-dir", tmp_path,
                          PROGRAM], env={"MYPYPATH": str(SOURCE)}, capture_output=True, text=True, timeout=300)
    assert {int(line) for line in re.findall(r"program\.py:(\d+): error", run.stdout)} == WRONG, run.stdout + run.stderr


def test_pyright_strict(tmp_path):
    """basedpyright is pyright as a package that needs nothing but PyPI."""
    checker = shutil.which("basedpyright", path=sysconfig.get_path("scripts"))
    if not checker:
        pytest.skip("basedpyright is not installed")
    shutil.copy(PROGRAM, tmp_path)
    (tmp_path / "pyrightconfig.json").write_text(json.dumps({
        "include": ["."], "extraPaths": [str(SOURCE)], "typeCheckingMode": "strict"}), encoding="utf-8")
    run = subprocess.run([checker, "-p", tmp_path, "--pythonpath", sys.executable, "--outputjson"],
                         capture_output=True, text=True, timeout=300)
    said = json.loads(run.stdout)["generalDiagnostics"]
    assert {error["range"]["start"]["line"] + 1 for error in said} == WRONG, said
