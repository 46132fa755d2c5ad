# SPDX-License-Identifier: Apache-2.0
"""Class weights of which some are below 0: they count as they are, in losses, gradients and what a mean divides by."""
import array
import sys

import numpy as np
import pytest

import pyxent

RANDOM = np.random.default_rng(7)
ROWS, CLASSES = 12, 5
X = RANDOM.normal(size=(ROWS, CLASSES)) * 3
LABELS = RANDOM.integers(0, CLASSES, ROWS)
WEIGHTS = np.array([1.5, -2, 0, -0.25, 3])
ROW_WEIGHTS = RANDOM.random(ROWS)
ROW_WEIGHTS[3] = 0
SHARES = RANDOM.dirichlet(np.ones(CLASSES), ROWS)
SPARSE, SPARSE_WEIGHTS = RANDOM.integers(0, CLASSES, (ROWS, 2)), RANDOM.random((ROWS, 2))


def expected(x, q, weights, u, label_weights, z=0.0, temperature=1.0):
    """Losses of rows, the gradient of their sum, and the denominator of a mean, in double."""
    x = x / temperature
    lse = np.log(np.exp(x - x.max(-1, keepdims=True)).sum(-1, keepdims=True)) + x.max(-1, keepdims=True)
    p, wq = np.exp(x - lse), weights * q
    losses = u * ((wq * (lse - x)).sum(-1) + z * lse[:, 0] ** 2)
    gradient = u[:, None] * (p * wq.sum(-1, keepdims=True) - wq + 2 * z * lse * p) / temperature
    return losses, gradient, (u * label_weights).sum()


def cases(dtype):
    one_hot, u = np.eye(CLASSES)[LABELS], np.ones(ROWS)
    of_labels, ignored = WEIGHTS[LABELS], np.where(LABELS == 1, 0, 1)
    smooth = 0.9 * one_hot + 0.1 / CLASSES
    shares, sparse = SHARES.astype(dtype), SPARSE_WEIGHTS.astype(dtype)
    whole = np.zeros((ROWS, CLASSES))
    np.add.at(whole, (np.arange(ROWS)[:, None], SPARSE), sparse)
    weighted = ROW_WEIGHTS.astype(dtype)
    return [
        (LABELS, {}, (one_hot, WEIGHTS, u, of_labels)),
        (LABELS, dict(ignore_index=1), (one_hot, WEIGHTS, ignored, of_labels)),
        (LABELS, dict(row_weights=weighted), (one_hot, WEIGHTS, weighted, of_labels)),
        (LABELS, dict(temperature=2.0), (one_hot, WEIGHTS, u, of_labels, 0.0, 2.0)),
        (LABELS, dict(label_smoothing=0.1), (smooth, WEIGHTS, u, of_labels)),
        (LABELS, dict(z_loss=0.01), (one_hot, WEIGHTS, u, of_labels, 0.01)),
        (shares, {}, (shares, WEIGHTS, u, 1)),
        (SPARSE, dict(target_weights=sparse), (whole, WEIGHTS, u, 1)),
    ]


@pytest.mark.parametrize("case", range(8))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_cross_entropy(case, dtype, reduction):
    targets, options, (q, *rest) = cases(dtype)[case]
    x, most = X.astype(dtype), 3e-6 if dtype == np.float32 else 1e-13
    got = pyxent.cross_entropy(x, targets, class_weights=WEIGHTS.astype(dtype), reduction=reduction, losses=True,
                               gradient=True, log_sum_exp=True, gradient_scale=2, **options)
    losses, gradient, divisor = expected(x.astype(float), q, *rest)
    assert got.losses.dtype == got.gradient.dtype == dtype
    np.testing.assert_allclose(got.losses, losses, rtol=most, atol=most)
    assert got.denominator == pytest.approx(divisor, rel=1e-6)
    divisor = divisor if reduction == "mean" else 1
    np.testing.assert_allclose(got.gradient, 2 * gradient / divisor, rtol=most, atol=most)
    assert got.loss == pytest.approx(losses.sum() / divisor, rel=10 * most)
    assert got.sum == got.losses.astype(np.longdouble).sum() or got.sum == pytest.approx(losses.sum(), rel=10 * most)
    plain = pyxent.cross_entropy(x, targets, log_sum_exp=True, **options)
    np.testing.assert_array_equal(got.log_sum_exp, plain.log_sum_exp)
    assert got.rows == ROWS and got.valid_rows == plain.valid_rows


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_a_row_of_a_label_has_the_bits_of_its_weight_without_the_sign(dtype):
    x, weights = X.astype(dtype), WEIGHTS.astype(dtype)
    options = dict(reduction="sum", losses=True, gradient=True)
    got = pyxent.cross_entropy(x, LABELS, class_weights=weights, **options)
    other = pyxent.cross_entropy(x, LABELS, class_weights=abs(weights), **options)
    sign = np.where(WEIGHTS[LABELS] < 0, -1, 1).astype(dtype)
    np.testing.assert_array_equal(got.losses, sign.astype(other.losses.dtype) * other.losses)
    np.testing.assert_array_equal(got.gradient, sign[:, None] * other.gradient)
    assert got.gradient.dtype == dtype


