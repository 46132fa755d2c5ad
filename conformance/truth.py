#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Computes the true results of every case and prints the error of the expected bits.

    python3 conformance/truth.py [--index conformance/cases.json]

It is written from the formulas of include/xent.h alone, in arithmetic with enough digits for each row (mpmath),
independently of the code of Xent. Exits with 1 if an error exceeds the bounds of bounds.md.
Needs NumPy and mpmath (Debian: apt-get install python3-numpy python3-mpmath).
"""
import argparse
import json
import math
import sys
from collections import namedtuple
from pathlib import Path

import numpy as np
from mpmath import mp, mpf

import package  # noqa: F401 - finds the package pyxent
from pyxent.conformance import Archives

NAN, INF = mpf("nan"), mpf("inf")

# Digits after the leading one, exponent of the least normal number, largest number.
Format = namedtuple("Format", "digits least largest")
FORMATS = {"f16": Format(10, -14, mpf(65504)), "bf16": Format(7, -126, (2 - mpf(2) ** -7) * mpf(2) ** 127),
           "f32": Format(23, -126, (2 - mpf(2) ** -23) * mpf(2) ** 127),
           "f64": Format(52, -1022, (2 - mpf(2) ** -52) * mpf(2) ** 1023)}

# The error bounds of bounds.md in each arithmetic. Pairs are: without and with a temperature (log_softmax, backward);
# an absolute error, ulps and, without targets, an error of |largest| + D (log_sum_exp), or an absolute and a relative
# error (entropy, target). `softcap` is in units, half an ulp of 1; below `faint` of a row's largest term the
# exponential loses digits, and is right to `floor` of it. `sigmoid`: sigmoid, log-sigmoid and their backwards, without
# and with a temperature.
Promise = namedtuple("Promise", "probability log_softmax log_sum_exp label smooth mixed gradient mixed_gradient entropy "
                                "target backward softcap unit faint floor focal "
                                "binary product sigmoid")
F32 = Promise(5.5e-7, (4, 5.5), (3.1e-7, 1.5, 2.5e-6), 5e-7, 5e-7, 5.5e-7, 5.5e-7, 9e-7, (3.1e-7, 8e-7), (3.1e-7, 4e-7),
              (4.5e-7, 5.7e-7), (6.5, 11), 2.0**-24, mpf(2) ** -132, mpf(2) ** -134, (5e-7, 1.5e-6),
              (4e-7, 4.5e-7, 6e-7, 7.5e-7, 2.5e-7), 8.7e-7,
              ((3e-7, 3.2e-7), (3.4e-7, 3.6e-7), (5.4e-7, 6.8e-7), (3.6e-7, 5e-7)))
F64 = Promise(6 * 2.0**-52, (2, 3.5), (1e-15, 1, 6e-15), 1e-15, 2e-15, 2e-15, 1e-15, 2e-15, (1e-15, 4e-15), (1e-15, 2e-15),
              (2e-15, 2e-15), (10, 12), 2.0**-53, mpf(2) ** -1020, mpf(2) ** -1050, (1.5e-15, 3e-15),
              (1e-15, 1e-15, 1.5e-15, 1.5e-15, 5e-16), 1.6e-15,
              ((6e-16, 6e-16), (6e-16, 6e-16), (1e-15, 1.2e-15), (7e-16, 1e-15)))


def ulp(value, form):
    """The distance of neighbouring numbers of a format at a value."""
    exponent = mp.frexp(value)[1] - 1 if value else form.least
    return mpf(2) ** (max(exponent, form.least) - form.digits)


def decode(array, type_name):
    """The numbers of an array, exactly, in a flat list."""
    array = array.reshape(-1)
    if type_name == "bf16":
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return [mpf(float(v)) for v in array] if array.dtype.kind == "f" else [int(v) for v in array]


class Case:
    """A case: its arrays as lists of numbers, one list per row."""

    def __init__(self, entry, archives):
        self.entry, self.options = entry, entry.get("options", {})
        self.name, self.function = entry["name"], entry["function"]
        shape, axis = entry["shape"], entry["axis"]
        self.classes, self.inner = shape[axis], math.prod(shape[axis + 1:])
        self.rows = math.prod(shape[:axis]) * self.inner
        self.axis = axis
        self.arrays, self.types, self.loaded = {}, {}, {}
        for name, file in {**entry["inputs"], **entry["outputs"]}.items():
            array = archives.array(file)
            self.loaded[name], self.types[name] = array, file["type"]
            self.arrays[name] = decode(array, file["type"])
        self.numbers = entry.get("numbers", {})
        self.offsets = self.arrays.get("row_offsets")
        self.sparse = "target_weights" in self.arrays
        self.arithmetic = "f64" if self.types.get("logits", self.types.get("output")) == "f64" else "f32"
        if self.function in DIVERGENCES:
            self.arithmetic = "f64"
        self.sampling, self.unsure = entry.get("sampling", {}), 0
        self.doubts, self.gradients = {}, []  # of a linear layer: error bounds of logits, and their gradients, by row

    def has(self, name):
        return name in self.arrays

    def per_class(self, name, row):
        """The entries of an array for the classes of a row, or for the few entries of sparse targets and top
        classes."""
        flat = self.arrays[name]
        if name == "class_mask" and self.loaded[name].ndim == 1 and len(self.entry["shape"]) > 1 and not self.offsets:
            return flat
        if self.function == "selected_log_probabilities" and name in ("targets", "upstream", "log_probabilities"):
            count = self.loaded[name].shape[self.axis] if self.loaded[name].ndim == len(self.entry["shape"]) else 1
            return self.strided(flat, count, row)
        if name in ("hidden", "hidden_gradient"):
            return self.strided(flat, self.loaded["weights"].shape[1], row)
        if name in ("prompt_tokens", "output_tokens", "bias_tokens", "bias_values"):
            return self.strided(flat, self.loaded[name].shape[self.axis], row)
        if name.startswith("top_") or (self.sparse and name in ("targets", "target_weights", "target_gradient")):
            return self.strided(flat, self.loaded[name].shape[self.axis], row)
        if self.offsets:
            return flat[self.offsets[row]:self.offsets[row + 1]]
        return self.strided(flat, self.classes, row)

    def strided(self, flat, count, row):
        begin = row // self.inner * count * self.inner + row % self.inner
        return flat[begin:begin + count * self.inner:self.inner]

    def per_row(self, name, row, default=None):
        if not self.has(name):
            return default
        flat = self.arrays[name]
        return flat[row if len(flat) > 1 else 0]

    def option(self, name, default=0):
        return self.options.get(name, default)


class Row:
    """The logits of a row after the softcap, over the temperature, and their softmax."""

    def __init__(self, case, row, name="logits"):
        values = case.per_class(name, row)
        mask = case.per_class("class_mask", row) if case.has("class_mask") else [1] * len(values)
        self.classes = len(values)
        self.counted = [k for k in range(len(values)) if mask[k]]
        finite = [v for k, v in enumerate(values) if mask[k] and mp.isfinite(v)]
        spread = max(finite) - min(finite) if finite else mpf(0)
        self.scale = mpf(case.sampling.get("scale", 1))  # of logits before the softcap
        self.tau = mpf(case.option("temperature") or 1) / self.scale
        mp.prec = 200 + int(min(spread / self.tau, 1600) * 1.45)
        self.form = FORMATS[case.arithmetic]
        self.promise = F64 if case.arithmetic == "f64" else F32
        self.x, self.slope, self.error = {}, {}, {}
        for k in self.counted:
            self.prepare(case, k, values[k])
            if row in case.doubts:
                self.error[k] += case.doubts[row][k] / self.tau
        self.sink = case.per_row("sink", row)
        everything = list(self.x.values()) + ([] if self.sink is None else [self.sink])
        self.order = dict(self.x)
        self.is_nan = any(mp.isnan(v) or v == INF for v in everything)
        self.is_infinite = self.is_nan and not any(mp.isnan(v) for v in everything)
        self.is_masked = not self.is_nan and all(v == -INF for v in everything)
        if not (self.is_nan or self.is_masked):
            self.sum_up(everything)

    def prepare(self, case, k, value):
        """x over the temperature, the derivative of the softcap, and the error bound of x from the roundings of the
        softcap. A temperature adds no error."""
        cap, slope, roundings = case.option("softcap"), mpf(1), 0
        if cap and not mp.isnan(value):
            t = mp.tanh(value * self.scale / mpf(cap))
            value, slope, roundings = cap / self.scale * t, 1 - t * t, self.promise.softcap[0]
        self.x[k], self.slope[k] = value / self.tau, slope
        self.error[k] = abs(self.x[k]) * roundings * mpf(self.promise.unit) if mp.isfinite(value) else mpf(0)

    def sum_up(self, everything):
        self.max = max(everything)
        if abs(self.max) > 16384:  # then x - max is computed first, and may be too large for the type
            most = self.form.largest / self.tau
            self.x = {k: v if self.max - v <= most else -INF for k, v in self.x.items()}
        weights = {k: mp.exp(v - self.max) for k, v in self.x.items()}
        self.total = mp.fsum(weights.values()) + (mp.exp(self.sink - self.max) if self.sink is not None else 0)
        self.p = {k: w / self.total for k, w in weights.items()}
        self.excess = mp.log(self.total)  # of log-sum-exp over the largest, which may have more digits than the type
        self.lse = self.max + self.excess
        self.lse_error = mp.fsum(p * self.error[k] for k, p in self.p.items())
        if self.sink is not None and mp.isfinite(self.sink) and self.tau != 1:  # it is rounded in units of the logits
            self.lse_error += mp.exp(self.sink - self.max) / self.total * abs(self.sink) * mpf(self.promise.unit)

    def probability_error(self, k):
        """The error bound of p: from the promise, from faintness and from the error of x'."""
        p, largest = self.p[k], 1 / self.total
        faint = largest * self.promise.floor if p < self.promise.faint * largest else 0
        return p * (mpf(self.promise.probability) + self.error[k] + self.lse_error) + faint

    def log_probability(self, k):
        return (self.x[k] - self.max) - self.excess

    def log_error(self, k):
        y = self.log_probability(k)
        if not mp.isfinite(y):
            return mpf(0)
        return (self.promise.log_softmax[self.tau != 1] * ulp(max(mpf(1), -y, self.max - self.x[k]), self.form)
                + self.error[k] + self.lse_error)


