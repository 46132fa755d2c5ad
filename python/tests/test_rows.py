# SPDX-License-Identifier: Apache-2.0
"""Several axes or none, integers, other types of results, masks that broadcast, and the NLL of log-probabilities."""
import sys

import numpy as np
import pytest

import pyxent

LABELS = np.array([[0, 2, -100, 1], [1, 1, 0, 2]])
ONES = np.random.default_rng(2).integers(0, 2, (2, 3, 4))
X = np.random.default_rng(3).normal(size=(2, 3, 4)).astype(np.float32)


def torch_or_numpy(array):
    torch = sys.modules.get("torch")
    return torch.from_numpy(array) if torch else array


@pytest.mark.parametrize("axis", [None, (0, 2), (2, 0), (1,), (0, 1, 2), (-1, -3)])
def test_several_axes_are_one_of_all_their_indices(axis):
    axes = range(3) if axis is None else sorted(d % 3 for d in axis)
    rest = [d for d in range(3) if d not in axes]
    order = [*rest, *axes]
    flat = X.transpose(order).reshape(*[X.shape[d] for d in rest], -1)
    for operation in (pyxent.softmax, pyxent.log_softmax):
        got, expected = operation(X, axis=axis), operation(flat)
        assert got.shape == X.shape
        np.testing.assert_array_equal(got.transpose(order).reshape(flat.shape), expected)
    np.testing.assert_array_equal(pyxent.log_sum_exp(X, axis=axis), pyxent.log_sum_exp(flat))
    kept = pyxent.log_sum_exp(X, axis=axis, keepdims=True)
    assert kept.shape == tuple(1 if d in axes else n for d, n in enumerate(X.shape))
    np.testing.assert_array_equal(kept.ravel(), pyxent.log_sum_exp(flat).ravel())


def test_keepdims_of_one_axis():
    assert pyxent.log_sum_exp(X, axis=1, keepdims=True).shape == (2, 1, 4)


@pytest.mark.parametrize("axis", [None, -1, 0, (0,), (-1,)])
def test_no_dimension_is_one_class(axis):
    x = np.array(3.0)
    assert pyxent.softmax(x, axis=axis) == 1 and pyxent.softmax(x, axis=axis).shape == ()
    assert pyxent.log_sum_exp(x, axis=axis) == 3
    assert pyxent.argmax(x, axis=axis).shape == ()


SCALARS = [
    lambda x, y, **out: [pyxent.softmax(x), pyxent.softmax(x), pyxent.log_sum_exp(x, keepdims=True), pyxent.entropy(x),
                         pyxent.argmax(x)],
    lambda x, y: [pyxent.softmax_backward(x, x), pyxent.cross_entropy_hvp(x, x)],
    lambda x, y: pyxent.top_k(x, 1),
    lambda x, y: vars(pyxent.selected_log_probabilities(x, y, gradient=True)).values(),
    lambda x, y: vars(pyxent.cross_entropy(x, y, gradient=True, losses=True, correct=True, ranks=True)).values(),
    lambda x, y: vars(pyxent.cross_entropy(x, x / x, gradient=True, losses=True, target_gradient=True)).values(),
    lambda x, y: vars(pyxent.binary_cross_entropy(x, y + 1, gradient=True, losses=True, element_weights=x)).values(),
    lambda x, y: vars(pyxent.nll_loss(x, y, gradient=True, losses=True)).values(),
    lambda x, y: vars(pyxent.total_variation(x, x, gradient=True, losses=True)).values()]


@pytest.mark.parametrize("operation", SCALARS)
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_operations_of_no_dimension(operation, library):
    x, y = np.array(2.5, np.float32), np.array(0)
    if library == "torch":
        torch = pytest.importorskip("torch")
        x, y = torch.tensor(2.5), torch.tensor(0)
    for got, expected in zip(operation(x, y), operation(x.reshape(1), y.reshape(1))):
        if hasattr(expected, "shape"):
            assert tuple(got.shape) == () and got.dtype == expected.dtype and got == expected.reshape(())
        else:
            assert got == expected
    out = x.reshape(1).reshape(()) if library == "torch" else x.copy()
    assert pyxent.softmax(x, out=out) is out and out == 1 and pyxent.bind(pyxent.log_softmax, x)() == 0


