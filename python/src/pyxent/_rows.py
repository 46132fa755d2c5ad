# SPDX-License-Identifier: Apache-2.0
"""Rewrites logits as rows along one axis: several axes or none, integers, other result types."""
from __future__ import annotations

import importlib.util
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pyxent._arrays import FLOATS, NAME, SIZE, Array, array_of, column_of, is_of_torch
from pyxent._call import Bound, Call, Memory, conversion, normal_axis, require_flags, unpacked
from pyxent._native import TYPES, Library
from pyxent._options import is_per_row, shown
from pyxent.errors import DTypeError, OptionError, ShapeError, XentError


def numpy_for(what: str) -> Any:
    """Imports NumPy, or raises an error that names `what`."""
    try:
        return importlib.import_module("numpy")
    except ImportError as error:
        raise ImportError(f"{what} needs NumPy, which cannot be imported ({error}); install it with pip install "
                          f"numpy") from error


def is_several(axis: object) -> bool:
    """Whether an axis argument means several axes, as None does."""
    return axis is None or isinstance(axis, Sequence) and not isinstance(axis, (str, bytes, bytearray, memoryview))


def _axes_text(axes: Sequence[int]) -> str:
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {list(axes)}"


class Rows(NamedTuple):
    """An array with its class axes joined as the last one, and the way to undo this."""

    flat: Any
    name: str
    lent: Array
    axes: list[int]
    ragged: bool
    exact: bool  # computed as float64

    @staticmethod
    def of(name: str, lent: Array, value: Any, axis: Any, widened: bool, out: Any, row_offsets: Any,
           threads: Any, out_name: str = "out", may_be_empty: bool = False) -> Rows:
        given = out is not None and out is not True
        if given or isinstance(threads, Bound):
            raise not_copied(name, lent, axis, f"{out_name} is given" if given else "the call is bound")
        _require_no_bits(name, lent)
        axes = _axes(name, axis, lent.shape)
        if row_offsets is not None and (len(lent.shape) != 1 or len(axes) != 1):
            raise ShapeError(f"{name} is {lent}, and row_offsets are set; expected one dimension, and one axis")
        if not all(lent.shape[d] for d in axes) and row_offsets is None and not may_be_empty:
            raise ShapeError(f"{name} {lent} has zero classes along {_axes_text(axes)}; expected at least one")
        rows = Rows(None, name, lent, axes, row_offsets is not None, widened or lent.type == "F64")
        array = _of_library(name, value)
        if widened and is_of_torch(array):
            array = array.double()
        elif widened:
            with numpy_for("dtype").errstate(all="ignore"):
                array = array.astype("float64")
        return rows._replace(flat=rows._flattened(array))

    @property
    def _text(self) -> str:
        """The array that sets the shapes, for messages."""
        return f"{self.name} is {self.lent} with classes along {_axes_text(self.axes)}"

    @property
    def _order(self) -> list[int]:
        return [*self._rest, *self.axes]

    @property
    def _rest(self) -> list[int]:
        return [d for d in range(len(self.lent.shape)) if d not in self.axes]

    def _flattened(self, value: Any) -> Any:
        shape = self.lent.shape
        return _permuted(value, self._order).reshape((*(shape[d] for d in self._rest),
                                                      math.prod(shape[d] for d in self.axes)))

    def like(self, name: str, value: Any) -> Any:
        """Rearranges an array of the same shape."""
        array = array_of(name, value)
        if array.shape != self.lent.shape:
            raise ShapeError(f"{name} is {array}, {self.name} is {self.lent}; expected the same shape")
        return self._flattened(_of_library(name, value))

    def mask(self, name: str, value: Any) -> Any:
        """Rearranges flags that broadcast to the shape, or one flag per class of a single class axis."""
        if value is None:
            return None
        array, shape = array_of(name, value, "bool"), self.lent.shape
        if array.type in ("I32", "U32") and len(self.axes) == 1 and not self.ragged:
            axis = self.axes[0] - len(shape) if len(array.shape) == len(shape) else -1
            if array.shape and array.shape[axis] == -(-shape[self.axes[0]] // 32):
                value = unpacked(array, axis % len(array.shape), shape[self.axes[0]])
                array = array_of(name, value)
        require_flags(name, array, len(self.axes) == 1 and not self.ragged)
        return self.spread(name, value)

    def spread(self, name: str, value: Any) -> Any:
        """Rearranges numbers that broadcast to the shape, or one number per class of a single class axis."""
        if value is None:
            return None
        array, shape = array_of(name, value), self.lent.shape
        if len(self.axes) == 1 and array.shape == (shape[self.axes[0]],):
            return value
        missing = len(shape) - len(array.shape)
        if missing < 0 or any(n not in (1, most) for n, most in zip(array.shape, shape[missing:])):
            raise ShapeError(f"{name} is {array}, {self._text}; expected a shape that broadcasts to that of "
                              f"{self.name}")
        given = _of_library(name, value)
        if is_of_torch(given):
            return self._flattened(given.expand(shape))
        return self._flattened(numpy_for(name).broadcast_to(given, shape))

    def per_row(self, name: str, value: Any) -> Any:
        """Rearranges one number per row, or one for all; class axes of size 1 are allowed."""
        if value is None or name == "temperature" and not is_per_row(value) or isinstance(value, (list, tuple, range)):
            return value
        array, shape = array_of(name, value), self.lent.shape
        if name != "temperature" and self.exact and array.type not in ("F64", "F32"):
            raise DTypeError(f"{name} is {array}, {self.name} is {self.lent} and computed as float64; expected {name} of "
                             f"type float64 or float32{conversion(name, array, 'numpy.float64')}")
        if self.ragged or array.shape in ((), (1,)):
            return value
        expected = [shape[d] for d in self._rest]
        found = list(array.shape)
        if len(found) == len(shape) and all(found[d] == 1 for d in self.axes):
            found = [found[d] for d in self._rest]
        if len(found) != len(expected) or any(n not in (1, most) for n, most in zip(found, expected)):
            raise ShapeError(f"{name} is {array}, {self._text}; expected {name} of shape {expected}, in which any size "
                             f"may be 1")
        return value if len(array.shape) == len(found) else _of_library(name, value).reshape(found)

    def per_class(self, name: str, value: Any) -> Any:
        """Rearranges one number per class, in one dimension or in those of the class axes."""
        if value is None:
            return None
        array, shape = array_of(name, value), tuple(self.lent.shape[d] for d in self.axes)
        return _of_library(name, value).reshape(math.prod(shape)) if array.shape == shape else value

    def whole(self, result: Any) -> Any:
        """Returns a result in the shape of the array."""
        order = self._order
        back = sorted(range(len(order)), key=order.__getitem__)
        return _permuted(result.reshape([self.lent.shape[d] for d in order]), back)

    def reduced(self, result: Any, keepdims: bool) -> Any:
        """Returns a result with one number per row, in the shape of the array without its class axes."""
        if self.ragged:
            return result
        shape = self.lent.shape
        return result.reshape([1 if d in self.axes else n for d, n in enumerate(shape)] if keepdims else
                              [shape[d] for d in self._rest])


def not_copied(name: str, lent: Array, axis: Any, but: str) -> XentError:
    """The error of a call that would need a copy but cannot make one."""
    if is_several(axis):
        return OptionError(f"axis is {shown(axis)} and {but}; expected one axis. Reshape {name} so that one axis has "
                           "the classes")
    if lent.type not in FLOATS:
        return DTypeError(f"{name} is {lent} and {but}; expected an array of floats"
                          f"{conversion(name, lent, 'numpy.float32')}")
    return OptionError(f"dtype is float64, {name} is {lent}, and {but}; expected a dtype that is no wider. Convert "
                       f"{name} first")


def _axes(name: str, axis: Any, shape: tuple[int, ...]) -> list[int]:
    if axis is None:
        return list(range(len(shape)))
    if not shape and (axis if is_several(axis) else (axis,)) in ((-1,), (0,), [-1], [0]):
        return []
    if not is_several(axis):
        return [normal_axis(axis, name, shape)]
    axes = [normal_axis(d, name, shape) for d in axis]
    if not axes or len(set(axes)) != len(axes):
        raise ShapeError(f"axis is {axis}; expected at least one, each once, or None for all")
    return sorted(axes)


def _of_library(name: str, value: Any) -> Any:
    """Returns an array that has methods to reshape it."""
    if is_of_torch(value):
        return value
    column = None if isinstance(value, Array) else column_of(value)
    if column is not None:
        return numbers_of(array_of(name, column))
    if isinstance(value, Array):
        raise DTypeError(f"{name} is {value} by pyxent.bfloat16; expected one axis and the dtype of the result as it "
                         f"is, or an array of ml_dtypes' bfloat16")
    numpy = numpy_for("a call of several axes, of integers or of a wider dtype")
    found = numpy.asarray(value)
    if found.dtype == object and hasattr(value, "__dlpack__"):  # NumPy itself does not read DLPack
        lent = array_of(name, value)
        if lent.type == "BF16":
            raise DTypeError(f"{name} is {lent} by DLPack; expected one axis and the dtype of the result as it is, or "
                             f"an array of ml_dtypes' bfloat16")
        return numbers_of(lent)
    return found


def _permuted(value: Any, order: list[int]) -> Any:
    return value.permute(order) if is_of_torch(value) else value.transpose(order)


# ---- NLL --------------------------------------------------------------------------------------------------------


def numbers_of(array: Array) -> Any:
    """The memory of an array as a NumPy array; for bfloat16, its bits."""
    numpy = numpy_for("this call")
    raw = numpy.asarray(Memory(array.address, SIZE[array.type], array.shape, array.strides, array.owner))
    return raw if array.type == "BF16" else raw.view(NAME[array.type])


def doubles_of(array: Array, numbers: Any = None) -> Any:
    """A float64 copy of an array, or of `numbers` in its type."""
    numbers = numbers_of(array) if numbers is None else numbers
    if array.type == "BF16":
        import numpy
        numbers = (numbers.astype("uint32") << numpy.uint32(16)).view("float32")
    return numbers.astype("float64")


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


def row_factors(call: Call, ignore_index: int | None, smoothing: float) -> Any:
    """`u sum w q` of each row, with class weights w and smoothed targets q."""
    numpy, arrays, rows = numpy_for("targets of cross_entropy_hvp"), call.arrays, call.row_shape
    with numpy.errstate(all="ignore"):
        weights = doubles_of(arrays["class_weights"]) if "class_weights" in arrays else numpy.ones(call.classes)
        of_all = numpy.add.accumulate(weights)[-1] * (smoothing / call.classes)
        if arrays["targets"].type in FLOATS:
            q = numpy.moveaxis(doubles_of(arrays["targets"]).reshape(call.shape), call.axis, -1)
            weighted = numpy.where(weights == 0, 0, q * weights)
            factors = numpy.add.accumulate(weighted, -1)[..., -1]
            row_weights = _row_weights(numpy, arrays, rows, call.axis)
            counts = row_weights != 0
        else:
            labels, row_weights, counts = _labels_of(numpy, arrays, rows, call.axis, ignore_index)
            factors = weights[labels]
        return numpy.where(counts, row_weights * ((1 - smoothing) * factors + of_all), 0)


def signed_along(call: Call, factors: Any) -> Any:
    """1 or -1 per row, broadcast along the classes, or None if no factor is below 0."""
    numpy = numpy_for("targets of cross_entropy_hvp")
    if not (factors < 0).any():
        return None
    return numpy.expand_dims(numpy.where(factors < 0, -1.0, 1.0), call.axis)


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


# ---- class weights with signs -------------------------------------------------------------------------------------


def have_signs(weights: Array | None) -> bool:
    """Whether some weights are below 0 and all are finite; False without NumPy, which signed weights need."""
    if not weights or not importlib.util.find_spec("numpy"):
        return False
    found = doubles_of(weights)
    return bool((found < 0).any() and (abs(found) < math.inf).all())


def parts_of_signs(weights: Array, type_: str) -> tuple[Array, Array]:
    """The weights above 0, with 0 for the others; and the absolute values of those below 0."""
    numbers = doubles_of(weights)
    return copied(numbers.clip(0, None), type_), copied((-numbers).clip(0, None), type_)


def copied(numbers: Any, type_: str = "F64") -> Array:
    """A contiguous copy of NumPy numbers."""
    return array_of("array", numbers.astype(NAME[type_], "C"))


def subtract(to: Array | None, first: Array, second: Array, exact: bool, scale: float = 1.0) -> Any:
    """Returns the difference of two arrays, and writes it to `to` if set; rounds to float except in double calls."""
    numpy = numpy_for("this call")
    with numpy.errstate(all="ignore"):
        found = scale * (doubles_of(first) - doubles_of(second))
        if to:
            written = numbers_of(to)
            written[...] = rounded_to(to, found, exact).reshape(written.shape)
        return found if exact else found.astype("float32").astype("float64")


def sum_of_doubles(library: Library, numbers: Any) -> float:
    """The exact sum, rounded once."""
    array = copied(numbers)
    return library.sum_of(array.address, TYPES["F64"], array.size)


def log_sums(call: Call, log_sum_exp: Callable[[Any], Any], none_is_zero: bool) -> tuple[Any, Any]:
    """Returns `log |sum w exp(x)|` of each row and the sign of the sum, in double.

    `log_sum_exp` computes `log sum exp(x)` of doubles; it returns -inf for a row that is all -inf.
    """
    numpy = numpy_for("log_sum_exp with weights")
    with numpy.errstate(all="ignore"):
        x, weights = doubles_of(call.lead), spread_over(call, "element_weights")
        if "class_mask" in call.arrays:
            weights = numpy.where(spread_over(call, "class_mask") == 0, 0.0, weights)
        x = numpy.where(weights == 0, -math.inf, x)
        sums = numpy.asarray(log_sum_exp(x + numpy.log(abs(weights)))).reshape(-1)
        none = sums == -math.inf
        if not none_is_zero:
            sums[none] = math.nan
        signs = _signs_of(numpy, sums)
        if (weights < 0).any():
            _add_signed(numpy, call, x, weights, none, sums, signs)
        return sums, signs


def _signs_of(numpy: Any, sums: Any) -> Any:
    """The signs of sums that are 0 or more, from their logarithms."""
    return numpy.where(numpy.isnan(sums), sums, sums > -math.inf)


def _add_signed(numpy: Any, call: Call, x: Any, weights: Any, none: Any, sums: Any, signs: Any) -> None:
    """Replaces the results of rows with weights below 0. Terms are added exactly, so that equal terms cancel."""
    if call.ragged:
        offsets = numpy.array(call.offsets)
        x, weights = (each[offsets[0]:offsets[-1]] for each in (x, weights))
    else:
        offsets = numpy.arange(call.rows + 1) * call.classes
        x, weights = (numpy.moveaxis(each, call.axis, -1).ravel() for each in (x, weights))
    begin, lengths = offsets[:-1] - offsets[0], numpy.diff(offsets)
    filled = numpy.flatnonzero(lengths)

    def of_rows(reduce: Any, numbers: Any) -> Any:
        found = numpy.zeros(call.rows)
        found[filled] = reduce.reduceat(numbers, begin[filled])
        return found

    with_sign = of_rows(numpy.minimum, weights) < 0
    sizes = _sizes(numpy, x, weights, numpy.repeat(of_rows(numpy.maximum, x), lengths))
    most = of_rows(numpy.maximum, sizes)
    places = numpy.arange(len(x))
    first = of_rows(numpy.minimum, numpy.where(sizes == numpy.repeat(most, lengths), places, len(x) - 1)).astype(int)
    terms, shift = _signed_terms(numpy, x, weights, numpy.repeat(first, lengths))
    terms = numpy.where(numpy.repeat(most == math.inf, lengths) & (sizes <= math.inf),
                        numpy.where(sizes == math.inf, numpy.sign(weights) * math.inf, 0.0), terms)
    for row in numpy.flatnonzero(with_sign & ~none):
        of_row = slice(begin[row], begin[row] + lengths[row])
        sums[row], signs[row] = _sum_of_row(numpy, call.library, x[of_row], weights[of_row], terms[of_row],
                                            shift[begin[row]])


_LEAST = sys.float_info.min * 2**53  # smaller terms have fewer digits, or are 0


def _sum_of_row(numpy: Any, library: Library, x: Any, weights: Any, terms: Any, shift: float) -> tuple[float, float]:
    """The logarithm of the absolute sum of the terms of a row, and its sign."""
    array = copied(terms)
    at = array.address, TYPES["F64"], array.size
    total = library.sum_of(*at)
    if abs(total) < _LEAST:
        small = (abs(terms) < _LEAST) & (weights != 0) & (x > -math.inf)
        if small.any() and not sum_of_doubles(library, numpy.where(small, 0.0, terms)):  # all other terms cancel
            x, weights = x[small], weights[small]
            largest = numpy.full(x.shape, _sizes(numpy, x, weights, x.max()).argmax())
            terms, shifts = _signed_terms(numpy, x, weights, largest)
            return _sum_of_row(numpy, library, x, weights, terms, shifts[0])
    if 0.5 < abs(total) < 2:  # log(total) would lose digits that log1p keeps
        rest = math.copysign(1, total) * library.sum_of(*at, -math.copysign(1, total))
        return shift + math.log1p(rest), numpy.sign(total)
    return shift + numpy.log(abs(total)), numpy.sign(total)


def _sizes(numpy: Any, x: Any, weights: Any, top: Any) -> Any:
    """The logarithms of the terms' sizes relative to the largest x of the row; a large x would absorb log |w|."""
    logarithms = numpy.log(abs(weights))
    return numpy.where(x + logarithms == math.inf, math.inf, x - top + logarithms)


# ln 2 in two parts; the first has few digits, so that its products with integers are exact.
_LN2 = (float.fromhex("0x1.62e42feep-1"), float.fromhex("0x1.a39ef35793c76p-33"))


def _signed_terms(numpy: Any, x: Any, weights: Any, largest: Any) -> tuple[Any, Any]:
    """Returns `w exp(x - shift)` of each class, and the shift.

    The shift makes the term of the class `largest` of its row about 1, or about w if w is neither very large nor very
    small.
    """
    below = x - x[largest]
    parts, exponents = numpy.frexp(weights)
    octaves = exponents[largest]  # exp(x - shift) or w may be outside the range of doubles
    octaves = numpy.where(abs(octaves) < 500, 0, octaves)
    steps = numpy.rint(below / _LN2[0])
    steps = numpy.where(abs(steps) < 1e6, steps, 0.0)
    exponentials = numpy.exp((below - steps * _LN2[0]) - steps * _LN2[1])
    powers = numpy.clip(steps + exponents - octaves, -3000, 3000).astype(int)
    return numpy.ldexp(parts * exponentials, powers), x[largest] + octaves * (_LN2[0] + _LN2[1])


def write_sums(call: Call, signs: Array | None, sums: tuple[Any, Any] | None,
               log_sum_exp: Callable[..., Any]) -> None:
    """Writes logarithms of sums; writes NaN for a sum below 0 unless its sign is also written.

    Without `sums`, the kernel has already written the logarithms, and all sums are 0 or more.
    """
    numpy, to = numpy_for("log_sum_exp with return_sign"), call.arrays["log_sum_exp"]
    with numpy.errstate(all="ignore"):
        if sums is None:
            found = doubles_of(to)
            of_sums = _signs_of(numpy, found)
            if (found == -math.inf).any():  # rounded to -inf, or a row without terms
                have_terms = _have_terms(numpy, call, log_sum_exp).reshape(found.shape)
                of_sums = numpy.where(found == -math.inf, have_terms, of_sums)
        else:
            found, of_sums = sums
            if signs is None:
                found = numpy.where(of_sums < 0, math.nan, found)
            call.tell_autograd()
            _write(to, found)
        if signs is not None:
            _write(signs, of_sums)


def _have_terms(numpy: Any, call: Call, log_sum_exp: Callable[..., Any]) -> Any:
    """Whether a row has a term above -inf."""
    flat = numpy.where(doubles_of(call.lead) > -math.inf, 0.0, -math.inf)
    sink = call.arrays.get("sink")
    if sink:
        sink = numpy.where(doubles_of(sink) > -math.inf, 0.0, -math.inf)
    return numpy.asarray(log_sum_exp(flat, call.arrays.get("class_mask"), sink) > -math.inf)


def _write(to: Array, found: Any) -> None:
    written = numbers_of(to)
    written[...] = rounded_to(to, found, to.type == "F64").reshape(written.shape)


# ---- work of NumPy and PyTorch ------------------------------------------------------------------------------------


def _require_no_bits(name: str, lent: Array) -> None:
    """Rejects uint16, the type of bfloat16 results without ml_dtypes, instead of reading the bits as integers."""
    if lent.type == "U16":
        raise DTypeError(f"{name} is {lent}; expected floats, or integers of another type"
                         f"{conversion(name, lent, 'numpy.float32')}")


def as_floats(name: str, value: Any, lent: Array) -> Any:
    """Copies integers as float64; every integer must be exact in float64."""
    if lent.type in FLOATS:
        return value
    _require_no_bits(name, lent)
    given = _of_library(name, value)
    if lent.type in ("I64", "U64") and lent.size and (int(given.max()) > 2**53 or int(given.min()) < -2**53):
        raise DTypeError(f"{name} is {lent} with numbers beyond 2^53; expected numbers that float64 holds")
    return given.double() if is_of_torch(given) else given.astype("float64")


def widened(name: str, value: Any, lead: bool = False) -> Any:
    """A float64 copy of the logits, or of another argument that float64 logits do not accept."""
    if value is None or value is True or value is False:
        return value
    array = array_of(name, value)
    if array.type not in ("F16", "BF16", *(["F32"] if lead else [])):
        return value
    given = _of_library(name, value)
    if is_of_torch(given):
        return given.double()
    with numpy_for("dtype").errstate(all="ignore"):
        return given.astype("float64")


def labels_like(name: str, value: Any) -> list[Any]:
    """Arrays of labels 1 and of labels 0, in the shape of an array."""
    given = value if isinstance(value, Array) else _of_library(name, value)
    if is_of_torch(given):
        torch = importlib.import_module("torch")
        return [torch.full(given.shape, label, dtype=torch.uint8) for label in (1, 0)]
    numpy = numpy_for("probability_clamp")
    return [numpy.full(given.shape, label, "uint8") for label in (1, 0)]


def clamp_losses(call: Call, losses: Array, positive: Array, negative: Array, clamp: float,
                 ignore_index: int | None) -> float:
    """Replaces the losses of elements with clamped probabilities, and returns the sum of all losses."""
    numpy, exact, arrays = numpy_for("probability_clamp"), losses.type == "F64", call.arrays
    bounds = -math.log1p(-clamp), -math.log(clamp)
    with numpy.errstate(all="ignore"):
        def spread(name: str) -> Any:
            found = spread_over(call, name)
            return found if isinstance(found, float) else found.reshape(losses.shape)

        labels = numbers_of(arrays["targets"]).reshape(losses.shape)
        t = doubles_of(arrays["targets"], labels)
        weights, all_losses = spread("element_weights"), doubles_of(losses)
        of_label = [doubles_of(each) for each in (positive, negative)]
        clipped = [numpy.clip(each, *bounds) for each in of_label]
        changes = (t != 0) & (of_label[0] != clipped[0]) | (t != 1) & (of_label[1] != clipped[1])
        changes &= ~numpy.isnan(of_label[0]) & (weights != 0)
        if ignore_index is not None:
            changes &= labels != ignore_index
        parts = (numpy.where(share == 0, 0.0, share * each)
                 for share, each in zip((t * spread("positive_weights"), 1 - t), clipped))
        other = weights * sum(parts)
        all_losses = numpy.where(changes, other if exact else other.astype("float32"), all_losses)
        numbers_of(losses)[...] = rounded_to(losses, all_losses, exact)
    return sum_of_doubles(call.library, all_losses)


def spread_over(call: Call, name: str) -> Any:
    """An input as one number for each element, or 1 if it is not set."""
    if name not in call.arrays:
        return 1.0
    array = call.arrays[name]
    if call.ragged:
        return doubles_of(array)
    strides = [call.strides[name][d] for d in range(len(call.shape))]
    return doubles_of(Array(array.address, array.type, call.shape, strides, True, array.owner))


def beside_zero(numbers: Any) -> Array:
    """Stacks numbers and an array of zeros along a new first axis."""
    numpy = numpy_for("binary_cross_entropy_hvp")
    found = doubles_of(numbers) if isinstance(numbers, Array) else numbers
    return copied(numpy.stack([found, numpy.zeros_like(found)]))


def losses_of_others(targets: Array, losses: Sequence[Any], factor: float) -> Any:
    """`factor` times the loss of the opposite label of each target, from the losses of the labels 1 and 0."""
    numpy = numpy_for("binary_cross_entropy_hvp")
    return factor * numpy.where(doubles_of(targets) == 1, losses[1], losses[0])


def second_derivatives(call: Call, shares: Any, losses: Sequence[Any], powers: Any, ignore_index: int | None,
                       gamma: float, alpha: float | None) -> Any:
    """The second derivatives of the binary loss of each element.

    They are computed from the probabilities of both labels, their losses, and the power of the focal loss.
    """
    numpy, arrays = numpy_for("binary_cross_entropy_hvp"), call.arrays
    with numpy.errstate(all="ignore"):
        labels = numbers_of(arrays["targets"])
        t = doubles_of(arrays["targets"], labels)
        s, other = shares
        r, w = spread_over(call, "positive_weights"), spread_over(call, "element_weights")
        positive, negative = r * t, 1 - t
        found = (positive + negative) * s * other
        if gamma:
            slope = negative * s - positive * other  # derivative of the loss without its power
            loss = (numpy.where(positive == 0, 0, positive * losses[0])
                    + numpy.where(negative == 0, 0, negative * losses[1]))
            step = numpy.where(t == 1, -s, other)  # derivative of the logarithm of the wrong probability
            found = powers * (found + gamma * step * (2 * slope + ((gamma - 1) * step + (other - s)) * loss))
        if alpha is not None:
            found = (alpha * t + (1 - alpha) * negative) * found
        logits = doubles_of(arrays["logits"])
        found = numpy.where(numpy.isinf(logits), 0.0, w * found)
        counts = numpy.broadcast_to(w != 0, found.shape)
        if ignore_index is not None:
            counts = counts & (labels != ignore_index)
        return numpy.where(counts, found, 0.0)


def write_products(to: Array, upstream: Array, factors: Any, scale: float, exact: bool) -> None:
    """Writes `scale factors upstream`, with 0 for a factor of 0."""
    numpy = numpy_for("binary_cross_entropy_hvp")
    with numpy.errstate(all="ignore"):
        found = numpy.where(factors == 0, 0.0, scale * factors * doubles_of(upstream))
        numbers_of(to)[...] = rounded_to(to, found, exact)


def is_binary(array: Array) -> bool:
    """Whether every number is 0 or 1."""
    found = doubles_of(array)
    return bool(((found == 0) | (found == 1)).all())


def kl_of_elements(library: Library, arrays: dict[str, Array], is_log: bool, scale: float) -> float:
    """Writes the losses and the gradient of `kl_div`, and returns the sum of the losses."""
    numpy, lead = numpy_for("kl_div"), arrays["logits"]
    exact = lead.type == "F64"
    with numpy.errstate(all="ignore"):
        l, t = (doubles_of(arrays[name]) for name in ("logits", "targets"))
        weights = 1.0
        if "element_weights" in arrays:
            given = arrays["element_weights"]
            weights = doubles_of(given)
        q = numpy.exp(t) if is_log else t
        losses = numpy.where(q == 0, 0.0, q * ((t if is_log else numpy.log(t)) - l))
        losses = numpy.where(weights == 0, 0.0, weights * losses)
        if not exact:
            losses = losses.astype("float32").astype("float64")
        if "losses" in arrays:
            numbers_of(arrays["losses"])[...] = rounded_to(arrays["losses"], losses, exact)
        if "target_gradient" in arrays:
            values = (t if is_log else numpy.log(t)) - l + 1
            values = numpy.where(q == 0, 0.0, q * values) if is_log else values
            values = numpy.where(weights == 0, 0.0, scale * weights * values) if scale else numpy.zeros(t.shape)
            numbers_of(arrays["target_gradient"])[...] = rounded_to(arrays["target_gradient"], values, exact)
        if "gradient" in arrays:
            values = numpy.where(weights == 0, 0.0, -(scale * weights * q)) + 0.0
            numbers_of(arrays["gradient"])[...] = rounded_to(arrays["gradient"], values, exact)
        return sum_of_doubles(library, losses)


def reversed_along(value: Any) -> Any:
    """A copy with the last axis reversed."""
    if is_of_torch(value):
        return value.flip(-1)
    given = _of_library("class_mask", value)
    return given[..., ::-1].copy()


def copied_like(numbers: list[int], like: Any) -> Any:
    """Integers as an array of the library and type of another."""
    return like.new_tensor(numbers) if is_of_torch(like) else numpy_for("this call").array(numbers, like.dtype)


def fill(array: Array, value: float) -> None:
    """Writes one float to every element."""
    numpy = numpy_for("log_sum_exp of no classes")
    numbers_of(array)[...] = rounded_to(array, numpy.full(array.shape, value), array.type == "F64")


def smallest(logits: Any, log_p: Any, class_mask: Any, axis: int, k: int) -> tuple[Any, Any]:
    """The classes of the k smallest numbers along an axis, and their log-probabilities; lower classes first on ties."""
    keys = _of_library("logits", logits)
    if is_of_torch(keys):
        torch = importlib.import_module("torch")
        mask = torch.as_tensor(True if class_mask is None else class_mask) != 0
        keys = torch.where(mask, keys.to(log_p.dtype), torch.inf)
        found = keys.sort(dim=axis, stable=True).indices.narrow(axis, 0, k)
        mask, of_found = mask.expand(keys.shape).gather(axis, found), log_p.gather(axis, found)
        none = torch.isnan(of_found) | (log_p.amax(axis, keepdim=True) == -torch.inf)
        return torch.where(mask & ~none, found, -1), of_found
    numpy = numpy_for("largest=False")
    mask = numpy.asarray(True if class_mask is None else class_mask) != 0
    with numpy.errstate(all="ignore"):
        keys = numpy.where(mask, keys.astype("float64"), numpy.inf)
        found = numpy.take(keys.argsort(axis, kind="stable"), range(k), axis)
        mask = numpy.take_along_axis(numpy.broadcast_to(mask, keys.shape), found, axis)
        log_p = _of_library("log_softmax", log_p)
        of_found = numpy.take_along_axis(log_p, found, axis)
        none = numpy.isnan(of_found) | (log_p.max(axis, keepdims=True) == -numpy.inf)
        return numpy.where(mask & ~none, found, -1), of_found


def flags_along(name: str, value: Any, lent: Array, axis: int) -> Any:
    """A class mask as flags that broadcast by the rules of NumPy."""
    if value is None:
        return None
    array, classes = array_of(name, value, "bool"), lent.shape[axis]
    if array.type in ("I32", "U32"):
        packed = axis if len(array.shape) == len(lent.shape) else 0
        value = unpacked(array, packed, classes)
        array = array_of(name, value)
    given = _of_library(name, value)
    if array.shape == (classes,):
        given = given.reshape([classes if d == axis else 1 for d in range(len(lent.shape))])
    return given
