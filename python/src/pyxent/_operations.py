# SPDX-License-Identifier: Apache-2.0
"""The operations. Every array may be a NumPy, PyTorch, JAX or Arrow array, or any object that exports its memory by
DLPack or the buffer protocol. The memory is shared, and nothing is copied unless a function says so."""
from __future__ import annotations

import ctypes
import itertools
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar, cast, overload

from pyxent._arrays import (FLOATS, INTEGERS, NAME, OUTPUT, SIZE, Array, array_of, as_type, empty, held,
                            made_of, released, type_named)
from pyxent._call import (ELEMENTS, LINEAR, SAMPLED, SELECTED, TERMS, UPSTREAM_OF_ROWS, Bound, Call, Checked, LentTensor, conversion, lent_tensors,
                          normal_axis, plural, require_in_place, require_unwritten, require_writable, shape_of_weights, versions_of,
                          workspace_of)
from pyxent._native import (HIDDEN_GRADIENT, WEIGHTS_GRADIENT, WHOLE_ROWS, Options, Sampling,
                            ExactSum, library)
from pyxent._options import (PENALTIES, Reductions, choice, filters_of, integer, is_per_row, options_of, require,
                             sampling_of, set_number, set_numbers, shown, truth)
from pyxent._plans import operation, shown_argument
from pyxent._products import write_gradients, write_logits
from pyxent._rows import (Rows, add_rounded, as_floats, beside_zero, clamp_losses, copied, copied_like, doubles_of,
                          fill, flags_along, have_signs, is_binary, is_several, kl_of_elements, labels_like, log_sums,
                          losses_of_others, nll_of_rows, not_copied, parts_of_signs, reversed_along, row_factors,
                          second_derivatives, signed_along, smallest, subtract, sum_of_doubles, widened,
                          write_products, write_sums)
from pyxent._text import History
from pyxent._types import (Axes, Backward, Divergence, DType, Forward, FullyMasked, Input, Isa, ArrayLike, LogSumExp,
                           EmptyMean, Filter, Number, Out, Output, Own, Product, Reduction, Rules, Smoothing, Ties, Whole)
from pyxent.errors import DTypeError, OptionError, ShapeError

if TYPE_CHECKING:
    from typing_extensions import Unpack

# ---- softmax ------------------------------------------------------------------------------------------------------


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
            temperature: Number | None = None, softcap: float | None = None, class_mask: Input = None,
            sink: Input = None, row_offsets: Input = None, fully_masked: FullyMasked = "nan", isa: Isa = "best",
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
                temperature: Number | None = None, softcap: float | None = None, class_mask: Input = None,
                sink: Input = None, row_offsets: Input = None, fully_masked: FullyMasked = "nan", isa: Isa = "best",
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
                temperature: Number | None = None, softcap: float | None = None, class_mask: Input = None,
                sink: Input = None, row_offsets: Input = None, fully_masked: FullyMasked = "nan", isa: Isa = "best",
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
    lent = array_of("logits", _given("logits", logits))
    to_type = type_named(dtype) if dtype is not None else None
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
    call, struct = _begin("logits", logits, axis, row_offsets, TERMS, may_be_empty=True, **options)
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
    call.write(name, _needed("out", out), in_place, to_type, call.with_entries(1) if kept else None)
    written = call.arrays[name]
    signs = empty(logits, written.type, () if call.scalar else written.shape) if signed else None

    if weights is None and not signed:
        return call.checked(threads, partial(_one_of, function, name))

    def compute(_: Any) -> Any:
        sums = None
        if weights is None:
            call.run(function)
        else:
            sums = log_sums(call, _log_sum_exp_like(call, options), options["fully_masked"] == "zero")
        write_sums(call, as_type(signs, written.type) if signed else None, sums, _log_sum_exp_like(call, options))
        return (call.results[name], signs) if signed else call.results[name]

    return call.checked(threads, compute, False)


def _one_of(function: str, name: str, run: Any) -> Any:
    """The one result of a function."""
    run.run(function)
    return run.results[name]


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
                     temperature: Number | None = None, class_mask: Input = None, row_offsets: Input = None,
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
        output, upstream = _as_type(dtype, threads, output, "output", upstream=upstream)
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
                         temperature: Number | None = None, class_mask: Input = None, row_offsets: Input = None,
                         dtype: DType | None = None, isa: Isa = "best", threads: int | None = None) -> Any:
    """`dx = (dy - exp(y) sum dy) / temperature`, with the output `y` of `log_softmax`; otherwise as `softmax_backward`.

    >>> import numpy as np, pyxent
    >>> pyxent.log_softmax_backward(np.log([[0.5, 0.5]]), np.array([[1.0, 0.0]])).round(6).tolist()
    [[0.5, -0.5]]
    """
    if dtype is not None:
        output, upstream = _as_type(dtype, threads, output, "output", upstream=upstream)
    return _backward("log_softmax_backward", output, upstream, axis, gradient, class_mask, row_offsets, threads,
                     isa=isa, temperature=temperature)


def _backward(function: str, output: Any, upstream: Any, axis: Any, gradient: Any, class_mask: Any, row_offsets: Any,
              threads: int | None, **options: Any) -> Any:
    if is_several(axis):
        lent = array_of("output", _given("output", output))
        rows = Rows.of("output", lent, output, axis, False, gradient, row_offsets, threads, "gradient", True)
        options["temperature"] = rows.per_row("temperature", options["temperature"])
        return rows.whole(done(_backward(
            function, rows.flat, rows.like("upstream", _given("upstream", upstream)), -1, None,
            rows.mask("class_mask", class_mask), row_offsets, threads, **options)))
    call, struct = _begin("output", output, axis, row_offsets, may_be_empty=True, **options)
    call.take("upstream", _given("upstream", upstream))
    call.take("class_mask", class_mask)
    call.write("gradient", _needed("gradient", gradient), ["output", "upstream"])

    return call.checked(threads, partial(_one_of, function, "gradient"))


# ---- the largest classes, and selected classes ----------------------------------------------------------------------


class TopK(NamedTuple):
    """The k largest classes of each row, with k along the class axis."""

    classes: Any
    log_probabilities: Any

    def __reduce__(self) -> tuple[Any, ...]:
        return made_of, (TopK, *map(held, self))


@operation
def top_k(logits: ArrayLike, k: int, *, largest: bool = True, axis: int = -1, classes: Output = None,
          log_probabilities: Output = None, temperature: Number | None = None, softcap: float | None = None,
          class_mask: Input = None, sink: Input = None, row_offsets: Input = None, fully_masked: FullyMasked = "nan",
          dtype: DType | None = None, isa: Isa = "best", threads: int | None = None) -> TopK:
    """The k classes of the largest logits of each row, and their log-probabilities over all classes, in one read.

    Logits are in descending order; of equal logits, the lower class comes first. If fewer than k classes are not
    masked, the rest are class -1 with -inf; in a row that is NaN, all are class -1 with NaN. `classes` (int32 or int64)
    and `log_probabilities` may be your arrays. With `largest=False`, the classes of the smallest logits, in ascending
    order; NumPy or PyTorch then sorts them. Integers are copied as float64, which must represent them exactly. Options
    as in `softmax`.

    >>> import numpy as np, pyxent
    >>> top = pyxent.top_k(np.array([[2.0, 1, 0], [0, 3, 1]]), 2)
    >>> top.classes.tolist()
    [[0, 1], [1, 2]]
    >>> np.exp(top.log_probabilities).round(3).tolist()
    [[0.665, 0.245], [0.844, 0.114]]
    """
    logits, sink = _as_type(dtype, threads, logits, sink=sink)
    options: dict[str, Any] = dict(temperature=temperature, softcap=softcap, class_mask=class_mask, sink=sink,
                                   fully_masked=fully_masked, isa=isa)
    if not truth("largest", largest):
        return _smallest(logits, k, axis, {"classes": classes, "log_probabilities": log_probabilities}, row_offsets,
                         threads, options)
    logits = _floats(logits, threads)
    call, struct = _begin("logits", logits, axis, row_offsets, isa=isa, fully_masked=fully_masked,
                          temperature=temperature, softcap=softcap)
    call.public |= {"top_classes": "classes", "top_log_probabilities": "log_probabilities"}
    call.ask_for_top("k", k)
    call.take("class_mask", class_mask)
    call.take("sink", sink)
    call.write("top_classes", _needed("classes", classes))
    call.write("top_log_probabilities", _needed("log_probabilities", log_probabilities))

    return call.checked(threads, _largest)  # type: ignore[return-value]


def _largest(run: Any) -> TopK:
    run.run("cross_entropy")
    return TopK(run.results["top_classes"], run.results["top_log_probabilities"])


def _floats(logits: Any, threads: Any) -> Any:
    """Returns the logits, with integers copied as float64."""
    lent = array_of("logits", _given("logits", logits))
    if lent.type not in FLOATS and isinstance(threads, Bound):
        raise not_copied("logits", lent, -1, "the call is bound")
    return as_floats("logits", logits, lent)


def _smallest(logits: Any, k: int, axis: int, outputs: dict[str, Any], row_offsets: Any, threads: Any,
              options: dict[str, Any]) -> TopK:
    reason = "row_offsets are given" if row_offsets is not None else next(
        (f"{name} is given" for name, output in outputs.items() if _needed(name, output) is not True), "")
    if isinstance(threads, Bound) or reason:
        raise OptionError(f"largest is False and {reason or 'the call is bound'}; expected largest=True")
    logits = _floats(logits, threads)
    lent = array_of("logits", logits)
    if not lent.shape:
        return top_k(logits, k, axis=axis, threads=threads, **options)
    axis, k = normal_axis(axis, "logits", lent.shape), integer("k", k)
    if k > lent.shape[axis]:
        raise ShapeError(f"k is {k}, logits is {lent} with {lent.shape[axis]} classes along axis {axis}: ask for 1 to "
                         f"{lent.shape[axis]} of the smallest classes")
    to_type = "float64" if lent.type == "F64" else "float32"
    log_p = log_softmax(logits, axis=axis, dtype=to_type, threads=threads, **options)
    return TopK(*smallest(logits, log_p, flags_along("class_mask", options["class_mask"], lent, axis), axis, k))


@operation
def argmax(logits: ArrayLike, *, axis: Axes = -1, keepdims: bool = False, last: bool = False,
           out: Output = None, class_mask: Input = None, row_offsets: Input = None, isa: Isa = "best",
           threads: int | None = None) -> Any:
    """The class of the largest logit of each row, as int64: the lowest of equal classes, or the highest with `last`.

    The class is -1 in a row that is NaN or +inf, or that has only -inf or masked classes. For several axes, the index
    counts through all of them, as in NumPy. Integers, except uint16, are copied as float64, which must represent them
    exactly. `out` is int32 or int64.

    >>> import numpy as np, pyxent
    >>> pyxent.argmax(np.array([[2, 1, 2], [0, 3, 1]])).tolist(), pyxent.argmax(np.array([2, 1, 2]), last=True).tolist()
    ([0, 1], 2)
    """
    return _of_rows("argmax", logits, axis, keepdims, out, class_mask, row_offsets, threads, last=truth("last", last),
                    isa=isa)


@operation
def entropy(logits: ArrayLike, *, axis: Axes = -1, keepdims: bool = False, out: Output = None,
            temperature: Number | None = None, softcap: float | None = None, class_mask: Input = None,
            sink: Input = None, row_offsets: Input = None, fully_masked: FullyMasked = "nan",
            dtype: DType | None = None, isa: Isa = "best", threads: int | None = None) -> Any:
    """`- sum p log p` of the softmax of each row, in nats.

    The result is float64 for float64 logits, otherwise float32. Options as in `softmax`.

    >>> import numpy as np, pyxent
    >>> pyxent.entropy(np.zeros((1, 4))).round(4).tolist()
    [1.3863]
    """
    logits, sink = _as_type(dtype, threads, logits, sink=sink)
    return _of_rows("entropies", logits, axis, keepdims, out, class_mask, row_offsets, threads, sink=sink, isa=isa,
                    fully_masked=fully_masked, temperature=temperature, softcap=softcap)


def _of_rows(name: str, logits: Any, axis: Any, keepdims: Any, out: Any, class_mask: Any, row_offsets: Any,
             threads: Any, sink: Any = None, last: bool = False, **options: Any) -> Any:
    """Computes an output of cross-entropy that needs no targets."""
    kept, several = truth("keepdims", keepdims), is_several(axis)
    if kept and row_offsets is not None:
        raise OptionError("keepdims is True, and row_offsets are both set: leave one of them out")
    lent = array_of("logits", _given("logits", logits))
    if last and (isinstance(threads, Bound) or out is not None and out is not True):
        raise OptionError(f"last is True, and {'the call is bound' if isinstance(threads, Bound) else 'out is given'}; "
                          f"expected a call that makes a new result")
    if several or last:
        rows = Rows.of("logits", lent, _floats(logits, threads), axis if several else (axis,), False, out, row_offsets,
                       threads)
        mask, flat = rows.mask("class_mask", class_mask), rows.flat
        if last:
            counts: Any = flat.shape[-1]
            if row_offsets is not None:  # the rows too are then in reverse order
                offsets = _begin("logits", flat, -1, row_offsets)[0].offsets
                counts = [after - before for before, after in zip(offsets, offsets[1:])]
                row_offsets = (ctypes.c_int64 * len(offsets))(*(lent.size - offset for offset in reversed(offsets)))
            flat, mask = reversed_along(flat), None if mask is None else reversed_along(mask)
        if "temperature" in options:
            options["temperature"] = rows.per_row("temperature", options["temperature"])
        found = done(_of_rows(name, flat, -1, False, None, mask, row_offsets, threads, rows.per_row("sink", sink),
                              **options))
        if last and row_offsets is not None:
            found = reversed_along(found)
            counts = copied_like(counts, found)
        if last:
            found[...] = (found >= 0) * (counts - found) - 1
        return rows.reduced(found, kept)
    call, struct = _begin("logits", _floats(logits, threads), axis, row_offsets, **options)
    call.take("class_mask", class_mask)
    call.take("sink", sink)
    call.public |= {name: "out"}
    call.write(name, _needed("out", out), shape=call.with_entries(1) if kept else None)

    return call.checked(threads, partial(_one_of, "cross_entropy", name))


