# SPDX-License-Identifier: Apache-2.0
"""The softmax and the cross-entropies of `torch.nn.functional`, with gradients for autograd, computed by Xent on the
CPU: import these functions instead of those of PyTorch."""
from __future__ import annotations

import ctypes
import inspect
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensor

import pyxent
from pyxent._linear import linear_gradients_of_saved
from pyxent._losses import CROSS_ENTROPY, of_saved, statistics_of
from pyxent.errors import DTypeError, OptionError, XentError

__all__ = ["cross_entropy", "linear_cross_entropy", "log_softmax", "softmax"]

_NAMES = {"logits": "input", "targets": "target", "class_weights": "weight", "axis": "dim"}
_NAMES_OF_LAYER = {**_NAMES, "hidden": "input", "weights": "linear_weight", "bias": "linear_bias"}


@contextmanager
def _named(names: dict[str, str]) -> Iterator[None]:
    """Replaces argument names in messages by those of PyTorch."""
    try:
        yield
    except (XentError, TypeError) as error:
        text = str(error).replace("targets are", "target has")
        text = re.sub(r"\b[a-z_]+\b", lambda found: names.get(found[0], found[0]), text)
        text = re.sub(r"or dim=(-?\d+)", r"or input.movedim(\1, 1)", text)
        error.args = (text, *error.args[1:])
        raise


def _require(function: str, **tensors: Any) -> None:
    """Rejects values other than dense tensors in main memory."""
    for name, value in tensors.items():
        if value is None:
            continue
        if not isinstance(value, torch.Tensor):
            raise TypeError(f"{name} is of {type(value)}; expected a tensor of PyTorch. pyxent.{function} takes other "
                            f"arrays")
        if value.device.type != "cpu":
            raise TypeError(f"{name} is on the device {value.device}; expected a tensor on the CPU: {name}.cpu(). On "
                            f"other devices call torch.nn.functional.{function}")
        if value.is_nested:
            raise TypeError(f"{name} is a nested tensor; expected a dense one: "
                            f"torch.nested.to_padded_tensor({name}, padding)")
        if value.layout != torch.strided:
            raise TypeError(f"{name} has the layout {value.layout}; expected a dense tensor: {name}.to_dense()")


def _require_constant(**tensors: Any) -> None:
    for name, value in tensors.items():
        if value is not None and value.requires_grad and torch.is_grad_enabled():
            raise TypeError(f"{name} requires its gradient, which is not computed; expected {name}.detach()")


class _Function(torch.autograd.Function):
    """A function with a backward only."""

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        raise NotImplementedError("pyxent.torch has no forward mode; expected backward() or torch.func.grad, or the "
                                  "function of torch.nn.functional")

    @staticmethod
    def vmap(info: Any, dimensions: Any, *arguments: Any) -> Any:
        raise RuntimeError("pyxent.torch has no vmap; expected one call with all rows, or the function of "
                           "torch.nn.functional")


class _Gradient(_Function):
    """A gradient as a node of the graph, which has no second derivative."""

    @staticmethod
    def forward(compute: Any, *arguments: Any) -> Any:
        return compute(*arguments)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *upstreams: Any) -> Any:
        raise RuntimeError("pyxent.torch has no second derivatives; expected a call without create_graph, or the "
                           "function of torch.nn.functional. pyxent.cross_entropy_hvp multiplies by the Hessian")


def _once(compute: Any, *arguments: Any) -> Any:
    """Computes a gradient, as a node if autograd records a graph of it."""
    return _Gradient.apply(compute, *arguments) if torch.is_grad_enabled() else compute(*arguments)


_OPERATORS: dict[Any, Any] = {}  # of functions
_count_modes = torch._C._len_torch_dispatch_stack


def _visible(compute: Any) -> Any:
    """Runs the operator of a function for fake tensors, and in the modes of PyTorch, which see operators alone."""
    @wraps(compute)
    def run(tensor: Any, *others: Any) -> Any:
        if _count_modes() or type(tensor) is FakeTensor:
            return _OPERATORS[compute](tensor, *others)
        return compute(tensor, *others)

    run.__signature__ = inspect.signature(compute)  # type: ignore[attr-defined]  # autograd reads it in each call
    return run


# ---- softmax ------------------------------------------------------------------------------------------------------


