#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts how many of the public cases of ONNX, SciPy, optax and Keras can be computed with Xent's Python package.

    XENT_LIBRARY=build/libxent.so PYTHONPATH=python/src python3 conformance/peers/public_cases.py [onnx] [scipy] [optax]
\
        [keras]

ONNX: the node tests of the installed package, whose results are compared. Other peers: the tests of the installed
packages, in which Xent replaces each call that it can compute. The peer computes all other calls, and those that JAX
traces. Needs the packages of python/requirements.txt and python/requirements-peers.txt, but not torch. Exits with 1 if
a case of ONNX differs.
"""
import os
import sys
from collections import Counter, defaultdict
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import pyxent

OPERATORS = ("ArgMax", "Hardmax", "LogSoftmax", "NegativeLogLikelihoodLoss", "ReduceLogSumExp", "Softmax",
             "SoftmaxCrossEntropyLoss", "TopK")


# ---- ONNX ---------------------------------------------------------------------------------------------------------


def onnx_results(operator, x, others, options):
    """The outputs of an operator, by Xent."""
    keepdims = bool(options.get("keepdims", 1))
    if operator in ("Softmax", "LogSoftmax"):
        return [(pyxent.softmax if operator == "Softmax" else pyxent.log_softmax)(x, axis=options.get("axis", -1))]
    if operator == "ReduceLogSumExp":
        axes = options.get("axes") or (others[0].tolist() if others else None)
        return [pyxent.log_sum_exp(x, axis=tuple(axes) if axes else None, keepdims=keepdims, fully_masked="zero")]
    if operator == "ArgMax":
        axis = options.get("axis", 0)
        if options.get("select_last_index", 0):
            return [x.shape[axis] - 1 - pyxent.argmax(np.flip(x, axis).copy(), axis=axis, keepdims=keepdims)]
        return [pyxent.argmax(x, axis=axis, keepdims=keepdims)]
    if operator == "Hardmax":
        axis = options.get("axis", -1)
        return [np.moveaxis(np.eye(x.shape[axis], dtype=x.dtype)[pyxent.argmax(x, axis=axis)], -1, axis)]
    if operator == "TopK":
        axis = options.get("axis", -1)
        classes = pyxent.top_k(x if options.get("largest", 1) else -x.astype(float), int(others[0].item()), axis=axis).classes
        return [np.take_along_axis(x, classes, axis), classes]
    reduction = options.get("reduction", "mean")
    loss = (pyxent.nll_loss if operator.startswith("Neg") else pyxent.cross_entropy)(
        x, others[0], axis=min(1, x.ndim - 1), losses=True, ignore_index=options.get("ignore_index"),
        class_weights=others[1] if len(others) > 1 else None, reduction="sum" if reduction == "sum" else "mean")
    return [loss.losses if reduction == "none" else np.float32(loss.loss), pyxent.log_softmax(x, axis=1)]


def count_onnx():
    from onnx.backend.test.case.node import collect_testcases
    from onnx.helper import get_attribute_value
    with np.errstate(all="ignore"):
        cases = [case for case in collect_testcases(None) if len(case.model.graph.node) == 1]
    counts, reasons, differs = Counter(), Counter(), False
    for case in cases:
        node = case.model.graph.node[0]
        if node.op_type not in OPERATORS:
            continue
        options = {each.name: get_attribute_value(each) for each in node.attribute}
        options = {name: value.decode() if isinstance(value, bytes) else value for name, value in options.items()}
        (x, *others), outputs = case.data_sets[0]
        try:
            found = onnx_results(node.op_type, np.asarray(x), [np.asarray(each) for each in others], options)
        except Exception as error:  # calls that cannot be computed are counted
            counts[node.op_type, "not computed"] += 1
            reasons[reason_of(error)] += 1
            continue
        equal = all(np.shape(got) == np.shape(expected) and np.allclose(
            np.asarray(got, float), np.asarray(expected, float), rtol=1e-3 if x.dtype == np.float16 else 1e-5, atol=1e-6)
            for got, expected in zip(found, outputs))
        counts[node.op_type, "equal" if equal else "different"] += 1
        differs |= not equal
    report("ONNX", counts, reasons)
    return differs


# ---- tests in which Xent computes ---------------------------------------------------------------------------------


class Calls:
    """A pytest plugin: replaces functions of a peer, and counts in each test the calls that Xent computes."""

    def __init__(self, names, ours, is_traced=lambda value: False):
        self.names, self.ours, self.is_traced = names, ours, is_traced
        self.test, self.computed, self.outcomes, self.reasons = "", defaultdict(list), {}, Counter()

    def replace_in(self, module, names=None):
        for name in names or self.names:
            if hasattr(module, name):
                setattr(module, name, partial(self.call, name, getattr(module, name)))

    def call(self, name, theirs, *arguments, **options):
        traced = any(map(self.is_traced, (*arguments, *options.values())))

        def concrete(value):
            return np.zeros(value.shape, value.dtype) if self.is_traced(value) else value

        try:
            result = self.ours[name](*map(concrete, arguments), **{key: concrete(value)
                                                                   for key, value in options.items()})
        except Exception as error:  # calls that cannot be computed are counted
            self.computed[self.test].append(False)
            self.reasons[reason_of(error)] += 1
            return theirs(*arguments, **options)
        self.computed[self.test].append(True)
        return theirs(*arguments, **options) if traced else result

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item):
        self.test = item.nodeid

    def pytest_runtest_logreport(self, report):
        if report.when == "call":
            self.outcomes[report.nodeid] = report.outcome

    def run(self, peer, *paths, only=""):
        pytest.main(["-q", "--no-header", "--no-summary", "-p", "no:cacheprovider", "--confcutdir", Path(paths[0]).anchor,
                     "-k", only, *paths], plugins=[self])
        counts = Counter()
        for test, outcome in self.outcomes.items():
            computed = self.computed.get(test)
            if computed:
                extent = "computed" if all(computed) else "computed in part" if any(computed) else "not computed"
                counts[test.split("::")[1], f"{extent}, {outcome}"] += 1
                if outcome == "failed":
                    print(f"{peer:6} differs: {test.split('::', 1)[1]}")
        report(peer, counts, self.reasons)


def reason_of(error):
    return f"{type(error).__name__}: {str(error).splitlines()[0][:110]}"


def report(peer, counts, reasons):
    for (group, kind), count in sorted(counts.items()):
        print(f"{peer:6} {group:42} {kind:26} {count:5}")
    for reason, count in reasons.most_common(10):
        print(f"{peer:6}   {count} calls: {reason}")


# ---- SciPy --------------------------------------------------------------------------------------------------------


def real(values):
    values = np.asarray(values)
    if values.dtype.kind == "c":
        raise TypeError("complex numbers")
    return values


def scipy_logsumexp(a, axis=None, b=None, keepdims=False, return_sign=False):
    a, b = real(a), None if b is None else real(b)
    type_ = a.dtype if b is None else np.result_type(a, b)
    a = np.broadcast_to(a, np.broadcast_shapes(a.shape, () if b is None else b.shape)).astype(type_)
    given = dict(axis=axis, keepdims=keepdims, fully_masked="zero")
    with np.errstate(all="ignore"):
        logs = 0 if b is None else np.log(abs(b))
        above, below = (pyxent.log_sum_exp(np.where(part, a + logs, -np.inf), **given) for part in (
            np.broadcast_to(True if b is None else b > 0, a.shape), np.broadcast_to(False if b is None else b < 0, a.shape)))
        most, least = np.maximum(above, below), np.minimum(above, below)
        found = most + np.where(least == -np.inf, 0, np.log1p(-np.exp(least - most)))
        sign = np.where(np.isnan(most), most, np.sign(np.nan_to_num(above, neginf=-1e308) - np.nan_to_num(below, neginf=-1e308)))
        found = np.where(sign == 0, -np.inf, found)
    found, sign = (each.astype(type_ if type_.kind == "f" else each.dtype)[()] for each in (found, sign))
    return (found, sign) if return_sign else np.where(sign < 0, np.nan, found).astype(found.dtype)[()]


def count_scipy():
    import scipy
    calls = Calls(("logsumexp", "softmax", "log_softmax"), {
        "logsumexp": scipy_logsumexp, "softmax": lambda x, axis=None: pyxent.softmax(real(x), axis=axis)[()],
        "log_softmax": lambda x, axis=None: pyxent.log_softmax(real(x), axis=axis)[()]})
    calls.pytest_collection_modifyitems = lambda items: [calls.replace_in(module) for module in {
        item.module for item in items}]
    calls.run("SciPy", str(Path(scipy.__file__).parent / "special/tests/test_logsumexp.py"))


# ---- optax --------------------------------------------------------------------------------------------------------


def together(logits, targets):
    """Both in one shape and in the type of the logits."""
    logits = np.asarray(logits)
    logits = logits if logits.dtype.kind == "f" else logits.astype("float32")
    return tuple(map(np.ascontiguousarray, np.broadcast_arrays(logits, np.asarray(targets).astype(logits.dtype))))


def masked(x, where):
    """A mask of logits, or of rows."""
    if where is None:
        return {}
    if np.ndim(where) != x.ndim:
        return {"row_weights": np.asarray(where, "uint8")}
    return {"class_mask": np.ascontiguousarray(np.broadcast_to(where, x.shape)), "fully_masked": "zero"}


def optax_shares(logits, labels, axis=-1, where=None):
    x, shares = together(logits, labels)
    return pyxent.cross_entropy(x, shares, axis=axis, losses=True, **masked(x, where)).losses


def optax_labels(logits, labels, axis=-1, where=None):
    x, labels = together(logits, 0)[0], np.asarray(labels)
    if isinstance(axis, tuple):  # labels count in the order of the axes
        axes = [d % x.ndim for d in axis]
        rest = [d for d in range(x.ndim) if d not in axes]
        where = None if where is None else np.broadcast_to(where, x.shape).transpose(rest + axes).reshape(*labels.shape, -1)
        x, axis = x.transpose(rest + axes).reshape(*(x.shape[d] for d in rest), -1), -1
    else:  # rows of labels and of logits broadcast
        position = axis % x.ndim - x.ndim
        shape = np.broadcast_shapes(labels.shape, np.delete(x.shape, axis))
        whole = list(shape)
        whole.insert(len(shape) + position + 1, x.shape[axis])
        x, labels, axis = np.broadcast_to(x, whole).copy(), np.broadcast_to(labels, shape).copy(), position
    return pyxent.cross_entropy(x, labels, axis=axis, losses=True, **masked(x, where)).losses


def optax_divergence(log_predictions, targets, axis=-1, where=None, log_targets=False):
    l, t = together(log_predictions, targets)
    weights = None if where is None else np.broadcast_to(where, l.shape).astype(l.dtype)
    return pyxent.kl_div(l, t, log_targets=log_targets, losses=True, element_weights=weights).losses.sum(axis)


def count_optax():
    import jax
    from optax.losses import _classification as losses
    ours = {
        "softmax_cross_entropy": optax_shares, "softmax_cross_entropy_with_integer_labels": optax_labels,
        "safe_softmax_cross_entropy": optax_shares, "kl_divergence": optax_divergence,
        "kl_divergence_with_log_targets": partial(optax_divergence, log_targets=True),
        "sigmoid_binary_cross_entropy": lambda x, t: pyxent.binary_cross_entropy(*together(x, t), losses=True).losses,
        "sigmoid_focal_loss": lambda x, t, alpha=None, gamma=2.0: pyxent.binary_cross_entropy(
            *together(x, t), focal_alpha=None if alpha is None else float(alpha), focal_gamma=float(gamma),
            losses=True).losses}
    calls = Calls(tuple(ours), ours, lambda value: isinstance(value, jax.core.Tracer))
    calls.replace_in(losses)
    calls.run("optax", losses.__file__.replace("_classification.py", "_classification_test.py"))


# ---- Keras --------------------------------------------------------------------------------------------------------


CLAMP = 1e-7  # keras.config.epsilon()


def floats(values):
    values = np.asarray(values)
    return values if values.dtype.kind in "fV" else values.astype("float32")  # V: bfloat16


def keras_shares(target, output, from_logits=False, axis=-1):
    if np.shape(target) != np.shape(output):
        raise ValueError("other shapes")
    x, shares = together(keras_logits(output, from_logits), target)
    return pyxent.cross_entropy(x, shares, axis=axis, losses=True, **keras_clamp(from_logits)).losses


def keras_labels(target, output, from_logits=False, axis=-1):
    x, labels = keras_logits(output, from_logits), np.asarray(target).astype("int32")
    if labels.ndim == x.ndim:
        labels = labels.squeeze(axis)
    return pyxent.cross_entropy(x, labels, axis=axis, losses=True, **keras_clamp(from_logits)).losses


def keras_logits(output, from_logits):
    return floats(output) if from_logits else np.log(floats(output))


def keras_clamp(from_logits):
    return {} if from_logits else {"probability_clamp": CLAMP}


def keras_binary(target, output, from_logits=False):
    x = floats(output) if from_logits else binary_logits(output)
    if np.shape(target) != x.shape:
        raise ValueError("other shapes")
    if not from_logits:
        most = np.log1p(-CLAMP) - np.log(CLAMP)
        x = np.clip(x, -most, most)
    return pyxent.binary_cross_entropy(*together(x, target), losses=True).losses


def binary_logits(output):
    return np.log(floats(output)) - np.log1p(-floats(output))


def keras_divergence(y_true, y_pred):
    q, p = (np.clip(floats(each), CLAMP, 1) for each in (y_pred, y_true))
    return pyxent.kl_div(*together(np.log(q), p), losses=True).losses.sum(-1)


def keras_binary_focal(y_true, y_pred, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False,
                       label_smoothing=0.0, axis=-1):
    x, z = together(floats(y_pred) if from_logits else binary_logits(y_pred), y_true)
    z = z * (1 - label_smoothing) + label_smoothing / 2
    return pyxent.binary_cross_entropy(x, z, focal_gamma=gamma, focal_alpha=alpha if apply_class_balancing else None,
                                       losses=True).losses.mean(axis)


def keras_focal(y_true, y_pred, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1):
    x, p = together(keras_logits(y_pred, from_logits), y_true)
    if label_smoothing or not ((p == 0) | (p == 1)).all():
        raise ValueError("focal loss of probability rows")
    weights = np.broadcast_to(np.asarray(alpha, x.dtype), x.shape[axis]).copy()
    return pyxent.cross_entropy(x, p.argmax(axis), axis=axis, losses=True, focal_gamma=gamma, class_weights=weights).losses


def keras_top_k(x, k, sorted=True):
    x, classes = np.asarray(x), pyxent.top_k(np.asarray(x), k).classes
    return np.take_along_axis(x, classes, -1), classes.astype("int32")


def keras_in_top_k(targets, predictions, k):
    ranks = pyxent.cross_entropy(floats(predictions), np.asarray(targets), ranks=True).ranks
    return (ranks >= 0) & (ranks < k)


def count_keras():
    os.environ["KERAS_BACKEND"] = "jax"
    import jax
    import keras
    from keras.src.losses import losses
    from keras.src.metrics import probabilistic_metrics

    def of_jax(compute):
        def computed(*arrays, **options):
            with np.errstate(all="ignore"):
                return jax.tree.map(jax.numpy.asarray, compute(*arrays, **options))
        return computed

    def typed(compute):
        """With results in the type of the logits, the last of at most two arrays."""
        return lambda *arrays, **options: compute(*arrays, **options).astype(floats(arrays[:2][-1]).dtype)

    ours = {
        "softmax": lambda x, axis=-1: pyxent.softmax(floats(x), axis=axis),
        "log_softmax": lambda x, axis=-1: pyxent.log_softmax(floats(x), axis=axis),
        "logsumexp": lambda x, axis=None, keepdims=False: pyxent.log_sum_exp(
            floats(x), axis=axis, keepdims=keepdims, fully_masked="zero"),
        "categorical_crossentropy": keras_shares, "sparse_categorical_crossentropy": keras_labels,
        "binary_crossentropy": keras_binary, "kl_divergence": keras_divergence,
        "binary_focal_crossentropy": keras_binary_focal, "categorical_focal_crossentropy": keras_focal}
    ours = {name: typed(compute) for name, compute in ours.items()}
    ours |= {
        "argmax": lambda x, axis=None, keepdims=False: pyxent.argmax(
            np.asarray(x), axis=axis, keepdims=keepdims).astype("int32"),
        "top_k": keras_top_k,
        "in_top_k": keras_in_top_k}
    calls = Calls(tuple(ours), {name: of_jax(compute) for name, compute in ours.items()},
                  lambda value: isinstance(value, jax.core.Tracer))
    for module in (keras.src.backend.nn, keras.src.backend.math, keras.src.backend.numpy):
        calls.replace_in(module)
    for module in (losses, probabilistic_metrics):  # whose other functions call those of the backend
        calls.replace_in(module, ("kl_divergence", "binary_focal_crossentropy", "categorical_focal_crossentropy"))
    calls.run("Keras", *(str(Path(keras.__file__).parent / "src" / each) for each in (
        "activations/activations_test.py", "layers/activations/softmax_test.py", "losses/losses_test.py",
        "metrics/accuracy_metrics_test.py", "metrics/probabilistic_metrics_test.py", "ops/math_test.py",
        "ops/nn_test.py", "ops/numpy_test.py")),
        only="softmax or sumexp or entropy or divergence or accuracy or argmax or top_k or topk")


COUNTS = {"onnx": count_onnx, "scipy": count_scipy, "optax": count_optax, "keras": count_keras}

if __name__ == "__main__":
    results = [COUNTS[name]() for name in sys.argv[1:] or COUNTS]
    sys.exit(any(results))