def test_a_scalar_of_numpy_is_not_written():
    x = np.zeros(3, np.float32)
    for write in (lambda out: pyxent.log_sum_exp(x, out=out), lambda out: pyxent.softmax(x[0], out=out),
                  lambda out: pyxent.cross_entropy(x, np.array(1), losses=out)):
        for _ in range(2):
            with pytest.raises(pyxent.ArrayMemoryError, match="is read-only"):
                write(np.float32(7))


@pytest.mark.parametrize("axis", [1, -1, (1, 2), None])
def test_no_classes(axis):
    x = np.zeros((2, 0, 0) if axis == (1, 2) else (2, 3, 0) if axis != 1 else (2, 0, 3), np.float32)
    for got in (pyxent.softmax(x, axis=axis), pyxent.log_softmax(x, axis=axis),
                pyxent.softmax_backward(x, x, axis=axis) if axis in (1, -1) else x,
                pyxent.bind(pyxent.softmax, x, axis=axis)() if axis in (1, -1) else x):
        assert got.shape == x.shape and got.dtype == x.dtype
    shape = {1: (2, 3), -1: (2, 3), (1, 2): (2,), None: ()}[axis]
    for policy, expected in (("nan", np.nan), ("zero", -np.inf)):
        got = pyxent.log_sum_exp(x, axis=axis, fully_masked=policy)
        assert got.shape == shape and got.dtype == np.float32
        np.testing.assert_array_equal(got, np.full(shape, expected))
        step = pyxent.bind(pyxent.log_sum_exp, x, axis=axis, fully_masked=policy) if axis in (1, -1) else lambda got=got: got
        np.testing.assert_array_equal(step(), got)
    sink = np.ones(shape, np.float32)
    np.testing.assert_array_equal(pyxent.log_sum_exp(x, axis=axis, sink=sink), sink)
    with pytest.raises(pyxent.ShapeError, match="has zero classes along"):
        pyxent.argmax(x, axis=axis)


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", "i1", "u1", "i8", "u8", "?"])
@pytest.mark.parametrize("axis", [0, 1, -1, (0, 2), None])
def test_argmax(dtype, axis):
    x = np.random.default_rng(5).integers(0, 3, (2, 3, 4)).astype(dtype)
    for keepdims in (False, True):
        got = pyxent.argmax(x, axis=axis, keepdims=keepdims)
        axes = [d % 3 for d in ((axis,) if isinstance(axis, int) else axis or range(3))]
        flat = x.transpose([d for d in range(3) if d not in axes] + axes).reshape(
            [x.shape[d] for d in range(3) if d not in axes] + [-1])
        expected = flat.argmax(-1)
        assert got.dtype == np.int64 and got.ndim == (3 if keepdims else expected.ndim)
        np.testing.assert_array_equal(got.reshape(expected.shape), expected)


def test_argmax_edges():
    x = np.array([[0, np.nan], [np.inf, 0], [-np.inf, -np.inf], [-np.inf, 1], [1, 1]], np.float32)
    assert pyxent.argmax(x).tolist() == [-1, -1, -1, 1, 0]
    mask = np.array([True, False])
    assert pyxent.argmax(x, class_mask=mask).tolist() == [0, -1, -1, -1, 0]
    out = np.zeros(5, np.int32)
    assert pyxent.argmax(x, out=out) is out and out.tolist() == [-1, -1, -1, 1, 0]
    assert pyxent.argmax(np.arange(5.0), row_offsets=np.array([0, 2, 5])).tolist() == [1, 2]
    with pytest.raises(pyxent.DTypeError) as error:
        pyxent.argmax(np.array([0, 2**53 + 1]))
    assert str(error.value) == ("logits is int64 [2] with numbers beyond 2^53; expected numbers that float64 holds")


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", "i4"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_entropy(dtype, axis):
    x = np.random.default_rng(5).integers(-3, 3, (2, 3, 4)).astype(dtype)
    e = np.exp(x.astype(float))
    p = e / e.sum(axis, keepdims=True)
    expected = -(p * np.log(p)).sum(axis, keepdims=True)
    for keepdims in (False, True):
        got = pyxent.entropy(x, axis=axis, keepdims=keepdims)
        assert got.dtype == (np.float64 if dtype in ("f8", "i4") else np.float32)
        np.testing.assert_allclose(got, expected if keepdims else expected.squeeze(axis), rtol=1e-6)
    with pytest.raises(pyxent.OptionError, match="out is given"):
        pyxent.entropy(x, axis=None, out=np.zeros(()))


