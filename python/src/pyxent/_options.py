# SPDX-License-Identifier: Apache-2.0
"""The options of calls: their ranges, and the structs that pass them to the kernels."""
from __future__ import annotations

import ctypes
import math
import operator
import sys
from collections.abc import Mapping
from typing import Any, SupportsIndex

from pyxent._functions import NOT_BESIDE, OPTIONS, SAMPLING, Range
from pyxent._native import FILTERS, FULLY_MASKED, RULES, SMOOTHING, TIES, Library, Options, Sampling, sized
from pyxent.errors import EmptyMeanError, OptionError

_MAX = sys.float_info.max
RANGES: dict[str, Range] = {
    **OPTIONS,
    "focal_alpha": OPTIONS["focal_alpha"]._replace(takes_zero=True, fix="expected a number from 0 to 1"),
    "denominator": Range(0, _MAX, True, None, "expected a finite number that is 0 or more"),
    "threads": Range(1, _MAX, False, None, "expected 1 or more"),
    "k": Range(1, _MAX, False, None, "request 1 or more of the largest classes"),
    "top_count": Range(0, _MAX, True, None, "expected 0 or more"),
}
PENALTIES = ("repetition_penalty", "frequency_penalty", "presence_penalty")
_TYPES = {field[0]: field[1] for field in (*Options._fields_, *Sampling._fields_)}


def require(name: str, value: float, given: Range | None = None) -> float:
    """Checks that a number of any library is in the range of the option; rejects text, arrays and booleans."""
    if type(value) is not float and type(value) is not int:
        if getattr(value, "shape", ()) != () or isinstance(value, (str, bytes, bool, complex)):
            raise _other_type(name, value, "a number")
        try:
            value = float(value)
        except (TypeError, ValueError):
            raise _other_type(name, value, "a number") from None
        except OverflowError:
            pass  # an integer beyond the range of float
    its = given or RANGES[name]
    if value == 0 and its.takes_zero or value != 0 and its.least <= value <= its.most:
        return value
    raise OptionError(f"{name} is {shown(value)}; {its.fix}")


def _other_type(name: str, value: Any, expected: str) -> TypeError:
    """The error of a value of another type, with a conversion if it lends its memory only by DLPack."""
    only_dlpack = hasattr(value, "__dlpack__") and not hasattr(value, "__float__")
    fix = f". Convert it: numpy.from_dlpack({name})" if only_dlpack else ""
    return TypeError(f"{name} is {shown(value)}; expected {expected}{fix}")


def shown(value: object) -> str:
    """A value for a message, in one line."""
    try:
        text = repr(value)
    except ValueError:  # an integer with thousands of digits
        return f"of {type(value)}"
    return text if len(text) <= 60 and "\n" not in text else f"of {type(value)}"


def is_per_row(value: Any) -> bool:
    """Whether an argument has one number per row: a list, or an array with a dimension."""
    return hasattr(value, "__len__") and getattr(value, "shape", None) != () and not isinstance(value, (str, bytes))


def integer(name: str, value: SupportsIndex) -> int:
    """An integer, also of NumPy; it is never rounded."""
    try:
        if isinstance(value, bool):
            raise TypeError
        whole = operator.index(value)
    except (TypeError, ValueError, RuntimeError):  # RuntimeError: an array
        raise _other_type(name, value, "an integer") from None
    if name in _TYPES and not -2**63 <= whole < (2**63 if _TYPES[name] is ctypes.c_int64 else 2**64):
        raise OptionError(f"{name} is {shown(value)}; expected an integer of 64 bits")
    its = SAMPLING.get(name) or RANGES.get(name)
    if its:
        require(name, whole, its)
    return whole


def truth(name: str, value: object) -> bool:
    """True or False, also of NumPy; None is False."""
    if value is None:
        return False
    dtype, shape = getattr(value, "dtype", None), getattr(value, "shape", None)
    if isinstance(value, bool) or dtype == bool and shape == ():  # noqa: E721
        return bool(value)
    raise TypeError(f"{name} is {shown(value)}; expected True or False")


