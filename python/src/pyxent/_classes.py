# SPDX-License-Identifier: Apache-2.0
"""The largest classes, entropies, and log-probabilities of selected classes."""
from __future__ import annotations

import ctypes
from functools import partial
from typing import Any

from pyxent._arrays import array_of
from pyxent._begin import as_doubles, as_floating, begin_call, done, needed, one_of, present
from pyxent._call import SELECTED, Bound, normal_axis
from pyxent._options import integer, truth
from pyxent._plans import operation
from pyxent._results import Saved, Selected, TopK
from pyxent._rows import Rows, copied_like, flags_along, is_several, reversed_along, smallest
from pyxent._softmax import log_softmax
from pyxent._types import Small, ArrayLike, Axes, DType, FullyMasked, Input, Isa, Number, Output
from pyxent.errors import OptionError, ShapeError


@operation
def top_k(logits: ArrayLike, k: int, *, largest: bool = True, axis: int = -1, classes: Output = None,
          log_probabilities: Output = None, temperature: Number | None = None, softcap: float | None = None,
          class_mask: Small = None, sink: Small = None, row_offsets: Input = None, fully_masked: FullyMasked = "nan",
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
    logits, sink = as_doubles(dtype, threads, logits, sink=sink)
    options: dict[str, Any] = dict(temperature=temperature, softcap=softcap, class_mask=class_mask, sink=sink,
                                   fully_masked=fully_masked, isa=isa)
    if not truth("largest", largest):
        return _smallest(logits, k, axis, {"classes": classes, "log_probabilities": log_probabilities}, row_offsets,
                         threads, options)
    logits = as_floating(logits, threads)
    call = begin_call("logits", logits, axis, row_offsets, isa=isa, fully_masked=fully_masked,
                      temperature=temperature, softcap=softcap)
    call.public |= {"top_classes": "classes", "top_log_probabilities": "log_probabilities"}
    call.ask_for_top("k", k, (True,))
    call.take("class_mask", class_mask)
    call.take("sink", sink)
    call.write("top_classes", needed("classes", classes))
    call.write("top_log_probabilities", needed("log_probabilities", log_probabilities))

    return call.checked(threads, _largest)  # type: ignore[return-value]


def _largest(run: Any) -> TopK:
    run.run("cross_entropy")
    return TopK(run.results["top_classes"], run.results["top_log_probabilities"])


def _smallest(logits: Any, k: int, axis: int, outputs: dict[str, Any], row_offsets: Any, threads: Any,
              options: dict[str, Any]) -> TopK:
    reason = "row_offsets are given" if row_offsets is not None else next(
        (f"{name} is given" for name, output in outputs.items() if needed(name, output) is not True), "")
    if isinstance(threads, Bound) or reason:
        raise OptionError(f"largest is False and {reason or 'the call is bound'}; expected largest=True")
    logits = as_floating(logits, threads)
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
           out: Output = None, class_mask: Small = None, row_offsets: Input = None, isa: Isa = "best",
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
            temperature: Number | None = None, softcap: float | None = None, class_mask: Small = None,
            sink: Small = None, row_offsets: Input = None, fully_masked: FullyMasked = "nan",
            dtype: DType | None = None, isa: Isa = "best", threads: int | None = None) -> Any:
    """`- sum p log p` of the softmax of each row, in nats.

    The result is float64 for float64 logits, otherwise float32. Options as in `softmax`.

    >>> import numpy as np, pyxent
    >>> pyxent.entropy(np.zeros((1, 4))).round(4).tolist()
    [1.3863]
    """
    logits, sink = as_doubles(dtype, threads, logits, sink=sink)
    return _of_rows("entropies", logits, axis, keepdims, out, class_mask, row_offsets, threads, sink=sink, isa=isa,
                    fully_masked=fully_masked, temperature=temperature, softcap=softcap)


def _of_rows(name: str, logits: Any, axis: Any, keepdims: Any, out: Any, class_mask: Any, row_offsets: Any,
             threads: Any, sink: Any = None, last: bool = False, **options: Any) -> Any:
    """Computes an output of cross-entropy that needs no targets."""
    kept, several = truth("keepdims", keepdims), is_several(axis)
    if kept and row_offsets is not None:
        raise OptionError("keepdims is True, and row_offsets are both set: leave one of them out")
    lent = array_of("logits", present("logits", logits))
    if last and (isinstance(threads, Bound) or out is not None and out is not True):
        raise OptionError(f"last is True, and {'the call is bound' if isinstance(threads, Bound) else 'out is given'}; "
                          f"expected a call that makes a new result")
    if several or last:
        rows = Rows.of("logits", lent, as_floating(logits, threads), axis if several else (axis,), False, out, row_offsets,
                       threads)
        mask, flat = rows.mask("class_mask", class_mask), rows.flat
        if last:
            counts: Any = flat.shape[-1]
            if row_offsets is not None:  # the rows too are then in reverse order
                offsets = begin_call("logits", flat, -1, row_offsets).offsets
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
    call = begin_call("logits", as_floating(logits, threads), axis, row_offsets, **options)
    call.take("class_mask", class_mask)
    call.take("sink", sink)
    call.public |= {name: "out"}
    call.write(name, needed("out", out), shape=call.with_entries(1) if kept else None)

    return call.checked(threads, partial(one_of, "cross_entropy", name))


@operation
def selected_log_probabilities(
        logits: ArrayLike, targets: ArrayLike, *, axis: int = -1, log_probabilities: Output = None,
        upstream: Input = None, gradient: Output = None, save_statistics: bool = False,
        gradient_scale: float | None = None, ignore_index: int | None = None, temperature: Number | None = None,
        softcap: float | None = None, class_mask: Small = None, sink: Small = None, row_offsets: Input = None,
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
    logits, upstream, sink = as_doubles(dtype, threads, logits, upstream=upstream, sink=sink)
    call = begin_call("logits", logits, axis, row_offsets, SELECTED, labels=targets, isa=isa,
                      fully_masked=fully_masked, temperature=temperature, softcap=softcap, ignore_index=ignore_index,
                      gradient_scale=gradient_scale)
    call.take_selected(present("targets", targets))
    call.take("class_mask", class_mask)
    call.take("sink", sink)
    call.take("upstream", upstream)
    call.write("log_probabilities", needed("log_probabilities", log_probabilities))
    save = truth("save_statistics", save_statistics)
    call.write("gradient", gradient, [] if save else ["logits"])
    if save:
        call.keep_statistics()

    def compute(run: Any) -> Selected:
        run.run("check_targets")
        run.run("selected_log_probabilities")
        saved = Saved.of("selected_log_probabilities_backward", run) if save else None
        return Selected(run.results["log_probabilities"], run.results.get("gradient"), saved)

    return call.checked(threads, compute)  # type: ignore[return-value]
