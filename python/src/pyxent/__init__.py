# SPDX-License-Identifier: Apache-2.0
"""Softmax, log-softmax, cross-entropy and related functions, in place on the memory of NumPy, PyTorch, JAX, Arrow and
others, with the same bits as Xent's Java and C."""
from pyxent._arrays import bfloat16
from pyxent._operations import (LinearGradients, LinearLoss, Loss, Sample, Selected, TopK, argmax, binary_cross_entropy,
                                binary_cross_entropy_hvp, cross_entropy, cross_entropy_hvp, divergence, entropy,
                                isas, kl_div, linear_cross_entropy, log_softmax, log_softmax_backward, log_sum_exp,
                                nll_loss, numerics_version, sample, selected_log_probabilities, softmax,
                                softmax_backward, top_k)
from pyxent._plans import bind
from pyxent._sampler import Sampler, SamplerCursor
from pyxent.errors import (ArrayMemoryError, DTypeError, LabelError, NativeLibraryError, EmptyMeanError, NoTokenError,
                           OptionError, ShapeError, XentError)

__version__ = "0.1.0.dev0"

__all__ = [
    "ArrayMemoryError", "DTypeError", "LabelError", "LinearGradients", "LinearLoss", "Loss", "NativeLibraryError",
    "EmptyMeanError", "NoTokenError", "OptionError", "Sample", "Sampler", "SamplerCursor", "Selected", "ShapeError", "TopK", "XentError",
    "argmax", "bfloat16", "binary_cross_entropy", "binary_cross_entropy_hvp", "bind", "cross_entropy", "cross_entropy_hvp", "divergence",
    "entropy", "isas", "kl_div", "linear_cross_entropy", "log_softmax", "log_softmax_backward", "log_sum_exp",
    "nll_loss", "numerics_version", "sample", "selected_log_probabilities", "softmax", "softmax_backward", "top_k"]
