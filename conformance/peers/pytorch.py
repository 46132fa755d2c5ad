# SPDX-License-Identifier: Apache-2.0
"""A call of the grid, computed by PyTorch on one thread."""
import numpy as np
import torch
from torch.nn.functional import cross_entropy

torch.set_num_threads(1)
VERSION = f"PyTorch {torch.__version__}"
TYPES = {"f32": torch.float32, "f64": torch.float64, "f16": torch.float16, "bf16": torch.bfloat16}


def results(call, reduction):
    """(loss, gradient of its sum)"""
    def tensor(values):
        return torch.tensor(values, dtype=torch.float64).to(TYPES[call.type])

    x = tensor(call.logits).requires_grad_()
    target = torch.tensor(call.labels) if call.probabilities is None else tensor(call.probabilities)
    options = {} if call.ignore_index is None else {"ignore_index": call.ignore_index}
    if call.weights is not None:
        options["weight"] = tensor(call.weights)
    loss = cross_entropy(x, target, reduction=reduction, label_smoothing=call.smoothing, **options)
    loss.sum().backward()
    return loss.detach().double().numpy(), x.grad.double().numpy() + np.float64(0)