# ---- expected results of each function: (value, error allowed) ---------------------------------------------------

def constant(value, count):
    return [(value, mpf(0))] * count


def softmax(case, row):
    r = Row(case, row)
    log = case.function == "log_softmax_forward"
    if r.is_nan or (r.is_masked and case.option("fully_masked") != "zero"):
        return {"output": constant(NAN, r.classes), "log_sum_exp": (INF if r.is_infinite else NAN, 0)}
    lowest = -INF if log else mpf(0)
    results = constant(lowest, r.classes)
    if r.is_masked:
        return {"output": results, "log_sum_exp": (-INF, 0)}
    for k in r.counted:
        results[k] = (r.log_probability(k), r.log_error(k)) if log else (r.p[k], r.probability_error(k))
    return {"output": results, "log_sum_exp": (r.lse, lse_error(r, True))}


def lse_error(r, alone):
    """alone: without targets, so the value keeps the digits of its parts if it is close to 0."""
    absolute, ulps, relative = r.promise.log_sum_exp
    if alone:
        absolute = min(absolute, relative * (abs(r.max) + r.excess) + r.classes * r.promise.floor)
    return absolute + ulps * ulp(r.lse, r.form) + r.lse_error


def softmax_backward(case, row):
    y, dy = case.per_class("output", row), case.per_class("upstream", row)
    mp.prec = 200
    counted = range(len(y))
    if case.has("class_mask"):
        mask = case.per_class("class_mask", row)
        counted = [k for k in counted if mask[k]]
    log = case.function == "log_softmax_backward"
    tau = mpf(case.option("temperature") or 1)
    bound = mpf((F64 if case.arithmetic == "f64" else F32).backward[tau != 1])
    results = constant(mpf(0), len(y))
    terms = [dy[k] if log else dy[k] * y[k] for k in counted]
    total, size = mp.fsum(terms), mp.fsum(abs(t) for t in terms)
    for k in counted:
        p = mp.exp(y[k]) if log else y[k]
        value = dy[k] - p * total if log else p * (dy[k] - total)
        scale = abs(dy[k]) + p * size if log else p * (abs(dy[k]) + size)
        results[k] = (value / tau, bound * scale / tau)
    return {"gradient": results}


class Targets:
    """The target distribution of a row, smoothed and weighted: t_k, its size, and facts about it."""

    def __init__(self, case, row, r):
        self.label = None
        weights = case.arrays.get("class_weights", [mpf(1)] * max(case.classes, 1))
        eps, counted = mpf(case.option("label_smoothing")), set(r.counted)
        self.plain = {}
        if case.sparse:
            pairs = zip(case.per_class("targets", row), case.per_class("target_weights", row))
            for k, p in pairs:
                if k != case.option("ignore_index", None):
                    self.plain[k] = self.plain.get(k, mpf(0)) + p
        elif case.types["targets"] in FORMATS:
            values = case.per_class("targets", row)
            self.plain = {k: values[k] for k in counted}
        else:
            self.label = case.per_row("targets", row)
            self.plain = {self.label: mpf(1)}
        even = counted - {self.label} if case.option("smoothing", "uniform") == "others" else counted
        share = eps / len(even) if even else mpf(0)
        self.t, self.size = {}, {}
        for k in counted:
            given, smooth = (1 - eps) * self.plain.get(k, mpf(0)), share if k in even else mpf(0)
            self.t[k], self.size[k] = weights[k] * (given + smooth), abs(weights[k] * given) + weights[k] * smooth
        self.weights, self.eps = weights, eps
        self.simple = self.label is not None and eps == 0
        self.smooth = self.label is not None and eps > 0 and not case.has("class_weights")
        self.clamped = eps == 0 and case.option("probability_clamp")


def is_ignored(case, row):
    if case.per_row("row_weights", row, 1) == 0:
        return True
    labels = case.has("targets") and not case.sparse and case.types["targets"] not in FORMATS
    return labels and case.per_row("targets", row) == case.option("ignore_index", None)


def is_ignored_element(case, k):
    labels = case.types["targets"] not in FORMATS
    weight = case.arrays["element_weights"][k] if case.has("element_weights") else 1
    return weight == 0 or (labels and case.arrays["targets"][k] == case.option("ignore_index", None))


