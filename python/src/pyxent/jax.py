# SPDX-License-Identifier: Apache-2.0
"""Softmax, log-softmax and cross-entropy of JAX arrays, with gradients, computed by Xent on the CPU.

They work in `jit`, `grad`, `vmap` and `shard_map`. XLA lends its memory to Xent through JAX's `buffer_callback`. Arrays
of `jax.pure_callback` would have to be copied by threads that may all wait in such callbacks.
"""
from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.buffer_callback import buffer_callback

import pyxent
from pyxent._call import normal_axis
from pyxent._names import parameters_of, unexpected
from pyxent.errors import DTypeError

__all__ = ["cross_entropy", "log_softmax", "softmax"]


def _require_floats(name: str, array: Any) -> Any:
    array = jnp.asarray(array)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise DTypeError(f"{name} has the type {array.dtype}; expected floating-point numbers")
    return array


def _from_end(axis: int, name: str, array: Any) -> int:
    """The axis as a negative number, which stays the same if `vmap` adds an axis before the others."""
    shape = array.shape or (1,)
    return normal_axis(axis, name, shape) - len(shape)


def _varying(array: Any) -> frozenset[Any]:
    """The axes of the mesh of `shard_map` along which the contents of an array differ."""
    kind = jax.typeof(array)
    axes: frozenset[Any] = kind.manual_axis_type.varying if hasattr(kind, "manual_axis_type") else kind.vma
    return axes


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _call(compute: Any, results: Any, *arrays: Any) -> Any:
    """Calls `compute` with the memory of the results and of the arrays, as NumPy arrays, when XLA has the contents.

    JAX compiles once for equal callbacks, so `compute` has to be equal in each call.
    """
    varying = frozenset[Any]().union(*map(_varying, arrays))
    made = buffer_callback(compute, results, vmap_method="broadcast_all")(*arrays)
    return jax.tree.map(lambda each: jax.lax.pcast(each, tuple(varying - _varying(each)), to="varying"), made)


@_call.defjvp
def _no_derivative(compute: Any, results: Any, primals: Any, tangents: Any) -> Any:
    raise NotImplementedError("pyxent.jax has no second derivatives; expected jax.grad of a function without gradients, "
                              "or the functions of jax.nn and Optax. pyxent.cross_entropy_hvp multiplies by the Hessian")


@dataclass(frozen=True)
class _Rows:
    """Computes a result in the shape and type of its first input."""

    function: Any
    axis: int
    output: str

    def __call__(self, context: Any, result: Any, *inputs: Any) -> None:
        self.function(*map(np.asarray, inputs), axis=self.axis, **{self.output: np.asarray(result)})


def _rows(function: Any, axis: int, *arrays: Any) -> Any:
    """A result in the shape and type of the first array."""
    return _call(_Rows(function, axis, "out" if len(arrays) == 1 else "gradient"),
                 jax.ShapeDtypeStruct(arrays[0].shape, arrays[0].dtype), *arrays)


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _probabilities(functions: tuple[Any, Any], axis: int, x: Any) -> Any:
    return _rows(functions[0], axis, x)


def _probabilities_forward(functions: tuple[Any, Any], axis: int, x: Any) -> tuple[Any, Any]:
    y = _rows(functions[0], axis, x)
    return y, y


def _probabilities_backward(functions: tuple[Any, Any], axis: int, y: Any, upstream: Any) -> tuple[Any]:
    return (_rows(functions[1], axis, y, upstream),)


_probabilities.defvjp(_probabilities_forward, _probabilities_backward)


def softmax(x: Any, axis: int = -1) -> Any:
    """Returns the probabilities, like `jax.nn.softmax`, in the type of `x`.

    >>> import jax, jax.numpy as jnp
    >>> from pyxent.jax import softmax
    >>> jax.jit(softmax)(jnp.zeros((1, 4)))
    Array([[0.25, 0.25, 0.25, 0.25]], dtype=float32)
    """
    x = _require_floats("x", x)
    return _probabilities((pyxent.softmax, pyxent.softmax_backward), _from_end(axis, "x", x), x)


