# SPDX-License-Identifier: Apache-2.0
"""Several axes or none, integers, other types of results, masks that broadcast, and the NLL of log-probabilities."""
import numpy as np
import pytest

import xent

X = np.random.default_rng(3).normal(size=(2, 3, 4)).astype(np.float32)


@pytest.mark.parametrize("axis", [None, (0, 2), (2, 0), (1,), (0, 1, 2), (-1, -3)])
def test_several_axes_are_one_of_all_their_indices(axis):
    axes = range(3) if axis is None else sorted(d % 3 for d in axis)
    rest = [d for d in range(3) if d not in axes]
    order = [*rest, *axes]
    flat = X.transpose(order).reshape(*[X.shape[d] for d in rest], -1)
    for operation in (xent.softmax, xent.log_softmax):
        got, expected = operation(X, axis=axis), operation(flat)
        assert got.shape == X.shape
        np.testing.assert_array_equal(got.transpose(order).reshape(flat.shape), expected)
    np.testing.assert_array_equal(xent.log_sum_exp(X, axis=axis), xent.log_sum_exp(flat))
    kept = xent.log_sum_exp(X, axis=axis, keepdims=True)
    assert kept.shape == tuple(1 if d in axes else n for d, n in enumerate(X.shape))
    np.testing.assert_array_equal(kept.ravel(), xent.log_sum_exp(flat).ravel())


def test_keepdims_of_one_axis():
    assert xent.log_sum_exp(X, axis=1, keepdims=True).shape == (2, 1, 4)


@pytest.mark.parametrize("axis", [None, -1, 0, (0,), (-1,)])
def test_no_dimension_is_one_class(axis):
    x = np.array(3.0)
    assert xent.softmax(x, axis=axis) == 1 and xent.softmax(x, axis=axis).shape == ()
    assert xent.log_sum_exp(x, axis=axis) == 3


def test_doubles_of_narrower_logits():
    got = xent.log_softmax(X, dtype=np.float64)
    np.testing.assert_array_equal(got, xent.log_softmax(X.astype(np.float64)))
    whole = np.array([[1, 2, 3], [0, 5, 5]])
    np.testing.assert_array_equal(xent.softmax(whole), xent.softmax(whole.astype(np.float64)))
    assert xent.softmax(whole, dtype="float32").dtype == np.float32


@pytest.mark.parametrize("shape", [(), (1,), (4,), (3, 1), (3, 4), (1, 3, 1), (2, 1, 1), (2, 3, 4)])
def test_masks_broadcast(shape):
    mask = np.random.default_rng(5).random(shape) < 0.7
    for axis in (-1, (1, 2)):
        got = xent.softmax(X, axis=axis, class_mask=mask, fully_masked="zero")
        whole = np.ascontiguousarray(np.broadcast_to(mask, X.shape))
        np.testing.assert_array_equal(got, xent.softmax(X, axis=axis, class_mask=whole, fully_masked="zero"))


def test_several_axes_of_tensors():
    torch = pytest.importorskip("torch")
    x = torch.from_numpy(X).to(torch.bfloat16)
    got = xent.softmax(x, axis=(0, 1), class_mask=torch.tensor([[True], [False], [True]]))
    assert got.dtype == torch.bfloat16 and got.shape == x.shape and not got[:, 1].any()
    assert xent.softmax(x, dtype=torch.float64).dtype == torch.float64


@pytest.mark.parametrize("call, kind, message", [
    (lambda: xent.softmax(X, axis=(0, 0)), xent.ShapeError, "axis is (0, 0): give at least one, each once, or None "
     "for all"),
    (lambda: xent.softmax(X, axis=()), xent.ShapeError, "axis is (): give at least one, each once, or None for all"),
    (lambda: xent.softmax(X, axis=None, out=X.copy()), xent.OptionError, "out was given, and logits is float32 "
     "[2, 3, 4] with axis=None: leave out out, or give logits of floats and one axis without keepdims"),
    (lambda: xent.bind(xent.softmax, X, axis=None), xent.OptionError, "logits is float32 [2, 3, 4] with axis=None: "
     "bind a call of floats of the type of the result, and of one axis without keepdims"),
    (lambda: xent.softmax(X, axis=(1, 2), class_mask=np.ones(3, bool)), xent.ShapeError, "class_mask is uint8 [3], "
     "logits have the shape [2, 3, 4]: give a shape that broadcasts to it"),
    (lambda: xent.softmax(X[0], axis=None, row_offsets=np.array([0, 2])), xent.ShapeError, "logits is float32 [3, 4], "
     "and row_offsets were given: give one dimension, and one axis"),
    (lambda: xent.nll_loss(X, X), xent.DTypeError, "targets is float32 [2, 3, 4]: give class indices as integers"),
    (lambda: xent.nll_loss(X.astype(int), np.zeros((2, 3), int)), xent.DTypeError, "log_probabilities is int64 "
     "[2, 3, 4]: give an array of type float32, float16, bfloat16 or float64"),
    (lambda: xent.nll_loss(X, np.full((2, 3), 4)), xent.LabelError, "row 0 has label 4; classes are 0 to 3: give a "
     "class index"),
])
def test_refusals(call, kind, message):
    with pytest.raises(kind) as error:
        call()
    assert str(error.value) == message


