#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Edits of the sources, and flags, that must not compile: static assertions find what is forgotten.

    must_not_compile.py COMPILER
"""
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LAST_OF_LINEAR = "_(c, top_count, TOP_COUNT, OPTIONAL)\nXENT_PLACES(places,"
ONE_MORE = "_(c, workspace_size, WORKSPACE_SIZE, OPTIONAL) "
TIER = "kernels/tier/others.c"

TAKEN = "kernels/taken.h"
# For each set of paths that can be the last ones of a call: a function with calls on them, and an array that it does
# not take.
LAST = [("IN_ROWS", "CROSS_ENTROPY", "teacher"),
        ("IN_ROWS", "CROSS_ENTROPY_BACKWARD", "teacher"),
        ("IN_BACKWARD", "SOFTMAX_BACKWARD", "sink"),
        ("IN_BACKWARD_STRIPS", "SOFTMAX_BACKWARD", "sink"),
        ("IN_BACKWARD", "BACKWARD_STATES", "sink"),
        ("IN_STATES", "FORWARD_STATES", "sink"),
        ("IN_FINISH", "FINISH", "class_mask"),
        ("IN_SELECTED", "SELECTED_LOG_PROBABILITIES", "bias"),
        ("IN_SELECTED", "SELECTED_LOG_PROBABILITIES_BACKWARD", "bias"),
        ("IN_SAMPLE | IN_SAMPLE_RESULTS", "SAMPLE", "sink"),
        ("IN_DIVERGENCE", "KL_DIVERGENCE", "sink"),
        ("IN_DIVERGENCE", "TOTAL_VARIATION", "sink"),
        ("IN_ELEMENTS", "BINARY_CROSS_ENTROPY", "bias"),
        ("IN_CHECK", "CHECK_TARGETS", "bias"),
        ("IN_LINEAR", "LINEAR_CROSS_ENTROPY", "row_offsets"),
        ("IN_LINEAR", "LINEAR_STATES", "row_offsets"),
        ("IN_HVP", "CROSS_ENTROPY_HVP", "class_weights")]

# The unit to compile, the file to edit, a text in it and its replacement, a part of the message.
EDITS = [
    ("api/linear.c", "api/linear.c", LAST_OF_LINEAR, "_(c, losses, LOSSES, OPTIONAL) " * 7 + LAST_OF_LINEAR,
     "xent_many_at does not take so many arrays"),
    ("api/linear.c", "api/linear.c", LAST_OF_LINEAR, ONE_MORE * 12 + LAST_OF_LINEAR,
     "xent_check_arrays has no room for so many places"),
    ("api/bindings.c", "api/bindings.c", "a30, a31};", "a30};", "it takes as many arrays"),
    ("api/checks.c", "api/arrays.h", "XENT_FEATURES,\n  XENT_RULES\n", "XENT_FEATURES, XENT_NEW,\n  XENT_RULES\n",
     "a rule each"),
    ("api/checks.c", "kernels/options.h", "XENT_FOR_BINARY, 0, UNRECORDED", "XENT_FOR_BINARY, 0, RECORDED",
     "an option is in the digest, or is not"),
    ("api/checks.c", "xent.h", "\n} xent_options;", "\n  double more;\n} xent_options;", "options.h lacks an option"),
    ("cpu/isa.c", "xent.h", "XENT_ISA_NEON = 4", "XENT_ISA_NEON = 5", "a place for each"),
    ("kernels/tier/f32.c", "kernels/kernels.h", "draft_probabilities;\n} xent_shape;",
     "draft_probabilities;\n  int64_t more;\n} xent_shape;",
     "a shape ends with layouts"),
    (TIER, "kernels/supported.h", "_(c, sink, 0, 0,", "_(c, sink, 1, 0,", "what changes logits is asked for in stages/load"),
    (TIER, "kernels/options.h", "Z_LOSS, F64, XENT_FOR_LOSSES, ", "Z_LOSS, F64, XENT_FOR_LOSSES, XENT_ON_LOGITS | ",
     "what changes logits is asked for in stages/load"),
    (TIER, "kernels/options.h", "XENT_ON_LOGITS, RECORDED", "XENT_ON_LOGITS | XENT_ON_BACKWARD, RECORDED",
     "the factor of a backward of softmax"),
    (TIER, "kernels/supported.h", "(c, target_gradient, 0, 0, IN_ROWS | IN_FLOW", "(c, target_gradient, 0, 0, IN_FLOW",
     "IN_ROWS lacks an array"),
    ("api/checks.c", "kernels/supported.h", "_(c, sink, 0, 0,", "_(c, sink, 0, 1,", "is in the digest"),
] + [(TIER, TAKEN, f"TAKEN_BY_{function} \\\n  (", f"TAKEN_BY_{function} \\\n  (XENT_HAS({array}) | ",
      f"{last} lacks an array")
     for last, function, array in LAST]

# Flags that change bits, and the compiler's message for them in every file; then those that only gcc reports.
FLAGS = [("-ffast-math", "without -ffast-math"), ("-ffinite-math-only", "without -ffast-math")]
FLAGS_OF_GCC = [("-funsafe-math-optimizations", "without any part"), ("-fno-signed-zeros", "without any part"),
                ("-freciprocal-math", "without any part"), ("-fno-trapping-math", "without any part"),
                ("-fsingle-precision-constant", "with arithmetic of IEEE 754")]


def compiled(compiler, root, unit, *flags):
    """The compiler's messages for a unit, or None."""
    command = [compiler, "-std=c11", *(flags or ["-fsyntax-only"]), "-DXENT_TIER=scalar", '-DXENT_VERSION="0"',
               f"-I{root}/src", f"-I{root}/include", f"{root}/src/{unit}"]
    result = subprocess.run(command, capture_output=True, text=True)
    return None if result.returncode == 0 else result.stderr


