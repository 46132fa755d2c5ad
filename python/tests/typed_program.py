# SPDX-License-Identifier: Apache-2.0
"""A program of a user, which mypy --strict and pyright's strict mode accept; each line after `# wrong` they refuse."""
from __future__ import annotations

import array
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

import pyxent

Floats = npt.NDArray[np.float32]


def probabilities(x: Floats) -> Floats:
    return pyxent.softmax(x)


def attention(scores: Floats, mask: npt.NDArray[np.bool_]) -> Floats:
    return pyxent.log_softmax(scores, class_mask=mask, fully_masked="zero", temperature=2.0, threads=1)


def in_half(x: Floats, out: npt.NDArray[np.float16]) -> npt.NDArray[np.float16]:
    return pyxent.softmax(x, out=out)


def backward(y: Floats, dy: Floats) -> Floats:
    return pyxent.softmax_backward(y, dy)


logits, labels = np.zeros((2, 3), np.float32), np.array([0, 1])
loss: pyxent.Loss = pyxent.cross_entropy(logits, labels, gradient=True, correct=True, reduction="sum",
                                         ignore_index=-100)
number: float = float(loss)
error: float = loss.loss + float(pyxent.log_sum_exp(logits).sum())
version: str = pyxent.__version__
top = pyxent.top_k(logits, 2)
tokens = pyxent.sample(logits, seed=[1, 2], step=0, rules="vllm", ties="all").tokens
tokens = pyxent.sample(logits, temperature=[0, 0.7], top_p=[None, 0.9], top_k=np.array([1, 2])).tokens
half: Floats = pyxent.softmax(logits, temperature=np.array([1.0, 2.0]))
gradients: pyxent.LinearGradients = pyxent.linear_cross_entropy(logits, logits, labels, save_statistics=True).backward(
    np.ones(2, np.float32), weights_gradient=True)
pyxent.softmax(array.array("f", [1, 2]), out=memoryview(bytearray(8)).cast("f"), dtype="float32")
pyxent.softmax(logits, dtype=np.float64 if number > 9 else np.float16)
pyxent.softmax(pyxent.bfloat16(np.zeros(3, np.uint16)), dtype=np.dtype("float32"))
step: Callable[[], pyxent.Loss] = pyxent.bind(pyxent.cross_entropy, logits, labels, gradient=logits)
bound: Floats = pyxent.bind(pyxent.softmax, logits, out=logits, threads=1)()
more = pyxent.cross_entropy(logits, labels, z_loss=1e-4, entropies=True, smoothing="others", denominator=3.0).entropies
names: list[str] = pyxent.isas()
try:
    pyxent.total_variation(logits, logits, gradient=np.zeros_like(logits), class_mask=[True, False, True])
except pyxent.LabelError as refused:
    print(refused.row, refused.label, refused.classes)

# wrong
pyxent.softmax("no array")
pyxent.softmax(None)
pyxent.softmax([1.0, 2.0])
pyxent.softmax(logits, isa="avx2")
pyxent.softmax(logits, fully_masked="bogus")
pyxent.softmax(logits, dtype=7)
pyxent.softmax(logits, dim=1)
pyxent.softmax(logits, -1)
pyxent.cross_entropy(logits, labels, logits)
pyxent.Sampler(0.7)
pyxent.Sampler().next(logits)
pyxent.cross_entropy(logits, labels, z_los=1e-4)
pyxent.cross_entropy(logits, labels, smoothing="none")
pyxent.cross_entropy(logits, labels, dtype="float64")
pyxent.Sampler(top_n_sigma="x")
pyxent.softmax(logits, weights=logits)
pyxent.cross_entropy(logits, 3)
pyxent.cross_entropy(logits, labels, reduction="none")
pyxent.cross_entropy(logits, labels, weight=logits)
pyxent.sample(logits, rules="ggml")
pyxent.bind(pyxent.cross_entropy, logits, labels, dim=1)
pyxent.bind(pyxent.log_softmax, "no array")
