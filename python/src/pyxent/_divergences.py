# SPDX-License-Identifier: Apache-2.0
"""Divergences of logits, and losses of log-probabilities."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from pyxent._call import Checked
from pyxent._check import Given, How, Row, check
from pyxent._losses import OF_LOSS, count_rows
from pyxent._options import truth
from pyxent._plans import operation
from pyxent._results import Loss
from pyxent._rows import kl_of_elements, nll_of_rows
from pyxent._types import ArrayLike, DivergenceOptions, Output, Reduction, ReductionOptions, Small

if TYPE_CHECKING:
    from typing_extensions import Unpack


@operation(check, Row("kl_divergence", OF_LOSS))
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


@operation(check, Row("jensen_shannon_divergence", OF_LOSS))
def jensen_shannon_divergence(logits: ArrayLike, teacher: ArrayLike, *, axis: int = -1, reduction: Reduction = "mean",
                              gradient: Output = None, losses: Output = None,
                              **options: Unpack[DivergenceOptions]) -> Loss:
    """The mean of the divergences of p and of q from `m = (p + q) / 2`; otherwise as `kl_divergence`.

    >>> import numpy as np, pyxent
    >>> round(float(pyxent.jensen_shannon_divergence(np.zeros((1, 2)), np.log([[0.9, 0.1]]))), 6)
    0.101749
    """


@operation(check, Row("total_variation", OF_LOSS))
def total_variation(logits: ArrayLike, teacher: ArrayLike, *, axis: int = -1, reduction: Reduction = "mean",
                    gradient: Output = None, losses: Output = None, **options: Unpack[DivergenceOptions]) -> Loss:
    """`sum |p - q| / 2`; otherwise as `kl_divergence`.

    >>> import numpy as np, pyxent
    >>> round(float(pyxent.total_variation(np.zeros((1, 2)), np.log([[0.9, 0.1]]))), 6)
    0.4
    """


_CALLED = {"logits": "log_probabilities"}


def _reduced(how: How, call: Any, counted: int, divisor: float, compute: Callable[[float], float]) -> Loss:
    """The loss that NumPy computes with the scale of its gradient."""
    assert how.reductions
    divisor = how.reductions.denominator(divisor)
    scale = how.reductions.scale_over(divisor, "gradient" in call.results)
    call.tell_autograd()
    total = compute(scale)
    return Loss(how.reductions.reduce(total, divisor), total, call.units, counted, divisor, **call.results)


def _of_labels(how: How, call: Any) -> Loss:
    counted, weights = count_rows(how.function, call)
    ignored = call.options.ignore_index if call.options.has_ignore_index else None
    return _reduced(how, call, counted, call.library.exact_sum_value(weights) if weights else float(counted),
                    lambda scale: nll_of_rows(call.library, call.arrays, call.axis, ignored, scale))


@operation(check, Row("cross_entropy", _of_labels, names=_CALLED, is_repeatable=False,
                      targets=lambda call, given: call.take_labels(given["targets"])))
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


def _check_kl(row: Row, given: Given) -> Checked:
    return check(row._replace(result=partial(_of_elements, truth("log_targets", given["log_targets"]))), given)


def _of_elements(is_log: bool, how: How, call: Any) -> Loss:
    return _reduced(how, call, call.units, float(call.units),
                    lambda scale: kl_of_elements(call.library, call.arrays, is_log, scale))


@operation(_check_kl, Row("binary_cross_entropy", partial(_of_elements, False), names=_CALLED, is_repeatable=False,
                          targets=lambda call, given: call.take_element_targets(given["targets"], may_be_labels=False)))
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
