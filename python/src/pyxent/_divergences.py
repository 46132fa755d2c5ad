# SPDX-License-Identifier: Apache-2.0
"""Divergences of logits, and losses of log-probabilities."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pyxent._begin import begin_call, present
from pyxent._losses import count_rows, loss_of, reductions_of
from pyxent._options import truth
from pyxent._plans import operation
from pyxent._results import Loss
from pyxent._rows import kl_of_elements, nll_of_rows
from pyxent._types import ArrayLike, DivergenceOptions, Output, Reduction, ReductionOptions, Small

if TYPE_CHECKING:
    from typing_extensions import Unpack


@operation
def kl_divergence(logits: ArrayLike, teacher: ArrayLike, *, axis: int = -1, reduction: Reduction = "mean",
                  gradient: Output = None, losses: Output = None, **options: Unpack[DivergenceOptions]) -> Loss:
    """`sum q (log q - log p)` of each row, with p and q the softmax of the logits and of the teacher's logits, and its
    gradient in the logits.

    Computed in double for all types. `options` are `row_weights`, `class_mask`, `temperature`, `fully_masked`,
    `gradient_scale`, `denominator`, `empty_mean` and `threads`, as in `cross_entropy`.

    >>> import numpy as np, pyxent
    >>> round(float(pyxent.kl_divergence(np.zeros((1, 2)), np.log([[0.9, 0.1]]))), 6)
    0.368064
    """
    return _divergence("kl_divergence", logits, teacher, axis, reduction, gradient, losses, options)


@operation
def jensen_shannon_divergence(logits: ArrayLike, teacher: ArrayLike, *, axis: int = -1, reduction: Reduction = "mean",
                              gradient: Output = None, losses: Output = None,
                              **options: Unpack[DivergenceOptions]) -> Loss:
    """The mean of the divergences of p and of q from `m = (p + q) / 2`; otherwise as `kl_divergence`.

    >>> import numpy as np, pyxent
    >>> round(float(pyxent.jensen_shannon_divergence(np.zeros((1, 2)), np.log([[0.9, 0.1]]))), 6)
    0.101749
    """
    return _divergence("jensen_shannon_divergence", logits, teacher, axis, reduction, gradient, losses, options)


@operation
def total_variation(logits: ArrayLike, teacher: ArrayLike, *, axis: int = -1, reduction: Reduction = "mean",
                    gradient: Output = None, losses: Output = None, **options: Unpack[DivergenceOptions]) -> Loss:
    """`sum |p - q| / 2`; otherwise as `kl_divergence`.

    >>> import numpy as np, pyxent
    >>> round(float(pyxent.total_variation(np.zeros((1, 2)), np.log([[0.9, 0.1]]))), 6)
    0.4
    """
    return _divergence("total_variation", logits, teacher, axis, reduction, gradient, losses, options)


def _divergence(function: str, logits: Any, teacher: Any, axis: int, reduction: Any, gradient: Any, losses: Any,
                given: Any) -> Loss:
    reductions = reductions_of(reduction, given)
    call = begin_call(function, logits, axis, fully_masked=given.get("fully_masked"), temperature=given.get("temperature"))
    call.take("teacher", present("teacher", teacher))
    call.take("class_mask", given.get("class_mask"))
    call.take("row_weights", given.get("row_weights"))
    return cast(Loss, loss_of(Loss, function, call, reductions, gradient, {"losses": losses}, given.get("threads")))


_CALLED = {"logits": "log_probabilities"}


@operation
def nll_loss(log_probabilities: ArrayLike, targets: ArrayLike, *, axis: int = -1, reduction: Reduction = "mean",
             gradient: Output = None, losses: Output = None, ignore_index: int | None = None, class_weights: Small = None,
             row_weights: Small = None, threads: int | None = None, **options: Unpack[ReductionOptions]) -> Loss:
    """`loss = -u w l` at the label of each row, reduced, and its gradient; nothing is normalized.

    log_probabilities  l, float32, float16, bfloat16 or float64, of any shape; `axis` is the class axis
    targets            labels, in that shape without the class axis

    A class of weight 0 has the loss +0 for every log-probability. Needs NumPy. Otherwise as `cross_entropy`.

    >>> import numpy as np, pyxent
    >>> result = pyxent.nll_loss(np.array([[-1.0, -2], [-3, -4]]), np.array([0, 1]), gradient=True)
    >>> result.loss, result.gradient.tolist()
    (2.5, [[-0.5, 0.0], [0.0, -0.5]])
    """
    reductions = reductions_of(reduction, options)
    call = begin_call("cross_entropy", log_probabilities, axis, names=_CALLED, labels=targets, ignore_index=ignore_index)
    call.take_labels(present("targets", targets))
    call.take("row_weights", row_weights)
    call.take("class_weights", class_weights)
    call.write("losses", losses)
    call.write("gradient", gradient)

    def compute(_: Any) -> Loss:
        counted, weights = count_rows("nll_loss", call)
        divisor = reductions.denominator(call.library.exact_sum_value(weights) if weights else float(counted))
        scale = reductions.scale_over(divisor, "gradient" in call.results)
        call.tell_autograd()
        total = nll_of_rows(call.library, call.arrays, call.axis, ignore_index, scale)
        return Loss(reductions.reduce(total, divisor), total, call.rows, counted, divisor, **call.results)

    return cast(Loss, call.checked(threads, compute, False))


@operation
def kl_div(log_probabilities: ArrayLike, targets: ArrayLike, *, log_targets: bool = False, reduction: Reduction = "mean",
           gradient: Output = None, losses: Output = None, element_weights: Small = None, threads: int | None = None,
           **options: Unpack[ReductionOptions]) -> Loss:
    """`loss = w t (log t - l)` of every element, reduced, and its gradient in l; nothing is normalized.

    log_probabilities  l, float32, float16, bfloat16 or float64, of any shape
    targets            t, 0 or more, in that shape; with `log_targets`, their logarithms. If t is 0, the loss is 0
    element_weights    w, in a shape that broadcasts to that of l; elements of weight 0 have the loss 0, and count
    denominator        the divisor of a mean: the elements, unless you pass another number, such as the number of rows
                       (PyTorch's "batchmean")

    NumPy computes it in float64, with NumPy's exp and log. Unlike the results of all other functions, the last bits may
    differ between machines. `kl_divergence` of logits has no such limit.

    >>> import numpy as np, pyxent
    >>> round(float(pyxent.kl_div(np.log([[0.5, 0.5]]), np.array([[1.0, 0.0]]), reduction="sum")), 6)
    0.693147
    """
    reductions = reductions_of(reduction, options)
    call = begin_call("binary_cross_entropy", log_probabilities, -1, names=_CALLED)
    call.take_element_targets(present("targets", targets), may_be_labels=False)
    call.take("element_weights", element_weights)
    call.write("losses", losses)
    call.write("gradient", gradient)
    is_log = truth("log_targets", log_targets)

    def compute(_: Any) -> Loss:
        count = call.lead.size
        divisor = reductions.denominator(float(count))
        scale = reductions.scale_over(divisor, "gradient" in call.results)
        call.tell_autograd()
        total = kl_of_elements(call.library, call.arrays, is_log, scale)
        return Loss(reductions.reduce(total, divisor), total, count, count, divisor, **call.results)

    return cast(Loss, call.checked(threads, compute, False))
