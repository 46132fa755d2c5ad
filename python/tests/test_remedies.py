# SPDX-License-Identifier: Apache-2.0
"""A message names how to mend the call, and a call that is mended so works."""
import re

import numpy as np
import pytest

import pyxent

X = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)
LABELS = np.array([0, 2, 1, 1])
REMEDY = re.compile(r"(pyxent\.bfloat16\(\w+\)|"
                    r"numpy\.asarray\(\w+(?:, [\w.]+)?\)|numpy\.frombuffer\(\w+, [\w.]+\)|\w+\.copy\(\)|\w+\.T$|"
                    r"\w+\.(?:to|long|bool|float|double|to_dense|resolve_neg)\([\w.]*\))")
ONE_HOT = np.eye(3)[LABELS]
BITS = (X.view(np.uint32) >> 16).astype(np.uint16)


def mended(call, name, value):
    """What the call returns after the remedy that its message names."""
    with pytest.raises(pyxent.XentError) as error:
        call(value)
    found = REMEDY.search(str(error.value))
    assert found, str(error.value)
    names = {"numpy": np, "pyxent": pyxent, name: value}
    if "torch" in found[1] or not isinstance(value, (list, np.ndarray)):
        names["torch"] = pytest.importorskip("torch")
    return call(eval(found[1], names))


def loss(**given):
    name, value = next(iter(given.items()))
    return lambda value: pyxent.cross_entropy(**{"logits": X, "targets": LABELS, **given, name: value})


def of(function, **given):
    name = next(name for name, value in given.items() if value is None)
    return lambda value: function(**{**given, name: value})


CASES = {
    "class_weights": (loss(class_weights=None), (np.array([1, 2, 1]), np.array([True, False, True]))),
    "row_weights": (loss(row_weights=None), (np.array([1, 2, 1, 1]), np.array([1, 0, 1, 0], np.int8))),
    "class_mask": (loss(class_mask=None), (np.ones(3, np.int64), np.ones(3), np.ones(3, np.float32))),
    "sink": (loss(sink=None), (np.zeros(4, int),)),
    "targets": (loss(targets=None), ([0, 2, 1, 1], [0.0, 2.0, 1.0, 1.0], LABELS.astype(float), ONE_HOT, ONE_HOT.tolist(),
                                     ONE_HOT.astype(int), ONE_HOT.astype(bool), LABELS.astype(np.float32),
                                     LABELS > 0, LABELS.astype(">i8"), LABELS.astype(object), ONE_HOT.astype(">f8"),
                                     LABELS[::-1],
                                     bytes([0, 2, 1, 1]), bytearray([0, 2, 1, 1]))),
    "logits": (of(pyxent.cross_entropy, logits=None, targets=LABELS), (X.tolist(), X.round().astype(int),
                                                                       X.round().astype(int).tolist())),
    "logits of a sampler": (of(pyxent.sample, logits=None), (X.tolist(), X.astype(float), X.round().astype(int), BITS)),
    "logits of an argmax": (of(pyxent.argmax, logits=None), (BITS,)),
    "logits with an output": (of(pyxent.softmax, logits=None, out=X.copy()), (BITS,)),
    "log_probabilities": (of(pyxent.nll_loss, log_probabilities=None, targets=LABELS), (BITS, BITS.view(np.int16))),
    "out": (of(pyxent.softmax, logits=X, out=None), (BITS.copy(),)),
    "logits of a softmax": (of(pyxent.softmax, logits=None), (X.tolist(), [[1, 2]], 3, 3.5, b"\0\0\x80\x3f" * 4,
                                                              X.astype(">f4"), X.astype(object), X.astype(np.longdouble),
                                                              memoryview(X.astype(">f4")), X[::-1],
                                                              bytearray(8))),
    "prompt_tokens": (of(pyxent.sample, logits=X, prompt_tokens=None, presence_penalty=1), (
        [[0], [1], [2], [-1]], np.zeros((4, 1)), np.zeros((4, 2), np.float32))),
    "row_offsets": (of(pyxent.argmax, logits=X.ravel(), row_offsets=None), ([0, 3, 12], np.array([0.0, 3, 12]),
                                                                            np.array([0, 3, 12], np.int16))),
    "bias": (of(pyxent.sample, logits=X, bias=None), (np.ones((4, 3), int),)),
    "upstream": (of(pyxent.softmax_backward, output=X, upstream=None), (X.tolist(), X.astype(float))),
    "teacher": (of(pyxent.kl_divergence, logits=X, teacher=None), (X.tolist(), X.round().astype(int))),
    "weights": (of(pyxent.linear_cross_entropy, hidden=X, weights=None, targets=LABELS), (
        X[:3].tolist(), X[:3].astype(float), X[:3].round().astype(int), np.ones((3, 5), np.float32))),
    "element_weights": (of(pyxent.binary_cross_entropy, logits=X, targets=ONE_HOT.astype(int), element_weights=None), (
        np.ones(3, int),)),
    "targets of elements": (of(pyxent.binary_cross_entropy, logits=X, targets=None), (ONE_HOT.tolist(), ONE_HOT)),
    "targets of kl_div": (of(pyxent.kl_div, log_probabilities=X, targets=None), (
        ONE_HOT.tolist(), ONE_HOT, ONE_HOT.astype(int), ONE_HOT.astype(bool))),
    "targets of nll_loss": (of(pyxent.nll_loss, log_probabilities=X, targets=None), ([0, 2, 1, 1], LABELS.astype(float))),
    "targets of selected": (of(pyxent.selected_log_probabilities, logits=X, targets=None), (
        [0, 2, 1, 1], LABELS.astype(float), LABELS[:, None].astype(np.float32))),
    "temperature": (of(pyxent.softmax, logits=X, temperature=None), (np.array([1, 2, 3, 4]), np.ones(4, bool))),
    "step": (of(pyxent.sample, logits=X, seed=1, step=None), ({1: 2},)),
}


