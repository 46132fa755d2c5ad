# SPDX-License-Identifier: Apache-2.0
"""Binary cross-entropy."""
from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, cast

from pyxent._arrays import Array
from pyxent._begin import begin_call, present
from pyxent._losses import loss_of, reductions_of
from pyxent._plans import operation
from pyxent._results import Loss
from pyxent._types import ArrayLike, Output, Reduction, ReductionOptions, Small
from pyxent.errors import OptionError

if TYPE_CHECKING:
    from typing_extensions import Unpack


@operation
def binary_cross_entropy(logits: ArrayLike, targets: ArrayLike, *, axis: int = -1, reduction: Reduction = "mean",
                         gradient: Output = None, losses: Output = None, element_weights: Small = None,
                         positive_weights: Small = None, ignore_index: int | None = None, focal_gamma: float | None = None,
                         focal_alpha: float | None = None, threads: int | None = None,
                         **options: Unpack[ReductionOptions]) -> Loss:
    """`loss = w a (r t softplus(-x) + (1 - t) softplus(x)) m^gamma` of every element on its own, reduced, and its
    gradient.

    targets           t: labels 0 and 1 (integers or booleans), or numbers from 0 to 1, in the shape of the logits
    element_weights   w, in a shape that broadcasts to that of the logits, or one per index of `axis`; elements with 0
                      or False are ignored
    positive_weights  r, in such a shape too (PyTorch's `pos_weight`)
    focal_gamma, focal_alpha  of the focal loss, with m the probability of the wrong label and a = alpha t +
                              (1 - alpha)(1 - t)

    Otherwise as `cross_entropy`.

    >>> import numpy as np, pyxent
    >>> round(float(pyxent.binary_cross_entropy(np.zeros(3), np.array([0, 1, 1]))), 6)
    0.693147
    """
    reductions = reductions_of(reduction, options)
    call = begin_call("binary_cross_entropy", logits, axis, ignore_index=ignore_index, focal_gamma=focal_gamma,
                      focal_alpha=focal_alpha)
    labels = call.take_element_targets(present("targets", targets))
    if ignore_index is not None and not labels:
        raise OptionError(f"ignore_index is {ignore_index}, targets are numbers {call.arrays['targets']}; expected "
                          f"labels of an integer type, or weights of 0, or leave ignore_index out")
    call.take("element_weights", element_weights)
    call.take("positive_weights", positive_weights)
    if focal_alpha is not None and not focal_alpha:  # positive labels have weight 0; the core takes no alpha of 0
        if not labels:
            raise OptionError(f"focal_alpha is {focal_alpha}, targets are numbers {call.arrays['targets']}; expected "
                              f"labels of an integer type")
        zero = ctypes.c_float()
        call.take("positive_weights", Array(ctypes.addressof(zero), "F32", (), (), True, zero))
    return cast(Loss, loss_of(Loss, "binary_cross_entropy", call, reductions, gradient, {"losses": losses}, threads))