def special_row(case, r, few, ignored):
    """The outputs of rows without a result."""
    zero = r is not None and r.is_masked and case.option("fully_masked") == "zero"
    number = mpf(0) if zero or ignored else NAN
    low = -INF if zero else NAN
    infinite = r is not None and r.is_infinite and not case.has("targets")
    classes = r.classes if r is not None else len(case.per_class("logits", 0 if not case.offsets else few["row"]))
    return {
        "losses": (number, 0), "log_sum_exp": (INF if infinite else low, 0), "correct": 0, "log_probabilities": (low, 0), "argmax": -1,
        "ranks": -1, "entropies": (mpf(0) if zero else NAN, 0), "top_classes": [-1] * few["top"],
        "top_log_probabilities": constant(low, few["top"]), "gradient": constant(number, classes),
        "target_gradient": constant(number, few["targets"] or classes)}


def cross_entropy(case, row):
    few = {"top": case.loaded["top_classes"].shape[case.axis] if case.has("top_classes") else 0, "row": row,
           "targets": case.loaded["targets"].shape[case.axis] if case.sparse else 0}
    if is_ignored(case, row):
        return special_row(case, None, few, True)
    r = Row(case, row)
    if r.is_nan or r.is_masked:
        return special_row(case, r, few, False)
    results = {"log_sum_exp": (r.lse, lse_error(r, not case.has("targets"))), "entropies": entropy(r), **order(case, row, r, few["top"])}
    if case.has("targets"):
        results.update(loss_and_gradient(case, row, r, Targets(case, row, r)))
    return results


def entropy(r):
    terms = [-p * r.log_probability(k) for k, p in r.p.items() if p]
    value = mp.fsum(terms)
    moved = mp.fsum(p * (abs(r.log_probability(k)) + 1) * (r.error[k] + r.lse_error) for k, p in r.p.items() if p)
    return value, r.promise.entropy[0] + value * mpf(r.promise.entropy[1]) + moved


def order(case, row, r, top, label=None):
    """argmax, ranks, correct rows and the largest classes. Roundings of the softcap may make neighbours equal."""
    slack = 4 * max(r.error.values(), default=mpf(0))
    falling = sorted(r.counted, key=lambda k: (-r.order[k], k))
    results = {"top_log_probabilities": [(r.log_probability(k), r.log_error(k)) for k in falling[:top]]}
    results["top_log_probabilities"] += constant(-INF, top - len(falling))
    near = {k for k in falling if r.order[k] >= r.order[falling[0]] - slack}
    results["argmax"] = near if slack else falling[0] if falling else -1
    if case.has("top_classes"):
        chosen = case.per_class("top_classes", row)
        places = [r.order.get(k, -INF) for k in chosen[:len(r.counted)]]
        sound = len(set(chosen[:len(r.counted)])) == min(top, len(r.counted)) and all(
            abs(a - r.order[k]) <= slack or a == r.order[k] for a, k in zip(places, sorted(r.counted, key=lambda k: (-r.order[k], k))))
        exact = (sorted(r.counted, key=lambda k: (-r.order[k], k)) + [-1] * top)[:top]
        results["top_classes"] = chosen if slack and sound and chosen[len(r.counted):] == exact[len(r.counted):] else exact
    if label is None and (not case.has("targets") or case.sparse or case.types["targets"] in FORMATS):
        return results
    y = case.per_row("targets", row) if label is None else label
    if r.order[y] == -INF:
        slack = 0
    above = sum(r.order[k] > r.order[y] + slack for k in r.counted)
    before = sum(r.order[k] == r.order[y] and k < y for k in r.counted)
    about = sum(abs(r.order[k] - r.order[y]) <= slack and k != y for k in r.counted) if slack else 0
    ranks = set(range(above, above + about + 1)) if slack else {above + before}
    results.update(ranks=ranks, correct={int(rank == 0) for rank in ranks})
    return results


def loss_and_gradient(case, row, r, targets):
    u = mpf(case.per_row("row_weights", row, 1))
    scale = mpf(case.option("gradient_scale", 1.0)) * mpf(case.per_row("upstream", row, 1))
    tau, zeta = mpf(case.option("temperature") or 1), mpf(case.option("z_loss"))
    t, size = targets.t, targets.size
    mass, whole = mp.fsum(t.values()), mp.fsum(size.values())
    bound = mpf(r.promise.label if targets.simple else r.promise.smooth if targets.smooth else r.promise.mixed)

    # the loss: terms t (lse - x), which are not negative if no target is
    loss, error = mpf(0), mpf(0)
    for k in t:
        if t[k] == 0:
            continue
        term = -r.log_probability(k)
        if targets.clamped:
            d = mpf(case.option("probability_clamp"))
            term = min(max(term, -mp.log(1 - d)), -mp.log(d))
        loss += t[k] * term
        if mp.isfinite(term):
            apart = 0 if targets.simple or targets.smooth else 1
            error += size[k] * (term + apart) * bound + size[k] * (r.error[k] + r.lse_error)
    if r.sink is not None and targets.eps:
        error += whole * mpf(2) ** -52
    if targets.simple and loss < r.classes * r.promise.faint:
        error += bound * r.classes * r.promise.floor * whole
    spread = abs(r.lse) * zeta * (2 * (mpf(r.promise.entropy[0]) + r.lse_error) + abs(r.lse) * mpf(r.promise.unit))
    rounded = mpf(r.promise.unit) * abs(u * (loss + zeta * r.lse**2)) if mp.isfinite(loss) else 0
    results = {"losses": (u * (loss + zeta * r.lse ** 2) if not mp.isnan(loss) else NAN, u * (error + spread) + rounded)}
    if targets.label is not None:
        y = targets.label
        log_p = r.log_probability(y)
        if targets.clamped:
            log_p = max(min(log_p, mp.log(1 - d)), mp.log(d)) if t[y] else clamp_of(case, log_p)
        results["log_probabilities"] = (log_p, label_error(r, y, log_p))

    pull, pull_size = mass + 2 * zeta * r.lse, whole + 2 * zeta * (abs(r.lse) + 1)
    exact = targets.simple and not zeta  # every entry keeps its relative accuracy, the label's too
    of_terms = mpf(r.promise.gradient if targets.smooth and not zeta else r.promise.mixed_gradient)
    gradient = constant(mpf(0), r.classes)
    c = scale * u / tau
    for k in r.counted:
        value = r.p[k] * pull - t[k]
        allowed = of_terms * (r.p[k] * pull_size + size[k])
        if exact:
            allowed = mpf(r.promise.label if k == targets.label else r.promise.gradient) * abs(value)
        allowed += r.p[k] * (pull_size + zeta) * 2 * (r.error[k] + r.lse_error)
        if k == targets.label:
            # eps - p (1 - eps) is computed as (p - 1) + eps if the other classes share eps
            allowed += targets.eps * mpf(2) ** -52 if case.option("smoothing", "") == "others" else 0
            allowed += size[k] * mp.fsum(p * (r.error[j] + r.lse_error) for j, p in r.p.items() if j != k)
        if r.p[k] < r.promise.faint / r.total:
            allowed += r.promise.floor * pull_size
        roundings = r.promise.softcap[1] if case.option("softcap") else 0
        size_of_result = abs(value) if exact else r.p[k] * pull_size + size[k]
        gradient[k] = (c * value * r.slope[k],
                       abs(c) * (allowed * r.slope[k] + size_of_result * roundings * mpf(r.promise.unit)))
    results["gradient"] = gradient
    results["target_gradient"] = target_gradient(case, row, r, targets, scale * u)
    if case.option("focal_gamma"):
        focus(case, r, targets, results)
    return results


