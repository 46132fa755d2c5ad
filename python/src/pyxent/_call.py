# SPDX-License-Identifier: Apache-2.0
"""One call: its arrays by their names in xent.h, checked and described, and its kernels over pieces and threads."""
from __future__ import annotations

import copy
import ctypes
import itertools
import math
import operator
import struct
import sys
import weakref
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from ctypes import c_double
from typing import Any, NamedTuple, NoReturn, TypeVar

from pyxent import _threads
from pyxent._arrays import (FLOATS, IGNORED, INTEGERS, NEW, OUTPUT, SIZE, Array, Memory, address_of, array_of, as_type, converted,
                            doubles_of, empty, float_like, imported_numpy, is_of_torch, numpy_arrays_of, takes_of_targets)
from pyxent._functions import FUNCTIONS, RULES, Rule
from pyxent._native import (CHUNK, INVALID_LABEL, INVALID_OPTION, OUT_OF_STACK, TYPES, Layout, Library, Options,
                            Report, Sampling, Shape, Statistics, ExactSum, Work, sized)
from pyxent._options import RANGES, integer, is_wanted, require, shown, stored_scale, wanted_of
from pyxent.errors import ArrayMemoryError, DTypeError, LabelError, OptionError, ShapeError, XentError

# The types that the rule of an array names; a mask may be integers too, with 32 flags in each.
_FLAGS, _WORDS, _NUMBERS_OR_FLAGS, _INDEX, _LABELS = "FLAGS", "FLAGS | WORDS", "NUMBERS | FLAGS", "CLASS_NUMBERS", "LABELS"
_LIKE = {"PER_TARGET": "targets", "OF_TARGETS": "targets", "PER_FEATURE": "hidden", "OF_CLASSES": "weights"}
_COUNTS = {"prompt_tokens": "prompt_count", "output_tokens": "output_count", "bias_tokens": "target_count"}
_TOKENS = (*_COUNTS, "draft_tokens")
_FLOAT_OPTIONS = ("temperature", "top_p", "min_p", "typical_p", "top_n_sigma", "xtc_probability", "xtc_threshold",
                  "repetition_penalty", "frequency_penalty", "presence_penalty", "scale", "dynatemp_range",
                  "dynatemp_exponent")  # these may be one number per row
DRAWN = ("expected the probability that it was drawn with, above 0 and at most 1. Pass the softmax of the other model's "
         "logits")
_AS_LABELS = (", int)", ".long()", IGNORED)  # the ends of conversions to integers
_RULES: dict[str, Rule] = {rule.array: rule for rule in reversed(RULES.values())}  # the first one of each array

_ELEMENTWISE = {"binary_cross_entropy", "sigmoid", "log_sigmoid", "sigmoid_backward", "log_sigmoid_backward"}
_MAY_BE_EMPTY = {"softmax", "log_softmax", "log_sum_exp", "softmax_backward", "log_softmax_backward"}
MOST_SELECTED = 256
# A thread must compute at least this amount, counted in elements of a long row.
_PER_THREAD = 1 << 18
_PER_ROW = 32
_PIECE = 1 << 16  # arrays with pieces of fewer elements are copied, for one call instead of one per piece


def plural(count: int, noun: str) -> str:
    return f"1 {noun}" if count == 1 else f"{count} {noun}{'es' if noun.endswith('s') else 's'}"


def normal_axis(axis: int, name: str, shape: Sequence[int]) -> int:
    rank, axis = len(shape), integer("axis", axis)
    if not rank:
        raise ShapeError(f"{name} has no dimension; expected one that has, such as {name}.reshape(1)")
    if not -rank <= axis < rank:
        raise ShapeError(f"axis {shown(axis)} does not exist in shape {list(shape)}: axes go from {-rank} to "
                         f"{rank - 1}")
    return axis % rank


def shape_of_weights(weights: Array, features: int) -> str:
    """The shape of the weights of a layer with these features, for messages: any number of classes is right."""
    shape = ["classes", *weights.shape[1:-1], features]
    is_turned = len(shape) == 2 and weights.shape[0] == features
    return f"[{', '.join(map(str, shape))}]{': pass weights.T' if is_turned else ''}"


def require_flags(name: str, array: Array, or_bits: bool = False) -> None:
    if array.type not in ("U8", "I8"):
        bits = ", or int32 or uint32 with 32 classes in each number" if or_bits else ""
        raise DTypeError(f"{name} is {array}; expected an array of type bool, uint8 or int8{bits}"
                         f"{conversion(name, array, 'bool')}")


def conversion(name: str, array: Array, takes: str) -> str:
    """The end of a message that shows how to convert an input to the right type."""
    of_torch = isinstance(array.owner, tuple) and is_of_torch(array.owner[0])
    if (name, takes) == ("targets", "int") and array.type in FLOATS and any(
            map(math.isnan, numbers_along(array, list(zip(array.shape, array.strides))))):
        filled = f"{name}.nan_to_num(-100).long()" if of_torch else f"numpy.nan_to_num({name}, nan=-100).astype(int)"
        return f". Convert it: {filled}{IGNORED}"
    fix = converted(name, takes, of_torch)
    bits = bits_of_bfloat16(name, array) if "float" in takes else ""
    return f"{bits}; otherwise {fix}" if bits else f". Convert it: {fix}"


def bits_of_bfloat16(name: str, array: Array) -> str:
    """The end of a message about 16-bit integers, which are the bits of bfloat16 numbers in NumPy."""
    return f". If these are the bits of bfloat16, pass pyxent.bfloat16({name})" if array.type in ("U16", "I16") else ""


_CTYPES: dict[str, Any] = {"F32": ctypes.c_float, "F64": ctypes.c_double, "F16": ctypes.c_uint16,
                           "BF16": ctypes.c_uint16}


def numbers_along(array: Array, dimensions: Sequence[tuple[int, int]]) -> Iterator[float]:
    """The numbers of an array along dimensions, each with its size and stride, in row-major order."""
    for index in itertools.product(*([i * stride for i in range(n)] for n, stride in dimensions)):
        address = array.address + sum(index) * SIZE[array.type]
        found = _CTYPES[array.type].from_address(address).value
        if array.type == "BF16":
            found = ctypes.c_float.from_buffer(ctypes.c_uint32(found << 16)).value
        elif array.type == "F16":
            found = struct.unpack("e", found.to_bytes(2, sys.byteorder))[0]
        yield found


def doubles_along(array: Array) -> Any:
    """The numbers of an array of floats in row-major order, as doubles."""
    if not imported_numpy():
        return list(numbers_along(array, list(zip(array.shape, array.strides))))
    return doubles_of(array).reshape(-1)


def _temperatures_of(temperatures: Any) -> Any:
    """Temperatures of rows, as contiguous doubles."""
    numpy, its = sys.modules.get("numpy"), RANGES["temperature"]
    if numpy and (isinstance(temperatures, numpy.ndarray) or {*map(type, temperatures)} <= {int, float}):
        numbers = numpy.array(temperatures, "float64")
        if ((numbers >= its.least) & (numbers <= its.most)).all():
            return (c_double * numbers.size).from_buffer(numbers) if numbers.size else (c_double * 0)()
        temperatures = numbers.tolist() if isinstance(temperatures, numpy.ndarray) else temperatures
    found = list[float]()
    for row, number in enumerate(temperatures):
        try:
            found.append(float(require("temperature", number)))
        except (TypeError, OptionError) as error:
            raise type(error)(f"in row {row}, {error}") from None
    return (c_double * len(found))(*found)


