# SPDX-License-Identifier: Apache-2.0
"""The check of a call by the row of its function: what the rules of its arrays say, and what differs from them."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from pyxent._arrays import FLOATS, INTEGERS, Array, array_of
from pyxent._call import Call, Checked
from pyxent._functions import FUNCTIONS, OPTIONS, RULES
from pyxent._native import library
from pyxent._options import Reductions, is_per_row, needed, options_of, truth
from pyxent.errors import DTypeError, OptionError

Given = dict[str, Any]  # the arguments of a call, with the defaults of those that were not passed
_NUMBERS = {*OPTIONS, "fully_masked", "smoothing", "ignore_index"}
OF_TOP = ("top_classes", "top_log_probabilities")


class How(NamedTuple):
    """What the result of a call depends on in addition to its run."""

    function: str
    reductions: Reductions | None = None
    saves: bool = False


class Row(NamedTuple):
    """A public function. Its arrays and options are the arguments that have their names."""

    function: str  # of the core
    result: Callable[[How, Any], Any]  # of a checked call, or of a run of its plan
    needed: tuple[str, ...] = ()  # the outputs that are made if none is passed
    names: dict[str, str] = {}  # of arrays whose arguments have other names
    targets: Callable[[Call, Given], Any] | None = None  # takes the targets
    ready: Callable[[Call, Given], None] | None = None  # changes the call before its outputs
    convert: Callable[[str, Any], Any] | None = None  # copies an array that the core does not take
    is_repeatable: bool = True  # `result` uses nothing but what it is passed

    def arguments(self, written: bool) -> Iterator[tuple[str, str]]:
        """The inputs or outputs, each with the name of its argument; the gradient is the last output."""
        renamed = {*self.names.values()}
        for rule in sorted((RULES[rule] for rule in FUNCTIONS[self.function].rules), key=lambda rule: rule.array == "gradient"):
            if rule.written == written and (rule.array in self.names or rule.array not in renamed):
                yield rule.array, self.names.get(rule.array, rule.array)


def one_of(name: str, how: How, run: Any) -> Any:
    """The one result of a function."""
    run.run(how.function)
    return run.results[name]


def check(row: Row, given: Given) -> Checked:
    """A call of the function of a row, with everything except its result."""
    reductions = reductions_of(given) if "reduction" in given else None
    call, saves = taken(row, given), truth("save_statistics", given.get("save_statistics"))
    for array, name in row.arguments(True):
        value = needed(name, given.get(name)) if array in row.needed else given.get(name)
        # backward reads the logits again, so the gradient cannot overwrite them.
        call.write(array, value, in_place=not (saves and array == "gradient"))
    if saves:
        call.keep_statistics()
    return call.checked(given.get("threads"), partial(row.result, How(row.function, reductions, saves)), row.is_repeatable)


def reductions_of(given: Given) -> Reductions:
    return Reductions(given["reduction"], *map(given.get, ("gradient_scale", "denominator", "empty_mean")))


def taken(row: Row, given: Given) -> Call:
    """A call with its inputs and options, without its outputs."""
    numbers = {name: value for name, value in given.items() if name in _NUMBERS and value is not None and not (
        name == "gradient_scale" and "reduction" in given)}
    call = begin_call(row.function, given, row.names, row.convert, numbers)
    if row.targets:
        row.targets(call, given)
    for array, name in row.arguments(False):
        if array not in call.arrays:
            call.take(array, given.get(name))
    if not given.keys().isdisjoint(("top_count", *OF_TOP)):
        call.ask_for_top("top_count", given.get("top_count"), [given.get(name) for name in OF_TOP])
    if row.ready:
        row.ready(call, given)
    return call


def begin_call(function: str, given: Given, names: dict[str, str], convert: Callable[[str, Any], Any] | None,
               numbers: dict[str, Any]) -> Call:
    """A call with its first array and its options. For a linear layer, it has the weights and the bias too."""
    found, name = library(), RULES[FUNCTIONS[function].rules[0]].array
    name = names.get(name, name)
    value = lead = given[name]
    if convert:
        lead = convert(name, value)
    weights = array_of("weights", given["weights"]) if name == "hidden" else None
    try:
        call = Call(found, function, lead, given.get("axis", -1), given.get("row_offsets"), weights.shape[0] if weights else None, names)
    except DTypeError:
        if given.get("targets") is not None:
            _require_order(array_of(name, lead), name, array_of("targets", given["targets"]))
        raise
    if lead is not value:
        call.copied = f"{name} is {array_of(name, value)}, which is copied"
    if weights:
        call.counts["features"] = call.lead.shape[-1]
        call.take("weights", given["weights"])
        call.take("bias", given.get("bias"))
    if is_per_row(numbers.get("temperature")):
        if weights or call.elements:
            raise OptionError(f"temperature has one number per row; expected one number. {name} of other temperatures are "
                              f"another call")
        call.take_temperatures(numbers.pop("temperature"))
    call.options = options_of(found, **numbers)
    return call


def _require_order(logits: Array, name: str, targets: Array) -> None:
    """Rejects labels and logits that are passed in the wrong order."""
    if logits.type in INTEGERS and targets.type in FLOATS and len(logits.shape) < len(targets.shape):
        raise DTypeError(f"{name} is {logits}, targets is {targets}; expected floats and then classes: are the two "
                         f"swapped?") from None