def focus(case, r, targets, results):
    """The loss of a label times (1 - p)^gamma, and the gradient of this loss."""
    gamma, y = mpf(case.option("focal_gamma")), targets.label
    m, L = mp.fsum(p for k, p in r.p.items() if k != y), -r.log_probability(y)
    power = m**gamma
    scale = power * (1 + gamma * (r.p[y] * L / m if r.p[y] else 0)) if m else mpf(0)
    bound = mpf(r.promise.focal[0])
    if m and case.arithmetic == "f64":
        bound += gamma * (mpf(7e-16) + mpf(3.4e-16) * abs(mp.log(m)))
    elif m:
        bound += gamma * (mpf(4.5e-7) * r.p[y] + mpf(3e-16))
    steep = bound + mpf(r.promise.focal[1])
    # faint terms: m has the error of the floor of the largest term, and so does its factor
    faint = r.classes * r.promise.floor * (1 + gamma)
    loss = results["losses"][0]
    results["losses"] = (loss * power, abs(loss * power) * bound + faint) if mp.isfinite(loss) else (loss, 0)
    gradient = results["gradient"]
    for k in r.counted:
        value = gradient[k][0] * scale
        gradient[k] = (value, abs(value) * steep + faint)


def clamp_of(case, log_p):
    d = mpf(case.option("probability_clamp"))
    return max(min(log_p, mp.log(1 - d)), mp.log(d))


def label_error(r, y, log_p):
    if not mp.isfinite(log_p):
        return mpf(0)
    return mpf(r.promise.label) * (abs(log_p) + r.classes * r.promise.floor) + r.error[y] + r.lse_error


def target_gradient(case, row, r, targets, c):
    if targets.label is not None:
        return None
    places = case.per_class("targets", row) if case.sparse else range(r.classes)
    results = []
    for k in places:
        factor = c * (1 - targets.eps) * targets.weights[k] if k in r.x else mpf(0)
        skipped = case.sparse and k == case.option("ignore_index", None)
        if factor == 0 or skipped:
            results.append((mpf(0), mpf(0)))
            continue
        value = -r.log_probability(k)
        absolute, relative = r.promise.target
        error = absolute + mpf(relative) * value + r.error[k] + r.lse_error if mp.isfinite(value) else mpf(0)
        results.append((factor * value, abs(factor) * error))
    return results


def binary_cross_entropy(case, row):
    """Losses and gradients of all elements, as lists."""
    mp.prec = 400
    x, t = case.per_class("logits", row), case.per_class("targets", row)
    w = case.per_class("element_weights", row) if case.has("element_weights") else [mpf(1)] * len(x)
    r = [mpf(1)] * len(x)
    if case.has("positive_weights"):
        vector = case.loaded["positive_weights"].ndim == 1
        r = case.arrays["positive_weights"] if vector else case.per_class("positive_weights", row)
    both = [binary_element(case, *numbers) for numbers in zip(x, t, w, r)]
    return {"losses": [loss for loss, _ in both], "gradient": [gradient for _, gradient in both]}


def sigmoid(case, row):
    """Results of all elements, as a list."""
    mp.prec = 400
    log, backward = case.function.startswith("log"), case.function.endswith("backward")
    upstream = case.per_class("upstream", row) if backward else [mpf(1)] * case.classes
    results = [sigmoid_element(case, x, dy, log, backward) for x, dy in zip(case.per_class("logits", row), upstream)]
    return {"gradient" if backward else "output": results}


def sigmoid_element(case, x, dy, log, backward):
    tau = mpf(case.option("temperature") or 1)
    promised = (F64 if case.arithmetic == "f64" else F32).sigmoid[2 * backward + log]
    if mp.isnan(x):
        return NAN, 0
    z = x / tau
    if mp.isinf(z):
        if log and not backward:
            return (z if z < 0 else mpf(0)), 0
        z = mp.sign(z) * mpf(10) ** 4
    u = mp.exp(-abs(z)) if abs(z) < 10000 else mpf(0)
    large, small = 1 / (1 + u), u / (1 + u)
    if not backward:
        value = min(z, 0) - mp.log1p(u) if log else large if z >= 0 else small
    else:
        value = dy * (large * small if not log else small if z >= 0 else large) / tau
    return value, abs(value) * mpf(promised[tau != 1])


def binary_element(case, x, t, w, r):
    labels = case.types["targets"] not in FORMATS
    if w == 0 or (labels and t == case.option("ignore_index", None)):
        return (mpf(0), 0), (mpf(0), 0)
    if mp.isnan(x):
        return (NAN, 0), (NAN, 0)
    t, w, r = mpf(t), mpf(w), mpf(r)
    gamma, alpha = mpf(case.option("focal_gamma")), mpf(case.option("focal_alpha"))
    c = mpf(case.option("gradient_scale", 1.0))
    if mp.isinf(x):
        x = mp.sign(x) * mpf(10) ** 400  # except for the loss of a wrong element, which is infinite
    u = mp.exp(-abs(x)) if abs(x) < 10000 else mpf(0)
    l, sure, small = mp.log1p(u), 1 / (1 + u), u / (1 + u)
    p, n = (sure, small) if x >= 0 else (small, sure)
    positive, negative = l + max(-x, 0), l + max(x, 0)
    weight = w * (alpha * t + (1 - alpha) * (1 - t) if alpha else 1)
    b = (r * t * positive if t else 0) + ((1 - t) * negative if t != 1 else 0)
    m = (1 - t) * p + t * n
    power = m**gamma if gamma else mpf(1)
    slope = (1 - t) * p - r * t * n
    terms = (1 - t) * p + r * t * n
    if gamma and m:
        j = gamma * (1 - 2 * t) * (p * n / m) * b
        slope, terms = slope + j, terms + gamma * (p * n / m) * b
    exact = t in (0, 1) and not case.has("element_weights") and not case.has("positive_weights")
    promised = (F64 if case.arithmetic == "f64" else F32).binary
    of_loss, of_gradient = promised[:2] if exact else promised[2:4]
    if alpha:
        of_loss, of_gradient = of_loss + promised[4], of_gradient + promised[4]
    bound = mpf(0)
    if gamma and m:
        bound = gamma * (mpf(5.2e-16 if exact else 8.5e-16) + mpf(3.4e-16) * abs(mp.log(m)))
        of_loss, of_gradient = (6.1e-8, 6.1e-8) if case.arithmetic == "f32" else (
            (1e-15, 2.6e-15) if exact and not alpha else (1.7e-15, 4.2e-15))
    loss, gradient = weight * power * b, c * weight * power * slope
    if loss > mpf(10) ** 399:
        return (INF, 0), (gradient, abs(gradient) * (mpf(of_gradient) + bound))
    size = abs(c * weight * power) * terms
    return (loss, loss * (mpf(of_loss) + bound)), (gradient, size * (mpf(of_gradient) + bound))


# For each: the loss of a class, and l of the gradient p (l - sum p l); the gradient of Kullback-Leibler is p - q.
DIVERGENCES = ("kl_divergence", "jensen_shannon_divergence", "total_variation")


