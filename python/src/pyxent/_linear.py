# SPDX-License-Identifier: Apache-2.0
"""The cross-entropy of a linear layer."""
from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from pyxent._arrays import array_of
from pyxent._call import Call, Checked
from pyxent._check import Given, Row, check
from pyxent._losses import OF_LAYER, loss_of, of_saved, take_targets
from pyxent._native import HIDDEN_GRADIENT, WEIGHTS_GRADIENT, WHOLE_ROWS
from pyxent._options import is_wanted
from pyxent._plans import operation
from pyxent._results import LinearGradients, LinearLoss, linear_workspace
from pyxent._types import ArrayLike, Input, LossOptions, Output, Reduction, Small
from pyxent.errors import DTypeError, ShapeError

if TYPE_CHECKING:
    from typing_extensions import Unpack


_OF_WHOLE_ROWS = {"argmax", "ranks", "entropies", "top_classes", "top_log_probabilities", "target_gradient"}
_OF_LINEAR = ("hidden_gradient", "weights_gradient", "bias_gradient")


def _ready(call: Call, given: Given) -> None:
    """Sizes the workspace for the outputs."""
    wanted = {name for name, value in given.items() if (name in _OF_LINEAR or name in _OF_WHOLE_ROWS) and is_wanted(value)}
    call.effort = call.classes * call.counts["features"]
    of_rows = wanted & _OF_WHOLE_ROWS or given.get("probability_clamp") and not call.has_labels
    call.workspace = linear_workspace(call, (WEIGHTS_GRADIENT if wanted & OF_LAYER else 0) | (WHOLE_ROWS if of_rows else 0) | (
        HIDDEN_GRADIENT if "hidden_gradient" in wanted else 0))


_ROW = Row("linear_cross_entropy", partial(loss_of, LinearLoss), targets=take_targets, ready=_ready)


def _check(row: Row, given: Given) -> Checked:
    weights, hidden = array_of("weights", given["weights"]), array_of("hidden", given["hidden"])
    if len(weights.shape) < 2 or not weights.shape[0]:
        raise ShapeError(f"weights has the shape {list(weights.shape)}; expected a row of features for each class")
    if hidden.type == "F64":
        raise DTypeError(f"hidden is {hidden}; expected float32, float16 or bfloat16. In float64, call cross_entropy of "
                         f"hidden @ weights.T")
    if len(weights.shape) > 2:
        raise ShapeError(f"weights is {weights}; expected the shape [classes, features]. Call once for each layer, or call "
                         f"cross_entropy of the logits")
    return check(row, given)


@operation(_check, _ROW)
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


def linear_gradients_of_saved(given: Given, upstream: Any, statistics: Any, divisor: float, wanted: Sequence[bool]) -> LinearGradients:
    """The requested gradients of hidden states, weights and bias of a linear layer, from its statistics and its divisor."""
    outputs = dict(zip(_OF_LINEAR, (asked or None for asked in wanted)))
    results = of_saved(_ROW, given, statistics, divisor).linear_gradients(upstream, outputs, given["threads"])
    return LinearGradients(*(results.get(name) for name in outputs))
