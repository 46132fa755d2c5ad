# SPDX-License-Identifier: Apache-2.0
"""The Python package of this repository, for the programs beside this file, which import it first."""
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "python" / "src"))


def use(library):
    """Takes the file of a library, whatever a wheel has."""
    os.environ["XENT_LIBRARY"] = str(library)