def divergence(case, row):
    classes = case.classes
    if case.per_row("row_weights", row, 1) == 0:
        return {"losses": (mpf(0), 0), "gradient": constant(mpf(0), classes)}
    student, teacher = Row(case, row), Row(case, row, "teacher")
    precision = mp.prec
    if student.is_nan or teacher.is_nan:
        return {"losses": (NAN, 0), "gradient": constant(NAN, classes)}
    if student.is_masked or teacher.is_masked:
        value = mpf(0) if case.option("fully_masked") == "zero" else NAN
        return {"losses": (value, 0), "gradient": constant(value, classes)}
    mp.prec = max(precision, 1200)
    student, teacher = Row(case, row), Row(case, row, "teacher")
    mp.prec = max(mp.prec, 1200)
    u, tau = mpf(case.per_row("row_weights", row, 1)), mpf(case.option("temperature") or 1)
    c = mpf(case.option("gradient_scale", 1.0)) * u / tau
    if case.function != "kl_divergence":
        return bounded_divergence(case, student, teacher, u, c)
    loss, moved, gradient = mpf(0), mpf(0), constant(mpf(0), classes)
    for k in student.counted:
        q, p = teacher.p[k], student.p[k]
        drift = student.error[k] + student.lse_error + teacher.error[k] + teacher.lse_error
        gradient[k] = (c * (p - q), abs(c) * ((p + q) * (drift + mpf(2e-15)) + 2 * student.promise.floor))
        if q == 0:
            continue
        v = teacher.log_probability(k) - student.log_probability(k)
        loss += q * v
        if mp.isfinite(v):
            moved += (q + p) * (abs(v) + drift) * drift
    return {"losses": (u * loss, u * (mpf(1e-14) * (loss + mpf(1e-16)) + moved) if mp.isfinite(loss) else 0),
            "gradient": gradient}


def bounded_divergence(case, student, teacher, u, c):
    """Jensen-Shannon and total variation."""
    shannon = case.function == "jensen_shannon_divergence"
    loss, slope, doubt = mpf(0), {}, {}
    for k in student.counted:
        q, p = teacher.p[k], student.p[k]
        m = (p + q) / 2
        if shannon:
            loss += ((q * mp.log(q / m) if q else 0) + (p * mp.log(p / m) if p else 0)) / 2
            slope[k], doubt[k] = mp.log(p / m) if p else mpf(0), mpf(0)
        else:
            loss += abs(p - q) / 2
            slope[k] = mp.sign(p - q)
            doubt[k] = mpf(2) if abs(p - q) <= mpf(1e-14) * (p + q) else mpf(0)  # either sign
    mean = mp.fsum(student.p[k] * slope[k] for k in student.counted)
    unsure = mp.fsum(student.p[k] * doubt[k] for k in student.counted)
    size = mp.fsum(student.p[k] * abs(slope[k]) for k in student.counted)
    gradient = constant(mpf(0), case.classes)
    for k in student.counted:
        p = student.p[k]
        allowed = p * (mpf(3e-14) * (abs(slope[k]) + size + 1) + doubt[k] + unsure) + student.promise.floor
        gradient[k] = (c / 2 * p * (slope[k] - mean), abs(c) / 2 * allowed)
    return {"losses": (u * loss, u * mpf(1e-14) * (loss + (mpf(1e-16) if shannon else mpf(0.1)))), "gradient": gradient}


def hvp(case, row):
    """p (v - sum p v) by the scale, the weight and the temperature twice."""
    u = mpf(case.per_row("row_weights", row, 1))
    v = case.per_class("upstream", row)
    if u == 0:
        return {"output": constant(mpf(0), len(v))}
    r = Row(case, row)
    if r.is_nan or (r.is_masked and case.option("fully_masked") != "zero"):
        masked = set(range(r.classes)) - set(r.counted)
        return {"output": [(mpf(0) if k in masked else NAN, 0) for k in range(r.classes)]}
    results = constant(mpf(0), r.classes)
    if r.is_masked:
        r.p = dict.fromkeys(r.counted, mpf(0))
    factor = mpf(case.option("gradient_scale", 1.0)) * u / r.tau**2
    terms = {k: r.p[k] * v[k] for k in r.counted}
    if any(mp.isnan(t) for t in terms.values()):
        return {"output": [(NAN if k in terms else mpf(0), 0) for k in range(r.classes)]}
    mean, size = mp.fsum(terms.values()), mp.fsum(abs(t) for t in terms.values())
    for k in r.counted:
        apart = v[k] - mean
        value = factor * r.p[k] * apart
        share = r.p[k] * mpf(r.promise.product)
        if not r.is_masked:
            share += r.p[k] * 2 * r.lse_error + r.promise.floor / r.total
        allowed = abs(factor) * (abs(apart) + size) * share
        results[k] = (value, allowed if mp.isfinite(value) else 0)
    return {"output": results}


# ---- selected log-probabilities, sampling ----------------------------------------------------------------------

def selected(case, row):
    ignore = case.option("ignore_index", None)
    classes = case.per_class("targets", row)
    pulls = case.per_class("upstream", row) if case.has("upstream") else [mpf(1)] * len(classes)
    r = Row(case, row)
    if all(k == ignore for k in classes):
        return {"log_probabilities": constant(mpf(0), len(classes)), "gradient": constant(mpf(0), r.classes)}
    if r.is_nan or r.is_masked:
        zero = r.is_masked and case.option("fully_masked") == "zero"
        results = [(mpf(0) if k == ignore else -INF if zero else NAN, 0) for k in classes]
        return {"log_probabilities": results, "gradient": constant(mpf(0) if zero else NAN, r.classes)}
    results = [(mpf(0), 0) if k == ignore else (r.log_probability(k), label_error(r, k, r.log_probability(k)))
               for k in classes]
    c = mpf(case.option("gradient_scale", 1.0)) / r.tau
    own, size = {}, {}
    for k, g in zip(classes, pulls):
        if k != ignore:
            own[k], size[k] = own.get(k, mpf(0)) + g, size.get(k, mpf(0)) + abs(g)
    total, whole = mp.fsum(own.values()), mp.fsum(size.values())
    gradient = constant(mpf(0), r.classes)
    for k in r.counted:
        p, g = r.p[k], size.get(k, mpf(0))
        terms = p * whole + g
        allowed = mpf(r.promise.mixed_gradient) * terms + p * whole * (r.error[k] + r.lse_error)
        allowed += r.promise.floor * whole
        slope_error = r.promise.softcap[1] * mpf(r.promise.unit) if case.option("softcap") else 0
        gradient[k] = (c * (own.get(k, mpf(0)) - p * total) * r.slope[k],
                       abs(c) * (allowed * r.slope[k] + terms * slope_error))
    return {"log_probabilities": results, "gradient": gradient}


def sampled_values(case, row):
    """The values that are ordered and weighed: logits with bias and penalties, by class, and their error bound in
    float."""
    numbers, r = case.sampling, Row(case, row)
    bias = case.per_class("bias", row) if case.has("bias") else None
    prompt = case.per_class("prompt_tokens", row) if case.has("prompt_tokens") else []
    output = case.per_class("output_tokens", row) if case.has("output_tokens") else []
    biases = dict(zip(case.per_class("bias_tokens", row), case.per_class("bias_values", row))) if (
        case.has("bias_tokens")) else {}
    values = {}
    for k in r.counted:
        x = (r.order[k] + bias[k] if bias else r.order[k]) + biases.get(k, 0)
        if numbers.get("repetition_penalty") and (k in prompt or k in output):
            x = x / mpf(numbers["repetition_penalty"]) if x > 0 else x * mpf(numbers["repetition_penalty"])
        if k in output:
            x -= output.count(k) * mpf(numbers.get("frequency_penalty", 0)) + mpf(numbers.get("presence_penalty", 0))
        values[k] = x
    moved = bias or biases or case.option("softcap") or "scale" in numbers or any(name.endswith("penalty") for name in numbers)
    most = max((abs(x) for x in values.values() if mp.isfinite(x)), default=mpf(0))
    return r, values, mpf(2) ** -22 * (1 + most) if moved else mpf(0)


