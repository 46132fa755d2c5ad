# SPDX-License-Identifier: Apache-2.0
"""Softmax, log-softmax, their gradients, and one number of each row: log-sum-exp, entropy, the largest class."""
from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, overload

from pyxent._arrays import NAME, OUTPUT, array_of, as_type, empty, type_named
from pyxent._check import Given, How, Row, check, one_of, taken
from pyxent._options import needed, truth
from pyxent._plans import operation
from pyxent._rows import Rows, as_floats, fill, is_several
from pyxent._types import (Small, ArrayLike, Axes, Backward, DType, Forward, FullyMasked, Input, LogSumExp, Number, Out,
                           Output, Own)
from pyxent.errors import OptionError

if TYPE_CHECKING:
    from typing_extensions import Unpack


def of_rows(row: Row, given: Given) -> Any:
    """The check of a function with one output; for one class axis or several, or for elements, without one."""
    name, dtype, out = row.needed[0], given.get("dtype"), needed("out", given["out"])
    to_type = type_named(dtype) if dtype is not None else None
    if to_type and out is not True and (to := array_of("out", out, OUTPUT)).type != to_type:
        raise OptionError(f"dtype is {NAME[to_type]}, out is {to}; expected an out of this type, or no dtype")
    if (kept := truth("keepdims", given.get("keepdims"))) and given["row_offsets"] is not None:
        raise OptionError("keepdims is True, and row_offsets are both set: leave one of them out")
    row = row._replace(convert=partial(as_floats, exact=to_type == "F64"))
    if is_several(given.get("axis", -1)):
        assert row.convert
        rows = Rows.of(row.convert("logits", given["logits"]), given["axis"], given["out"], given["row_offsets"], given["threads"])
        result = of_rows(row, {**given, "logits": rows.flat, "axis": -1, "out": None, "keepdims": False,
                                "class_mask": rows.mask(given["class_mask"])}).now()
        return rows.whole(result) if name == "output" else rows.reduced(result, kept)
    call = taken(row, given)
    if not call.classes and name == "log_sum_exp":  # the sum of no class is that of one class that is -inf
        alone = empty(given["logits"], call.lead.type, call.with_entries(1))
        fill(as_type(alone, call.lead.type), -math.inf)
        return of_rows(row, {**given, "logits": alone, "row_offsets": None, "class_mask": None})
    call.write(name, out, to_type, call.with_entries(1) if kept else None)
    return call.checked(given["threads"], partial(row.result, How(row.function)))


def row_of(function: str, name: str) -> Row:
    return Row(function, partial(one_of, name), (name,), {name: "out"})


@overload
def softmax(logits: Own, *, out: None = None, dtype: None = None, **options: Unpack[Forward]) -> Own: ...
@overload
def softmax(logits: ArrayLike, *, out: Out, dtype: DType | None = None, **options: Unpack[Forward]) -> Out: ...
@overload
def softmax(logits: ArrayLike, *, out: None = None, dtype: DType | None = None,
            **options: Unpack[Forward]) -> Any: ...
