# SPDX-License-Identifier: Apache-2.0
"""Softmax, log-softmax, log-sum-exp, and their gradients."""
from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, overload

from pyxent._arrays import FLOATS, NAME, OUTPUT, array_of, as_type, empty, type_named
from pyxent._begin import as_doubles, begin_call, done, needed, one_of, present
from pyxent._call import TERMS, Call
from pyxent._options import is_wanted, truth, wanted_of
from pyxent._plans import operation
from pyxent._rows import Rows, fill, is_several, log_sums, write_sums
from pyxent._types import (Small, ArrayLike, Axes, Backward, DType, Forward, FullyMasked, Input, Isa, LogSumExp, Number, Out,
                           Output, Own)
from pyxent.errors import OptionError

if TYPE_CHECKING:
    from typing_extensions import Unpack


@overload
def softmax(logits: Own, *, out: Literal[True] | None = None, dtype: None = None,
            **options: Unpack[Forward]) -> Own: ...
@overload
def softmax(logits: ArrayLike, *, out: Out, dtype: DType | None = None, **options: Unpack[Forward]) -> Out: ...
@overload
def softmax(logits: ArrayLike, *, out: Literal[True] | None = None, dtype: DType | None = None,
            **options: Unpack[Forward]) -> Any: ...
@operation
def softmax(logits: ArrayLike, *, axis: Axes = -1, out: Output = None, dtype: DType | None = None,
            temperature: Number | None = None, softcap: float | None = None, class_mask: Small = None,
            sink: Small = None, row_offsets: Input = None, fully_masked: FullyMasked = "nan", isa: Isa = "best",
            threads: int | None = None) -> Any:
    """`y = exp(x) / sum exp(x)` over the classes of each row.

    `x` are the logits after `softcap` (`c tanh(x / c)`) and after division by `temperature`.

    logits        float32, float16, bfloat16 or float64, of any shape and strides; integers, except uint16, are
                  copied as float64
    axis          the class axis; several axes, or None for all: their indices together are the classes. Logits
                  without a dimension are one class; the axis is then -1, 0 or None
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
    isa           "best", "scalar", "avx2", "avx512" or "neon": changes only the speed; the bits are the same
    threads       at most this many threads, None for one per processor: changes only the speed; the bits are the same

    Returns `out`, or a new array of the library of the logits (otherwise of NumPy, otherwise a memoryview).

    Raises ShapeError, DTypeError, ArrayMemoryError or OptionError, before it writes anything. Any number of threads
    may call it at once; it releases the interpreter's lock while it computes.

    >>> import numpy as np, pyxent
    >>> pyxent.softmax(np.array([[2.0, 1, 0], [0, 3, 1]])).round(3).tolist()
    [[0.665, 0.245, 0.09], [0.042, 0.844, 0.114]]
    """
    return _softmax("softmax", logits, axis, out, dtype, class_mask, sink, row_offsets, threads, isa=isa,
                    fully_masked=fully_masked, temperature=temperature, softcap=softcap)


@overload
def log_softmax(logits: Own, *, out: Literal[True] | None = None, dtype: None = None,
                **options: Unpack[Forward]) -> Own: ...
@overload
def log_softmax(logits: ArrayLike, *, out: Out, dtype: DType | None = None, **options: Unpack[Forward]) -> Out: ...
@overload
def log_softmax(logits: ArrayLike, *, out: Literal[True] | None = None, dtype: DType | None = None,
                **options: Unpack[Forward]) -> Any: ...
@operation
def log_softmax(logits: ArrayLike, *, axis: Axes = -1, out: Output = None, dtype: DType | None = None,
                temperature: Number | None = None, softcap: float | None = None, class_mask: Small = None,
                sink: Small = None, row_offsets: Input = None, fully_masked: FullyMasked = "nan", isa: Isa = "best",
                threads: int | None = None) -> Any:
    """`y = x - log sum exp(x)`, never above 0; -inf stays -inf. Otherwise as `softmax`.

    >>> import numpy as np, pyxent
    >>> pyxent.log_softmax(np.zeros((1, 4))).round(4).tolist()
    [[-1.3863, -1.3863, -1.3863, -1.3863]]
    """
    return _softmax("log_softmax", logits, axis, out, dtype, class_mask, sink, row_offsets, threads, isa=isa,
                    fully_masked=fully_masked, temperature=temperature, softcap=softcap)


@overload
def log_sum_exp(logits: Own, *, return_sign: Literal[False] = False, out: Literal[True] | None = None,
                dtype: None = None, **options: Unpack[LogSumExp]) -> Own: ...
@overload
def log_sum_exp(logits: Own, *, return_sign: Literal[True], out: Literal[True] | None = None, dtype: None = None,
                **options: Unpack[LogSumExp]) -> tuple[Own, Own]: ...
@overload
def log_sum_exp(logits: ArrayLike, *, out: Out, return_sign: Literal[False] = False, dtype: DType | None = None,
                **options: Unpack[LogSumExp]) -> Out: ...
