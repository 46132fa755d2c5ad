# SPDX-License-Identifier: Apache-2.0
"""Results of several numbers and arrays, and the later gradients of saved statistics."""
from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple, cast

from pyxent._arrays import held, made_of, released
from pyxent._call import Call, LentTensor, require_in_place, require_unwritten, versions_of, workspace_of
from pyxent._native import HIDDEN_GRADIENT, WEIGHTS_GRADIENT, Options
from pyxent._options import Reductions, needed, stored_scale
from pyxent._plans import shown_argument
from pyxent._types import Input, Output
from pyxent.errors import OptionError, ShapeError


class TopK(NamedTuple):
    """The k largest classes of each row, with k along the class axis."""

    classes: Any
    log_probabilities: Any

    def __reduce__(self) -> tuple[Any, ...]:
        return made_of, (TopK, *map(held, self))


def require_as_before(tensors: list[LentTensor], versions: Sequence[int]) -> None:
    require_in_place(tensors, "made: call again")
    require_unwritten(tensors, versions)


class Copied:
    """Replaces the statistics of a result in its copies and pickles."""

    def gradient(self, upstream: Any, gradient: Any, threads: int | None) -> Any:
        raise OptionError("statistics stay with the result that the call gave, and this is a copy of it: call "
                          "backward of the former")

    linear_gradients = gradient


@dataclass(frozen=True, eq=False)
class Saved:
    """A call with saved statistics, and the factors of its gradients, for a later `backward`."""

    function: str
    call: Call
    reductions: Reductions | None = None
    divisor: float = 1.0
    versions: Sequence[int] = ()  # version counters of the PyTorch tensors that the call read
    run: int = 0  # the run of a bound call: all its runs share the statistics

    @staticmethod
    def of(function: str, call: Call, *others: Any) -> Saved:
        call.saved += 1
        saved = Saved(function, call, *others)
        return replace(saved, versions=versions_of(call.again().lent_tensors()), run=call.saved)

    def __reduce__(self) -> tuple[Any, ...]:  # statistics are valid only with the arrays of the call
        return Copied, ()

    def _again(self, upstream: Any, outputs: dict[str, Any]) -> tuple[Call, bool]:
        """Returns the call of the gradients, and whether all gradients are zero."""
        call, reductions = self.call.again(), self.reductions
        if self.run != self.call.saved:
            raise OptionError("this result is of an earlier run of a bound call, and the statistics are of the last one; "
                              "expected backward before the next run")
        require_as_before(call.lent_tensors(), self.versions)
        options = call.options = Options.from_buffer_copy(self.call.options)
        if reductions:
            call.kinds = call.kinds.copy()
            call.take_rules_of(self.function)
        call.take("upstream", upstream)
        for name, output in outputs.items():
            call.write(name, output)
        zero = False
        if reductions:
            reductions.require_mean(self.divisor)
            zero = reductions.gradient_is_zero(self.divisor)
            options.gradient_scale = stored_scale(0.0 if zero else reductions.scale_of(self.divisor))
        return call, zero

    def gradient(self, upstream: Any, gradient: Any, threads: int | None) -> Any:
        call, zero = self._again(upstream, {"gradient": needed("gradient", gradient)})
        call.prepare(threads)
        call.run("check_targets")
        if zero:
            call.clear("gradient")
        else:
            call.run(self.function)
        return call.results["gradient"]

    def linear_gradients(self, upstream: Any, outputs: dict[str, Any], threads: int | None) -> dict[str, Any]:
        call, zero = self._again(upstream, outputs)
        of_rows = [name for name in call.results if name == "hidden_gradient"]
        of_classes = [name for name in call.results if name != "hidden_gradient"]
        call.workspace = linear_workspace(call, (HIDDEN_GRADIENT if of_rows else 0) | (WEIGHTS_GRADIENT if of_classes else 0))
        call.prepare(threads)
        if of_classes:
            require_even_rows(call)
        call.run("check_targets")
        if zero or not call.rows:
            for name in call.results:
                call.clear(name)
            return call.results
        if of_rows:
            call.run(self.function, without=tuple(of_classes))
        if of_classes:
            call.run_over_classes(self.function, without=of_rows)
        return call.results


NO_STATISTICS = "there are no statistics to compute a gradient from: call with save_statistics=True"


def later(saved: Saved | Copied | None, upstream: Any, gradient: Any, threads: int | None) -> Any:
    if saved is None:
        raise OptionError(NO_STATISTICS)
    return saved.gradient(upstream, gradient, threads)


