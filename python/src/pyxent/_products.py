# SPDX-License-Identifier: Apache-2.0
"""Products of matrices of float64, with the same bits on every machine: each sum is added in the order of its terms."""
from __future__ import annotations

import math
from typing import Any

from pyxent._arrays import Array
from pyxent._rows import doubles_of, numbers_of, numpy_for

_BLOCK = 1 << 15  # elements per block, which stays in the caches during its sums


def _product(left: Any, right: Any, zeros_count: bool) -> Any:
    """`left @ right`; unless `zeros_count`, a 0 on the left times NaN or infinity is 0."""
    numpy = numpy_for("linear_cross_entropy of float64")
    result, right = numpy.zeros((left.shape[0], right.shape[1])), numpy.ascontiguousarray(right)
    all_count = zeros_count or bool(numpy.isfinite(right).all())
    step = max(_BLOCK // max(right.shape[1], 1), 1)
    for begin in range(0, left.shape[0], step):
        block = result[begin:begin + step]
        term = numpy.empty_like(block)
        for column, row in zip(left[begin:begin + step].T[..., None], right):
            if not all_count:
                term[...] = 0
            numpy.multiply(column, row, out=term, where=all_count or column != 0)
            block += term  # adds the rounded product: no fused multiply-add
    return result


def _matrix(array: Array) -> Any:
    """Reshapes an array to a matrix, with all dimensions but the last joined."""
    return doubles_of(array).reshape(math.prod(array.shape[:-1]), array.shape[-1])


def write_logits(logits: Array, hidden: Array, weights: Array, bias: Array | None) -> None:
    """Writes `hidden @ weights.T + bias`; the dimensions of weights except the last are the last ones of the logits."""
    with numpy_for("linear_cross_entropy of float64").errstate(all="ignore"):
        found = _product(_matrix(hidden), _matrix(weights).T, True)
        if bias is not None:
            found += doubles_of(bias).reshape(-1)
        numbers_of(logits)[...] = found.reshape(logits.shape)


def write_gradients(gradient: Array, hidden: Array, weights: Array, written: dict[str, Array]) -> None:
    """Writes the gradients of hidden states, weights and bias, from the gradient of the logits."""
    numpy, rows = numpy_for("linear_cross_entropy of float64"), math.prod(hidden.shape[:-1])
    with numpy.errstate(all="ignore"):
        of_logits = doubles_of(gradient).reshape(rows, math.prod(weights.shape[:-1]))
        for name, to in written.items():
            if name == "hidden_gradient":
                found = _product(of_logits, _matrix(weights), False)
            else:
                found = _product(of_logits.T, _matrix(hidden) if name == "weights_gradient" else numpy.ones((rows, 1)),
                                 False)
            numbers_of(to)[...] = found.reshape(to.shape)
