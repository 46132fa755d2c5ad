# SPDX-License-Identifier: Apache-2.0
"""Hessian-vector products of losses whose targets have a part in them: class weights, smoothing, ignored labels."""
import numpy as np
import pytest

import pyxent

RANDOM = np.random.default_rng(11)
ROWS, CLASSES = 6, 5
X, V = RANDOM.normal(size=(ROWS, CLASSES)), RANDOM.normal(size=(ROWS, CLASSES))
LABELS = np.array([0, 1, 2, 3, 4, 1])
SHARES = RANDOM.random((ROWS, CLASSES))  # whose sums are not 1
WEIGHTS = np.array([1.5, 0.25, 2, 0, 3])
SIGNS = np.array([1.5, -0.25, -2, 0, 3])
ROW_WEIGHTS = np.array([1, 0, 2, 0.5, 1, 3])
CASES = [
    (LABELS, {}),
    (LABELS, dict(class_weights=WEIGHTS)),
    (LABELS, dict(class_weights=SIGNS)),
    (LABELS, dict(class_weights=WEIGHTS, label_smoothing=0.2)),
    (LABELS, dict(class_weights=SIGNS, label_smoothing=0.2, ignore_index=1)),
    (LABELS, dict(ignore_index=1, row_weights=ROW_WEIGHTS, temperature=2.0)),
    (LABELS, dict(class_weights=WEIGHTS, class_mask=np.array([True, True, True, True, True]), denominator=4.0)),
    (SHARES, {}),
    (SHARES, dict(class_weights=SIGNS, row_weights=ROW_WEIGHTS)),
    (SHARES, dict(class_weights=WEIGHTS, label_smoothing=0.3)),
]


@pytest.mark.parametrize("targets, options", CASES)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_it_is_the_derivative_of_the_gradient(targets, options, reduction):
    got = pyxent.cross_entropy_hvp(X, V, targets=targets, reduction=reduction, gradient_scale=2, **options)
    step = 1e-5
    above, below = (pyxent.cross_entropy(X + sign * step * V, targets, reduction=reduction, gradient=True,
                                         gradient_scale=2, **options).gradient for sign in (1, -1))
    np.testing.assert_allclose(got, (above - below) / (2 * step), atol=1e-8)
    assert got.dtype == np.float64


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_axes_and_types(axis):
    x, v = (np.moveaxis(array.reshape(2, 3, CLASSES), -1, axis).astype(np.float32) for array in (X, V))
    labels, weights = LABELS.reshape(2, 3), SIGNS.astype(np.float32)
    kept = x.copy()
    got = pyxent.cross_entropy_hvp(x, v, targets=labels, class_weights=weights, axis=axis, ignore_index=4)
    u = np.where(labels == 4, 0, weights[labels])
    expected = pyxent.cross_entropy_hvp(x, v * np.expand_dims(np.sign(u), axis), row_weights=abs(u), axis=axis)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(x, kept)
    out = x.copy()
    assert pyxent.cross_entropy_hvp(out, v, targets=labels, class_weights=weights, axis=axis, ignore_index=4,
                                    out=out) is out
    np.testing.assert_array_equal(out, expected)


def test_one_row_and_no_rows():
    one = pyxent.cross_entropy_hvp(X[0], V[0], targets=np.array(1), class_weights=WEIGHTS)
    np.testing.assert_array_equal(one, pyxent.cross_entropy_hvp(X[0], V[0], row_weights=np.array(0.25)))
    none = pyxent.cross_entropy_hvp(X[:0], V[:0], targets=LABELS[:0], reduction="mean")
    assert none.shape == (0, CLASSES)


def test_ignored_rows_may_hold_anything():
    x = X.copy()
    x[1] = x[5] = np.nan
    got = pyxent.cross_entropy_hvp(x, V, targets=LABELS, ignore_index=1, reduction="mean")
    assert not got[[1, 5]].any() and np.isfinite(got).all()
    got = pyxent.cross_entropy_hvp(X, V, targets=np.full(ROWS, 1), ignore_index=1, reduction="mean")
    assert not got.any()


@pytest.mark.parametrize("call, kind, message", [
    (lambda: pyxent.cross_entropy_hvp(X, V, class_weights=WEIGHTS), pyxent.OptionError,
     "class_weights is set without targets; expected both, or no class_weights"),
    (lambda: pyxent.cross_entropy_hvp(X, V, reduction="mean"), pyxent.OptionError,
     "reduction is set without targets; expected both, or no reduction"),
    (lambda: pyxent.cross_entropy_hvp(X.ravel(), V.ravel(), targets=LABELS[:2], row_offsets=np.array([0, 5, 30])),
     pyxent.OptionError, "targets and row_offsets are given; expected row_weights, without targets"),
    (lambda: pyxent.bind(pyxent.cross_entropy_hvp, X, V, targets=LABELS), pyxent.OptionError,
     "targets are given and the call is bound; expected row_weights, without targets"),
    (lambda: pyxent.cross_entropy_hvp(X, V, targets=LABELS + 1), pyxent.LabelError,
     "row 4 has label 5; classes are 0 to 4; expected a class index"),
])
def test_refusals(call, kind, message):
    with pytest.raises(kind) as error:
        call()
    assert str(error.value) == message


def test_it_is_that_of_pytorch():
    torch = pytest.importorskip("torch")
    x, v, weights = (torch.from_numpy(array) for array in (X, V, SIGNS))
    labels = torch.from_numpy(LABELS)

    def loss(logits):
        return torch.nn.functional.cross_entropy(logits, labels, weights, ignore_index=4, label_smoothing=0.1)

    expected = torch.autograd.functional.hvp(loss, x, v)[1]
    got = pyxent.cross_entropy_hvp(x, v, targets=labels, class_weights=weights, ignore_index=4, label_smoothing=0.1,
                                   reduction="mean")
    assert isinstance(got, torch.Tensor)
    torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("name", ["targets", "class_weights", "row_weights", "upstream"])
def test_out_is_apart_from_what_comes_with_targets(name):
    arrays = {"targets": np.full((2, 3), 1 / 3), "class_weights": np.ones(6)[:3], "row_weights": np.ones(6)[:2],
              "upstream": np.ones((2, 3))}
    given = arrays[name]
    out = given if given.shape == (2, 3) else given.base.reshape(2, 3)
    upstream = arrays.pop("upstream")
    with pytest.raises(pyxent.ArrayMemoryError, match=f"out and {name} lie within each other's span of memory"):
        pyxent.cross_entropy_hvp(np.zeros((2, 3)), upstream, out=out, **arrays)
    assert (given == given[0]).all()