@_visible
def _softmax(x: Any, dim: int, log: bool, dtype: Any) -> Any:
    with _named(_NAMES):
        return (pyxent.log_softmax if log else pyxent.softmax)(x, axis=dim, dtype=None if dtype == x.dtype else dtype,
                                                               threads=torch.get_num_threads())


@_visible
def _softmax_gradient(output: Any, upstream: Any, dim: int, log: bool, dtype: Any) -> Any:
    gradient = torch.empty(output.shape, dtype=dtype, device="cpu")
    return (pyxent.log_softmax_backward if log else pyxent.softmax_backward)(
        output, upstream, axis=dim, gradient=gradient, threads=torch.get_num_threads())


class _Softmax(_Function):
    forward = staticmethod(_softmax)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        x, *ctx.options, _ = inputs
        ctx.dtype = x.dtype
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx: Any, upstream: Any, compute: Any = _softmax_gradient) -> Any:
        return _once(compute, *ctx.saved_tensors, upstream, *ctx.options, ctx.dtype), None, None, None


def _softmax_of(function: str, input: Any, dim: int | None, dtype: Any) -> Any:
    _require(function, input=input)
    if dim is None:
        raise TypeError("dim is None; expected the dimension of the classes, such as -1")
    short = input.dtype in (torch.float16, torch.bfloat16)
    if dtype is not None and not (short and dtype == torch.float32):  # Xent writes float32 without a copy of the input
        input = input.to(dtype)
    if not input.is_floating_point():
        raise DTypeError(f"input has the type {input.dtype}; expected floats: input.float(), or dtype=torch.float32")
    to_type = torch.float32 if short and dtype == torch.float32 else input.dtype
    run = _softmax_op if torch.compiler.is_compiling() else _Softmax.apply
    return run(input, dim, function == "log_softmax", to_type)


def softmax(input: torch.Tensor, dim: int | None = None, _stacklevel: int = 3,
            dtype: torch.dtype | None = None) -> torch.Tensor:
    """`torch.nn.functional.softmax`; requires `dim`.

    >>> import torch, pyxent.torch
    >>> x = torch.tensor([[2.0, 1, 0], [0, 3, 1]], requires_grad=True)
    >>> pyxent.torch.softmax(x, dim=-1)[0].detach()
    tensor([0.6652, 0.2447, 0.0900])
    """
    return _softmax_of("softmax", input, dim, dtype)


def log_softmax(input: torch.Tensor, dim: int | None = None, _stacklevel: int = 3,
                dtype: torch.dtype | None = None) -> torch.Tensor:
    """`torch.nn.functional.log_softmax`; requires `dim`."""
    return _softmax_of("log_softmax", input, dim, dtype)


# ---- losses -------------------------------------------------------------------------------------------------------


def _class_dimension(shape: Sequence[int]) -> int:
    return 1 if len(shape) > 1 else 0


def _loss_type(dtype: Any) -> Any:
    return torch.float64 if dtype == torch.float64 else torch.float32


def _returned(result: Any, reduction: str, dtype: Any, saves: bool) -> tuple[Any, Any]:
    """The loss, and bytes for its gradient: the statistics and the denominator."""
    loss = (result.losses if reduction == "none"
            else torch.tensor(result.loss, dtype=_loss_type(dtype), device="cpu"))
    if not saves:
        return loss, torch.empty(0, dtype=torch.uint8, device="cpu")
    divisor = torch.tensor([result.denominator], dtype=torch.float64, device="cpu").view(torch.uint8)
    statistics = torch.frombuffer(statistics_of(result), dtype=torch.uint8)
    return loss, torch.cat([statistics, divisor])


def _size_of_saved(rows: Any) -> Any:
    """The number of bytes that `_returned` saves: the statistics of rows, of one at least, and the denominator."""
    return 64 * max(rows, 1) + 8


def _bytes_of(saved: Any, count: int) -> Any:
    """Saved bytes as a tensor without gaps at an aligned address; hooks of saved tensors return others, if equal."""
    if saved.dtype != torch.uint8 or saved.numel() != count:
        raise DTypeError(f"a hook of saved tensors returned {saved.dtype} {list(saved.shape)}; expected the "
                         f"{count} elements of torch.uint8 that it got")
    saved = saved.contiguous()
    return saved.clone() if saved.data_ptr() % 8 else saved


def _kept(saved: Any) -> tuple[Any, float]:
    """The statistics and the denominator, in the memory of the tensor `saved`."""
    count = saved.numel() - 8
    return ((ctypes.c_char * count).from_address(saved.data_ptr()),
            float(ctypes.c_double.from_address(saved.data_ptr() + count).value))


