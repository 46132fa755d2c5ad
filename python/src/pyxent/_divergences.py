# SPDX-License-Identifier: Apache-2.0
"""Losses of probabilities: negative log-likelihood, Kullback-Leibler and other divergences."""
from __future__ import annotations

from typing import Any, cast

from pyxent._begin import as_doubles, begin_call, present
from pyxent._call import ELEMENTS
from pyxent._losses import count_rows, loss_of
from pyxent._options import Reductions, choice, truth
from pyxent._plans import operation
from pyxent._results import Loss
from pyxent._rows import have_signs, kl_of_elements, nll_of_rows, parts_of_signs
from pyxent._types import Small, ArrayLike, DType, Divergence, EmptyMean, FullyMasked, Input, Isa, Number, Output, Reduction
from pyxent.errors import OptionError


@operation
def nll_loss(
        log_probabilities: ArrayLike, targets: ArrayLike, *, axis: int = -1, reduction: Reduction = "mean",
        gradient: Output = None, losses: Output = None, ignore_index: int | None = None, class_weights: Small = None,
        row_weights: Small = None, gradient_reduction: Reduction | None = None, gradient_scale: float = 1.0,
        denominator: float | None = None, empty_mean: EmptyMean = "nan", dtype: DType | None = None,
        isa: Isa = "best", threads: int | None = None) -> Loss:
    """`loss = -u w l` at the label of each row, reduced, and its gradient; nothing is normalized.

    log_probabilities  l, float32, float16, bfloat16 or float64, of any shape; `axis` is the class axis
    targets            labels, in that shape without the class axis

    A class of weight 0 has the loss +0 for every log-probability. Needs NumPy. Otherwise as `cross_entropy`.

    >>> import numpy as np, pyxent
    >>> result = pyxent.nll_loss(np.array([[-1.0, -2], [-3, -4]]), np.array([0, 1]), gradient=True)
    >>> result.loss, result.gradient.tolist()
    (2.5, [[-0.5, 0.0], [0.0, -0.5]])
    """
    reductions = Reductions(reduction, gradient_reduction, gradient_scale, denominator, empty_mean)
    log_probabilities, class_weights, row_weights = as_doubles(
        dtype, threads, present("log_probabilities", log_probabilities), "log_probabilities",
        class_weights=class_weights, row_weights=row_weights)
    call = begin_call("logits", log_probabilities, axis, called="log_probabilities", labels=targets, isa=isa,
                      ignore_index=ignore_index)
    call.take_labels(present("targets", targets))
    call.take("row_weights", row_weights)
    call.take("class_weights", class_weights)
    call.write("losses", losses)
    call.write("gradient", gradient, ["logits"])

    def count() -> tuple[float, int]:
        """Returns the sum of the weights, and the number of rows."""
        try:
            counted, weights = count_rows("nll_loss", call)
        except OptionError:
            signed = call.arrays.get("class_weights")
            if not signed or not have_signs(signed):
                raise
            above, below = (nll_loss(call.lead, call.arrays["targets"], axis=call.axis, reduction="sum",
                                     ignore_index=ignore_index, class_weights=part,
                                     row_weights=call.arrays.get("row_weights"), threads=call.threads)
                            for part in parts_of_signs(signed, "F64" if call.lead.type == "F64" else "F32"))
            return above.denominator - below.denominator, above.valid_rows
        return call.library.exact_sum_value(weights) if weights else float(counted), counted

    def compute(_: Any) -> Loss:
        total_weight, counted = count()
        divisor = reductions.denominator(total_weight)
        reductions.require_mean(divisor, "gradient" in call.results)
        zero = reductions.gradient_is_zero(divisor)
        scale = reductions.scale_of(divisor) if "gradient" in call.results and not zero else 0.0
        call.tell_autograd()
        total = nll_of_rows(call.library, call.arrays, call.axis, ignore_index, scale)
        return Loss(reductions.reduce(total, divisor), total, call.rows, counted, divisor, **call.results)

    return cast(Loss, call.checked(threads, compute, False))