class Shown:
    """A result whose text shows its fields: numbers, and arrays by type and shape unless they are short."""

    def __repr__(self) -> str:
        found = ((each.name, getattr(self, each.name)) for each in fields(cast(Any, self)) if each.repr)
        texts = (f"{name}={_short(value)}" for name, value in found if value is not None)
        return f"{type(self).__name__}({', '.join(texts)})"

    def __getstate__(self) -> dict[str, Any]:
        return {name: held(value) for name, value in vars(self).items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update((name, released(value)) for name, value in state.items())


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 and "\n" not in text else shown_argument(value)


@dataclass(frozen=True, eq=False, repr=False)
class Selected(Shown):
    """Log-probabilities of selected classes, and the gradient if you requested it."""

    log_probabilities: Any
    gradient: Any = None
    _saved: Saved | Copied | None = field(default=None, repr=False)

    def backward(self, upstream: Input = None, *, gradient: Output = None, threads: int | None = None) -> Any:
        """Computes the gradient later, with an upstream gradient that depends on the log-probabilities.

        Otherwise as `Loss.backward`.
        """
        return later(self._saved, upstream, gradient, threads)


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Loss(Shown):
    """A loss and the outputs that you requested; `float(result)` is the loss, and `f"{result:.3f}"` formats it.

    A result is equal only to itself. Deep copies and pickles contain everything except the statistics of
    `save_statistics`.

    loss         the mean or the sum
    sum          the exact sum of the losses of all rows, rounded once
    rows         the number of rows (for binary cross-entropy, of elements)
    valid_rows   the number of rows that are not ignored
    denominator  the divisor of a mean: the valid rows, or the sum of their weights, unless you passed one
    """

    loss: float
    sum: float
    rows: int
    valid_rows: int
    denominator: float
    gradient: Any = None
    losses: Any = None
    log_sum_exp: Any = None
    correct: Any = None
    log_probabilities: Any = None
    argmax: Any = None
    ranks: Any = None
    entropies: Any = None
    top_classes: Any = None
    top_log_probabilities: Any = None
    target_gradient: Any = None
    _saved: Any = field(default=None, repr=False)

    def __init__(self, loss: float, sum: float, rows: int, valid_rows: int, denominator: float,
                 **outputs: Any) -> None:
        vars(self).update(outputs, loss=loss, sum=sum, rows=rows, valid_rows=valid_rows, denominator=denominator)

    def __float__(self) -> float:
        return self.loss

    def __format__(self, spec: str) -> str:
        return format(self.loss, spec) if spec else str(self)

    def backward(self, upstream: Input = None, *, gradient: Output = None, threads: int | None = None) -> Any:
        """Computes the gradient later: that of `gradient=True`, times `upstream`, one number per row (None: 1 each).

        With the default reduction, `upstream` multiplies the gradient of the mean. For the gradients of `losses`, call
        with reduction="sum".

        Call it on the result of a `cross_entropy` with `save_statistics=True`. The logits, targets and weights must be
        unchanged. Returns a new array or `gradient`, which may be the logits.

        >>> import numpy as np, pyxent
        >>> result = pyxent.cross_entropy(np.zeros((2, 2)), np.array([0, 1]), reduction="sum", save_statistics=True)
        >>> result.backward(np.array([1.0, 3.0])).tolist()
        [[-0.5, 0.5], [1.5, -1.5]]
        """
        return later(self._saved, upstream, gradient, threads)


class LinearGradients(NamedTuple):
    """The gradients of a linear layer that you requested; fields that you did not request have the value None."""

    hidden: Any = None
    weights: Any = None
    bias: Any = None

    def __reduce__(self) -> tuple[Any, ...]:
        return made_of, (LinearGradients, *map(held, self))


@dataclass(frozen=True, eq=False, repr=False, init=False)
class LinearLoss(Loss):
    """The result of `linear_cross_entropy`."""

    hidden_gradient: Any = None
    weights_gradient: Any = None
    bias_gradient: Any = None

    def backward(self, upstream: Input = None, *, hidden_gradient: Output = True,  # type: ignore[override]
                 weights_gradient: Output = None, bias_gradient: Output = None,
                 threads: int | None = None) -> LinearGradients:
        """Computes the gradients later: those of the call, times `upstream`, one number per row (None: 1 each).

        `upstream` multiplies the gradients of the mean, unless the call has reduction="sum".

        Call it on the result of a `linear_cross_entropy` with `save_statistics=True`. The hidden states, weights, bias
        and targets must be unchanged. `True` makes a new array; your array is overwritten.

        >>> import numpy as np, pyxent
        >>> hidden, weights = np.ones((2, 3), np.float32), np.zeros((2, 3), np.float32)
        >>> result = pyxent.linear_cross_entropy(hidden, weights, np.array([0, 1]), reduction="sum",
        ...                                      save_statistics=True)
        >>> result.backward(np.array([1, 3], np.float32), hidden_gradient=None, weights_gradient=True).weights.tolist()
        [[1.0, 1.0, 1.0], [-1.0, -1.0, -1.0]]
        """
        outputs = {"hidden_gradient": hidden_gradient, "weights_gradient": weights_gradient,
                   "bias_gradient": bias_gradient}
        if self._saved is None:
            raise OptionError(NO_STATISTICS)
        results = self._saved.linear_gradients(upstream, outputs, threads)
        return LinearGradients(*(results.get(name) for name in outputs))


def require_even_rows(call: Call) -> None:
    if call.copies or len(call.pieces) > 1:
        raise ShapeError(f"{call.lead_name} is {call.lead} with strides {list(call.lead.strides)}: copy it, as gradients of "
                         f"weights and bias are sums over rows that lie evenly apart")


def linear_workspace(call: Call, contents: int) -> Callable[[int], ctypes.Array[Any]]:
    return lambda rows: workspace_of(
        call.library.c.xent_linear_workspace(max(rows, 1), call.counts["features"], call.classes, contents))


@dataclass(frozen=True, eq=False, repr=False)
class Sample(Shown):
    """A token of each row, and the outputs that you requested; `sampled` rows have a token, the others -1.

    `seed` is the seed that the call drew, if a row had none: pass it, with step 0, to get the same tokens again.
    """

    tokens: Any
    sampled: int
    seed: int | None = None
    log_probabilities: Any = None
    processed_log_probabilities: Any = None
    kept: Any = None
    kept_mask: Any = None
    ranks: Any = None
    entropies: Any = None
    top_classes: Any = None
    top_log_probabilities: Any = None
