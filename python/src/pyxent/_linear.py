# SPDX-License-Identifier: Apache-2.0
"""The cross-entropy of a linear layer."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from pyxent._arrays import array_of
from pyxent._begin import begin_call, present
from pyxent._call import (LINEAR, Call)
from pyxent._losses import loss_of, require_options_for, require_outputs
from pyxent._native import HIDDEN_GRADIENT, WEIGHTS_GRADIENT, WHOLE_ROWS
from pyxent._options import Reductions, is_wanted, truth
from pyxent._plans import operation
from pyxent._results import LinearGradients, LinearLoss, Saved, linear_workspace
from pyxent._types import Small, ArrayLike, EmptyMean, FullyMasked, Input, Isa, Output, Reduction, Smoothing
from pyxent.errors import DTypeError, ShapeError


@operation
def linear_cross_entropy(
        hidden: ArrayLike, weights: ArrayLike, targets: ArrayLike, *, bias: Input = None,
        reduction: Reduction = "mean", hidden_gradient: Output = None, weights_gradient: Output = None,
        bias_gradient: Output = None, losses: Output = None, log_sum_exp: Output = None, correct: Output = None,
        log_probabilities: Output = None, argmax: Output = None, ranks: Output = None, entropies: Output = None,
        top_count: int = 0, top_classes: Output = None, top_log_probabilities: Output = None,
        target_gradient: Output = None, save_statistics: bool = False, ignore_index: int | None = None,
        label_smoothing: float | None = None, smoothing: Smoothing = "uniform", class_weights: Small = None,
        row_weights: Small = None, target_weights: Input = None, class_mask: Small = None, sink: Small = None,
        temperature: float | None = None, softcap: float | None = None, z_loss: float | None = None,
        probability_clamp: float | None = None, focal_gamma: float | None = None,
        gradient_reduction: Reduction | None = None, gradient_scale: float = 1.0, denominator: float | None = None,
        empty_mean: EmptyMean = "nan", fully_masked: FullyMasked = "nan", isa: Isa = "best", threads: int | None = None) -> LinearLoss:
    """`cross_entropy` of the logits `hidden @ weights.T + bias`, which are never all in memory.

    hidden   float32, float16 or bfloat16, of any shape, with the features of a row along the last axis
    weights  one row of features per class: [classes, features]
    bias     one number per class

    In float64, or for several layers, pass the logits to `cross_entropy`.

    You request outputs as in `cross_entropy`. This includes the gradients of hidden states, weights and bias, which
    have the types of hidden and weights. Those of weights and bias are sums over all rows, added by one thread. With
    `save_statistics`, `backward` of the result computes them later, from an upstream gradient per row. Targets and
    options as in `cross_entropy`, but no class weights below 0.

    >>> import numpy as np, pyxent
    >>> hidden, weights = np.ones((2, 3), np.float32), np.zeros((4, 3), np.float32)
    >>> result = pyxent.linear_cross_entropy(hidden, weights, np.array([0, 3]), weights_gradient=True)
    >>> round(result.loss, 4), result.weights_gradient[:, 0].tolist()
    (1.3863, [-0.25, 0.25, 0.25, -0.25])
    """
    reductions = Reductions(reduction, gradient_reduction, gradient_scale, denominator, empty_mean)
    given: dict[str, Any] = dict(
        isa=isa, fully_masked=fully_masked, smoothing=smoothing, ignore_index=ignore_index,
        label_smoothing=label_smoothing, temperature=temperature, softcap=softcap, z_loss=z_loss,
        probability_clamp=probability_clamp, focal_gamma=focal_gamma)
    outputs = {"losses": losses, "log_sum_exp": log_sum_exp, "correct": correct, "log_probabilities": log_probabilities,
               "argmax": argmax, "ranks": ranks, "entropies": entropies, "top_classes": top_classes,
               "top_log_probabilities": top_log_probabilities, "target_gradient": target_gradient,
               "hidden_gradient": hidden_gradient, "weights_gradient": weights_gradient, "bias_gradient": bias_gradient}
    inputs = {"bias": bias, "targets": present("targets", targets), "target_weights": target_weights,
              "class_mask": class_mask, "sink": sink, "row_weights": row_weights, "class_weights": class_weights}
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
    call, whole = _layer(hidden, weights, inputs, outputs, top_count, given)
    return cast(LinearLoss, loss_of(LinearLoss, "linear_cross_entropy", call, reductions, None, outputs, threads, whole,
                                    save))


_OF_WHOLE_ROWS = ("argmax", "ranks", "entropies", "top_classes", "top_log_probabilities", "target_gradient")


_OF_LAYER = ("weights_gradient", "bias_gradient")  # sums over the rows


def _layer(hidden: Any, weights: Any, inputs: dict[str, Any], outputs: dict[str, Any], top_count: int,
           given: dict[str, Any]) -> tuple[Call, bool]:
    """A linear layer without its outputs, and whether one call must sum an output over all rows."""
    classes = array_of("weights", weights).shape[0]
    call = begin_call("hidden", hidden, -1, None, LINEAR, classes=classes, **given)
    features = call.counts["features"] = call.lead.shape[-1]
    call.take("weights", weights)
    call.take("bias", inputs["bias"])
    kind = call.take_targets(inputs["targets"], inputs["target_weights"])
    require_options_for(kind, call, given)
    for name in ("class_mask", "sink", "row_weights", "class_weights"):
        call.take(name, inputs[name])
    require_outputs(kind, outputs)
    call.ask_for_top("top_count", top_count, (outputs["top_classes"], outputs["top_log_probabilities"]))
    call.effort = classes * features
    whole = any(is_wanted(outputs[name]) for name in _OF_LAYER)
    of_rows = any(is_wanted(outputs[name]) for name in _OF_WHOLE_ROWS) or (
        kind != "class indices" and bool(given["probability_clamp"]))
    call.workspace = linear_workspace(call, (WEIGHTS_GRADIENT if whole else 0) | (WHOLE_ROWS if of_rows else 0) | (
        HIDDEN_GRADIENT if is_wanted(outputs["hidden_gradient"]) else 0))
    return call, whole


_OF_LINEAR = ("hidden_gradient", *_OF_LAYER)


def linear_gradients_of_saved(hidden: Any, weights: Any, bias: Any, targets: Any, upstream: Any, statistics: Any,
                              divisor: float, wanted: Sequence[bool], threads: int | None, *, reduction: str,
                              class_weights: Any, **given: Any) -> LinearGradients:
    """The requested gradients of hidden states, weights and bias of a linear layer, likewise."""
    inputs = dict(dict.fromkeys(("target_weights", "class_mask", "sink", "row_weights")), bias=bias, targets=targets,
                  class_weights=class_weights)
    outputs = dict(zip(_OF_LINEAR, (asked or None for asked in wanted)))
    none = dict.fromkeys((*_OF_WHOLE_ROWS, *_OF_LINEAR, "correct", "log_probabilities"))
    unused = dict(smoothing="uniform", focal_gamma=None, probability_clamp=None)
    call, _ = _layer(hidden, weights, inputs, none, 0, {**unused, **given})
    call.statistics = statistics
    reductions = Reductions(reduction, None, 1.0, None, "nan")
    saved = Saved("linear_cross_entropy_backward", call, reductions, divisor)
    results = saved.linear_gradients(upstream, outputs, threads)
    return LinearGradients(*(results.get(name) for name in outputs))
