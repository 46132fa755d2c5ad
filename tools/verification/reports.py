# SPDX-License-Identifier: Apache-2.0
"""Reads reports of tests: JUnit's XML, and the lines in which tests print the number of values that they compared."""

import re
import xml.etree.ElementTree as ElementTree

COMPARED = re.compile(r"([\d,]+) values compared, (?:.* )?([\d,]+) differ")


def number(text):
    return int(text.replace(",", ""))


def cases(report):
    """Yields each test of a report: class, name, end (passed, failed or skipped), and the element with the reason."""
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        for name, end in (("failure", "failed"), ("error", "failed"), ("skipped", "skipped")):  # noqa: B007
            why = case.find(name)
            if why is not None:
                break
        else:
            end = "passed"
        yield case.get("classname"), case.get("name"), end, why