def _options(target: Any, weight: Any, reduction: str, ignore_index: int, label_smoothing: float) -> dict[str, Any]:
    """The options of a loss, named as in Xent."""
    ignored = None if target.is_floating_point() and ignore_index < 0 else ignore_index
    return dict(class_weights=weight, reduction="sum" if reduction == "none" else reduction, ignore_index=ignored,
                label_smoothing=label_smoothing or None)


_MOST_KEPT = 1 << 20  # elements of a gradient


def _keeps_gradient(x: Any, weight: Any, reduction: str) -> bool:
    """Whether the gradient of a small loss is kept: this is faster than to compute it later.

    Its product with the upstream gradient is rounded again, so 16-bit gradients are not kept.
    """
    return (x.dtype in (torch.float32, torch.float64) and x.numel() <= _MOST_KEPT and reduction != "none"
            and weight is None)


@_visible
def _loss(x: Any, target: Any, weight: Any, reduction: str, ignore_index: int, label_smoothing: float,
          saves: bool) -> tuple[Any, Any]:
    gradient = saves and _keeps_gradient(x, weight, reduction)
    with _named(_NAMES):
        result = pyxent.cross_entropy(
            x, target, axis=_class_dimension(x.shape), losses=reduction == "none" or None, gradient=gradient or None,
            save_statistics=saves and not gradient, threads=torch.get_num_threads(),
            **_options(target, weight, reduction, ignore_index, label_smoothing))
    loss, saved = _returned(result, reduction, x.dtype, saves and not gradient)
    return loss, result.gradient.view(-1).view(torch.uint8) if gradient else saved


@_visible
def _loss_gradient(upstream: Any, x: Any, target: Any, weight: Any, saved: Any, reduction: str, ignore_index: int,
                   label_smoothing: float) -> Any:
    if _keeps_gradient(x, weight, reduction):
        return upstream * _bytes_of(saved, x.nbytes).view(x.dtype).view(x.shape)
    rows = x.select(_class_dimension(x.shape), 0)
    saved = _bytes_of(saved, _size_of_saved(rows.numel()))
    given = dict(_options(target, weight, reduction, ignore_index, label_smoothing), logits=x, targets=target,
                 axis=_class_dimension(x.shape))
    return of_saved(CROSS_ENTROPY, given, *_kept(saved)).gradient(upstream.expand(rows.shape), None, torch.get_num_threads())


class _CrossEntropy(_Function):
    forward = staticmethod(_loss)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        x, target, weight, *ctx.options, _ = inputs
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, target, weight, output[1])

    @staticmethod
    def backward(ctx: Any, upstream: Any, _: Any, compute: Any = _loss_gradient) -> Any:
        gradient = None if upstream is None else _once(compute, upstream, *ctx.saved_tensors, *ctx.options)
        return gradient, None, None, None, None, None, None


def _require_reduction(reduction: str) -> None:
    if reduction not in ("none", "mean", "sum"):
        raise OptionError(f"reduction is {reduction!r}; expected 'none', 'mean' or 'sum'")


def _records(*tensors: Any) -> bool:
    """Whether autograd may request a gradient later."""
    return torch.is_grad_enabled() and any(each is not None and each.requires_grad for each in tensors)


def cross_entropy(input: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None = None,
                  size_average: None = None, ignore_index: int = -100, reduce: None = None, reduction: str = "mean",
                  label_smoothing: float = 0.0) -> torch.Tensor:
    """`torch.nn.functional.cross_entropy` of (C), (N, C) or (N, C, d1, ...), with class indices or probabilities.

    For float16 and bfloat16, the loss is float32. For the gradient of more than 1,048,576 logits, the call keeps 64 bytes
    per row and no probabilities. `size_average` and `reduce`, which PyTorch deprecates, must be None; `weight` and
    `target` get no gradient.

    >>> import torch, pyxent.torch
    >>> x = torch.tensor([[2.0, 1, 0], [0, 3, 1]], requires_grad=True)
    >>> loss = pyxent.torch.cross_entropy(x, torch.tensor([0, -100]))
    >>> loss.backward()
    >>> loss.detach(), x.grad
    (tensor(0.4076), tensor([[-0.3348,  0.2447,  0.0900],
            [ 0.0000,  0.0000,  0.0000]]))
    """
    _require("cross_entropy", input=input, target=target, weight=weight)
    _require_constant(target=target, weight=weight)
    _require_reduction(reduction)
    if size_average is not None or reduce is not None:
        raise TypeError("size_average or reduce is given; expected reduction='none', 'mean' or 'sum' in their place")
    run = _loss_op if torch.compiler.is_compiling() else _CrossEntropy.apply
    return run(input, target, weight, reduction, ignore_index, label_smoothing, _records(input))[0]


