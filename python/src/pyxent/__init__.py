# SPDX-License-Identifier: Apache-2.0
"""Softmax, log-softmax, cross-entropy and related functions, in place on the memory of NumPy, PyTorch, JAX, Arrow and
others, with the same bits as Xent's Java and C."""
from pyxent._arrays import bfloat16
from pyxent._binary import binary_cross_entropy
from pyxent._classes import selected_log_probabilities, top_k
from pyxent._divergences import jensen_shannon_divergence, kl_div, kl_divergence, nll_loss, total_variation
from pyxent._hessians import cross_entropy_hvp
from pyxent._linear import linear_cross_entropy
from pyxent._losses import cross_entropy
from pyxent._native import isas, numerics_version
from pyxent._plans import bind
from pyxent._results import LinearGradients, LinearLoss, Loss, Sample, Selected, TopK
from pyxent._sample import sample
from pyxent._sampler import Sampler, SamplerCursor
from pyxent._sigmoid import log_sigmoid, log_sigmoid_backward, sigmoid, sigmoid_backward
from pyxent._softmax import argmax, entropy, log_softmax, log_softmax_backward, log_sum_exp, softmax, softmax_backward
from pyxent.errors import (ArrayMemoryError, DTypeError, LabelError, NativeLibraryError, EmptyMeanError, NoTokenError,
                           OptionError, ShapeError, XentError)

__version__ = "0.1.0.dev0"

__all__ = [
    "ArrayMemoryError", "DTypeError", "LabelError", "LinearGradients", "LinearLoss", "Loss", "NativeLibraryError",
    "EmptyMeanError", "NoTokenError", "OptionError", "Sample", "Sampler", "SamplerCursor", "Selected", "ShapeError",
    "TopK", "XentError",
    "argmax", "bfloat16", "binary_cross_entropy", "bind", "cross_entropy", "cross_entropy_hvp", "entropy", "isas",
    "jensen_shannon_divergence", "kl_div", "kl_divergence", "linear_cross_entropy", "log_sigmoid",
    "log_sigmoid_backward", "log_softmax", "log_softmax_backward", "log_sum_exp", "nll_loss", "numerics_version",
    "sample", "selected_log_probabilities", "sigmoid", "sigmoid_backward", "softmax", "softmax_backward", "top_k",
    "total_variation"]

_NOW = {"divergence": "kl_divergence, jensen_shannon_divergence or total_variation",
        "binary_cross_entropy_hvp": "softmax of [x, 0] for p, and v p (1 - p)"}


def __getattr__(name: str) -> object:
    now = f"; expected {_NOW[name]}" if name in _NOW else ""
    raise AttributeError(f"module 'pyxent' has no attribute {name!r}{now}")
