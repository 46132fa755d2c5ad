# SPDX-License-Identifier: Apache-2.0
"""Products of the Hessian of cross-entropy with vectors."""
from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, overload

from pyxent._arrays import NAME
from pyxent._call import Checked
from pyxent._check import Given, How, Row, one_of, taken
from pyxent._options import needed
from pyxent._plans import operation
from pyxent._types import ArrayLike, FullyMasked, Input, Number, Out, Output, Own, Product, Small
from pyxent.errors import DTypeError

if TYPE_CHECKING:
    from typing_extensions import Unpack


def _check(row: Row, given: Given) -> Checked:
    call = taken(row, given)
    exact = "F64" if call.lead.type == "F64" else "F32"
    call.write("output", needed("out", given["out"]), exact)
    output = call.arrays["output"]
    if output.type != exact:  # out stores the probabilities first
        raise DTypeError(f"out is {output}, logits is {call.lead}; expected out of type {NAME[exact]}")
    return call.checked(given["threads"], partial(row.result, How(row.function)))


def _product(how: How, run: Any) -> Any:
    if "row_weights" in run.arrays:
        run.count_weighted()
    return one_of("output", how, run)


@overload
def cross_entropy_hvp(logits: Own, upstream: ArrayLike, *, out: None = None, **options: Unpack[Product]) -> Own: ...
@overload
def cross_entropy_hvp(logits: ArrayLike, upstream: ArrayLike, *, out: Out, **options: Unpack[Product]) -> Out: ...
@overload
def cross_entropy_hvp(logits: ArrayLike, upstream: ArrayLike, *, out: None = None, **options: Unpack[Product]) -> Any: ...
@operation(_check, Row("cross_entropy_hvp", _product, ("output",), {"output": "out"}))
def cross_entropy_hvp(logits: ArrayLike, upstream: ArrayLike, *, axis: int = -1, out: Output = None,
                      row_weights: Small = None, gradient_scale: float | None = None, temperature: Number | None = None,
                      class_mask: Small = None, sink: Small = None, row_offsets: Input = None,
                      fully_masked: FullyMasked | None = "nan", threads: int | None = None) -> Any:
    """The Hessian of cross-entropy times a vector per row: `c u p (v - sum p v) / temperature^2`, with `p =
    softmax(x / temperature)`, `v` the upstream vector, `c` the gradient scale and `u` the row weights.

    The Hessian is the same for all targets with the sum 1, so you pass none: for a mean over n rows, `c` is 1 / n, and for
    class weights, pass the weight of each label as row weight.

    Returns `out`, which may be the logits, or a new array: float64 for float64, otherwise float32. Otherwise as `softmax`.

    >>> import numpy as np, pyxent
    >>> pyxent.cross_entropy_hvp(np.zeros((1, 2)), np.array([[1.0, 0.0]])).tolist()
    [[0.25, -0.25]]
    """
