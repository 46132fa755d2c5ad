# SPDX-License-Identifier: Apache-2.0
"""Logits as others have them, made rows along one axis: several axes or none, integers, other types of results."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from xent._arrays import NAME, SIZE, Array, array_of, is_of_torch
from xent._call import Bound, Memory, normal_axis
from xent.errors import DTypeError, OptionError, ShapeError


class Rows(NamedTuple):
    """Logits whose class axes are the last one, and the way back."""

    flat: Any
    shape: tuple[int, ...]
    axes: list[int]
    ragged: bool

    @staticmethod
    def of(lent: Array, logits: Any, axis: Any, widened: bool, out: Any, row_offsets: Any, threads: Any) -> Rows:
        if out is not None and out is not True:
            raise OptionError(f"out was given, and logits is {lent} with axis={axis}: leave out out, or give logits of "
                              f"floats and one axis without keepdims")
        if isinstance(threads, Bound):
            raise OptionError(f"logits is {lent} with axis={axis}: bind a call of floats of the type of the result, "
                              f"and of one axis without keepdims")
        axes = _axes(axis, lent.shape)
        if row_offsets is not None and (len(lent.shape) != 1 or len(axes) != 1):
            raise ShapeError(f"logits is {lent}, and row_offsets were given: give one dimension, and one axis")
        rows = Rows(None, lent.shape, axes, row_offsets is not None)
        given = _of_library("logits", logits)
        if widened:
            given = given.double() if is_of_torch(given) else given.astype("float64")
        return rows._replace(flat=rows._flattened(given))

    @property
    def _order(self) -> list[int]:
        return [d for d in range(len(self.shape)) if d not in self.axes] + self.axes

    def _flattened(self, value: Any) -> Any:
        before = [n for d, n in enumerate(self.shape) if d not in self.axes]
        return _permuted(value, self._order).reshape((*before, math.prod(self.shape[d] for d in self.axes)))

    def spread(self, name: str, value: Any) -> Any:
        """An array that broadcasts to the shape of the logits, or has one number per class."""
        array = array_of(name, value)
        given = _of_library(name, value)
        if len(self.axes) == 1 and array.shape == (self.shape[self.axes[0]],):
            return value
        missing = len(self.shape) - len(array.shape)
        if missing < 0 or any(n not in (1, most) for n, most in zip(array.shape, self.shape[missing:])):
            raise ShapeError(f"{name} is {array}, logits have the shape {list(self.shape)}: give a shape that "
                             f"broadcasts to it")
        if is_of_torch(given):
            return self._flattened(given.expand(self.shape))
        import numpy
        return self._flattened(numpy.broadcast_to(given, self.shape))

    def whole(self, result: Any) -> Any:
        """A result in the shape of the logits."""
        order = self._order
        back = sorted(range(len(order)), key=order.__getitem__)
        return _permuted(result.reshape([self.shape[d] for d in order]), back)

    def reduced(self, result: Any, keepdims: bool) -> Any:
        """A result of one number per row."""
        if self.ragged:
            if keepdims:
                raise OptionError("keepdims is True, and row_offsets were given: leave one of them out")
            return result
        return result.reshape([1 if d in self.axes else n for d, n in enumerate(self.shape)] if keepdims else
                              [n for d, n in enumerate(self.shape) if d not in self.axes])


def _axes(axis: Any, shape: tuple[int, ...]) -> list[int]:
    if axis is None:
        return list(range(len(shape)))
    if not shape and axis in (-1, 0, (-1,), (0,)):
        return []
    if not isinstance(axis, Sequence):
        return [normal_axis(axis, "logits", shape)]
    axes = [normal_axis(d, "logits", shape) for d in axis]
    if not axes or len(set(axes)) != len(axes):
        raise ShapeError(f"axis is {axis}: give at least one, each once, or None for all")
    return sorted(axes)


def _of_library(name: str, value: Any) -> Any:
    """An array that can be reshaped."""
    if is_of_torch(value):
        return value
    if isinstance(value, Array):
        raise DTypeError(f"{name} is {value} by xent.bfloat16: give one axis and the dtype of the result as it is, or "
                         f"an array of ml_dtypes' bfloat16")
    import numpy
    return numpy.asarray(value)


def _permuted(value: Any, order: list[int]) -> Any:
    return value.permute(order) if is_of_torch(value) else value.transpose(order)


# ---- NLL --------------------------------------------------------------------------------------------------------


def _numbers(array: Array) -> Any:
    """The memory of an array as integers of its size, and of 16-bit ones as they are."""
    import numpy
    raw = numpy.asarray(Memory(array.address, SIZE[array.type], array.shape, array.strides))
    return raw if array.type == "BF16" else raw.view(NAME[array.type])


def _doubles(array: Array, numbers: Any) -> Any:
    if array.type == "BF16":
        import numpy
        numbers = (numbers.astype("uint32") << numpy.uint32(16)).view("float32")
    return numbers.astype("float64")


def _rounded(array: Array, doubles: Any, exact: bool) -> Any:
    """Doubles as numbers of an array, rounded to float first unless the call is one of doubles."""
    import numpy
    with numpy.errstate(over="ignore"):
        if not exact:
            doubles = doubles.astype("float32")
        if array.type != "BF16":
            return doubles.astype(NAME[array.type])
    bits = doubles.view("uint32")
    even = (bits >> numpy.uint32(16)) & numpy.uint32(1)
    rounded = (bits + numpy.uint32(0x7FFF) + even) >> numpy.uint32(16)
    return numpy.where(numpy.isnan(doubles), numpy.uint32(0x7FC0), rounded).astype("uint16")


def nll_of_rows(arrays: dict[str, Array], axis: int, ignore_index: int | None, scale: float) -> float:
    """Writes the losses and the gradient of rows whose labels are valid, and gives the sum of the losses."""
    import numpy
    lead, exact = arrays["logits"], arrays["logits"].type == "F64"
    rows = tuple(n for d, n in enumerate(lead.shape) if d != axis)
    labels = _numbers(arrays["targets"]).reshape(rows)
    counts = numpy.ones(rows, bool)
    if ignore_index is not None:
        counts &= labels != ignore_index
    row_weights: Any = 1.0
    if "row_weights" in arrays:
        given = _doubles(arrays["row_weights"], _numbers(arrays["row_weights"]))
        if given.ndim == len(rows) + 1:
            given = given.squeeze(axis)
        row_weights = numpy.broadcast_to(given if given.size != 1 else given.reshape(()), rows)
        counts &= row_weights != 0
    labels = numpy.where(counts, labels, 0).astype("int64")
    weights = numpy.ones(rows)
    if "class_weights" in arrays:
        weights = _doubles(arrays["class_weights"], _numbers(arrays["class_weights"]))[labels]
    at = numpy.expand_dims(labels, axis)
    found = _doubles(lead, numpy.take_along_axis(_numbers(lead), at, axis).squeeze(axis))
    with numpy.errstate(invalid="ignore", over="ignore"):
        losses = 0.0 - row_weights * (weights * found)
    losses = numpy.where(counts & (weights != 0), losses, 0.0)
    if not exact:
        with numpy.errstate(over="ignore"):
            losses = losses.astype("float32").astype("float64")
    if "losses" in arrays:
        written = _numbers(arrays["losses"])
        written[...] = _rounded(arrays["losses"], losses, exact).reshape(written.shape)
    if "gradient" in arrays:  # last, as it may lie over the log-probabilities
        gradient = arrays["gradient"]
        values = numpy.where(counts & (weights != 0), -(scale * row_weights * weights), 0.0) + 0.0
        written = _numbers(gradient)
        written[...] = 0
        numpy.put_along_axis(written, at, numpy.expand_dims(_rounded(gradient, values, exact), axis), axis)
    if numpy.isfinite(losses).all():
        return math.fsum(losses.ravel())
    return float(losses[~numpy.isfinite(losses)].sum())