@_visible
def _linear(x: Any, layer: Any, bias: Any, target: Any, weight: Any, reduction: str, ignore_index: int,
            label_smoothing: float, saves: bool) -> tuple[Any, Any]:
    with _named(_NAMES_OF_LAYER):
        result = pyxent.linear_cross_entropy(
            x, layer, target, bias=bias, losses=reduction == "none" or None, save_statistics=saves,
            threads=torch.get_num_threads(), **_options(target, weight, reduction, ignore_index, label_smoothing))
    return _returned(result, reduction, x.dtype, saves)


@_visible
def _linear_gradients(upstream: Any, x: Any, layer: Any, bias: Any, target: Any, weight: Any, saved: Any,
                      reduction: str, ignore_index: int, label_smoothing: float,
                      wanted: Sequence[bool]) -> tuple[Any, Any, Any]:
    """Returns the gradients; those that are not needed are empty."""
    rows = x.select(-1, 0)
    saved = _bytes_of(saved, _size_of_saved(rows.numel()))
    given = dict(_options(target, weight, reduction, ignore_index, label_smoothing), hidden=x, weights=layer, bias=bias,
                 targets=target, threads=torch.get_num_threads())
    found = linear_gradients_of_saved(given, upstream.expand(rows.shape), *_kept(saved), wanted)
    made = [torch.empty(0, device="cpu") if each is None else each for each in found]
    return made[0], made[1], made[2]


class _LinearCrossEntropy(_Function):
    forward = staticmethod(_linear)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        x, layer, bias, target, weight, *ctx.options, _ = inputs
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, layer, bias, target, weight, output[1])

    @staticmethod
    def backward(ctx: Any, upstream: Any, _: Any, compute: Any = _linear_gradients) -> Any:
        wanted = list(ctx.needs_input_grad[:3])
        if upstream is None or not any(wanted):
            return (None,) * 9
        found = _once(compute, upstream, *ctx.saved_tensors, *ctx.options, wanted)
        return *(each if asked else None for each, asked in zip(found, wanted)), *(None,) * 6


def linear_cross_entropy(input: torch.Tensor, linear_weight: torch.Tensor, target: torch.Tensor, *,
                         linear_bias: torch.Tensor | None = None, weight: torch.Tensor | None = None,
                         reduction: str = "mean", ignore_index: int | None = None, label_smoothing: float = 0.0,
                         options: Any = None) -> torch.Tensor:
    """`torch.nn.functional.linear_cross_entropy`, without the logits in memory.

    In float64, and for a weight with more than two dimensions, PyTorch computes the logits, which are then in memory.
    `options` has no effect.

    >>> import torch, pyxent.torch
    >>> hidden, layer = torch.ones(2, 3), torch.zeros(4, 3, requires_grad=True)
    >>> pyxent.torch.linear_cross_entropy(hidden, layer, torch.tensor([0, 3])).backward()
    >>> layer.grad[:, 0]
    tensor([-0.2500,  0.2500,  0.2500, -0.2500])
    """
    _require("linear_cross_entropy", input=input, linear_weight=linear_weight, target=target, linear_bias=linear_bias,
             weight=weight)
    _require_constant(target=target, weight=weight)
    _require_reduction(reduction)
    ignored = -100 if ignore_index is None else ignore_index
    if input.dtype == torch.float64 or linear_weight.dim() > 2:
        classes, *inner, features = linear_weight.shape
        logits = torch.nn.functional.linear(input, linear_weight.reshape(-1, features),
                                            None if linear_bias is None else linear_bias.reshape(-1))
        return cross_entropy(logits.reshape(*input.shape[:-1], classes, *inner), target, weight, None, ignored, None,
                             reduction, label_smoothing)
    run = _linear_op if torch.compiler.is_compiling() else _LinearCrossEntropy.apply
    return run(input, linear_weight, linear_bias, target, weight, reduction, ignored, label_smoothing,
               _records(input, linear_weight, linear_bias))[0]


