#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A rule that acts on each class is written once for float32 and once for float64, and called by whatever goes over
the classes: along a row, rows side by side, columns. Whoever writes a formula of a class again is found here.

    class_rules.py
"""
import re
import sys
from pathlib import Path

KERNELS = Path(__file__).resolve().parent.parent / "src/kernels"

# The functions that each rule is in: never more than three.
MOST = 3
RULES = {
    "softcap and its derivative": ["class_softcap", "f64_cap"],
    "target: weight (keep q + share)": ["class_share", "class_target", "f64_class_targets"],
    "target times (m - x), and entropy": ["class_gap", "class_entropy", "f64_term"],
    "second pass: v factor + addend": ["class_line", "f64_line"],
    "second pass: - target scale": ["class_pull", "f64_pulled"],
    "second pass with a tiny factor": ["emitted", "emit_product", "f64_emit_one"],
    "log-probability": ["log_probability", "f64_write_top"],
    "gradient of a target": ["class_target_gradient", "write_target_gradient", "f64_target_gradient"],
    "clamped loss of a class": ["clamped_terms", "clamped_loss", "f64_clamped_loss"],
    "log-probability of a class that a caller names": ["f32_named_gradient", "f64_named_gradient",
                                                       "f64_log_probability"],
    "backward of softmax": ["backward_lanes", "f64_backward_one"],
    "classes before a class": ["bits_before", "order_classes"],
}

# What is computed of a class looks like one of these.
FORMULA = re.compile(r"\b(lanes_fma|doubles_fma|fused|fused_double|lanes_floor_at|tanh_vectors|f64_tanh_vectors|"
                     r"doubles_clear_where_zero|clamped_loss)\(|where_equal\(.*_mul\(")

# Formulas of a row or of a sum, not of a class.
OF_ROWS = {"pair_add_product", "each_logarithm", "f64_focal_loss", "f64_settle_losses", "f64_settle", "f64_entropies",
           "f64_settle_near_zero"}

# Where other things than classes of logits are computed.
ELSEWHERE = re.compile(r"(vector|sample|linear|elements)/|math/(?!class_rules|f64_sum)|paths/f64/f64_kl_divergence")


def functions(text):
    """Name and text of each function, which begins and ends at the start of a line."""
    for part in re.split(r"\n(?=(?:XENT_\w+|static|__attribute__)[^\n;=]*\()", text):
        name = re.match(r"[^\n(]*?(\w+)\((?!\()", re.sub(r"__attribute__\(\(.*?\)\)", "", part))
        if name:
            yield name[1], re.sub(r"/\*.*?\*/", "", part, flags=re.S)


def main():
    places, faults = {}, []
    named = {name for names in RULES.values() for name in names} | OF_ROWS
    for path in sorted(KERNELS.rglob("*.h")):
        file = path.relative_to(KERNELS).as_posix()
        for name, text in functions(path.read_text()):
            places[name] = file
            if name not in named and not ELSEWHERE.match(file) and FORMULA.search(text):
                faults.append(f"{file}: {name} computes a class itself; call the rule, or name it in class_rules.py")
    faults += [f"{name} is named here, but in no header of kernels" for name in sorted(named - {*places})]
    faults += [f"{rule} is written {len(names)} times" for rule, names in RULES.items() if len(names) > MOST]
    for rule, names in RULES.items():
        print(f"{len(names)}  {rule}: {', '.join(names)}")
    print("\n".join(faults + [f"{len(RULES)} rules, {len(faults)} faults"]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
