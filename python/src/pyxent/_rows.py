# SPDX-License-Identifier: Apache-2.0
"""What NumPy does: logits with several class axes as rows along one, and losses of probabilities."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from pyxent._arrays import FLOATS, NAME, Array, array_of, bfloat16, doubles_of, is_of_torch, numbers_of, numpy_for
from pyxent._call import Bound, conversion, normal_axis, require_flags
from pyxent._native import TYPES, Library
from pyxent._options import shown
from pyxent.errors import DTypeError, OptionError, ShapeError


def is_several(axis: object) -> bool:
    """Whether an axis argument means several axes, as None does."""
    return axis is None or isinstance(axis, Sequence) and not isinstance(axis, (str, bytes, bytearray, memoryview))


class Rows(NamedTuple):
    """Logits with their class axes joined as the last one, and the way to undo this."""

    flat: Any
    lent: Array
    axes: list[int]
    rest: list[int]

    @staticmethod
    def of(logits: Any, axis: Any, out: Any, row_offsets: Any, threads: Any) -> Rows:
        lent = array_of("logits", logits)
        for but, is_so in (("out is given", out is not None and out is not True), ("the call is bound", isinstance(threads, Bound)),
                           ("row_offsets are set", row_offsets is not None)):
            if is_so:
                raise OptionError(f"axis is {shown(axis)} and {but}; expected one axis. Reshape logits so that one axis has "
                                  "the classes")
        axes = _axes(axis, lent.shape)
        rest = [d for d in range(len(lent.shape)) if d not in axes]
        rows = Rows(None, lent, axes, rest)
        if is_of_torch(logits):
            return rows._replace(flat=rows._flattened(logits))
        flat = rows._flattened(numbers_of(lent))
        return rows._replace(flat=bfloat16(flat) if lent.type == "BF16" else flat)

    def _flattened(self, value: Any) -> Any:
        shape = self.lent.shape
        return _permuted(value, [*self.rest, *self.axes]).reshape((*(shape[d] for d in self.rest),
                                                                   math.prod(shape[d] for d in self.axes)))

    def mask(self, value: Any) -> Any:
        """Rearranges flags that broadcast to the shape of the logits."""
        if value is None:
            return None
        array, shape = array_of("class_mask", value, "bool"), self.lent.shape
        require_flags("class_mask", array)
        missing = len(shape) - len(array.shape)
        if missing < 0 or any(n not in (1, most) for n, most in zip(array.shape, shape[missing:])):
            raise ShapeError(f"class_mask is {array}, logits is {self.lent} with classes along axes {self.axes}; expected a "
                             "shape that broadcasts to that of logits")
        if is_of_torch(value):
            return self._flattened(value.expand(shape))
        return self._flattened(numpy_for("class_mask").broadcast_to(numbers_of(array), shape))

    def whole(self, result: Any) -> Any:
        """Returns a result in the shape of the logits."""
        order = [*self.rest, *self.axes]
        return _permuted(result.reshape([self.lent.shape[d] for d in order]), sorted(range(len(order)), key=order.__getitem__))

    def reduced(self, result: Any, keepdims: bool) -> Any:
        """Returns a result with one number per row, in the shape of the logits without their class axes."""
        shape = self.lent.shape
        return result.reshape([1 if d in self.axes else n for d, n in enumerate(shape)] if keepdims else
                              [shape[d] for d in self.rest])


def _axes(axis: Any, shape: tuple[int, ...]) -> list[int]:
    if axis is None:
        return list(range(len(shape)))
    if not shape and axis in ((-1,), (0,), [-1], [0]):
        return []
    axes = [normal_axis(d, "logits", shape) for d in axis]
    if not axes or len(set(axes)) != len(axes):
        raise ShapeError(f"axis is {axis}; expected at least one, each once, or None for all")
    return sorted(axes)


def _permuted(value: Any, order: list[int]) -> Any:
    return value.permute(order) if is_of_torch(value) else value.transpose(order)


def as_floats(name: str, value: Any, exact: bool = False) -> Any:
    """A float64 copy of integers, each of which float64 must hold, or of narrower floats too if `exact`; else the value."""
    lent = array_of(name, value)
    if lent.type in FLOATS and not (exact and lent.type != "F64"):
        return value
    if lent.type == "U16":  # the type of bfloat16 results without ml_dtypes
        raise DTypeError(f"{name} is {lent}; expected floats, or integers of another type"
                         f"{conversion(name, lent, 'numpy.float32')}")
    given = value if is_of_torch(value) else numbers_of(lent)
    if lent.type in ("I64", "U64") and lent.size and (int(given.max()) > 2**53 or int(given.min()) < -2**53):
        raise DTypeError(f"{name} is {lent} with numbers beyond 2^53; expected numbers that float64 holds")
    if is_of_torch(value):
        return value.double()
    with numpy_for("a copy").errstate(all="ignore"):
        return doubles_of(lent)


# ---- losses of probabilities ------------------------------------------------------------------------------------------


def rounded_to(array: Array, doubles: Any, exact: bool) -> Any:
    """Converts doubles to the type of an array, through float unless the call computes in double."""
    import numpy
    if not exact:
        doubles = doubles.astype("float32")
    if array.type != "BF16":
        return doubles.astype(NAME[array.type])
    bits = doubles.view("uint32")
    even = (bits >> numpy.uint32(16)) & numpy.uint32(1)
    rounded = (bits + numpy.uint32(0x7FFF) + even) >> numpy.uint32(16)
    return numpy.where(numpy.isnan(doubles), numpy.uint32(0x7FC0), rounded).astype("uint16")


def _labels_of(numpy: Any, arrays: dict[str, Array], rows: tuple[int, ...], axis: int,
               ignore_index: int | None) -> tuple[Any, Any, Any]:
    """The labels of rows, with 0 for rows that do not count; their row weights; and flags of the rows that count."""
    labels = numbers_of(arrays["targets"]).reshape(rows)
    counts = numpy.ones(rows, bool)
    if ignore_index is not None:
        counts &= labels != ignore_index
    row_weights = _row_weights(numpy, arrays, rows, axis)
    counts &= row_weights != 0
    return numpy.where(counts, labels, 0).astype("int64"), row_weights, counts


def _row_weights(numpy: Any, arrays: dict[str, Array], rows: tuple[int, ...], axis: int) -> Any:
    if "row_weights" not in arrays:
        return numpy.ones(rows)
    given = doubles_of(arrays["row_weights"])
    if given.ndim == len(rows) + 1:
        given = given.squeeze(axis)
    return numpy.broadcast_to(given if given.size != 1 else given.reshape(()), rows)


def nll_of_rows(library: Library, arrays: dict[str, Array], axis: int, ignore_index: int | None,
                scale: float) -> float:
    """Writes the losses and the gradient of rows with valid labels, and returns the sum of the losses."""
    numpy = numpy_for("nll_loss")
    with numpy.errstate(all="ignore"):
        return _nll_of_rows(library, numpy, arrays, axis, ignore_index, scale)


def _nll_of_rows(library: Library, numpy: Any, arrays: dict[str, Array], axis: int, ignore_index: int | None,
                 scale: float) -> float:
    lead, exact = arrays["logits"], arrays["logits"].type == "F64"
    rows = tuple(n for d, n in enumerate(lead.shape) if d != axis)
    labels, row_weights, counts = _labels_of(numpy, arrays, rows, axis, ignore_index)
    weights = numpy.ones(rows)
    if "class_weights" in arrays:
        weights = doubles_of(arrays["class_weights"])[labels]
    at = numpy.expand_dims(labels, axis)
    found = doubles_of(lead, numpy.take_along_axis(numbers_of(lead), at, axis).squeeze(axis))
    losses = numpy.where(counts & (weights != 0), 0.0 - row_weights * (weights * found), 0.0)
    if not exact:
        losses = losses.astype("float32").astype("float64")
    if "losses" in arrays:
        written = numbers_of(arrays["losses"])
        written[...] = rounded_to(arrays["losses"], losses, exact).reshape(written.shape)
    if "gradient" in arrays:  # last, because it may overwrite the log-probabilities
        gradient = arrays["gradient"]
        values = numpy.where(counts & (weights != 0), -(scale * row_weights * weights), 0.0) + 0.0
        written = numbers_of(gradient)
        written[...] = 0
        numpy.put_along_axis(written, at, numpy.expand_dims(rounded_to(gradient, values, exact), axis), axis)
    return sum_of_doubles(library, losses)


def sum_of_doubles(library: Library, numbers: Any) -> float:
    """The exact sum, rounded once."""
    array = array_of("array", numbers.astype("float64", "C"))
    return library.sum_of(array.address, TYPES["F64"], array.size)


def kl_of_elements(library: Library, arrays: dict[str, Array], is_log: bool, scale: float) -> float:
    """Writes the losses and the gradient of `kl_div`, and returns the sum of the losses."""
    numpy, lead = numpy_for("kl_div"), arrays["logits"]
    exact = lead.type == "F64"
    with numpy.errstate(all="ignore"):
        l, t = (doubles_of(arrays[name]) for name in ("logits", "targets"))
        weights = doubles_of(arrays["element_weights"]) if "element_weights" in arrays else 1.0
        q = numpy.exp(t) if is_log else t
        losses = numpy.where(q == 0, 0.0, q * ((t if is_log else numpy.log(t)) - l))
        losses = numpy.where(weights == 0, 0.0, weights * losses)
        if not exact:
            losses = losses.astype("float32").astype("float64")
        if "losses" in arrays:
            numbers_of(arrays["losses"])[...] = rounded_to(arrays["losses"], losses, exact)
        if "gradient" in arrays:
            values = numpy.where(weights == 0, 0.0, -(scale * weights * q)) + 0.0
            numbers_of(arrays["gradient"])[...] = rounded_to(arrays["gradient"], values, exact)
        return sum_of_doubles(library, losses)


def fill(array: Array, value: float) -> None:
    """Writes one float to every element."""
    numpy = numpy_for("log_sum_exp of no classes")
    numbers_of(array)[...] = rounded_to(array, numpy.full(array.shape, value), array.type == "F64")
