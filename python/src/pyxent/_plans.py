# SPDX-License-Identifier: Apache-2.0
"""Calls that run again: a plan has everything of a checked call except the addresses of its arrays."""
from __future__ import annotations

import ctypes
import inspect
import sys
import threading
from collections.abc import Callable
from functools import partial, wraps
from typing import Any, ParamSpec, cast

from pyxent._arrays import array_of, empty, is_of_torch, memory_of, numpy_arrays_of, numpy_type
from pyxent._call import Bound, Call, Checked, Result, read_only, require_in_place
from pyxent._functions import FUNCTIONS, LAYOUTS
from pyxent._names import named, parameters_of
from pyxent._native import ExactSum, Options, Prepared, Report, Sampling, Work, sized
from pyxent._options import present, shown, stored_scale, wanted_of
from pyxent.errors import XentError

_PLAIN = {int, float, str, bool, type(None)}
_ALIGNED_AND_WRITABLE = 0x500  # NPY_ARRAY_ALIGNED, NPY_ARRAY_WRITEABLE
_MOST_PLANS = 1000
_PLANS: dict[Any, Plan] = {}
_ARRAYS = {"ArrayLike", "Input", "Small", "Output"}  # the annotations of arguments that are arrays
_VARYING = frozenset({"seed", "step", "stream", "draw"})  # numbers of a run, not of a plan
_SUM_OFFSET = ExactSum.nan.offset
_SUM_SIZE = ctypes.sizeof(ExactSum) - _SUM_OFFSET
Arguments = ParamSpec("Arguments")


class Rejected(Exception):
    """A run of a plan was rejected; the checks of an ordinary call find the reason."""


def described(name: str, value: Any) -> tuple[tuple[Any, ...], int, Any]:
    """The layout of an array as a key, its address, and the owner of its memory."""
    if type(value) is getattr(sys.modules.get("numpy"), "ndarray", None):
        address, flags = memory_of(value)
        return (value.dtype, value.shape, value.strides, flags & _ALIGNED_AND_WRITABLE), address, value
    lent = array_of(name, value)
    return (type(value), lent.type, lent.shape, lent.strides, lent.read_only, lent.is_bool), lent.address, lent


class Plan:
    """A checked call for arrays with certain types, shapes and strides: everything except their addresses."""

    def __init__(self, checked: Checked) -> None:
        call = checked.call
        self.compute, self.library, self.shape = checked.compute, call.library, call.shape_struct
        self.options, self.sampling = call.options, call.sampling
        self.rows, self.classes, self.units = call.rows, call.classes, call.units
        self.public = {name: call.called(name) for name in call.arrays}
        self.made = [(name, type_, () if call.scalar else call.arrays[name].shape) for name, type_ in call.made.items()]
        self.types = [(name, self.public[name], numpy_type(type_), shape) for name, type_, shape in self.made]
        self.given = [(name, self.public[name]) for name in call.results if name not in call.made]
        self.lead = call.lead_name
        self.idle: list[Run] = []  # of no thread

    def call(self, addresses: dict[Any, Any], values: dict[str, Any], numbers: dict[str, int]) -> Any:
        """Computes with these arrays; raises Rejected if an ordinary call must report an error."""
        numpy: Any = sys.modules.get("numpy")
        like = values[self.lead]
        if numpy is None and not is_of_torch(like):
            raise Rejected
        try:
            run = self.idle.pop()
        except IndexError:
            run = Run(self)
        results: dict[str, Any] = {}
        if is_of_torch(like):
            for name, type_, shape in self.made:
                results[name] = made = empty(like, type_, shape)
                addresses[self.public[name]] = made.data_ptr()
        else:
            for name, public, kind, shape in self.types:
                results[name] = made = numpy.empty(shape, kind)
                addresses[public] = memory_of(made)[0]
        for name, public in self.given:
            results[name] = values[public]
        addresses["exact_sum"] = run.sum_address
        run.addresses, run.results = addresses, results
        for name, number in numbers.items():
            setattr(run.sampling, name, number)
        try:
            return self.compute(run)
        finally:
            run.addresses = run.results = {}
            self.idle.append(run)


