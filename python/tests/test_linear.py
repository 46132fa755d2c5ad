# SPDX-License-Identifier: Apache-2.0
"""The cross-entropy of linear layers: all outputs, later gradients, and layers of several dimensions."""
import itertools

import numpy as np
import pytest

import xent

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
    got = xent.linear_cross_entropy(shaped(HIDDEN), WEIGHTS, shaped(targets), bias=BIAS, **COMMON, **options)
    expected = xent.cross_entropy(shaped(LOGITS), shaped(targets), **COMMON, **options)
    assert type(got) is xent.LinearLoss
    assert (got.loss, got.sum, got.rows, got.valid_rows, got.denominator) == (
        expected.loss, expected.sum, expected.rows, expected.valid_rows, expected.denominator)
    for name in NAMES:
        np.testing.assert_array_equal(getattr(got, name), getattr(expected, name), err_msg=name)


def test_a_row_without_a_dimension():
    got = xent.linear_cross_entropy(HIDDEN[0], WEIGHTS, LABELS[0], bias=BIAS, losses=True, hidden_gradient=True)
    expected = xent.linear_cross_entropy(HIDDEN[:1], WEIGHTS, LABELS[:1], bias=BIAS, losses=True, hidden_gradient=True)
    assert got.loss == expected.loss and got.losses.shape == () and got.hidden_gradient.shape == (FEATURES,)
    np.testing.assert_array_equal(got.hidden_gradient, expected.hidden_gradient[0])


