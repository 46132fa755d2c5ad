# SPDX-License-Identifier: Apache-2.0
"""The cross-entropy of linear layers: all outputs, and later gradients."""

import numpy as np
import pytest

import pyxent

RANDOM = np.random.default_rng(44)
ROWS, CLASSES, FEATURES = 6, 9, 5
# Whole numbers, so that no order of the sums changes the logits.
HIDDEN = RANDOM.integers(-3, 4, (ROWS, FEATURES)).astype(np.float32)
WEIGHTS = RANDOM.integers(-3, 4, (CLASSES, FEATURES)).astype(np.float32)
BIAS = RANDOM.integers(-3, 4, CLASSES).astype(np.float32)
LOGITS = HIDDEN @ WEIGHTS.T + BIAS
LABELS = np.array([0, 3, -1, 8, 2, 2])
SHARES = RANDOM.dirichlet(np.ones(CLASSES), ROWS).astype(np.float32)
SPARSE, SPARSE_WEIGHTS = RANDOM.integers(0, CLASSES, (ROWS, 2)), RANDOM.random((ROWS, 2)).astype(np.float32)
COMMON = dict(losses=True, log_sum_exp=True, argmax=True, entropies=True, top_count=2, top_classes=True,
              top_log_probabilities=True)
OF_LABELS = dict(correct=True, log_probabilities=True, ranks=True)
NAMES = ("losses", "log_sum_exp", "correct", "log_probabilities", "argmax", "ranks", "entropies", "top_classes",
         "top_log_probabilities", "target_gradient")
CASES = [
    (LABELS, dict(ignore_index=-1, **OF_LABELS)),
    (LABELS, dict(ignore_index=-1, label_smoothing=0.1, z_loss=0.01, class_weights=np.arange(9, dtype=np.float32))),
    (LABELS, dict(ignore_index=-1, probability_clamp=0.1, class_mask=np.arange(9) != 1)),
    (SHARES, dict(target_gradient=True, temperature=2, row_weights=np.arange(6, dtype=np.float32))),
    (SHARES, dict(probability_clamp=0.2)),
    (SPARSE, dict(target_weights=SPARSE_WEIGHTS, target_gradient=True, reduction="sum")),
]


@pytest.mark.parametrize("targets, options", CASES)
@pytest.mark.parametrize("shape", [(ROWS,), (2, 3), (1, 3, 2)])
def test_outputs_are_those_of_the_logits(targets, options, shape):
    def shaped(array):
        return array.reshape(*shape, *array.shape[1:])

    options = {name: shaped(value) if name in ("target_weights", "row_weights") else value
               for name, value in options.items()}
    got = pyxent.linear_cross_entropy(shaped(HIDDEN), WEIGHTS, shaped(targets), bias=BIAS, **COMMON, **options)
    expected = pyxent.cross_entropy(shaped(LOGITS), shaped(targets), **COMMON, **options)
    assert type(got) is pyxent.LinearLoss
    assert (got.loss, got.sum, got.rows, got.valid_rows, got.denominator) == (
        expected.loss, expected.sum, expected.rows, expected.valid_rows, expected.denominator)
    for name in NAMES:
        np.testing.assert_array_equal(getattr(got, name), getattr(expected, name), err_msg=name)


def test_a_row_without_a_dimension():
    got = pyxent.linear_cross_entropy(HIDDEN[0], WEIGHTS, LABELS[0], bias=BIAS, losses=True, hidden_gradient=True)
    expected = pyxent.linear_cross_entropy(HIDDEN[:1], WEIGHTS, LABELS[:1], bias=BIAS, losses=True,
                                            hidden_gradient=True)
    assert got.loss == expected.loss and got.losses.shape == () and got.hidden_gradient.shape == (FEATURES,)
    np.testing.assert_array_equal(got.hidden_gradient, expected.hidden_gradient[0])


