# SPDX-License-Identifier: Apache-2.0
"""Binary cross-entropy."""
from __future__ import annotations

import ctypes
from dataclasses import replace
from typing import Any, cast

from pyxent._arrays import Array, array_of
from pyxent._begin import as_doubles, begin_call, present
from pyxent._call import ELEMENTS, Bound, Call
from pyxent._losses import loss_of
from pyxent._options import Reductions, is_wanted, require, shown
from pyxent._plans import operation
from pyxent._results import Loss
from pyxent._rows import clamp_losses, copied, doubles_of, is_binary, labels_like, subtract
from pyxent._types import Small, ArrayLike, DType, EmptyMean, Input, Isa, Output, Reduction
from pyxent.errors import OptionError


@operation
def binary_cross_entropy(
        logits: ArrayLike, targets: ArrayLike, *, axis: int = -1, reduction: Reduction = "mean",
        gradient: Output = None, target_gradient: Output = None, losses: Output = None, weights: Input = None,
        positive_weights: Small = None, ignore_index: int | None = None, probability_clamp: float | None = None,
        focal_gamma: float | None = None, focal_alpha: float | None = None, gradient_reduction: Reduction | None = None,
        gradient_scale: float = 1.0, denominator: float | None = None, empty_mean: EmptyMean = "nan",
        dtype: DType | None = None, isa: Isa = "best", threads: int | None = None) -> Loss:
    """`loss = w a (r t softplus(-x) + (1 - t) softplus(x)) m^gamma` of every element on its own, reduced, and its
    gradient.

    targets           t: labels 0 and 1 (integers or booleans), or numbers from 0 to 1, in the shape of the logits
    weights           w, in a shape that broadcasts to that of the logits, or one per index of `axis`; elements with 0
                      or False are ignored
    positive_weights  r, in such a shape too (PyTorch's `pos_weight`)
    probability_clamp  d: the losses, not the gradient, take probabilities as numbers in [d, 1 - d]. NumPy replaces the
                       losses that this changes
    focal_gamma, focal_alpha  of the focal loss, with m the probability of the wrong label and a = alpha t +
                              (1 - alpha)(1 - t)
    target_gradient   the gradient in t, for targets that are numbers: `w (r softplus(-x) - softplus(x))`; not for focal
                      losses, not with a clamp

    Otherwise as `cross_entropy`.

    >>> import numpy as np, pyxent
    >>> round(float(pyxent.binary_cross_entropy(np.zeros(3), np.array([0, 1, 1]))), 6)
    0.693147
    """
    if is_wanted(target_gradient):
        for name, value in (("probability_clamp", probability_clamp), ("focal_gamma", focal_gamma),
                            ("focal_alpha", focal_alpha)):
            if value is not None:
                raise OptionError(f"target_gradient is requested, {name} is {shown(value)}; expected one of them")
        if isinstance(threads, Bound):
            raise OptionError("target_gradient is requested, and the call is bound; expected no target_gradient")
    if probability_clamp is not None:
        return _clamped(logits, targets, losses, probability_clamp, threads, dict(
            axis=axis, reduction=reduction, gradient=gradient, weights=weights, positive_weights=positive_weights,
            ignore_index=ignore_index, focal_gamma=focal_gamma, focal_alpha=focal_alpha, denominator=denominator,
            gradient_reduction=gradient_reduction, gradient_scale=gradient_scale, empty_mean=empty_mean,
            dtype=dtype, isa=isa))
    reductions = Reductions(reduction, gradient_reduction, gradient_scale, denominator, empty_mean)
    logits, targets, weights, positive_weights = as_doubles(dtype, threads, logits, targets=targets, weights=weights,
                                                            positive_weights=positive_weights)
    call = begin_call("logits", logits, axis, None, ELEMENTS, isa=isa, ignore_index=ignore_index,
                      focal_gamma=focal_gamma, focal_alpha=focal_alpha)
    labels = call.take_element_targets(present("targets", targets))
    if ignore_index is not None and not labels:
        raise OptionError(f"ignore_index is {ignore_index}, targets are numbers {call.arrays['targets']}; expected "
                          f"labels of an integer type, or weights of 0, or leave ignore_index out")
    call.public |= {"element_weights": "weights"}
    call.take("element_weights", weights)
    call.take("positive_weights", positive_weights)
    if focal_alpha is not None and not focal_alpha:  # positive labels have weight 0; the core takes no alpha of 0
        if not labels and (isinstance(threads, Bound) or not is_binary(call.arrays["targets"])):
            raise OptionError(f"focal_alpha is {focal_alpha}, targets are numbers {call.arrays['targets']}; expected "
                              f"labels of an integer type")
        zero = ctypes.c_float()
        call.take("positive_weights", Array(ctypes.addressof(zero), "F32", (), (), True, zero))
    if not is_wanted(target_gradient):
        return cast(Loss, loss_of(Loss, "binary_cross_entropy", call, reductions, gradient, {"losses": losses}, threads))
    if labels:
        raise OptionError(f"target_gradient is requested, targets are labels {call.arrays['targets']}; expected "
                          f"numbers from 0 to 1 of type {call.allowed}")
    of_ones, of_zeros = _losses_of_labels(call, isa, threads)  # the gradient may overwrite the logits later
    call.write("target_gradient", target_gradient)
    result: Loss = loss_of(Loss, "binary_cross_entropy", call, reductions, gradient, {"losses": losses}, threads).now()
    if not reductions.gradient_is_zero(result.denominator):
        subtract(call.arrays["target_gradient"], of_ones, of_zeros, call.lead.type == "F64",
                 reductions.scale_of(result.denominator))
    return result