# ---- torch.compile and modes --------------------------------------------------------------------------------------
# The same functions as operators, which the compiler does not trace and which modes such as that of make_fx see. Autograd
# gets them in compilation only, because it does not detect that operators have no forward mode.


def _operator(name: str, compute: Any, arguments: str, shapes: Any) -> Any:
    operator = torch.library.custom_op(f"pyxent::{name}", compute.__wrapped__, mutates_args=(),
                                       device_types="cpu", schema=arguments)
    operator.register_fake(shapes)
    _OPERATORS[compute.__wrapped__] = operator
    return operator


def _differentiable(operator: Any, function: Any, gradient: Any) -> Any:
    operator.register_autograd(partial(function.backward, compute=gradient), setup_context=function.setup_context)
    return operator


def _loss_shapes(rows: Sequence[int], count: int, reduction: str, dtype: Any, saves: bool) -> tuple[Any, Any]:
    return (torch.empty(rows if reduction == "none" else (), dtype=_loss_type(dtype), device="cpu"),
            torch.empty(_size_of_saved(count) if saves else 0, dtype=torch.uint8, device="cpu"))


def _shapes_of_loss(x: Any, target: Any, weight: Any, reduction: str, ignore_index: int, label_smoothing: float,
                    saves: bool) -> tuple[Any, Any]:
    rows = x.select(_class_dimension(x.shape), 0)
    loss, saved = _loss_shapes(rows.shape, rows.numel(), reduction, x.dtype, saves)
    if saves and _keeps_gradient(x, weight, reduction):
        saved = torch.empty(x.numel() * x.dtype.itemsize, dtype=torch.uint8, device="cpu")
    return loss, saved


def _shapes_of_linear(x: Any, layer: Any, bias: Any, target: Any, weight: Any, reduction: str, ignore_index: int,
                      label_smoothing: float, saves: bool) -> tuple[Any, Any]:
    return _loss_shapes(x.shape[:-1], x.select(-1, 0).numel(), reduction, x.dtype, saves)


def _shapes_of_gradients(upstream: Any, x: Any, layer: Any, bias: Any, target: Any, weight: Any, saved: Any,
                         reduction: str, ignore_index: int, label_smoothing: float,
                         wanted: Sequence[bool]) -> tuple[Any, Any, Any]:
    made = [torch.empty(shape if asked else 0, dtype=of.dtype if asked else torch.float32, device="cpu")
            for shape, of, asked in zip((x.shape, layer.shape, layer.shape[:1]), (x, layer, layer), wanted)]
    return made[0], made[1], made[2]


_OF_LOSS = "str reduction, int ignore_index, float label_smoothing"
_softmax_op = _differentiable(
    _operator("softmax", _softmax, "(Tensor x, int dim, bool log, ScalarType dtype) -> Tensor",
              lambda x, dim, log, dtype: torch.empty(x.shape, dtype=dtype, device="cpu")),
    _Softmax, _operator("softmax_gradient", _softmax_gradient,
                        "(Tensor output, Tensor upstream, int dim, bool log, ScalarType dtype) -> Tensor",
                        lambda output, upstream, dim, log, dtype: torch.empty(output.shape, dtype=dtype,
                                                                                              device="cpu")))
_loss_op = _differentiable(
    _operator("cross_entropy", _loss, f"(Tensor x, Tensor target, Tensor? weight, {_OF_LOSS}, bool saves) -> "
              "(Tensor, Tensor)", _shapes_of_loss),
    _CrossEntropy, _operator("cross_entropy_gradient", _loss_gradient, "(Tensor upstream, Tensor x, Tensor target, "
                             f"Tensor? weight, Tensor saved, {_OF_LOSS}) -> Tensor",
                             lambda upstream, x, *_: torch.empty(x.shape, dtype=x.dtype, device="cpu")))
_linear_op = _differentiable(
    _operator("linear_cross_entropy", _linear, "(Tensor x, Tensor layer, Tensor? bias, Tensor target, Tensor? weight, "
              f"{_OF_LOSS}, bool saves) -> (Tensor, Tensor)", _shapes_of_linear),
    _LinearCrossEntropy, _operator("linear_cross_entropy_gradients", _linear_gradients, "(Tensor upstream, Tensor x, "
                                   "Tensor layer, Tensor? bias, Tensor target, Tensor? weight, Tensor saved, "
                                   f"{_OF_LOSS}, bool[] wanted) -> (Tensor, Tensor, Tensor)", _shapes_of_gradients))
