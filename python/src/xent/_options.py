# SPDX-License-Identifier: Apache-2.0
"""The options of calls: what they may be, and the structs that tell the kernels."""
from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, SupportsIndex

from xent._native import FULLY_MASKED, ISAS, RULES, SMOOTHING, TIES, Library, Options, Sampling, sized
from xent.errors import EmptyMeanError, OptionError

_FLOAT_MAX, _FLOAT_MIN = (2 - 2.0**-23) * 2.0**127, 2.0**-126
_COUNTER = 2**32 - 1
_LONG = 2**63 - 1  # ctypes takes what is beyond, and cuts it

Rule = tuple[Callable[[float], bool], str]
_FACTOR: Rule = lambda v: 2.0**-32 <= v <= 2.0**32, "expected a number from 2^-32 to 2^32"
_FACTOR_OR_GREEDY: Rule = (lambda v: v == 0 or 2.0**-32 <= v <= 2.0**32,
                           "expected a number from 2^-32 to 2^32, or 0 for the largest class")
_FINITE: Rule = math.isfinite, "expected a finite number"
_NOT_NEGATIVE: Rule = lambda v: 0 <= v < math.inf, "expected a finite number that is 0 or more"
_MASS: Rule = lambda v: 0 < v <= 1, "expected a number above 0, at most 1, which keeps all classes"
_HELD: Rule = lambda v: abs(v) <= _FLOAT_MAX, "expected a number that a float holds"
_COUNT: Rule = lambda v: 0 <= v <= _COUNTER, f"expected a number from 0 to {_COUNTER}"
_WORD: Rule = lambda v: -2**63 <= v < 2**64, "expected an integer of 64 bits"
RULES_OF: dict[str, Rule] = {
    "label_smoothing": (lambda v: 0 <= v <= 1, "expected a number from 0 to 1"),
    "gradient_scale": _FINITE,
    "denominator": _NOT_NEGATIVE,
    "temperature": _FACTOR,
    "softcap": _FACTOR,
    "z_loss": _NOT_NEGATIVE,
    "probability_clamp": (lambda v: 0 < v <= 0.5, "expected a number above 0, at most 0.5"),
    "focal_gamma": (lambda v: 0 <= v <= 2.0**32, "expected a number from 0 to 2^32"),
    "focal_alpha": (lambda v: 0 <= v <= 1, "expected a number from 0 to 1"),
    "threads": (lambda v: v >= 1, "expected 1 or more"),
    "k": (lambda v: v >= 1, "ask for 1 or more of the largest classes"),
    "top_count": (lambda v: v >= 0, "expected 0 or more"),
    "ignore_index": (lambda v: -_LONG - 1 <= v <= _LONG, "expected an integer of 64 bits"),
    "min_keep": (lambda v: 1 <= v <= _LONG, "expected 1 or more, of 64 bits"),
    "top_k": (lambda v: 0 <= v <= _LONG, "expected 0 or more, of 64 bits"),
    "top_p": _MASS,
    "min_p": (lambda v: 0 <= v <= 1, "expected a number from 0 to 1"),
    "typical_p": _MASS,
    "repetition_penalty": (lambda v: _FLOAT_MIN <= v <= _FLOAT_MAX,
                           "expected a number above 0 that a float holds; 1 changes nothing"),
    "frequency_penalty": _HELD,
    "presence_penalty": _HELD,
    "step": _COUNT,
    "draw": _COUNT,
    "seed": _WORD,
    "stream": _WORD,
}


def require(name: str, value: float, rule: Rule | None = None) -> float:
    """A number that the option can be, of any library; no text, no array and no truth value."""
    if type(value) is not float and type(value) is not int:
        if getattr(value, "shape", ()) != () or isinstance(value, (str, bytes, bool, complex)):
            raise TypeError(f"{name} is {shown(value)}; expected a number")
        try:
            value = float(value)
        except (TypeError, ValueError):
            raise TypeError(f"{name} is {shown(value)}; expected a number") from None
        except OverflowError:
            pass  # as an integer that no float holds
    fits, fix = rule or RULES_OF[name]
    if (type(value) is float or abs(value) < 2**1023) and fits(value):
        return value
    raise OptionError(f"{name} is {shown(value)}; {fix}")


def shown(value: object) -> str:
    """A value in a message, which has one line."""
    try:
        text = repr(value)
    except ValueError:  # of an integer of thousands of digits
        return f"of {type(value)}"
    return text if len(text) <= 60 and "\n" not in text else f"of {type(value)}"


def is_per_row(value: Any) -> bool:
    """Whether a number is one for each row: a list, or an array with a dimension."""
    return hasattr(value, "__len__") and getattr(value, "shape", None) != () and not isinstance(value, (str, bytes))


def integer(name: str, value: SupportsIndex) -> int:
    """A whole number, which may be NumPy's; it is never rounded."""
    try:
        if isinstance(value, bool):
            raise TypeError
        whole = operator.index(value)
    except (TypeError, ValueError, RuntimeError):  # of an array
        raise TypeError(f"{name} is {shown(value)}; expected an integer") from None
    if name in RULES_OF:
        require(name, whole)
    return whole


def truth(name: str, value: object) -> bool:
    """True or False, which may be NumPy's."""
    dtype, shape = getattr(value, "dtype", None), getattr(value, "shape", None)
    if isinstance(value, bool) or dtype == bool and shape == ():  # noqa: E721
        return bool(value)
    raise TypeError(f"{name} is {shown(value)}; expected True or False")


