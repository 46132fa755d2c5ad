# SPDX-License-Identifier: Apache-2.0
"""The cross-entropy of a linear layer."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from pyxent._arrays import array_of
from pyxent._begin import begin_call, present
from pyxent._call import Call
from pyxent._losses import call_of_targets, loss_of
from pyxent._native import HIDDEN_GRADIENT, WEIGHTS_GRADIENT, WHOLE_ROWS
from pyxent._options import Reductions, is_wanted, truth
from pyxent._plans import operation
from pyxent._results import LinearGradients, LinearLoss, Saved, linear_workspace
from pyxent._types import ArrayLike, Input, LossOptions, Output, Reduction, Small
from pyxent.errors import DTypeError, ShapeError

if TYPE_CHECKING:
    from typing_extensions import Unpack


@operation
def linear_cross_entropy(hidden: ArrayLike, weights: ArrayLike, targets: ArrayLike, *, bias: Input = None,
                         reduction: Reduction = "mean", hidden_gradient: Output = None, weights_gradient: Output = None,
                         bias_gradient: Output = None, losses: Output = None, save_statistics: bool = False,
                         ignore_index: int | None = None, label_smoothing: float | None = None,
                         class_weights: Small = None, row_weights: Small = None, class_mask: Small = None,
                         temperature: float | None = None, threads: int | None = None,
                         **options: Unpack[LossOptions]) -> LinearLoss:
    """`cross_entropy` of the logits `hidden @ weights.T + bias`, which are never all in memory.

    hidden   float32, float16 or bfloat16, of any shape, with the features of a row along the last axis
    weights  one row of features per class: [classes, features]
    bias     one number per class

    In float64, or for several layers, pass the logits to `cross_entropy`.

    You request outputs as in `cross_entropy`. This includes the gradients of hidden states, weights and bias, which
    have the types of hidden and weights. Those of weights and bias are sums over all rows, added by one thread. With
    `save_statistics`, `backward` of the result computes them later, from an upstream gradient per row. Targets and
    options as in `cross_entropy`.

    >>> import numpy as np, pyxent
    >>> hidden, weights = np.ones((2, 3), np.float32), np.zeros((4, 3), np.float32)
    >>> result = pyxent.linear_cross_entropy(hidden, weights, np.array([0, 3]), weights_gradient=True)
    >>> round(result.loss, 4), result.weights_gradient[:, 0].tolist()
    (1.3863, [-0.25, 0.25, 0.25, -0.25])
    """
    given: dict[str, Any] = dict(
        options, targets=targets, bias=bias, losses=losses, ignore_index=ignore_index, label_smoothing=label_smoothing,
        class_weights=class_weights, row_weights=row_weights, class_mask=class_mask, temperature=temperature,
        hidden_gradient=hidden_gradient, weights_gradient=weights_gradient, bias_gradient=bias_gradient)
    save = truth("save_statistics", save_statistics)
    lent = array_of("weights", present("weights", weights))
    if len(lent.shape) < 2 or not lent.shape[0]:
        raise ShapeError(f"weights has the shape {list(lent.shape)}; expected a row of features for each class")
    states = array_of("hidden", present("hidden", hidden))
    if states.type == "F64":
        raise DTypeError(f"hidden is {states}; expected float32, float16 or bfloat16. In float64, call cross_entropy of "
                         f"hidden @ weights.T")
    if len(lent.shape) > 2:
        raise ShapeError(f"weights is {lent}; expected the shape [classes, features]. Call once for each layer, or call "
                         f"cross_entropy of the logits")
    call, reductions, outputs, whole = _layer(hidden, weights, reduction, given)
    return cast(LinearLoss, loss_of(LinearLoss, "linear_cross_entropy", call, reductions, None, outputs, threads, whole,
                                    save))


_OF_WHOLE_ROWS = ("argmax", "ranks", "entropies", "top_classes", "top_log_probabilities", "target_gradient")
_OF_LAYER = ("weights_gradient", "bias_gradient")  # sums over the rows
_OF_LINEAR = ("hidden_gradient", *_OF_LAYER)


def _layer(hidden: Any, weights: Any, reduction: str,
           given: Mapping[str, Any]) -> tuple[Call, Reductions, dict[str, Any], bool]:
    """A linear layer without its outputs, and whether one call must sum an output over all rows."""
    classes = array_of("weights", weights).shape[0]

    def begin(numbers: Mapping[str, Any]) -> Call:
        call = begin_call("linear_cross_entropy", hidden, -1, None, classes, **numbers)
        call.counts["features"] = call.lead.shape[-1]
        call.take("weights", weights)
        call.take("bias", given["bias"])
        return call

    call, reductions, outputs = call_of_targets(begin, reduction, given)
    wanted = {name for name, value in outputs.items() if is_wanted(value)}
    call.effort = classes * call.counts["features"]
    whole = not wanted.isdisjoint(_OF_LAYER)
    of_rows = not wanted.isdisjoint(_OF_WHOLE_ROWS) or bool(given.get("probability_clamp")) and not call.has_labels
    call.workspace = linear_workspace(call, (WEIGHTS_GRADIENT if whole else 0) | (WHOLE_ROWS if of_rows else 0) | (
        HIDDEN_GRADIENT if "hidden_gradient" in wanted else 0))
    return call, reductions, outputs, whole


def linear_gradients_of_saved(hidden: Any, weights: Any, bias: Any, targets: Any, upstream: Any, statistics: Any,
                              divisor: float, wanted: Sequence[bool], threads: int | None, *, reduction: str,
                              **given: Any) -> LinearGradients:
    """The requested gradients of hidden states, weights and bias of a linear layer, likewise."""
    call, reductions, _, _ = _layer(hidden, weights, reduction, dict(given, bias=bias, targets=targets))
    call.statistics = statistics
    outputs = dict(zip(_OF_LINEAR, (asked or None for asked in wanted)))
    results = Saved("linear_cross_entropy_backward", call, reductions, divisor).linear_gradients(upstream, outputs, threads)
    return LinearGradients(*(results.get(name) for name in outputs))
