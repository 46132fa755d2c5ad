#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files of native/src include files of their own folder and of floors below alone, and what they use.

    include_graph.py COMPILER
    include_graph.py --list     each folder, or file of src/kernels, and what it includes
"""
import re
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SOURCES = Path(__file__).resolve().parent.parent / "src"

# From the ground up: folders of src, and of src/kernels; files that are in none of these stand for themselves.
FLOORS = [
    ["numerics", "kernels/options.h", "kernels/records.h", "kernels/path_names.h", "kernels/taken.h"],
    ["vector", "kernels/kernels.h"],
    ["math", "cpu", "kernels/present.h"],
    ["stages/targets", "kernels/supported.h"],
    ["kernels/ragged.h"],
    ["stages/load", "kernels/job.h", "kernels/take_path.h"],
    ["stages/sum", "stages/results", "paths/f64", "linear", "sample"],
    ["stages/order", "stages/emit", "elements", "api"],
    ["stages/rows"],
    ["paths/generic"],
    ["paths", "paths/columns"],
    ["paths/backward"],
    ["kernels/paths.h", "selected"],
    ["tier"],
]
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS, 1) for room in rooms}


def room_of(file):
    """The folder of a file, or the file."""
    parts = file.split("/")
    if parts[0] != "kernels":
        return parts[0]
    return "/".join(parts[1:-1]) if len(parts) > 2 else file


def included_by(path):
    return [name for name in re.findall(r'^#include "(.*?)"', path.read_text(), re.M) if (SOURCES / name).exists()]


def faults_of_graph(files):
    """What is not below what includes it, rooms that FLOORS lacks, files that include each other."""
    faults = [f"{room} is on no floor of include_graph.py" for room in sorted({*map(room_of, files)} - {*FLOOR_OF})]
    faults += [f"{room} is on a floor, but not in native/src" for room in sorted({*FLOOR_OF} - {*map(room_of, files)})]
    if faults:
        return faults
    done, open_files = set(), []

    def visit(file):
        if file in open_files:
            faults.append("in a circle: " + " -> ".join([*open_files[open_files.index(file):], file]))
        if file in done or file in open_files:
            return
        open_files.append(file)
        for other in files[file]:
            here, there = room_of(file), room_of(other)
            if here != there and FLOOR_OF[there] >= FLOOR_OF[here]:
                faults.append(f"{file}, on floor {FLOOR_OF[here]}, includes {other}, on floor {FLOOR_OF[there]}")
            visit(other)
        open_files.pop()
        done.add(file)

    for file in sorted(files):
        visit(file)
    return faults


def fault_of_header(compiler, file):
    """The message for a header that does not compile alone, or None. Headers of kernels need their flags."""
    command = [compiler, "-std=c11", "-fsyntax-only", "-xc", "-DXENT_TIER=scalar", f"-I{SOURCES}",
               f"-I{SOURCES.parent.parent}/include", "-"]
    result = subprocess.run(command, input=f'#include "{file}"\n', capture_output=True, text=True)
    errors = [line for line in result.stderr.splitlines() if "error" in line]
    return f"{file} does not include all that it uses: {errors[0]}" if errors else None


def is_list(file):
    """Initialisers of an array, which a source includes in it."""
    return re.sub(r"/\*.*?\*/|\s", "", (SOURCES / file).read_text(), flags=re.S).startswith("[")


def print_graph(files):
    rooms = defaultdict(set)
    for file, others in files.items():
        rooms[room_of(file)] |= {room_of(other) for other in others} - {room_of(file)}
    for room in sorted(rooms, key=lambda room: (FLOOR_OF.get(room, 0), room)):
        print(f"{FLOOR_OF.get(room, '?'):>2} {room}: {' '.join(sorted(rooms[room]))}")


def main(given):
    paths = list(SOURCES.rglob("*.[ch]"))
    files = {path.relative_to(SOURCES).as_posix(): included_by(path) for path in paths}
    if given == "--list":
        print_graph(files)
        return 0
    faults = faults_of_graph(files)
    alone = [file for file in files if file.endswith(".h") and room_of(file) != "vector" and not is_list(file)]
    with ThreadPoolExecutor() as pool:
        faults += [fault for fault in pool.map(lambda file: fault_of_header(given, file), sorted(alone)) if fault]
    print("\n".join(faults + [f"{len(files)} files, {len(FLOORS)} floors, {len(faults)} faults"]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