def _require_as_before(tensors: list[LentTensor], versions: Sequence[int]) -> None:
    require_in_place(tensors, "made: call again")
    require_unwritten(tensors, versions)


class _Copied:
    """Replaces the statistics of a result in its copies and pickles."""

    def gradient(self, upstream: Any, gradient: Any, threads: int | None) -> Any:
        raise OptionError("statistics stay with the result that the call gave, and this is a copy of it: call "
                          "backward of the former")

    linear_gradients = gradient


@dataclass(frozen=True, eq=False)
class _Saved:
    """A call with saved statistics, and the factors of its gradients, for a later `backward`."""

    function: str
    call: Call
    options: Options
    reductions: Reductions | None = None
    divisor: float = 1.0
    versions: Sequence[int] = ()  # version counters of the PyTorch tensors that the call read
    run: int = 0  # the run of a bound call: all its runs share the statistics

    @staticmethod
    def of(function: str, call: Call, *others: Any) -> _Saved:
        call.saved += 1
        saved = _Saved(function, call, *others)
        return replace(saved, versions=versions_of(call.again().lent_tensors()), run=call.saved)

    def __reduce__(self) -> tuple[Any, ...]:  # statistics are valid only with the arrays of the call
        return _Copied, ()

    def _again(self, upstream: Any, outputs: dict[str, Any],
               in_place: Sequence[str] = ()) -> tuple[Call, Options, bool]:
        """Returns the call of the gradients, its options, and whether all gradients are zero."""
        call, reductions = self.call.again(), self.reductions
        if self.run != self.call.saved:
            raise OptionError("this result is of an earlier run of a bound call, and the statistics are of the last one; "
                              "expected backward before the next run")
        _require_as_before(call.lent_tensors(), self.versions)
        options = call.options = Options.from_buffer_copy(self.options)
        if reductions:
            call.kinds = {**call.kinds, **UPSTREAM_OF_ROWS}
        call.take("upstream", upstream)
        for name, output in outputs.items():
            call.write(name, output, in_place)
        zero = False
        if reductions:
            reductions.require_mean(self.divisor, True)
            zero = reductions.gradient_is_zero(self.divisor)
            options.gradient_scale, options.has_gradient_scale = 0.0 if zero else reductions.scale_of(self.divisor), 1
        return call, options, zero

    def gradient(self, upstream: Any, gradient: Any, threads: int | None) -> Any:
        call, options, zero = self._again(upstream, {"gradient": _needed("gradient", gradient)}, ["logits"])
        call.prepare(threads)
        call.run("check_targets")
        if zero:
            call.clear("gradient")
        else:
            call.run(self.function)
        return call.results["gradient"]

    def linear_gradients(self, upstream: Any, outputs: dict[str, Any], threads: int | None) -> dict[str, Any]:
        call, options, zero = self.linear_call(upstream, outputs, threads)
        self.run_linear(call, options, zero)
        return call.results

    def linear_call(self, upstream: Any, outputs: dict[str, Any], threads: int | None) -> tuple[Call, Options, bool]:
        """Returns the checked call of the gradients of a linear layer, its options, and whether all are zero."""
        call, options, zero = self._again(upstream, outputs)
        of_classes = call.results.keys() - {"hidden_gradient"}
        call.workspace = _linear_workspace(call, (HIDDEN_GRADIENT if "hidden_gradient" in call.results else 0)
                                           | (WEIGHTS_GRADIENT if of_classes else 0))
        call.prepare(threads)
        _require_even_rows([call] if of_classes else [])
        call.run("check_targets")
        return call, options, zero

    def run_linear(self, call: Call, options: Options, zero: bool) -> None:
        of_rows = [name for name in call.results if name == "hidden_gradient"]
        of_classes = [name for name in call.results if name != "hidden_gradient"]
        if zero or not call.rows:
            for name in call.results:
                call.clear(name)
            return
        if of_rows:
            call.run(self.function, without=tuple(of_classes))
        if of_classes:
            call.run_over_classes(self.function, without=of_rows)


_NO_STATISTICS = "there are no statistics to compute a gradient from: call with save_statistics=True"


def _later(saved: _Saved | _Copied | None, upstream: Any, gradient: Any, threads: int | None) -> Any:
    if saved is None:
        raise OptionError(_NO_STATISTICS)
    return saved.gradient(upstream, gradient, threads)