def choice(name: str, value: str | None, codes: Mapping[Any, int], other: str = "") -> int:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name} is {shown(value)}; expected one of {', '.join(map(str, codes))}")
    if value not in codes:
        raise OptionError(f"{name} is {value}; expected one of {', '.join(map(str, codes))}{other}")
    return codes[value]


def _one_of(name: str, value: float | None, other: str, other_value: float | None) -> None:
    if value and other_value:
        raise OptionError(f"{name} is {value}, {other} is {other_value}; expected one of them")


def options_of(library: Library, isa: str = "best", fully_masked: str = "nan", smoothing: str = "uniform",
               ignore_index: int | None = None, gradient_scale: float | None = None,
               **numbers: float | None) -> Options:
    """xent_options; what is None is not used."""
    options = sized(Options, isa=choice("isa", isa, ISAS), fully_masked=choice("fully_masked", fully_masked,
                                                                               FULLY_MASKED),
                    smoothing=choice("smoothing", smoothing, SMOOTHING))
    if isa != "best" and isa not in library.isas:
        raise OptionError(f"isa is {isa}, which this processor or this build does not have: choose best or one of "
                          f"{', '.join(library.isas)}")
    for name, value in (("gradient_scale", gradient_scale), *numbers.items()):
        if value is not None:
            setattr(options, name, require(name, value))
    options.has_gradient_scale = gradient_scale is not None
    if ignore_index is not None:
        options.has_ignore_index, options.ignore_index = 1, integer("ignore_index", ignore_index)
    given = numbers.get
    _one_of("probability_clamp", given("probability_clamp"), "label_smoothing", given("label_smoothing"))
    for other in ("label_smoothing", "z_loss", "probability_clamp"):
        _one_of("focal_gamma", given("focal_gamma"), other, given(other))
    return options


_UNUSED_AT_1 = ("top_p", "typical_p", "repetition_penalty")
_WHOLE_NUMBERS = ("top_k", "min_keep", "draw", "step")
_WORDS = ("seed", "stream")  # which may be below 0


_LACKING = {"onnxruntime-genai": ("min_p", "typical_p"), "vllm": ("typical_p",)}  # filters that rules do not have


def sampling_of(rules: str, ties: str | None, **numbers: Any) -> Sampling:
    """xent_sampling; the temperature 0 takes the largest class, and None is not used."""
    sampling = sized(Sampling, rules=choice("rules", rules, RULES), ties=choice("ties", ties, TIES))
    for name, value in numbers.items():
        set_number(sampling, rules, name, value)
    return sampling


def set_number(sampling: Sampling, rules: str, name: str, value: Any) -> None:
    if name in _WORDS:
        setattr(sampling, name, integer(name, value) % (1 << 64))
    elif name in _WHOLE_NUMBERS:
        setattr(sampling, name, integer(name, value))
    elif name == "temperature":
        sampling.temperature = require(name, value, _FACTOR_OR_GREEDY)
        sampling.greedy = not sampling.temperature
    else:
        number = 0 if value is None else require(name, value)
        setattr(sampling, name, 0 if number == 1 and name in _UNUSED_AT_1 else number)
    if name in _LACKING.get(rules, ()) and getattr(sampling, name):
        raise OptionError(f"{name} is {value}, and {rules} has no such filter: leave it out, or give other rules")


REDUCTIONS = {"mean": 0, "sum": 1}
EMPTY_MEAN = {"nan": 0, "zero": 1, "error": 2}


class Reductions:
    """How losses and gradients of rows become what a caller asked for."""

    def __init__(self, reduction: str, gradient_reduction: str | None, gradient_scale: float, denominator: float | None,
                 empty_mean: str) -> None:
        choice("reduction", reduction, REDUCTIONS, ", or losses=True for those of the rows")
        if gradient_reduction is not None:
            choice("gradient_reduction", gradient_reduction, REDUCTIONS)
        choice("empty_mean", empty_mean, EMPTY_MEAN)
        self.scale = require("gradient_scale", gradient_scale)
        self.given = None if denominator is None else require("denominator", denominator)
        self.loss_is_mean = reduction == "mean"
        self.gradient_is_mean = (gradient_reduction or reduction) == "mean"
        self.empty_mean = empty_mean

    def denominator(self, counted: float) -> float:
        return counted if self.given is None else self.given

    def require_mean(self, denominator: float, gradients: bool) -> None:
        """Refuses a mean over nothing, where that is the policy."""
        means = self.loss_is_mean or gradients and self.gradient_is_mean
        if denominator == 0 and self.empty_mean == "error" and means:
            raise EmptyMeanError(
                ("no row is valid, so there is no mean; expected labels that are not ignored" if self.given is None
                 else "the denominator is 0, so there is no mean; expected another one")
                + ', or empty_mean="zero" or empty_mean="nan"')

    def reduce(self, total: float, denominator: float) -> float:
        if not self.loss_is_mean:
            return total
        if denominator == 0:
            return 0.0 if self.empty_mean == "zero" else math.nan
        return total / denominator

    def gradient_is_zero(self, denominator: float) -> bool:
        return self.gradient_is_mean and denominator == 0

    def scale_of(self, denominator: float) -> float:
        """What the gradient of the loss of each row is multiplied by."""
        if not self.gradient_is_mean:
            return self.scale
        scale = self.scale / denominator
        if not math.isfinite(scale):
            raise OptionError(f"gradient_scale {self.scale} / denominator {denominator} is not finite; expected a "
                              f"smaller scale or a larger denominator")
        return scale