@pytest.mark.parametrize("targets, options", CASES)
@pytest.mark.parametrize("threads", [None, 1])
def test_a_later_gradient(targets, options, threads):
    options = {**options, "target_gradient": None, "reduction": "sum"}
    upstream = RANDOM.normal(size=ROWS).astype(np.float32)
    gradients = dict(hidden_gradient=True, weights_gradient=True, bias_gradient=True)
    at_once = xent.linear_cross_entropy(HIDDEN, WEIGHTS, targets, bias=BIAS, **options, **gradients)
    saved = xent.linear_cross_entropy(HIDDEN, WEIGHTS, targets, bias=BIAS, save_statistics=True, **options)
    same = saved.backward(**gradients, threads=threads)
    for name, got in zip(("hidden_gradient", "weights_gradient", "bias_gradient"), same):
        np.testing.assert_array_equal(got, getattr(at_once, name), err_msg=name)
    later = saved.backward(upstream, **gradients, threads=threads)
    of_logits = xent.cross_entropy(LOGITS, targets, save_statistics=True, **options).backward(upstream)
    np.testing.assert_allclose(later.hidden, of_logits @ WEIGHTS, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(later.weights, of_logits.T @ HIDDEN, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(later.bias, of_logits.sum(0), rtol=1e-5, atol=1e-5)
    out = np.zeros_like(WEIGHTS)
    only = saved.backward(upstream, hidden_gradient=None, weights_gradient=out)
    assert only.hidden is None and only.weights is out
    np.testing.assert_array_equal(out, later.weights)


@pytest.mark.parametrize("threads", [None, 1, 3])
def test_classes_of_a_later_gradient_are_divided(threads, monkeypatch):
    from xent import _call
    hidden = RANDOM.normal(size=(40, 8)).astype(np.float32)
    weights, labels = RANDOM.normal(size=(30_000, 8)).astype(np.float32), RANDOM.integers(0, 30_000, 40)
    ranges, invoke = [], _call.Call.invoke

    def recorded(self, *positional, classes=None, **named):
        ranges.append(classes)
        return invoke(self, *positional, classes=classes, **named)

    monkeypatch.setattr(_call, "processors", lambda: 3)
    monkeypatch.setattr(_call.Call, "invoke", recorded)
    result = xent.linear_cross_entropy(hidden, weights, labels, save_statistics=True, weights_gradient=True)
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
    got = xent.linear_cross_entropy(HIDDEN, DEEP, targets, bias=DEEP_BIAS, hidden_gradient=True, weights_gradient=True,
                                    bias_gradient=True, **COMMON, **options)
    expected = xent.cross_entropy(DEEP_LOGITS, targets, axis=1, gradient=True, **COMMON, **options)
    assert (got.loss, got.sum, got.rows, got.valid_rows, got.denominator) == (
        expected.loss, expected.sum, expected.rows, expected.valid_rows, expected.denominator)
    for name in NAMES:
        np.testing.assert_array_equal(getattr(got, name), getattr(expected, name), err_msg=name)
    np.testing.assert_allclose(got.hidden_gradient, np.einsum("ncab,cabf->nf", expected.gradient, DEEP), atol=1e-5)
    np.testing.assert_allclose(got.weights_gradient, np.einsum("ncab,nf->cabf", expected.gradient, HIDDEN), atol=1e-5)
    np.testing.assert_allclose(got.bias_gradient, expected.gradient.sum(0), atol=1e-5)


def test_layers_are_single_layers_added():
    labels = RANDOM.integers(0, CLASSES, (ROWS, *LAYERS))
    got = xent.linear_cross_entropy(HIDDEN, DEEP, labels, losses=True, reduction="sum", hidden_gradient=True,
                                    weights_gradient=np.zeros_like(DEEP))
    total = np.zeros_like(HIDDEN, np.float64)
    for i, j in itertools.product(*map(range, LAYERS)):
        one = xent.linear_cross_entropy(HIDDEN, np.ascontiguousarray(DEEP[:, i, j]), labels[:, i, j].copy(),
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
    got = xent.linear_cross_entropy(hidden.detach(), weights.detach(), labels, hidden_gradient=written,
                                    weights_gradient=True)
    assert got.loss == pytest.approx(expected.item(), rel=1e-6) and got.hidden_gradient is written
    assert written._version > version
    torch.testing.assert_close(written, hidden.grad, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(got.weights_gradient, weights.grad, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("call, kind, message", [
    (lambda: xent.linear_cross_entropy(HIDDEN, WEIGHTS, LABELS, ignore_index=-1).backward(), xent.OptionError,
     "there are no statistics to compute a gradient from: call with save_statistics=True"),
    (lambda: xent.linear_cross_entropy(HIDDEN, WEIGHTS, SHARES, correct=True), xent.OptionError, "correct was asked for, "
     "targets are probability rows; expected class indices, or do not ask for correct"),
    (lambda: xent.linear_cross_entropy(HIDDEN, DEEP, DEEP_CASES[0][0], save_statistics=True), xent.OptionError,
     "weights is float32 [9, 2, 3, 5] and save_statistics is True; expected two dimensions. Call once for each layer"),
    (lambda: xent.bind(xent.linear_cross_entropy, HIDDEN, DEEP, DEEP_CASES[0][0]), xent.OptionError,
     "weights is float32 [9, 2, 3, 5] and the call is bound; expected two dimensions. Call once for each layer"),
    (lambda: xent.linear_cross_entropy(HIDDEN, DEEP, LABELS), xent.ShapeError, "targets is int64 [6]; expected class "
     "indices of the shape [6, 2, 3], or probabilities of the shape [6, 9, 2, 3]"),
    (lambda: xent.linear_cross_entropy(HIDDEN, DEEP, DEEP_CASES[0][0], bias=BIAS), xent.ShapeError, "bias is float32 "
     "[9]; expected the shape [9, 2, 3]"),
    (lambda: xent.linear_cross_entropy(HIDDEN, DEEP, DEEP_CASES[0][0], ignore_index=-1, losses=np.zeros(6, np.float32)),
     xent.ShapeError, "losses is float32 [6], logits is [6, 9, 2, 3] of hidden float32 [6, 5] and weights float32 "
     "[9, 2, 3, 5]; expected losses of shape [6, 2, 3]"),
    (lambda: xent.linear_cross_entropy(HIDDEN, DEEP, DEEP_CASES[0][0], hidden_gradient=np.zeros((6, 5))),
     xent.DTypeError, "hidden_gradient is float64 [6, 5], hidden is float32 [6, 5]; expected hidden_gradient of type "
     "float32, float16 or bfloat16"),
    (lambda: xent.linear_cross_entropy(HIDDEN, DEEP[:, :0], DEEP_CASES[0][0][:, :0]), xent.ShapeError, "weights is "
     "float32 [9, 0, 3, 5]; expected one layer or more"),
    (lambda: xent.linear_cross_entropy(HIDDEN, DEEP, DEEP_CASES[0][0] * 9), xent.LabelError, "row 0 has label -9; "
     "classes are 0 to 8; expected a class index, or ignore_index=-9 if such rows do not count"),
])
def test_refusals(call, kind, message):
    with pytest.raises(kind) as error:
        call()
    assert str(error.value) == message
