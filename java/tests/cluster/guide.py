# SPDX-License-Identifier: Apache-2.0
"""Runs the commands of docs/spark.md as they stand there, and compares what the query prints with the page."""

import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs/spark.md"
SECONDS = 1200


def run(commands):
    """What a shell with job control prints: the page ends the cluster by the numbers of its jobs."""
    # A command that fails ends the cluster too.
    ended = "trap 'kill $(jobs -p)' EXIT\n"
    return subprocess.run(["timeout", str(SECONDS), "bash", "-m", "-e", "-c", ended + commands], cwd=ROOT,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def check():
    """What differs from the page, or nothing."""
    blocks = re.findall(r"^```(sh|text)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    commands = "".join(text for kind, text in blocks if kind == "sh")
    expected = "".join(text for kind, text in blocks if kind == "text")
    done = run(commands)
    if done.returncode == 0 and done.stdout.endswith(expected):
        return ""
    return f"exit {done.returncode}\n{done.stderr[-3000:]}\n{done.stdout[-3000:]}\nthe page has\n{expected}"