def _sizes_of(offsets: Any) -> tuple[int, int]:
    """The least size of ragged rows, or -1 if it is below 0, and the largest one; both are 0 without rows."""
    numpy = imported_numpy()
    if not numpy:
        sizes = list(map(operator.sub, offsets[1:], offsets))
        return max(min(sizes, default=0), -1), max(sizes, default=0)
    found = numpy.frombuffer(offsets, f"i{ctypes.sizeof(offsets) // len(offsets)}")
    before, after = found[:-1], found[1:]  # their difference may overflow if it is below 0
    return (-1, 0) if (after < before).any() else (0, int((after - before).max(initial=0)))


Result = TypeVar("Result")
Group = tuple[int, dict[str, int]]  # a dimension of rows: its size, and the strides of the arrays along it


class Piece(NamedTuple):
    """Rows of a call: the addresses of its arrays, the first row, and the number of rows."""

    addresses: dict[str, int]
    first: int
    rows: int


LentTensor = tuple[str, Array, Any]  # its name, its memory, and the tensor


def lent_tensors(arrays: dict[str, Array]) -> list[LentTensor]:
    """The PyTorch tensors among the arrays."""
    return [(name, array, array.owner[0]) for name, array in arrays.items()
            if isinstance(array.owner, tuple) and is_of_torch(array.owner[0])]


def require_in_place(tensors: Iterable[LentTensor], since: str) -> None:
    for name, before, tensor in tensors:
        now = array_of(name, tensor)
        memory = [(array.address, array.shape or (1,), array.strides or (1,)) for array in (now, before)]
        if memory[0] != memory[1]:
            raise ArrayMemoryError(f"{name} has other memory or another shape than when the call was {since}")


def versions_of(tensors: Iterable[LentTensor]) -> list[int]:
    """The version counters of PyTorch, which count in-place writes."""
    return [0 if tensor.is_inference() else tensor._version for _, _, tensor in tensors]  # 0 if untracked


def require_unwritten(tensors: Sequence[LentTensor], versions: Sequence[int]) -> None:
    for (name, _, _), before, now in zip(tensors, versions, versions_of(tensors)):
        if before != now:
            raise ArrayMemoryError(f"{name} was written since the call was made; expected the numbers of then. Call "
                                   f"again, or call backward before you write it")


def read_only(name: str) -> ArrayMemoryError:
    return ArrayMemoryError(f"{name} is read-only; expected writable memory, or {NEW}")


def require_writable(name: str, array: Array, others: Iterable[tuple[str, str, Array]],
                     in_place: Iterable[str] = ()) -> None:
    """Rejects an output that shares memory with itself or with other arrays; each has a key and a name for messages."""
    if array.read_only:
        raise read_only(name)
    if not array.is_distinct():
        raise ArrayMemoryError(f"{name} {array} has strides that put several indices on one element; expected "
                               f"separate memory for each element that is written")
    for other, called, theirs in others:
        if array.overlaps(theirs):
            allowed = other in in_place
            if not allowed or not array.is_in_place_of(theirs):
                raise ArrayMemoryError(
                    f"{name} and {called} lie within each other's span of memory; expected separate "
                    f"memory for {name}"
                    + (f", or exactly that of {called}" if allowed else ""))


class Bound(NamedTuple):
    """The threads of a bound call, which runs more than once."""

    threads: int | None


class Checked(NamedTuple):
    """A checked call, and the function that computes its result with the call itself or with a run of its plan."""

    call: Call
    compute: Callable[[Any], Any]
    is_repeatable: bool  # `compute` uses nothing but what it is passed

    def now(self) -> Any:
        return self.compute(self.call)

    def can_be_planned(self, addresses: Mapping[str, int]) -> bool:
        """Whether a plan can compute it for other arrays: all of its arrays are arguments or new."""
        call = self.call
        return self.can_be_fixed() and not (call.ragged or call.copied or call.read or call.tensors) and (
            sys.modules.get("numpy") is not None or is_of_torch(call.given_lead)) and all(
            name in call.made or addresses.get(call.called(name)) == array.address
            for name, array in call.arrays.items())

    def can_be_fixed(self) -> bool:
        """Whether one task computes it, in the memory of the arrays alone."""
        call = self.call
        return self.is_repeatable and call.is_one_task and not (
            call.workspace or call.temperatures is not None or call.statistics is not None
            or call.read.keys() - {"row_offsets"})


