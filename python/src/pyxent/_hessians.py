# SPDX-License-Identifier: Apache-2.0
"""Products of Hessians with vectors."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from pyxent._arrays import NAME, array_of
from pyxent._begin import as_doubles, begin_call, needed, present
from pyxent._binary import binary_cross_entropy
from pyxent._call import ELEMENTS, Bound
from pyxent._losses import cross_entropy
from pyxent._options import Reductions
from pyxent._plans import operation
from pyxent._rows import (beside_zero, copied, doubles_of, is_binary, labels_like, losses_of_others, row_factors,
                          second_derivatives, signed_along, write_products)
from pyxent._softmax import softmax
from pyxent._types import Small, ArrayLike, DType, FullyMasked, Input, Isa, Number, Out, Output, Own, Product, Reduction
from pyxent.errors import DTypeError, OptionError

if TYPE_CHECKING:
    from typing_extensions import Unpack


@overload
def cross_entropy_hvp(logits: Own, upstream: ArrayLike, *, out: Literal[True] | None = None,
                      dtype: None = None, **options: Unpack[Product]) -> Own: ...
@overload
def cross_entropy_hvp(logits: ArrayLike, upstream: ArrayLike, *, out: Out, dtype: DType | None = None,
                      **options: Unpack[Product]) -> Out: ...
@overload
def cross_entropy_hvp(logits: ArrayLike, upstream: ArrayLike, *, out: Literal[True] | None = None,
                      dtype: DType | None = None, **options: Unpack[Product]) -> Any: ...
@operation
def cross_entropy_hvp(logits: ArrayLike, upstream: ArrayLike, *, axis: int = -1, out: Output = None,
                      targets: Input = None, class_weights: Small = None, label_smoothing: float | None = None,
                      ignore_index: int | None = None, reduction: Reduction = "sum", denominator: float | None = None,
                      row_weights: Small = None, temperature: Number | None = None, gradient_scale: float | None = None,
                      class_mask: Small = None, sink: Small = None, row_offsets: Input = None,
                      fully_masked: FullyMasked = "nan", dtype: DType | None = None, isa: Isa = "best",
                      threads: int | None = None) -> Any:
    """The Hessian of cross-entropy times a vector per row: `c u p (v - sum p v) / temperature^2`, with `p =
    softmax(x / temperature)`, `v` the upstream vector, `c` the gradient scale and `u` the row weights.

    The Hessian is the same for all targets with the sum 1, so you can omit targets; for a mean over n rows, `c` is
    1 / n. With `targets` (labels or probability rows), u is also multiplied by `sum w q`, where w are `class_weights`
    and q the targets with `label_smoothing`. It is 0 for labels equal to `ignore_index`. `reduction="mean"` divides by
    the denominator of `cross_entropy`. With targets, NumPy computes u and rounds it to the type of `out`.

    Returns `out`, which may be the logits, or a new array: float64 for float64, otherwise float32. `dtype="float64"`
    computes with float64 copies of logits and upstream. Otherwise as `softmax`.

    >>> import numpy as np, pyxent
    >>> pyxent.cross_entropy_hvp(np.zeros((1, 2)), np.array([[1.0, 0.0]])).tolist()
    [[0.25, -0.25]]
    >>> weights = np.array([1.0, 4.0])
    >>> pyxent.cross_entropy_hvp(np.zeros((1, 2)), np.array([[1.0, 0.0]]), targets=np.array([1]),
    ...                        class_weights=weights).tolist()
    [[1.0, -1.0]]
    """
    reductions = Reductions(reduction, None, 1.0 if gradient_scale is None else gradient_scale, denominator, "nan")
    if dtype is not None:
        logits, upstream, targets, class_weights, row_weights, sink = as_doubles(
            dtype, threads, logits, upstream=upstream, targets=targets, class_weights=class_weights,
            row_weights=row_weights, sink=sink)
    read = {"targets": targets, "class_weights": class_weights, "row_weights": row_weights, "upstream": upstream}
    if targets is not None:
        upstream, row_weights, gradient_scale = _weigh_upstream(
            logits, upstream, targets, axis, class_weights, row_weights, label_smoothing, ignore_index, row_offsets,
            threads, reductions, dict(class_mask=class_mask, fully_masked=fully_masked, isa=isa))
    elif (class_weights is not None or label_smoothing is not None or ignore_index is not None
          or denominator is not None or reduction != "sum"):
        of_targets = dict(class_weights=class_weights, label_smoothing=label_smoothing, ignore_index=ignore_index,
                          denominator=denominator, reduction=None if reduction == "sum" else reduction)
        for name, value in of_targets.items():
            if value is not None:
                raise OptionError(f"{name} is set without targets; expected both, or no {name}")
    call = begin_call("logits", logits, axis, row_offsets, isa=isa, fully_masked=fully_masked,
                      temperature=temperature, gradient_scale=gradient_scale)
    call.take("upstream", present("upstream", upstream))
    for name, value in (("class_mask", class_mask), ("sink", sink), ("row_weights", row_weights)):
        call.take(name, value)
    exact = "F64" if call.lead.type == "F64" else "F32"
    call.public |= {"output": "out"}
    if targets is not None:
        call.read |= {name: array_of(name, value) for name, value in read.items() if value is not None}
    call.write("output", needed("out", out), ["logits"], exact)
    output = call.arrays["output"]
    if output.type != exact:  # out stores the probabilities first
        raise DTypeError(f"out is {output}, logits is {call.lead}; expected out of type {NAME[exact]}")

    return call.checked(threads, _product)


def _product(run: Any) -> Any:
    if "row_weights" in run.arrays:
        run.count_weighted()
    run.run("cross_entropy_hvp")
    return run.results["output"]


def _weigh_upstream(logits: Any, upstream: Any, targets: Any, axis: int, class_weights: Any, row_weights: Any,
                    label_smoothing: float | None, ignore_index: int | None, row_offsets: Any, threads: Any,
                    reductions: Reductions, options: dict[str, Any]) -> tuple[Any, Any, float]:
    """Returns the upstream vector, row weights and gradient scale of a Hessian with targets.

    Row weights cannot be negative, so the upstream vector takes the sign of the factor of each row.
    """
    if row_offsets is not None or isinstance(threads, Bound):
        also = "are given and the call is bound" if row_offsets is None else "and row_offsets are given"
        raise OptionError(f"targets {also}; expected row_weights, without targets")
    weights: dict[str, Any] = dict(class_weights=class_weights, row_weights=row_weights, ignore_index=ignore_index)
    divisor = cross_entropy(logits, targets, axis=axis, reduction="sum", label_smoothing=label_smoothing,
                            threads=threads, **weights, **options).denominator
    call = begin_call("logits", logits, axis)
    call.take_targets(targets)
    call.take("upstream", present("upstream", upstream))
    for name, value in (("class_weights", class_weights), ("row_weights", row_weights)):
        call.take(name, value)
    factors = row_factors(call, ignore_index, label_smoothing or 0.0)
    exact = "F64" if call.lead.type == "F64" else "F32"
    signs = signed_along(call, factors)
    scale = 0.0 if reductions.gradient_is_zero(reductions.denominator(divisor)) else reductions.scale_of(
        reductions.denominator(divisor))
    if signs is not None:
        upstream = copied(doubles_of(call.arrays["upstream"]) * signs, exact)
    return upstream, copied(abs(factors), exact), scale


@operation
def binary_cross_entropy_hvp(
        logits: ArrayLike, upstream: ArrayLike, targets: ArrayLike, *, axis: int = -1, out: Output = None,
        weights: Input = None, positive_weights: Small = None, ignore_index: int | None = None,
        focal_gamma: float | None = None, focal_alpha: float | None = None, reduction: Reduction = "sum",
        denominator: float | None = None, gradient_scale: float = 1.0, dtype: DType | None = None, isa: Isa = "best",
        threads: int | None = None) -> Any:
    """The Hessian of binary cross-entropy, which is diagonal, times a vector: `c v` times the second derivative of the
    loss of each element, with the upstream vector v and the gradient scale c; a mean divides by its denominator.

    With `v` 1 everywhere it is the diagonal, as boosted trees need it. With `focal_gamma`, targets are labels or the
    numbers 0 and 1. The result for an infinite logit is 0. Computed in float64 with the probabilities and losses of
    Xent, so the bits are the same on every machine. Needs NumPy. Returns `out`, which may be the logits, or a new
    array: float64 for float64, otherwise float32. Otherwise as `binary_cross_entropy`.

    >>> import numpy as np, pyxent
    >>> pyxent.binary_cross_entropy_hvp(np.zeros(2), np.ones(2), np.array([0, 1])).tolist()
    [0.25, 0.25]
    """
    reductions = Reductions(reduction, None, gradient_scale, denominator, "nan")
    logits, upstream, targets, weights, positive_weights = as_doubles(
        dtype, threads, logits, upstream=upstream, targets=targets, weights=weights, positive_weights=positive_weights)
    call = begin_call("logits", logits, axis, None, ELEMENTS, isa=isa, ignore_index=ignore_index,
                      focal_gamma=focal_gamma, focal_alpha=focal_alpha)
    gamma, alpha = float(focal_gamma or 0), None if focal_alpha is None else float(focal_alpha)
    labels = call.take_element_targets(present("targets", targets))
    if focal_gamma and not labels and not is_binary(call.arrays["targets"]):
        raise OptionError(f"focal_gamma is {focal_gamma}, targets are numbers {call.arrays['targets']} other than 0 and "
                          f"1; expected labels")
    call.public |= {"element_weights": "weights", "gradient": "out"}
    call.take("upstream", present("upstream", upstream))
    call.take("element_weights", weights)
    call.take("positive_weights", positive_weights)
    exact = call.lead.type == "F64"
    call.write("gradient", needed("out", out), ["logits"], "F64" if exact else "F32")

    def compute(_: Any) -> Any:
        arrays = call.arrays
        plain: dict[str, Any] = dict(isa=isa, threads=call.threads)
        inputs: dict[str, Any] = {"weights": arrays.get("element_weights"), "ignore_index": ignore_index}
        divisor = reductions.denominator(binary_cross_entropy(
            call.lead, arrays["targets"], axis=call.axis, reduction="sum", **inputs, **plain).denominator)
        if reductions.gradient_is_zero(divisor):
            call.clear("gradient")
            return call.results["gradient"]
        x = copied(doubles_of(call.lead))
        shares = softmax(beside_zero(x), axis=0, **plain)
        losses = [binary_cross_entropy(x, label, reduction="sum", losses=True, **plain).losses
                  for label in labels_like("logits", x)]
        powers = 1.0
        if gamma:  # exp of minus the loss of the other label
            exponents = losses_of_others(arrays["targets"], losses, -gamma)
            of_powers = softmax(beside_zero(exponents), axis=0, **plain)
            powers = of_powers[0] / of_powers[1]
        factors = second_derivatives(call, shares, losses, powers, ignore_index, gamma, alpha)
        call.tell_autograd()
        write_products(arrays["gradient"], arrays["upstream"], factors, reductions.scale_of(divisor), exact)
        return call.results["gradient"]

    return call.checked(threads, compute, False)
