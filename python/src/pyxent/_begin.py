# SPDX-License-Identifier: Apache-2.0
"""What every operation does first: it takes the leading array and the options."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyxent._arrays import FLOATS, INTEGERS, Array, array_of
from pyxent._call import Call, Checked
from pyxent._functions import FUNCTIONS, RULES
from pyxent._native import library
from pyxent._options import is_per_row, options_of, wanted_of
from pyxent.errors import DTypeError, OptionError


def one_of(function: str, name: str, run: Any) -> Any:
    """The one result of a function."""
    run.run(function)
    return run.results[name]


def begin_call(function: str, value: Any, axis: int, row_offsets: Any = None, classes: int | None = None,
               names: dict[str, str] | None = None, labels: Any = None, convert: Callable[[str, Any], Any] | None = None,
               **options: Any) -> Call:
    """A call of a function of the core, with its first array. Options with the value None are not set.

    convert: copies an array that the core does not take; others are returned as they are
    """
    found, name = library(), RULES[FUNCTIONS[function].rules[0]].array
    name = (names or {}).get(name, name)
    given = present(name, value)
    value = convert(name, given) if convert else given
    try:
        call = Call(found, function, value, axis, row_offsets, classes, names)
    except DTypeError:
        if labels is not None:
            _require_order(array_of(name, value), name, array_of("targets", labels))
        raise
    if value is not given:
        call.copied = f"{name} is {array_of(name, given)}, which is copied"
    temperature = options.get("temperature")
    if temperature is not None and is_per_row(temperature):
        if classes is not None:
            raise OptionError(f"temperature has one number per row; expected one number. {name} of other temperatures are "
                              f"another call")
        call.take_temperatures(options.pop("temperature"))
    call.options = options_of(found, **{name: value for name, value in options.items() if value is not None})
    return call


def _require_order(logits: Array, name: str, targets: Array) -> None:
    """Rejects labels and logits that are passed in the wrong order."""
    if logits.type in INTEGERS and targets.type in FLOATS and len(logits.shape) < len(targets.shape):
        raise DTypeError(f"{name} is {logits}, targets is {targets}; expected floats and then classes: are the two "
                         f"swapped?") from None


def done(made: Any) -> Any:
    """The result of a call that may not have been computed yet."""
    return made.now() if isinstance(made, Checked) else made


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