@operation(of_rows, row_of("softmax", "output"))
def softmax(logits: ArrayLike, *, axis: Axes = -1, out: Output = None, dtype: DType | None = None,
            temperature: Number | None = None, softcap: float | None = None, class_mask: Small = None,
            sink: Small = None, row_offsets: Input = None, fully_masked: FullyMasked | None = "nan",
            threads: int | None = None) -> Any:
    """`y = exp(x) / sum exp(x)` over the classes of each row.

    `x` are the logits after `softcap` (`c tanh(x / c)`) and after division by `temperature`.

    logits        float32, float16, bfloat16 or float64, of any shape and strides; integers, except uint16, are
                  copied as float64
    axis          the class axis; several axes, or None for all: their indices together are the classes, and the logits
                  are copied. Logits without a dimension are one class; the axis is then -1, 0 or None
    temperature   one number, or one per row: a list, or an array as `sink`
    out           your array in the shape of the logits; it may be the logits themselves
    dtype         the type of a new result, if it differs from that of the logits; "float64" computes with a float64
                  copy of the logits. Without ml_dtypes, "bfloat16" results in NumPy are uint16 with the bits: pass
                  `bfloat16(result)` to other calls
    class_mask    0 (or False) masks a class: one flag per class, or any shape that broadcasts to that of the logits
                  by the rules of NumPy
    sink          an extra logit in the sum of each row, without a class: one per row, or one for all
    row_offsets   rows of different lengths, stored one after the other in one dimension: row r has the logits from
                  offset r up to offset r + 1; elements of a new result that belong to no row are 0
    fully_masked  the result of a row that is all -inf or masked: "nan", or "zero" for +0
    threads       at most this many threads, None for one per processor: changes only the speed; the bits are the same

    Returns `out`, or a new array of the library of the logits (otherwise of NumPy, otherwise a memoryview).

    Raises ShapeError, DTypeError, ArrayMemoryError or OptionError, before it writes anything. Any number of threads
    may call it at once; it releases the interpreter's lock while it computes.

    >>> import numpy as np, pyxent
    >>> pyxent.softmax(np.array([[2.0, 1, 0], [0, 3, 1]])).round(3).tolist()
    [[0.665, 0.245, 0.09], [0.042, 0.844, 0.114]]
    """


@overload
def log_softmax(logits: Own, *, out: None = None, dtype: None = None, **options: Unpack[Forward]) -> Own: ...
@overload
def log_softmax(logits: ArrayLike, *, out: Out, dtype: DType | None = None, **options: Unpack[Forward]) -> Out: ...
@overload
def log_softmax(logits: ArrayLike, *, out: None = None, dtype: DType | None = None,
                **options: Unpack[Forward]) -> Any: ...
@operation(of_rows, row_of("log_softmax", "output"))
def log_softmax(logits: ArrayLike, *, axis: Axes = -1, out: Output = None, dtype: DType | None = None,
                temperature: Number | None = None, softcap: float | None = None, class_mask: Small = None,
                sink: Small = None, row_offsets: Input = None, fully_masked: FullyMasked | None = "nan",
                threads: int | None = None) -> Any:
    """`y = x - log sum exp(x)`, never above 0; -inf stays -inf. Otherwise as `softmax`.

    >>> import numpy as np, pyxent
    >>> pyxent.log_softmax(np.zeros((1, 4))).round(4).tolist()
    [[-1.3863, -1.3863, -1.3863, -1.3863]]
    """


@overload
def log_sum_exp(logits: Own, *, out: None = None, dtype: None = None, **options: Unpack[LogSumExp]) -> Own: ...
@overload
def log_sum_exp(logits: ArrayLike, *, out: Out, dtype: DType | None = None, **options: Unpack[LogSumExp]) -> Out: ...
@overload
def log_sum_exp(logits: ArrayLike, *, out: None = None, dtype: DType | None = None,
                **options: Unpack[LogSumExp]) -> Any: ...
@operation(of_rows, row_of("log_sum_exp", "log_sum_exp"))
def log_sum_exp(logits: ArrayLike, *, axis: Axes = -1, keepdims: bool = False, out: Output = None,
                dtype: DType | None = None, temperature: Number | None = None, softcap: float | None = None,
                class_mask: Small = None, sink: Small = None, row_offsets: Input = None,
                fully_masked: FullyMasked | None = "nan", threads: int | None = None) -> Any:
    """`log sum exp(x)`, one number per row, in the shape of the logits without the class axis.

    The result is float64 for float64 logits, otherwise float32 unless `dtype` or `out` selects another type. `keepdims`
    keeps the class axes, with size 1. Otherwise as `softmax`.

    >>> import numpy as np, pyxent
    >>> pyxent.log_sum_exp(np.zeros((2, 4))).round(4).tolist()
    [1.3863, 1.3863]
    """