def wanted_of(output: Any) -> Any:
    """An output, or True or False, also of NumPy."""
    return bool(output) if type(output).__name__ in ("bool_", "bool") else output


def is_wanted(output: Any) -> bool:
    return output is not None and wanted_of(output) is not False


def present(name: str, value: Any) -> Any:
    if value is None:
        raise TypeError(f"{name} is None; expected an array")
    return value


def needed(name: str, value: Any) -> Any:
    """A required output: True and None make a new array."""
    value = wanted_of(value)
    if value is False:
        raise TypeError(f"{name} is False; expected an array, or None for a new one")
    return True if value is None else value


def choice(name: str, value: str | None, codes: Mapping[Any, int], other: str = "") -> int:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name} is {shown(value)}; expected one of {', '.join(map(str, codes))}")
    if value not in codes:
        plain = value is None or value.isprintable() and 0 < len(value) <= 60
        raise OptionError(f"{name} is {value if plain else shown(value)}; expected one of {', '.join(map(str, codes))}{other}")
    return codes[value]


def stored_scale(value: float) -> float:
    """A scale of gradients as C has it: 0 is a scale that is not set, and -0 one of 0."""
    return value or -0.0


def options_of(library: Library, fully_masked: str = "nan", smoothing: str = "uniform", ignore_index: int | None = None,
               gradient_scale: float | None = None, **numbers: float | None) -> Options:
    """Creates xent_options. Options with the value None are not set."""
    options = sized(Options, isa=library.isa, fully_masked=choice("fully_masked", fully_masked, FULLY_MASKED),
                    smoothing=choice("smoothing", smoothing, SMOOTHING))
    if gradient_scale is not None:
        options.gradient_scale = stored_scale(require("gradient_scale", gradient_scale))
    for name, value in numbers.items():
        if value is not None:
            setattr(options, name, require(name, value))
    if ignore_index is not None:
        options.has_ignore_index, options.ignore_index = 1, integer("ignore_index", ignore_index)
    for name, others in NOT_BESIDE.items():
        for other in others:
            if numbers.get(name) and numbers.get(other):
                raise OptionError(f"{name} is {numbers[name]}, {other} is {numbers[other]}; expected one of them")
    return options


# The order of the filters of each rule set, and the option of each filter.
_USUAL = ("temperature", "top_k", "top_p", "min_p", "typical_p")
_ORDERS = {
    "xent": ("temperature", "top_n_sigma", "top_k", "top_p", "min_p", "typical_p", "xtc"), "transformers": _USUAL,
    "vllm": ("temperature", "min_p", "top_k", "top_p"),
    "llama.cpp": ("top_n_sigma", "top_k", "typical_p", "top_p", "min_p", "xtc", "temperature"),
    "onnxruntime-genai": ("temperature", "top_k", "top_p")}
_FILTERS = {"xtc_probability": "xtc", **{name: name for name in FILTERS if name not in ("xtc", "temperature")}}


def filters_of(order: Any) -> list[str]:
    """The names of an order, or an empty list for None."""
    if order is None:
        return []
    names = order if isinstance(order, (list, tuple)) else [order]
    for name in names:
        choice("order", name, FILTERS)
    if len(set(names)) < len(names):
        raise OptionError(f"order is {list(names)}; expected each filter at most once")
    return list(names)


def sampling_of(rules: str, ties: str | None, order: Any = None, **numbers: Any) -> Sampling:
    """Creates xent_sampling; temperature 0 takes the largest class. Numbers with the value None are not set."""
    sampling = sized(Sampling, rules=choice("rules", rules, RULES), ties=choice("ties", ties, TIES))
    filters = filters_of(order)
    for place, name in enumerate(filters):
        sampling.order |= FILTERS[name] << 8 * place
    for name, value in numbers.items():
        set_number(sampling, rules, filters, name, value)
    return sampling


