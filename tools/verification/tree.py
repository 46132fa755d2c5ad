# SPDX-License-Identifier: Apache-2.0
"""A copy of the tree that an area may change; it is kept for the next run."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def copy(to):
    """Updates `to` with the files that git tracks or would track. Build outputs in folders named target stay.

    A file is written only if its bytes differ, so that make and Maven compile exactly the changed files. Other files
    are deleted. For this reason, a folder must be empty or an earlier copy. In the tree, git must ignore the folder,
    because otherwise the copy would itself be copied.
    """
    copied = (to / "tools" / "verification" / "tree.py").is_file() and not (to / ".git").exists()
    if to.is_dir() and any(to.iterdir()) and not copied:
        sys.exit(f"{to} is neither empty nor a copy of the tree")
    inside = to.resolve().is_relative_to(ROOT)
    if inside and subprocess.run(["git", "check-ignore", "-q", str(to.resolve())], cwd=ROOT).returncode:
        sys.exit(f"{to} lies in the tree, and git does not ignore it")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout
    names = {name for name in listed.split("\0") if name and (ROOT / name).is_file()}
    for path in list(to.rglob("*")):
        relative = path.relative_to(to)
        if path.is_file() and "target" not in relative.parts and str(relative) not in names:
            path.unlink()
    for name in sorted(names):
        source, target = ROOT / name, to / name
        if not target.is_file() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
