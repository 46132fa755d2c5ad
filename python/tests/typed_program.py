# SPDX-License-Identifier: Apache-2.0
"""A program of a user, which mypy --strict and pyright's strict mode accept; each line after `# wrong` they refuse."""
from __future__ import annotations

import array
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

import xent

Floats = npt.NDArray[np.float32]


def probabilities(x: Floats) -> Floats:
    return xent.softmax(x)


def attention(scores: Floats, mask: npt.NDArray[np.bool_]) -> Floats:
    return xent.log_softmax(scores, class_mask=mask, fully_masked="zero", temperature=2.0, threads=1)


def in_half(x: Floats, out: npt.NDArray[np.float16]) -> npt.NDArray[np.float16]:
    return xent.softmax(x, out=out)


def backward(y: Floats, dy: Floats) -> Floats:
    return xent.softmax_backward(y, dy)


logits, labels = np.zeros((2, 3), np.float32), np.array([0, 1])
loss: xent.Loss = xent.cross_entropy(logits, labels, gradient=True, correct=True, reduction="sum", ignore_index=-100)
number: float = float(loss)
error: float = loss.loss + float(xent.log_sum_exp(logits).sum())
signed: tuple[Floats, Floats] = xent.log_sum_exp(logits, weights=np.array([1, -1, 2]), return_sign=True)
version: str = xent.__version__
top = xent.top_k(logits, 2)
tokens = xent.sample(logits, seed=[1, 2], rules="vllm", ties="all").tokens
tokens = xent.sample(logits, temperature=[0, 0.7], top_p=[None, 0.9], top_k=np.array([1, 2])).tokens
half: Floats = xent.softmax(logits, temperature=np.array([1.0, 2.0]))
gradients: xent.LinearGradients = xent.linear_cross_entropy(logits, logits, labels, save_statistics=True).backward(
    np.ones(2, np.float32), weights_gradient=True)
xent.softmax(array.array("f", [1, 2]), out=memoryview(bytearray(8)).cast("f"), dtype="float32")
xent.softmax(logits, dtype=np.float64 if number > 9 else np.float16)
xent.softmax(xent.bfloat16(np.zeros(3, np.uint16)), dtype=np.dtype("float32"))
step: Callable[[], xent.Loss] = xent.bind(xent.cross_entropy, logits, labels, gradient=logits)
bound: Floats = xent.bind(xent.softmax, logits, out=logits, threads=1)()
for isa in xent.isas():
    xent.softmax(logits, isa=isa)
try:
    xent.divergence(logits, logits, "total-variation", gradient=np.zeros_like(logits))
except xent.LabelError as refused:
    print(refused.row, refused.label, refused.classes)

# wrong
xent.softmax("no array")
xent.softmax(None)
xent.softmax([1.0, 2.0])
xent.softmax(logits, isa="avx1024")
xent.softmax(logits, fully_masked="bogus")
xent.softmax(logits, dtype=7)
xent.softmax(logits, dim=1)
xent.log_sum_exp(logits, weights=[1, 2, 3])
xent.softmax(logits, weights=logits)
xent.cross_entropy(logits, 3)
xent.cross_entropy(logits, labels, reduction="none")
xent.sample(logits, rules="ggml")
xent.bind(xent.cross_entropy, logits, labels, dim=1)
xent.bind(xent.log_softmax, "no array")