@overload
def log_sum_exp(logits: ArrayLike, *, out: ArrayLike | Literal[True] | None = None, return_sign: bool = False,
                dtype: DType | None = None, **options: Unpack[LogSumExp]) -> Any: ...
@operation
def log_sum_exp(logits: ArrayLike, *, axis: Axes = -1, keepdims: bool = False, out: Output = None,
                dtype: DType | None = None, weights: Input = None, return_sign: bool = False,
                temperature: Number | None = None, softcap: float | None = None, class_mask: Small = None,
                sink: Small = None, row_offsets: Input = None, fully_masked: FullyMasked = "nan", isa: Isa = "best",
                threads: int | None = None) -> Any:
    """`log sum exp(x)`, one number per row, in the shape of the logits without the class axis.

    The result is float64 for float64 logits, otherwise float32 unless `dtype` or `out` selects another type. `keepdims`
    keeps the class axes, with size 1. Otherwise as `softmax`.

    weights      w of `log sum w exp(x)`: real numbers of any type, in a shape that broadcasts to that of the logits, or
                 one per class of a single class axis; for ragged rows, in the shape of the logits. A class of weight 0
                 is masked, even if its logit is NaN or infinite. Not with a temperature, softcap or sink. NumPy
                 computes the logarithms of the weights in float64, and the exponentials of rows with a weight below 0:
                 the last bits may differ between machines
    return_sign  True: returns `(log |sum|, sign)`, where the sign is 1, 0, -1 or NaN. Otherwise the result for a sum
                 below 0 is NaN

    >>> import numpy as np, pyxent
    >>> pyxent.log_sum_exp(np.zeros((2, 4))).round(4).tolist()
    [1.3863, 1.3863]
    >>> x, w = np.array([[2.0, 1], [1, 2]]), np.array([1, -1])
    >>> [each.round(4).tolist() for each in pyxent.log_sum_exp(x, weights=w, return_sign=True)]
    [[1.5413, 1.5413], [1.0, -1.0]]
    """
    if weights is not None:
        for name, value in (("temperature", temperature), ("softcap", softcap), ("sink", sink)):
            if value is not None:
                raise OptionError(f"weights and {name} are both set: leave one of them out")
    return _softmax("log_sum_exp", logits, axis, out, dtype, class_mask, sink, row_offsets, threads, keepdims, weights,
                    truth("return_sign", return_sign), isa=isa, fully_masked=fully_masked, temperature=temperature,
                    softcap=softcap)


def _softmax(function: str, logits: Any, axis: Any, out: Any, dtype: Any, class_mask: Any, sink: Any, row_offsets: Any,
             threads: int | None, keepdims: bool = False, weights: Any = None, signed: bool = False,
             **options: Any) -> Any:
    lent = array_of("logits", present("logits", logits))
    to_type = type_named(dtype) if dtype is not None else None
    if to_type and is_wanted(out) and wanted_of(out) is not True and (to := array_of("out", out, OUTPUT)).type != to_type:
        raise OptionError(f"dtype is {NAME[to_type]}, out is {to}; expected an out of this type, or no dtype")
    widened = lent.type not in FLOATS or lent.type != "F64" == to_type and (out is None or out is True)
    kept = truth("keepdims", keepdims)
    if kept and row_offsets is not None:
        raise OptionError("keepdims is True, and row_offsets are both set: leave one of them out")
    if widened or is_several(axis):
        rows = Rows.of("logits", lent, logits, axis, widened, out, row_offsets, threads, may_be_empty=True)
        options["temperature"] = rows.per_row("temperature", options["temperature"])
        result = done(_softmax(function, rows.flat, -1, None, to_type, rows.mask("class_mask", class_mask),
          rows.per_row("sink", sink), row_offsets, threads, False,
                               rows.spread("weights", weights), signed, **options))
        if signed:
            return tuple(rows.reduced(each, kept) for each in result)
        return rows.reduced(result, kept) if function == "log_sum_exp" else rows.whole(result)
    call = begin_call("logits", logits, axis, row_offsets, TERMS, may_be_empty=True, **options)
    call.public |= {"element_weights": "weights"}
    call.take("class_mask", class_mask)
    call.take("sink", sink)
    call.take("element_weights", weights)
    if not call.classes and function == "log_sum_exp":  # the sum of no class is that of one class that is -inf
        alone = empty(logits, lent.type, call.with_entries(1))
        fill(as_type(alone, lent.type), -math.inf)
        return _softmax(function, alone, axis, out, dtype, None, sink, None, threads, kept, None, signed, **options)
    name, in_place = ("log_sum_exp", []) if function == "log_sum_exp" else ("output", ["logits"])
    call.public |= {name: "out"}
    call.write(name, needed("out", out), in_place, to_type, call.with_entries(1) if kept else None)
    written = call.arrays[name]
    signs = empty(logits, written.type, () if call.scalar else written.shape) if signed else None

    if weights is None and not signed:
        return call.checked(threads, partial(one_of, function, name))

    def compute(_: Any) -> Any:
        sums = None
        if weights is None:
            call.run(function)
        else:
            sums = log_sums(call, _log_sum_exp_like(call, options), options["fully_masked"] == "zero")
        write_sums(call, as_type(signs, written.type) if signed else None, sums, _log_sum_exp_like(call, options))
        return (call.results[name], signs) if signed else call.results[name]

    return call.checked(threads, compute, False)


