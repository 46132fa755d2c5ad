#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts how many of PyTorch's own sample inputs Xent's Python package computes, and whether the results agree.

    XENT_LIBRARY=build/libxent.so PYTHONPATH=python/src python3 conformance/peers/pytorch_cases.py [softmax topk ...]

Takes the sample, reference and noncontiguous inputs of the OpInfo entries of the installed PyTorch, and its ModuleInfo
inputs, in four types. Compares results, and gradients of the losses, with those of PyTorch in float64. Needs torch,
expecttest and pytest. Exits with 1 if a result differs by more than its type explains.
"""
import sys
import warnings
from collections import Counter
from functools import partial
from inspect import signature

import torch
import torch.nn.functional as F
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.common_modules import module_db

import pyxent
from public_cases import reason_of

NEAR = {torch.float64: 1e-9, torch.float32: 3e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}


# ---- PyTorch's calls, by Xent -------------------------------------------------------------------------------------


def softmax(x, dim=None, _stacklevel=3, dtype=None, *, mask=None, function=pyxent.softmax, sign=1, **options):
    if dim is None:  # as PyTorch chooses it
        dim = 0 if x.ndim in (0, 1, 3) else 1
    dtype = None if dtype is None else str(dtype).removeprefix("torch.")
    return [function(x * sign, axis=dim, dtype=dtype, class_mask=mask, **options)]


def log_sum_exp(x, dim=None, keepdim=False, *, mask=None):
    axis = None if dim == () else dim
    return [pyxent.log_sum_exp(x, axis=axis, keepdims=keepdim, class_mask=mask, fully_masked="zero")]


def softmax_backward(upstream, output, dim, input_dtype):
    return [pyxent.softmax_backward(output, upstream, axis=dim)]


def argmax(x, dim=None, keepdim=False):
    return [pyxent.argmax(x, axis=dim, keepdims=keepdim)]


def top_k(x, k, dim=-1, largest=True, sorted=True):
    """The largest logits. The classes are not compared, because PyTorch orders the classes of equal logits
    arbitrarily."""
    classes = torch.as_tensor(pyxent.top_k(x if largest else -x, k, axis=dim).classes).long()
    return [x.gather(dim, classes) if x.ndim else x[None][classes]]


def results(loss, reduction, *gradients):
    return [loss.losses if reduction == "none" else torch.tensor(loss.loss, dtype=torch.float64), *gradients]


def reduction_of(size_average, reduce, reduction):
    """PyTorch's, or its older arguments'."""
    if size_average is None and reduce is None:
        return reduction
    return "none" if reduce is False else "sum" if size_average is False else "mean"


def asked(reduction):
    return dict(losses=True, reduction="mean" if reduction in ("mean", "batchmean") else "sum")


def rows_of(probabilities, classes, reduction):
    """The divisor of PyTorch's mean: with probability rows the number of rows, regardless of their weights."""
    return max(1, probabilities.numel() // classes) if reduction == "mean" else None


def of_weights(loss, weight, reduction):
    """The loss with class weights, of which PyTorch's samples have negative ones: that of the positive ones minus that of
    the others."""
    if weight is None or not (weight < 0).any():
        found = loss(class_weights=weight, gradient=True, **asked(reduction))
        return results(found, reduction, found.gradient)
    above, below = (loss(class_weights=part, gradient=True, **asked("sum")) for part in (weight.clamp(min=0), (-weight).clamp(min=0)))
    divisor = above.denominator - below.denominator if reduction == "mean" else 1
    return [above.losses - below.losses if reduction == "none" else torch.tensor((above.sum - below.sum) / divisor),
            (above.gradient.double() - below.gradient.double()) / divisor]


def cross_entropy(x, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean",
                  label_smoothing=0.0):
    reduction, axis = reduction_of(size_average, reduce, reduction), min(1, x.ndim - 1)
    kind = dict(denominator=rows_of(target, x.shape[axis], reduction)) if target.is_floating_point() else dict(
        ignore_index=ignore_index)
    return of_weights(partial(pyxent.cross_entropy, x, target, axis=axis, label_smoothing=label_smoothing, **kind), weight,
                      reduction)


def nll_loss(x, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean"):
    reduction = reduction_of(size_average, reduce, reduction)
    return of_weights(partial(pyxent.nll_loss, x, target, axis=min(1, x.ndim - 1), ignore_index=ignore_index), weight,
                      reduction)


def kl_div(x, target, size_average=None, reduce=None, reduction="mean", log_target=False):
    reduction = reduction_of(size_average, reduce, reduction)
    loss = pyxent.kl_div(x, target.broadcast_to(x.shape), log_targets=log_target, gradient=True,
                         denominator=x.shape[0] if reduction == "batchmean" and x.ndim else None, **asked(reduction))
    return results(loss, reduction, loss.gradient)


def binary_cross_entropy(x, target, weight=None, size_average=None, reduce=None, reduction="mean", pos_weight=None):
    reduction = reduction_of(size_average, reduce, reduction)
    loss = pyxent.binary_cross_entropy(
        x, target, element_weights=weight, positive_weights=pos_weight, gradient=True,
        denominator=rows_of(x, 1, reduction), **asked(reduction))
    return results(loss, reduction, loss.gradient)


def linear_cross_entropy(hidden, weights, target, linear_bias=None, weight=None, ignore_index=-100, reduction="mean",
                         label_smoothing=0.0, options=None):
    kind = dict(denominator=rows_of(target, weights.shape[0], reduction)) if target.is_floating_point() else dict(
        ignore_index=ignore_index)
    loss = pyxent.linear_cross_entropy(
        hidden, weights, target, bias=linear_bias, class_weights=weight, label_smoothing=label_smoothing,
        hidden_gradient=True, weights_gradient=True, **kind, **asked(reduction))
    return results(loss, reduction, loss.hidden_gradient, loss.weights_gradient)


log_softmax, softmin = partial(softmax, function=pyxent.log_softmax), partial(softmax, sign=-1)
OPERATIONS = {
    "softmax": softmax, "log_softmax": log_softmax, "nn.functional.softmin": softmin, "masked.softmax": softmax,
    "masked.log_softmax": log_softmax, "masked.softmin": softmin, "logsumexp": log_sum_exp,
    "masked.logsumexp": log_sum_exp, "_softmax_backward_data": softmax_backward, "argmax": argmax, "topk": top_k,
    "torch.ops.aten._safe_softmax.default": partial(softmax, fully_masked="zero"),
    "nn.functional.cross_entropy": cross_entropy, "nn.functional.nll_loss": nll_loss, "nn.functional.kl_div": kl_div,
    "nn.functional.binary_cross_entropy_with_logits": binary_cross_entropy,
    "nn.functional.linear_cross_entropy": linear_cross_entropy}
MODULES = {
    "Softmax": (softmax, F.softmax), "Softmax2d": (partial(softmax, dim=-3), partial(F.softmax, dim=-3)),
    "LogSoftmax": (log_softmax, F.log_softmax), "Softmin": (softmin, F.softmin),
    "CrossEntropyLoss": (cross_entropy, F.cross_entropy), "NLLLoss": (nll_loss, F.nll_loss),
    "KLDivLoss": (kl_div, F.kl_div),
    "BCEWithLogitsLoss": (binary_cross_entropy, F.binary_cross_entropy_with_logits)}


# ---- comparison with PyTorch ---------------------------------------------------------------------------------------


def widened(value):
    return value.detach().double() if isinstance(value, torch.Tensor) and value.is_floating_point() else value


def expected(operation, x, arguments, options, differentiated):
    """PyTorch's results for the same numbers in float64, and the gradients of their sum that are compared."""
    arguments = [widened(each) for each in (x, *arguments)]
    options = {name: widened(value) for name, value in options.items() if name not in ("dtype", "options")}
    leaves = [each.requires_grad_() for each in arguments[:differentiated]]
    found = operation(*arguments, **options)
    found = getattr(found, "values", found) if isinstance(found, tuple) else found
    if not leaves:
        return [found]
    found.sum().backward()
    return [found.detach(), *(leaf.grad for leaf in leaves)]


def is_equal(ours, theirs, near):
    ours = torch.as_tensor(ours)
    return ours.shape == theirs.shape and torch.allclose(ours.double(), theirs.double(), rtol=near, atol=near,
                                                         equal_nan=True)


class Counts:
    def __init__(self):
        self.counts, self.reasons = Counter(), Counter()

    def compare(self, group, ours, theirs, x, arguments, options):
        try:
            found = ours(x, *arguments, **options)
        except Exception as error:  # calls that cannot be computed are counted
            self.counts[group, "not computed"] += 1
            self.reasons[group, reason_of(error)] += 1
            return
        wanted = expected(theirs, x, arguments, options, len(found) - 1)
        near = max(NEAR[x.dtype], NEAR.get(options.get("dtype"), 0))
        differing = [(a, b) for a, b in zip(found, wanted, strict=True) if not is_equal(a, b, near)]
        self.counts[group, "different" if differing else "equal"] += 1
        if differing:
            a, b = (torch.as_tensor(each).double().flatten() for each in differing[0])
            at = 0 if a.shape != b.shape else (a - b).abs().nan_to_num(torch.inf).argmax().item()
            self.reasons[group, f"{a[at]} for {b[at]}"] += 1

    def report(self):
        for group in sorted({group for group, _ in self.counts}):
            print(f"PyTorch {group:62}", *(f"{kind} {self.counts[group, kind]:<4}" for kind in (
                "equal", "different", "not computed") if self.counts[group, kind]))
        for (group, reason), count in sorted(self.reasons.items()):
            print(f"PyTorch   {group}: {count} x {reason}")
        for kind in "equal", "different", "not computed":
            print(f"PyTorch {sum(count for (_, each), count in self.counts.items() if each == kind)} {kind}")
        return any(kind == "different" for _, kind in self.counts)


def inputs_of(operation, dtype):
    yield "", operation.sample_inputs("cpu", dtype)
    yield ", noncontiguous", (each.noncontiguous() for each in operation.sample_inputs("cpu", dtype))
    if operation.reference_inputs_func:
        yield ", reference", operation.reference_inputs("cpu", dtype)


def count_operations(counts, names):
    for operation in op_db:
        if operation.name not in names:
            continue
        name = ".".join(filter(None, (operation.name, operation.variant_test_name)))
        for dtype in NEAR.keys() & set(operation.dtypes):
            for kind, inputs in inputs_of(operation, dtype):
                for each in inputs:
                    counts.compare(name + kind, OPERATIONS[operation.name], operation, each.input, each.args,
                                   each.kwargs)


def count_modules(counts, names):
    for module in module_db:
        name = module.name.removeprefix("nn.")
        if name not in names:
            continue
        ours, theirs = MODULES[name]
        for dtype in NEAR:
            for each in module.module_inputs_func(module, "cpu", dtype, False, False):
                made, (x, *arguments) = each.constructor_input, each.forward_input.args
                of_constructor = dict(zip(signature(module.module_cls).parameters, made.args)) | made.kwargs
                counts.compare(f"nn.{name}", ours, theirs, x, arguments, of_constructor)


def main():
    warnings.simplefilter("ignore")
    counts, names = Counts(), sys.argv[1:] or [*OPERATIONS, *MODULES]
    count_operations(counts, names)
    count_modules(counts, names)
    return counts.report()


if __name__ == "__main__":
    sys.exit(main())
