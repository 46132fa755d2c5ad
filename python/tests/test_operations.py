# SPDX-License-Identifier: Apache-2.0
"""Every operation against NumPy in double, in every layout, type and number of threads."""
import math
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pyxent
from pyxent import _arrays, _call, _functions, _threads
from pyxent._names import parameters_of

TOOL = Path(__file__).resolve().parents[2] / "tools/functions.py"
RANDOM = np.random.default_rng(21)
X = RANDOM.normal(size=(6, 5)) * 3
LABELS = np.array([0, 4, 2, 1, -100, 3])


def soft(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def one_hot(labels, classes):
    return np.eye(classes)[np.where(labels < 0, 0, labels)] * (labels >= 0)[:, None]


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_softmax_along_every_axis(axis):
    x = RANDOM.normal(size=(3, 4, 5))
    np.testing.assert_allclose(pyxent.softmax(x, axis=axis), soft(x, axis), rtol=1e-14)
    np.testing.assert_allclose(pyxent.log_softmax(x, axis=axis), np.log(soft(x, axis)), rtol=1e-13)
    np.testing.assert_allclose(pyxent.log_sum_exp(x, axis=axis), np.log(np.exp(x).sum(axis)), rtol=1e-13)


LAYOUTS = {
    "gaps": lambda x: np.repeat(x, 2, -1)[..., ::2],
    "a slice of each sequence": lambda x: np.concatenate([x, x], 1)[:, :x.shape[1]],
    "classes first": lambda x: np.moveaxis(np.ascontiguousarray(np.moveaxis(x, -1, 0)), 0, -1),
    "in another order": lambda x: np.ascontiguousarray(x.transpose(2, 1, 3, 0)).transpose(3, 1, 0, 2),
    "repeated": lambda x: np.broadcast_to(x[:1], x.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("axis", [0, 1, 2, 3])
def test_every_layout_has_the_bits_of_dense_memory(layout, axis):
    x = LAYOUTS[layout](RANDOM.normal(size=(2, 3, 4, 5)).astype(np.float32))
    labels = RANDOM.integers(0, x.shape[axis], np.delete(x.shape, axis))
    dense, many = np.ascontiguousarray(x), dict(gradient=True, losses=True, argmax=True, axis=axis)
    assert pyxent.softmax(x, axis=axis).tobytes() == pyxent.softmax(dense, axis=axis).tobytes()
    got, expected = pyxent.cross_entropy(x, labels, **many), pyxent.cross_entropy(dense, labels, **many)
    assert got.loss == expected.loss
    for name in ("gradient", "losses", "argmax"):
        assert getattr(got, name).tobytes() == getattr(expected, name).tobytes()


def test_out_of_strides_and_in_place():
    x = X.astype(np.float32)
    expected, out = pyxent.softmax(x), np.zeros((6, 10), np.float32)
    assert pyxent.softmax(x, out=out[:, ::2]).tobytes() == expected.tobytes()
    assert not out[:, 1::2].any()
    assert pyxent.softmax(x, out=x) is x
    assert x.tobytes() == expected.tobytes()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_cross_entropy_is_that_of_numpy(dtype):
    x = X.astype(dtype)
    p, hot = soft(x.astype(float)), one_hot(LABELS, 5)
    result = pyxent.cross_entropy(x, LABELS, ignore_index=-100, gradient=True, losses=True, correct=True)
    losses = -(hot * np.log(p)).sum(1)
    of_losses, of_gradient = {"float16": (1e-6, 2e-3), "float32": (1e-6, 1e-6), "float64": (1e-13, 1e-13)}[dtype]
    np.testing.assert_allclose(result.loss, losses.sum() / 5, rtol=of_losses)
    np.testing.assert_allclose(result.losses, losses, rtol=of_losses)
    gradient = (p * (LABELS >= 0)[:, None] - hot) / 5
    np.testing.assert_allclose(result.gradient, gradient, rtol=of_gradient, atol=of_gradient / 10)
    assert result.gradient.dtype == dtype and (result.rows, result.valid_rows, result.denominator) == (6, 5, 5.0)
    assert result.correct.tolist() == (x.argmax(1) == LABELS).tolist()
    assert float(result) == result.loss


DIVERGENCES = (pyxent.kl_divergence, pyxent.jensen_shannon_divergence, pyxent.total_variation)
FUNCTIONS = {"SOFTMAX": (pyxent.softmax, pyxent.log_softmax, pyxent.log_sum_exp), "SELECTED": (pyxent.selected_log_probabilities,),
             "LOSSES": (pyxent.cross_entropy, pyxent.linear_cross_entropy, pyxent.nll_loss),
             "DIVERGENCES": (*DIVERGENCES, pyxent.kl_div), "HVP": (pyxent.cross_entropy_hvp,),
             "BINARY": (pyxent.binary_cross_entropy,), "SAMPLE": (pyxent.sample,),
             "SIGMOID": (pyxent.sigmoid, pyxent.log_sigmoid, pyxent.sigmoid_backward, pyxent.log_sigmoid_backward)}
# `sample` has temperature=0 for greedy. Log-probabilities lack options of logits, and `nll_loss` takes labels alone.
LACKED = {pyxent.sample: {"greedy"}, pyxent.kl_div: {"fully_masked", "temperature"}}


def has(function, name):
    return name == "gradient_scale" if function is pyxent.nll_loss else name not in LACKED.get(function, ())


@pytest.mark.skipif(not TOOL.exists(), reason="not in the repository")
def test_every_option_is_a_keyword():
    tool = runpy.run_path(str(TOOL))
    functions = tool["options_with_functions"]()
    assert len(functions) > 20
    assert [(function.__name__, name) for name, kinds in functions.items() for kind in kinds
            for function in FUNCTIONS[kind]
            if (name in parameters_of(function)) != has(function, name)] == []


VALUE = 0.25  # of every number
OTHER = X[::-1].copy()
CALLS = {
    pyxent.softmax: (X,), pyxent.log_softmax: (X,), pyxent.log_sum_exp: (X,), pyxent.cross_entropy_hvp: (X, OTHER),
    pyxent.cross_entropy: (X, LABELS), pyxent.selected_log_probabilities: (X, LABELS), **dict.fromkeys(DIVERGENCES, (X, OTHER)),
    pyxent.binary_cross_entropy: (X, (OTHER > 0).astype(float)),
    pyxent.linear_cross_entropy: (X.astype(np.float32), OTHER[:5].astype(np.float32), LABELS),
    pyxent.nll_loss: (X, LABELS), pyxent.kl_div: (X, abs(OTHER)), pyxent.sigmoid: (X,), pyxent.log_sigmoid: (X,),
    pyxent.sigmoid_backward: (X, OTHER), pyxent.log_sigmoid_backward: (X, OTHER),
}


@pytest.mark.skipif(not TOOL.exists(), reason="not in the repository")
@pytest.mark.parametrize("function", CALLS)
def test_every_number_changes_a_result(function):
    usual = {name: True for name in ("gradient", "hidden_gradient") if name in parameters_of(function)}
    if any(each is LABELS for each in CALLS[function]):
        usual["ignore_index"] = -100

    def bits(**options):
        result = function(*CALLS[function], **usual, **options)
        parts = [result] if isinstance(result, np.ndarray) else result if isinstance(result, tuple) else vars(result).values()
        return [np.asarray(each).tobytes() for each in parts if isinstance(each, (float, np.ndarray))]

    tool = runpy.run_path(str(TOOL))
    names = [name for name, kinds in tool["options_with_functions"]().items()
             if name in _functions.OPTIONS and has(function, name)
             and any(function in FUNCTIONS[kind] for kind in kinds)]
    assert names and bits()
    assert [name for name in names if bits(**{name: VALUE}) == bits()] == []


def test_options_of_cross_entropy():
    weights, rows = np.array([1, 2, 0.5, 1, 3]), np.array([1, 0, 2, 1, 1, 0.5])
    labels = np.where(LABELS < 0, 0, LABELS)
    result = pyxent.cross_entropy(X, labels, class_weights=weights, row_weights=rows, reduction="sum", losses=True,
                                  label_smoothing=0.2, z_loss=0.01, temperature=2.0)
    x = X / 2
    lse = np.log(np.exp(x).sum(1))
    q = 0.8 * one_hot(labels, 5) + 0.2 / 5
    losses = rows * ((weights * q * (lse[:, None] - x)).sum(1) + 0.01 * lse**2)
    np.testing.assert_allclose(result.losses, losses, rtol=1e-13)
    np.testing.assert_allclose(result.loss, losses.sum(), rtol=1e-13)
    assert result.valid_rows == 5
    np.testing.assert_allclose(result.denominator, (rows * weights[labels]).sum(), rtol=1e-15)


def test_probability_rows_and_sparse_targets():
    q = soft(RANDOM.normal(size=X.shape))
    rows = pyxent.cross_entropy(X, q, target_gradient=True)
    np.testing.assert_allclose(rows.loss, -(q * np.log(soft(X))).sum(1).mean(), rtol=1e-13)
    np.testing.assert_allclose(rows.target_gradient, -np.log(soft(X)) / 6, rtol=1e-13)
    classes = np.tile(np.arange(5), (6, 1))
    assert pyxent.cross_entropy(X, classes, target_weights=q).loss == pytest.approx(rows.loss, rel=1e-14)


def test_means_of_no_row():
    ignored = np.full(6, -1)
    gradient = np.ones((6, 10))[:, ::2]
    result = pyxent.cross_entropy(X, ignored, ignore_index=-1, gradient=gradient)
    assert math.isnan(result.loss) and not gradient.any() and result.valid_rows == 0
    assert pyxent.cross_entropy(X, ignored, ignore_index=-1, empty_mean="zero").loss == 0
    bad = np.where(X > 2, np.nan, X)
    given = dict(ignore_index=-100, denominator=0)
    assert not pyxent.cross_entropy(bad, LABELS, gradient=True, **given).gradient.any()
    assert not pyxent.cross_entropy(bad, LABELS, save_statistics=True, **given).backward().any()


def test_a_gradient_of_no_row_is_cleared_in_runs(monkeypatch):
    sizes, memset = [], _arrays.ctypes.memset
    monkeypatch.setattr(_arrays.ctypes, "memset", lambda *given: sizes.append(given[2]) or memset(*given))
    wide = np.full((50, 41, 3), 7, np.float32)
    for gradient, runs in ((np.full((50, 40, 3), 7, np.float32), [24000]), (wide[:, :40], [480] * 50),
                           (np.full((40, 3, 50), 7, np.float32).transpose(2, 0, 1), [24000]),
                           (np.full((50, 40, 6), 7, np.float32)[..., ::2], [4] * 6000)):
        labels = np.full((50, 40), -1)
        pyxent.cross_entropy(np.zeros((50, 40, 3), np.float32), labels, ignore_index=-1, gradient=gradient)
        assert not gradient.any() and sizes == runs
        sizes.clear()
    assert (wide[:, 40] == 7).all()


def test_what_belongs_to_no_row_is_0():
    logits = np.arange(4000, dtype=np.float32) % 7
    for offsets in ([1, 3], [0, 3], [2, 9, 4000]):
        softmax = pyxent.softmax(logits, row_offsets=np.array(offsets))
        labels = np.zeros(len(offsets) - 1, int)
        gradient = pyxent.cross_entropy(logits, labels, row_offsets=np.array(offsets), gradient=True).gradient
        for result in (softmax, gradient):
            assert not result[:offsets[0]].any() and not result[offsets[-1]:].any()
        assert np.isclose(softmax.sum(), len(labels)) and gradient.any()


def test_what_belongs_to_no_row_is_not_written():
    logits, offsets = np.arange(12, dtype=np.float32), np.array([2, 5, 9])
    for labels in (np.array([-1, -1]), np.array([0, 1])):  # a mean of no rows is 0
        gradient = np.full(12, 7, np.float32)
        pyxent.cross_entropy(logits, labels, row_offsets=offsets, ignore_index=-1, gradient=gradient)
        assert (gradient[:2] == 7).all() and (gradient[9:] == 7).all() and (gradient[2:9] != 7).all()


def test_ragged_rows():
    flat, offsets = X.ravel()[:12], np.array([0, 3, 3, 12])
    y = pyxent.softmax(flat, row_offsets=offsets)
    np.testing.assert_allclose(y, np.concatenate([soft(flat[:3]), soft(flat[3:])]), rtol=1e-14)
    labels = np.array([2, -1, 8], np.int32)
    losses = pyxent.cross_entropy(flat, labels, row_offsets=offsets, ignore_index=-1, losses=True).losses
    np.testing.assert_allclose(losses, [-np.log(y[2]), 0, -np.log(y[11])], rtol=1e-14)


def test_masks_and_sinks():
    mask = np.array([True, False, True, True, False])
    p = soft(np.where(mask, X, -np.inf))
    np.testing.assert_allclose(pyxent.softmax(X, class_mask=mask), p, rtol=1e-14)
    np.testing.assert_allclose(pyxent.softmax(X, class_mask=np.tile(mask, (6, 1))), p, rtol=1e-14)
    with_sink = soft(np.concatenate([X, np.full((6, 1), 0.5)], 1))[:, :5]
    np.testing.assert_allclose(pyxent.softmax(X, sink=np.array(0.5)), with_sink, rtol=1e-14)
    np.testing.assert_allclose(pyxent.softmax(X, sink=np.full(6, 0.5)), with_sink, rtol=1e-14)


def test_backward_of_softmax():
    y, dy = soft(X), RANDOM.normal(size=X.shape)
    expected = y * (dy - (dy * y).sum(1, keepdims=True)) / 2
    np.testing.assert_allclose(pyxent.softmax_backward(y, dy, temperature=2.0), expected, rtol=1e-11, atol=1e-15)
    expected = dy - y * dy.sum(1, keepdims=True)
    np.testing.assert_allclose(pyxent.log_softmax_backward(np.log(y), dy), expected, rtol=1e-11, atol=1e-15)


def test_top_k():
    top = pyxent.top_k(X, 3)
    order = np.argsort(-X, 1)[:, :3]
    assert top.classes.tolist() == order.tolist()
    np.testing.assert_allclose(top.log_probabilities, np.take_along_axis(np.log(soft(X)), order, 1), rtol=1e-13)


def test_selected_log_probabilities():
    classes = np.array([[0, 1], [4, 4], [2, 0], [1, 3], [0, 0], [3, 2]])
    result = pyxent.selected_log_probabilities(X, classes, gradient=True)
    np.testing.assert_allclose(result.log_probabilities, np.take_along_axis(np.log(soft(X)), classes, 1), rtol=1e-13)
    hot = one_hot(classes[:, 0], 5) + one_hot(classes[:, 1], 5)
    np.testing.assert_allclose(result.gradient, hot - 2 * soft(X), atol=1e-14)


@pytest.mark.parametrize("threads", [1, 5])
def test_a_later_gradient_has_the_bits_of_one_at_once(threads, monkeypatch):
    monkeypatch.setattr(_call, "_PER_THREAD", 1 << 4)
    x = RANDOM.normal(size=(3, 4, 5, 6)).astype(np.float32)[:, :3]  # of which a call takes some rows
    labels, upstream = RANDOM.integers(-1, 5, (3, 3, 6)), RANDOM.normal(size=(3, 3, 6)).astype(np.float32)
    given = dict(axis=2, ignore_index=-1, label_smoothing=0.1, class_weights=np.float32([1, 2, 0, 1, 1]))
    at_once = pyxent.cross_entropy(x, labels, gradient=True, **given)
    saved = pyxent.cross_entropy(x, labels, save_statistics=True, threads=threads, **given)
    assert saved.loss == at_once.loss and saved.gradient is None
    assert saved.backward(threads=threads).tobytes() == at_once.gradient.tobytes()
    wide = pyxent.cross_entropy(x.astype(float), labels, reduction="sum", gradient=True, **given).gradient
    expected = wide * upstream[:, :, None] / at_once.denominator
    np.testing.assert_allclose(saved.backward(upstream), expected, rtol=2e-6, atol=1e-7)
    in_place = x.copy()
    saved = pyxent.cross_entropy(in_place, labels, save_statistics=True, reduction="sum", **given)
    assert saved.backward(gradient=in_place) is in_place
    np.testing.assert_allclose(in_place, wide, rtol=2e-6, atol=1e-6)
    in_place[:], labels[1, 1, 1] = 7, 5
    with pytest.raises(pyxent.LabelError, match="row 25 has label 5"):
        saved.backward(gradient=in_place)
    assert (in_place == 7).all()
    with pytest.raises(pyxent.OptionError, match="call with save_statistics=True"):
        at_once.backward()
    with pytest.raises(pyxent.ArrayMemoryError, match="gradient and logits lie within each other"):
        pyxent.cross_entropy(x, labels, save_statistics=True, gradient=x, **given)
    none = pyxent.cross_entropy(x, np.full((3, 3, 6), -1), save_statistics=True, **given)
    assert not none.backward(gradient=np.ones_like(x)).any()


def test_a_later_gradient_of_selected_log_probabilities():
    classes, upstream = np.array([[0, 1], [4, 4], [2, 0], [1, 3], [0, 0], [3, 2]]), RANDOM.normal(size=(6, 2))
    at_once = pyxent.selected_log_probabilities(X, classes, upstream=upstream, gradient=True)
    saved = pyxent.selected_log_probabilities(X, classes, upstream=upstream, save_statistics=True)
    assert saved.backward(upstream).tobytes() == at_once.gradient.tobytes()
    ones = pyxent.selected_log_probabilities(X, classes, gradient=True).gradient
    assert saved.backward().tobytes() == ones.tobytes()
    x = X.copy()
    with pytest.raises(pyxent.ArrayMemoryError, match="gradient and logits lie within each other"):
        pyxent.selected_log_probabilities(x, classes, gradient=x, save_statistics=True)
    with pytest.raises(pyxent.OptionError, match="call with save_statistics=True"):
        at_once.backward()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_hessian_vector_products(dtype):
    x, v, rows = X.astype(dtype), RANDOM.normal(size=X.shape).astype(np.float32), np.float32([1, 0, 2, 1, 1, 0.5])
    p = soft(x.astype(float) / 2)
    expected = 3 * rows[:, None] * p * (v - (p * v).sum(1, keepdims=True)) / 4
    got = pyxent.cross_entropy_hvp(x, v, row_weights=rows, temperature=2.0, gradient_scale=3.0)
    assert got.dtype == ("float64" if dtype == "float64" else "float32")
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    assert not got[1].any()


def test_binary_cross_entropy():
    t, w = RANDOM.uniform(size=X.shape), np.array([1, 2, 1, 0, 1.0])
    result = pyxent.binary_cross_entropy(X, t, element_weights=w[None], positive_weights=w + 1, gradient=True, losses=True)
    r = w + 1
    losses = w * (r * t * np.log1p(np.exp(-X)) + (1 - t) * np.log1p(np.exp(X)))
    np.testing.assert_allclose(result.losses, losses, rtol=1e-12)
    np.testing.assert_allclose(result.loss, losses.sum() / 24, rtol=1e-13)
    assert (result.rows, result.valid_rows) == (30, 24)
    s = 1 / (1 + np.exp(-X))
    np.testing.assert_allclose(result.gradient, w * ((1 - t) * s - r * t * (1 - s)) / 24, rtol=1e-11, atol=1e-16)
    assert math.isnan(pyxent.binary_cross_entropy(np.zeros((3, 0)), np.zeros((3, 0))).loss)


@pytest.mark.parametrize("threads", [1, 5])
def test_linear_cross_entropy(threads, monkeypatch):
    monkeypatch.setattr(_call, "_PER_THREAD", 1 << 6)
    hidden, weights, bias = (RANDOM.normal(size=shape).astype(np.float32) for shape in ((2, 6, 8), (30, 8), 30))
    labels = RANDOM.integers(0, 30, (2, 6))
    logits = hidden.astype(float) @ weights.T.astype(float) + bias
    expected = pyxent.cross_entropy(logits, labels, gradient=True)
    given = dict(hidden_gradient=True, weights_gradient=True, bias_gradient=True, threads=threads)
    got = pyxent.linear_cross_entropy(hidden, weights, labels, bias=bias, **given)
    assert got.loss == pytest.approx(expected.loss, rel=1e-5)
    dx = expected.gradient.reshape(12, 30)
    for name, gradient in (("hidden_gradient", dx @ weights), ("weights_gradient", dx.T @ hidden.reshape(12, 8)),
                           ("bias_gradient", dx.sum(0))):
        np.testing.assert_allclose(getattr(got, name).reshape(gradient.shape), gradient, atol=1e-5)
    alone = pyxent.linear_cross_entropy(hidden, weights, labels, bias=bias, hidden_gradient=True, threads=threads)
    assert alone.loss == got.loss and alone.hidden_gradient.tobytes() == got.hidden_gradient.tobytes()
    with pytest.raises(pyxent.ShapeError, match="sums over rows that lie evenly apart"):
        pyxent.linear_cross_entropy(np.zeros((2, 3, 5, 8), np.float32)[:, :2, :4], weights, np.zeros((2, 2, 4), int),
                                    weights_gradient=True)
    with pytest.raises(pyxent.ShapeError, match=r"weights is float32 \[30, 7\], hidden is float32 \[2, 6, 8\]; "
                                              r"expected weights of shape"):
        pyxent.linear_cross_entropy(hidden, weights[:, :7], labels)


@pytest.mark.parametrize("weight_type", ["float16", "float32", "float64", "bool"])
def test_divergences(weight_type):
    teacher, rows = RANDOM.normal(size=X.shape), np.array([1, 0, 1, 1, 1, 1]).astype(weight_type)
    p, q = soft(X), soft(teacher)
    m = (p + q) / 2
    kl, js = q * np.log(q / p), (q * np.log(q / m) + p * np.log(p / m)) / 2
    for divergence, terms in zip(DIVERGENCES, (kl, js, abs(p - q) / 2)):
        got = divergence(X, teacher, row_weights=rows)
        np.testing.assert_allclose(got.loss, terms.sum(1)[rows != 0].mean(), rtol=1e-12)
        assert (got.valid_rows, got.denominator) == (5, 5.0)


def test_sample_is_the_softmax_and_does_not_depend_on_batches():
    logits = np.log(np.array([[0.5, 0.3, 0.2]], np.float32)).repeat(20000, 0)
    tokens = pyxent.sample(logits, seed=3, step=0).tokens
    np.testing.assert_allclose(np.bincount(tokens) / 20000, [0.5, 0.3, 0.2], atol=0.015)
    streams = list(range(100, 110))
    assert pyxent.sample(logits[100:110], seed=3, step=0, stream=streams).tokens.tolist() == tokens[100:110].tolist()
    assert pyxent.sample(logits[100:110], seed=[3] * 10, step=0, stream=100).tokens.tolist() == tokens[100:110].tolist()
    drawn = pyxent.sample(logits[100:110], seed=np.array(3), stream=np.array(100), step=np.array(0))
    assert drawn.tokens.tolist() == tokens[100:110].tolist()
    pieces = np.concatenate([logits, logits], 1).reshape(100, 200, 2, 3)[:, :, :1].transpose(1, 0, 2, 3)[:2]
    assert pyxent.sample(pieces, seed=3, step=0).tokens.ravel().tolist() == tokens[:200].tolist()


OF_TEMPERATURE = [
    lambda x, **given: [pyxent.softmax(x, **given)],
    lambda x, **given: [pyxent.log_softmax(x, softcap=5, **given)],
    lambda x, **given: [pyxent.log_sum_exp(x, sink=np.zeros((), x.dtype), **given)],
    lambda x, **given: [pyxent.softmax_backward(x, x, **given)],
    lambda x, **given: [pyxent.log_softmax_backward(x, x, **given)],
    lambda x, **given: [pyxent.cross_entropy_hvp(x, x, **given)],
    lambda x, **given: pyxent.top_k(x, 3, **given),
    lambda x, **given: [pyxent.selected_log_probabilities(x, np.full(x.shape[:-1], 2), **given).log_probabilities],
    lambda x, **given: loss_of(pyxent.cross_entropy(x, np.full(x.shape[:-1], 2), losses=True, gradient=True,
                                                    reduction="sum", **given)),
    lambda x, **given: [pyxent.cross_entropy(x, np.full(x.shape[:-1], 2), reduction="sum", save_statistics=True,
                                             **given).backward()],
    lambda x, **given: loss_of(pyxent.kl_divergence(x, x[::-1].copy() if x.ndim > 1 else x, losses=True, gradient=True,
                                                    reduction="sum", **given))]


def loss_of(result):
    assert result.sum == pytest.approx(result.losses.sum(dtype=np.float64), rel=1e-6)
    return result.losses, result.gradient


@pytest.mark.parametrize("operation", OF_TEMPERATURE)
@pytest.mark.parametrize("shape", [(6,), (2, 3), (2, 3, 1)])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_temperature_of_every_row(operation, shape, dtype):
    random = np.random.default_rng(8)
    logits = (random.normal(size=(6, 11)) * 3).astype(dtype)
    temperature = np.array([1, 1, 2, 0.5, 1, 3]).astype(dtype)
    x = logits.reshape(*(shape if len(shape) < 3 else shape[:2]), 11)
    for given in (temperature.reshape(shape), *([temperature.tolist()] if shape == (6,) else [])):
        got = operation(x, temperature=given)
        expected = [operation(x, temperature=float(value)) for value in temperature]
        for i, output in enumerate(got):
            output = output.reshape(6, -1)
            for row in range(6):
                np.testing.assert_array_equal(output[row], expected[row][i].reshape(6, -1)[row])


def test_temperatures_of_columns_ragged_rows_and_several_axes():
    x, t = np.random.default_rng(8).normal(size=(2, 5, 3)).astype(np.float32), np.array([[1, 2, 3], [4, 5, 6.0]])
    rows = np.ascontiguousarray(x.transpose(0, 2, 1))
    np.testing.assert_array_equal(pyxent.softmax(x, axis=1, temperature=t),
                                  pyxent.softmax(rows, temperature=t).transpose(0, 2, 1))
    np.testing.assert_array_equal(pyxent.softmax(x, axis=1, temperature=t[:, None]),
                                  pyxent.softmax(rows, temperature=t).transpose(0, 2, 1))
    np.testing.assert_array_equal(pyxent.softmax(x, axis=(1, 2), temperature=t[:, 0]),
                                  pyxent.softmax(x.reshape(2, -1), temperature=t[:, 0]).reshape(x.shape))
    ragged = pyxent.softmax(x.ravel(), row_offsets=np.array([0, 4, 30]), temperature=np.array([1.0, 2]))
    np.testing.assert_array_equal(ragged[4:], pyxent.softmax(x.ravel()[4:], temperature=2))
    for axis in (1, 3):  # rows in more dimensions than a call walks through are copied in blocks
        cropped = np.random.default_rng(9).normal(size=(8, 6, 4, 6)).astype(np.float32)[::2, ::2, ::2, ::2]
        of_rows = np.random.default_rng(7).uniform(0.5, 2, np.delete(cropped.shape, axis))
        expected = pyxent.softmax(cropped.copy(), axis=axis, temperature=of_rows)
        np.testing.assert_array_equal(pyxent.softmax(cropped, axis=axis, temperature=of_rows), expected)
        np.testing.assert_array_equal(pyxent.softmax(cropped, axis=axis, temperature=of_rows, out=cropped), expected)
    many = np.random.default_rng(9).normal(size=(2000, 500)).astype(np.float32)
    many_t = np.where(np.arange(2000) < 700, 2.0, 1.0)
    got = pyxent.softmax(many, temperature=many_t, threads=2)
    np.testing.assert_array_equal(got[:700], pyxent.softmax(many[:700], temperature=2))
    np.testing.assert_array_equal(got[700:], pyxent.softmax(many[700:]))


PER_ROW = dict(temperature=[1, 0, 0.5, 2, 1.5, 1], top_k=[0, 3, 5, 40, 1, 0], top_p=[None, 0.9, 0.5, 1, 0.7, 0.2],
               min_p=[0.1, None, 0, 0.05, 0.01, 0], typical_p=[None, 1, 0.9, 0.8, None, 0.5],
               top_n_sigma=[None, 1, 0, 2, 0.5, 3], xtc_probability=[None, 1, 0.5, 0, 1, 1],
               xtc_threshold=[0.1, None, 0.01, 0.2, 0.3, 1], min_keep=[1, 2, 1, 3, 1, 1],
               repetition_penalty=[1, 1.5, None, 2, 0.5, 1], frequency_penalty=[0, 0.5, -1, None, 0.1, 2],
               presence_penalty=[None, 1, 0, 0.5, -0.5, 0], scale=[1, 0.5, None, 3, 0.125, 1],
               dynatemp_range=[None, 0.5, 0, 2, 0.1, 1], dynatemp_exponent=[1, None, 2, 0.5, 1, 3], draw=[0, 1, 2, 3, 4, 5], step=[5, 4, 3, 2, 1, 0],
               seed=[9, -8, 7, 6, 2**63, 4])


@pytest.mark.parametrize("name", [*PER_ROW, "all"])
@pytest.mark.parametrize("made", [list, np.array])
def test_sampling_options_of_every_row(name, made):
    logits = np.random.default_rng(4).normal(size=(2, 3, 50)).astype(np.float32) * 3
    before = np.random.default_rng(5).integers(-1, 50, (2, 3, 4))
    names = PER_ROW if name == "all" else [name]
    given = {key: PER_ROW[key] for key in names}
    if made is np.array:
        given = {key: np.array(values) for key, values in given.items() if None not in values and key != "seed"}
    options = dict(stream=7, kept=True, processed_log_probabilities=True)
    got = pyxent.sample(logits, output_tokens=before, **options, **{"seed": 0, "step": 0, **given})
    for row in range(6):
        here = {key: values[row] for key, values in given.items()}
        one = pyxent.sample(logits.reshape(6, 50)[row], output_tokens=before.reshape(6, 4)[row],
                            **{**options, "seed": 0, "step": 0, "stream": 7 + row, **here})
        for output in ("tokens", "kept", "processed_log_probabilities"):
            np.testing.assert_array_equal(getattr(got, output).ravel()[row], getattr(one, output))


def test_a_row_does_not_use_what_is_none():
    logits = np.random.default_rng(4).normal(size=(2, 50)).astype(np.float32)
    given = dict(temperature=0.5, top_k=3, top_p=0.9, min_p=0.1, typical_p=0.9, top_n_sigma=2, xtc_probability=0.5,
                 xtc_threshold=0.2, min_keep=2, repetition_penalty=2,
                 frequency_penalty=1, presence_penalty=1, scale=0.5, dynatemp_range=0.3, dynatemp_exponent=2, draw=4, seed=5, stream=6, step=7)
    got = pyxent.sample(logits, output_tokens=np.array([[1], [1]]), kept=True,
                        **{name: [None, value] for name, value in given.items()})
    plain = pyxent.sample(logits[0], kept=True, seed=got.seed, step=0)
    assert (got.tokens[0], got.kept[0]) == (plain.tokens, plain.kept)
    other = pyxent.sample(logits[1], output_tokens=np.array([1]), kept=True, **given)
    assert (got.tokens[1], got.kept[1]) == (other.tokens, other.kept)


@pytest.mark.parametrize("options, kept", [
    (dict(xtc_probability=1, xtc_threshold=0.09), [0, 0, 0, 1]),
    (dict(xtc_probability=1, xtc_threshold=0.29), [0, 1, 1, 1]),
    (dict(xtc_probability=1, xtc_threshold=0.39), [1, 1, 1, 1]),
    (dict(top_n_sigma=0.5), [1, 0, 0, 0]), (dict(top_n_sigma=3), [1, 1, 1, 1]),
    (dict(top_k=3, top_p=0.75, order=("top_k", "top_p")), [1, 1, 0, 0]),
    (dict(top_k=3, top_p=0.75, order=["top_p", "top_k"]), [1, 1, 1, 0]),
    (dict(min_p=0.6, temperature=4, order=["min_p"]), [1, 1, 1, 1]),
    (dict(min_p=0.6, temperature=4, order=["min_p", "temperature"]), [1, 1, 0, 0])])
def test_filters_keep(options, kept):
    logits = np.log(np.array([0.4, 0.3, 0.2, 0.1], np.float32))
    assert pyxent.sample(logits, kept_mask=True, **options).kept_mask.tolist() == kept
    cursor = pyxent.Sampler(seed=1, **options).start()
    assert cursor.sample(logits, kept_mask=True).kept_mask.tolist() == kept


OUTPUTS_OF_TOKENS = ("tokens", "kept_mask", "processed_log_probabilities", "log_probabilities", "ranks", "entropies")


@pytest.mark.parametrize("options", [{}, dict(softcap=5.0), dict(top_p=0.9, temperature=0.7), dict(temperature=0)])
def test_scaled_logits_are_those_that_were_multiplied(options):
    logits = np.random.default_rng(6).normal(size=(5, 60)).astype(np.float32) * 40
    wanted = dict.fromkeys(OUTPUTS_OF_TOKENS[1:], True)
    scaled = pyxent.sample(logits, scale=0.125, seed=1, step=0, **wanted, **options)
    plain = pyxent.sample(logits * np.float32(0.125), seed=1, step=0, **wanted, **options)
    for name in OUTPUTS_OF_TOKENS:
        np.testing.assert_array_equal(getattr(scaled, name), getattr(plain, name))
    cursor = pyxent.Sampler(scale=0.125, seed=1, **options).start()
    assert cursor.next(logits[0]) == plain.tokens[0]


def test_dynatemp_follows_the_entropy():
    rng = np.random.default_rng(7)
    logits = (rng.normal(size=(20, 60)) * rng.uniform(0.1, 6, (20, 1))).astype(np.float32)
    options = dict(temperature=0.8, dynatemp_range=0.5, dynatemp_exponent=2)
    got = pyxent.sample(logits, seed=1, step=0, processed_log_probabilities=True, **options)
    x = logits.astype(float)
    p = np.exp(x - x.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    entropy = -(p * np.log(p)).sum(1)
    heat = 0.3 + (entropy / np.log(60)) ** 2
    y = x / heat[:, None]
    chosen = np.take_along_axis(y, got.tokens[:, None].astype(int), 1)[:, 0]
    most = y.max(1)
    expected = chosen - most - np.log(np.exp(y - most[:, None]).sum(1))
    np.testing.assert_allclose(got.processed_log_probabilities, expected, atol=2e-5)


@pytest.mark.parametrize("axis, kept", [(1, False), (1, True), (0, True), (-1, True), (-1, False)])
def test_sampling_options_in_the_shape_of_the_rows(axis, kept):
    logits = np.random.default_rng(4).normal(size=(2, 3, 50)).astype(np.float32) * 3
    logits = np.moveaxis(logits, -1, axis)
    flat = {name: np.array(PER_ROW[name]) for name in ("temperature", "top_k", "draw")}
    shaped = {name: values.reshape(2, 3) for name, values in flat.items()}
    if kept:
        shaped = {name: np.expand_dims(values, axis) for name, values in shaped.items()}
    got = pyxent.sample(logits, axis=axis, seed=3, step=0, **{name: memoryview(values) if name == "draw" else values
                                                              for name, values in shaped.items()})
    np.testing.assert_array_equal(got.tokens, pyxent.sample(logits, axis=axis, seed=3, step=0, **flat).tokens)
    with pytest.raises(pyxent.ShapeError, match=r"temperature has the shape \[3, 2\]; expected one number, or one per row"):
        pyxent.sample(logits, axis=axis, temperature=np.ones((3, 2)))


def test_sampling_options_of_rows_change_between_runs():
    logits, temperature = np.random.default_rng(4).normal(size=(4, 50)).astype(np.float32), np.zeros(4)
    options = dict(temperature=temperature, seed=3, step=0)
    step = pyxent.bind(pyxent.sample, logits, **options)
    for value in (0, 5, 0.1):
        temperature[2:] = value
        assert step().tokens.tolist() == pyxent.sample(logits, **options).tokens.tolist()


FLAT = np.zeros((1, 50), np.float32)


def test_each_call_without_a_seed_draws_a_new_one():
    results = [pyxent.sample(FLAT) for _ in range(40)]
    assert len({result.seed for result in results}) == 40 and len({int(result.tokens[0]) for result in results}) > 10
    for result in results[:5]:  # which can be made again
        assert pyxent.sample(FLAT, seed=result.seed, step=0).tokens == result.tokens
    again = pyxent.bind(pyxent.sample, FLAT)
    assert len({int(again().tokens[0]) for _ in range(40)}) > 10 and again().seed != again().seed
    mixed = [pyxent.sample(FLAT.repeat(2, 0), seed=[None, 7], step=[None, 3]) for _ in range(40)]
    assert len({int(result.tokens[0]) for result in mixed}) > 10 and len({int(result.tokens[1]) for result in mixed}) == 1
    assert pyxent.sample(FLAT, seed=7, step=0).seed is None


def test_each_step_of_a_seed_is_another_chance():
    tokens = [int(pyxent.sample(FLAT, seed=7, step=step).tokens[0]) for step in range(8)]
    assert tokens == [4, 47, 42, 6, 27, 35, 20, 33]
    steps = np.zeros(1, np.int64)
    draw, found = pyxent.bind(pyxent.sample, FLAT, seed=7, step=steps), []
    for steps[0] in range(8):
        found.append(int(draw().tokens[0]))
    assert found == tokens


NUMBERS_OF_ROWS = np.ones(6)
WHOLE_OF_ROWS = np.ones(6, np.int32)
NO_TOKENS = np.zeros((6, 0), int)


@pytest.mark.parametrize("name, operation, options, output", [
    *((name, pyxent.sample, {"seed": 1, "step": 2, name: WHOLE_OF_ROWS}, dict(tokens=WHOLE_OF_ROWS))
      for name in ("seed", "step", "stream", "draw", "top_k", "min_keep")),
    *((name, pyxent.sample, {name: NUMBERS_OF_ROWS, "output_tokens": NO_TOKENS}, dict(tokens=NUMBERS_OF_ROWS.view(np.int64)))
      for name in ("temperature", "top_p", "min_p", "typical_p", "top_n_sigma", "xtc_probability", "xtc_threshold",
                   "repetition_penalty", "frequency_penalty", "scale", "dynatemp_range", "dynatemp_exponent")),
    ("temperature", pyxent.sample, dict(temperature=NUMBERS_OF_ROWS.view("f4")[:6]),
     dict(entropies=NUMBERS_OF_ROWS.view("f4")[5:11])),
    ("temperature", pyxent.log_sum_exp, dict(temperature=NUMBERS_OF_ROWS), dict(out=NUMBERS_OF_ROWS)),
    ("temperature", pyxent.log_sum_exp, dict(temperature=NUMBERS_OF_ROWS[::-1][::-1].reshape(6, 1)),
     dict(out=NUMBERS_OF_ROWS)),
    ("row_offsets", pyxent.argmax, dict(row_offsets=WHOLE_OF_ROWS), dict(out=WHOLE_OF_ROWS[:5])),
    ("class_mask", pyxent.sample, dict(class_mask=WHOLE_OF_ROWS[:, None]), dict(tokens=WHOLE_OF_ROWS))])
def test_no_output_lies_over_options_of_rows(name, operation, options, output):
    x = X.astype(float) if operation is pyxent.log_sum_exp else X.astype(np.float32)
    x = x.ravel() if name == "row_offsets" else x
    NUMBERS_OF_ROWS[...], WHOLE_OF_ROWS[...] = 1, 1
    for call in (lambda: operation(x, **options, **output), lambda: pyxent.bind(operation, x, **options, **output)):
        with pytest.raises(pyxent.ArrayMemoryError) as error:
            call()
        assert str(error.value) == (f"{next(iter(output))} and {name} lie within each other's span of memory; expected "
                                    f"separate memory for {next(iter(output))}")
    assert (NUMBERS_OF_ROWS == 1).all() and (WHOLE_OF_ROWS == 1).all()


def test_options_of_rows_in_other_sequences():
    logits = X.astype(np.float32)
    expected = pyxent.sample(logits, seed=3, step=[0, 1, 2, 3, 4, 5]).tokens
    for steps in (range(6), tuple(range(6)), np.arange(6, dtype=object), memoryview(np.arange(6))):
        np.testing.assert_array_equal(pyxent.sample(logits, seed=3, step=steps).tokens, expected)
    for steps in (dict.fromkeys(range(6)), set(range(6))):
        with pytest.raises(pyxent.DTypeError, match="step is a (dict|set); expected an array"):
            pyxent.sample(logits, seed=3, step=steps)


def test_sample_with_penalties():
    logits, before = np.array([[1, 0.9, 0]], np.float32), np.array([[0, -1]])
    result = pyxent.sample(logits, temperature=0, output_tokens=before, presence_penalty=0.5, kept_mask=True)
    assert (result.tokens.tolist(), result.kept_mask.tolist(), result.sampled) == ([1], [[0, 1, 0]], 1)


def test_biases_of_some_classes_are_those_of_all():
    logits = RANDOM.normal(size=(3, 4, 50)).astype(np.float32)
    tokens = RANDOM.permuted(np.tile(np.arange(50), (3, 4, 1)), axis=-1)[..., :6]
    values = np.where(RANDOM.random(tokens.shape) < 0.2, -np.inf, 3 * RANDOM.normal(size=tokens.shape)).astype(np.float32)
    tokens[..., 5], values[..., 5] = -1, 9
    bias = np.zeros_like(logits)
    for index in np.ndindex(tokens.shape[:-1]):
        for token, value in zip(tokens[index][:5], values[index]):
            bias[index][token] = value
    options = dict(seed=3, step=0, top_k=9, processed_log_probabilities=True, kept_mask=True, threads=3)
    got = pyxent.sample(logits, bias_tokens=tokens, bias_values=values, **options)
    expected = pyxent.sample(logits, bias=bias, **options)
    for name in ("tokens", "processed_log_probabilities", "kept_mask"):
        assert getattr(got, name).tobytes() == getattr(expected, name).tobytes()
    twice, last = np.array([[1, 1]]), np.array([[9, 0]], np.float32)
    assert pyxent.sample(np.float32([[1, 0]]), temperature=0, bias_tokens=twice, bias_values=last).tokens == [0]
    with pytest.raises(pyxent.ShapeError, match="bias_values is .*; expected the same shape"):
        pyxent.sample(logits, bias_tokens=tokens, bias_values=values[..., :5])
    with pytest.raises(TypeError, match="bias_values is missing"):
        pyxent.sample(logits, bias_tokens=tokens)


def test_tokens_are_looked_at_before_anything_is_written(monkeypatch):
    monkeypatch.setattr(_call, "_PER_THREAD", 1)
    logits, tokens = np.zeros((64, 9), np.float32), np.full(64, 7)
    for name in ("prompt_tokens", "output_tokens", "bias_tokens"):
        before = np.full((64, 3), -1)
        before[63, 2] = 9
        others = {"bias_values": np.zeros((64, 3), np.float32)} if name == "bias_tokens" else {}
        with pytest.raises(pyxent.LabelError) as error:
            pyxent.sample(logits, tokens=tokens, class_mask=np.arange(9) > 0, **{name: before}, **others, threads=4)
        assert str(error.value) == f"{name} of row 63 has 9; classes are 0 to 8; expected a class index, or -1 for none"
        assert (tokens == 7).all()
    drafts = np.full(64, -1)
    drafts[63] = 9
    with pytest.raises(pyxent.LabelError, match="draft_tokens of row 63 has 9; classes are 0 to 8"):
        pyxent.sample(logits, tokens=tokens, draft_tokens=drafts, draft_probabilities=logits, threads=4)
    assert (tokens == 7).all()
    with pytest.raises(TypeError, match="draft_probabilities is missing"):
        pyxent.sample(logits, draft_tokens=drafts)
    masked = np.zeros((64, 1), np.uint8)  # that came before a class was masked
    assert pyxent.sample(logits, output_tokens=masked, class_mask=np.arange(9) > 0, tokens=tokens).sampled == 64


@pytest.mark.parametrize("shape, axis", [((4096, 1000), 1), ((1000, 2048), 0), ((64, 64, 300), 2)])
def test_threads_change_no_bit(shape, axis, monkeypatch):
    monkeypatch.setattr(_call, "_PER_THREAD", 1 << 12)
    x = RANDOM.normal(size=shape).astype(np.float32)
    labels = RANDOM.integers(0, shape[axis], np.delete(shape, axis))
    labels.flat[5] = -1
    results = [pyxent.cross_entropy(x, labels, axis=axis, ignore_index=-1, gradient=True, threads=n) for n in (1, 7)]
    assert results[0].loss == results[1].loss and results[0].valid_rows == results[1].valid_rows
    assert results[0].gradient.tobytes() == results[1].gradient.tobytes()
    labels.flat[[50, 2000]] = 5000
    gradient = np.full_like(x, 7)
    with pytest.raises(pyxent.LabelError) as error:
        pyxent.cross_entropy(x, labels, axis=axis, ignore_index=-1, gradient=gradient, threads=7)
    assert (error.value.row, error.value.label, error.value.classes) == (50, 5000, shape[axis])
    assert (gradient == 7).all()


def test_one_thread_is_the_calling_one(monkeypatch):
    monkeypatch.setattr(_threads, "_pool", None)
    pieces = RANDOM.normal(size=(3, 4, 5, 6))[:, :3, :4]  # of which one call takes four rows
    np.testing.assert_allclose(pyxent.softmax(pieces, threads=1), soft(pieces), rtol=1e-12)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_has_threads_of_its_own():
    program = """if True:
        import os, numpy as np, pyxent
        from pyxent import _call, _threads
        _call._PER_THREAD = 1
        x = np.zeros((64, 64), np.float32)
        expected = pyxent.softmax(x, threads=2).tobytes()
        child = os.fork()
        if not child:
            os._exit(pyxent.softmax(x, threads=2).tobytes() != expected)
        raise SystemExit(os.waitpid(child, 0)[1])
    """
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", program], timeout=60).returncode == 0


def test_no_row():
    assert pyxent.softmax(np.zeros((0, 4))).shape == (0, 4)
    assert pyxent.cross_entropy(np.zeros((0, 4)), np.zeros(0, int), reduction="sum").loss == 0


SEVERAL = {
    "permuted": lambda x: np.ascontiguousarray(x.transpose(3, 1, 4, 0, 2)).transpose(3, 1, 4, 0, 2),
    "cropped": lambda x: np.concatenate([np.concatenate([x, x], 1), np.concatenate([x, x], 1)], 3)[:, :3, :, :5],
    "repeated": lambda x: np.broadcast_to(np.ascontiguousarray(x.transpose(3, 1, 4, 0, 2)).transpose(3, 1, 4, 0, 2)[:1],
                                          x.shape),
}


@pytest.mark.parametrize("piece", [0, 1 << 16])  # a call per piece; copies
@pytest.mark.parametrize("layout", SEVERAL)
@pytest.mark.parametrize("axis", [0, 2, 4])
def test_rows_in_many_dimensions(layout, axis, piece, monkeypatch):
    monkeypatch.setattr(_call, "_PIECE", piece)
    x = SEVERAL[layout](RANDOM.normal(size=(2, 3, 4, 5, 6)).astype(np.float32))
    dense, out, rows = np.ascontiguousarray(x), np.zeros((6, 5, 4, 3, 4), np.float32).T[::2], list(x.shape)
    assert pyxent.softmax(x, axis=axis, out=out).tobytes() == pyxent.softmax(dense, axis=axis).tobytes()
    rows[axis] = 1
    labels = RANDOM.integers(0, x.shape[axis], np.delete(x.shape, axis))
    mask = np.ones(np.where(np.arange(5) == axis, x.shape, [2, 1, 1, 5, 1]), bool)
    given = dict(axis=axis, losses=True, gradient=True, top_count=2, top_classes=True, save_statistics=True)
    of_rows = dict(row_weights=RANDOM.random(rows, np.float32), sink=np.float32([0.5]), class_mask=mask)
    got, expected = (pyxent.cross_entropy(logits, labels, **given, **of_rows) for logits in (x, dense))
    assert got.loss == expected.loss and got.backward().tobytes() == expected.gradient.tobytes()
    for name in ("gradient", "losses", "top_classes"):
        assert getattr(got, name).tobytes() == getattr(expected, name).tobytes()
    given = dict(axis=axis, gradient=True, element_weights=of_rows["row_weights"], losses=True)
    got, expected = (pyxent.binary_cross_entropy(logits, (dense > 0).astype(int), **given) for logits in (x, dense))
    assert got.loss == expected.loss and got.losses.tobytes() == expected.losses.tobytes()
    tokens = RANDOM.integers(-1, x.shape[axis], [2 if d == axis else n for d, n in enumerate(x.shape)])
    given = dict(axis=axis, seed=3, step=0, output_tokens=tokens, presence_penalty=0.5, kept_mask=True, kept=True)
    got, expected = (pyxent.sample(logits, **given) for logits in (x, dense))
    for name in ("tokens", "kept", "kept_mask"):
        assert getattr(got, name).tobytes() == getattr(expected, name).tobytes()
    labels.flat[[7, 11]] = 99
    gradient = np.full_like(out, 7)
    with pytest.raises(pyxent.LabelError) as error:
        pyxent.cross_entropy(x, labels, axis=axis, gradient=gradient)
    assert error.value.row == 7 and (gradient == 7).all()


def test_tokens_that_all_rows_share():
    """With tokens that differ by row, in rows that are copied: one are strided along the rows, the other not."""
    logits = SEVERAL["cropped"](RANDOM.normal(size=(2, 3, 4, 5, 6)).astype(np.float32))
    own = RANDOM.integers(0, 6, (*logits.shape[:-1], 2))
    shared = np.broadcast_to(np.array([3, 1]), own.shape)
    for names in (("prompt_tokens", "output_tokens"), ("output_tokens", "prompt_tokens")):
        got, expected = (pyxent.sample(x, seed=3, step=0, presence_penalty=0.5, kept_mask=True, repetition_penalty=2,
                                       **dict(zip(names, (own, tokens))))
                         for x, tokens in ((logits, shared), (logits.copy(), shared.copy())))
        assert got.tokens.tobytes() == expected.tokens.tobytes()
        with pytest.raises(pyxent.LabelError, match=f"{names[1]} of row 0 has 6; classes are 0 to 5"):
            pyxent.sample(logits, **dict(zip(names, (own, shared * 2))))


def test_a_call_that_was_made_before_is_checked_as_the_first_one():
    x, out = X.copy(), np.zeros_like(X)
    for _ in range(3):
        assert pyxent.softmax(x, out=out) is out and out.tobytes() == pyxent.softmax(X).tobytes()
        assert pyxent.log_sum_exp(x).shape == (6,) and pyxent.log_softmax(x, axis=0).shape == (6, 5)
        with pytest.raises(pyxent.ArrayMemoryError):
            pyxent.softmax(x[:3], out=x[1:4])
        with pytest.raises(pyxent.OptionError):
            pyxent.softmax(x, threads=0)
        with pytest.raises(TypeError):
            pyxent.softmax(x, axis=True)
    read_only = out.copy()
    read_only.flags.writeable = False
    with pytest.raises(pyxent.ArrayMemoryError):
        pyxent.softmax(x, out=read_only)
    y = x.copy()
    assert pyxent.softmax(y, out=y) is y and y.tobytes() == out.tobytes()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("given", [{}, dict(gradient=True), dict(reduction="sum", gradient=True),
                                   dict(ignore_index=-100, gradient=True), dict(axis=0, gradient=True)])
def test_a_loss_that_was_computed_before(given, dtype):
    labels = np.zeros(5, int) if "axis" in given else LABELS if "ignore_index" in given else np.abs(LABELS) % 5
    first, x = None, X.astype(dtype)
    for factor in (1, 2, 1):
        got = pyxent.cross_entropy(x * factor, labels, **given)
        whole = pyxent.cross_entropy(x * factor, labels, losses=True, threads=1, **given)  # which is not kept
        for name in ("loss", "sum", "rows", "valid_rows", "denominator"):
            assert getattr(got, name) == getattr(whole, name) and type(getattr(got, name)) is type(getattr(whole, name))
        assert got.losses is None and (got.gradient is None) == ("gradient" not in given)
        assert got.gradient is None or got.gradient.tobytes() == whole.gradient.tobytes()
        first = first or got
    assert first.loss == got.loss
    with pytest.raises(pyxent.LabelError, match="row 1 has label 77"):
        pyxent.cross_entropy(x, np.where(np.arange(len(labels)) == 1, 77, labels), **given)
    ignored = pyxent.cross_entropy(x, np.full_like(labels, -100), **{**given, "ignore_index": -100})
    assert math.isnan(ignored.loss) or given.get("reduction") == "sum" and ignored.loss == 0


def test_results_show_what_they_have():
    x, labels = np.array([[2, 1, 0], [0, 3, 1]], np.float32), np.array([0, 1])
    assert repr(pyxent.cross_entropy(x, labels)) == (
        "Loss(loss=0.28872597217559814, sum=0.5774519443511963, rows=2, valid_rows=2, denominator=2.0)")
    got = pyxent.cross_entropy(x, labels, losses=True, gradient=True, save_statistics=True, correct=True)
    assert repr(got).endswith(f"denominator=2.0, gradient=float32 [2, 3], losses={got.losses!r}, correct={got.correct!r})")
    assert f"{got}" == repr(got) and len(repr(got.losses)) < 60
    assert repr(pyxent.sample(x, temperature=0, seed=1, step=2)) == "Sample(tokens=array([0, 1]), sampled=2)"
    selected = pyxent.selected_log_probabilities(x, labels, gradient=True)
    assert repr(selected) == (
        f"Selected(log_probabilities={selected.log_probabilities!r}, gradient=float32 [2, 3])")
    layer = pyxent.linear_cross_entropy(x, x, labels, weights_gradient=True)
    assert repr(layer).startswith("LinearLoss(loss=") and repr(layer).endswith("weights_gradient=float32 [2, 3])")
    for many in (pyxent.cross_entropy(np.zeros((1000, 3)), np.zeros(1000, int), losses=True, ranks=True),
                 pyxent.sample(np.zeros((1000, 3), np.float32))):
        assert len(repr(many)) < 200 and "[1000]" in repr(many)