def test_the_largest_integers():
    x = np.array([[3, 9, -4], [2**53, 5, 2**53 - 1]])
    assert pyxent.top_k(x, 2).classes.tolist() == [[1, 0], [0, 2]]
    for call, message in (
            (lambda: pyxent.top_k(x + 1, 2), "logits is int64 [2, 3] with numbers beyond 2^53; expected numbers that "
             "float64 holds"),
            (lambda: pyxent.bind(pyxent.top_k, x, 2), "logits is int64 [2, 3], which is copied, and the call is bound; "
             "expected an array that is not copied")):
        with pytest.raises(pyxent.XentError) as error:
            call()
        assert str(error.value) == message


def test_doubles_of_narrower_logits():
    got = pyxent.log_softmax(X, dtype=np.float64)
    np.testing.assert_array_equal(got, pyxent.log_softmax(X.astype(np.float64)))
    whole = np.array([[1, 2, 3], [0, 5, 5]])
    np.testing.assert_array_equal(pyxent.softmax(whole), pyxent.softmax(whole.astype(np.float64)))
    assert pyxent.softmax(whole, dtype="float32").dtype == np.float32


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_one_kept_axis_is_written_and_bound(axis):
    kept = tuple(1 if d == axis % 3 else n for d, n in enumerate(X.shape))
    out = np.zeros(kept, np.float32)
    expected = pyxent.log_sum_exp(X, axis=axis)
    for got in (pyxent.log_sum_exp(X, axis=axis, keepdims=True), pyxent.log_sum_exp(X, axis=axis, keepdims=True, out=out),
                pyxent.bind(pyxent.log_sum_exp, X, axis=axis, keepdims=True)()):
        assert got.shape == kept
        np.testing.assert_array_equal(got.reshape(expected.shape), expected)


@pytest.mark.parametrize("shape", [(), (1,), (2,)])
def test_sinks_of_several_axes(shape):
    sink = np.arange(1, 1 + np.prod(shape, dtype=int), dtype=np.float32).reshape(shape)
    got = pyxent.softmax(X, axis=(1, 2), sink=sink)
    expected = pyxent.softmax(X.reshape(2, 12), sink=np.broadcast_to(sink.reshape(-1), 2).copy())
    np.testing.assert_array_equal(got.reshape(2, 12), expected)


@pytest.mark.parametrize("shape", [(), (1,), (4,), (3, 1), (3, 4), (1, 3, 1), (2, 1, 1), (2, 3, 4)])
def test_weights_of_elements_broadcast(shape):
    weights = np.random.default_rng(6).random(shape).astype(np.float32)
    for name in ("element_weights", "positive_weights"):
        whole = np.ascontiguousarray(np.broadcast_to(weights, X.shape))
        for given in (weights, torch_or_numpy(weights)):
            got, expected = (pyxent.binary_cross_entropy(X, ONES, gradient=True, losses=True, **{name: array})
                             for array in (given, whole))
            np.testing.assert_array_equal(got.gradient, expected.gradient)
            assert got.loss == expected.loss and got.denominator == expected.denominator
    along = np.array([1, 2, 3], np.float32)  # one per index of the axis, as of class masks
    np.testing.assert_array_equal(
        pyxent.binary_cross_entropy(X, ONES, axis=1, element_weights=along, losses=True).losses,
        pyxent.binary_cross_entropy(X, ONES, axis=1, element_weights=along[:, None], losses=True).losses)


@pytest.mark.parametrize("shape", [(), (1,), (4,), (3, 1), (4,), (3, 1), (3, 4), (1, 3, 1), (2, 1, 1), (2, 3, 4)])
def test_masks_broadcast(shape):
    mask = np.random.default_rng(5).random(shape) < 0.7
    for axis in (-1, (1, 2)):
        got = pyxent.softmax(X, axis=axis, class_mask=mask, fully_masked="zero")
        whole = np.ascontiguousarray(np.broadcast_to(mask, X.shape))
        np.testing.assert_array_equal(got, pyxent.softmax(X, axis=axis, class_mask=whole, fully_masked="zero"))


