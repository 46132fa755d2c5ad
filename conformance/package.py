# SPDX-License-Identifier: Apache-2.0
"""Finds the Python package of this repository, for the programs in this directory, which import this module first."""
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "python" / "src"))


def use(library):
    """Uses this library file instead of the library of a wheel."""
    os.environ["XENT_LIBRARY"] = str(library)
