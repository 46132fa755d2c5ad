# SPDX-License-Identifier: Apache-2.0
"""Gradients of the targets of kl_div and of binary cross-entropy."""
import array
import sys

import numpy as np
import pytest

import pyxent
from pyxent import _begin, _call

RANDOM = np.random.default_rng(21)
X, T = RANDOM.normal(size=(3, 4)) * 4, RANDOM.uniform(0.1, 0.9, (3, 4))
WEIGHTS, POSITIVE = np.array([1.5, 0, 2, 0.25]), np.array([2.0, 1, 3, 0.5])


def differences(loss, t):
    step, found = 1e-6, np.zeros_like(t)
    for index in np.ndindex(*t.shape):
        moved = np.zeros_like(t)
        moved[index] = step
        found[index] = (loss(t + moved) - loss(t - moved)) / (2 * step)
    return found


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("options", [{}, dict(weights=WEIGHTS), dict(positive_weights=POSITIVE, weights=-WEIGHTS),
                                     dict(positive_weights=POSITIVE[:3], axis=0, denominator=5.0)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_binary(reduction, options, dtype):
    def typed(arrays):
        return {name: value.astype(dtype) if hasattr(value, "dtype") else value for name, value in arrays.items()}

    x, t = X.astype(dtype), T.astype(dtype)
    got = pyxent.binary_cross_entropy(x, t, reduction=reduction, target_gradient=True, gradient=True, gradient_scale=3,
                                      **typed(options))
    plain = pyxent.binary_cross_entropy(x, t, reduction=reduction, gradient=True, gradient_scale=3, **typed(options))
    assert got.loss == plain.loss and got.target_gradient.dtype == dtype
    np.testing.assert_array_equal(got.gradient, plain.gradient)
    expected = 3 * differences(
        lambda moved: pyxent.binary_cross_entropy(X, moved, reduction=reduction, **options).loss, T)
    np.testing.assert_allclose(got.target_gradient, expected, rtol=1e-6, atol=1e-6)


def test_binary_in_place_and_edges():
    x, out = X.copy(), np.zeros_like(T)
    got = pyxent.binary_cross_entropy(x, T, reduction="sum", gradient=x, target_gradient=out)
    assert got.target_gradient is out and got.gradient is x
    np.testing.assert_allclose(out, -X, rtol=1e-13, atol=1e-15)
    x = np.array([np.inf, -np.inf, np.nan, 0.0])
    got = pyxent.binary_cross_entropy(x, T[0], reduction="sum", target_gradient=True).target_gradient
    np.testing.assert_array_equal(got, [-np.inf, np.inf, np.nan, 0])
    none = pyxent.binary_cross_entropy(X, T, weights=np.zeros(4), target_gradient=True)
    assert not none.target_gradient.any()
    assert pyxent.binary_cross_entropy(X[:0], T[:0], target_gradient=True).target_gradient.shape == (0, 4)
    assert pyxent.binary_cross_entropy(np.array(2.0), np.array(0.5), target_gradient=True).target_gradient == -2


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("is_log", [False, True])
@pytest.mark.parametrize("options", [{}, dict(weights=WEIGHTS), dict(denominator=3.0)])
def test_kl_div(reduction, is_log, options):
    t = np.log(T) if is_log else T
    got = pyxent.kl_div(X, t, log_targets=is_log, reduction=reduction, target_gradient=True, gradient=True, **options)
    plain = pyxent.kl_div(X, t, log_targets=is_log, reduction=reduction, gradient=True, **options)
    np.testing.assert_array_equal(got.gradient, plain.gradient)
    expected = differences(
        lambda moved: pyxent.kl_div(X, moved, log_targets=is_log, reduction=reduction, **options).loss, t)
    np.testing.assert_allclose(got.target_gradient, expected, rtol=1e-6, atol=1e-6)


def test_kl_div_at_the_edges():
    t = np.array([[0.0, 0.5, 0.5]])
    l = np.log([[0.2, 0.3, 0.5]])
    got = pyxent.kl_div(l, t, reduction="sum", target_gradient=True).target_gradient
    assert got[0, 0] == -np.inf and np.isfinite(got[0, 1:]).all()
    with np.errstate(divide="ignore"):
        got = pyxent.kl_div(l, np.log(t), log_targets=True, reduction="sum", target_gradient=True).target_gradient
    assert got[0, 0] == 0
    none = pyxent.kl_div(l[:0], t[:0], target_gradient=True, empty_mean="zero")
    assert none.target_gradient.shape == (0, 3)
    zero = pyxent.kl_div(l, t, denominator=0, target_gradient=True).target_gradient
    np.testing.assert_array_equal(zero, np.zeros((1, 3)))
    half = pyxent.kl_div(l.astype(np.float16), t.astype(np.float16), target_gradient=np.zeros((1, 3), np.float16))
    assert half.target_gradient.dtype == np.float16


@pytest.mark.parametrize("call, message", [
    (lambda: pyxent.binary_cross_entropy(X, T > 0.5, target_gradient=True), "target_gradient is requested, targets "
     "are labels bool [3, 4]; expected numbers from 0 to 1 of type float64 or float32"),
    (lambda: pyxent.binary_cross_entropy(X, T, focal_gamma=2, target_gradient=True), "target_gradient is requested, "
     "focal_gamma is 2; expected one of them"),
    (lambda: pyxent.binary_cross_entropy(X, T, probability_clamp=0.1, target_gradient=True), "target_gradient is "
     "requested, probability_clamp is 0.1; expected one of them"),
    (lambda: pyxent.bind(pyxent.binary_cross_entropy, X, T, target_gradient=True), "target_gradient is requested, and "
     "the call is bound; expected no target_gradient"),
])
def test_refusals(call, message):
    with pytest.raises(pyxent.OptionError) as error:
        call()
    assert str(error.value) == message


def test_outputs_are_checked_before_anything_is_written():
    gradient = np.full_like(X, 9)
    for out in (T, np.zeros(3), np.zeros((3, 4), int)):
        for call in (pyxent.binary_cross_entropy, pyxent.kl_div):
            with pytest.raises(pyxent.XentError):
                call(X, T, gradient=gradient, target_gradient=out)
    assert (gradient == 9).all()


def test_they_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    x, weights, positive = (torch.from_numpy(array) for array in (X, WEIGHTS, POSITIVE))
    t = torch.from_numpy(T).requires_grad_()
    torch.nn.functional.binary_cross_entropy_with_logits(x, t, weights, pos_weight=positive, reduction="sum").backward()
    got = pyxent.binary_cross_entropy(x, t.detach(), weights=weights, positive_weights=positive, reduction="sum",
                                      target_gradient=True)
    torch.testing.assert_close(got.target_gradient, t.grad)
    for is_log in (False, True):
        t.grad = None
        torch.nn.functional.kl_div(x, t, log_target=is_log, reduction="sum").backward()
        got = pyxent.kl_div(x, t.detach(), log_targets=is_log, reduction="sum", target_gradient=True)
        torch.testing.assert_close(got.target_gradient, t.grad)


def test_without_numpy(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", None)
    logits, targets, gradient = (array.array("f", [0.5, 0.25]) for _ in range(3))
    for call in (lambda: pyxent.kl_div(logits, targets, target_gradient=gradient),
                 lambda: pyxent.binary_cross_entropy(logits, targets, target_gradient=gradient),
                 lambda: pyxent.binary_cross_entropy_hvp(logits, targets, logits)):
        with pytest.raises(ImportError, match="needs NumPy, which cannot be imported"):
            call()


def test_threads_and_instruction_set_are_those_of_the_call(monkeypatch):
    seen, share = [], _call.share

    def recorded(work, count, threads):
        seen.append(threads)
        share(work, count, threads)

    monkeypatch.setattr(_call, "share", recorded)
    pyxent.binary_cross_entropy(X, T, target_gradient=True, threads=2)
    assert seen and set(seen) == {2}
    isas, options_of = [], _begin.options_of
    monkeypatch.setattr(_begin, "options_of", lambda library, isa="best", **options: (
        isas.append(isa), options_of(library, isa=isa, **options))[1])
    pyxent.binary_cross_entropy(X, T, target_gradient=True, isa="scalar")
    assert isas and set(isas) == {"scalar"}
