# SPDX-License-Identifier: Apache-2.0
"""What reports of tests say: JUnit's XML, and the lines in which tests print how many values they compared."""

import re
import xml.etree.ElementTree as ElementTree

COMPARED = re.compile(r"([\d,]+) values compared, (?:.* )?([\d,]+) differ")


def number(text):
    return int(text.replace(",", ""))


def cases(report):
    """Each test of a report: its class, its name, how it ended (passed, failed or skipped), and the element that says why."""
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        for name, end in (("failure", "failed"), ("error", "failed"), ("skipped", "skipped")):  # noqa: B007
            why = case.find(name)
            if why is not None:
                break
        else:
            end = "passed"
        yield case.get("classname"), case.get("name"), end, why
