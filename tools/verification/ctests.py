# SPDX-License-Identifier: Apache-2.0
"""Shared by the areas that run the C tests in their own builds: build, run with arguments, count."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tree import ROOT

MISSING_TOOL = 3
LONGEST = 4 * 3600  # seconds; a longer test is a fault

# For builds that are slow to compile at -O3, with sanitizers ten times slower: the bits are the same, and faults show.
QUICK = ["-DCMAKE_BUILD_TYPE=None", "-DCMAKE_C_FLAGS=-O1 -g1"]


def need(program, package):
    """Ends the area if a program is missing."""
    if shutil.which(program) is None:
        print(f"{program} is not installed: install the package {package}", file=sys.stderr)
        sys.exit(MISSING_TOOL)


def folder(area):
    out = ROOT / "target" / "verification" / area
    out.mkdir(parents=True, exist_ok=True)
    return out


def build(where, options, targets=None):
    """Builds these targets, or those of all C tests, with the C core that they link."""
    began = time.monotonic()
    log = where.with_suffix(".build.log")
    with open(log, "w") as out:

        def must(*command):
            if subprocess.run(command, stdout=out, stderr=subprocess.STDOUT).returncode:
                sys.exit(f"the build failed: see {log}")

        must(str(ROOT / "tools" / "configure"), str(ROOT / "native"), str(where), "-G", "Unix Makefiles", *options)
        jobs = f"-j{os.cpu_count()}"
        if targets is None:
            for part in ("test", "fuzz"):
                must("make", jobs, "-C", str(where / part), "all")
        else:
            must("make", jobs, "-C", str(where), *targets)
    print(f"built {where.relative_to(ROOT)} in {time.monotonic() - began:.0f} s", flush=True)


def registered(where):
    """The commands of ctest's tests by name, except the tests of the build or its files."""
    with tempfile.TemporaryDirectory() as beside:  # in the build folder, ctest would replace its log
        (Path(beside) / "CTestTestfile.cmake").write_text(f"subdirs([==[{where}]==])\n")
        shown = subprocess.run(
            ["ctest", "--label-exclude", "^build$", "--show-only=json-v1"],
            cwd=beside, check=True, capture_output=True, text=True,
        )
    tests = {test["name"]: test["command"] for test in json.loads(shown.stdout)["tests"]}
    for name in [name for name in tests if name.endswith("_long")]:  # the _long test is the same program with more cases
        tests[name.replace("_long", "_test")] = tests.pop(name)
    return tests


def run_registered(where, arguments, left_out=(), environment=None):
    """Runs all tests but `left_out`, one per core, with these arguments instead of ctest's; all names must be tests."""
    tests = registered(where)
    unknown = sorted({*arguments, *left_out} - {*tests})
    if unknown:
        sys.exit(f"no test has the name {', '.join(unknown)}")

    def result(name):
        program, *usual = tests[name]
        return run(name, [program, *arguments.get(name, usual)], where, environment=environment)

    with ThreadPoolExecutor(os.cpu_count()) as programs:
        return list(programs.map(result, [name for name in tests if name not in left_out]))


@dataclass
class Result:
    name: str
    status: int | str
    seconds: float
    text: str

    @property
    def last_line(self):
        lines = self.text.strip().splitlines()
        return lines[-1] if lines else ""

    def numbers(self, words):
        """The sum of the numbers before these words in the output of the test."""
        return sum(int(n) for n in re.findall(rf"(\d+) {words}", self.text))


def require_symbols(program, *symbols):
    """Ends the area if a program lacks all symbols that the compiler adds to instrumented code."""
    names = subprocess.run(["nm", str(program)], check=True, capture_output=True, text=True).stdout
    for symbol in symbols:
        if symbol not in names:
            sys.exit(f"{program.name} does not refer to {symbol}: it was not built with the sanitizer, and nothing would be seen")


def run(name, command, logs, wrapper=(), environment=None):
    """Runs a test, keeps its output, and prints how it ended."""
    began = time.monotonic()
    log = logs / f"{name}.log"
    with open(log, "w") as out:
        try:
            status = subprocess.run(
                [*wrapper, *command],
                stdout=out, stderr=subprocess.STDOUT, cwd=logs, env={**os.environ, **(environment or {})}, timeout=LONGEST,
            ).returncode
        except subprocess.TimeoutExpired:
            status = f"none within {LONGEST} s"
    result = Result(name, status, time.monotonic() - began, log.read_text(errors="replace"))
    ended = f"status {result.status}" if result.status else "passed"
    print(f"  {name:24} {result.seconds:6.0f} s  {ended}: {result.last_line[:150]}", flush=True)
    return result


def fact(count, what, faults):
    print(f"verification: {count:,} {what}, {faults:,} faults", flush=True)