def _log_sum_exp_like(call: Call, options: Any) -> Callable[..., Any]:
    """`log sum exp(x)` of doubles with the layout of a call's logits; -inf for a row that is all -inf."""
    offsets, axis = call.arrays.get("row_offsets"), -1 if call.ragged else call.axis

    def log_sum_exp(terms: Any, class_mask: Any = None, sink: Any = None) -> Any:
        return done(_softmax("log_sum_exp", terms, axis, None, None, class_mask, sink, offsets, call.threads,
                             isa=options["isa"], fully_masked="zero", temperature=None, softcap=None))

    return log_sum_exp


@overload
def softmax_backward(output: Own, upstream: ArrayLike, *, gradient: Literal[True] | None = None,
                     dtype: None = None, **options: Unpack[Backward]) -> Own: ...
@overload
def softmax_backward(output: ArrayLike, upstream: ArrayLike, *, gradient: Out, dtype: DType | None = None,
                     **options: Unpack[Backward]) -> Out: ...
@overload
def softmax_backward(output: ArrayLike, upstream: ArrayLike, *, gradient: Literal[True] | None = None,
                     dtype: DType | None = None, **options: Unpack[Backward]) -> Any: ...
@operation
def softmax_backward(output: ArrayLike, upstream: ArrayLike, *, axis: Axes = -1, gradient: Output = None,
                     temperature: Number | None = None, class_mask: Small = None, row_offsets: Input = None,
                     dtype: DType | None = None, isa: Isa = "best", threads: int | None = None) -> Any:
    """`dx = y (dy - sum dy y) / temperature`, with the output `y` of `softmax` and its upstream gradient `dy`.

    Returns `gradient`, or a new array. `gradient` may be `output` or `upstream`, which it then overwrites.
    `dtype="float64"` computes with float64 copies of both. Pass the axes, temperature, class mask and row offsets of
    the forward call.

    >>> import numpy as np, pyxent
    >>> pyxent.softmax_backward(np.array([[0.5, 0.5]]), np.array([[1.0, 0.0]])).tolist()
    [[0.25, -0.25]]
    """
    if dtype is not None:
        output, upstream = as_doubles(dtype, threads, output, "output", upstream=upstream)
    return _backward("softmax_backward", output, upstream, axis, gradient, class_mask, row_offsets, threads, isa=isa,
                     temperature=temperature)


@overload
def log_softmax_backward(output: Own, upstream: ArrayLike, *, gradient: Literal[True] | None = None,
                         dtype: None = None, **options: Unpack[Backward]) -> Own: ...
@overload
def log_softmax_backward(output: ArrayLike, upstream: ArrayLike, *, gradient: Out, dtype: DType | None = None,
                         **options: Unpack[Backward]) -> Out: ...
@overload
def log_softmax_backward(output: ArrayLike, upstream: ArrayLike, *, gradient: Literal[True] | None = None,
                         dtype: DType | None = None, **options: Unpack[Backward]) -> Any: ...
@operation
def log_softmax_backward(output: ArrayLike, upstream: ArrayLike, *, axis: Axes = -1, gradient: Output = None,
                         temperature: Number | None = None, class_mask: Small = None, row_offsets: Input = None,
                         dtype: DType | None = None, isa: Isa = "best", threads: int | None = None) -> Any:
    """`dx = (dy - exp(y) sum dy) / temperature`, with the output `y` of `log_softmax`; otherwise as `softmax_backward`.

    >>> import numpy as np, pyxent
    >>> pyxent.log_softmax_backward(np.log([[0.5, 0.5]]), np.array([[1.0, 0.0]])).round(6).tolist()
    [[0.5, -0.5]]
    """
    if dtype is not None:
        output, upstream = as_doubles(dtype, threads, output, "output", upstream=upstream)
    return _backward("log_softmax_backward", output, upstream, axis, gradient, class_mask, row_offsets, threads,
                     isa=isa, temperature=temperature)


def _backward(function: str, output: Any, upstream: Any, axis: Any, gradient: Any, class_mask: Any, row_offsets: Any,
              threads: int | None, **options: Any) -> Any:
    if is_several(axis):
        lent = array_of("output", present("output", output))
        rows = Rows.of("output", lent, output, axis, False, gradient, row_offsets, threads, "gradient", True)
        options["temperature"] = rows.per_row("temperature", options["temperature"])
        return rows.whole(done(_backward(
            function, rows.flat, rows.like("upstream", present("upstream", upstream)), -1, None,
            rows.mask("class_mask", class_mask), row_offsets, threads, **options)))
    call = begin_call("output", output, axis, row_offsets, may_be_empty=True, **options)
    call.take("upstream", present("upstream", upstream))
    call.take("class_mask", class_mask)
    call.write("gradient", needed("gradient", gradient), ["output", "upstream"])

    return call.checked(threads, partial(one_of, function, "gradient"))
