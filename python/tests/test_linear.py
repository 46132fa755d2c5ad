# SPDX-License-Identifier: Apache-2.0
"""The cross-entropy of linear layers: all outputs, later gradients, and layers of several dimensions."""
import copy
import itertools

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
    from pyxent import _call
    hidden = RANDOM.normal(size=(40, 8)).astype(np.float32)
    weights, labels = RANDOM.normal(size=(30_000, 8)).astype(np.float32), RANDOM.integers(0, 30_000, 40)
    ranges, invoke = [], _call.Call.invoke

    def recorded(self, *positional, classes=None, **named):
        ranges.append(classes)
        return invoke(self, *positional, classes=classes, **named)

    monkeypatch.setattr(_call, "processors", lambda: 3)
    monkeypatch.setattr(_call.Call, "invoke", recorded)
    result = pyxent.linear_cross_entropy(hidden, weights, labels, save_statistics=True, weights_gradient=True)
    got = result.backward(hidden_gradient=None, weights_gradient=True, threads=threads)
    np.testing.assert_array_equal(got.weights, result.weights_gradient)
    assert len({found for found in ranges if found}) == (threads or 3)


LAYERS = (2, 3)
DEEP = RANDOM.integers(-3, 4, (CLASSES, *LAYERS, FEATURES)).astype(np.float32)
DEEP_BIAS = RANDOM.integers(-3, 4, (CLASSES, *LAYERS)).astype(np.float32)
DEEP_LOGITS = np.einsum("nf,cabf->ncab", HIDDEN, DEEP) + DEEP_BIAS
DEEP_CASES = [
    (RANDOM.integers(-1, CLASSES, (ROWS, *LAYERS)), dict(ignore_index=-1, **OF_LABELS)),
    (RANDOM.integers(-1, CLASSES, (ROWS, *LAYERS)), dict(
        ignore_index=-1, label_smoothing=0.1, reduction="sum", class_weights=np.arange(9, dtype=np.float32),
        class_mask=np.arange(9) > 0, row_weights=RANDOM.random((ROWS, 1, 3)).astype(np.float32))),
    (np.moveaxis(RANDOM.dirichlet(np.ones(CLASSES), (ROWS, *LAYERS)), -1, 1).astype(np.float32),
     dict(target_gradient=True, sink=np.ones((), np.float32))),
    (RANDOM.integers(0, CLASSES, (ROWS, 2, *LAYERS)),
     dict(target_weights=RANDOM.random((ROWS, 2, *LAYERS)).astype(np.float32), target_gradient=True)),
]


@pytest.mark.parametrize("targets, options", DEEP_CASES)
def test_layers(targets, options):
    options = dict(options)
    if "class_mask" in options:
        targets = np.where(targets == 0, 1, targets)
    got = pyxent.linear_cross_entropy(HIDDEN, DEEP, targets, bias=DEEP_BIAS, hidden_gradient=True, weights_gradient=True,
                                      bias_gradient=True, **COMMON, **options)
    expected = pyxent.cross_entropy(DEEP_LOGITS, targets, axis=1, gradient=True, **COMMON, **options)
    assert (got.loss, got.sum, got.rows, got.valid_rows, got.denominator) == (
        expected.loss, expected.sum, expected.rows, expected.valid_rows, expected.denominator)
    for name in NAMES:
        np.testing.assert_array_equal(getattr(got, name), getattr(expected, name), err_msg=name)
    np.testing.assert_allclose(got.hidden_gradient, np.einsum("ncab,cabf->nf", expected.gradient, DEEP), atol=1e-5)
    np.testing.assert_allclose(got.weights_gradient, np.einsum("ncab,nf->cabf", expected.gradient, HIDDEN), atol=1e-5)
    np.testing.assert_allclose(got.bias_gradient, expected.gradient.sum(0), atol=1e-5)


def test_layers_are_single_layers_added():
    labels = RANDOM.integers(0, CLASSES, (ROWS, *LAYERS))
    got = pyxent.linear_cross_entropy(HIDDEN, DEEP, labels, losses=True, reduction="sum", hidden_gradient=True,
                                      weights_gradient=np.zeros_like(DEEP))
    total = np.zeros_like(HIDDEN, np.float64)
    for i, j in itertools.product(*map(range, LAYERS)):
        one = pyxent.linear_cross_entropy(HIDDEN, np.ascontiguousarray(DEEP[:, i, j]), labels[:, i, j].copy(),
                                          losses=True, reduction="sum", hidden_gradient=True, weights_gradient=True)
        np.testing.assert_array_equal(got.losses[:, i, j], one.losses)
        np.testing.assert_array_equal(got.weights_gradient[:, i, j], one.weights_gradient)
        total += one.hidden_gradient
    np.testing.assert_array_equal(got.hidden_gradient, total.astype(np.float32))


