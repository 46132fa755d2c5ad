#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares Xent with PyTorch and ONNX Runtime on a grid of calls, forward and gradient.

    python3 conformance/peers/compare.py --library build/libxent.so

Needs NumPy, torch and onnxruntime with onnx (from pip; the CPU builds are enough). Prints the worst difference of each
group and the rules by which the systems differ on purpose. Exits with 1 if a difference has no rule.
"""
import argparse
import itertools
import sys
import warnings
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import onnx_runtime
import package
import pytorch
from cases import Source, decode, encode
from rules import RULES, rule_of
from pyxent import XentError
from pyxent.conformance import run as xent_run

SHAPES = ([10], [5, 10], [3, 1], [4, 129], [2, 1500], [3, 7, 4], [2, 3, 5, 2], [2, 4, 3, 2, 2], [2, 2, 2, 3, 2, 2])
TARGETS = ("labels", "ignored outside", "ignored inside", "probabilities", "none counted")
ROWS = ("ordinary", "edges")
TYPES = ("f32", "f64", "f16", "bf16")
REDUCTIONS = ("none", "sum", "mean")
# The largest difference between two systems that both compute with care: a few roundings of the type, for sums and
# gradients of terms of that size. Peers add in the type itself.
TOLERANCE = {"f32": 4e-6, "f64": 1e-14, "f16": 4e-3, "bf16": 3e-2}


class Call:
    """A point of the grid, and its arrays as doubles that the type holds exactly."""

    def __init__(self, t, shape, targets, weighted, smoothing, rows):
        self.type, self.shape, self.targets, self.weighted = t, tuple(shape), targets, weighted
        self.smoothing, self.rows = smoothing, rows
        self.axis = 0 if len(shape) == 1 else 1
        self.classes = shape[self.axis]
        source = Source(f"{t} {shape} {targets} {weighted} {smoothing} {rows}")
        self.logits = self.held(4 * source.normal(*shape))
        per_row = shape[:self.axis] + shape[self.axis + 1:]
        self.ignore_index = {"ignored inside": 0, "ignored outside": -100, "none counted": -100}.get(targets)
        self.labels = source.below(self.classes, *per_row)
        if targets == "ignored outside":
            self.labels = np.where(source.uniform(*per_row) < 0.3, -100, self.labels)
        if targets == "none counted":
            self.labels = np.full(per_row, -100)
        self.probabilities = None
        if targets == "probabilities":
            q = np.floor(8 * source.uniform(*shape))
            q = np.where(source.uniform(*shape) < 0.3, 0, q)
            self.probabilities = self.held(q / np.maximum(q.sum(axis=self.axis, keepdims=True), 1))
        self.weights = None
        if weighted:
            self.weights = self.held(np.floor(5 * source.uniform(self.classes)) / 2)
        if rows == "edges":
            self.put_edges(source)

    def held(self, values):
        return decode(encode(values, self.type), self.type)

    def put_edges(self, source):
        """Rows of all kinds, one per row of the call."""
        rows = np.moveaxis(self.logits, self.axis, -1).reshape(-1, self.classes)
        kinds = [lambda r: r + np.where(source.uniform(len(r)) < 0.5, -np.inf, 0), lambda r: r * 0 - np.inf, lambda r: r * np.nan,
                 lambda r: np.where(np.arange(len(r)) == len(r) // 2, np.inf, r), lambda r: self.held(r * 2 + 20000),
                 lambda r: r * 0, lambda r: self.held(r * 40)]
        for i in range(len(rows)):
            rows[i] = kinds[i % len(kinds)](rows[i])
        whole = [n for k, n in enumerate(self.shape) if k != self.axis] + [self.classes]
        self.logits = np.moveaxis(rows.reshape(whole), -1, self.axis).copy()

    def by_rows(self, array):
        """One line per row."""
        return np.moveaxis(np.asarray(array, np.float64).reshape(self.shape), self.axis, -1).reshape(-1, self.classes)

    def __str__(self):
        return (f"{self.type} {list(self.shape)}, {self.targets}{', weights' if self.weighted else ''}, "
                f"smoothing {self.smoothing}, {self.rows} rows")


def xent_results(call):
    """{reduction: (loss, gradient)}"""
    inputs = {"logits": encode(call.logits, call.type)}
    types = {"logits": call.type}
    options = {"label_smoothing": call.smoothing} if call.smoothing else {}
    if call.probabilities is not None:
        inputs["targets"], types["targets"] = encode(call.probabilities, call.type), call.type
    else:
        inputs["targets"], types["targets"] = call.labels.astype(np.int64), "i64"
        if call.ignore_index is not None:
            options["ignore_index"] = call.ignore_index
    if call.weights is not None:
        inputs["class_weights"], types["class_weights"] = encode(call.weights, call.type), call.type
    wanted = {"losses": call.type, "gradient": call.type, "sum": "f64", "denominator": "f64"}

    def run(scale):
        return xent_run("cross_entropy", inputs, call.axis, {**options, "gradient_scale": scale}, wanted, types)

    whole = run(1.0)
    denominator = float(whole["denominator"])
    mean = run(1 / denominator if denominator else 0.0)
    gradient, mean_gradient = decode(whole["gradient"], call.type), decode(mean["gradient"], call.type)
    total = float(whole["sum"])
    average = total / denominator if denominator else np.nan
    return {"none": (decode(whole["losses"], call.type), gradient), "sum": (np.float64(total), gradient),
            "mean": (np.float64(average), mean_gradient)}


class Table:
    """The comparisons and their results."""

    def __init__(self):
        self.cases, self.worst = Counter(), defaultdict(float)
        self.rules, self.unexplained, self.refused = Counter(), [], Counter()
        self.values = 0

    def compare(self, peer, call, reduction, what, ours, theirs, scale):
        """Differences relative to `scale`, a number or one per value."""
        ours, theirs = np.atleast_1d(np.asarray(ours, np.float64)), np.atleast_1d(np.asarray(theirs, np.float64))
        with np.errstate(invalid="ignore", over="ignore"):
            same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
            far = np.where(same, 0, np.abs(ours - theirs) / np.maximum(scale, 1e-300))
        self.values += ours.size
        ordinary = np.isfinite(far) & (far <= TOLERANCE[call.type])
        key = peer, call.type, call.targets, "weights" if call.weighted else "", "smoothing" if call.smoothing else "", what
        if ordinary.any():
            self.worst[key] = max(self.worst[key], float(far[ordinary].max()))
        self.cases[key] += 1
        for index in np.argwhere(~ordinary):
            rule = rule_of(peer, call, reduction, what, tuple(index), ours[tuple(index)], theirs[tuple(index)])
            if rule:
                self.rules[peer, rule] += 1
            else:
                self.unexplained.append(f"{peer}: {call}, {reduction}, {what}{list(index)}: "
                                        f"{ours[tuple(index)]!r} here, {theirs[tuple(index)]!r} there")

    def print(self):
        print(f"{'peer':13} {'type':5} {'targets':16} {'':8} {'':10} {'':9} {'compared':>8} {'worst difference':>16}")
        for key in sorted(self.cases):
            peer, t, targets, weights, smoothing, what = key
            print(f"{peer:13} {t:5} {targets:16} {weights:8} {smoothing:10} {what:9} {self.cases[key]:8} {self.worst[key]:16.2e}")
        print("\nrules by which a value differs")
        for (peer, rule), count in sorted(self.rules.items()):
            print(f"{count:8}  {peer}: {rule}: {RULES[rule]}")
        for reason, count in self.refused.items():
            print(f"{count:8}  not compared: {reason}")
        print(*self.unexplained[:30], sep="\n")


def scales(call, reduction, loss, gradient, count):
    """The scale of differences: the size of the numbers that a system adds."""
    weight = 1 if call.weights is None else max(float(call.weights.max()), 1)
    finite = np.abs(loss[np.isfinite(loss)])
    largest = float(finite.max()) if finite.size else 0
    share = {"none": 1, "sum": 1, "mean": 1 / max(count, 1)}[reduction]
    logits = np.abs(call.logits[np.isfinite(call.logits)])
    reach = (float(logits.max()) if logits.size else 0) + 8
    return max(1.0, largest, reach if call.type in ("f16", "bf16") else 1) * weight, weight * share * (1 + 0 * gradient)


def run_grid(table):
    grid = list(itertools.product(TYPES, SHAPES, TARGETS, (False, True), (0, 0.1), ROWS))
    count = 0
    for point in grid:
        call = Call(*point)
        try:
            ours = xent_results(call)
        except XentError as error:
            table.refused[f"Xent refuses {call.type}{', weights' if call.weighted else ''}: {error}"] += 3
            continue
        for peer, results_of in (("PyTorch", pytorch.results), ("ONNX Runtime", onnx_runtime.results)):
            for reduction in REDUCTIONS:
                theirs = results_of(call, reduction)
                if theirs is None:
                    continue
                count += 1
                loss, gradient = ours[reduction]
                rows = loss.size if reduction == "none" else call.by_rows(call.logits).shape[0]
                loss_scale, gradient_scale = scales(call, reduction, np.atleast_1d(loss), gradient, rows)
                table.compare(peer, call, reduction, "loss", loss, theirs[0], loss_scale)
                if theirs[1] is not None:
                    table.compare(peer, call, reduction, "gradient", gradient, theirs[1], gradient_scale)
    return count


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--library", required=True, help="libxent.so")
    package.use(arguments.parse_args().library)
    warnings.filterwarnings("ignore")
    table = Table()
    count = run_grid(table)
    table.print()
    print(f"\n{count} cases ({pytorch.VERSION}, {onnx_runtime.VERSION}), {table.values} values compared, "
          f"{sum(table.rules.values())} differ by a rule, {len(table.unexplained)} without one")
    return 1 if table.unexplained or not count else 0


if __name__ == "__main__":
    sys.exit(main())