class Run:
    """The structs of one call of a plan at a time. `compute` of a `Checked` takes one, or the `Call` itself."""

    def __init__(self, plan: Plan, call: Call | None = None) -> None:
        self.plan, self.library, self.call = plan, plan.library, call
        self.rows, self.units, self.arrays = plan.rows, plan.units, plan.public
        self.options, self.report, self.exact_sum = Options.from_buffer_copy(plan.options), sized(Report), sized(ExactSum)
        self.sampling = Sampling.from_buffer_copy(plan.sampling) if plan.sampling else None
        self.sum_address = ctypes.addressof(self.exact_sum)
        self.addresses: dict[Any, Any] = {}
        self.results: dict[str, Any] = call.results if call else {}
        self.steps: dict[Any, Any] = {}

    def run(self, function: str, exact_sum: bool = False, without: tuple[str, ...] = (),
            scale: float | None = None, alone: bool = False) -> tuple[int, ExactSum]:
        """As `Call.run`."""
        entry, at, memory, places, _ = self.steps.get((function, exact_sum, without)) or self.step_of(function, exact_sum, without)
        if scale is not None:
            self.options.gradient_scale = stored_scale(scale)
        if exact_sum:
            ctypes.memset(self.sum_address + _SUM_OFFSET, 0, _SUM_SIZE)
        if places:
            addresses = self.addresses
            for place, name in places:
                memory[place] = addresses[name]
        elif self.call and self.call.tensors:
            self.call.tell_autograd(without if function != "check_targets" else self.call.tensors)
        if entry(at):
            raise Rejected
        return self.report.valid_rows, self.exact_sum

    def step_of(self, function: str, exact_sum: bool = False, without: tuple[str, ...] = ()) -> Any:
        """The function of C, the address that it takes, the memory of its struct, where that has arrays, and the structs."""
        plan, of = self.plan, FUNCTIONS[function]
        passed = [name for name in of.arrays if name not in without and (name in plan.public or
                                                                         name == "exact_sum" and exact_sum)]
        work = Work(of, plan.shape, ctypes.addressof(self.options), plan.rows, plan.classes,
                    ctypes.addressof(self.report))
        if self.sampling and function == "sample":
            work.sampling(ctypes.addressof(self.sampling))
        step: Any
        if self.call:
            prepared, arrays = sized(Prepared), {**self.call.pieces[0].addresses, "exact_sum": self.sum_address}
            plan.library.call_of(function, work, {name: arrays[name] for name in passed})
            if plan.library.c.xent_prepare(ctypes.addressof(prepared), of.number, work.address):
                raise Rejected
            step = plan.library.c.xent_run, ctypes.addressof(prepared), None, (), (work, prepared)
        else:
            work.fill(passed)
            places = [(place, plan.public.get(name, name)) for place, name in work.places(passed)]
            step = plan.library.functions[function], work.address, work.memory, places, work
        self.steps[function, exact_sum, without] = step
        return step

    def clear(self, name: str) -> None:
        raise Rejected

    def count_weighted(self) -> tuple[int, ExactSum]:
        raise Rejected


def operation(check: Callable[..., Any], *row: Any) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]]:
    """Makes a function of Xent of a signature with its text: the plan of an equal call runs again, and
    `check(*row, arguments)` checks other calls.

    `check` returns a `Checked` call, or a result that it computed by other calls.
    """
    return partial(_operation, partial(check, *row))


def _operation(check: Callable[..., Any], function: Callable[..., Any]) -> Any:
    parameters = parameters_of(function)
    positional = tuple(name for name, each in parameters.items() if each.kind is each.POSITIONAL_OR_KEYWORD)
    defaults = {name: each.default for name, each in inspect.signature(function).parameters.items()
                if each.default is not each.empty}
    required = [name for name, each in parameters.items() if each.annotation == "ArrayLike"]
    arrays = frozenset(name for name, each in parameters.items() if str(each.annotation) in _ARRAYS or name in LAYOUTS)
    varying = _VARYING & parameters.keys()

    @named
    @wraps(function)
    def checked(*given: Any, **options: Any) -> Any:
        function(*given, **options)  # Python's errors, for a missing argument or one that is there twice
        passed = {**defaults, **dict(zip(positional, given)), **options}
        for name in required:
            present(name, passed[name])
        return check(passed)

    @wraps(function)
    def call(*given: Any, **options: Any) -> Any:
        key: list[Any] = [checked]
        addresses: dict[Any, Any] = {}
        values: dict[str, Any] = {}
        numbers: dict[str, int] = {}
        owners: list[Any] = []  # of memory that only they keep
        plan = None
        try:
            for name, value in (*zip(positional, given), *options.items()):
                kind = type(value)
                if kind in _PLAIN or value is None:
                    if name in varying and kind is int and 0 <= value < 1 << 32:
                        numbers[name] = value
                        key.append(name)
                    elif kind is float and not value:
                        key += (name, kind, str(value))  # -0.0 equals 0.0
                    else:
                        key += (name, kind, value)
                elif name not in arrays or wanted_of(value) is not value:
                    key += (name, kind, value if isinstance(value, (int, float, str)) else [])  # a list has no hash
                else:
                    layout, addresses[name], owner = described(name, value)
                    key += (name, layout)
                    values[name] = value
                    owners.append(owner)
            found = tuple(key) if len(given) <= len(positional) else None
            plan = _PLANS.get(found)
        except (TypeError, XentError):  # an option that has no hash, or an array that the checks reject
            found = None
        if plan:
            try:
                return plan.call(addresses, values, numbers)
            except Rejected:
                pass
        made = checked(*given, **options)
        if type(made) is not Checked:
            return made
        result = made.now()
        if found is not None and plan is None and made.can_be_planned(addresses):
            _keep(found, Plan(made))
        return result

    cast(Any, call).checked = checked
    return call