@operation
def kl_div(log_probabilities: ArrayLike, targets: ArrayLike, *, log_targets: bool = False,
           reduction: Reduction = "mean", gradient: Output = None, target_gradient: Output = None,
           losses: Output = None, weights: Input = None, gradient_reduction: Reduction | None = None,
           gradient_scale: float = 1.0, denominator: float | None = None, empty_mean: EmptyMean = "nan",
           dtype: DType | None = None, isa: Isa = "best", threads: int | None = None) -> Loss:
    """`loss = w t (log t - l)` of every element, reduced, and its gradient in l; nothing is normalized.

    log_probabilities  l, float32, float16, bfloat16 or float64, of any shape
    targets            t, 0 or more, in that shape; with `log_targets`, their logarithms. If t is 0, the loss is 0
    weights            w, in a shape that broadcasts to that of l; elements of weight 0 have the loss 0, and count
    target_gradient    in t: `w (log t - l + 1)`, -inf if t is 0; with `log_targets`, in log t: t times that
    denominator        the divisor of a mean: the elements, unless you pass another number, such as the number of rows
                       (PyTorch's "batchmean")

    NumPy computes it in float64, with NumPy's exp and log. Unlike the results of all other functions, the last bits may
    differ between machines. `divergence` of logits has no such limit.

    >>> import numpy as np, pyxent
    >>> round(float(pyxent.kl_div(np.log([[0.5, 0.5]]), np.array([[1.0, 0.0]]), reduction="sum")), 6)
    0.693147
    """
    reductions = Reductions(reduction, gradient_reduction, gradient_scale, denominator, empty_mean)
    log_probabilities, targets, weights = as_doubles(
        dtype, threads, present("log_probabilities", log_probabilities), "log_probabilities",
        targets=present("targets", targets), weights=weights)
    call = begin_call("logits", log_probabilities, -1, None, ELEMENTS, called="log_probabilities", isa=isa)
    call.take_element_targets(targets, may_be_labels=False)
    call.public |= {"element_weights": "weights"}
    call.take("element_weights", weights)
    call.write("losses", losses)
    call.write("target_gradient", target_gradient)
    call.write("gradient", gradient, ["logits"])
    is_log = truth("log_targets", log_targets)

    def compute(_: Any) -> Loss:
        count = call.lead.size
        divisor = reductions.denominator(float(count))
        gradients = bool(call.results.keys() & {"gradient", "target_gradient"})
        reductions.require_mean(divisor, gradients)
        zero = reductions.gradient_is_zero(divisor)
        scale = reductions.scale_of(divisor) if gradients and not zero else 0.0
        call.tell_autograd()
        total = kl_of_elements(call.library, call.arrays, is_log, scale)
        return Loss(reductions.reduce(total, divisor), total, count, count, divisor, **call.results)

    return cast(Loss, call.checked(threads, compute, False))


DIVERGENCES = {"kullback-leibler": "kl_divergence", "jensen-shannon": "jensen_shannon_divergence",
               "total-variation": "total_variation"}


@operation
def divergence(
        logits: ArrayLike, teacher: ArrayLike, kind: Divergence = "kullback-leibler", *, axis: int = -1,
        reduction: Reduction = "mean", gradient: Output = None, losses: Output = None, row_weights: Small = None,
        class_mask: Small = None, temperature: Number | None = None, gradient_reduction: Reduction | None = None,
        gradient_scale: float = 1.0, denominator: float | None = None, empty_mean: EmptyMean = "nan",
        fully_masked: FullyMasked = "nan", dtype: DType | None = None, isa: Isa = "best",
        threads: int | None = None) -> Loss:
    """The divergence of the softmax of the teacher's logits from that of the logits, per row, and its gradient.

    kind  "kullback-leibler": `sum q (log q - log p)`; "jensen-shannon": the mean of the divergences of p and q from
          `m = (p + q) / 2`; "total-variation": `sum |p - q| / 2`

    Computed in double for all types. Otherwise as `cross_entropy`.

    >>> import numpy as np, pyxent
    >>> round(float(pyxent.divergence(np.zeros((1, 2)), np.log([[0.9, 0.1]]), "total-variation")), 6)
    0.4
    """
    choice("kind", kind, dict.fromkeys(DIVERGENCES, 0))
    reductions = Reductions(reduction, gradient_reduction, gradient_scale, denominator, empty_mean)
    logits, row_weights = as_doubles(dtype, threads, logits, row_weights=row_weights)
    call = begin_call("logits", logits, axis, None, None, True, isa=isa, fully_masked=fully_masked,
                      temperature=temperature)
    call.take("teacher", present("teacher", teacher))
    call.take("class_mask", class_mask)
    call.take("row_weights", row_weights)
    return cast(Loss, loss_of(Loss, DIVERGENCES[kind], call, reductions, gradient, {"losses": losses}, threads))