class Call:
    """Arrays with matching shapes and types for a function of the core, and the kernels that compute with them.

    Its first array sets the shapes and types of all others: the logits, the output of a softmax, or hidden states.
    `names` has the names of arrays for callers that differ from those of xent.h.
    """

    def __init__(self, library: Library, function: str, value: Any, axis: int, row_offsets: Any = None,
                 classes: int | None = None, names: dict[str, str] | None = None) -> None:
        self.library, self.given_lead = library, value
        self.public = dict(names or {})
        lead = self.lead_key = RULES[FUNCTIONS[function].rules[0]].array
        self.lead_name = self.called(lead)
        self.elements = function in _ELEMENTWISE  # every element is a row
        self.kinds = _RULES.copy()
        self.take_rules_of(function)
        self.any_floats = "TEACHER" in FUNCTIONS[function].rules
        self.arrays: dict[str, Array] = {}
        self.read: dict[str, Array] = {}  # arrays that only Python reads; no output may overlap them
        self.strides: dict[str, list[int]] = {}
        self.matrices: dict[str, tuple[int, ...]] = {}
        self.results: dict[str, Any] = {}
        self.guards: list[weakref.ref[Any]] = []
        self.copied = ""  # the reason why a call cannot be bound
        self.tensors: dict[str, Any] = {}  # PyTorch tensors that the call writes
        self.counts = {"target_count": 0, "top_count": 0, "prompt_count": 0, "output_count": 0, "features": 0}
        self.lead, key, lead = array_of(self.lead_name, value), lead, self.lead_name
        if self.lead.type not in FLOATS:
            raise DTypeError(f"{lead} is {self.lead}; expected an array of type float32, float16, bfloat16 or float64"
                             f"{conversion(lead, self.lead, 'numpy.float32')}")
        self.scalar = not self.lead.shape and classes is None and row_offsets is None  # one class, one row
        self.lead = self._seen(self.lead)
        self.ragged = row_offsets is not None
        if self.ragged:
            self._take_offsets(array_of("row_offsets", row_offsets, "int"))
        else:
            self.axis, self.shape = normal_axis(axis, lead, self.lead.shape), list(self.lead.shape)
            if not self.shape[self.axis] and not self.elements and function not in _MAY_BE_EMPTY:
                what = "classes" if classes is None else "features"
                raise ShapeError(f"{lead} {self.lead} has zero {what} along axis {self.axis}; expected at least one")
        if classes is not None:  # hidden states have features along the class axis of their logits
            self.shape[self.axis] = classes
        self.whole_shape = self.lead.shape if self.ragged else tuple(self.shape)
        self._put(key, self.lead, [0, self.lead.strides[0]] if self.ragged else list(self.lead.strides))
        self.classes = self.shape[self.axis]
        self.row_shape = tuple(n for d, n in enumerate(self.shape) if d != self.axis)
        self.rows = math.prod(self.row_shape) if self.classes else 0
        self.labels, self.labels_only = "targets", False  # the array of label errors; only labels allowed
        self.statistics: Any = None
        self.saved = 0  # the number of results with statistics
        self.states: Any = None
        self.workspace: Callable[[int], ctypes.Array[Any]] | None = None
        self.continues = False  # whether the workspace may have the first tokens of the text
        self.temperatures: ctypes.Array[c_double] | None = None  # of all rows
        self.given_temperatures: Any = None
        self.effort = self.classes + _PER_ROW
        self.threads: int | None = None
        self.options = sized(Options)
        self.sampling: Sampling | None = None
        self.requests: Callable[[int], Any] | None = None  # the sampling options of rows
        self.made: dict[str, str] = {}  # the results that are new arrays, with their types

    def take_rules_of(self, function: str) -> None:
        """Lets the call have the layouts and types of this function for the arrays that functions share."""
        self.kinds |= {rule.array: rule for rule in map(RULES.__getitem__, FUNCTIONS[function].rules)}

    # ---- arrays ---------------------------------------------------------------------------------------------------

    def _seen(self, array: Array) -> Array:
        """Returns an array without a dimension as an array of one element in one dimension."""
        if not self.scalar or array.shape:
            return array
        return Array(array.address, array.type, (1,), (1,), array.read_only, array.owner)

    def take(self, name: str, value: Any) -> None:
        """Takes an input; None omits it."""
        if value is not None:
            rule = self.kinds[name]
            types = rule.holds
            if (rule.spread or rule.form in ("PER_ROW", "ONE_ROW")) and types not in (_INDEX, _LABELS):
                value = self._converted(name, value, types)
            array = self._seen(array_of(self.called(name), value, self._takes(types)))
            if types == _WORDS and array.type in ("I32", "U32"):
                self._require_words(array)
                self._put(name, array, self._along_axis(array.strides[0]) if len(array.shape) == 1 else
                          [0 if n == 1 else stride for n, stride in zip(array.shape, array.strides)])
                return
            self._require_type(name, array, types)
            if rule.form == "PER_CLASS" and rule.spread and not self.ragged:
                array = self._broadcast(array)
            self._put(name, array, self._strides_of(name, array))

    def _converted(self, name: str, value: Any, types: str) -> Any:
        """A number, a list, or an array of another float type, as an array that the call takes; other values unchanged."""
        numpy = sys.modules.get("numpy")
        if numpy is None or self.any_floats:
            return value
        given, of_flags = value, types in (_FLAGS, _WORDS)
        if isinstance(value, (list, tuple, int, float)):
            try:
                value = numpy.asarray(value)
            except ValueError:  # lists of different lengths
                return given
            if value.dtype.kind not in ("biu" if of_flags else "fiub" if types == _NUMBERS_OR_FLAGS else "fiu"):
                return given
            value = value != 0 if of_flags else value
        elif of_flags or (array := array_of(self.called(name), value, self._takes(types))).type not in FLOATS or self.fits(
                array.type):
            return given
        else:
            value = doubles_of(array)
        if not of_flags and value.dtype.kind != "b":
            with numpy.errstate(over="ignore"):
                value = value.astype("float64" if self.lead.type == "F64" else "float32")
        self.copied = f"{self.called(name)} is {array_of(self.called(name), value)}, which is copied"
        return value

    def read_options(self, name: str, value: Any) -> None:
        """Takes an array of one number per row, whose contents may change before the next run of a bound call."""
        if not isinstance(value, Sequence) and str(getattr(value, "dtype", "")) != "object":
            self.read[name] = array_of(name, value, "float" if name in _FLOAT_OPTIONS else "int")

    def take_temperatures(self, value: Any) -> None:
        """Takes one temperature per row; each run of a bound call reads them again."""
        self.temperatures, self.given_temperatures = None, value
        if isinstance(value, (list, tuple, range)):
            if len(value) != self.rows:
                raise ShapeError(f"temperature has {plural(len(value), 'number')}, {self.lead_name} has "
                                 f"{plural(self.rows, 'row')}; expected one number, or one per row")
            numbers: Any = value
        else:
            array = self.read["temperature"] = array_of("temperature", value)
            if array.type not in FLOATS:
                raise DTypeError(f"temperature is {array}; expected floats"
                                 f"{conversion('temperature', array, 'float')}")
            strides = self._per_row("temperature", array, True)
            sizes, along = ([of[d] for d in range(len(of)) if d != self.axis] for of in (self.shape, strides))
            numbers = doubles_along(Array(array.address, array.type, sizes, along, True, array.owner))
        self.temperatures = _temperatures_of(numbers)

    def _require_words(self, words: Array) -> None:
        """Rejects a mask with 32 flags in each integer in another shape."""
        count = -(-self.classes // 32)
        spread = [count if d == self.axis else n for d, n in enumerate(self.shape)]
        if words.shape != (count,) and not (self._is_spread(words.shape, spread) and words.shape[self.axis] == count):
            raise ShapeError(f"class_mask is {words}, {self._lead_text}; expected {plural(count, 'integer')} of 32 flags along "
                             f"axis {self.axis}, or flags of type bool, uint8 or int8")

    def _broadcast(self, array: Array) -> Array:
        """Broadcasts an array of fewer dimensions as NumPy does, unless it has one number per class."""
        missing = len(self.shape) - len(array.shape)
        shape = (1,) * missing + array.shape
        if missing <= 0 or array.shape == (self.classes,) or not self._is_spread(shape, self.shape):
            return array
        return Array(array.address, array.type, shape, [0] * missing + list(array.strides), array.read_only,
                     array.owner)

    def write(self, name: str, wanted: Any, type_: str | None = None, shape: tuple[int, ...] | None = None,
              in_place: bool = True) -> None:
        """Takes an output: True makes a new array with `type_` and `shape`, or the usual ones; None and False omit it.
        """
        wanted = wanted_of(wanted)
        if wanted is None or wanted is False:
            return
        made = wanted is True
        if made:
            flags = self.kinds[name].holds == _FLAGS and type_ is None
            type_ = type_ or self._usual_type(name)
            self.made[name] = "BOOL" if flags else type_
            wanted = empty(self.given_lead, self.made[name], () if self.scalar else shape or self._usual_shape(name))
        self.results[name] = wanted
        array = self._seen(as_type(wanted, type_) if made and type_ else
                           array_of(self.called(name), wanted, OUTPUT))
        if shape and array.shape != shape:
            raise ShapeError(f"{self.called(name)} is {array}; expected the shape {list(shape)}, as keepdims is True")
        if made and self.ragged and array.shape == self.lead.shape and not self._covered:
            ctypes.memset(array.address, 0, array.size * SIZE[array.type])
        self._require_type("dtype" if made else name, array, self.kinds[name].holds)
        strides = self._strides_of(name, array)
        if not made:
            self.require_writable(self.called(name), array, self.kinds[name].in_place if in_place else ())
            tensor = array.owner[0] if isinstance(array.owner, tuple) else None
            if is_of_torch(tensor):
                self.tensors[name] = tensor
        self._put(name, array, strides)

    def _put(self, name: str, array: Array, strides: list[int]) -> None:
        self.arrays[name] = array
        if name not in self.matrices:
            self.strides[name] = strides

    def called(self, name: str) -> str:
        return self.public.get(name, name)

    def require_writable(self, name: str, array: Array, in_place: Iterable[str] = ()) -> None:
        require_writable(name, array, ((other, self.called(other), theirs) for other, theirs in (
            *self.arrays.items(), *self.read.items())), in_place)

    def _usual_type(self, name: str) -> str:
        types = self.kinds[name].holds
        if types == _FLAGS:
            return "U8"
        if types == _INDEX:
            return "I64"
        if name in ("output", "gradient", "hidden_gradient"):
            return self.lead.type
        if name in ("weights_gradient", "bias_gradient"):
            return self.arrays["weights"].type
        return "F64" if self.lead.type == "F64" else "F32"

    def _usual_shape(self, name: str) -> tuple[int, ...]:
        form = self.kinds[name].form
        if form == "PER_ROW":
            return self.row_shape
        if form == "PER_TOP":
            return self.with_entries(self.counts["top_count"])
        if form == "ONE_ROW":
            return (self.classes,)
        like = _LIKE.get(form)
        return self.arrays[like].shape if like else self.whole_shape

    def with_entries(self, count: int) -> tuple[int, ...]:
        return tuple(count if d == self.axis else n for d, n in enumerate(self.shape))

    # ---- types ----------------------------------------------------------------------------------------------------

    @property
    def allowed(self) -> str:
        """The floating-point types that go with the leading array."""
        return "float64 or float32" if self.lead.type == "F64" else "float32, float16 or bfloat16"

    def fits(self, type_: str) -> bool:
        return type_ in (("F64", "F32") if self.lead.type == "F64" else ("F32", "F16", "BF16"))

    def _takes(self, types: str) -> str:
        """The NumPy type that an input accepts."""
        if types in (_FLAGS, _WORDS):
            return "bool"
        return "int" if types in (_INDEX, _LABELS) else float_like(self.lead.type)

    def _require_type(self, name: str, array: Array, types: str) -> None:
        is_output, name = name in self.results, self.called(name)
        fix = self._instead_of(name, array) if is_output else conversion(name, array, self._takes(types))
        if types in ("NUMBERS", _NUMBERS_OR_FLAGS):
            flag = types == _NUMBERS_OR_FLAGS and array.type == "U8"  # not I8, whose -1 the kernels would read as 255
            if flag or self.fits(array.type) or self.any_floats and array.type in FLOATS:
                return
            raise DTypeError(f"{name} is {array}, {self.lead_name} is {self.lead}; expected {name} of type "
                              f"{self.allowed}"
                             + (", or uint8 as a mask" if types == _NUMBERS_OR_FLAGS else "") + fix)
        if types in (_FLAGS, _WORDS):
            require_flags(name, array, types == _WORDS)
        if types == _INDEX and array.type not in ("I32", "I64"):
            raise DTypeError(f"{name} is {array}; expected an array of type int32 or int64")
        if types == _INDEX and array.type == "I32" and self.classes > 1 << 31:
            raise DTypeError(f"{name} is {array}, and there are {self.classes} classes; expected an array of type "
                              "int64")
        if types == _LABELS and not array.has_integers:
            raise DTypeError(f"{name} is {array}; expected classes as integers{fix}")

    def _instead_of(self, name: str, output: Array) -> str:
        """The end of a message about the type of an output."""
        if name == "out" and output.type == "F64":
            of_torch = is_of_torch(self.given_lead)
            return f". For float64 results pass {converted(self.lead_name, 'numpy.float64', of_torch)}"
        return bits_of_bfloat16(name, output)

    def _code(self, name: str) -> int:
        """The type code for the kernels: U8 for all flags, whose sign has no meaning."""
        type_ = self.arrays[name].type
        flag = type_ == "I8" and self.kinds[name].holds in (_FLAGS, _WORDS)
        return TYPES["U8" if flag else type_]

    # ---- shapes: each function returns the strides of an array along the dimensions of the call ---------------------

    @property
    def _of_layer(self) -> bool:
        """Whether the logits are computed from hidden states and weights."""
        return "weights" in self.arrays

    @property
    def _lead_text(self) -> str:
        """The array that sets the shapes, for messages."""
        if not self._of_layer:
            return f"{self.lead_name} is {self.lead}"
        return f"logits is {self.shape} of hidden {self.lead} and weights {self.arrays['weights']}"

    def _strides_of(self, name: str, array: Array) -> list[int]:
        (_, form, _, spread, *_), name = self.kinds[name], self.called(name)
        if form == "PER_CLASS" and (not spread or self.ragged):
            return self._whole(name, array)
        if form == "PER_CLASS":
            return self._spread(name, array) if self.elements else self._per_class(name, array)
        if form == "PER_ROW":
            return self._per_row(name, array, spread)
        if form == "ONE_ROW":
            return self._vector(name, array)
        if form == "PER_TOP":
            return self._top(name, array)
        like = _LIKE.get(form)
        if like == "targets" and name != "bias_tokens":
            return self._like_targets(name, array)
        return self._like_layer(name, array, like) if like and like != "targets" else self._tokens(name, array)

    def _whole(self, name: str, array: Array) -> list[int]:
        if array.shape != self.whole_shape:
            raise ShapeError(f"{name} is {array}, {self._lead_text}; expected the same shape")
        return [0, array.strides[0]] if self.ragged else list(array.strides)

    def _per_row(self, name: str, array: Array, spread: bool) -> list[int]:
        shape, strides = list(array.shape), list(array.strides)
        if len(shape) == len(self.shape) - 1:
            shape.insert(self.axis, 1)
            strides.insert(self.axis, 0)
        expected = [1 if d == self.axis else n for d, n in enumerate(self.shape)]
        if shape == expected or spread and self._is_spread(shape, expected):
            return [0 if n == 1 else s for n, s in zip(shape, strides)]
        if spread and array.shape in ((), (1,)):
            return [0] * len(self.shape)
        along = plural(self.rows, "row") if self.ragged else self._classes_text
        spreads = "" if not spread else " or [1]" if len(self.row_shape) == 1 else ", in which any size may be 1"
        raise ShapeError(f"{name} is {array}, {self._lead_text} with {along}; expected {name} of shape "
                         f"{list(self.row_shape)}{spreads}"
                         f"{self._other_axis(array)}{self._one_hot(name, array)}")

    def _one_hot(self, name: str, array: Array) -> str:
        if name != "targets" or array.shape != self.whole_shape or self.labels_only:
            return ""
        takes = float_like(self.lead.type)
        return f", or one-hot rows of type {takes.removeprefix('numpy.')}{conversion(name, array, takes)}"

    def _other_axis(self, array: Array) -> str:
        rank = len(self.lead.shape)
        for axis in reversed(range(rank)) if rank > 1 and not self._of_layer else ():
            if array.shape == self.lead.shape[:axis] + self.lead.shape[axis + 1:]:
                return f", or axis={-1 if axis == rank - 1 else axis}"
        return ""

    def _axis_of_classes(self, array: Array) -> str:
        """A hint at another class axis if an array has a number for each index of it."""
        rank = len(self.lead.shape)
        for axis in reversed(range(rank)) if not self.ragged and not self._of_layer else ():
            if array.shape == self.lead.shape[axis:axis + 1]:
                return f", or axis={-1 if axis == rank - 1 else axis}"
        return ""

    @property
    def _classes_text(self) -> str:
        return f"{plural(self.classes, 'class')} along axis {self.axis}"

    @staticmethod
    def _is_spread(shape: Sequence[int], expected: Sequence[int]) -> bool:
        return len(shape) == len(expected) and all(n in (1, most) for n, most in zip(shape, expected))

    def _per_class(self, name: str, array: Array) -> list[int]:
        if array.shape == (self.classes,):
            return self._along_axis(array.strides[0])
        if self._is_spread(array.shape, self.shape):
            return [0 if n == 1 else s for n, s in zip(array.shape, array.strides)]
        raise ShapeError(f"{name} is {array}, {self._lead_text} with {self._classes_text}; expected one "
                         f"{'flag' if name == 'class_mask' else 'number'} per class in its shape, in which any other "
                         f"size may be 1, or in the shape [{self.classes}]{self._axis_of_classes(array)}")

    def _along_axis(self, stride: int) -> list[int]:
        return [stride if d == self.axis else 0 for d in range(len(self.shape))]

    def _spread(self, name: str, array: Array) -> list[int]:
        if self._is_spread(array.shape, self.shape):
            return [0 if n == 1 else s for n, s in zip(array.shape, array.strides)]
        if array.shape == (self.classes,):
            return self._along_axis(array.strides[0])
        raise ShapeError(f"{name} is {array}, {self.lead_name} is {self.lead}; expected a shape that broadcasts to it, "
                         f"or the shape [{self.classes}] of its axis {self.axis}")

    def _vector(self, name: str, array: Array) -> list[int]:
        enough = self.ragged and array.shape[:1] > (self.classes,)
        if len(array.shape) != 1 or array.shape[0] != self.classes and not enough:
            what = "weight" if name == "class_weights" else "number"
            of = "" if self.ragged or self._of_layer else f" with {self._classes_text}"
            raise ShapeError(f"{name} is {array}, {self._lead_text}{of}; expected a {what} for each class, in the shape "
                             f"[{self.classes}]{self._axis_of_classes(array)}")
        return self._along_axis(array.strides[0])

    def _entries(self, name: str, array: Array, count: int = 0) -> int:
        """The number of entries of each row."""
        if len(array.shape) != len(self.shape) or array.shape != self.with_entries(array.shape[self.axis]):
            expected = str(list(self.with_entries(-1))).replace("-1", str(count or "k"))
            raise ShapeError(f"{name} is {array}, {self._lead_text}; expected {name} of shape {expected}")
        return array.shape[self.axis]

    def _top(self, name: str, array: Array) -> list[int]:
        asked = self.counts["top_count"]
        count = self._entries(name, array, asked)
        if not 1 <= count <= self.classes or asked and count != asked:
            wanted = f"{asked} classes per row, as requested" if asked else f"1 to {self.classes} classes per row"
            raise ShapeError(f"{name} is {array}, {self.lead_name} has {plural(self.classes, 'class')}; expected {wanted}")
        self.counts["top_count"] = count
        return list(array.strides)

    def _tokens(self, name: str, array: Array) -> list[int]:
        self.counts[_COUNTS[name]] = self._entries(name, array)
        return list(array.strides)

    def _like_targets(self, name: str, array: Array) -> list[int]:
        like = "bias_tokens" if name == "bias_values" else "targets"
        targets = self.arrays[like]
        if array.shape != targets.shape:
            raise ShapeError(f"{name} is {array}, {like} is {targets}; expected " + (
                "a weight for each class of a row" if name == "target_weights" else "the same shape"))
        if len(array.shape) != len(self.shape):
            return self._whole(name, array) if self.ragged and targets.type in FLOATS else self._per_row(name, array,
                                                                                                         False)
        return list(array.strides)

    def _like_layer(self, name: str, array: Array, like: str) -> list[int]:
        expected = (self.classes, self.counts["features"]) if name == "weights" else self.arrays[like].shape
        if array.shape != expected:
            shape = shape_of_weights(array, expected[-1]) if name == "weights" else list(expected)
            raise ShapeError(f"{name} is {array}, {self.lead_name} is {self.lead}; expected {name} of shape {shape}")
        if like == "weights":
            self.matrices[name] = array.strides
        return list(array.strides)

    def ask_for_top(self, name: str, count: int | None, outputs: Sequence[Any]) -> None:
        """Sets the number of largest classes; for 0, the caller's output arrays set it."""
        count = 0 if count is None else integer(name, count)
        if count == 0 and any(output is True for output in outputs):
            raise OptionError(f"{name} is 0: request 1 or more of the largest classes")
        if count and not any(map(is_wanted, outputs)):
            raise OptionError(f"{name} is {count} without top_classes and top_log_probabilities; expected one of them too")
        if count > self.classes:
            where = "in the longest row" if self.ragged else f"along axis {self.axis}"
            raise ShapeError(f"{name} is {count}, {self._lead_text} with {plural(self.classes, 'class')} {where}: ask "
                             f"for 1 to {self.classes} of the largest classes")
        self.counts["top_count"] = count

    # ---- targets --------------------------------------------------------------------------------------------------

    def take_targets(self, value: Any, weights: Any = None) -> str:
        """Takes class indices, probability rows, or sparse targets with weights; returns which of them they are."""
        targets = self._seen(array_of("targets", value, self._shape_of_targets if weights is None else "int"))
        integers = targets.has_integers
        if weights is not None:
            if not integers:
                raise DTypeError(f"targets is {targets}, and target_weights are set; expected the classes of each "
                                 f"row as integers{conversion('targets', targets, 'int')}")
            self.counts["target_count"] = self._entries("targets", targets)
            if not self.counts["target_count"]:
                raise ShapeError(f"targets is {targets}; expected at least one class in each row, of weight 0 where it "
                                 f"has none")
            self._put("targets", targets, list(targets.strides))
            self.take("target_weights", weights)
            return "sparse targets"
        if integers:
            self._put("targets", targets, self._per_row("targets", targets, False))
            return "class indices"
        fix = conversion("targets", targets, takes_of_targets(self._shape_of_targets, len(targets.shape)))
        if not self.fits(targets.type):
            raise DTypeError(f"targets is {targets}, {self.lead_name} is {self.lead}; expected class indices "
                             f"(integers) or probability rows of type {self.allowed}{fix}")
        if targets.shape != self.whole_shape:
            raise ShapeError(f"targets is {targets}, {self._lead_text}; expected probability rows of the same shape, or "
                             f"class indices of an integer type{fix if fix.endswith(_AS_LABELS) else ''}")
        self._put("targets", targets, self._whole("targets", targets))
        return "probability rows"

    @property
    def _shape_of_targets(self) -> Array:
        """An array with the shape of probability rows and the type of the logits."""
        return Array(0, self.lead.type, self.whole_shape, None, True, None)

    @property
    def has_labels(self) -> bool:
        """Whether the targets are class indices, and not probability rows or sparse targets."""
        return not self.counts["target_count"] and self.arrays["targets"].type in INTEGERS

    def take_labels(self, value: Any) -> None:
        targets = self._seen(array_of("targets", value, "int"))
        self.labels_only = True
        if not targets.has_integers:
            are_rows = len(targets.shape) == len(self.shape)
            raise DTypeError(f"targets is {targets}; expected class indices as integers"
                             f"{'' if are_rows else conversion('targets', targets, 'int')}")
        self._put("targets", targets, self._per_row("targets", targets, False))

    def take_selected(self, value: Any) -> None:
        """Takes one class or several classes of each row."""
        targets = self._seen(array_of("targets", value, "int"))
        self.labels_only = True
        if not targets.has_integers:
            raise DTypeError(f"targets is {targets}; expected the classes of each row as integers"
                             f"{conversion('targets', targets, 'int')}")
        kept_axis = len(targets.shape) == len(self.shape) and targets.shape[self.axis] != 1
        if not kept_axis:
            self._put("targets", targets, self._per_row("targets", targets, False))
            return
        count = self.counts["target_count"] = self._entries("targets", targets)
        if not 1 <= count <= MOST_SELECTED:
            raise ShapeError(f"targets is {targets}; expected 1 to {MOST_SELECTED} classes of each row")
        self._put("targets", targets, list(targets.strides))

    def take_element_targets(self, value: Any, may_be_labels: bool = True) -> bool:
        """Takes one target per element; returns whether the targets are labels."""
        takes = float_like(self.lead.type)
        targets = self._seen(array_of("targets", value, takes))
        if not (may_be_labels if targets.type in INTEGERS else self.fits(targets.type)):
            expected = "labels 0 and 1 (integers) or numbers from 0 to 1" if may_be_labels else "numbers"
            raise DTypeError(f"targets is {targets}, {self.lead_name} is {self.lead}; expected {expected} of type "
                             f"{self.allowed}{conversion('targets', targets, takes)}")
        self._put("targets", targets, self._whole("targets", targets))
        return targets.type in INTEGERS

    # ---- ragged rows ----------------------------------------------------------------------------------------------

    def _take_offsets(self, offsets: Array) -> None:
        if offsets.type not in ("I32", "I64"):
            raise DTypeError(f"row_offsets is {offsets}; expected an array of type int32 or int64"
                             f"{conversion('row_offsets', offsets, 'int')}")
        if len(offsets.shape) != 1 or not offsets.shape[0] or offsets.shape[0] > 1 and offsets.strides[0] != 1:
            raise ShapeError(f"row_offsets is {offsets}; expected one dimension of rows + 1 numbers without gaps")
        if len(self.lead.shape) != 1:
            raise ShapeError(f"{self.lead_name} is {self.lead}, and row_offsets are set; expected the classes of "
                             f"ragged rows in one dimension, row after row")
        number = ctypes.c_int32 if offsets.type == "I32" else ctypes.c_int64
        self.read["row_offsets"] = offsets
        # The kernels read this copy, which no other thread can change.
        copy = (number * offsets.shape[0]).from_buffer_copy(
            (ctypes.c_char * (offsets.shape[0] * SIZE[offsets.type])).from_address(offsets.address))
        self.offsets: Any = copy
        least, longest = _sizes_of(copy)
        if self.offsets[0] < 0:
            raise ShapeError(f"row_offsets begins with {self.offsets[0]}; expected offsets of 0 or more")
        if least < 0:
            row = next(row for row, (before, after) in enumerate(itertools.pairwise(copy)) if after < before)
            raise ShapeError(f"row_offsets of row {row} is {copy[row]}, of row {row + 1} {copy[row + 1]}; expected offsets "
                             f"that do not fall")
        if self.offsets[-1] > self.lead.size:
            raise ShapeError(f"row_offsets ends with {self.offsets[-1]}, {self.lead_name} is {self.lead}; expected a "
                             f"last offset of at most the number of values")
        self._covered = self.offsets[0] == 0 and self.offsets[-1] == self.lead.size
        self.axis, self.shape = 1, [len(self.offsets) - 1, max(longest, 1)]
        self._put("row_offsets", Array(ctypes.addressof(copy), offsets.type, offsets.shape, None, True, copy), [0, 0])

    # ---- the kernels ----------------------------------------------------------------------------------------------

    def keep_statistics(self) -> None:
        self.statistics = (Statistics * max(self.rows, 1))()
        self.keep_in_place()

    def again(self) -> Call:
        """Returns a call with the same inputs and statistics, for a later gradient."""
        call = copy.copy(self)
        call.arrays = {name: array for name, array in self.arrays.items() if name not in {*self.results, "upstream"}}
        call.strides = {name: self.strides[name] for name in call.arrays if name in self.strides}
        call.matrices = {name: self.matrices[name] for name in call.arrays if name in self.matrices}
        call.results, call.tensors, call.counts = {}, {}, {**self.counts, "top_count": 0}
        return call

    def checked(self, threads: Any, compute: Callable[[Any], Any], is_repeatable: bool = True) -> Checked:
        """The call without a result yet."""
        bound = isinstance(threads, Bound)
        if bound and self.copied:
            raise OptionError(f"{self.copied}, and the call is bound; expected an array that is not copied")
        self.prepare(threads.threads if bound else threads)
        return Checked(self, compute, is_repeatable)

    def read_again(self) -> None:
        """Reads the temperatures of rows for the next run of a bound call."""
        if self.given_temperatures is not None:
            self.take_temperatures(self.given_temperatures)

    def keep_in_place(self) -> None:
        """Keeps weak references to the NumPy arrays, which stop NumPy from moving them to other memory."""
        self.guards = [weakref.ref(array) for lent in self.arrays.values() for array in numpy_arrays_of(lent)]

    def lent_tensors(self) -> list[LentTensor]:
        """The PyTorch tensors, whose memory PyTorch may replace during the call."""
        return lent_tensors({self.called(name): array for name, array in self.arrays.items()})

    def prepare(self, threads: int | None = None) -> None:
        """Divides the rows into pieces that are (outer, classes, inner) in every array, for the kernels."""
        self.threads = None if threads is None else integer("threads", threads)
        groups: list[Group] = []
        for d, n in enumerate(self.shape):
            if d == self.axis or n == 1:
                continue
            strides = {name: array[d] for name, array in self.strides.items()}
            if groups and all(outer == strides[name] * n for name, outer in groups[-1][1].items()):
                groups[-1] = groups[-1][0] * n, strides
            else:
                groups.append((n, strides))
        every = groups.copy()
        self.copies = dict[str, tuple[Any, Any]]()
        none: Group = (1, dict.fromkeys(self.strides, 1))
        last = groups[-1][1][self.lead_key] if groups else 0
        strips = bool(groups) and not self.ragged and last < self.strides[self.lead_key][self.axis]
        strips |= self._of_layer and len(groups) == 2  # the rows are in a slice of an array
        inner = groups.pop() if strips else none
        outer = groups.pop() if groups else none
        shape = self.shape_struct = Shape(outer=outer[0], classes=max(self.classes, 1), inner=inner[0],
                                          **self.counts)
        for name, strides_of in self.strides.items():
            layout = Layout(outer[1][name], strides_of[self.axis], inner[1][name], self._code(name), 0)
            setattr(shape, name, layout)
        if "logits" not in self.strides:
            shape.logits.type = TYPES["F64" if self.lead.type == "F64" else "F32"]  # the type of the arithmetic
        for name, (outer_stride, stride) in self.matrices.items():
            setattr(shape, name, Layout(outer_stride, stride, 0, TYPES[self.arrays[name].type], 0))
        rows = outer[0] * inner[0]
        numpy = imported_numpy() if groups and 0 < rows * self.classes < _PIECE and self.rows else None
        if numpy:
            self.pieces = [Piece(self._copied(numpy, every), 0, self.rows)]
        elif self.rows:
            self.pieces = [Piece(addresses, i * rows, rows) for i, addresses in enumerate(self.addresses(groups))]
        else:
            self.pieces = []

    def _copied(self, numpy: Any, groups: Sequence[Group]) -> dict[str, int]:
        """Replaces arrays of rows in more dimensions than the kernels take by copies without gaps; returns the addresses."""
        shape, addresses = self.shape_struct, {name: array.address for name, array in self.arrays.items()}
        shape.outer, shape.inner = self.rows, 1
        for name, strides in self.strides.items():
            array, of_rows, code = self.arrays[name], [each[name] for _, each in groups], getattr(shape, name).type
            if not any(of_rows):  # shared by all rows
                setattr(shape, name, Layout(0, strides[self.axis], 0, code, 0))
                continue
            count = array.shape[self.axis] if len(array.shape) == len(self.shape) else 1
            theirs = numpy.asarray(Memory(array, (*(n for n, _ in groups), count), (*of_rows, strides[self.axis])))
            if not theirs.flags.c_contiguous:
                self.copies[name] = theirs, numpy.empty(theirs.shape, theirs.dtype)
                addresses[name] = address_of(self.copies[name][1])
            repeated = count == 1 and name not in self.results  # one number per row, repeated along the classes
            setattr(shape, name, Layout(count, 0 if repeated else 1, 1, code, 0))
        return addresses

    def _copy(self, names: Iterable[str]) -> None:
        """Reads the arrays of which there are copies; rows of outputs that a call does not write keep their numbers."""
        for name in names:
            if name in self.copies:
                theirs, copied = self.copies[name]
                copied[...] = theirs

    def addresses(self, groups: Sequence[Group]) -> Iterator[dict[str, int]]:
        """The addresses of the arrays of each piece, for every index of these dimensions."""
        for index in itertools.product(*(range(n) for n, _ in groups)):
            yield {name: array.address + SIZE[array.type] * sum(i * strides.get(name, 0) for i, (_, strides)
                                                                in zip(index, groups))
                   for name, array in self.arrays.items()}

    def run(self, function: str, exact_sum: bool = False, without: tuple[str, ...] = (), scale: float | None = None,
            alone: bool = False) -> tuple[int, ExactSum]:
        """Runs a function over all rows; returns the number of rows that count, and the exact sum.

        scale: of gradients; with `alone`, the calling thread computes all rows
        """
        most, options = 1 if alone else self.threads, self.options
        if scale is not None:
            options.gradient_scale = stored_scale(scale)
        if self.tensors:
            self.tell_autograd(without if function != "check_targets" else self.tensors)
        used = [name for name in FUNCTIONS[function].arrays if name not in without]
        self._copy(used)
        tasks = self._tasks(most)
        counts = [0 for _ in tasks]
        exact_sums = [sized(ExactSum) for _ in tasks] if exact_sum else []

        def work(i: int) -> None:
            piece, begin, end = tasks[i]
            counts[i] = self.invoke(function, options, begin, end, piece, None, exact_sums[i] if exact_sum else None,
                                    without).valid_rows

        _threads.share(work, len(tasks), most)
        for name in used:
            if name in self.copies and name in self.results:
                theirs, copied = self.copies[name]
                theirs[...] = copied
        whole = sized(ExactSum)
        for part in exact_sums:
            self.library.merge(whole, part)
        return sum(counts), whole

    def tell_autograd(self, without: Container[str] = ()) -> None:
        """Increments the version of PyTorch tensors before they are written.

        A later PyTorch backward that saved their old contents then raises an error.
        """
        for name, tensor in self.tensors.items():
            if name not in without and not tensor.is_inference():  # inference tensors have no version
                sys.modules["torch"].autograd.graph.increment_version(tensor)

    def run_over_classes(self, function: str, without: Sequence[str]) -> None:
        """Runs a function over all rows, and divides the classes among threads."""
        parts = max(1, min(self.chunks, self.rows * self.effort // _PER_THREAD,
                           _threads.processors() if self.threads is None else self.threads))
        bounds = [min(self.chunks * i // parts * CHUNK, self.classes) for i in range(parts + 1)]
        self.tell_autograd(without)

        def work(i: int) -> None:
            self.invoke(function, self.options, 0, self.rows, without=without, classes=(bounds[i], bounds[i + 1]))

        _threads.share(work, parts, self.threads)

    def clear(self, name: str) -> None:
        """Writes +0 to every element of the rows; elements outside of ragged rows stay as they are."""
        self.tell_autograd(self.tensors.keys() - {name})
        array = self.arrays[name]
        if self.ragged and array.shape == self.lead.shape:
            first, end = self.offsets[0], self.offsets[-1]
            array = Array(array.at(first).address, array.type, (end - first,), array.strides, array.read_only, array)
        array.clear()

    def count_weighted(self) -> tuple[int, ExactSum]:
        """Counts the rows with a weight other than 0 in a call without targets, and adds their weights.

        check_targets computes both. Its targets are probability rows, which it does not read.
        """
        types = TYPES["F64" if self.arrays["row_weights"].type == "F64" else "F32"]
        of_logits = self.shape_struct.logits.type
        self.shape_struct.logits.type, self.shape_struct.targets = types, Layout(0, 0, 0, types, 0)
        for piece in self.pieces:
            piece.addresses["targets"] = ctypes.addressof(self.shape_struct)
        try:
            return self.run("check_targets", True, ("class_mask",))
        finally:
            self.shape_struct.logits.type = of_logits

    @property
    def named_tokens(self) -> int:
        """The number of tokens in all lists of a row together."""
        return sum(self.counts[count] for count in _COUNTS.values())

    @property
    def sample_workspace(self) -> int:
        """The size of the sampling workspace in bytes: for tokens, and for a mask with 32 flags in each integer."""
        tokens, mask = self.named_tokens, self.arrays.get("class_mask")
        of_words = -(-self.classes // 8) * 8 if mask and mask.type in ("I32", "U32") else 0
        return of_words + (int(self.library.c.xent_sample_workspace(self.classes, tokens)) if tokens else 0)

    def check_tokens(self, name: str) -> None:
        """Rejects tokens outside the classes before a row is written; check_targets reads them as sparse targets."""
        count = self.counts[_COUNTS[name]] if name in _COUNTS else int(name in self.arrays)
        shape, self.labels = self.shape_struct, name
        if not count:
            return
        shape.targets, shape.target_count = getattr(shape, name), count
        for piece in self.pieces:
            piece.addresses["targets"] = piece.addresses[name]
        self._copy((name,))
        options, self.options = self.options, sized(Options, has_ignore_index=1, ignore_index=-1)
        self.run("check_targets", without=("class_mask",))
        self.options, shape.target_count = options, self.counts["target_count"]

    @property
    def is_one_task(self) -> bool:
        """Whether the call has one piece and too few elements for a second thread."""
        return len(self.pieces) == 1 and not self.copies and self.rows * self.effort < 2 * _PER_THREAD

    def _tasks(self, threads: int | None) -> list[tuple[int, int, int]]:
        """The ranges of rows that threads compute, each as (piece, begin, end)."""
        if not self.pieces:
            return []
        rows = self.pieces[0].rows
        parts = min(rows * self.effort // _PER_THREAD, rows)
        if parts <= 1:
            return [(i, 0, piece.rows) for i, piece in enumerate(self.pieces)]
        parts = min(parts, _threads.processors() if threads is None else threads)
        bounds = [rows * i // parts for i in range(parts + 1)]
        return [(piece, begin, end) for piece in range(len(self.pieces)) for begin, end in zip(bounds, bounds[1:])]

    def invoke(self, function: str, options: Options, begin: int, end: int, piece: int = 0,
               report: Report | None = None, exact_sum: ExactSum | None = None, without: Sequence[str] = (),
               classes: tuple[int, int] | None = None, second_round: int = 0) -> Report:
        """Runs a function over rows of a piece, and over `classes` if passed."""
        addresses, first, _ = self.pieces[piece]
        of, values = FUNCTIONS[function], addresses.copy()
        report = report or sized(Report)
        work = Work(of, self.shape_struct, ctypes.addressof(options), end, self.classes, ctypes.addressof(report))
        if second_round:
            work.choice(second_round)
        if self.requests and function == "sample":
            requests = self.requests(first)
            work.sampling(ctypes.addressof(requests))
            work.choice(isinstance(requests, ctypes.Array))
        if classes:
            assert of.has_classes
            work.ranges[2], work.ranges[3] = classes
        if self.workspace and "workspace" in of.arrays:
            workspace = self.workspace(end - begin)
            values["workspace"] = aligned(workspace)
            work.workspace_size(room(workspace))
            if self.continues:
                work.continues(True)
        if self.statistics is not None:
            values["statistics"] = ctypes.addressof(self.statistics) + ctypes.sizeof(Statistics) * first
        if self.states is not None:
            values["states"] = ctypes.addressof(self.states)
        if exact_sum is not None:
            values["exact_sum"] = ctypes.addressof(exact_sum)
        for name in without:
            values.pop(name, None)
        work.ranges[0] = begin
        entry = self.library.call_of(function, work, values)
        if self.temperatures is None or function == "check_targets":
            status = entry(work.address)
        else:
            temperatures = ctypes.addressof(self.temperatures) + ctypes.sizeof(c_double) * first
            status = self.library.c.xent_with_temperatures(of.number, work.address, temperatures)
        if status:
            self._fail(status, report, first)
        return report

    def _fail(self, status: int, report: Report, first: int) -> NoReturn:
        field, row = self.library.field_name(report.field), first + report.row
        if status == OUT_OF_STACK:
            raise RecursionError("a native call takes 160 KiB of stack, and this thread has less left: call from "
                                 "higher up, or start threads with more (threading.stack_size)")
        if status == INVALID_LABEL:
            self._fail_label(self.labels if field in ("none", "targets") else field, row, report)
        if status == INVALID_OPTION and field in ("class_weights", "row_weights"):
            of = "class" if field == "class_weights" else "row"
            index = report.integer + (first if of == "row" else 0)
            raise OptionError(f"{field} of {of} {index} is {report.value}; expected finite numbers that are 0 or more")
        if status == INVALID_OPTION and field == "draft_probabilities":
            raise OptionError(f"{field} of row {row} has {report.value} at the draft {report.label}; {DRAWN}")
        raise XentError(f"{self.called(field)}: {self.library.status_message(status)} (row {report.row}, label "
                        f"{report.label}, integer {report.integer}, value {report.value})")

    def _fail_label(self, field: str, row: int, report: Report) -> NoReturn:
        label = report.label
        if label < 0 and self.arrays[field].type == "U64":
            label += 1 << 64
        mark = label < 0 or label == 255
        if self.elements:
            before = math.prod(self.shape[:self.axis])
            inner = max(1, self.rows // max(before, 1))
            element = (row // inner * self.classes + report.integer) * inner + row % inner
            raise LabelError(f"element {element} has label {label}; expected 0 or 1"
                             + (f", or ignore_index={label} if such elements do not count" if mark else ""),
                             element, label, 2)
        if field in _TOKENS:
            unsigned = self.arrays[field].type.startswith("U")
            raise LabelError(f"{field} of row {row} has {label}; classes are 0 to {self.classes - 1}; expected a class "
                             f"index, or {'tokens of a signed type with ' if unsigned else ''}-1 for none", row, label,
                             self.classes)
        classes = self.offsets[row + 1] - self.offsets[row] if self.ragged else self.classes
        if 0 <= label < classes:
            raise LabelError(f"row {row} has label {label}, which class_mask leaves out; expected another class, or "
                             f"let that one take part", row, label, classes)
        raise LabelError(f"row {row} has label {label}; "
                         f"{f'classes are 0 to {classes - 1}' if classes else 'it has no class'}; "
                         f"expected a class index{f', or ignore_index={label} if such rows do not count' if mark else ''}",
                         row, label, classes)

    @property
    def units(self) -> int:
        """The number of rows or elements that have a loss."""
        return self.lead.size if self.elements else self.rows

    @property
    def chunks(self) -> int:
        return -(-self.classes // CHUNK)


# ---- memory -------------------------------------------------------------------------------------------------------

ALIGNMENT = 64


def workspace_of(size: int) -> ctypes.Array[Any]:
    """Memory for one thread."""
    return (ctypes.c_char * (size + ALIGNMENT))()


def aligned(workspace: ctypes.Array[Any]) -> int:
    return -(-ctypes.addressof(workspace) // ALIGNMENT) * ALIGNMENT


def room(workspace: ctypes.Array[Any]) -> int:
    return ctypes.sizeof(workspace) - ALIGNMENT