@pytest.mark.parametrize("targets, options", CASES)
@pytest.mark.parametrize("threads", [None, 1])
def test_a_later_gradient(targets, options, threads):
    options = {**options, "target_gradient": None, "reduction": "sum"}
    upstream = RANDOM.normal(size=ROWS).astype(np.float32)
    gradients = dict(hidden_gradient=True, weights_gradient=True, bias_gradient=True)
    at_once = pyxent.linear_cross_entropy(HIDDEN, WEIGHTS, targets, bias=BIAS, **options, **gradients)
    saved = pyxent.linear_cross_entropy(HIDDEN, WEIGHTS, targets, bias=BIAS, save_statistics=True, **options)
    same = saved.backward(**gradients, threads=threads)
    for name, got in zip(("hidden_gradient", "weights_gradient", "bias_gradient"), same):
        np.testing.assert_array_equal(got, getattr(at_once, name), err_msg=name)
    later = saved.backward(upstream, **gradients, threads=threads)
    of_logits = pyxent.cross_entropy(LOGITS, targets, save_statistics=True, **options).backward(upstream)
    np.testing.assert_allclose(later.hidden, of_logits @ WEIGHTS, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(later.weights, of_logits.T @ HIDDEN, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(later.bias, of_logits.sum(0), rtol=1e-5, atol=1e-5)
    out = np.zeros_like(WEIGHTS)
    only = saved.backward(upstream, hidden_gradient=None, weights_gradient=out)
    assert only.hidden is None and only.weights is out
    np.testing.assert_array_equal(out, later.weights)


@pytest.mark.parametrize("batch, length", [(2, 5), (3, 90), (1, 9), (7, 1)])
@pytest.mark.parametrize("view", ["shifted", "transposed", "features first"])
@pytest.mark.parametrize("threads", [None, 1, 3])
def test_rows_of_a_slice(batch, length, view, threads):
    """Labels that are the next tokens: the last hidden state of each sequence and the first label have no part."""
    random = np.random.default_rng(batch)
    hidden = random.normal(size=(batch, length + 1, 16)).astype(np.float32)
    weights, labels = random.normal(size=(300, 16)).astype(np.float32), random.integers(0, 300, (batch, length + 1))
    hidden, labels = {"shifted": lambda: (hidden[:, :-1], labels[:, 1:]),
                      "transposed": lambda: (hidden.transpose(1, 0, 2), labels.T),
                      "features first": lambda: (hidden.transpose(0, 2, 1).copy().transpose(0, 2, 1)[:, :-1],
                                                 labels[:, 1:])}[view]()
    gradients = dict(hidden_gradient=True, weights_gradient=True, bias_gradient=True)
    options = dict(threads=threads, ignore_index=1, row_weights=np.full((labels.shape[0], 1), 2, np.float32))
    got = pyxent.linear_cross_entropy(hidden, weights, labels, losses=True, **gradients, **options)
    expected = pyxent.linear_cross_entropy(np.ascontiguousarray(hidden), weights, np.ascontiguousarray(labels),
                                           losses=True, **gradients, **options)
    assert got.loss == expected.loss
    for name in ("losses", *gradients):
        np.testing.assert_array_equal(getattr(got, name), getattr(expected, name), err_msg=name)
    later = pyxent.linear_cross_entropy(hidden, weights, labels, save_statistics=True, **options).backward(**gradients)
    for name, found in zip(gradients, later):
        np.testing.assert_array_equal(found, getattr(expected, name), err_msg=name)
    written = np.zeros((labels.shape[0], labels.shape[1] + 1, 16), np.float32)[:, 1:]
    pyxent.linear_cross_entropy(hidden, weights, labels, hidden_gradient=written, weights_gradient=True, **options)
    np.testing.assert_array_equal(written, expected.hidden_gradient)


@pytest.mark.parametrize("threads", [None, 1, 3])
def test_classes_of_a_later_gradient_are_divided(threads, monkeypatch):
    from pyxent import _call, _threads
    hidden = RANDOM.normal(size=(40, 8)).astype(np.float32)
    weights, labels = RANDOM.normal(size=(30_000, 8)).astype(np.float32), RANDOM.integers(0, 30_000, 40)
    ranges, invoke = [], _call.Call.invoke

    def recorded(self, *positional, classes=None, **named):
        ranges.append(classes)
        return invoke(self, *positional, classes=classes, **named)

    monkeypatch.setattr(_threads, "processors", lambda: 3)
    monkeypatch.setattr(_call.Call, "invoke", recorded)
    result = pyxent.linear_cross_entropy(hidden, weights, labels, save_statistics=True, weights_gradient=True)
    got = result.backward(hidden_gradient=None, weights_gradient=True, threads=threads)
    np.testing.assert_array_equal(got.weights, result.weights_gradient)
    assert len({found for found in ranges if found}) == (threads or 3)
