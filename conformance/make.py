#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Computes the expected bits of every case with libxent.so and writes cases.json and data/.

    python3 conformance/make.py --library build/libxent.so [--directory DIR]

The output is the same as long as the numerics version is the same. check.py compares a library with these files, and
truth.py compares the files with the exact results. Needs NumPy.
"""
import argparse
import shutil
import sys
from pathlib import Path

import files
import package
from cases import all_cases
from pyxent import XentError, numerics_version
from pyxent.conformance import run


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--library", required=True, help="libxent.so")
    arguments.add_argument("--directory", type=Path, default=files.HERE, help="where to write")
    given = arguments.parse_args()
    package.use(given.library)
    shutil.rmtree(given.directory / "data", ignore_errors=True)
    writer = files.Writer(given.directory, numerics_version())
    refused = []
    cases = all_cases()
    for case in cases:
        try:
            results = run(case.function, case.inputs, case.axis, case.options, case.wanted, case.types,
                          sampling=case.sampling)
        except XentError as error:
            refused.append(f"{case.name}: {error}")
            continue
        writer.case(case, results)
    writer.close()
    size = sum(map(len, writer.files.values()))
    print(f"{len(cases) - len(refused)} cases, {len(writer.files)} arrays, {size} bytes, "
          f"numerics {numerics_version()}")
    if refused:
        print(f"refused: {len(refused)} of {len(cases)}", *refused, sep="\n  ", file=sys.stderr)
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