def log_softmax(x: Any, axis: int = -1) -> Any:
    """Returns the log-probabilities, like `jax.nn.log_softmax`, in the type of `x`."""
    x = _require_floats("x", x)
    return _probabilities((pyxent.log_softmax, pyxent.log_softmax_backward), _from_end(axis, "x", x), x)


@dataclass(frozen=True)
class _Losses:
    """Computes the losses, and the gradients for which there are results."""

    options: tuple[tuple[str, Any], ...]

    def __call__(self, context: Any, results: Any, logits: Any, targets: Any) -> None:
        outputs: dict[str, Any] = dict(zip(("losses", "gradient", "target_gradient"), map(np.asarray, results)))
        pyxent.cross_entropy(np.asarray(logits), np.asarray(targets), reduction="sum", **outputs, **dict(self.options))


def _losses_and_gradients(options: tuple[tuple[str, Any], ...], logits: Any, targets: Any, gradients: bool) -> Any:
    """The losses, and if requested the gradients of their sum by the logits and by targets that are probabilities."""
    settings = dict(options)
    axis = settings["axis"] % max(logits.ndim, 1)
    rows = logits.shape[:axis] + logits.shape[axis + 1:]
    kind = jnp.float64 if logits.dtype == jnp.float64 else jnp.float32
    results = [jax.ShapeDtypeStruct(rows, kind)]
    if gradients:
        differentiable = (logits, targets) if jnp.issubdtype(targets.dtype, jnp.floating) else (logits,)
        results += [jax.ShapeDtypeStruct(array.shape, array.dtype) for array in differentiable]
    return _call(_Losses(options), tuple(results), logits, targets)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _losses(options: tuple[tuple[str, Any], ...], logits: Any, targets: Any) -> Any:
    return _losses_and_gradients(options, logits, targets, gradients=False)[0]


def _losses_forward(options: tuple[tuple[str, Any], ...], logits: Any, targets: Any) -> tuple[Any, Any]:
    losses, *gradients = _losses_and_gradients(options, logits, targets, gradients=True)
    return losses, gradients


def _losses_backward(options: tuple[tuple[str, Any], ...], gradients: Any, upstream: Any) -> tuple[Any, Any]:
    factors = jnp.expand_dims(upstream, dict(options)["axis"])
    products = [(factors * gradient).astype(gradient.dtype).reshape(gradient.shape) for gradient in gradients]
    return products[0], products[1] if len(products) > 1 else None


_losses.defvjp(_losses_forward, _losses_backward)

_OPTIONS = parameters_of(pyxent.cross_entropy)
_TAKEN = {"ignore_index", "label_smoothing", "smoothing", "temperature", "softcap", "z_loss", "probability_clamp",
          "focal_gamma", "fully_masked", "threads"}


def cross_entropy(logits: Any, targets: Any, axis: int = -1, **options: Any) -> Any:
    """Returns the loss of each row, like Optax's softmax_cross_entropy_with_integer_labels and softmax_cross_entropy.

    logits   float16, bfloat16, float32 or float64; the classes are along `axis`
    targets  integer labels in the shape of the logits without the axis, or probabilities in their shape
    options  numbers of `pyxent.cross_entropy`, such as `label_smoothing=0.1` or `ignore_index=-100`

    The losses are float64 for float64 logits, else float32. Gradients are those of logits and of probabilities.

    >>> import jax, jax.numpy as jnp
    >>> from pyxent.jax import cross_entropy
    >>> logits, labels = jnp.array([[2., 1, 0], [0, 3, 1]]), jnp.array([0, 1])
    >>> jax.jit(jax.value_and_grad(lambda x: cross_entropy(x, labels).mean()))(logits)[0]
    Array(0.28872597, dtype=float32)
    """
    logits, targets = _require_floats("logits", logits), jnp.asarray(targets)
    if unknown := {name: value for name, value in options.items() if name not in _OPTIONS}:
        raise unexpected(pyxent.cross_entropy, unknown)
    for name in options.keys() - _TAKEN:
        raise TypeError(f"{name} is given to pyxent.jax; expected the losses of the rows, and jax.grad for gradients: "
                        f"cross_entropy(logits, targets).mean()")
    settings = {"axis": _from_end(axis, "logits", logits), **options}
    return _losses(tuple(sorted(settings.items())), logits, targets)