@pytest.mark.parametrize("name, value", [(name, value) for name, (_, values) in CASES.items() for value in values])
def test_the_remedy_of_a_message_works(name, value):
    if name == "step":
        with pytest.raises(pyxent.DTypeError, match="step is a dict"):
            CASES[name][0](value)
    else:
        mended(CASES[name][0], name.partition(" ")[0], value)


def test_the_remedies_of_other_values_work(tmp_path):
    path = tmp_path / "logits.npy"
    np.save(path, X)
    for value in (path, str(path)):
        with pytest.raises(pyxent.DTypeError) as error:
            pyxent.softmax(value)
        code = str(error.value).partition("such as ")[2]
        np.testing.assert_array_equal(eval(code, {"numpy": np, "logits": value}), X)
    bias, rows = {2: 90.0, 0: -90.0}, np.random.default_rng(2).normal(size=(2, 4, 3)).astype(np.float32)
    for logits in (rows, rows[0], rows[0, 0]):
        with pytest.raises(pyxent.DTypeError) as error:
            pyxent.sample(logits, bias=bias)
        options = eval(f"dict({str(error.value).partition('or ')[2]})", {"numpy": np, "bias": bias})
        assert (pyxent.sample(logits, **options).tokens == 2).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_remedy_is_of_the_type_of_the_logits(dtype):
    with pytest.raises(pyxent.DTypeError, match=rf"numpy\.asarray\(class_weights, numpy\.{np.dtype(dtype)}\)"):
        pyxent.cross_entropy(X.astype(dtype), LABELS, class_weights=np.array([1, 2, 3]))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
def test_the_remedies_of_tensors_work(dtype):
    torch = pytest.importorskip("torch")
    x, labels = torch.tensor(X).to(getattr(torch, dtype)), torch.tensor(LABELS)
    other = torch.float16 if dtype == "float64" else torch.float64
    for name, values in {
            "class_weights": (torch.tensor([1, 2, 3]),),
            "class_mask": (torch.tensor([1.0, 1, 1]),),
            "targets": (labels.tolist(), labels.double(), labels.to(x.dtype), torch.tensor(ONE_HOT),
                        torch.tensor(ONE_HOT).to(other), torch.tensor(ONE_HOT).long())}.items():
        for value in values:
            if not (name == "targets" and hasattr(value, "dtype") and value.dtype == x.dtype and value.dim() == 2):
                mended(lambda value, name=name: pyxent.cross_entropy(**{"logits": x, "targets": labels, name: value}),
                       name, value)
    mended(lambda value: pyxent.softmax(value), "logits", x.to_sparse())


def test_tensors_inside_of_vmap():
    torch = pytest.importorskip("torch")
    with pytest.raises(pyxent.ArrayMemoryError, match="logits is a tensor inside of torch.vmap; expected a call outside of "
                                                      "it, of all rows"):
        torch.func.vmap(pyxent.softmax)(torch.tensor(X))