def _keep(key: Any, plan: Plan) -> None:
    if len(_PLANS) >= _MOST_PLANS:
        try:
            _PLANS.pop(next(iter(_PLANS)), None)  # the oldest one
        except (RuntimeError, StopIteration):  # another thread has changed them
            pass
    _PLANS[key] = plan


# ---- bound calls --------------------------------------------------------------------------------------------------

_EXPECTED = "expected a function of Xent that computes from arrays, such as pyxent.softmax"


def _name_of(operation: Any) -> str:
    return str(getattr(operation, "__name__", None) or shown(operation))


def checked_of(operation: Any) -> Callable[..., Any]:
    """The function that checks a call of an operation, or of a `functools.partial` of one."""
    if not callable(operation) or operation is bind:
        raise TypeError(f"operation is {'pyxent.bind' if operation is bind else shown(operation)}; {_EXPECTED}")
    if isinstance(operation, partial):
        return partial(checked_of(operation.func), *operation.args, **operation.keywords)
    body = getattr(operation, "checked", None)
    if body is None:
        raise TypeError(f"operation is {_name_of(operation)}; {_EXPECTED}")
    return cast("Callable[..., Any]", body)


class BoundCall(partial[Result]):
    """A call that `bind` has checked; it is called without arguments."""

    call: tuple[Any, tuple[Any, ...], dict[str, Any]]

    def __new__(cls, run: Callable[[], Result], operation: Any, arguments: Any, options: Any) -> BoundCall[Result]:
        made = super().__new__(cls, run)
        made.call = operation, arguments, options
        return made

    def __repr__(self) -> str:
        operation, arguments, options = self.call
        values = [*map(shown_argument, arguments), *(f"{name}={shown_argument(value)}"
                                                     for name, value in options.items())]
        of_xent = getattr(operation, "__module__", "").startswith("pyxent._")
        return f"<bound call of {'pyxent.' if of_xent else ''}{_name_of(operation)}({', '.join(values)})>"

    def __reduce__(self) -> Any:
        raise TypeError("a bound call cannot be pickled or copied, because it holds the addresses of its arrays; bind "
                        "the call again")


def shown_argument(value: Any) -> str:
    if value is None or isinstance(value, (bool, int, float, str)):
        return shown(value)
    try:
        return str(array_of("argument", value))
    except XentError:  # not an array, or its memory has been released
        return shown(value)


class _Binding:
    """The arrays of a bound call, and its run if one task computes it."""

    def __init__(self, checked: Checked) -> None:
        call = self.call = checked.call
        self.compute = checked.compute
        call.keep_in_place()
        self.tensors = call.lent_tensors()
        self.written = [(call.called(name), array) for name in call.results
                        for array in numpy_arrays_of(call.arrays[name])][:len(call.results)]
        call.tensors.update((name, value) for name, value in call.results.items() if is_of_torch(value))
        self.run = Run(Plan(checked), call) if checked.can_be_fixed() else None

    def __call__(self) -> Any:
        if self.tensors:
            require_in_place(self.tensors, "bound: bind it again")
        for name, array in self.written:
            if not array.flags.writeable:
                raise read_only(name)
        if self.run:
            try:
                return self.compute(self.run)
            except Rejected:  # the call reports why
                pass
        self.call.read_again()
        return self.compute(self.call)


def bind(operation: Callable[Arguments, Result], *arguments: Arguments.args,
         **options: Arguments.kwargs) -> Callable[[], Result]:
    """Checks a call of an operation with these arguments, and returns a function that runs it as often as you call it.

    Each run reads the current contents of the arrays, and has the results and errors of `operation(*arguments,
    **options)`. An output that you request without an array is allocated once; each run overwrites it. Addresses,
    shapes, types, options and row offsets are those of the time of `bind`; the bound call keeps references to the
    arrays. Each run also reads the temperatures of rows, and arrays that are options of `sample`. Other options that
    are arrays without a dimension are numbers of the time of `bind`. Any number of threads may run it at once. Each
    thread has its own new arrays, which only its runs overwrite.

    >>> import numpy as np, pyxent
    >>> logits, labels = np.zeros((2, 4)), np.array([0, 1])
    >>> step = pyxent.bind(pyxent.cross_entropy, logits, labels, gradient=True)
    >>> round(step().loss, 4)
    1.3863
    >>> logits[0, 0] = logits[1, 1] = 2
    >>> round(step().loss, 4)
    0.3408
    """
    body = checked_of(operation)
    given: Any = {**options, "threads": Bound(cast(Any, options.get("threads")))}
    own = threading.local()  # so that no run overwrites the results of another thread

    def checked() -> _Binding:
        return _Binding(body(*arguments, **given))

    own.idle = [checked()]

    def run(*passed: Any, **by_name: Any) -> Result:
        if passed or by_name:
            raise TypeError("a bound call takes no arguments: write into the arrays that you bound")
        try:
            idle = own.idle
        except AttributeError:  # the first run of this thread
            idle = own.idle = []
        # The list is empty too if a signal handler runs the call during a run of the same thread.
        call = idle.pop() if idle else checked()
        try:
            return cast(Result, call())
        finally:
            idle.append(call)

    return BoundCall(run, operation, arguments, options)