# ---- NLL ----------------------------------------------------------------------------------------------------------

LABELS = np.array([[0, 2, -100, 1], [1, 1, 0, 2]])


def expected_nll(x, axis, class_weights, row_weights, mean):
    x = np.moveaxis(x.astype(np.float64), axis, -1)
    counts = LABELS != -100
    labels = np.where(counts, LABELS, 0)
    weights = class_weights[labels] * row_weights * counts
    losses = -np.take_along_axis(x, labels[..., None], -1)[..., 0] * weights
    divisor = weights.sum() if mean else 1
    gradient = np.moveaxis(-np.eye(3)[labels] * weights[..., None] / divisor, -1, axis)
    return losses.sum() / divisor, losses, gradient


@pytest.mark.parametrize("dtype, most", [("f8", 1e-15), ("f4", 1e-7), ("f2", 1e-3)])
@pytest.mark.parametrize("mean", [True, False])
def test_nll_of_what_is_not_normalised(dtype, most, mean):
    class_weights, row_weights = np.array([0.5, 2, 1]), np.array([[1, 2, 1, 0.5], [1, 0, 1, 1]])
    x = X.astype(dtype)
    wide = np.float64 if dtype == "f8" else np.float32
    result = xent.nll_loss(x, LABELS, axis=1, reduction="mean" if mean else "sum", ignore_index=-100, losses=True,
                           class_weights=class_weights.astype(wide), row_weights=row_weights.astype(wide),
                           gradient=True)
    loss, losses, gradient = expected_nll(x, 1, class_weights, row_weights, mean)
    np.testing.assert_allclose(result.loss, loss, rtol=max(most, 1e-14) if dtype == "f8" else 1e-6)
    np.testing.assert_allclose(result.losses, losses, rtol=1e-6 if dtype != "f8" else 1e-15)
    np.testing.assert_allclose(result.gradient, gradient, rtol=most)
    assert (result.counted, result.rows, result.gradient.dtype) == (6, 8, x.dtype)


def test_nll_edges():
    x = np.array([[0.0, np.nan], [-np.inf, 1.0], [-1.0, -2.0]], np.float32)
    result = xent.nll_loss(x, np.array([0, 0, 1]), losses=True, reduction="sum")
    assert result.losses.tolist() == [0, np.inf, 2] and result.loss == np.inf
    assert not np.signbit(result.losses[0])
    weighted = xent.nll_loss(x, np.array([0, 0, 1]), class_weights=np.array([0, 1], np.float32))
    assert weighted.loss == 2
    none = xent.nll_loss(x, np.full(3, -100), ignore_index=-100, gradient=True)
    assert np.isnan(none.loss) and not none.gradient.any() and not none.counted
    step = xent.bind(xent.nll_loss, x, np.array([0, 1, 1]), gradient=True)
    x[2, 1] = -5
    assert step().loss == pytest.approx(4 / 3)
    assert xent.nll_loss(x, np.array([0, 1, 1]), gradient=x).gradient is x and x[2].tolist() == [0, np.float32(-1 / 3)]


def test_nll_of_tensors_is_that_of_pytorch():
    torch = pytest.importorskip("torch")
    labels = torch.from_numpy(LABELS)
    for dtype, most in ((torch.float64, 1e-15), (torch.float32, 1e-6), (torch.bfloat16, 1e-2)):
        x = torch.from_numpy(X).to(dtype).clone().requires_grad_()
        expected = torch.nn.functional.nll_loss(x, labels)
        expected.backward()
        result = xent.nll_loss(x.detach(), labels, axis=1, ignore_index=-100, gradient=True)
        assert result.loss == pytest.approx(expected.item(), rel=most)
        torch.testing.assert_close(result.gradient, x.grad, rtol=most, atol=0)