def copy_to(root):
    shutil.copytree(ROOT / "native/src", root / "src")
    shutil.copytree(ROOT / "include", root / "include")


def fault_of(compiler, edit):
    """The fault of an edit, or None."""
    unit, file, old, new, message = edit
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        copy_to(root)
        path = root / ("include" if file == "xent.h" else "src") / file
        text = path.read_text()
        if text.count(old) != 1:
            return f"{file} has {text.count(old)} times: {old}"
        path.write_text(text.replace(old, new))
        said = compiled(compiler, root, unit)
    if said is None:
        return f"{unit} compiles with this in {file}: {new}"
    return None if message in said else f"{unit}, with this in {file}: {new}\nis refused for another reason:\n{said}"


def fault_of_flag(compiler, root, unit, flag, message):
    """The fault of a file that is preprocessed with a flag, or None."""
    said = compiled(compiler, root, unit, flag, "-E", "-o", "/dev/null")
    if said is None:
        return f"{unit} compiles with {flag}"
    return None if message in said else f"{unit} with {flag} is refused for another reason:\n{said}"


def shows_flags(compiler):
    """Whether the compiler has a macro for each of FLAGS_OF_GCC, as gcc 12 and later have."""
    macros = subprocess.run([compiler, "-fno-signed-zeros", "-dM", "-E", "-xc", "/dev/null"], capture_output=True,
                            text=True, check=True).stdout
    return "__NO_SIGNED_ZEROS__" in macros


def main(compiler):
    flags = FLAGS + (FLAGS_OF_GCC if shows_flags(compiler) else [])
    units = sorted(path.relative_to(ROOT / "native/src").as_posix() for path in (ROOT / "native/src").rglob("*.c"))
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as pool:
        copy_to(Path(folder))
        for unit in sorted({edit[0] for edit in EDITS}):
            said = compiled(compiler, Path(folder), unit)
            if said:
                print(f"{unit} does not compile as it is:\n{said}")
                return 1
        found = [*pool.map(lambda edit: fault_of(compiler, edit), EDITS),
                 *pool.map(lambda case: fault_of_flag(compiler, Path(folder), *case),
                           [(unit, *flag) for unit in units for flag in flags])]
    faults = [fault for fault in found if fault]
    print("\n".join(faults + [f"{len(EDITS)} edits, {len(flags)} flags of {len(units)} files, {len(faults)} not found by "
                              "the compiler"]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