FILTERS = (None, "top_k", "top_p", "min_p", "typical_p", "top_n_sigma", "xtc_probability", "temperature")
ORDERS = {"xent": ("temperature", "top_n_sigma", "top_k", "top_p", "min_p", "typical_p", "xtc_probability"),
          "transformers": ("temperature", "top_k", "top_p", "min_p", "typical_p"),
          "vllm": ("temperature", "min_p", "top_k", "top_p"),
          "llama.cpp": ("top_n_sigma", "top_k", "typical_p", "top_p", "min_p", "xtc_probability", "temperature"),
          "onnxruntime-genai": ("temperature", "top_k", "top_p")}


class Unsure(Exception):
    """A class so close to a threshold that roundings decide."""


def adapted(numbers, values, order):
    """The temperature at its place in the order."""
    tau, reach = mpf(numbers.get("temperature", 1)), mpf(numbers.get("dynatemp_range", 0))
    if not reach or len(order) < 2:
        return tau
    p = chances(values, order, mpf(1)).values()
    share = -mp.fsum(each * mp.log(each) for each in p if each) / mp.log(len(p))
    least = max(tau - reach, mpf(0))
    return max(least + (tau + reach - least) * min(share, mpf(1)) ** numbers.get("dynatemp_exponent", 1), mpf(2) ** -32)


def filtered(case, values, moved, row, heats):
    """The classes that are kept, in order. The temperature of the draw becomes the last of `heats`."""
    numbers = case.sampling
    order = sorted((k for k, x in values.items() if x > -INF), key=lambda k: (-values[k], k))
    if numbers.get("greedy"):
        return order[:1]
    least = max(numbers.get("min_keep", 1), 1)
    rules = numbers.get("rules", "xent")
    listed = [FILTERS[byte] for byte in numbers.get("order", 0).to_bytes(8, "little") if byte] or ORDERS[rules]
    heat = mpf(1)
    for name in listed if "temperature" in listed else ("temperature", *listed):
        if name == "temperature":
            heat = adapted(numbers, values, order)
            heats.append(heat)
        near = mpf(1e-6) + len(order) * mpf(2) ** -40 + 4 * moved / heat
        limit = numbers.get(name, 0)
        if name == "temperature" or not limit or (name in ("top_p", "typical_p") and limit >= 1):
            continue
        p = chances(values, order, heat)
        if name == "top_k":
            count = max(limit, least)
            ties = numbers.get("ties", "all" if rules in ("transformers", "vllm") else "first")
            if ties == "all" and count < len(order):
                order = [k for k in order if values[k] >= values[order[count - 1]]]
            order = order[:count] if ties == "first" else order
        elif name == "top_p":
            order = order[:prefix([p[k] for k in order], limit, least, near)]
        elif name == "min_p":
            threshold = values[order[0]] + mp.log(limit) * heat
            doubt = mpf(1e-13) * (abs(threshold) + heat) + moved
            if any(abs(values[k] - threshold) < doubt for k in order if values[k] < values[order[0]]):
                raise Unsure
            order = order[:max(sum(values[k] >= threshold for k in order), min(least, len(order)))]
        elif name == "top_n_sigma":
            mean = mp.fsum(values[k] for k in order) / len(order)
            sigma = mp.sqrt(mp.fsum((values[k] - mean) ** 2 for k in order) / len(order))
            threshold = values[order[0]] - limit * sigma
            doubt = mpf(1e-6) * (values[order[0]] - values[order[-1]]) + moved
            if any(abs(values[k] - threshold) < doubt for k in order if values[k] < values[order[0]]):
                raise Unsure
            order = order[:max(sum(values[k] >= threshold for k in order), min(least, len(order)))]
        elif name == "xtc_probability":
            share = numbers.get("xtc_threshold", 0.1)
            if any(abs(p[k] - share) < near for k in order):
                raise Unsure
            reach = [values[k] for k in order if p[k] >= share]
            rest = [k for k in order if values[k] <= min(reach)] if reach else order
            if uniform({**numbers, "seed": numbers.get("seed", 0) ^ 0x9E3779B97F4A7C15}, row) < limit and len(rest) >= least:
                order = rest
        else:
            entropy_of = -mp.fsum(p[k] * mp.log(p[k]) for k in order if p[k])
            score = {k: abs(-mp.log(p[k]) - entropy_of) if p[k] else INF for k in order}
            groups = sorted(order, key=lambda k: score[k])
            scores = sorted(score.values())
            if any(0 < b - a < mpf(1e-6) for a, b in zip(scores, scores[1:]) if mp.isfinite(b)):
                raise Unsure
            same = {k: mp.fsum(p[j] for j in order if score[j] < score[k]) for k in groups}
            if any(abs(mass - limit) < near for mass in same.values()):
                raise Unsure
            keep = {k for k in groups if same[k] < limit or sum(score[j] < score[k] for j in order) < least}
            order = [k for k in order if k in keep]
    return order


def prefix(masses, limit, least, near):
    """The number of leading classes that reach the mass."""
    total, limit = mpf(0), mpf(limit)
    for count, mass in enumerate(masses, 1):
        total += mass
        if abs(total - limit) < near:
            raise Unsure
        if total >= limit:
            return max(count, min(least, len(masses)))
    return len(masses)


def chances(values, order, tau):
    top = values[order[0]]
    weights = {k: mp.exp((values[k] - top) / tau) for k in order}
    total = mp.fsum(weights.values())
    return {k: w / total for k, w in weights.items()}


def uniform(sampling, row):
    """In [0, 1): Philox4x32-10, written from its paper."""
    stream = (sampling.get("stream", 0) + row) % 2**64
    counter = [sampling.get("step", 0), sampling.get("draw", 0), stream % 2**32, stream >> 32]
    key = [sampling.get("seed", 0) % 2**32, sampling.get("seed", 0) >> 32]
    for _ in range(10):
        a, b = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = [(b >> 32) ^ counter[1] ^ key[0], b % 2**32, (a >> 32) ^ counter[3] ^ key[1], a % 2**32]
        key = [(key[0] + 0x9E3779B9) % 2**32, (key[1] + 0xBB67AE85) % 2**32]
    return mpf(sum(word << 32 * i for i, word in enumerate(counter))) / mpf(2) ** 128