@operation(of_rows, row_of("cross_entropy", "argmax"))
def argmax(logits: ArrayLike, *, axis: Axes = -1, keepdims: bool = False, out: Output = None, class_mask: Small = None,
           row_offsets: Input = None, threads: int | None = None) -> Any:
    """The class of the largest logit of each row, as int64: the lowest of equal classes.

    The class is -1 in a row that is NaN or +inf, or that has only -inf or masked classes. For several axes, the index
    counts through all of them, as in NumPy. Integers, except uint16, are copied as float64, which must represent them
    exactly. `out` is int32 or int64.

    >>> import numpy as np, pyxent
    >>> pyxent.argmax(np.array([[2, 1, 2], [0, 3, 1]])).tolist()
    [0, 1]
    """


@operation(of_rows, row_of("cross_entropy", "entropies"))
def entropy(logits: ArrayLike, *, axis: Axes = -1, keepdims: bool = False, out: Output = None,
            temperature: Number | None = None, softcap: float | None = None, class_mask: Small = None,
            sink: Small = None, row_offsets: Input = None, fully_masked: FullyMasked | None = "nan",
            threads: int | None = None) -> Any:
    """`- sum p log p` of the softmax of each row, in nats.

    The result is float64 for float64 logits, otherwise float32. Options as in `softmax`.

    >>> import numpy as np, pyxent
    >>> pyxent.entropy(np.zeros((1, 4))).round(4).tolist()
    [1.3863]
    """


@overload
def softmax_backward(output: Own, upstream: ArrayLike, *, gradient: None = None,
                     **options: Unpack[Backward]) -> Own: ...
@overload
def softmax_backward(output: ArrayLike, upstream: ArrayLike, *, gradient: Out, **options: Unpack[Backward]) -> Out: ...
@overload
def softmax_backward(output: ArrayLike, upstream: ArrayLike, *, gradient: None = None, **options: Unpack[Backward]) -> Any: ...
@operation(check, Row("softmax_backward", partial(one_of, "gradient"), ("gradient",)))
def softmax_backward(output: ArrayLike, upstream: ArrayLike, *, axis: int = -1, gradient: Output = None,
                     temperature: Number | None = None, class_mask: Small = None, row_offsets: Input = None,
                     threads: int | None = None) -> Any:
    """`dx = y (dy - sum dy y) / temperature`, with the output `y` of `softmax` and its upstream gradient `dy`.

    Returns `gradient`, or a new array. `gradient` may be `output` or `upstream`, which it then overwrites. Pass the axis,
    temperature, class mask and row offsets of the forward call.

    >>> import numpy as np, pyxent
    >>> pyxent.softmax_backward(np.array([[0.5, 0.5]]), np.array([[1.0, 0.0]])).tolist()
    [[0.25, -0.25]]
    """


@overload
def log_softmax_backward(output: Own, upstream: ArrayLike, *, gradient: None = None,
                     **options: Unpack[Backward]) -> Own: ...
@overload
def log_softmax_backward(output: ArrayLike, upstream: ArrayLike, *, gradient: Out, **options: Unpack[Backward]) -> Out: ...
@overload
def log_softmax_backward(output: ArrayLike, upstream: ArrayLike, *, gradient: None = None, **options: Unpack[Backward]) -> Any: ...
@operation(check, Row("log_softmax_backward", partial(one_of, "gradient"), ("gradient",)))
def log_softmax_backward(output: ArrayLike, upstream: ArrayLike, *, axis: int = -1, gradient: Output = None,
                         temperature: Number | None = None, class_mask: Small = None, row_offsets: Input = None,
                         threads: int | None = None) -> Any:
    """`dx = (dy - exp(y) sum dy) / temperature`, with the output `y` of `log_softmax`; otherwise as `softmax_backward`.

    >>> import numpy as np, pyxent
    >>> pyxent.log_softmax_backward(np.log([[0.5, 0.5]]), np.array([[1.0, 0.0]])).round(6).tolist()
    [[0.5, -0.5]]
    """
