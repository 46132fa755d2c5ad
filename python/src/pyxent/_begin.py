# SPDX-License-Identifier: Apache-2.0
"""What every operation does first: it takes the leading array and the options."""
from __future__ import annotations

from typing import Any

from pyxent._arrays import FLOATS, INTEGERS, Array, array_of, type_named
from pyxent._call import Bound, Call, Checked
from pyxent._native import library
from pyxent._options import is_per_row, options_of, shown, wanted_of
from pyxent._rows import as_floats, not_copied, widened
from pyxent.errors import DTypeError, OptionError


def one_of(function: str, name: str, run: Any) -> Any:
    """The one result of a function."""
    run.run(function)
    return run.results[name]


def as_floating(logits: Any, threads: Any) -> Any:
    """Returns the logits, with integers copied as float64."""
    lent = array_of("logits", present("logits", logits))
    if lent.type not in FLOATS and isinstance(threads, Bound):
        raise not_copied("logits", lent, -1, "the call is bound")
    return as_floats("logits", logits, lent)


def begin_call(lead: str, value: Any, axis: int, row_offsets: Any = None, kinds: Any = None, any_floats: bool = False,
               classes: int | None = None, called: str | None = None, may_be_empty: bool = False, labels: Any = None,
               **options: Any) -> Call:
    found = library()
    try:
        call = Call(found, lead, present(called or lead, value), axis, row_offsets, kinds, any_floats, classes, called,
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
    return call


def _require_order(logits: Array, name: str, targets: Array) -> None:
    """Rejects labels and logits that are passed in the wrong order."""
    if logits.type in INTEGERS and targets.type in FLOATS and len(logits.shape) < len(targets.shape):
        raise DTypeError(f"{name} is {logits}, targets is {targets}; expected floats and then classes: are the two "
                         f"swapped?") from None


def as_doubles(dtype: Any, threads: Any, logits: Any, name: str = "logits", **others: Any) -> tuple[Any, ...]:
    """Returns the logits, and the other arrays with them, as float64 if that is the dtype."""
    if dtype is None:
        return logits, *others.values()
    lent = array_of(name, present(name, logits))
    if type_named(dtype) != "F64":
        raise OptionError(f"dtype is {shown(dtype)}; expected float64, or None for the type of {name}")
    if isinstance(threads, Bound) and lent.type != "F64":
        raise OptionError(f"dtype is float64, {name} is {lent}, and the call is bound; expected a dtype that is no "
                          f"wider. Convert {name} first")
    return widened(name, logits, True), *(widened(other, value) for other, value in others.items())


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
