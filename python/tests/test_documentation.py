# SPDX-License-Identifier: Apache-2.0
"""The examples of the docstrings run, and the expected bits are those of this library."""
import doctest
from pathlib import Path

import pytest

from pyxent import _arrays, _operations, conformance

FILES = Path(__file__).resolve().parents[2] / "conformance"


@pytest.mark.parametrize("module", [_operations, _arrays])
def test_examples(module):
    failed, tried = doctest.testmod(module)
    assert tried and not failed


@pytest.mark.skipif(not FILES.exists(), reason="not in the repository")
def test_conformance(capsys):
    assert conformance.check(FILES) == 0
    assert capsys.readouterr().out.endswith(" values compared, 0 arrays differ\n")