def test_arrays_of_the_caller():
    x, labels = np.moveaxis(X.astype(np.float32).reshape(3, 4, CLASSES), -1, 1), LABELS.reshape(3, 4)
    weights = WEIGHTS.astype(np.float32)
    once = pyxent.cross_entropy(x, labels, axis=1, class_weights=weights, gradient=True, losses=True, correct=True,
                                top_count=2, top_classes=True)
    gradient, losses = np.zeros((3, CLASSES, 4), np.float16), np.zeros((3, 4), np.float16)
    got = pyxent.cross_entropy(x, labels, axis=1, class_weights=weights, gradient=gradient, losses=losses)
    assert got.gradient is gradient and got.losses is losses
    np.testing.assert_array_equal(losses, once.losses.astype(np.float16))
    np.testing.assert_array_equal(gradient, once.gradient.astype(np.float16))
    np.testing.assert_array_equal(once.correct, once.top_classes[:, 0] == labels)
    step = pyxent.bind(pyxent.cross_entropy, x, labels, axis=1, class_weights=weights, gradient=True)
    np.testing.assert_array_equal(step().gradient, once.gradient)
    in_place = x.copy()
    assert pyxent.cross_entropy(in_place, labels, axis=1, class_weights=weights, gradient=in_place).gradient is in_place
    np.testing.assert_array_equal(in_place, once.gradient)


def test_the_gradient_of_shares():
    options = dict(class_weights=WEIGHTS, reduction="sum", target_gradient=True)
    got = pyxent.cross_entropy(X, SHARES, **options)
    np.testing.assert_allclose(got.target_gradient, -WEIGHTS * pyxent.log_softmax(X), rtol=1e-13)


def test_rows_of_different_lengths_and_no_dimension():
    offsets = np.array([0, 5, 8, 12])
    x, labels = X.ravel()[:12].copy(), np.array([1, 0, 3])
    got = pyxent.cross_entropy(x, labels, row_offsets=offsets, class_weights=WEIGHTS, losses=True, gradient=True)
    for row, (begin, end) in enumerate(zip(offsets, offsets[1:])):
        one = pyxent.cross_entropy(x[begin:end], labels[row], class_weights=WEIGHTS[:end - begin], losses=True)
        assert got.losses[row] == one.losses
    one = pyxent.cross_entropy(np.array(2.0), np.array(0), class_weights=np.array(-2.0), losses=True, gradient=True)
    assert one.losses.shape == one.gradient.shape == () and one.denominator == -2


def test_a_mean_over_nothing():
    x, weights, labels = X[:2], np.array([1, -1, 1, 1, 1.0]), np.array([0, 1])
    options = dict(class_weights=weights, gradient=True)
    assert np.isnan(pyxent.cross_entropy(x, labels, **options).loss)
    got = pyxent.cross_entropy(x, labels, empty_mean="zero", **options)
    assert got.loss == 0 and not got.gradient.any()
    with pytest.raises(pyxent.EmptyMeanError):
        pyxent.cross_entropy(x, labels, empty_mean="error", **options)
    assert np.isnan(pyxent.nll_loss(x, labels, class_weights=weights).loss)
    assert pyxent.cross_entropy(x, labels, denominator=2, **options).denominator == 2


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(value):
    weights = np.array([1, -1, value, 1, 1])
    gradient = np.full_like(X, 9)
    for call in (pyxent.cross_entropy, pyxent.nll_loss):
        with pytest.raises(pyxent.OptionError, match="class_weights of class"):
            call(X, LABELS, class_weights=weights, gradient=gradient)
    with pytest.raises(pyxent.LabelError):
        pyxent.cross_entropy(X, LABELS + 1, class_weights=WEIGHTS, gradient=gradient)
    with pytest.raises(pyxent.LabelError):
        pyxent.nll_loss(X, LABELS + 1, class_weights=WEIGHTS, gradient=gradient)
    with pytest.raises(pyxent.OptionError, match="class_weights of class 1 is -2.0"):
        pyxent.cross_entropy(X, LABELS, class_weights=WEIGHTS, save_statistics=True)
    assert (gradient == 9).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("ignore_index", [None, 2])
def test_nll_loss(dtype, axis, ignore_index):
    log_p = np.moveaxis(X.reshape(3, 4, CLASSES), -1, axis).astype(dtype)
    labels, weights = LABELS.reshape(3, 4), WEIGHTS.astype(dtype)
    got = pyxent.nll_loss(log_p, labels, axis=axis, class_weights=weights, losses=True, gradient=True,
                          ignore_index=ignore_index)
    u = np.where(labels == ignore_index, 0, 1) * weights[labels].astype(float)
    losses = -u * np.take_along_axis(log_p, np.expand_dims(labels, axis), axis).squeeze(axis)
    np.testing.assert_allclose(got.losses, losses, rtol=1e-6)
    assert got.denominator == pytest.approx(u.sum()) and got.loss == pytest.approx(losses.sum() / u.sum(), rel=1e-6)
    np.testing.assert_allclose(got.gradient.sum(axis), -u / u.sum(), rtol=1e-6)
    assert got.valid_rows == (labels.size if ignore_index is None else (labels != ignore_index).sum())


def test_without_numpy(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", None)
    x, labels = array.array("f", [1, 2]), array.array("i", [1])
    for weights, message in (([1, -1], "class_weights of class 1 is -1.0"), ([1, np.nan], "class_weights of class 1")):
        with pytest.raises(pyxent.OptionError, match=message):
            pyxent.cross_entropy(x, labels, class_weights=array.array("f", weights))


def test_tensors():
    torch = pytest.importorskip("torch")
    x = torch.from_numpy(X).requires_grad_()
    labels, weights = torch.from_numpy(LABELS), torch.from_numpy(WEIGHTS)
    for targets, options in ((labels, {}), (labels, dict(label_smoothing=0.2)), (torch.from_numpy(SHARES), {})):
        x.grad = None
        theirs = torch.nn.functional.cross_entropy(x, targets, weights, **options)
        theirs.backward()
        written = torch.zeros_like(x.detach())
        version = written._version
        got = pyxent.cross_entropy(x.detach(), targets, class_weights=weights, gradient=written, **options)
        assert got.loss == pytest.approx(theirs.item()) and written._version > version
        torch.testing.assert_close(written, x.grad)
