# SPDX-License-Identifier: Apache-2.0
"""Softmax, log-softmax and cross-entropy of JAX arrays, with gradients, computed by Xent on the CPU.

They work in `jit`, `grad` and `vmap`. XLA calls Xent through `jax.pure_callback`.
"""
from __future__ import annotations

import inspect
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import pyxent
from pyxent._call import normal_axis
from pyxent._names import unexpected
from pyxent.errors import DTypeError

__all__ = ["cross_entropy", "log_softmax", "softmax"]


def _require_floats(name: str, array: Any) -> Any:
    array = jnp.asarray(array)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise DTypeError(f"{name} has the type {array.dtype}; expected floating-point numbers")
    return array


def _empty(array: Any) -> Any:
    return np.empty(array.shape, array.dtype)


def _from_end(axis: int, name: str, array: Any) -> int:
    """The axis as a negative number, which stays the same if `vmap` adds an axis before the others."""
    shape = array.shape or (1,)
    return normal_axis(axis, name, shape) - len(shape)


def _call(function: Any, results: Any, *arrays: Any) -> Any:
    """Calls a function of NumPy arrays when the arrays have their numbers."""
    return jax.pure_callback(lambda *given: function(*map(np.asarray, given)), results, *arrays,
                             vmap_method="broadcast_all")


def _rows(function: Any, axis: int, *arrays: Any) -> Any:
    """A result in the shape and type of the first array."""
    output = "out" if len(arrays) == 1 else "gradient"
    return _call(lambda *given: function(*given, axis=axis, **{output: _empty(given[0])}),
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


def _losses_and_gradients(options: tuple[tuple[str, Any], ...], logits: Any, targets: Any, gradients: bool) -> Any:
    """The losses, and if requested the gradients of their sum by the logits and by targets that are probabilities."""
    settings = dict(options)
    soft = jnp.issubdtype(targets.dtype, jnp.floating)

    def compute(x: Any, t: Any) -> Any:
        wanted: dict[str, Any] = {}
        if gradients:
            wanted = {"gradient": _empty(x), **({"target_gradient": _empty(t)} if soft else {})}
        result = pyxent.cross_entropy(x, t, reduction="sum", losses=True, **wanted, **settings)
        return (result.losses, *wanted.values())

    axis = settings["axis"] % max(logits.ndim, 1)
    rows = logits.shape[:axis] + logits.shape[axis + 1:]
    kind = jnp.float64 if logits.dtype == jnp.float64 else jnp.float32
    results = [jax.ShapeDtypeStruct(rows, kind)]
    if gradients:
        results += [jax.ShapeDtypeStruct(array.shape, array.dtype) for array in (logits, targets)[:1 + soft]]
    return _call(compute, tuple(results), logits, targets)


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

_OPTIONS = inspect.signature(pyxent.cross_entropy).parameters
_RESULTS = {"reduction", "losses", "gradient", "target_gradient"}


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
    for name in _RESULTS.intersection(options):
        raise TypeError(f"{name} is given to pyxent.jax; expected the losses of the rows, and jax.grad for gradients: "
                        f"cross_entropy(logits, targets).mean()")
    settings = {"axis": _from_end(axis, "logits", logits), **options}
    return _losses(tuple(sorted(settings.items())), logits, targets)
