# SPDX-License-Identifier: Apache-2.0
"""Argument names of other libraries, for the message about an argument that a function does not take."""
from __future__ import annotations

import difflib
import inspect
import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import wraps
from typing import Any, TypeVar, cast

from pyxent._options import shown
from pyxent._text import Repetition

Function = TypeVar("Function", bound=Callable[..., Any])

_GRADIENT = ("gradient", "hidden_gradient, weights_gradient, bias_gradient")
_CHANCE = ("seed and step",)
# The first entry whose words are arguments of the function is used. Similar spellings are found without this table.
_HERE = {
    "x": ("logits", "hidden"), "input": ("logits", "hidden", "log_probabilities"), "labels": ("targets",),
    "output": ("out",), "inplace": ("out=logits", "gradient=logits"), "dim": ("axis",),
    "grad": _GRADIENT, "return_grad": _GRADIENT, "return_gradient": _GRADIENT, "gradient": _GRADIENT,
    "input_gradient": ("gradient", "hidden_gradient"), "where": ("class_mask",), "mask": ("class_mask",),
    "weight": ("class_weights", "element_weights", "weights"), "weights": ("class_weights or row_weights", "element_weights"),
    "b": ("weights",), "pos_weight": ("positive_weights",), "sample_weight": ("row_weights", "element_weights"),
    "gamma": ("focal_gamma",), "alpha": ("focal_alpha",), "ignore": ("ignore_index",),
    "ignore_class": ("ignore_index",), "eps": ("label_smoothing",), "smooth": ("label_smoothing",),
    "linear_weight": ("weights",), "linear_bias": ("bias",), "generator": _CHANCE, "key": _CHANCE, "rng": _CHANCE,
    "random_state": _CHANCE, "temp": ("temperature",), "T": ("temperature",), "k": ("top_k",), "p": ("top_p",),
    "logit_bias": ("bias_tokens and bias_values",), "penalty": ("repetition_penalty",),
    "rep_penalty": ("repetition_penalty",), "presence": ("presence_penalty",), "frequency": ("frequency_penalty",),
}
_BEFORE = {  # arguments before the first release
    "isa": "the environment variable XENT_ISA", "dtype": "logits of that type", "gradient_reduction": "reduction",
    "last": "reversed logits", "largest": "top_k of -logits", "weights": "logits + log(weights)",
    "return_sign": "log_sum_exp of the terms of each sign", "probability_clamp": "clipped logits",
    "target_gradient": "-element_weights * logits", "ignore_index": "row_weights"}
OF_TEXTS = tuple(inspect.signature(Repetition).parameters)


def parameters_of(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameters of a function, with the keys of a TypedDict instead of its `**options`."""
    found: dict[str, inspect.Parameter] = {}
    for name, each in inspect.signature(function).parameters.items():
        typed = re.fullmatch(r"Unpack\[(\w+)\]", str(each.annotation))
        keys = vars(sys.modules[function.__module__])[typed[1]].__annotations__ if typed else ()
        found |= {key: inspect.Parameter(key, each.KEYWORD_ONLY, default=None) for key in keys} or {name: each}
    return found


def named(function: Function) -> Function:
    """Makes a function name Xent's arguments in the error for an argument that it does not take.

    `**unknown` of a function has such arguments if no required one is missing.
    """
    every = parameters_of(function)
    taken = {name: each for name, each in every.items() if each.kind is not each.VAR_KEYWORD}
    positional = [name for name, each in taken.items() if each.kind is each.POSITIONAL_OR_KEYWORD]
    rejects = len(taken) == len(every)

    @wraps(function)
    def checked(*given: Any, **options: Any) -> Any:
        if len(given) > len(positional) or not options.keys() <= taken.keys():
            missing = [name for name in positional[len(given):] if name not in options
                       and taken[name].default is inspect.Parameter.empty]
            if rejects or missing:
                raise unexpected(checked, {name: value for name, value in options.items() if name not in taken},
                                 given[len(positional):], missing)
        return function(*given, **options)

    return cast(Function, checked)


def unexpected(function: Callable[..., Any], unknown: Mapping[str, Any], more: Sequence[Any] = (),
               missing: Collection[str] = ()) -> TypeError:
    """Returns Python's error for arguments that a function does not take, with Xent's names for them.

    `more` are positional arguments after the last one that may be positional, and `missing` the names of required ones.
    """
    name, taken = function.__name__, parameters_of(function)
    if more:
        count = sum(each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD for each in taken.values())
        given = count + len(more)
        return TypeError(f"{name}() got {given} positional argument{'' if given == 1 else 's'}; expected {count}. Pass the "
                         f"others by name: {_by_name(more[0], taken) or f'{_help(function)} lists them'}")
    for argument, value in unknown.items():
        if argument in OF_TEXTS and argument not in taken:
            return TypeError(f"{argument} is an option of a text; expected Sampler({argument}={shown(value)}).start()")
    a, ending = ("an ", "") if len(unknown) == 1 else ("", "s")
    expected = dict.fromkeys(found for argument in unknown
                             if (found := _name_here(argument, missing) or _name_here(argument, taken)
                                 or _BEFORE.get(argument)))
    fix = f"expected {', '.join(expected)}" if expected else f"{_help(function)} lists the arguments"
    return TypeError(f"{name}() got {a}unexpected keyword argument{ending} {', '.join(map(repr, unknown))}; {fix}")


def _help(function: Callable[..., Any]) -> str:
    return f"help({function.__module__.partition('._')[0]}.{function.__name__})"


def _by_name(value: Any, taken: Collection[str]) -> str | None:
    """A positional argument as one that has a name, if its name follows from its type."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={shown(each)}" for name, each in list(value.items())[:3])
    name = "axis" if type(value) is int else "temperature"
    return f"{name}={shown(value)}" if type(value) in (int, float) and name in taken else None


def _name_here(name: str, taken: Collection[str]) -> str | None:
    for text in _HERE.get(name, ()):
        if {*re.findall(r"\w+", text)} - {"and", "or"} <= {*taken}:
            return text
    return next(iter(difflib.get_close_matches(name, list(taken), 1, 0.8)), None)
