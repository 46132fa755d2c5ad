# SPDX-License-Identifier: Apache-2.0
"""Second derivatives of binary cross-entropy and of its focal loss."""
from decimal import Decimal

import numpy as np
import pytest

import pyxent

RANDOM = np.random.default_rng(31)
X, V = RANDOM.normal(size=(3, 4)) * 3, RANDOM.normal(size=(3, 4))
LABELS, SHARES = RANDOM.integers(0, 2, (3, 4)), RANDOM.random((3, 4))
WEIGHTS, POSITIVE = np.array([1.5, 0, -2, 0.25]), np.array([2.0, 1, 3, 0.5])
CASES = [(SHARES, {}), (SHARES, dict(weights=WEIGHTS, positive_weights=POSITIVE)), (LABELS, {}),
         (LABELS, dict(weights=WEIGHTS[:3], axis=0)), (LABELS, dict(ignore_index=0)), (LABELS, dict(denominator=5.0)),
         *[(LABELS, dict(focal_gamma=gamma, **more)) for gamma in (0.5, 1, 2, 3.5) for more in (
             {}, dict(focal_alpha=0.25), dict(positive_weights=POSITIVE, weights=WEIGHTS))],
         (LABELS.astype(float), dict(focal_gamma=2)), (LABELS > 0, dict(focal_alpha=0.25)),
         (SHARES, dict(focal_alpha=0.75))]


@pytest.mark.parametrize("targets, options", CASES)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_it_is_the_derivative_of_the_gradient(targets, options, reduction):
    got = pyxent.binary_cross_entropy_hvp(X, V, targets, reduction=reduction, gradient_scale=3, **options)
    step = 1e-5
    above, below = (pyxent.binary_cross_entropy(X + sign * step * V, targets, reduction=reduction, gradient=True,
                                                gradient_scale=3, **options).gradient for sign in (1, -1))
    np.testing.assert_allclose(got, (above - below) / (2 * step), rtol=1e-7, atol=2e-9)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_types(dtype):
    x, v = X.astype(dtype), V.astype(dtype)
    kept = x.copy()
    got = pyxent.binary_cross_entropy_hvp(x, v, LABELS, focal_gamma=2)
    wide = pyxent.binary_cross_entropy_hvp(x.astype(float), v.astype(float), LABELS, focal_gamma=2)
    assert got.dtype == np.float32 and wide.dtype == np.float64
    np.testing.assert_array_equal(got, wide.astype(np.float32))
    np.testing.assert_array_equal(pyxent.binary_cross_entropy_hvp(x, v, LABELS, focal_gamma=2, dtype="float64"), wide)
    np.testing.assert_array_equal(x, kept)
    assert pyxent.binary_cross_entropy_hvp(x, v, LABELS, focal_gamma=2, out=x) is x
    np.testing.assert_array_equal(x, wide.astype(np.float32).astype(dtype))


def test_without_a_focal_loss_it_is_the_product_of_two_classes():
    logits, upstream = (np.stack([0 * array, array]) for array in (X, V))
    two = pyxent.cross_entropy_hvp(logits, upstream, axis=0)[1]
    np.testing.assert_allclose(pyxent.binary_cross_entropy_hvp(X, V, LABELS), two, rtol=1e-13, atol=1e-16)


def test_edges():
    x = np.array([np.inf, -np.inf, np.nan, 800, -800, 0, np.nan, 1e300])
    for options in ({}, dict(focal_gamma=2), dict(focal_gamma=0.5, focal_alpha=0.25)):
        for label in (0, 1):
            labels = np.full(8, label)
            labels[6] = 7
            got = pyxent.binary_cross_entropy_hvp(x, np.ones(8), labels, ignore_index=7, **options)
            assert np.isnan(got[2]) and not got[[0, 1, 6]].any() and np.isfinite(got[[3, 4, 5, 7]]).all()
            assert got[5] > 0
    assert pyxent.binary_cross_entropy_hvp(X[:0], V[:0], LABELS[:0], reduction="mean").shape == (0, 4)
    assert pyxent.binary_cross_entropy_hvp(np.array(0.0), np.array(2.0), np.array(1)) == 0.5
    assert not pyxent.binary_cross_entropy_hvp(X, V, np.full((3, 4), 7), ignore_index=7, reduction="mean").any()
    with np.errstate(all="raise"):
        pyxent.binary_cross_entropy_hvp(np.array([-700.0, 700]), np.ones(2), np.array([1, 0]), focal_gamma=2)


def test_numbers_of_another_type():
    numbers = {"focal_gamma": 2.0, "focal_alpha": 0.25}
    decimals = {name: Decimal(number) for name, number in numbers.items()}
    np.testing.assert_array_equal(pyxent.binary_cross_entropy_hvp(X, V, LABELS, **decimals),
                                  pyxent.binary_cross_entropy_hvp(X, V, LABELS, **numbers))


def test_strides_and_a_bound_call():
    x, v = (np.moveaxis(RANDOM.normal(size=(4, 2, 3)), 0, -1)[:, ::2] for _ in range(2))
    labels = RANDOM.integers(0, 2, x.shape)
    expected = pyxent.binary_cross_entropy_hvp(x.copy(), v.copy(), labels, focal_gamma=2, weights=WEIGHTS)
    np.testing.assert_array_equal(pyxent.binary_cross_entropy_hvp(x, v, labels, focal_gamma=2, weights=WEIGHTS),
                                  expected)
    x = x.copy()
    step = pyxent.bind(pyxent.binary_cross_entropy_hvp, x, v, labels, focal_gamma=2, weights=WEIGHTS)
    np.testing.assert_array_equal(step(), expected)
    x += 1
    np.testing.assert_array_equal(step(), pyxent.binary_cross_entropy_hvp(x, v, labels, focal_gamma=2, weights=WEIGHTS))


@pytest.mark.parametrize("call, kind, message", [
    (lambda out: pyxent.binary_cross_entropy_hvp(X, V, SHARES, focal_gamma=2, out=out), pyxent.OptionError, "focal_gamma is "
     "2, targets are numbers float64 [3, 4] other than 0 and 1; expected labels"),
    (lambda out: pyxent.binary_cross_entropy_hvp(X, V, LABELS + 1, out=out), pyxent.LabelError, "has label 2; expected "
     "0 or 1"),
    (lambda out: pyxent.binary_cross_entropy_hvp(X, V[:2], LABELS, out=out), pyxent.ShapeError, "upstream is float64 [2, 4], "
     "logits is float64 [3, 4]"),
    (lambda out: pyxent.binary_cross_entropy_hvp(X, V, LABELS, weights=np.ones(3), out=out), pyxent.ShapeError, "weights is "
     "float64 [3], logits is float64 [3, 4]"),
])
def test_refusals(call, kind, message):
    out = np.full_like(X, 9)
    with pytest.raises(kind) as error:
        call(out)
    assert message in str(error.value) and (out == 9).all()


def test_it_is_that_of_pytorch():
    torch = pytest.importorskip("torch")
    x, v, labels = torch.from_numpy(X), torch.from_numpy(V), torch.from_numpy(LABELS)

    def loss(logits):
        p, t = torch.sigmoid(logits), labels.double()
        wrong = 1 - (p * t + (1 - p) * (1 - t))
        one = torch.nn.functional.binary_cross_entropy_with_logits(logits, t, reduction="none")
        return (one * wrong ** 2).sum()

    got = pyxent.binary_cross_entropy_hvp(x, v, labels, focal_gamma=2)
    assert isinstance(got, torch.Tensor)
    torch.testing.assert_close(got, torch.autograd.functional.hvp(loss, x, v)[1])