def test_several_axes_of_tensors():
    torch = pytest.importorskip("torch")
    x = torch.from_numpy(X).to(torch.bfloat16)
    got = pyxent.softmax(x, axis=(0, 1), class_mask=torch.tensor([[True], [False], [True]]))
    assert got.dtype == torch.bfloat16 and got.shape == x.shape and not got[:, 1].any()
    assert pyxent.softmax(x, dtype=torch.float64).dtype == torch.float64


# ---- NLL ----------------------------------------------------------------------------------------------------------

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
    result = pyxent.nll_loss(x, LABELS, axis=1, reduction="mean" if mean else "sum", ignore_index=-100, losses=True,
                             class_weights=class_weights.astype(wide), row_weights=row_weights.astype(wide),
                             gradient=True)
    loss, losses, gradient = expected_nll(x, 1, class_weights, row_weights, mean)
    np.testing.assert_allclose(result.loss, loss, rtol=max(most, 1e-14) if dtype == "f8" else 1e-6)
    np.testing.assert_allclose(result.losses, losses, rtol=1e-6 if dtype != "f8" else 1e-15)
    np.testing.assert_allclose(result.gradient, gradient, rtol=most)
    assert (result.valid_rows, result.rows, result.gradient.dtype) == (6, 8, x.dtype)


def test_nll_edges():
    x = np.array([[0.0, np.nan], [-np.inf, 1.0], [-1.0, -2.0]], np.float32)
    result = pyxent.nll_loss(x, np.array([0, 0, 1]), losses=True, reduction="sum")
    assert result.losses.tolist() == [0, np.inf, 2] and result.loss == np.inf
    assert not np.signbit(result.losses[0])
    weighted = pyxent.nll_loss(x, np.array([0, 0, 1]), class_weights=np.array([0, 1], np.float32))
    assert weighted.loss == 2
    none = pyxent.nll_loss(x, np.full(3, -100), ignore_index=-100, gradient=True)
    assert np.isnan(none.loss) and not none.gradient.any() and not none.valid_rows
    step = pyxent.bind(pyxent.nll_loss, x, np.array([0, 1, 1]), gradient=True)
    x[2, 1] = -5
    assert step().loss == pytest.approx(4 / 3)
    assert pyxent.nll_loss(x, np.array([0, 1, 1]), gradient=x).gradient is x
    assert x[2].tolist() == [0, np.float32(-1 / 3)]


def test_nll_of_tensors_is_that_of_pytorch():
    torch = pytest.importorskip("torch")
    labels = torch.from_numpy(LABELS)
    for dtype, most in ((torch.float64, 1e-15), (torch.float32, 1e-6), (torch.bfloat16, 1e-2)):
        x = torch.from_numpy(X).to(dtype).clone().requires_grad_()
        expected = torch.nn.functional.nll_loss(x, labels)
        expected.backward()
        result = pyxent.nll_loss(x.detach(), labels, axis=1, ignore_index=-100, gradient=True)
        assert result.loss == pytest.approx(expected.item(), rel=most)
        torch.testing.assert_close(result.gradient, x.grad, rtol=most, atol=0)


@pytest.mark.parametrize("written", ["gradient", "losses"])
@pytest.mark.parametrize("bound", [False, True])
def test_nll_gives_what_it_writes_a_new_version(written, bound):
    torch = pytest.importorskip("torch")
    w = torch.zeros(2, 2, requires_grad=True)
    y = w.exp()  # whose backward needs y
    memory = y.detach() if written == "gradient" else y.detach()[0]
    arguments, options = (torch.zeros(2, 2), torch.tensor([0, 1])), {written: memory}
    pyxent.bind(pyxent.nll_loss, *arguments, **options)() if bound else pyxent.nll_loss(*arguments, **options)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@pytest.mark.parametrize("values, expected", [
    ([-1e308] * 4, np.inf), ([-1e308, -1e308, 1e308, 1e308], 0), ([-1e16, -1, 1e16], 1),
    ([-np.inf, np.inf], np.nan), ([np.nan, 1], np.nan), ([-np.inf, 1], np.inf)])
def test_nll_sums_exactly(values, expected):
    x = np.array(values)[:, None]
    result = pyxent.nll_loss(x, np.zeros(len(x), int), reduction="sum", losses=True)
    np.testing.assert_equal(result.sum, float(expected))
    np.testing.assert_array_equal(result.losses, -x[:, 0])


