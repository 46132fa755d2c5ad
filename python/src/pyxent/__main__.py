# SPDX-License-Identifier: Apache-2.0
"""python -m pyxent: prints what is installed, and runs the conformance check."""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pyxent
from pyxent._native import library


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m pyxent", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("info", help="versions, instruction sets, and where the library lies")
    check = commands.add_parser("conformance", help="compares every result with the expected bits of conformance/")
    check.add_argument("directory", nargs="?", type=Path, default=Path("conformance"), help="where cases.json is")
    check.add_argument("--facts", help="abi_facts of a C build: what its compiler makes of xent.h is compared first")
    given = parser.parse_args()
    try:
        if given.command == "conformance":
            from pyxent import conformance  # needs NumPy

            return conformance.check(given.directory, given.facts)
        print(f"pyxent {pyxent.__version__}, numerics {pyxent.numerics_version()}, {' '.join(pyxent.isas())}")
        print(library().path)
    except (pyxent.XentError, OSError, ModuleNotFoundError) as error:
        print(f"pyxent: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