def sample(case, row):
    """The token and the outputs for it. If roundings decide, the kept set of the case is used."""
    none = {"tokens": -1, "processed_log_probabilities": (NAN, 0), "kept": 0, "kept_mask": [0] * case.classes}
    r, values, moved = sampled_values(case, row)
    mp.prec = max(mp.prec, 400)
    bad = any(mp.isnan(x) or x == INF for x in values.values())
    few = {"top": case.loaded["top_classes"].shape[case.axis] if case.has("top_classes") else 0, "row": row,
           "targets": 0}
    if bad or all(x == -INF for x in values.values()):
        return {**special_row(case, None, few, True), **none, "log_probabilities": (NAN, 0)}
    token, heats = case.per_row("tokens", row), []
    try:
        if moved and not case.sampling.get("greedy") and near_ties(values, moved):
            raise Unsure
        order_kept = filtered(case, values, moved, row, heats)
    except Unsure:
        case.unsure += 1
        given = case.per_class("kept_mask", row)
        order_kept = sorted((k for k in values if given[k]), key=lambda k: -values[k])
    tau = mpf(1) if case.sampling.get("greedy") else heats[-1] if heats else adapted(case.sampling, values, order_kept)
    p = chances(values, order_kept, tau)
    kept = set(order_kept)
    drawn, accepted, sampling = p, None, case.sampling
    if case.has("draft_tokens") and case.per_row("draft_tokens", row) >= 0 and not case.sampling.get("greedy"):
        drawn, accepted = after_draft(case, row, p, token)
        sampling = {**sampling, "seed": sampling.get("seed", 0) ^ 0x94D049BB133111EB}
    results = {"kept": len(kept), "kept_mask": [int(k in kept) for k in range(case.classes)],
               "tokens": accepted or token_of(case, row, sampling, drawn, moved, tau)}
    if token not in kept:
        raise ValueError(f"{case.name}, row {row}: the token {token} is not kept")
    results["processed_log_probabilities"] = processed(case, p[token], moved, tau)
    results.update(of_cross_entropy(case, row, r, token, few))
    return results


def after_draft(case, row, p, token):
    """The chances of a token that replaces a draft, and the draft in a set if it is accepted."""
    draft, q = case.per_row("draft_tokens", row), case.per_class("draft_probabilities", row)
    seed = case.sampling.get("seed", 0) ^ 0xBF58476D1CE4E5B9
    u, own, given = uniform({**case.sampling, "seed": seed}, row), p.get(draft, mpf(0)), mpf(q[draft])
    near = mpf(1e-5) * given
    if u * given < own - near:
        return p, {draft}
    if u * given < own + near and token == draft:
        return p, {draft}
    beyond = {k: max(share - mpf(q[k]), mpf(0)) for k, share in p.items()}
    total = mp.fsum(beyond.values())
    return {k: share / total for k, share in beyond.items()}, None


def near_ties(values, moved):
    finite = sorted(x for x in values.values() if mp.isfinite(x))
    return any(0 < b - a <= moved for a, b in zip(finite, finite[1:]))


def heat_error(case, p):
    """Of log p, from that of a dynamic temperature: less than a millionth, times the exponent."""
    if "dynatemp_range" not in case.sampling:
        return mpf(0)
    return mpf(2e-6) * max(case.sampling.get("dynatemp_exponent", 1), 1) * (mp.log(case.classes) - mp.log(p))


def token_of(case, row, sampling, p, moved, tau):
    """One class, or two if the random number is at their boundary."""
    u, total, classes = uniform(sampling, row), mpf(0), sorted(p)
    if case.sampling.get("greedy"):
        return classes[0]
    tokens = set()
    near = mpf(1e-6) + len(classes) * mpf(2) ** -40 + 4 * moved / tau + heat_error(case, mpf(1))
    for k in classes:
        if total - near <= u <= total + p[k] + near:
            tokens.add(k)
        total += p[k]
    return tokens


def processed(case, p, moved, tau):
    if case.sampling.get("greedy"):
        return mpf(0), 0
    return mp.log(p), mpf(5e-7) + 4 * moved / tau + mpf(case.classes) * mpf(2) ** -41 / p + heat_error(case, p)


def of_cross_entropy(case, row, r, token, few):
    results = {"log_probabilities": (r.log_probability(token), label_error(r, token, r.log_probability(token))),
               "entropies": entropy(r)}
    return {**results, **order(case, row, r, few["top"], token)}


# ---- linear layers ---------------------------------------------------------------------------------------------

OF_CLASSES = ("weights_gradient", "bias_gradient")


def products(terms, others):
    """A sum of products without the terms that are 0, and its error bound: terms are (value, error) pairs."""
    value, size, moved = mpf(0), mpf(0), mpf(0)
    for (term, error), other in zip(terms, others):
        if term == 0:
            continue
        value += term * other
        if mp.isfinite(term) and mp.isfinite(other):
            size += abs(term * other)
            moved += error * abs(other)
    roundings = (min(len(others), 128) + mpf(1.01)) * mpf(F32.unit) * size
    return value, moved + roundings + len(others) * mpf(2) ** -149


def exact_logits(case, row):
    """The logits as the sum of all products, including those with 0, which an infinity makes NaN."""
    mp.prec = 700
    states, features = case.per_class("hidden", row), case.loaded["weights"].shape[1]
    logits = []
    for k in range(case.classes):
        weights = case.arrays["weights"][k * features:(k + 1) * features]
        value, error = products([(x, 0) for x in states], weights)
        value += sum(x * w for x, w in zip(states, weights) if x == 0)
        bias = case.arrays["bias"][k] if case.has("bias") else mpf(0)
        if mp.isfinite(bias):
            error += abs(bias) * (min(features, 128) + mpf(1.01)) * mpf(F32.unit)
        logits.append((value + bias, error))
    return logits


def linear(case, row):
    """The cross-entropy of the logits that the case stores, which are compared; without stored logits, of exact
    ones."""
    logits = exact_logits(case, row)
    if "logits" not in case.entry["outputs"]:
        flat = case.arrays.setdefault("logits", [])
        flat += [value for value, _ in logits]
        case.doubts[row] = [error for _, error in logits]
    truth = {**cross_entropy(case, row), "logits": logits}
    mp.prec = 700
    gradient = [(g, error + (ulp(g, FORMATS["f32"]) / 2 if mp.isfinite(g) else 0)) for g, error in truth.get("gradient", ())]
    case.gradients.append(gradient)
    features = case.loaded["weights"].shape[1]
    if gradient:
        truth["hidden_gradient"] = [products(gradient, case.arrays["weights"][d::features]) for d in range(features)]
    return truth


def check_classes(case, table):
    """Sums over all rows."""
    mp.prec = 700
    states = [case.per_class("hidden", row) for row in range(case.rows)]
    features = case.loaded["weights"].shape[1]
    for k in range(case.classes):
        of_class = [gradient[k] for gradient in case.gradients]
        for d in range(features):
            table.add(case, "weights_gradient", k, case.arrays["weights_gradient"][k * features + d],
                      products(of_class, [x[d] for x in states]))
        table.add(case, "bias_gradient", k, case.arrays["bias_gradient"][k], products(of_class, [mpf(1)] * case.rows))


# ---- comparison ---------------------------------------------------------------------------------------------------