def test_nll_leaves_the_error_state_of_numpy_alone(recwarn):
    x = np.array([[-np.inf, 0], [0, np.inf], [-1, -1]], np.float32)
    options = dict(losses=True, gradient=True, gradient_scale=1e-12, class_weights=np.array([1, 1e-38], np.float32))
    with np.errstate(all="raise"):
        result = pyxent.nll_loss(x, np.array([0, 1, 1]), **options)
        half = pyxent.nll_loss(np.full((2, 2), -1, np.float16), np.zeros(2, int), gradient=True, gradient_scale=1e-12)
        signalling = np.array([0x7F800001, 0], np.uint32).view(np.float32)
        assert np.isnan(pyxent.softmax(signalling, dtype="float64")).all()
    assert np.isnan(result.loss) and not half.gradient.any() and not recwarn.list


# ---- elements -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2"])
@pytest.mark.parametrize("is_log", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_kl_div_of_what_is_not_normalised(dtype, is_log, reduction):
    random = np.random.default_rng(7)
    l, t = (random.normal(size=(3, 4)).astype(dtype), random.random((3, 4)).astype("f8" if dtype == "f8" else "f4"))
    t[0, 1] = 0
    weights = np.array([1, 0, 2, 0.5], t.dtype)
    given = t
    if is_log:
        with np.errstate(divide="ignore"):
            given = np.log(t)
            t = np.exp(given)
    with np.errstate(all="raise"):
        result = pyxent.kl_div(l, given, log_targets=is_log, losses=True, gradient=True, element_weights=weights,
                               reduction=reduction)
    safe, x = np.where(t == 0, 1, t).astype(float), l.astype(float)
    losses = np.where(t == 0, 0, safe * (np.log(safe) - x)) * weights
    divisor = 12 if reduction == "mean" else 1
    most = {"f8": 1e-14, "f4": 1e-6, "f2": 2e-3}[dtype]
    np.testing.assert_allclose(result.losses, losses, rtol=1e-6 if dtype != "f8" else 1e-13, atol=1e-7)
    np.testing.assert_allclose(result.gradient, -t * weights / divisor, rtol=most, atol=1e-7)
    assert result.loss == pytest.approx(losses.sum() / divisor, rel=1e-6) and result.valid_rows == result.rows == 12
    assert result.losses.dtype == ("f8" if dtype == "f8" else "f4") and result.gradient.dtype == dtype


def test_kl_div_of_tensors_is_that_of_pytorch():
    torch = pytest.importorskip("torch")
    l = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    t = torch.rand(3, 4, dtype=torch.float64)
    for is_log in (False, True):
        for reduction, given in (("mean", {}), ("sum", {}), ("batchmean", dict(denominator=3))):
            l.grad = None
            expected = torch.nn.functional.kl_div(l, t, reduction=reduction, log_target=is_log)
            expected.backward()
            written = torch.zeros_like(l.detach())
            got = pyxent.kl_div(l.detach(), t, log_targets=is_log, gradient=written,
                                reduction="sum" if reduction == "sum" else "mean", **given)
            assert got.loss == pytest.approx(expected.item(), rel=1e-12) and written._version
            torch.testing.assert_close(got.gradient, l.grad, rtol=1e-12, atol=0)
    none = pyxent.kl_div(l.detach(), t, losses=True).losses
    expected = torch.nn.functional.kl_div(l.detach(), t, reduction="none")
    torch.testing.assert_close(none, expected, rtol=1e-12, atol=1e-15)


def test_kl_div_takes_no_labels():
    with pytest.raises(pyxent.DTypeError) as error:
        pyxent.kl_div(np.zeros(2), np.zeros(2, int))
    assert str(error.value) == ("targets is int64 [2], log_probabilities is float64 [2]; expected numbers of type float64 or "
                                "float32. Convert it: numpy.asarray(targets, numpy.float64)")


@pytest.mark.parametrize("targets", [ONES, ONES > 0])
@pytest.mark.parametrize("gamma", [None, 2])
def test_focal_alpha_of_0(targets, gamma):
    got = pyxent.binary_cross_entropy(X, targets, focal_alpha=0, focal_gamma=gamma, losses=True, gradient=True)
    only = np.where(ONES == 1, 0, 1).astype(np.float32)
    plain = pyxent.binary_cross_entropy(X, targets, focal_gamma=gamma, losses=True, gradient=True)
    np.testing.assert_array_equal(got.losses, plain.losses * only)
    np.testing.assert_array_equal(got.gradient, plain.gradient * only)
    assert got.valid_rows == X.size == got.denominator
    most = pyxent.binary_cross_entropy(X, targets, focal_alpha=1, focal_gamma=gamma, losses=True)
    np.testing.assert_array_equal(most.losses, plain.losses * (1 - only))


def test_focal_alpha_of_0_and_shares():
    with pytest.raises(pyxent.OptionError) as error:
        pyxent.binary_cross_entropy(X, np.full_like(X, 0.5), focal_alpha=0)
    assert str(error.value) == ("focal_alpha is 0, targets are numbers float32 [2, 3, 4]; expected labels of an "
                                "integer type")


def test_weights_of_elements_may_be_negative():
    weights = np.where(ONES == 1, -2, 1).astype(np.float32)
    got, whole = (pyxent.binary_cross_entropy(X, ONES, element_weights=w, reduction="sum", losses=True, gradient=True)
                  for w in (weights, np.abs(weights)))
    np.testing.assert_array_equal(got.losses, whole.losses * np.sign(weights))
    np.testing.assert_array_equal(got.gradient, whole.gradient * np.sign(weights))


@pytest.mark.parametrize("classes", [1, 31, 32, 33, 100])
@pytest.mark.parametrize("shape, axis", [((5,), 1), ((5,), 0), ((2, 3, 4), -1), ((2, 3, 4), 1), ((), 0)])
@pytest.mark.parametrize("cropped", [False, True])
def test_a_bound_sampler_reads_packed_masks_where_they_are(classes, shape, axis, cropped):
    random = np.random.default_rng(classes)
    x = random.normal(size=(*shape, classes)).astype(np.float32)
    words = random.integers(0, 2**32, (*(n + cropped for n in shape), -(-classes // 32)), np.uint32)[
        tuple(slice(n) for n in shape)]
    all_words = [words, words.view(np.int32), words[(0,) * len(shape)]]
    if len(shape) > 1:
        all_words += [words[:1], words[:, :1]]
    for given in all_words:
        x_at, words_at = (np.moveaxis(each, -1, axis) if each.ndim > 1 else each for each in (x, given))
        draw = pyxent.bind(pyxent.sample, x_at, axis=axis, class_mask=words_at, seed=7, step=0, kept_mask=True)
        for _ in range(3):
            flags = np.unpackbits(given.view(np.uint8).reshape(*given.shape[:-1], -1), axis=-1, count=classes,
                                  bitorder="little")
            expected = pyxent.sample(x, class_mask=flags, seed=7, step=0, kept_mask=True)
            for got in (draw(), pyxent.sample(x_at, axis=axis, class_mask=words_at, seed=7, step=0, kept_mask=True)):
                np.testing.assert_array_equal(got.tokens, expected.tokens)
                np.testing.assert_array_equal(np.moveaxis(got.kept_mask, axis, -1), expected.kept_mask)
            words[...] = random.integers(0, 2**32, words.shape, np.uint32)


class ByDLPack:
    """Lends a copy, which only its capsule keeps, by DLPack only."""

    def __init__(self, array):
        self.array = array

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()

    def __dlpack__(self, **options):
        return self.array.copy().__dlpack__(**options)


def test_arrays_by_dlpack_only():
    x, mask = np.array([[3, 1, 2], [1, 5, 4]], np.float32), np.array([[1, 0, 1], [1, 1, 0]], np.uint8)
    for operation in (
            lambda x, mask: pyxent.top_k(x, 1, class_mask=mask).classes,
            lambda x, mask: pyxent.softmax(x, axis=None, class_mask=mask),
            lambda x, mask: pyxent.softmax(x, dtype="float64"),
            lambda x, mask: pyxent.softmax(mask, class_mask=mask),
            lambda x, mask: pyxent.argmax(x, class_mask=mask)):
        expected = operation(x, mask)
        for found in (operation(ByDLPack(x), ByDLPack(mask)), operation(x, ByDLPack(mask))):
            assert found.dtype == expected.dtype and found.tobytes() == expected.tobytes()
    flags = ByDLPack(np.array([1, 0, 1], bool))
    assert pyxent.top_k(x, 1, class_mask=flags).classes.tolist() == [[0], [2]]