class _Shown:
    """A result whose text shows its fields: numbers, and arrays by type and shape unless they are short."""

    def __repr__(self) -> str:
        found = ((each.name, getattr(self, each.name)) for each in fields(cast(Any, self)) if each.repr)
        texts = (f"{name}={_short(value)}" for name, value in found if value is not None)
        return f"{type(self).__name__}({', '.join(texts)})"

    def __getstate__(self) -> dict[str, Any]:
        return {name: held(value) for name, value in vars(self).items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update((name, released(value)) for name, value in state.items())


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 and "\n" not in text else shown_argument(value)


@dataclass(frozen=True, eq=False, repr=False)
class Selected(_Shown):
    """Log-probabilities of selected classes, and the gradient if you requested it."""

    log_probabilities: Any
    gradient: Any = None
    _saved: _Saved | _Copied | None = field(default=None, repr=False)

    def backward(self, upstream: Input = None, *, gradient: Output = True, threads: int | None = None) -> Any:
        """Computes the gradient later, with an upstream gradient that depends on the log-probabilities.

        Otherwise as `Loss.backward`.
        """
        return _later(self._saved, upstream, gradient, threads)


@operation
def selected_log_probabilities(
        logits: ArrayLike, targets: ArrayLike, *, axis: int = -1, log_probabilities: Output = None,
        upstream: Input = None, gradient: Output = None, save_statistics: bool = False,
        gradient_scale: float | None = None, ignore_index: int | None = None, temperature: Number | None = None,
        softcap: float | None = None, class_mask: Input = None, sink: Input = None, row_offsets: Input = None,
        fully_masked: FullyMasked = "nan", dtype: DType | None = None, isa: Isa = "best", threads: int | None = None) -> Selected:
    """`log softmax(x)` of one class of each row, or of up to 256, without storing those of the other classes.

    targets   the classes: in the shape of the logits without the class axis, or with several classes of each row along
              it. A target equal to `ignore_index` adds nothing to the gradient, and its log-probability is +0
    gradient  True, or your array, which may be the logits: the gradient of `gradient_scale * sum g log p`, with g =
              `upstream` in the shape of the targets (None: 1 for each)
    save_statistics  keeps the statistics from which `backward` of the result computes the gradient later; `gradient`
                     cannot then be the logits
    dtype  "float64" computes with a float64 copy of the logits

    >>> import numpy as np, pyxent
    >>> tokens = np.array([0, 1])
    >>> pyxent.selected_log_probabilities(np.zeros((2, 4)), tokens).log_probabilities.round(4).tolist()
    [-1.3863, -1.3863]
    """
    logits, upstream, sink = _as_type(dtype, threads, logits, upstream=upstream, sink=sink)
    call, struct = _begin("logits", logits, axis, row_offsets, SELECTED, labels=targets, isa=isa,
                          fully_masked=fully_masked, temperature=temperature, softcap=softcap, ignore_index=ignore_index,
                          gradient_scale=gradient_scale)
    call.take_selected(_given("targets", targets))
    call.take("class_mask", class_mask)
    call.take("sink", sink)
    call.take("upstream", upstream)
    call.write("log_probabilities", _needed("log_probabilities", log_probabilities))
    save = truth("save_statistics", save_statistics)
    call.write("gradient", gradient, [] if save else ["logits"])
    if save:
        call.keep_statistics()

    def compute(run: Any) -> Selected:
        run.run("check_targets")
        run.run("selected_log_probabilities")
        saved = _Saved.of("selected_log_probabilities_backward", run, run.options) if save else None
        return Selected(run.results["log_probabilities"], run.results.get("gradient"), saved)

    return call.checked(threads, compute)  # type: ignore[return-value]


# ---- losses -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Loss(_Shown):
    """A loss and the outputs that you requested; `float(result)` is the loss, and `f"{result:.3f}"` formats it.

    A result is equal only to itself. Deep copies and pickles contain everything except the statistics of
    `save_statistics`.

    loss         the mean or the sum
    sum          the exact sum of the losses of all rows, rounded once
    rows         the number of rows (for binary cross-entropy, of elements)
    valid_rows   the number of rows that are not ignored
    denominator  the divisor of a mean: the valid rows, or the sum of their weights, unless you passed one
    """

    loss: float
    sum: float
    rows: int
    valid_rows: int
    denominator: float
    gradient: Any = None
    losses: Any = None
    log_sum_exp: Any = None
    correct: Any = None
    log_probabilities: Any = None
    argmax: Any = None
    ranks: Any = None
    entropies: Any = None
    top_classes: Any = None
    top_log_probabilities: Any = None
    target_gradient: Any = None
    hidden_gradient: Any = None
    weights_gradient: Any = None
    bias_gradient: Any = None
    _saved: Any = field(default=None, repr=False)

    def __init__(self, loss: float, sum: float, rows: int, valid_rows: int, denominator: float,
                 **outputs: Any) -> None:
        vars(self).update(outputs, loss=loss, sum=sum, rows=rows, valid_rows=valid_rows, denominator=denominator)

    def __float__(self) -> float:
        return self.loss

    def __format__(self, spec: str) -> str:
        return format(self.loss, spec) if spec else str(self)

    def backward(self, upstream: Input = None, *, gradient: Output = True, threads: int | None = None) -> Any:
        """Computes the gradient later: that of `gradient=True`, times `upstream`, one number per row (None: 1 each).

        With the default reduction, `upstream` multiplies the gradient of the mean. For the gradients of `losses`, call
        with reduction="sum".

        Call it on the result of a `cross_entropy` with `save_statistics=True`. The logits, targets and weights must be
        unchanged. Returns a new array or `gradient`, which may be the logits.

        >>> import numpy as np, pyxent
        >>> result = pyxent.cross_entropy(np.zeros((2, 2)), np.array([0, 1]), reduction="sum", save_statistics=True)
        >>> result.backward(np.array([1.0, 3.0])).tolist()
        [[-0.5, 0.5], [1.5, -1.5]]
        """
        return _later(self._saved, upstream, gradient, threads)


class LinearGradients(NamedTuple):
    """The gradients of a linear layer that you requested; fields that you did not request have the value None."""

    hidden: Any = None
    weights: Any = None
    bias: Any = None

    def __reduce__(self) -> tuple[Any, ...]:
        return made_of, (LinearGradients, *map(held, self))


@dataclass(frozen=True, eq=False, repr=False, init=False)
class LinearLoss(Loss):
    """The result of `linear_cross_entropy`."""

    def backward(self, upstream: Input = None, *, hidden_gradient: Output = True,  # type: ignore[override]
                 weights_gradient: Output = None, bias_gradient: Output = None,
                 threads: int | None = None) -> LinearGradients:
        """Computes the gradients later: those of the call, times `upstream`, one number per row (None: 1 each).

        `upstream` multiplies the gradients of the mean, unless the call has reduction="sum".

        Call it on the result of a `linear_cross_entropy` with `save_statistics=True`. The hidden states, weights, bias
        and targets must be unchanged. `True` makes a new array; your array is overwritten.

        >>> import numpy as np, pyxent
        >>> hidden, weights = np.ones((2, 3), np.float32), np.zeros((2, 3), np.float32)
        >>> result = pyxent.linear_cross_entropy(hidden, weights, np.array([0, 1]), reduction="sum",
        ...                                      save_statistics=True)
        >>> result.backward(np.array([1, 3], np.float32), hidden_gradient=None, weights_gradient=True).weights.tolist()
        [[1.0, 1.0, 1.0], [-1.0, -1.0, -1.0]]
        """
        outputs = {"hidden_gradient": hidden_gradient, "weights_gradient": weights_gradient,
                   "bias_gradient": bias_gradient}
        if self._saved is None:
            raise OptionError(_NO_STATISTICS)
        results = self._saved.linear_gradients(upstream, outputs, threads)
        return LinearGradients(*(results.get(name) for name in outputs))


@operation
def cross_entropy(
        logits: ArrayLike, targets: ArrayLike, *, axis: Axes = -1, reduction: Reduction = "mean",
        gradient: Output = None, losses: Output = None, log_sum_exp: Output = None, correct: Output = None,
        log_probabilities: Output = None, argmax: Output = None, ranks: Output = None, entropies: Output = None,
        top_count: int = 0, top_classes: Output = None, top_log_probabilities: Output = None,
        target_gradient: Output = None, save_statistics: bool = False, ignore_index: int | None = None,
        label_smoothing: float | None = None, smoothing: Smoothing = "uniform", class_weights: Input = None,
        row_weights: Input = None, target_weights: Input = None, class_mask: Input = None, sink: Input = None,
        row_offsets: Input = None, temperature: Number | None = None, softcap: float | None = None,
        z_loss: float | None = None, probability_clamp: float | None = None, focal_gamma: float | None = None,
        gradient_reduction: Reduction | None = None, gradient_scale: float = 1.0, denominator: float | None = None,
        empty_mean: EmptyMean = "nan", fully_masked: FullyMasked = "nan", dtype: DType | None = None, isa: Isa = "best",
        threads: int | None = None) -> Loss:
    """`loss = u sum w q (lse - x) + u z_loss lse^2` of each row, reduced, and its gradient in the same read of the
    logits.

    axis             the class axis; for several axes, or None for all, labels and class weights count the classes
                     through all of them, in the order of the dimensions
    targets          integers: labels, in the shape of the logits without the class axis; floats: probability rows, in
                     the shape of the logits, whose sums and signs are not checked; with `target_weights`: integers,
                     several classes of each row along the class axis
    reduction        "mean" or "sum"; `gradient_reduction` if that of the gradient differs
    ignore_index     rows with this label do not count; None, the default, ignores no row (PyTorch's default is -100)
    label_smoothing  eps: targets become `(1 - eps) q + eps / classes`; with smoothing="others", eps is spread over all
                     classes except the label
    class_weights    w, one per class; with NumPy and without `save_statistics` also below 0, unlike in Java and C
    row_weights      u, one per row; a row with 0 or False is ignored, and not read
    z_loss, softcap, temperature, probability_clamp, focal_gamma  as in Java and C
    gradient_scale   multiplies every gradient
    denominator      the divisor of means, for a batch in several calls
    empty_mean       the mean over no row: "nan", "zero" or "error"
    dtype            "float64" computes with a float64 copy of the logits; new arrays are then float64
    class_mask, sink, row_offsets, fully_masked, isa, threads  as in `softmax`

    Outputs: `True` returns a new array; an array that you pass is overwritten. They are `gradient` (which may be the
    logits), `losses`, `log_sum_exp`, `correct`, `log_probabilities`, `argmax`, `ranks`, `entropies`; `top_classes` and
    `top_log_probabilities` of the `top_count` largest classes; `target_gradient` of probability rows or target weights.
    `save_statistics` keeps 64 bytes per row, from which `backward` of the result computes the gradient later. It reads
    the logits again, so `gradient` cannot be the logits.

    Raises the errors of `softmax`, LabelError for a label outside the classes, and EmptyMeanError, before it writes
    anything.

    >>> import numpy as np, pyxent
    >>> logits, labels = np.array([[2.0, 1, 0], [0, 3, 1]]), np.array([0, 1])
    >>> result = pyxent.cross_entropy(logits, labels, gradient=True, losses=True, label_smoothing=0.1)
    >>> round(result.loss, 4), result.losses.round(4).tolist()
    (0.4221, [0.5076, 0.3365])
    >>> result.gradient.round(3).tolist()
    [[-0.134, 0.106, 0.028], [0.004, -0.045, 0.04]]
    """
    numbers: dict[str, Any] = dict(
        label_smoothing=label_smoothing, softcap=softcap, z_loss=z_loss, probability_clamp=probability_clamp,
        focal_gamma=focal_gamma)
    if is_several(axis):
        return _of_several_axes(logits, targets, axis, row_offsets, threads, save_statistics, dict(
            class_mask=class_mask, class_weights=class_weights, row_weights=row_weights, sink=sink,
            target_weights=target_weights, temperature=temperature), dict(
            gradient=gradient, target_gradient=target_gradient), dict(
            reduction=reduction, losses=losses, log_sum_exp=log_sum_exp, correct=correct,
            log_probabilities=log_probabilities, argmax=argmax, ranks=ranks, entropies=entropies, top_count=top_count,
            top_classes=top_classes, top_log_probabilities=top_log_probabilities, ignore_index=ignore_index,
            smoothing=smoothing, gradient_reduction=gradient_reduction, gradient_scale=gradient_scale,
            denominator=denominator, empty_mean=empty_mean, fully_masked=fully_masked, dtype=dtype, isa=isa, **numbers))
    reductions = Reductions(reduction, gradient_reduction, gradient_scale, denominator, empty_mean)
    given: dict[str, Any] = dict(
        isa=isa, fully_masked=fully_masked, smoothing=smoothing, ignore_index=ignore_index, temperature=temperature,
        **numbers)
    logits, targets, class_weights, row_weights, target_weights, sink = _as_type(
        dtype, threads, logits, targets=targets, class_weights=class_weights, row_weights=row_weights,
        target_weights=target_weights, sink=sink)
    call, struct = _begin("logits", logits, cast(int, axis), row_offsets, labels=targets, **given)
    kind = call.take_targets(_given("targets", targets), target_weights)
    _require_for(kind, call, given)
    for name, value in (("class_mask", class_mask), ("sink", sink), ("row_weights", row_weights),
                        ("class_weights", class_weights)):
        call.take(name, value)
    call.ask_for_top("top_count", top_count, (top_classes, top_log_probabilities))
    outputs = {"losses": losses, "log_sum_exp": log_sum_exp, "correct": correct, "log_probabilities": log_probabilities,
               "argmax": argmax, "ranks": ranks, "entropies": entropies, "top_classes": top_classes,
               "top_log_probabilities": top_log_probabilities, "target_gradient": target_gradient}
    _require_outputs(kind, outputs)
    call.of_signs = partial(_of_signs, reductions=reductions, kind=kind, given=given)
    return cast(Loss, _loss(Loss, "cross_entropy", call, reductions, gradient, outputs, threads,
                            save=truth("save_statistics", save_statistics)))


def _of_several_axes(logits: Any, targets: Any, axis: Any, row_offsets: Any, threads: Any, save: Any,
                     inputs: dict[str, Any], outputs: dict[str, Any], options: dict[str, Any]) -> Loss:
    """Cross-entropy with several class axes; `inputs` and `outputs` are the arrays that have these axes."""
    lent = array_of("logits", _given("logits", logits))
    if truth("save_statistics", save):
        raise OptionError(f"axis is {shown(axis)} and save_statistics is True; expected one axis. Reshape logits so "
                          f"that one axis has the classes")
    for name, output in outputs.items():
        rows = Rows.of("logits", lent, logits, axis, False, output if _is_wanted(output) else None, row_offsets,
                       threads, name)
    for name in ("row_weights", "sink", "temperature"):
        inputs[name] = rows.per_row(name, inputs[name])
    inputs["class_mask"] = rows.mask("class_mask", inputs["class_mask"])
    inputs["class_weights"] = rows.per_class("class_weights", inputs["class_weights"])
    if array_of("targets", _given("targets", targets), lent).type in FLOATS:
        targets = rows.like("targets", targets)
    result = cross_entropy(rows.flat, targets, row_offsets=row_offsets, threads=threads, **inputs, **outputs, **options)
    of_all_classes = ["gradient"] if inputs["target_weights"] is not None else [*outputs]
    return replace(result, **{name: rows.whole(found) for name in of_all_classes
                              if (found := getattr(result, name)) is not None})


def _require_for(kind: str, call: Call, given: dict[str, Any]) -> None:
    """Rejects options of other kinds of targets."""
    targets = call.arrays["targets"]
    if kind == "probability rows" and given["ignore_index"] is not None:
        raise OptionError(f"ignore_index is {given['ignore_index']}, targets are probability rows {targets}; expected "
                          f"class indices, or leave ignore_index out")
    if kind != "class indices":
        for name, usual in (("smoothing", "uniform"), ("focal_gamma", 0)):
            if given[name] and given[name] != usual:
                raise OptionError(f"{name} is {given[name]}, targets are {kind} {targets}; expected class indices, or "
                                  f"leave {name} out")


def _is_wanted(output: Any) -> bool:
    return output is not None and output is not False


def _require_outputs(kind: str, outputs: dict[str, Any]) -> None:
    """Rejects outputs of other kinds of targets."""
    if kind == "class indices" and _is_wanted(outputs["target_gradient"]):
        raise OptionError("target_gradient is requested, targets are class indices; expected probability rows or "
                          "sparse targets, or outputs without it")
    for name in ("correct", "log_probabilities", "ranks") if kind != "class indices" else ():
        if _is_wanted(outputs[name]):
            raise OptionError(f"{name} is requested, targets are {kind}; expected class indices, or outputs without "
                               f"{name}")


AnyLoss = TypeVar("AnyLoss", bound=Loss)
Sums = tuple[float, float, int, int, float]  # the loss and the other four numbers of every Loss


def _loss(kind: type[AnyLoss], function: str, call: Call, reductions: Reductions, gradient: Any,
          outputs: dict[str, Any], threads: int | None, whole: bool = False, save: bool = False) -> Checked:
    """Counts, computes and reduces.

    `whole`: some results are sums over all rows, so one call of the kernel computes them.
    """
    for name, value in outputs.items():
        call.write(name, value)
    # backward reads the logits again, so the gradient cannot overwrite them.
    call.write("gradient", gradient, [] if save else ["logits"])
    if save:
        call.keep_statistics()

    def compute(run: Any) -> AnyLoss:
        try:
            made = _sums(function, [run], reductions, whole)
        except OptionError:  # nothing has been written yet
            if save or not run.of_signs or not have_signs(run.arrays.get("class_weights")):
                raise
            made = run.of_signs(run)
        saved = _Saved.of(f"{function}_backward", run, run.options, reductions, made[-1]) if save else None
        return kind(*made, **run.results, _saved=saved)

    return call.checked(threads, compute)


_WEIGHTED = ("losses", "gradient", "target_gradient")


def _of_signs(call: Call, reductions: Reductions, kind: str, given: dict[str, Any]) -> Sums:
    """A cross-entropy with negative class weights: that of the positive weights, minus that of the others."""
    inputs: dict[str, Any] = {name: call.arrays[name] for name in (
        "logits", "targets", "target_weights", "class_mask", "sink", "row_weights", "row_offsets")
        if name in call.arrays}
    plain: dict[str, Any] = dict(given, axis=-1 if call.ragged else call.axis, reduction="sum", threads=call.threads)
    # Labels have one weight per row, so one of the two parts is 0. For other targets, both are added in double.
    mixed = kind != "class indices" or bool(given["label_smoothing"] or given["z_loss"])
    exact = call.lead.type == "F64"
    wider: dict[str, Any] = {name: copied(doubles_of(array)) if mixed and not exact and array.type in FLOATS else array
             for name, array in inputs.items()}
    positive, negative = parts_of_signs(call.arrays["class_weights"], "F64" if mixed or exact else "F32")

    def part(weights: Array, **options: Any) -> Loss:
        of_part: dict[str, Any] = {**plain, "z_loss": given["z_loss"] if weights is positive else None}
        return cross_entropy(**wider, **{**of_part, **options}, class_weights=weights)

    above, below = part(positive), part(negative)
    divisor = reductions.denominator(above.denominator - (below.denominator if kind == "class indices" else 0))
    wanted = [name for name in _WEIGHTED if name in call.results]
    gradients = [name for name in wanted if name != "losses"]
    reductions.require_mean(divisor, bool(gradients))
    zero = bool(gradients) and reductions.gradient_is_zero(divisor)
    scale = reductions.scale_of(divisor) if gradients and not zero else 1.0
    types = {name: "F64" if mixed or exact else call.arrays[name].type if name in gradients else "F32"
             for name in {"losses", *wanted}}

    def new(name: str) -> Array:
        shape = {"losses": call.row_shape, "target_gradient": call.arrays["targets"].shape}.get(name, call.whole_shape)
        return as_type(empty(None, types[name], shape), types[name])

    found = [{name: new(name) for name in types if not zero or name == "losses"} for _ in range(2)]
    for weights, outputs in zip((positive, negative), found):
        part(weights, gradient_scale=scale, **outputs)
    others: dict[str, Any] = {name: array for name, array in call.arrays.items()
                              if name in call.results and name not in wanted}
    if others:
        cross_entropy(**inputs, **plain, **others)
    call.tell_autograd()
    for name in gradients:
        if zero:
            call.clear(name)
        else:
            subtract(call.arrays[name], found[0][name], found[1][name], exact)
    losses = subtract(call.arrays.get("losses"), found[0]["losses"], found[1]["losses"], exact)
    total = sum_of_doubles(call.library, losses)
    return reductions.reduce(total, divisor), total, call.rows, above.valid_rows, divisor


def _sums(function: str, parts: Sequence[Any], reductions: Reductions, whole: bool) -> Sums:
    """Computes the parts of a call; returns the five numbers of every `Loss`."""
    one, others = parts[0], parts[1:]
    library, results = one.library, one.results
    gradients = tuple([name for name in results if name.endswith("gradient")])  # every part has the same
    counted, weights = _count(function, one)
    for run in others:
        more, exact_sum = _count(function, run)
        counted += more
        if weights and exact_sum:
            library.merge(weights, exact_sum)
    divisor = reductions.denominator(library.exact_sum_value(weights) if weights else float(counted))
    zero, scale, rows = False, None, one.units
    if not divisor:
        reductions.require_mean(divisor, bool(gradients))
        zero = bool(gradients) and reductions.gradient_is_zero(divisor)
    if gradients:
        scale = 1.0 if zero else reductions.scale_of(divisor)
    if whole:
        _require_even_rows(parts)
    without = gradients if zero else ()
    _, total = one.run(function, True, without, scale, whole)
    for run in others:
        library.merge(total, run.run(function, True, without, scale, whole)[1])
        rows += run.units
    if zero or whole and not rows:
        for run in parts:
            for name in gradients:
                run.clear(name)
    loss = library.exact_sum_value(total)
    return reductions.reduce(loss, divisor), loss, rows, counted, divisor


def _require_even_rows(parts: Sequence[Any]) -> None:
    for call in parts:
        if call.packing or len(call.pieces) > 1:
            raise ShapeError(f"{call.lead_name} is {call.lead} with strides {list(call.lead.strides)}: copy it, as "
                             f"gradients of weights and bias are sums over rows that lie evenly apart")


def _count(function: str, run: Any) -> tuple[int, ExactSum | None]:
    """Returns the number of rows that count, and the sum of their weights if there are weights.

    Reads all labels before anything is written.
    """
    if function == "binary_cross_entropy":
        return cast(int, run.run(function, False, ("losses", "gradient"))[0]), None
    arrays = run.arrays
    weighted = "row_weights" in arrays
    if "targets" in arrays:
        weighted = weighted or "class_weights" in arrays
        counted, weights = run.run("check_targets", weighted)
    elif weighted:
        counted, weights = run.count_weighted()
    else:
        return run.rows, None
    return counted, weights if weighted else None


@operation
def binary_cross_entropy(
        logits: ArrayLike, targets: ArrayLike, *, axis: int = -1, reduction: Reduction = "mean",
        gradient: Output = None, target_gradient: Output = None, losses: Output = None, weights: Input = None,
        positive_weights: Input = None, ignore_index: int | None = None, probability_clamp: float | None = None,
        focal_gamma: float | None = None, focal_alpha: float | None = None, gradient_reduction: Reduction | None = None,
        gradient_scale: float = 1.0, denominator: float | None = None, empty_mean: EmptyMean = "nan",
        dtype: DType | None = None, isa: Isa = "best", threads: int | None = None) -> Loss:
    """`loss = w a (r t softplus(-x) + (1 - t) softplus(x)) m^gamma` of every element on its own, reduced, and its
    gradient.

    targets           t: labels 0 and 1 (integers or booleans), or numbers from 0 to 1, in the shape of the logits
    weights           w, in a shape that broadcasts to that of the logits, or one per index of `axis`; elements with 0
                      or False are ignored
    positive_weights  r, in such a shape too (PyTorch's `pos_weight`)
    probability_clamp  d: the losses, not the gradient, take probabilities as numbers in [d, 1 - d]. NumPy replaces the
                       losses that this changes
    focal_gamma, focal_alpha  of the focal loss, with m the probability of the wrong label and a = alpha t +
                              (1 - alpha)(1 - t)
    target_gradient   the gradient in t, for targets that are numbers: `w (r softplus(-x) - softplus(x))`; not for focal
                      losses, not with a clamp

    Otherwise as `cross_entropy`.

    >>> import numpy as np, pyxent
    >>> round(float(pyxent.binary_cross_entropy(np.zeros(3), np.array([0, 1, 1]))), 6)
    0.693147
    """
    if _is_wanted(target_gradient):
        for name, value in (("probability_clamp", probability_clamp), ("focal_gamma", focal_gamma),
                            ("focal_alpha", focal_alpha)):
            if value is not None:
                raise OptionError(f"target_gradient is requested, {name} is {shown(value)}; expected one of them")
        if isinstance(threads, Bound):
            raise OptionError("target_gradient is requested, and the call is bound; expected no target_gradient")
    if probability_clamp is not None:
        return _clamped(logits, targets, losses, probability_clamp, threads, dict(
            axis=axis, reduction=reduction, gradient=gradient, weights=weights, positive_weights=positive_weights,
            ignore_index=ignore_index, focal_gamma=focal_gamma, focal_alpha=focal_alpha, denominator=denominator,
            gradient_reduction=gradient_reduction, gradient_scale=gradient_scale, empty_mean=empty_mean,
            dtype=dtype, isa=isa))
    reductions = Reductions(reduction, gradient_reduction, gradient_scale, denominator, empty_mean)
    logits, targets, weights, positive_weights = _as_type(dtype, threads, logits, targets=targets, weights=weights,
                                                          positive_weights=positive_weights)
    call, struct = _begin("logits", logits, axis, None, ELEMENTS, isa=isa, ignore_index=ignore_index,
                          focal_gamma=focal_gamma, focal_alpha=focal_alpha)
    labels = call.take_element_targets(_given("targets", targets))
    if ignore_index is not None and not labels:
        raise OptionError(f"ignore_index is {ignore_index}, targets are numbers {call.arrays['targets']}; expected "
                          f"labels of an integer type, or weights of 0, or leave ignore_index out")
    call.public |= {"element_weights": "weights"}
    call.take("element_weights", weights)
    call.take("positive_weights", positive_weights)
    if focal_alpha is not None and not focal_alpha:  # positive labels have weight 0; the core takes no alpha of 0
        if not labels and (isinstance(threads, Bound) or not is_binary(call.arrays["targets"])):
            raise OptionError(f"focal_alpha is {focal_alpha}, targets are numbers {call.arrays['targets']}; expected "
                              f"labels of an integer type")
        zero = ctypes.c_float()
        call.take("positive_weights", Array(ctypes.addressof(zero), "F32", (), (), True, zero))
    if not _is_wanted(target_gradient):
        return cast(Loss, _loss(Loss, "binary_cross_entropy", call, reductions, gradient, {"losses": losses}, threads))
    if labels:
        raise OptionError(f"target_gradient is requested, targets are labels {call.arrays['targets']}; expected "
                          f"numbers from 0 to 1 of type {call.allowed}")
    of_ones, of_zeros = _losses_of_labels(call, isa, threads)  # the gradient may overwrite the logits later
    call.write("target_gradient", target_gradient)
    result: Loss = _loss(Loss, "binary_cross_entropy", call, reductions, gradient, {"losses": losses}, threads).now()
    if not reductions.gradient_is_zero(result.denominator):
        subtract(call.arrays["target_gradient"], of_ones, of_zeros, call.lead.type == "F64",
                 reductions.scale_of(result.denominator))
    return result


def _losses_of_labels(call: Call, isa: Isa, threads: int | None) -> list[Array]:
    """The binary losses with label 1 everywhere and with label 0 everywhere, as float64."""
    names = {"element_weights": "weights", "positive_weights": "positive_weights"}
    inputs: dict[str, Any] = {name: copied(doubles_of(call.arrays[key])) for key, name in names.items()
                              if key in call.arrays}
    logits = copied(doubles_of(call.lead))
    return [array_of("losses", binary_cross_entropy(logits, label, axis=call.axis, reduction="sum", losses=True,
                                                    isa=isa, threads=threads, **inputs).losses) for label in labels_like("logits", logits)]


def _clamped(logits: Any, targets: Any, losses: Any, clamp: float, threads: Any, options: dict[str, Any]) -> Loss:
    """A binary cross-entropy with probabilities clamped from `clamp` to 1 - `clamp`."""
    clamp = require("probability_clamp", clamp)
    for name in ("focal_gamma", "focal_alpha"):
        if options[name]:
            raise OptionError(f"probability_clamp is {clamp}, {name} is {options[name]}; expected one of them")
    if isinstance(threads, Bound) or _is_wanted(losses) and losses is not True:
        reason = "the call is bound" if isinstance(threads, Bound) else "losses is given"
        raise OptionError(f"probability_clamp is {clamp} and {reason}; expected no clamp")
    logits, targets, weights, positive_weights = _as_type(
        options["dtype"], threads, logits, targets=_given("targets", targets), weights=options["weights"],
        positive_weights=options["positive_weights"])
    positive, negative = (  # the gradient may overwrite the logits later
        array_of("losses", binary_cross_entropy(logits, labels, reduction="sum", losses=True, isa=options["isa"],
                                                threads=threads).losses) for labels in labels_like("logits", logits))
    call, _ = _begin("logits", logits, options["axis"], None, ELEMENTS)
    call.take_element_targets(targets)
    for name, value in (("element_weights", weights), ("positive_weights", positive_weights)):
        call.take(name, value)
    result = binary_cross_entropy(logits, targets, losses=True, threads=threads, **options)
    total = clamp_losses(call, array_of("losses", result.losses), positive, negative, clamp, options["ignore_index"])
    reductions = Reductions(options["reduction"], None, 1.0, None, options["empty_mean"])
    return replace(result, loss=reductions.reduce(total, result.denominator), sum=total,
                   losses=result.losses if losses is True else None)


@operation
def linear_cross_entropy(
        hidden: ArrayLike, weights: ArrayLike, targets: ArrayLike, *, bias: Input = None,
        reduction: Reduction = "mean", hidden_gradient: Output = None, weights_gradient: Output = None,
        bias_gradient: Output = None, losses: Output = None, log_sum_exp: Output = None, correct: Output = None,
        log_probabilities: Output = None, argmax: Output = None, ranks: Output = None, entropies: Output = None,
        top_count: int = 0, top_classes: Output = None, top_log_probabilities: Output = None,
        target_gradient: Output = None, save_statistics: bool = False, ignore_index: int | None = None,
        label_smoothing: float | None = None, smoothing: Smoothing = "uniform", class_weights: Input = None,
        row_weights: Input = None, target_weights: Input = None, class_mask: Input = None, sink: Input = None,
        temperature: float | None = None, softcap: float | None = None, z_loss: float | None = None,
        probability_clamp: float | None = None, focal_gamma: float | None = None,
        gradient_reduction: Reduction | None = None, gradient_scale: float = 1.0, denominator: float | None = None,
        empty_mean: EmptyMean = "nan", fully_masked: FullyMasked = "nan", dtype: DType | None = None, isa: Isa = "best",
        threads: int | None = None) -> LinearLoss:
    """`cross_entropy` of the logits `hidden @ weights.T + bias`, which are never all in memory.

    hidden   float32, float16, bfloat16 or float64, of any shape, with the features of a row along the last axis
    weights  one row of features per class: [classes, features]. [classes, *D, features] is one layer for each index of
             D: the targets, losses and other arrays with one entry per row then have the shape [*rows, *D], as in
             PyTorch
    bias     one number per class: the shape of the weights without the features
    dtype    "float64" computes with float64 copies of hidden and weights

    In float64, all logits are in memory, and NumPy computes the products. It adds each sum in the order of its terms,
    so the bits are the same on every machine, but it takes longer than float32. Such a call cannot be bound.

    You request outputs as in `cross_entropy`. This includes the gradients of hidden states, weights and bias, which
    have the types of hidden and weights. Those of weights and bias are sums over all rows, added by one thread. With
    `save_statistics`, `backward` of the result computes them later, from an upstream gradient per row. Targets and
    options as in `cross_entropy`; class weights below 0 only in float64.

    >>> import numpy as np, pyxent
    >>> hidden, weights = np.ones((2, 3), np.float32), np.zeros((4, 3), np.float32)
    >>> result = pyxent.linear_cross_entropy(hidden, weights, np.array([0, 3]), weights_gradient=True)
    >>> round(result.loss, 4), result.weights_gradient[:, 0].tolist()
    (1.3863, [-0.25, 0.25, 0.25, -0.25])
    """
    reductions = Reductions(reduction, gradient_reduction, gradient_scale, denominator, empty_mean)
    given: dict[str, Any] = dict(
        isa=isa, fully_masked=fully_masked, smoothing=smoothing, ignore_index=ignore_index,
        label_smoothing=label_smoothing, temperature=temperature, softcap=softcap, z_loss=z_loss,
        probability_clamp=probability_clamp, focal_gamma=focal_gamma)
    outputs = {"losses": losses, "log_sum_exp": log_sum_exp, "correct": correct, "log_probabilities": log_probabilities,
               "argmax": argmax, "ranks": ranks, "entropies": entropies, "top_classes": top_classes,
               "top_log_probabilities": top_log_probabilities, "target_gradient": target_gradient,
               "hidden_gradient": hidden_gradient, "weights_gradient": weights_gradient, "bias_gradient": bias_gradient}
    hidden, weights, bias, targets, target_weights, sink, row_weights, class_weights = _as_type(
        dtype, threads, _given("hidden", hidden), "hidden", weights=weights, bias=bias, targets=targets,
        target_weights=target_weights, sink=sink, row_weights=row_weights, class_weights=class_weights)
    inputs = {"bias": bias, "targets": _given("targets", targets), "target_weights": target_weights,
              "class_mask": class_mask, "sink": sink, "row_weights": row_weights, "class_weights": class_weights}
    save = truth("save_statistics", save_statistics)
    lent = array_of("weights", _given("weights", weights))
    if len(lent.shape) < 2 or not lent.shape[0]:
        raise ShapeError(f"weights has the shape {list(lent.shape)}; expected a row of features for each class")
    if not all(lent.shape[1:-1]):
        raise ShapeError(f"weights is {lent}; expected one layer or more")
    if array_of("hidden", hidden).type == "F64":
        return _layer_of_doubles(hidden, lent, inputs, outputs, threads, dict(
            given, top_count=top_count, reduction=reduction, gradient_reduction=gradient_reduction,
            gradient_scale=gradient_scale, denominator=denominator, empty_mean=empty_mean, save_statistics=save))
    if len(lent.shape) > 2:
        if isinstance(threads, Bound):
            raise OptionError(f"weights is {lent} and the call is bound; expected two dimensions. Call once for each "
                              f"layer")
        return _layers(hidden, lent, inputs, outputs, top_count, reductions, given, threads, save)
    call, struct, whole = _layer(hidden, weights, inputs, outputs, top_count, given)
    return cast(LinearLoss, _loss(LinearLoss, "linear_cross_entropy", call, reductions, None, outputs, threads, whole,
                                  save))


_OF_WHOLE_ROWS = ("argmax", "ranks", "entropies", "top_classes", "top_log_probabilities", "target_gradient")
_OF_LAYER = ("weights_gradient", "bias_gradient")  # sums over the rows


def _layer(hidden: Any, weights: Any, inputs: dict[str, Any], outputs: dict[str, Any], top_count: int,
           given: dict[str, Any]) -> tuple[Call, Options, bool]:
    """A linear layer without its outputs, its options, and whether one call must sum an output over all rows."""
    classes = array_of("weights", weights).shape[0]
    call, struct = _begin("hidden", hidden, -1, None, LINEAR, classes=classes, **given)
    features = call.counts["features"] = call.lead.shape[-1]
    call.take("weights", weights)
    call.take("bias", inputs["bias"])
    kind = call.take_targets(inputs["targets"], inputs["target_weights"])
    _require_for(kind, call, given)
    for name in ("class_mask", "sink", "row_weights", "class_weights"):
        call.take(name, inputs[name])
    _require_outputs(kind, outputs)
    call.ask_for_top("top_count", top_count, (outputs["top_classes"], outputs["top_log_probabilities"]))
    call.effort = classes * features
    whole = any(_is_wanted(outputs[name]) for name in _OF_LAYER)
    of_rows = any(_is_wanted(outputs[name]) for name in _OF_WHOLE_ROWS) or (
        kind != "class indices" and bool(given["probability_clamp"]))
    call.workspace = _linear_workspace(call, (WEIGHTS_GRADIENT if whole else 0) | (WHOLE_ROWS if of_rows else 0) | (
        HIDDEN_GRADIENT if _is_wanted(outputs["hidden_gradient"]) else 0))
    return call, struct, whole


def _linear_workspace(call: Call, contents: int) -> Callable[[int], ctypes.Array[Any]]:
    return lambda rows: workspace_of(
        call.library.c.xent_linear_workspace(max(rows, 1), call.counts["features"], call.classes, contents))


_OF_LINEAR = ("hidden_gradient", *_OF_LAYER)


def _layer_of_doubles(hidden: Any, weights: Array, inputs: dict[str, Any], outputs: dict[str, Any], threads: Any,
                      options: dict[str, Any]) -> LinearLoss:
    """One linear layer or several in float64, with all logits in memory."""
    lent = array_of("hidden", hidden)
    if isinstance(threads, Bound):
        raise OptionError(f"hidden is {lent} and the call is bound; expected float32, float16 or bfloat16")
    call, _ = _begin("hidden", hidden, -1, None, LINEAR, classes=weights.shape[0])
    rows, of_classes = lent.shape[:-1], weights.shape[:-1]
    bias = None if inputs["bias"] is None else array_of("bias", inputs["bias"])
    for name, array, expected in (("weights", weights, (*of_classes, lent.shape[-1])), ("bias", bias, of_classes)):
        if array and array.shape != expected:
            shape = shape_of_weights(array, lent.shape[-1]) if name == "weights" else list(expected)
            raise ShapeError(f"{name} is {array}, hidden is {lent}; expected {name} of shape {shape}")
        if array and not call.fits(array.type):
            raise DTypeError(f"{name} is {array}, hidden is {lent}; expected {name} of type {call.allowed}"
                             f"{conversion(name, array, 'numpy.float64')}")
    call.arrays["weights"] = weights
    call.keep_in_place()
    of_layer = {name: outputs[name] for name in _OF_LINEAR}
    layer = _Doubles(call, lent, weights)
    as_logits = Array(0, "F64", (*rows, *of_classes), None, True, None)
    takes: dict[str, Any] = {"class_mask": "bool", "targets": as_logits if inputs["target_weights"] is None else "int"}
    taken = {name: array_of(name, value, takes.get(name, "numpy.float64")) for name, value in inputs.items()
             if value is not None}
    written = layer.outputs(of_layer, taken)
    apart = {**taken, "hidden": lent, "weights": weights, **{name: array for name, (_, array) in written.items()}}
    for name, value in outputs.items():  # cross_entropy compares them with each other
        if name not in of_layer and _is_wanted(value) and value is not True:
            _require_apart(name, array_of(name, value, OUTPUT), apart)
    logits = empty(hidden, "F64", (*rows, *of_classes))
    write_logits(as_type(logits, "F64"), lent, weights, bias)
    loss = cross_entropy(logits, axis=len(rows), gradient=bool(written) or None, threads=threads, **options,
                         **{name: value for name, value in inputs.items() if name != "bias"},
                         **{name: value for name, value in outputs.items() if name not in of_layer})
    if written:
        layer.write(loss.gradient, written)
    return LinearLoss(**{
        **{each.name: getattr(loss, each.name) for each in fields(Loss)}, "gradient": None,
        **{name: result for name, (result, _) in written.items()},
        "_saved": replace(layer, loss=loss, versions=versions_of(call.lent_tensors())) if loss._saved else None})


def _require_apart(name: str, array: Array, others: dict[str, Array]) -> None:
    """Rejects an output that shares memory with others."""
    require_writable(name, array, ((other, other, theirs) for other, theirs in others.items()))


@dataclass(frozen=True, eq=False)
class _Doubles:
    """Hidden states and weights in float64, and the loss of their logits if the call saves statistics."""

    call: Call
    hidden: Array
    weights: Array
    loss: Loss | None = None
    versions: Sequence[int] = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return _Copied, ()

    def outputs(self, wanted: dict[str, Any], inputs: dict[str, Array]) -> dict[str, tuple[Any, Array]]:
        """Returns each gradient as the result and the array to write, which shares no memory with the inputs."""
        shapes = self.hidden.shape, self.weights.shape, self.weights.shape[:-1]
        found: dict[str, tuple[Any, Array]] = {}
        for (name, value), shape in zip(wanted.items(), shapes):
            if not _is_wanted(value):
                continue
            type_ = "F64" if name == "hidden_gradient" else self.weights.type
            result = empty(self.call.given_lead, type_, shape) if value is True else value
            array = as_type(result, type_) if value is True else array_of(name, result, OUTPUT)
            if array.shape != shape:
                raise ShapeError(f"{name} is {array}, hidden is {self.hidden}; expected {name} of shape {list(shape)}")
            if not self.call.fits(array.type):
                raise DTypeError(f"{name} is {array}, hidden is {self.hidden}; expected {name} of type "
                                 f"{self.call.allowed}")
            self.call.require_writable(name, array)
            _require_apart(name, array, {**inputs, **{other: theirs for other, (_, theirs) in found.items()}})
            found[name] = result, array
        return found

    def write(self, gradient: Any, written: dict[str, tuple[Any, Array]]) -> None:
        for _, array in written.values():
            self.call.tell_autograd_of(array)
        write_gradients(as_type(gradient, "F64"), self.hidden, self.weights,
                        {name: array for name, (_, array) in written.items()})

    def linear_gradients(self, upstream: Any, outputs: dict[str, Any], threads: int | None) -> dict[str, Any]:
        assert self.loss
        _require_as_before(self.call.lent_tensors(), self.versions)
        written = self.outputs(outputs, {} if upstream is None else {"upstream": array_of("upstream", upstream)})
        self.write(self.loss.backward(upstream, threads=threads), written)
        return {name: result for name, (result, _) in written.items()}


def _layers(hidden: Any, weights: Array, inputs: dict[str, Any], outputs: dict[str, Any], top_count: int,
            reductions: Reductions, given: dict[str, Any], threads: int | None, save: bool) -> LinearLoss:
    """One linear layer for each index of the inner dimensions of the weights; their hidden gradients are added."""
    lent, inner = array_of("hidden", _given("hidden", hidden)), weights.shape[1:-1]
    if not lent.shape or lent.type not in ("F32", "F16", "BF16"):
        raise (DTypeError if lent.shape else ShapeError)(
            f"hidden is {lent}; expected float32, float16 or bfloat16 with the features along the last axis")
    given_arrays = {name: array_of(name, value) for name, value in inputs.items() if value is not None}
    layers = _Layers(hidden, lent, weights, given_arrays)
    arrays = {name: _spread_over(name, array, layers.rows, weights.shape[0], inner, layers.whole)
              for name, array in given_arrays.items()}
    results, written, sums = layers.outputs(outputs, top_count, arrays["targets"].shape)
    parts, one = [], False
    for index in layers.indices:
        of = {name: array if name == "class_weights" else _at(array, index, len(array.shape) - len(inner), False)
              for name, array in arrays.items()}
        to = layers.at(index, written, sums)
        call, struct, one = _layer(hidden, _at(weights, index, 1, False), {**dict.fromkeys(inputs), **of},
                                   {**dict.fromkeys(outputs), **to}, top_count, given)
        for name, array in to.items():
            call.write(name, array)
        if save:
            call.keep_statistics()
        call.prepare(threads)
        parts.append(call)
    if sums:
        parts[0].require_writable("hidden_gradient", sums)
    made = _sums("linear_cross_entropy", parts, reductions, one)
    if sums:
        layers.add(parts, sums)
    if save:
        saved = [_Saved.of("linear_cross_entropy_backward", call, struct, reductions, made[-1]) for call in parts]
        layers = replace(layers, saved=saved, versions=versions_of(layers.tensors))
    return LinearLoss(*made, **results, _saved=layers if save else None)


@dataclass(frozen=True, eq=False)
class _Layers:
    """Several linear layers, with the statistics for later gradients if the call saves them."""

    hidden: Any
    lent: Array
    weights: Array
    inputs: dict[str, Array]
    saved: Sequence[_Saved] = ()
    versions: Sequence[int] = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return _Copied, ()

    @property
    def tensors(self) -> list[LentTensor]:
        """The PyTorch tensors except the hidden states, which each layer checks itself."""
        return lent_tensors({"weights": self.weights, **self.inputs})

    @property
    def rows(self) -> tuple[int, ...]:
        return self.lent.shape[:-1]

    @property
    def inner(self) -> tuple[int, ...]:
        return self.weights.shape[1:-1]

    @property
    def whole(self) -> tuple[int, ...]:
        """The shape of all logits."""
        return *self.rows, self.weights.shape[0], *self.inner

    @property
    def indices(self) -> Iterator[tuple[int, ...]]:
        return itertools.product(*map(range, self.inner))

    def outputs(self, wanted: dict[str, Any], top_count: int = 0, of_targets: tuple[int, ...] = (),
                upstream: Array | None = None) -> tuple[dict[str, Any], dict[str, Array], Array | None]:
        """Returns the results, the arrays that the layers write, and the sum of their hidden gradients."""
        rows, inner, weights = self.rows, self.inner, self.weights
        shapes = {"top_classes": (*rows, top_count, *inner), "top_log_probabilities": (*rows, top_count, *inner),
                  "target_gradient": of_targets, "hidden_gradient": self.lent.shape,
                  "weights_gradient": weights.shape, "bias_gradient": weights.shape[:-1]}
        types = {"correct": "U8", "argmax": "I64", "ranks": "I64", "top_classes": "I64",
                 "hidden_gradient": self.lent.type, "weights_gradient": weights.type, "bias_gradient": weights.type}
        results, written = {}, dict[str, Array]()
        inputs = {"hidden": self.lent, "weights": weights, **self.inputs, **({"upstream": upstream} if upstream else {})}
        for name, value in wanted.items():
            if not _is_wanted(value):
                continue
            shape, type_ = shapes.get(name, (*rows, *inner)), types.get(name, "F32")
            results[name] = empty(self.hidden, type_, shape) if value is True else value
            array = written[name] = as_type(results[name], type_) if value is True else array_of(name, value, OUTPUT)
            if array.shape != shape:
                raise ShapeError(f"{name} is {array}, logits is {list(self.whole)} of hidden {self.lent} and weights "
                                 f"{weights}; expected {name} of shape {list(shape)}")
            if value is not True:  # one layer writes before another reads
                _require_apart(name, array, {other: theirs for other, theirs in (inputs | written).items() if other != name})
        sums = written.pop("hidden_gradient", None)
        if sums and sums.type not in ("F32", "F16", "BF16"):
            raise DTypeError(f"hidden_gradient is {sums}, hidden is {self.lent}; expected hidden_gradient of type "
                             f"float32, float16 or bfloat16")
        return results, written, sums

    def at(self, index: Sequence[int], written: dict[str, Array], sums: Array | None) -> dict[str, Array]:
        """The arrays that one layer writes."""
        to = {name: _at(array, index, 1 if name == "weights_gradient" else len(array.shape) - len(index))
              for name, array in written.items()}
        return {**to, "hidden_gradient": as_type(empty(self.hidden, "F32", self.lent.shape), "F32")} if sums else to

    def add(self, parts: Sequence[Call], sums: Array) -> None:
        parts[0].tell_autograd_of(sums)
        add_rounded(sums, [call.arrays["hidden_gradient"] for call in parts])

    def linear_gradients(self, upstream: Any, outputs: dict[str, Any], threads: int | None) -> dict[str, Any]:
        _require_as_before(self.tensors, self.versions)
        given = None if upstream is None else array_of("upstream", upstream)
        results, written, sums = self.outputs(outputs, upstream=given)
        if given:
            upstream = _spread_over("upstream", given, self.rows, self.weights.shape[0],
                                    self.inner, self.whole)
        parts = []
        for index, saved in zip(self.indices, self.saved):
            of_rows = None if upstream is None else _at(upstream, index, len(self.rows), False)
            parts.append(saved.linear_call(of_rows, self.at(index, written, sums), threads))
        if sums:
            parts[0][0].require_writable("hidden_gradient", sums)
        for saved, part in zip(self.saved, parts):
            saved.run_linear(*part)
        if sums:
            self.add([call for call, _, _ in parts], sums)
        return results


def _spread_over(name: str, array: Array, rows: tuple[int, ...], classes: int, inner: tuple[int, ...],
                 whole: tuple[int, ...]) -> Array:
    """Broadcasts an input of several layers to all their dimensions."""
    if name in ("class_weights", "bias"):
        expected = (classes, *inner) if name == "bias" else (classes,)
        if array.shape != expected:
            raise ShapeError(f"{name} is {array}; expected the shape {list(expected)}")
        return array
    if name in ("targets", "target_weights"):
        fits = len(array.shape) == len(whole) or array.shape == (*rows, *inner)
        if not fits or array.shape[:len(rows)] != rows or array.shape[len(array.shape) - len(inner):] != inner:
            raise ShapeError(f"{name} is {array}; expected class indices of the shape {[*rows, *inner]}, or "
                             f"probabilities of the shape {list(whole)}")
        return array
    expected = whole if name == "class_mask" else (*rows, *inner)
    if name == "class_mask" and array.shape == (classes,):
        array = Array(array.address, array.type, (classes, *(1 for _ in inner)),
                      (array.strides[0], *(0 for _ in inner)), array.read_only, array.owner)
    missing = len(expected) - len(array.shape)
    if missing < 0 or any(n not in (1, most) for n, most in zip(array.shape, expected[missing:])):
        raise ShapeError(f"{name} is {array}; expected a shape that broadcasts to {list(expected)}")
    strides = [0] * missing + [0 if n == 1 else stride for n, stride in zip(array.shape, array.strides)]
    return Array(array.address, array.type, expected, strides, array.read_only, array.owner)


def _at(array: Array, index: Sequence[int], first: int, written: bool = True) -> Array:
    """The part of an array at this index of the dimensions from `first` on."""
    end = first + len(index)
    offset = sum(i * stride for i, stride in zip(index, array.strides[first:end]))
    return Array(array.address + offset * SIZE[array.type], array.type, array.shape[:first] + array.shape[end:],
                 array.strides[:first] + array.strides[end:], array.read_only, array.owner if written else array)


def statistics_of(result: Loss) -> Any:
    """The memory of the statistics that the call saved."""
    return result._saved.call.statistics


def gradient_of_saved(logits: Any, targets: Any, upstream: Any, statistics: Any, divisor: float, axis: int,
                      threads: int | None, *, reduction: str, class_weights: Any, **given: Any) -> Any:
    """The gradient of a cross-entropy, from the memory of its statistics and its divisor."""
    call, struct = _begin("logits", logits, axis, **given)
    call.take_targets(targets)
    call.take("class_weights", class_weights)
    call.statistics = statistics
    reductions = Reductions(reduction, None, 1.0, None, "nan")
    return _Saved("cross_entropy_backward", call, struct, reductions, divisor).gradient(upstream, None, threads)


def linear_gradients_of_saved(hidden: Any, weights: Any, bias: Any, targets: Any, upstream: Any, statistics: Any,
                              divisor: float, wanted: Sequence[bool], threads: int | None, *, reduction: str,
                              class_weights: Any, **given: Any) -> LinearGradients:
    """The requested gradients of hidden states, weights and bias of a linear layer, likewise."""
    inputs = dict(dict.fromkeys(("target_weights", "class_mask", "sink", "row_weights")), bias=bias, targets=targets,
                  class_weights=class_weights)
    outputs = dict(zip(_OF_LINEAR, (asked or None for asked in wanted)))
    none = dict.fromkeys((*_OF_WHOLE_ROWS, *_OF_LINEAR, "correct", "log_probabilities"))
    unused = dict(smoothing="uniform", focal_gamma=None, probability_clamp=None)
    call, struct, _ = _layer(hidden, weights, inputs, none, 0, {**unused, **given})
    call.statistics = statistics
    reductions = Reductions(reduction, None, 1.0, None, "nan")
    saved = _Saved("linear_cross_entropy_backward", call, struct, reductions, divisor)
    results = saved.linear_gradients(upstream, outputs, threads)
    return LinearGradients(*(results.get(name) for name in outputs))


@operation
def nll_loss(
        log_probabilities: ArrayLike, targets: ArrayLike, *, axis: int = -1, reduction: Reduction = "mean",
        gradient: Output = None, losses: Output = None, ignore_index: int | None = None, class_weights: Input = None,
        row_weights: Input = None, gradient_reduction: Reduction | None = None, gradient_scale: float = 1.0,
        denominator: float | None = None, empty_mean: EmptyMean = "nan", dtype: DType | None = None,
        isa: Isa = "best", threads: int | None = None) -> Loss:
    """`loss = -u w l` at the label of each row, reduced, and its gradient; nothing is normalized.

    log_probabilities  l, float32, float16, bfloat16 or float64, of any shape; `axis` is the class axis
    targets            labels, in that shape without the class axis

    A class of weight 0 has the loss +0 for every log-probability. Needs NumPy. Otherwise as `cross_entropy`.

    >>> import numpy as np, pyxent
    >>> result = pyxent.nll_loss(np.array([[-1.0, -2], [-3, -4]]), np.array([0, 1]), gradient=True)
    >>> result.loss, result.gradient.tolist()
    (2.5, [[-0.5, 0.0], [0.0, -0.5]])
    """
    reductions = Reductions(reduction, gradient_reduction, gradient_scale, denominator, empty_mean)
    log_probabilities, class_weights, row_weights = _as_type(
        dtype, threads, _given("log_probabilities", log_probabilities), "log_probabilities",
        class_weights=class_weights, row_weights=row_weights)
    call, struct = _begin("logits", log_probabilities, axis, called="log_probabilities", labels=targets, isa=isa,
                          ignore_index=ignore_index)
    call.take_labels(_given("targets", targets))
    call.take("row_weights", row_weights)
    call.take("class_weights", class_weights)
    call.write("losses", losses)
    call.write("gradient", gradient, ["logits"])

    def count() -> tuple[float, int]:
        """Returns the sum of the weights, and the number of rows."""
        try:
            counted, weights = _count("nll_loss", call)
        except OptionError:
            signed = call.arrays.get("class_weights")
            if not signed or not have_signs(signed):
                raise
            above, below = (nll_loss(call.lead, call.arrays["targets"], axis=call.axis, reduction="sum",
                                     ignore_index=ignore_index, class_weights=part,
                                     row_weights=call.arrays.get("row_weights"), threads=call.threads)
                            for part in parts_of_signs(signed, "F64" if call.lead.type == "F64" else "F32"))
            return above.denominator - below.denominator, above.valid_rows
        return call.library.exact_sum_value(weights) if weights else float(counted), counted

    def compute(_: Any) -> Loss:
        total_weight, counted = count()
        divisor = reductions.denominator(total_weight)
        reductions.require_mean(divisor, "gradient" in call.results)
        zero = reductions.gradient_is_zero(divisor)
        scale = reductions.scale_of(divisor) if "gradient" in call.results and not zero else 0.0
        call.tell_autograd()
        total = nll_of_rows(call.library, call.arrays, call.axis, ignore_index, scale)
        return Loss(reductions.reduce(total, divisor), total, call.rows, counted, divisor, **call.results)

    return cast(Loss, call.checked(threads, compute, False))


@operation
def kl_div(log_probabilities: ArrayLike, targets: ArrayLike, *, log_targets: bool = False,
           reduction: Reduction = "mean", gradient: Output = None, target_gradient: Output = None,
           losses: Output = None, weights: Input = None, gradient_reduction: Reduction | None = None,
           gradient_scale: float = 1.0, denominator: float | None = None, empty_mean: EmptyMean = "nan",
           dtype: DType | None = None, isa: Isa = "best", threads: int | None = None) -> Loss:
    """`loss = w t (log t - l)` of every element, reduced, and its gradient in l; nothing is normalized.

    log_probabilities  l, float32, float16, bfloat16 or float64, of any shape
    targets            t, 0 or more, in that shape; with `log_targets`, their logarithms. If t is 0, the loss is 0
    weights            w, in a shape that broadcasts to that of l; elements of weight 0 have the loss 0, and count
    target_gradient    in t: `w (log t - l + 1)`, -inf if t is 0; with `log_targets`, in log t: t times that
    denominator        the divisor of a mean: the elements, unless you pass another number, such as the number of rows
                       (PyTorch's "batchmean")

    NumPy computes it in float64, with NumPy's exp and log. Unlike the results of all other functions, the last bits may
    differ between machines. `divergence` of logits has no such limit.

    >>> import numpy as np, pyxent
    >>> round(float(pyxent.kl_div(np.log([[0.5, 0.5]]), np.array([[1.0, 0.0]]), reduction="sum")), 6)
    0.693147
    """
    reductions = Reductions(reduction, gradient_reduction, gradient_scale, denominator, empty_mean)
    log_probabilities, targets, weights = _as_type(
        dtype, threads, _given("log_probabilities", log_probabilities), "log_probabilities",
        targets=_given("targets", targets), weights=weights)
    call, struct = _begin("logits", log_probabilities, -1, None, ELEMENTS, called="log_probabilities", isa=isa)
    call.take_element_targets(targets, may_be_labels=False)
    call.public |= {"element_weights": "weights"}
    call.take("element_weights", weights)
    call.write("losses", losses)
    call.write("target_gradient", target_gradient)
    call.write("gradient", gradient, ["logits"])
    is_log = truth("log_targets", log_targets)

    def compute(_: Any) -> Loss:
        count = call.lead.size
        divisor = reductions.denominator(float(count))
        gradients = bool(call.results.keys() & {"gradient", "target_gradient"})
        reductions.require_mean(divisor, gradients)
        zero = reductions.gradient_is_zero(divisor)
        scale = reductions.scale_of(divisor) if gradients and not zero else 0.0
        call.tell_autograd()
        total = kl_of_elements(call.library, call.arrays, is_log, scale)
        return Loss(reductions.reduce(total, divisor), total, count, count, divisor, **call.results)

    return cast(Loss, call.checked(threads, compute, False))


DIVERGENCES = {"kullback-leibler": "kl_divergence", "jensen-shannon": "jensen_shannon_divergence",
               "total-variation": "total_variation"}


@operation
def divergence(
        logits: ArrayLike, teacher: ArrayLike, kind: Divergence = "kullback-leibler", *, axis: int = -1,
        reduction: Reduction = "mean", gradient: Output = None, losses: Output = None, row_weights: Input = None,
        class_mask: Input = None, temperature: Number | None = None, gradient_reduction: Reduction | None = None,
        gradient_scale: float = 1.0, denominator: float | None = None, empty_mean: EmptyMean = "nan",
        fully_masked: FullyMasked = "nan", dtype: DType | None = None, isa: Isa = "best",
        threads: int | None = None) -> Loss:
    """The divergence of the softmax of the teacher's logits from that of the logits, per row, and its gradient.

    kind  "kullback-leibler": `sum q (log q - log p)`; "jensen-shannon": the mean of the divergences of p and q from
          `m = (p + q) / 2`; "total-variation": `sum |p - q| / 2`

    Computed in double for all types. Otherwise as `cross_entropy`.

    >>> import numpy as np, pyxent
    >>> round(float(pyxent.divergence(np.zeros((1, 2)), np.log([[0.9, 0.1]]), "total-variation")), 6)
    0.4
    """
    choice("kind", kind, dict.fromkeys(DIVERGENCES, 0))
    reductions = Reductions(reduction, gradient_reduction, gradient_scale, denominator, empty_mean)
    logits, row_weights = _as_type(dtype, threads, logits, row_weights=row_weights)
    call, struct = _begin("logits", logits, axis, None, None, True, isa=isa, fully_masked=fully_masked,
                          temperature=temperature)
    call.take("teacher", _given("teacher", teacher))
    call.take("class_mask", class_mask)
    call.take("row_weights", row_weights)
    return cast(Loss, _loss(Loss, DIVERGENCES[kind], call, reductions, gradient, {"losses": losses}, threads))


@overload
def cross_entropy_hvp(logits: Own, upstream: ArrayLike, *, out: Literal[True] | None = None,
                      dtype: None = None, **options: Unpack[Product]) -> Own: ...
@overload
def cross_entropy_hvp(logits: ArrayLike, upstream: ArrayLike, *, out: Out, dtype: DType | None = None,
                      **options: Unpack[Product]) -> Out: ...
@overload
def cross_entropy_hvp(logits: ArrayLike, upstream: ArrayLike, *, out: Literal[True] | None = None,
                      dtype: DType | None = None, **options: Unpack[Product]) -> Any: ...
@operation
def cross_entropy_hvp(logits: ArrayLike, upstream: ArrayLike, *, axis: int = -1, out: Output = None,
                      targets: Input = None, class_weights: Input = None, label_smoothing: float | None = None,
                      ignore_index: int | None = None, reduction: Reduction = "sum", denominator: float | None = None,
                      row_weights: Input = None, temperature: Number | None = None, gradient_scale: float | None = None,
                      class_mask: Input = None, sink: Input = None, row_offsets: Input = None,
                      fully_masked: FullyMasked = "nan", dtype: DType | None = None, isa: Isa = "best",
                      threads: int | None = None) -> Any:
    """The Hessian of cross-entropy times a vector per row: `c u p (v - sum p v) / temperature^2`, with `p =
    softmax(x / temperature)`, `v` the upstream vector, `c` the gradient scale and `u` the row weights.

    The Hessian is the same for all targets with the sum 1, so you can omit targets; for a mean over n rows, `c` is
    1 / n. With `targets` (labels or probability rows), u is also multiplied by `sum w q`, where w are `class_weights`
    and q the targets with `label_smoothing`. It is 0 for labels equal to `ignore_index`. `reduction="mean"` divides by
    the denominator of `cross_entropy`. With targets, NumPy computes u and rounds it to the type of `out`.

    Returns `out`, which may be the logits, or a new array: float64 for float64, otherwise float32. `dtype="float64"`
    computes with float64 copies of logits and upstream. Otherwise as `softmax`.

    >>> import numpy as np, pyxent
    >>> pyxent.cross_entropy_hvp(np.zeros((1, 2)), np.array([[1.0, 0.0]])).tolist()
    [[0.25, -0.25]]
    >>> weights = np.array([1.0, 4.0])
    >>> pyxent.cross_entropy_hvp(np.zeros((1, 2)), np.array([[1.0, 0.0]]), targets=np.array([1]),
    ...                        class_weights=weights).tolist()
    [[1.0, -1.0]]
    """
    reductions = Reductions(reduction, None, 1.0 if gradient_scale is None else gradient_scale, denominator, "nan")
    if dtype is not None:
        logits, upstream, targets, class_weights, row_weights, sink = _as_type(
            dtype, threads, logits, upstream=upstream, targets=targets, class_weights=class_weights,
            row_weights=row_weights, sink=sink)
    read = {"targets": targets, "class_weights": class_weights, "row_weights": row_weights, "upstream": upstream}
    if targets is not None:
        upstream, row_weights, gradient_scale = _weigh_upstream(
            logits, upstream, targets, axis, class_weights, row_weights, label_smoothing, ignore_index, row_offsets,
            threads, reductions, dict(class_mask=class_mask, fully_masked=fully_masked, isa=isa))
    elif (class_weights is not None or label_smoothing is not None or ignore_index is not None
          or denominator is not None or reduction != "sum"):
        of_targets = dict(class_weights=class_weights, label_smoothing=label_smoothing, ignore_index=ignore_index,
                          denominator=denominator, reduction=None if reduction == "sum" else reduction)
        for name, value in of_targets.items():
            if value is not None:
                raise OptionError(f"{name} is set without targets; expected both, or no {name}")
    call, struct = _begin("logits", logits, axis, row_offsets, isa=isa, fully_masked=fully_masked,
                          temperature=temperature, gradient_scale=gradient_scale)
    call.take("upstream", _given("upstream", upstream))
    for name, value in (("class_mask", class_mask), ("sink", sink), ("row_weights", row_weights)):
        call.take(name, value)
    exact = "F64" if call.lead.type == "F64" else "F32"
    call.public |= {"output": "out"}
    if targets is not None:
        call.read |= {name: array_of(name, value) for name, value in read.items() if value is not None}
    call.write("output", _needed("out", out), ["logits"], exact)
    output = call.arrays["output"]
    if output.type != exact:  # out stores the probabilities first
        raise DTypeError(f"out is {output}, logits is {call.lead}; expected out of type {NAME[exact]}")

    return call.checked(threads, _product)


def _product(run: Any) -> Any:
    if "row_weights" in run.arrays:
        run.count_weighted()
    run.run("cross_entropy_hvp")
    return run.results["output"]


def _weigh_upstream(logits: Any, upstream: Any, targets: Any, axis: int, class_weights: Any, row_weights: Any,
                    label_smoothing: float | None, ignore_index: int | None, row_offsets: Any, threads: Any,
                    reductions: Reductions, options: dict[str, Any]) -> tuple[Any, Any, float]:
    """Returns the upstream vector, row weights and gradient scale of a Hessian with targets.

    Row weights cannot be negative, so the upstream vector takes the sign of the factor of each row.
    """
    if row_offsets is not None or isinstance(threads, Bound):
        also = "are given and the call is bound" if row_offsets is None else "and row_offsets are given"
        raise OptionError(f"targets {also}; expected row_weights, without targets")
    weights: dict[str, Any] = dict(class_weights=class_weights, row_weights=row_weights, ignore_index=ignore_index)
    divisor = cross_entropy(logits, targets, axis=axis, reduction="sum", label_smoothing=label_smoothing,
                            threads=threads, **weights, **options).denominator
    call, _ = _begin("logits", logits, axis)
    call.take_targets(targets)
    call.take("upstream", _given("upstream", upstream))
    for name, value in (("class_weights", class_weights), ("row_weights", row_weights)):
        call.take(name, value)
    factors = row_factors(call, ignore_index, label_smoothing or 0.0)
    exact = "F64" if call.lead.type == "F64" else "F32"
    signs = signed_along(call, factors)
    scale = 0.0 if reductions.gradient_is_zero(reductions.denominator(divisor)) else reductions.scale_of(
        reductions.denominator(divisor))
    if signs is not None:
        upstream = copied(doubles_of(call.arrays["upstream"]) * signs, exact)
    return upstream, copied(abs(factors), exact), scale


@operation
def binary_cross_entropy_hvp(
        logits: ArrayLike, upstream: ArrayLike, targets: ArrayLike, *, axis: int = -1, out: Output = None,
        weights: Input = None, positive_weights: Input = None, ignore_index: int | None = None,
        focal_gamma: float | None = None, focal_alpha: float | None = None, reduction: Reduction = "sum",
        denominator: float | None = None, gradient_scale: float = 1.0, dtype: DType | None = None, isa: Isa = "best",
        threads: int | None = None) -> Any:
    """The Hessian of binary cross-entropy, which is diagonal, times a vector: `c v` times the second derivative of the
    loss of each element, with the upstream vector v and the gradient scale c; a mean divides by its denominator.

    With `v` 1 everywhere it is the diagonal, as boosted trees need it. With `focal_gamma`, targets are labels or the
    numbers 0 and 1. The result for an infinite logit is 0. Computed in float64 with the probabilities and losses of
    Xent, so the bits are the same on every machine. Needs NumPy. Returns `out`, which may be the logits, or a new
    array: float64 for float64, otherwise float32. Otherwise as `binary_cross_entropy`.

    >>> import numpy as np, pyxent
    >>> pyxent.binary_cross_entropy_hvp(np.zeros(2), np.ones(2), np.array([0, 1])).tolist()
    [0.25, 0.25]
    """
    reductions = Reductions(reduction, None, gradient_scale, denominator, "nan")
    logits, upstream, targets, weights, positive_weights = _as_type(
        dtype, threads, logits, upstream=upstream, targets=targets, weights=weights, positive_weights=positive_weights)
    call, _ = _begin("logits", logits, axis, None, ELEMENTS, isa=isa, ignore_index=ignore_index,
                     focal_gamma=focal_gamma, focal_alpha=focal_alpha)
    gamma, alpha = float(focal_gamma or 0), None if focal_alpha is None else float(focal_alpha)
    labels = call.take_element_targets(_given("targets", targets))
    if focal_gamma and not labels and not is_binary(call.arrays["targets"]):
        raise OptionError(f"focal_gamma is {focal_gamma}, targets are numbers {call.arrays['targets']} other than 0 and "
                          f"1; expected labels")
    call.public |= {"element_weights": "weights", "gradient": "out"}
    call.take("upstream", _given("upstream", upstream))
    call.take("element_weights", weights)
    call.take("positive_weights", positive_weights)
    exact = call.lead.type == "F64"
    call.write("gradient", _needed("out", out), ["logits"], "F64" if exact else "F32")

    def compute(_: Any) -> Any:
        arrays = call.arrays
        plain: dict[str, Any] = dict(isa=isa, threads=call.threads)
        inputs: dict[str, Any] = {"weights": arrays.get("element_weights"), "ignore_index": ignore_index}
        divisor = reductions.denominator(binary_cross_entropy(
            call.lead, arrays["targets"], axis=call.axis, reduction="sum", **inputs, **plain).denominator)
        if reductions.gradient_is_zero(divisor):
            call.clear("gradient")
            return call.results["gradient"]
        x = copied(doubles_of(call.lead))
        shares = softmax(beside_zero(x), axis=0, **plain)
        losses = [binary_cross_entropy(x, label, reduction="sum", losses=True, **plain).losses
                  for label in labels_like("logits", x)]
        powers = 1.0
        if gamma:  # exp of minus the loss of the other label
            exponents = losses_of_others(arrays["targets"], losses, -gamma)
            of_powers = softmax(beside_zero(exponents), axis=0, **plain)
            powers = of_powers[0] / of_powers[1]
        factors = second_derivatives(call, shares, losses, powers, ignore_index, gamma, alpha)
        call.tell_autograd()
        write_products(arrays["gradient"], arrays["upstream"], factors, reductions.scale_of(divisor), exact)
        return call.results["gradient"]

    return call.checked(threads, compute, False)


# ---- sampling -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class Sample(_Shown):
    """A token of each row, and the outputs that you requested; `sampled` rows have a token, the others -1.

    `seed` is the seed that the call drew, if a row had none: pass it, with step 0, to get the same tokens again.
    """

    tokens: Any
    sampled: int
    seed: int | None = None
    log_probabilities: Any = None
    processed_log_probabilities: Any = None
    kept: Any = None
    kept_mask: Any = None
    ranks: Any = None
    entropies: Any = None
    top_classes: Any = None
    top_log_probabilities: Any = None


@operation
def sample(
        logits: ArrayLike, *, axis: int = -1, seed: Whole | None = None, step: Whole | None = None,
        stream: Whole | None = None, draw: Whole | None = None, temperature: Number = 1.0, top_k: Whole = 0,
        top_p: Number | None = None, min_p: Number | None = None, typical_p: Number | None = None,
        top_n_sigma: Number | None = None, xtc_probability: Number | None = None,
        xtc_threshold: Number | None = None, min_keep: Whole = 1, rules: Rules = "xent",
        order: Sequence[Filter] | None = None, ties: Ties | None = None,
        repetition_penalty: Number | None = None, frequency_penalty: Number | None = None,
        presence_penalty: Number | None = None, scale: Number | None = None, dynatemp_range: Number | None = None,
        dynatemp_exponent: Number | None = None, softcap: float | None = None, class_mask: Input = None,
        bias: Input = None, bias_tokens: Input = None, bias_values: Input = None, prompt_tokens: Input = None,
        output_tokens: Input = None, draft_tokens: Input = None, draft_probabilities: Input = None,
        tokens: Output = None, log_probabilities: Output = None,
        processed_log_probabilities: Output = None, kept: Output = None, kept_mask: Output = None,
        ranks: Output = None, entropies: Output = None, top_count: int = 0, top_classes: Output = None,
        top_log_probabilities: Output = None, isa: Isa = "best", threads: int | None = None) -> Sample:
    """A token of each row, drawn with its softmax probability among the classes that the filters keep.

    seed                      None: each call draws a new seed, and so other tokens; the result contains it
    step                      the index of the token in its sequence, required with a seed: the same seed and step
                              return the same token on every machine. Count the steps
    stream, draw              independent random numbers for the same seed and step: a row has the stream `stream +
                              row`, unless `stream` is one number per row; `draw` numbers several tokens of the same
                              logits
    scale                     multiplies the logits before the softcap, also for the log-probabilities, ranks and
                              entropies: for a model that divides its logits by a number, its reciprocal
    temperature               0 takes the largest class
    dynatemp_range, dynatemp_exponent  the dynamic temperature: from `temperature - dynatemp_range`, at least 0, to
                              `temperature + dynatemp_range`, by the entropy of the classes that are left at its place
                              in the order, as a share of the largest entropy, to the power of `dynatemp_exponent`, 1
    top_k, top_p, min_p, typical_p  filters; `rules` sets their order ("xent", "transformers", "vllm", "llama.cpp",
                              "onnxruntime-genai"), `ties` how top-k treats equals ("first", "all"), and every filter
                              keeps at least `min_keep` classes
    top_n_sigma               keeps the classes at most this number of standard deviations below the largest logit
    xtc_probability, xtc_threshold  the probability to remove all classes above the least likely one whose probability
                              is at least `xtc_threshold`, 0.1
    order                     replaces the order of `rules`: names of filters, "xtc" and "temperature"; "temperature" is
                              first if it is not in the list
    bias                      a number per class that is added to its logit; shapes as for `class_mask`
    bias_tokens, bias_values  the same for several classes of each row, in the shape [rows, n]; in signed types, -1
                              marks an unused entry. If a class is there twice, the last entry counts
    repetition_penalty        r: the logit x of a class among the prompt or output tokens becomes x / r if x > 0, or x r
    frequency_penalty, presence_penalty  f and p: the logit x of a class that is c > 0 times among the output tokens
                              becomes (x - c f) - p
    prompt_tokens, output_tokens  the earlier tokens, to which the penalties apply: arrays of integers in the shape of
                              the logits with any number of entries along the class axis, [rows, k]; in signed types,
                              -1 marks an unused entry. Penalties need one of the two, which may have k = 0
    draft_tokens, draft_probabilities  a token per row that another model drew, or -1, and the probabilities of all
                              classes that it drew with, in the shape of the logits. A draft is accepted with the
                              probability min(1, p / q), p being its own here and q the other model's; else the token is
                              drawn from max(p - q, 0). So a token is its draft if and only if that was accepted. A draft
                              needs a q above 0 and at most 1; those of other classes are not checked
    tokens                    int32 or int64, your array for the result

    Every number, from `seed` to `dynatemp_exponent`, may be one for all rows, or a list or array with one per row; None
    in it turns the option off for that row. A row then has the same token as in a separate call. An array may have the
    shape of the tokens, or that of the logits with a class axis of size 1.

    The token is -1 in a row with a NaN or +inf, or without a class above -inf that the options allow.

    You request outputs as in `cross_entropy`.

    >>> import numpy as np, pyxent
    >>> logits = np.array([[2, 1, 0], [0, 3, 1]], np.float32)
    >>> pyxent.sample(logits, temperature=0).tokens.tolist()
    [0, 1]
    >>> pyxent.sample(logits, temperature=[0, 0.7], top_p=[None, 0.1]).tokens.tolist()
    [0, 1]
    >>> result = pyxent.sample(logits, top_p=0.9, kept=True)
    >>> result.kept.tolist()
    [2, 2]
    >>> [pyxent.sample(np.zeros(50, np.float32), seed=7, step=step).tokens.item() for step in range(4)]
    [4, 47, 42, 6]
    """
    call, struct = _begin("logits", logits, axis, None, SAMPLED, isa=isa, softcap=softcap)
    if call.lead.type == "F64":
        raise DTypeError(f"logits is {call.lead}; expected an array of type float32, float16 or bfloat16 to sample "
                         f"from{conversion('logits', call.lead, 'numpy.float32')}")
    if isinstance(bias, dict):
        raise DTypeError("bias is a dict; expected an array, or "
                         f"bias_tokens=numpy.array({_repeated('list(bias)', call)}), "
                         f"bias_values=numpy.array({_repeated('list(bias.values())', call)}, numpy.float32)")
    if (bias_tokens is None) != (bias_values is None):
        missing = "bias_values" if bias_values is None else "bias_tokens"
        raise TypeError(f"{missing} is missing; expected bias_tokens and bias_values together")
    if (draft_tokens is None) != (draft_probabilities is None):
        missing = "draft_probabilities" if draft_probabilities is None else "draft_tokens"
        raise TypeError(f"{missing} is missing; expected draft_tokens and draft_probabilities together")
    _require_chance(seed, step, stream, draw)
    numbers = dict(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p, typical_p=typical_p,
                   top_n_sigma=top_n_sigma, xtc_probability=xtc_probability, xtc_threshold=xtc_threshold,
                   min_keep=min_keep, repetition_penalty=repetition_penalty, frequency_penalty=frequency_penalty,
                   presence_penalty=presence_penalty, scale=scale, dynatemp_range=dynatemp_range,
                   dynatemp_exponent=dynatemp_exponent, **{name: 0 if value is None else value for name, value in (
                       ("draw", draw), ("seed", seed), ("stream", stream), ("step", step))})
    per_row = {name: value for name, value in numbers.items() if is_per_row(value)}
    arrays = {name: value for name, value in numbers.items() if getattr(value, "shape", None) == ()}
    shared = sampling_of(rules, ties, order, **{name: value for name, value in numbers.items() if name not in per_row})
    call.sampling, call.requests = shared, partial(_of_piece, shared)
    for name, value in (("class_mask", class_mask), ("bias", bias), ("prompt_tokens", prompt_tokens),
                        ("output_tokens", output_tokens), ("bias_tokens", bias_tokens), ("bias_values", bias_values),
                        ("draft_tokens", draft_tokens), ("draft_probabilities", draft_probabilities)):
        call.take(name, value)
    if prompt_tokens is output_tokens is None and (penalties := [
            name for name in PENALTIES if name in per_row or getattr(shared, name)]):
        raise OptionError(f"{penalties[0]} is set and no tokens are passed; expected prompt_tokens or output_tokens. "
                          "Before the first token, pass an array with 0 entries per row")
    for name in per_row:
        call.read_options(name, per_row[name])
    call.ask_for_top("top_count", top_count, (top_classes, top_log_probabilities))
    call.write("tokens", _needed("tokens", tokens))
    for name, wanted in (("log_probabilities", log_probabilities), ("processed_log_probabilities",
                                                                   processed_log_probabilities),
                        ("kept", kept), ("kept_mask", kept_mask), ("ranks", ranks), ("entropies", entropies),
                        ("top_classes", top_classes), ("top_log_probabilities", top_log_probabilities)):
        call.write(name, wanted)
    size = call.sample_workspace
    text = output_tokens.text if isinstance(output_tokens, History) else None
    if size and text:
        workspace, call.counts["counted_tokens"] = text.workspace(size, call.classes)
        call.workspace = lambda rows: workspace
    elif size:
        call.workspace = lambda rows: workspace_of(size)

    lacks_seed = _lacks_seed(seed)
    if not (per_row or arrays or text):
        return cast(Sample, call.checked(threads, partial(_sampled, lacks_seed), draft_tokens is None))

    def compute(_: Any) -> Sample:
        for name in ("prompt_tokens", "output_tokens", "bias_tokens", "draft_tokens"):
            if not (text and name in ("prompt_tokens", "output_tokens")):  # of one row, which the call itself checks
                call.check_tokens(name)
        for name, value in arrays.items():
            set_number(shared, rules, filters_of(order), name, value)
        drawn = random_number() if lacks_seed else None
        shared.seed = shared.seed if drawn is None else drawn
        requests = _requests(shared, call, rules, filters_of(order), per_row) if per_row else shared
        call.requests = partial(_of_piece, requests)
        sampled = call.run("sample")[0]
        if size and text:
            text.sampled()
        return Sample(sampled=sampled, seed=drawn, **call.results)

    return cast(Sample, call.checked(threads, compute, False))


def _sampled(lacks_seed: bool, run: Any) -> Sample:
    """The tokens of rows with the same options."""
    for name in ("prompt_tokens", "output_tokens", "bias_tokens", "draft_tokens"):
        if name in run.arrays:
            run.check_tokens(name)
    drawn = random_number() if lacks_seed else None
    if lacks_seed:
        run.sampling.seed = drawn
    sampled = run.run("sample")[0]
    return Sample(sampled=sampled, seed=drawn, **run.results)


def random_number() -> int:
    """A new seed or stream."""
    return int.from_bytes(os.urandom(8), "little")


def _repeated(text: str, call: Call) -> str:
    """An expression with a copy of a list for each row, for messages."""
    for n in reversed(call.row_shape):
        text = f"[{text}]" if n == 1 else f"[{text}] * {n}"
    return text


def _require_chance(seed: Any, step: Any, stream: Any, draw: Any) -> None:
    """Rejects a seed without a step or a step without a seed: tokens would repeat in each call, or never repeat."""
    if seed is not None and step is None:
        raise OptionError(_without_step(seed))
    for name, value in (("step", step), ("stream", stream), ("draw", draw)) if seed is None else ():
        if value is not None:
            raise OptionError(f"{name} is {shown(value)} without a seed; expected both, or none of them: each call "
                              f"without a seed draws a new one")


def _without_step(seed: Any) -> str:
    return (f"seed is {shown(seed)} without a step; expected both. The same seed and step give the same token: count "
            f"the steps of a sequence")


def _lacks_seed(seed: Any) -> bool:
    """Whether a row has no seed."""
    return seed is None or is_per_row(seed) and str(getattr(seed, "dtype", "object")) == "object" and None in seed


def _requests(shared: Sampling, call: Call, rules: str, order: list[str], per_row: dict[str, Any]) -> Any:
    """Returns one xent_sampling for each row."""
    rows, shapes = call.rows, [(call.rows,), call.row_shape, call.with_entries(1)]
    chances: dict[str, Any] = {}
    requests, numpy = (Sampling * rows)(), sys.modules.get("numpy")
    if numpy:
        records = numpy.frombuffer(requests, numpy.dtype(Sampling)) if rows else numpy.empty(0, numpy.dtype(Sampling))
        records[...] = numpy.frombuffer(shared, numpy.dtype(Sampling))
        records["stream"] += numpy.arange(rows, dtype="uint64")
    else:
        for row in range(rows):
            requests[row] = shared
            requests[row].stream = (shared.stream + row) % (1 << 64)
    for name, values in per_row.items():
        shape = tuple(getattr(values, "shape", (len(values),)))
        if shape not in shapes and len(shape) != 1:
            raise ShapeError(f"{name} has the shape {list(shape)}; expected one number, or one per row")
        if shape not in shapes:
            raise ShapeError(f"{name} has {plural(len(values), 'number')}, logits has {plural(rows, 'row')}; expected "
                             f"one number, or one per row")
        if numpy and _has_numbers(values) and set_numbers(records, rules, order, name, array := numpy.asarray(values).reshape(-1)):
            if name != "step":
                chances[name] = array
            continue
        numbers = values.tolist() if hasattr(values, "tolist") else values
        for _ in shape[1:]:
            numbers = [number for each in numbers for number in each]
        chances[name] = numbers
        for row, value in enumerate(numbers):
            if value is None:
                continue
            try:
                set_number(requests[row], rules, order, name, value)
            except (TypeError, OptionError) as error:
                raise type(error)(f"in row {row}, {error}") from None
    for row, step in enumerate(chances.get("step", ())):
        own = chances["seed"][row] if "seed" in chances else shared.seed
        if step is None and own is not None:
            raise OptionError(f"in row {row}, {_without_step(own)}")
    return requests


def _has_numbers(values: Any) -> bool:
    """Whether all values are numbers of NumPy or Python, none of them a boolean or None."""
    return isinstance(values, sys.modules["numpy"].ndarray) or isinstance(values, (list, tuple)) and {
        *map(type, values)} <= {int, float}


def _of_piece(requests: Any, first: int) -> Any:
    """The sampling options of the rows from `first` on."""
    if isinstance(requests, ctypes.Array):
        return (Sampling * (len(requests) - first)).from_buffer(requests, first * ctypes.sizeof(Sampling))
    request = Sampling.from_buffer_copy(requests)
    request.stream = (request.stream + first) % (1 << 64)
    return request


# ---- shared by all ------------------------------------------------------------------------------------------------


def _begin(lead: str, value: Any, axis: int, row_offsets: Any = None, kinds: Any = None, any_floats: bool = False,
           classes: int | None = None, called: str | None = None, may_be_empty: bool = False, labels: Any = None,
           **options: Any) -> tuple[Call, Options]:
    found = library()
    try:
        call = Call(found, lead, _given(called or lead, value), axis, row_offsets, kinds, any_floats, classes, called,
                    may_be_empty)
    except DTypeError:
        if labels is not None:
            _require_order(array_of(called or lead, value), called or lead, array_of("targets", labels))
        raise
    temperature = options.get("temperature")
    if temperature is not None and is_per_row(temperature):
        if classes is not None:
            raise OptionError(f"temperature has one number per row; expected one number. {called or lead} of other "
                              f"temperatures are another call")
        call.take_temperatures(options.pop("temperature"))
    call.options = options_of(found, **options)
    return call, call.options


def _require_order(logits: Array, name: str, targets: Array) -> None:
    """Rejects labels and logits that are passed in the wrong order."""
    if logits.type in INTEGERS and targets.type in FLOATS and len(logits.shape) < len(targets.shape):
        raise DTypeError(f"{name} is {logits}, targets is {targets}; expected floats and then classes: are the two "
                         f"swapped?") from None


def _as_type(dtype: Any, threads: Any, logits: Any, name: str = "logits", **others: Any) -> tuple[Any, ...]:
    """Returns the logits, and the other arrays with them, as float64 if that is the dtype."""
    if dtype is None:
        return logits, *others.values()
    lent = array_of(name, _given(name, logits))
    if type_named(dtype) != "F64":
        raise OptionError(f"dtype is {shown(dtype)}; expected float64, or None for the type of {name}")
    if isinstance(threads, Bound) and lent.type != "F64":
        raise OptionError(f"dtype is float64, {name} is {lent}, and the call is bound; expected a dtype that is no "
                          f"wider. Convert {name} first")
    return widened(name, logits, True), *(widened(other, value) for other, value in others.items())


def done(made: Any) -> Any:
    """The result of a call that may not have been computed yet."""
    return made.now() if isinstance(made, Checked) else made


def _given(name: str, value: Any) -> Any:
    if value is None:
        raise TypeError(f"{name} is None; expected an array")
    return value


def _needed(name: str, value: Any) -> Any:
    """A required output: True and None make a new array."""
    if value is False:
        raise TypeError(f"{name} is False; expected an array, or None for a new one")
    return True if value is None else value


def numerics_version() -> int:
    """The version of the arithmetic, see `numerics.md`: libraries and packages with equal versions return equal bits.
    """
    return int(library().c.xent_numerics_version())


def isas() -> list[Isa]:
    """The instruction sets that run here, the best last."""
    return cast("list[Isa]", list(library().isas))
