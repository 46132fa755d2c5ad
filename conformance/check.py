#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the results of C, Java and Python with the expected bits of every case: each tier, and Java's reference.

    python3 conformance/check.py [--cases TEXT] [--build DIRECTORY]

Needs everything that `mvn verify` needs, and NumPy. Exits with 0 if no value differs. For Python alone, with any
library, run `XENT_LIBRARY=libxent.so python3 -m pyxent conformance` in the folder `python/src`, or anywhere with a
wheel.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import package

HERE = Path(__file__).resolve().parent


def some_cases(text, folder):
    """Writes an index of the cases whose name contains the text, next to the same data."""
    lines = (HERE / "cases.json").read_text(encoding="utf-8").splitlines()
    cases = [line.rstrip(",") for line in lines[1:-1] if text in json.loads(line.rstrip(","))["name"]]
    if not cases:
        sys.exit(f"check.py: no case has {text} in its name: cases.json lists them")
    (folder / "cases.json").write_text("\n".join([lines[0], ",\n".join(cases), lines[-1]]) + "\n", encoding="utf-8")
    (folder / "data").symlink_to(HERE / "data")


def library_of(build):
    """The directory of the shared library in a CMake build."""
    cache = (build / "CMakeCache.txt").read_text(encoding="utf-8")
    elsewhere = re.search(r"^CMAKE_LIBRARY_OUTPUT_DIRECTORY:\w+=(.+)$", cache, re.M)
    return Path(elsewhere[1] if elsewhere else build, "libxent.so")


def commands(directory, build):
    """One command per language; each prints a line with `expected =`."""
    yield "C", [build / "test" / "conformance_test", directory / "cases.json", build / "test"], {}
    yield "Java", ["mvn", "-B", "-pl", "java/xent-cli", "-am", "-DskipNativeTests", "-Dtest=ConformanceTest",
                   "-Dsurefire.failIfNoSpecifiedTests=false", f"-Dxent.conformance={directory}", "test"], {}
    yield "Python", [sys.executable, "-m", "pyxent", "conformance", directory], {
        "PYTHONPATH": str(package.ROOT / "python" / "src"), "XENT_LIBRARY": str(library_of(build))}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--cases", default="", metavar="TEXT", help="only those with this in their name")
    arguments.add_argument("--build", type=Path, default=package.ROOT / "java" / "xent" / "target" / "cmake",
                           help="a build folder of native/, with tests")
    given = arguments.parse_args()
    build = given.build.resolve()
    subprocess.run(["cmake", "--build", build, "--target", "xent", "conformance_test", "conformance_data"], check=True,
                   stdout=subprocess.DEVNULL)
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        some_cases(given.cases, Path(folder))
        for language, command, environment in commands(Path(folder), build):
            run = subprocess.run(command, cwd=package.ROOT, env={**os.environ, **environment}, text=True,
                                 stdout=subprocess.PIPE, check=False)
            found = [line[line.index("expected ="):] for line in run.stdout.splitlines() if "expected =" in line]
            if run.returncode or not found:
                failed.append(language)
                found = [run.stdout]
            print(*(f"{language}: {line}" for line in found), sep="\n", flush=True)
    if failed:
        sys.exit(f"check.py: {' and '.join(failed)} failed")


if __name__ == "__main__":
    main()