def set_number(sampling: Sampling, rules: str, order: list[str], name: str, value: Any) -> None:
    if value is None:  # off: the struct has 0
        return
    if _TYPES[name] is not ctypes.c_double:
        setattr(sampling, name, integer(name, value) % (1 << 64))  # seeds and streams may be negative
    else:
        number = require(name, value, SAMPLING[name])
        setattr(sampling, name, 0 if number == SAMPLING[name].unset else number)
        if name == "temperature":
            sampling.greedy = number == 0
    if name in _FILTERS and getattr(sampling, name) and _FILTERS[name] not in (order or _ORDERS[rules]):
        raise OptionError(
            f"{name} is {value}, order is {order}; expected {_FILTERS[name]!r} in the order too, or no {name}" if order else
            f"{name} is {value}, and {rules} has no such filter: leave it out, or choose other rules")


def set_numbers(records: Any, rules: str, order: list[str], name: str, values: Any) -> bool:
    """Sets a number in each record of an array of xent_sampling; False if `set_number` must say which one is wrong.

    values: a NumPy array with a number for each record
    """
    its, given = SAMPLING.get(name), values
    if _TYPES[name] is ctypes.c_double:
        if values.dtype.kind not in "fiu" or not its:
            return False
        values = values.astype("float64")
        given = values.copy()
        values[values == its.unset] = 0
    elif values.dtype.kind not in "iu" or _TYPES[name] is ctypes.c_int64 and (values > 2**63 - 1).any():
        return False
    if its and not ((given >= its.least) & (given <= its.most) | (given == 0) & its.takes_zero).all():
        return False
    records[name] = values.astype(records.dtype[name])
    if name == "temperature":
        records["greedy"] = given == 0
    return name not in _FILTERS or _FILTERS[name] in (order or _ORDERS[rules]) or not records[name].any()


REDUCTIONS = {"mean": 0, "sum": 1}
EMPTY_MEAN = {"nan": 0, "zero": 1, "error": 2}


class Reductions:
    """Reduces losses and gradients of rows to the results that the caller requested."""

    def __init__(self, reduction: str, gradient_scale: float | None = None, denominator: float | None = None,
                 empty_mean: str | None = None) -> None:
        choice("reduction", reduction, REDUCTIONS, ", or losses=True for those of the rows")
        choice("empty_mean", "nan" if empty_mean is None else empty_mean, EMPTY_MEAN)
        self.scale = 1.0 if gradient_scale is None else require("gradient_scale", gradient_scale)
        self.given = None if denominator is None else require("denominator", denominator)
        self.is_mean, self.empty_mean = reduction == "mean", empty_mean

    def denominator(self, counted: float) -> float:
        return counted if self.given is None else self.given

    def require_mean(self, denominator: float) -> None:
        """Rejects a mean over no row if `empty_mean` is "error"."""
        if denominator == 0 and self.empty_mean == "error" and self.is_mean:
            raise EmptyMeanError(
                ("no row is valid, or all weights are 0, so the mean is undefined; expected labels that are not ignored and "
                 "weights above 0" if self.given is None
                 else "the denominator is 0, so the mean is undefined; expected another one")
                + ', or empty_mean="zero" or empty_mean="nan"')

    def scale_over(self, denominator: float, gradient: bool) -> float:
        """The factor of the gradient of each row's loss; 0 without a gradient, or for a mean over no row."""
        self.require_mean(denominator)
        return self.scale_of(denominator) if gradient and not self.gradient_is_zero(denominator) else 0.0

    def reduce(self, total: float, denominator: float) -> float:
        if not self.is_mean:
            return total
        if denominator == 0:
            return 0.0 if self.empty_mean == "zero" else math.nan
        return total / denominator

    def gradient_is_zero(self, denominator: float) -> bool:
        return self.is_mean and denominator == 0

    def scale_of(self, denominator: float) -> float:
        """The factor of the gradient of each row's loss."""
        if not self.is_mean:
            return self.scale
        scale = self.scale / denominator
        if not math.isfinite(scale):
            raise OptionError(f"gradient_scale {self.scale} / denominator {denominator} is not finite; expected a "
                              f"smaller scale or a larger denominator")
        return scale