def _losses_of_labels(call: Call, isa: Isa, threads: int | None) -> list[Array]:
    """The binary losses with label 1 everywhere and with label 0 everywhere, as float64."""
    names = {"element_weights": "weights", "positive_weights": "positive_weights"}
    inputs: dict[str, Any] = {name: copied(doubles_of(call.arrays[key])) for key, name in names.items()
                              if key in call.arrays}
    logits = copied(doubles_of(call.lead))
    return [array_of("losses", binary_cross_entropy(logits, label, axis=call.axis, reduction="sum", losses=True,
                                                    isa=isa, threads=threads, **inputs).losses) for label in labels_like("logits", logits)]


def _clamped(logits: Any, targets: Any, losses: Any, clamp: float, threads: Any, options: dict[str, Any]) -> Loss:
    """A binary cross-entropy with probabilities clamped from `clamp` to 1 - `clamp`."""
    clamp = require("probability_clamp", clamp)
    for name in ("focal_gamma", "focal_alpha"):
        if options[name]:
            raise OptionError(f"probability_clamp is {clamp}, {name} is {options[name]}; expected one of them")
    if isinstance(threads, Bound) or is_wanted(losses) and losses is not True:
        reason = "the call is bound" if isinstance(threads, Bound) else "losses is given"
        raise OptionError(f"probability_clamp is {clamp} and {reason}; expected no clamp")
    logits, targets, weights, positive_weights = as_doubles(
        options["dtype"], threads, logits, targets=present("targets", targets), weights=options["weights"],
        positive_weights=options["positive_weights"])
    positive, negative = (  # the gradient may overwrite the logits later
        array_of("losses", binary_cross_entropy(logits, labels, reduction="sum", losses=True, isa=options["isa"],
                                                threads=threads).losses) for labels in labels_like("logits", logits))
    call = begin_call("logits", logits, options["axis"], None, ELEMENTS)
    call.take_element_targets(targets)
    for name, value in (("element_weights", weights), ("positive_weights", positive_weights)):
        call.take(name, value)
    result = binary_cross_entropy(logits, targets, losses=True, threads=threads, **options)
    total = clamp_losses(call, array_of("losses", result.losses), positive, negative, clamp, options["ignore_index"])
    reductions = Reductions(options["reduction"], None, 1.0, None, options["empty_mean"])
    return replace(result, loss=reductions.reduce(total, result.denominator), sum=total,
                   losses=result.losses if losses is True else None)
