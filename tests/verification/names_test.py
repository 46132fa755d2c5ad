# SPDX-License-Identifier: Apache-2.0
"""Every test, class and method that an area names exists, and an area fails if a name matches no test.

    python3 names_test.py BUILD    BUILD: a CMake build folder with the C tests
"""

import importlib.util
import re
import subprocess
import sys
import tempfile
import unittest
from importlib.machinery import SourceFileLoader
from pathlib import Path
from unittest import mock

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import ctests

NAME = re.compile(r"\b(?:[A-Z]\w*Test|[a-z]\w*_(?:test|streaming|static)|test_\w+\.py)\b")
CTEST = """
1/2 Test #1: softmax_test .....................   Passed    0.01 sec
2/2 Test #2: wide_test_not ....................   Passed    0.01 sec
"""
REPORT = '<testsuite><testcase classname="{}" name="one"/></testsuite>'


def unknown(text, tests):
    return sorted({*NAME.findall(text)} - tests)


def program(name):
    """The program of an area, as a module."""
    loader = SourceFileLoader(name, str(HERE / "areas" / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


def count(*words):
    done = subprocess.run([HERE / "count", *words], capture_output=True, text=True)
    return done.returncode, done.stdout


class CountTest(unittest.TestCase):
    """A name must match a whole test name, not only its beginning as for "ctest -R"."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def expect(self, kind, where, good, wrong):
        self.assertEqual(count(kind, where, *good)[0], 0)
        status, printed = count(kind, where, *good, wrong)
        self.assertEqual(status, 1)
        self.assertIn(f"no test ran of: {wrong}\n", printed)
        self.assertRegex(printed, r"tests, 1 faults\n$")

    def test_ctest(self):
        self.write("log", CTEST)
        self.expect("ctest", self.folder / "log", ["softmax_test"], "wide_test")

    def test_surefire(self):
        self.write("TEST-dev.xent.BitsTest.xml", REPORT.format("dev.xent.BitsTest"))
        self.write("TEST-dev.xent.laws.ShiftLawsTest.xml", REPORT.format("ShiftLawsTest"))  # as jqwik does
        good = ["BitsTest", "dev.xent.BitsTest", "dev.xent.laws.*Test"]
        for wrong in ("WideTest", "dev.xent.rules.*Test", "sTest"):
            self.expect("surefire", self.folder, good, wrong)

    def test_pytest(self):
        self.write("TEST-python.xml", REPORT.format("tests.test_errors"))
        self.expect("pytest", self.folder, ["test_errors.py"], "test_wide.py")


class AreasTest(unittest.TestCase):
    def setUp(self):
        self.tests = {*ctests.registered(BUILD)}
        for folder in ("*", "*/*", "tests/*/*"):
            self.tests |= {path.stem for path in ctests.ROOT.glob(f"{folder}/src/test/java/**/*Test.java")}
        self.tests |= {path.name for path in ctests.ROOT.glob("python/tests/test_*.py")}

    def test_every_name_is_that_of_a_test(self):
        areas = [*(HERE / "areas").iterdir(), ctests.ROOT / "tools" / "planted-faults"]
        named = 0
        for area in areas:
            text = area.read_text()
            named += len(NAME.findall(text))
            self.assertEqual(unknown(text, self.tests), [], area)
        self.assertGreater(named, 100)

    def test_every_program_of_the_c_tests_is_registered(self):
        programs = {path.stem for path in (ctests.ROOT / "native" / "test").glob("*_test.c")}
        self.assertGreater(len(programs), 30)
        registered = {name.replace("_streaming", "_test") for name in ctests.registered(BUILD)}
        self.assertEqual(sorted(programs - registered), [])

    def test_a_planted_name_is_found(self):
        area = "tests/verification/c-tests wide_test bits_test\ntests/verification/java-tests java/xent 'BitsTest,WideTest'"
        self.assertEqual(unknown(area, self.tests), ["WideTest", "wide_test"])

    def test_what_the_mutations_name_exists(self):
        mutation = program("mutation")
        pom = mutation.POM.read_text()
        self.assertEqual(mutation.missing(pom), [])
        planted = pom.replace("arrays.Strides<", "arrays.Wide<").replace(".TopKTest<", ".WideTest<")
        planted = planted.replace(">sumOfBytes<", ">asksForNothing<")
        self.assertEqual(
            mutation.missing(planted), ["dev.xent.internal.plan.arrays.Wide", "dev.xent.WideTest", "asksForNothing"]
        )

    def test_arguments_of_a_test_that_does_not_exist_end_the_area(self):
        with mock.patch.object(ctests, "run") as run, self.assertRaisesRegex(SystemExit, "wide_test"):
            ctests.run_registered(BUILD, {"bits_test": ["29"], "wide_test": ["1"]})
        run.assert_not_called()


if __name__ == "__main__":
    BUILD = Path(sys.argv.pop())
    unittest.main()