def test_layers_of_tensors_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    hidden, weights = (torch.from_numpy(a).clone().requires_grad_() for a in (HIDDEN, DEEP))
    labels = torch.from_numpy(RANDOM.integers(0, CLASSES, (ROWS, *LAYERS)))
    logits = torch.einsum("nf,cabf->ncab", hidden, weights)
    expected = torch.nn.functional.cross_entropy(logits, labels)
    expected.backward()
    written = torch.zeros_like(hidden.detach())
    version = written._version
    got = pyxent.linear_cross_entropy(hidden.detach(), weights.detach(), labels, hidden_gradient=written,
                                      weights_gradient=True)
    assert got.loss == pytest.approx(expected.item(), rel=1e-6) and got.hidden_gradient is written
    assert written._version > version
    torch.testing.assert_close(written, hidden.grad, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(got.weights_gradient, weights.grad, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("targets, options", DEEP_CASES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_later_gradient_of_layers(targets, options, dtype):
    options = {name: value.astype(dtype) if getattr(value, "dtype", None) == np.float32 else value
               for name, value in options.items() if name != "target_gradient"}
    targets = np.where(targets == 0, 1, targets) if "class_mask" in options else targets
    targets = targets.astype(dtype) if targets.dtype == np.float32 else targets
    gradients = dict(hidden_gradient=True, weights_gradient=True, bias_gradient=True)
    hidden, weights, bias = (array.astype(dtype) for array in (HIDDEN, DEEP, DEEP_BIAS))
    saved = pyxent.linear_cross_entropy(hidden, weights, targets, bias=bias, save_statistics=True, **gradients,
                                        **options)
    for got, expected in zip(saved.backward(**gradients), (saved.hidden_gradient, saved.weights_gradient,
                                                           saved.bias_gradient)):
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, expected)
    upstream = RANDOM.normal(size=(ROWS, *LAYERS)).astype(dtype)
    of_logits = pyxent.cross_entropy(DEEP_LOGITS.astype(dtype), targets, axis=1, save_statistics=True,
                                     **options).backward(upstream)
    out = np.zeros_like(weights)
    later = saved.backward(upstream, weights_gradient=out)
    assert later.weights is out and later.bias is None
    np.testing.assert_allclose(later.hidden, np.einsum("ncab,cabf->nf", of_logits, weights), atol=1e-5)
    np.testing.assert_allclose(out, np.einsum("ncab,nf->cabf", of_logits, hidden), atol=1e-5)
    with pytest.raises(pyxent.ShapeError, match="upstream is"):
        saved.backward(upstream[:2])
    with pytest.raises(pyxent.OptionError, match="this is a copy of it"):
        copy.deepcopy(saved).backward()


@pytest.mark.parametrize("targets, options", CASES)
@pytest.mark.parametrize("shape", [(ROWS,), (2, 3), (1, 3, 2)])
@pytest.mark.parametrize("by_dtype", [False, True])
def test_doubles(targets, options, shape, by_dtype):
    def shaped(array):
        return array.reshape(*shape, *array.shape[1:])

    targets = targets.astype(np.float64) if targets.dtype == np.float32 else targets
    options = {name: value.astype(np.float64) if getattr(value, "dtype", None) == np.float32 else value
               for name, value in options.items()}
    options = {name: shaped(value) if name in ("target_weights", "row_weights") else value
               for name, value in options.items()}
    hidden = HIDDEN if by_dtype else HIDDEN.astype(np.float64)[:, ::-1].copy()[:, ::1]
    weights = WEIGHTS if by_dtype else np.asfortranarray(WEIGHTS[:, ::-1].astype(np.float64))
    bias = BIAS.astype(np.float64)
    got = pyxent.linear_cross_entropy(shaped(hidden), weights, shaped(targets), bias=bias, hidden_gradient=True,
                                      weights_gradient=True, bias_gradient=True, dtype="float64" if by_dtype else None,
                                      **COMMON, **options)
    expected = pyxent.cross_entropy(shaped(LOGITS.astype(np.float64)), shaped(targets), gradient=True, **COMMON,
                                    **options)
    assert type(got) is pyxent.LinearLoss and got.gradient is None
    assert (got.loss, got.sum, got.rows, got.valid_rows, got.denominator) == (
        expected.loss, expected.sum, expected.rows, expected.valid_rows, expected.denominator)
    for name in NAMES:
        np.testing.assert_array_equal(getattr(got, name), getattr(expected, name), err_msg=name)
    of_logits = expected.gradient.reshape(ROWS, CLASSES)
    hidden_gradient, weights_gradient = np.zeros((ROWS, FEATURES)), np.zeros((CLASSES, FEATURES))
    for c in range(CLASSES):  # in the order that is promised
        hidden_gradient += of_logits[:, c, None] * weights[c].astype(np.float64)
    for r in range(ROWS):
        weights_gradient += of_logits[r, :, None] * hidden[r].astype(np.float64)
    np.testing.assert_array_equal(got.hidden_gradient.reshape(ROWS, FEATURES), hidden_gradient)
    np.testing.assert_array_equal(got.weights_gradient, weights_gradient.astype(weights.dtype))
    np.testing.assert_allclose(got.bias_gradient, of_logits.sum(0), rtol=1e-6)
    assert got.hidden_gradient.dtype == np.float64 and got.weights_gradient.dtype == weights.dtype


def test_doubles_of_many_classes_are_added_in_the_same_order():
    hidden, weights = RANDOM.normal(size=(7, 4)), RANDOM.normal(size=(20_000, 4))
    logits = np.zeros((7, 20_000))
    for f in range(4):
        logits += hidden[:, f, None] * weights[:, f]
    labels = np.arange(7)
    got = pyxent.linear_cross_entropy(hidden, weights, labels, losses=True).losses
    np.testing.assert_array_equal(got, pyxent.cross_entropy(logits, labels, losses=True).losses)


def test_doubles_of_ignored_rows_and_masked_classes_do_not_spread():
    hidden, weights = HIDDEN.astype(np.float64), WEIGHTS.astype(np.float64)
    hidden[2], weights[4] = np.nan, np.inf
    mask, gradients = np.arange(CLASSES) != 4, dict(hidden_gradient=True, weights_gradient=True, bias_gradient=True)
    got = pyxent.linear_cross_entropy(hidden, weights, LABELS, ignore_index=-1, class_mask=mask, **gradients)
    expected = pyxent.linear_cross_entropy(np.nan_to_num(hidden), np.nan_to_num(weights, posinf=0), LABELS,
                                           ignore_index=-1, class_mask=mask, **gradients)
    assert got.loss == expected.loss
    for name in gradients:
        np.testing.assert_array_equal(getattr(got, name), getattr(expected, name))
    hidden[0, 0] = np.nan
    got = pyxent.linear_cross_entropy(hidden, weights, LABELS, ignore_index=-1, **gradients)
    assert np.isnan(got.loss) and np.isnan(got.weights_gradient).any()


def test_doubles_without_rows():
    hidden, weights = np.zeros((0, 5)), WEIGHTS.astype(np.float64)
    got = pyxent.linear_cross_entropy(hidden, weights, np.zeros(0, int), reduction="sum", hidden_gradient=True,
                                      weights_gradient=True, save_statistics=True)
    assert got.loss == 0 and got.hidden_gradient.shape == (0, 5)
    np.testing.assert_array_equal(got.weights_gradient, np.zeros_like(weights))
    np.testing.assert_array_equal(got.backward(weights_gradient=True).weights, np.zeros_like(weights))
    got = pyxent.linear_cross_entropy(np.ones(5), weights, np.array(3), losses=True, hidden_gradient=True)
    assert got.losses.shape == () and got.hidden_gradient.shape == (5,)


def test_doubles_of_tensors_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    hidden, weights = (torch.from_numpy(a).double().requires_grad_() for a in (HIDDEN, DEEP))
    labels = torch.from_numpy(RANDOM.integers(0, CLASSES, (ROWS, *LAYERS)))
    torch.nn.functional.cross_entropy(torch.einsum("nf,cabf->ncab", hidden, weights), labels).backward()
    written = torch.zeros_like(hidden.detach())
    version = written._version
    got = pyxent.linear_cross_entropy(hidden.detach(), weights.detach(), labels, hidden_gradient=written,
                                      weights_gradient=True, losses=True)
    assert written._version > version and isinstance(got.losses, torch.Tensor)
    torch.testing.assert_close(written, hidden.grad)
    torch.testing.assert_close(got.weights_gradient, weights.grad)


DOUBLES = HIDDEN.astype(np.float64)


@pytest.mark.parametrize("call, kind, message", [
    (lambda: pyxent.bind(pyxent.linear_cross_entropy, DOUBLES, WEIGHTS, LABELS), pyxent.OptionError, "hidden is "
     "float64 [6, 5] and the call is bound; expected float32, float16 or bfloat16"),
    (lambda: pyxent.linear_cross_entropy(DOUBLES, WEIGHTS.astype(np.float16), LABELS), pyxent.DTypeError, "weights is "
     "float16 [9, 5], hidden is float64 [6, 5]; expected weights of type float64 or float32. "
     "Convert it: numpy.asarray(weights, numpy.float64)"),
    (lambda: pyxent.linear_cross_entropy(DOUBLES, WEIGHTS[:, :4], LABELS), pyxent.ShapeError, "weights is float32 [9, "
     "4], hidden is float64 [6, 5]; expected weights of shape [classes, 5]"),
    (lambda: pyxent.linear_cross_entropy(DOUBLES, WEIGHTS.T, LABELS), pyxent.ShapeError, "weights is float32 [5, 9], hidden "
     "is float64 [6, 5]; expected weights of shape [classes, 5]: pass weights.T"),
    (lambda: pyxent.linear_cross_entropy(HIDDEN, WEIGHTS.T, LABELS), pyxent.ShapeError, "weights is float32 [5, 9], hidden "
     "is float32 [6, 5]; expected weights of shape [classes, 5]: pass weights.T"),
    (lambda: pyxent.linear_cross_entropy(DOUBLES, DEEP[..., :4], LABELS), pyxent.ShapeError, "weights is float32 [9, 2, 3, 4], "
     "hidden is float64 [6, 5]; expected weights of shape [classes, 2, 3, 5]"),
    (lambda: pyxent.linear_cross_entropy(DOUBLES, WEIGHTS, LABELS, bias=BIAS[:3]), pyxent.ShapeError, "bias is float32 "
     "[3], hidden is float64 [6, 5]; expected bias of shape [9]"),
    (lambda: pyxent.linear_cross_entropy(DOUBLES, WEIGHTS, LABELS, weights_gradient=np.zeros((5, 9))),
     pyxent.ShapeError,
     "weights_gradient is float64 [5, 9], hidden is float64 [6, 5]; expected weights_gradient of shape [9, 5]"),
    (lambda: pyxent.linear_cross_entropy(DOUBLES, WEIGHTS, LABELS, hidden_gradient=DOUBLES), pyxent.ArrayMemoryError,
     "hidden_gradient and hidden lie within each other's span of memory; expected separate memory for "
     "hidden_gradient"),
    (lambda: pyxent.linear_cross_entropy(HIDDEN, WEIGHTS, LABELS, dtype="float16"), pyxent.OptionError, "dtype is "
     "'float16'; expected float64, or None for the type of hidden"),
    (lambda: pyxent.linear_cross_entropy(HIDDEN, WEIGHTS, LABELS, ignore_index=-1).backward(), pyxent.OptionError,
     "there are no statistics to compute a gradient from: call with save_statistics=True"),
    (lambda: pyxent.linear_cross_entropy(HIDDEN, WEIGHTS, SHARES, correct=True), pyxent.OptionError, "correct is requested, "
     "targets are probability rows; expected class indices, or outputs without correct"),
    (lambda: pyxent.bind(pyxent.linear_cross_entropy, HIDDEN, DEEP, DEEP_CASES[0][0]), pyxent.OptionError,
     "weights is float32 [9, 2, 3, 5] and the call is bound; expected two dimensions. Call once for each layer"),
    (lambda: pyxent.linear_cross_entropy(HIDDEN, DEEP, LABELS), pyxent.ShapeError, "targets is int64 [6]; expected "
     "class indices of the shape [6, 2, 3], or probabilities of the shape [6, 9, 2, 3]"),
    (lambda: pyxent.linear_cross_entropy(HIDDEN, DEEP, DEEP_CASES[0][0], bias=BIAS), pyxent.ShapeError, "bias is "
     "float32 [9]; expected the shape [9, 2, 3]"),
    (lambda: pyxent.linear_cross_entropy(HIDDEN, DEEP, DEEP_CASES[0][0], ignore_index=-1, losses=np.zeros(6, np.float32)),
     pyxent.ShapeError, "losses is float32 [6], logits is [6, 9, 2, 3] of hidden float32 [6, 5] and weights float32 "
     "[9, 2, 3, 5]; expected losses of shape [6, 2, 3]"),
    (lambda: pyxent.linear_cross_entropy(HIDDEN, DEEP, DEEP_CASES[0][0], hidden_gradient=np.zeros((6, 5))),
     pyxent.DTypeError, "hidden_gradient is float64 [6, 5], hidden is float32 [6, 5]; expected hidden_gradient of type "
     "float32, float16 or bfloat16"),
    (lambda: pyxent.linear_cross_entropy(HIDDEN, DEEP[:, :0], DEEP_CASES[0][0][:, :0]), pyxent.ShapeError, "weights is "
     "float32 [9, 0, 3, 5]; expected one layer or more"),
    (lambda: pyxent.linear_cross_entropy(HIDDEN, DEEP, DEEP_CASES[0][0] * 9), pyxent.LabelError, "row 0 has label -9; "
     "classes are 0 to 8; expected a class index, or ignore_index=-9 if such rows do not count"),
])
def test_refusals(call, kind, message):
    with pytest.raises(kind) as error:
        call()
    assert str(error.value) == message


def rejected(call, name, other):
    with pytest.raises(pyxent.ArrayMemoryError, match=f"{name} and {other} lie within each other's span of memory|"
                                                    f"{other} and {name} lie within each other's span of memory"):
        call()


def test_outputs_of_a_layer_of_doubles_are_apart_from_all_arrays():
    h, w, y = (RANDOM.normal(size=(3, 3)) for _ in range(3))
    bias, gradient, call = np.zeros(3), np.zeros((3, 3)), pyxent.linear_cross_entropy
    labels, before = np.array([0, 1, 2]), h.copy()
    rejected(lambda: call(h, w, labels, hidden_gradient=gradient, weights_gradient=gradient), "weights_gradient",
            "hidden_gradient")
    for name, array in (("hidden", h[0]), ("weights", w[0]), ("bias", bias), ("hidden_gradient", gradient[0]),
                        ("targets", labels.view(np.float64))):
        rejected(lambda losses=array: call(h, w, labels, bias=bias, hidden_gradient=gradient, losses=losses),
                 "losses", name)
    rejected(lambda: call(h, w, y, hidden_gradient=y), "hidden_gradient", "targets")
    rejected(lambda: call(h, w, labels, bias=bias, bias_gradient=bias), "bias_gradient", "bias")
    saved, upstream = call(h, w, labels, save_statistics=True), np.ones(3)
    rejected(lambda: saved.backward(hidden_gradient=gradient, weights_gradient=gradient), "weights_gradient",
            "hidden_gradient")
    rejected(lambda: saved.backward(upstream, hidden_gradient=None, bias_gradient=upstream), "bias_gradient", "upstream")
    assert np.array_equal(h, before) and not gradient.any()


def test_outputs_of_several_layers_are_apart_from_all_arrays():
    h, w = RANDOM.normal(size=(4, 3)).astype("f4"), RANDOM.normal(size=(3, 2, 3)).astype("f4")
    y, call, memory = np.ones((4, 2), int), pyxent.linear_cross_entropy, np.zeros(12, np.float32)
    losses, entropies = memory[:8].reshape(2, 4).T, memory[4:].reshape(2, 4).T
    rejected(lambda: call(h, w, y, losses=losses, entropies=entropies), "losses", "entropies")
    rejected(lambda: call(h, w, y, losses=w.reshape(-1)[:8].reshape(4, 2)), "losses", "weights")
    rejected(lambda: call(h, w, y, losses=losses, row_weights=entropies), "losses", "row_weights")
    rejected(lambda: call(h, w, y, hidden_gradient=h), "hidden_gradient", "hidden")
    rejected(lambda: call(h, w, y, losses=memory[:8].reshape(4, 2), hidden_gradient=memory.reshape(4, 3)), "losses",
            "hidden_gradient")
    with pytest.raises(pyxent.ArrayMemoryError, match="losses float32 .* has strides that put several indices on one"):
        call(h, w, y, losses=np.lib.stride_tricks.as_strided(memory, (4, 2), (4, 0)))
    saved = call(h, w, y, save_statistics=True)
    rejected(lambda: saved.backward(losses, hidden_gradient=None, bias_gradient=memory[4:10].reshape(3, 2)),
            "bias_gradient", "upstream")
    assert not memory.any()