class Table:
    """The worst of each group."""

    def __init__(self):
        self.rows, self.options, self.failures, self.values = {}, {}, [], 0

    def add(self, case, output, row, got, want):
        """One value; `want` is a number with an error, an integer, or a set of integers."""
        self.values += 1
        if not isinstance(want, tuple):
            if got not in (want if isinstance(want, set) else {want}):
                self.fail(case, output, row, got, want)
            self.note(case, output, mpf(0), mpf(0), mpf(0))
            return
        value, allowed = want
        form = FORMATS[case.types[output]]
        value = value if mp.isnan(value) or abs(value) < form.largest + ulp(form.largest, form) / 2 else mp.sign(value) * INF
        if not (mp.isfinite(value) and mp.isfinite(got)):
            if not (mp.isnan(value) and mp.isnan(got)) and value != got and not self.overflows(case, value, got, allowed, form):
                self.fail(case, output, row, got, value)
            self.note(case, output, mpf(0), mpf(0), mpf(0))
            return
        error, unit = abs(got - value), ulp(value, form)
        allowed = mpf(allowed) + ulp(value, FORMATS[case.arithmetic]) / 2 * (allowed != 0) + mpf(2) ** (form.least - form.digits)
        if case.types[output] != case.arithmetic:
            allowed += unit / 2
        if error > allowed:
            self.fail(case, output, row, got, value, error / allowed)
        normal = abs(value) >= mpf(2) ** form.least
        self.note(case, output, error / unit if normal else mpf(0), error / abs(value) if normal else mpf(0), error / allowed)

    @staticmethod
    def overflows(case, value, got, allowed, form):
        """A result may pass the largest number within its error; a sum over targets may overflow even if the mean does
        not."""
        finite = value if mp.isfinite(value) else got
        return mp.isfinite(finite) and (abs(finite) + allowed >= form.largest or abs(finite) * case.classes > form.largest)

    def note(self, case, output, ulps, relative, share):
        name = "output" if output == "output" else output
        key = case.function, name, case.types[output], case.arithmetic
        old = self.rows.setdefault(key, [0, mpf(0), mpf(0), mpf(0), ""])
        old[0] += 1
        old[1], old[2] = max(old[1], ulps), max(old[2], relative)
        if share > old[3]:
            old[3], old[4] = share, case.name
        for option in options_of(case):
            best = self.options.setdefault((option, case.types.get("hidden") or case.types.get("logits", case.types.get("output"))), [0, mpf(0), ""])
            best[0] += 1
            if share > best[1]:
                best[1], best[2] = share, f"{case.name}: {output}"

    def fail(self, case, output, row, got, want, share=None):
        text = f"{case.name}: {output}, row {row}: {mp.nstr(got, 17)} instead of "
        text += mp.nstr(want, 17) if isinstance(want, mpf) else str(want)
        self.failures.append(text + (f", {mp.nstr(share, 3)} of what is promised" if share else ""))

    def print(self):
        print(f"{'result':46} {'type':5} {'in':4} {'values':>7} {'ulp':>9} {'relative':>9} {'of promise':>10}  worst case")
        for (function, output, kind, arithmetic), (count, ulps, relative, share, name) in sorted(self.rows.items()):
            print(f"{function + ': ' + output:46} {kind:5} {arithmetic:4} {count:7} {short(ulps):>9} {short(relative):>9} "
                  f"{short(share):>10}  {name}")
        print(f"\n{'option':28} {'logits':6} {'values':>7} {'of promise':>10}  worst case")
        for (option, kind), (count, share, name) in sorted(self.options.items()):
            print(f"{option:28} {kind:6} {count:7} {short(share):>10}  {name}")


def short(number):
    return mp.nstr(number, 3)


def options_of(case):
    """The options and optional inputs of a case, for the second table."""
    names = list(case.options) + [f"sampling: {name}" for name in case.sampling]
    inputs = ("class_weights", "row_weights", "class_mask", "sink", "row_offsets", "bias", "prompt_tokens", "output_tokens",
              "bias_tokens")
    names += [name for name in inputs if case.has(name)]
    if case.has("targets"):
        names.append("sparse targets" if case.sparse else
                     "probability rows" if case.types["targets"] in FORMATS else "labels")
    return names or ["plain"]


FUNCTIONS = {"softmax_forward": softmax, "log_softmax_forward": softmax, "log_sum_exp": softmax,
             "softmax_backward": softmax_backward, "log_softmax_backward": softmax_backward,
             "cross_entropy": cross_entropy, "cross_entropy_backward": cross_entropy, "kl_divergence": divergence,
             "jensen_shannon_divergence": divergence, "total_variation": divergence,
             "cross_entropy_hvp": hvp, "selected_log_probabilities": selected, "sample": sample,
             "sigmoid": sigmoid, "log_sigmoid": sigmoid, "sigmoid_backward": sigmoid, "log_sigmoid_backward": sigmoid,
             "binary_cross_entropy": binary_cross_entropy, "linear_cross_entropy": linear,
             "linear_cross_entropy_backward": linear}


def check_case(case, table):
    for row in range(case.rows):
        truth = FUNCTIONS[case.function](case, row)
        for output in case.entry["outputs"]:
            if output in OF_CLASSES:
                continue
            want = truth[output]
            if isinstance(want, list):
                got = case.per_class(output, row)
                if len(got) != len(want):
                    raise ValueError(f"{case.name}: {len(got)} values of {output}, {len(want)} expected")
                for g, w in zip(got, want):
                    table.add(case, output, row, g, w)
            else:
                table.add(case, output, row, case.per_row(output, row), want)
    if "weights_gradient" in case.entry["outputs"]:
        check_classes(case, table)
    check_numbers(case, table)


def check_numbers(case, table):
    """Exact sums: of the stored losses, if none was rounded, and of the weights."""
    mp.prec = 4500
    if case.function == "binary_cross_entropy":
        elements = sum(not is_ignored_element(case, k) for k in range(len(case.arrays["logits"])))
        if case.numbers.get("valid_rows", elements) != elements:
            table.fail(case, "valid_rows", -1, mpf(case.numbers["valid_rows"]), mpf(elements))
    if case.function == "sample":
        rows = [row for row in range(case.rows) if case.per_row("tokens", row) >= 0]
    else:
        elements = case.function == "binary_cross_entropy"
        rows = [row for row in range(case.rows) if not elements and not is_ignored(case, row)]
    if rows and "valid_rows" in case.numbers and case.numbers["valid_rows"] != len(rows):
        table.fail(case, "valid_rows", -1, mpf(case.numbers["valid_rows"]), mpf(len(rows)))
    if "denominator" in case.numbers:
        weights = case.arrays.get("class_weights") if case.has("targets") and not case.sparse and case.types["targets"] not in FORMATS else None
        total = mp.fsum(mpf(case.per_row("row_weights", row, 1)) * (weights[case.per_row("targets", row)] if weights else 1) for row in rows)
        exact(case, "denominator", total, table)
    if "sum" in case.numbers and case.types.get("losses") == case.arithmetic:
        exact(case, "sum", mp.fsum(case.arrays["losses"]) if all(map(mp.isfinite, case.arrays["losses"])) else sum(case.arrays["losses"]), table)


def exact(case, name, total, table):
    table.values += 1
    got = mpf(float.fromhex(case.numbers[name]))
    want = mpf(float(total)) if mp.isfinite(total) else total
    if got != want and not (mp.isnan(got) and mp.isnan(want)):
        table.fail(case, name, -1, got, want)


def is_bits_alone(entry):
    """Whether nothing says which of many classes a sampler has kept where roundings decide: such cases are of bits."""
    return entry["function"] == "sample" and "kept_mask" not in entry["outputs"]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--index", type=Path, default=Path(__file__).resolve().parent / "cases.json")
    arguments.add_argument("--only", default="", help="cases whose name contains this")
    given = arguments.parse_args()
    entries = json.loads(given.index.read_text())["cases"]
    archives = Archives(given.index.parent)
    table = Table()
    entries = [entry for entry in entries if given.only in entry["name"] and not is_bits_alone(entry)]
    unsure = 0
    for entry in entries:
        case = Case(entry, archives)
        check_case(case, table)
        unsure += case.unsure
    table.print()
    if unsure:
        print(f"\nin {unsure} rows roundings decide what is sampled from: their kept classes are taken as they are")
    print(*table.failures[:60], sep="\n")
    print(f"\nexpected against the truth: {len(entries)} cases, {table.values} values, {len(table.failures)} beyond the promises")
    return 1 if table.failures or not table.values else 0


if __name__ == "__main__":
    sys.exit(main())
