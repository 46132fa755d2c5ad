# SPDX-License-Identifier: Apache-2.0
"""Softmax, log-softmax, cross-entropy and related functions, in place on the memory of NumPy, PyTorch, JAX, Arrow and
others, with the same bits as Xent's Java and C."""
from pyxent._arrays import bfloat16
from pyxent._binary import binary_cross_entropy
from pyxent._classes import argmax, entropy, selected_log_probabilities, top_k
from pyxent._divergences import divergence, kl_div, nll_loss
from pyxent._hessians import binary_cross_entropy_hvp, cross_entropy_hvp
from pyxent._linear import linear_cross_entropy
from pyxent._losses import cross_entropy
from pyxent._native import isas, numerics_version
from pyxent._plans import bind
from pyxent._results import LinearGradients, LinearLoss, Loss, Sample, Selected, TopK
from pyxent._sample import sample
from pyxent._sampler import Sampler, SamplerCursor
from pyxent._softmax import log_softmax, log_softmax_backward, log_sum_exp, softmax, softmax_backward
from pyxent.errors import (ArrayMemoryError, DTypeError, LabelError, NativeLibraryError, EmptyMeanError, NoTokenError,
                           OptionError, ShapeError, XentError)

__version__ = "0.1.0.dev0"

__all__ = [
    "ArrayMemoryError", "DTypeError", "LabelError", "LinearGradients", "LinearLoss", "Loss", "NativeLibraryError",
    "EmptyMeanError", "NoTokenError", "OptionError", "Sample", "Sampler", "SamplerCursor", "Selected", "ShapeError", "TopK", "XentError",
    "argmax", "bfloat16", "binary_cross_entropy", "binary_cross_entropy_hvp", "bind", "cross_entropy", "cross_entropy_hvp", "divergence",
    "entropy", "isas", "kl_div", "linear_cross_entropy", "log_softmax", "log_softmax_backward", "log_sum_exp",
    "nll_loss", "numerics_version", "sample", "selected_log_probabilities", "softmax", "softmax_backward", "top_k"]
