# SPDX-License-Identifier: Apache-2.0
"""Binary cross-entropy."""
from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

from pyxent._arrays import Array
from pyxent._call import Call
from pyxent._check import Given, Row, check
from pyxent._losses import OF_LOSS
from pyxent._plans import operation
from pyxent._results import Loss
from pyxent._types import ArrayLike, Output, Reduction, ReductionOptions, Small
from pyxent.errors import OptionError

if TYPE_CHECKING:
    from typing_extensions import Unpack


def _take_targets(call: Call, given: Given) -> None:
    labels, targets = call.take_element_targets(given["targets"]), call.arrays["targets"]
    if labels:
        return
    if given["ignore_index"] is not None:
        raise OptionError(f"ignore_index is {given['ignore_index']}, targets are numbers {targets}; expected labels of an "
                          f"integer type, or weights of 0, or leave ignore_index out")
    if given["focal_alpha"] is not None and not given["focal_alpha"]:
        raise OptionError(f"focal_alpha is {given['focal_alpha']}, targets are numbers {targets}; expected labels of an integer "
                          f"type")


def _ready(call: Call, given: Given) -> None:
    if given["focal_alpha"] is not None and not given["focal_alpha"]:  # no positive label counts; the core takes no alpha of 0
        zero = ctypes.c_float()
        call.take("positive_weights", Array(ctypes.addressof(zero), "F32", (), (), True, zero))


@operation(check, Row("binary_cross_entropy", OF_LOSS, targets=_take_targets, ready=_ready))
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
