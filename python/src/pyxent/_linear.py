# SPDX-License-Identifier: Apache-2.0
"""The cross-entropy of a linear layer."""
from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, cast

from pyxent._arrays import OUTPUT, Array, array_of, as_type, empty
from pyxent._begin import as_doubles, begin_call, present
from pyxent._call import (LINEAR, Bound, Call, LentTensor, conversion, lent_tensors, require_writable, shape_of_weights,
                          versions_of)
from pyxent._losses import cross_entropy, loss_of, require_options_for, require_outputs, sums_of
from pyxent._native import HIDDEN_GRADIENT, WEIGHTS_GRADIENT, WHOLE_ROWS, Options
from pyxent._options import Reductions, is_wanted, truth
from pyxent._plans import operation
from pyxent._products import write_gradients, write_logits
from pyxent._results import Copied, LinearGradients, LinearLoss, Loss, Saved, linear_workspace, require_as_before
from pyxent._rows import add_rounded
from pyxent._types import ArrayLike, DType, EmptyMean, FullyMasked, Input, Isa, Output, Reduction, Smoothing
from pyxent.errors import DTypeError, OptionError, ShapeError


@operation
def linear_cross_entropy(
        hidden: ArrayLike, weights: ArrayLike, targets: ArrayLike, *, bias: Input = None,
        reduction: Reduction = "mean", hidden_gradient: Output = None, weights_gradient: Output = None,
        bias_gradient: Output = None, losses: Output = None, log_sum_exp: Output = None, correct: Output = None,
        log_probabilities: Output = None, argmax: Output = None, ranks: Output = None, entropies: Output = None,
        top_count: int = 0, top_classes: Output = None, top_log_probabilities: Output = None,
        target_gradient: Output = None, save_statistics: bool = False, ignore_index: int | None = None,
        label_smoothing: float | None = None, smoothing: Smoothing = "uniform", class_weights: Input = None,
        row_weights: Input = None, target_weights: Input = None, class_mask: Input = None, sink: Input = None,
        temperature: float | None = None, softcap: float | None = None, z_loss: float | None = None,
        probability_clamp: float | None = None, focal_gamma: float | None = None,
        gradient_reduction: Reduction | None = None, gradient_scale: float = 1.0, denominator: float | None = None,
        empty_mean: EmptyMean = "nan", fully_masked: FullyMasked = "nan", dtype: DType | None = None, isa: Isa = "best",
        threads: int | None = None) -> LinearLoss:
    """`cross_entropy` of the logits `hidden @ weights.T + bias`, which are never all in memory.

    hidden   float32, float16, bfloat16 or float64, of any shape, with the features of a row along the last axis
    weights  one row of features per class: [classes, features]. [classes, *D, features] is one layer for each index of
             D: the targets, losses and other arrays with one entry per row then have the shape [*rows, *D], as in
             PyTorch
    bias     one number per class: the shape of the weights without the features
    dtype    "float64" computes with float64 copies of hidden and weights

    In float64, all logits are in memory, and NumPy computes the products. It adds each sum in the order of its terms,
    so the bits are the same on every machine, but it takes longer than float32. Such a call cannot be bound.

    You request outputs as in `cross_entropy`. This includes the gradients of hidden states, weights and bias, which
    have the types of hidden and weights. Those of weights and bias are sums over all rows, added by one thread. With
    `save_statistics`, `backward` of the result computes them later, from an upstream gradient per row. Targets and
    options as in `cross_entropy`; class weights below 0 only in float64.

    >>> import numpy as np, pyxent
    >>> hidden, weights = np.ones((2, 3), np.float32), np.zeros((4, 3), np.float32)
    >>> result = pyxent.linear_cross_entropy(hidden, weights, np.array([0, 3]), weights_gradient=True)
    >>> round(result.loss, 4), result.weights_gradient[:, 0].tolist()
    (1.3863, [-0.25, 0.25, 0.25, -0.25])
    """
    reductions = Reductions(reduction, gradient_reduction, gradient_scale, denominator, empty_mean)
    given: dict[str, Any] = dict(
        isa=isa, fully_masked=fully_masked, smoothing=smoothing, ignore_index=ignore_index,
        label_smoothing=label_smoothing, temperature=temperature, softcap=softcap, z_loss=z_loss,
        probability_clamp=probability_clamp, focal_gamma=focal_gamma)
    outputs = {"losses": losses, "log_sum_exp": log_sum_exp, "correct": correct, "log_probabilities": log_probabilities,
               "argmax": argmax, "ranks": ranks, "entropies": entropies, "top_classes": top_classes,
               "top_log_probabilities": top_log_probabilities, "target_gradient": target_gradient,
               "hidden_gradient": hidden_gradient, "weights_gradient": weights_gradient, "bias_gradient": bias_gradient}
    hidden, weights, bias, targets, target_weights, sink, row_weights, class_weights = as_doubles(
        dtype, threads, present("hidden", hidden), "hidden", weights=weights, bias=bias, targets=targets,
        target_weights=target_weights, sink=sink, row_weights=row_weights, class_weights=class_weights)
    inputs = {"bias": bias, "targets": present("targets", targets), "target_weights": target_weights,
              "class_mask": class_mask, "sink": sink, "row_weights": row_weights, "class_weights": class_weights}
    save = truth("save_statistics", save_statistics)
    lent = array_of("weights", present("weights", weights))
    if len(lent.shape) < 2 or not lent.shape[0]:
        raise ShapeError(f"weights has the shape {list(lent.shape)}; expected a row of features for each class")
    if not all(lent.shape[1:-1]):
        raise ShapeError(f"weights is {lent}; expected one layer or more")
    if array_of("hidden", hidden).type == "F64":
        return _layer_of_doubles(hidden, lent, inputs, outputs, threads, dict(
            given, top_count=top_count, reduction=reduction, gradient_reduction=gradient_reduction,
            gradient_scale=gradient_scale, denominator=denominator, empty_mean=empty_mean, save_statistics=save))
    if len(lent.shape) > 2:
        if isinstance(threads, Bound):
            raise OptionError(f"weights is {lent} and the call is bound; expected two dimensions. Call once for each "
                              f"layer")
        return _layers(hidden, lent, inputs, outputs, top_count, reductions, given, threads, save)
    call, struct, whole = _layer(hidden, weights, inputs, outputs, top_count, given)
    return cast(LinearLoss, loss_of(LinearLoss, "linear_cross_entropy", call, reductions, None, outputs, threads, whole,
                                  save))


_OF_WHOLE_ROWS = ("argmax", "ranks", "entropies", "top_classes", "top_log_probabilities", "target_gradient")


_OF_LAYER = ("weights_gradient", "bias_gradient")  # sums over the rows


def _layer(hidden: Any, weights: Any, inputs: dict[str, Any], outputs: dict[str, Any], top_count: int,
           given: dict[str, Any]) -> tuple[Call, Options, bool]:
    """A linear layer without its outputs, its options, and whether one call must sum an output over all rows."""
    classes = array_of("weights", weights).shape[0]
    call, struct = begin_call("hidden", hidden, -1, None, LINEAR, classes=classes, **given)
    features = call.counts["features"] = call.lead.shape[-1]
    call.take("weights", weights)
    call.take("bias", inputs["bias"])
    kind = call.take_targets(inputs["targets"], inputs["target_weights"])
    require_options_for(kind, call, given)
    for name in ("class_mask", "sink", "row_weights", "class_weights"):
        call.take(name, inputs[name])
    require_outputs(kind, outputs)
    call.ask_for_top("top_count", top_count, (outputs["top_classes"], outputs["top_log_probabilities"]))
    call.effort = classes * features
    whole = any(is_wanted(outputs[name]) for name in _OF_LAYER)
    of_rows = any(is_wanted(outputs[name]) for name in _OF_WHOLE_ROWS) or (
        kind != "class indices" and bool(given["probability_clamp"]))
    call.workspace = linear_workspace(call, (WEIGHTS_GRADIENT if whole else 0) | (WHOLE_ROWS if of_rows else 0) | (
        HIDDEN_GRADIENT if is_wanted(outputs["hidden_gradient"]) else 0))
    return call, struct, whole


_OF_LINEAR = ("hidden_gradient", *_OF_LAYER)


def _layer_of_doubles(hidden: Any, weights: Array, inputs: dict[str, Any], outputs: dict[str, Any], threads: Any,
                      options: dict[str, Any]) -> LinearLoss:
    """One linear layer or several in float64, with all logits in memory."""
    lent = array_of("hidden", hidden)
    if isinstance(threads, Bound):
        raise OptionError(f"hidden is {lent} and the call is bound; expected float32, float16 or bfloat16")
    call, _ = begin_call("hidden", hidden, -1, None, LINEAR, classes=weights.shape[0])
    rows, of_classes = lent.shape[:-1], weights.shape[:-1]
    bias = None if inputs["bias"] is None else array_of("bias", inputs["bias"])
    for name, array, expected in (("weights", weights, (*of_classes, lent.shape[-1])), ("bias", bias, of_classes)):
        if array and array.shape != expected:
            shape = shape_of_weights(array, lent.shape[-1]) if name == "weights" else list(expected)
            raise ShapeError(f"{name} is {array}, hidden is {lent}; expected {name} of shape {shape}")
        if array and not call.fits(array.type):
            raise DTypeError(f"{name} is {array}, hidden is {lent}; expected {name} of type {call.allowed}"
                             f"{conversion(name, array, 'numpy.float64')}")
    call.arrays["weights"] = weights
    call.keep_in_place()
    of_layer = {name: outputs[name] for name in _OF_LINEAR}
    layer = _Doubles(call, lent, weights)
    as_logits = Array(0, "F64", (*rows, *of_classes), None, True, None)
    takes: dict[str, Any] = {"class_mask": "bool", "targets": as_logits if inputs["target_weights"] is None else "int"}
    taken = {name: array_of(name, value, takes.get(name, "numpy.float64")) for name, value in inputs.items()
             if value is not None}
    written = layer.outputs(of_layer, taken)
    apart = {**taken, "hidden": lent, "weights": weights, **{name: array for name, (_, array) in written.items()}}
    for name, value in outputs.items():  # cross_entropy compares them with each other
        if name not in of_layer and is_wanted(value) and value is not True:
            _require_apart(name, array_of(name, value, OUTPUT), apart)
    logits = empty(hidden, "F64", (*rows, *of_classes))
    write_logits(as_type(logits, "F64"), lent, weights, bias)
    loss = cross_entropy(logits, axis=len(rows), gradient=bool(written) or None, threads=threads, **options,
                         **{name: value for name, value in inputs.items() if name != "bias"},
                         **{name: value for name, value in outputs.items() if name not in of_layer})
    if written:
        layer.write(loss.gradient, written)
    return LinearLoss(**{
        **{each.name: getattr(loss, each.name) for each in fields(Loss)}, "gradient": None,
        **{name: result for name, (result, _) in written.items()},
        "_saved": replace(layer, loss=loss, versions=versions_of(call.lent_tensors())) if loss._saved else None})


def _require_apart(name: str, array: Array, others: dict[str, Array]) -> None:
    """Rejects an output that shares memory with others."""
    require_writable(name, array, ((other, other, theirs) for other, theirs in others.items()))


@dataclass(frozen=True, eq=False)
class _Doubles:
    """Hidden states and weights in float64, and the loss of their logits if the call saves statistics."""

    call: Call
    hidden: Array
    weights: Array
    loss: Loss | None = None
    versions: Sequence[int] = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return Copied, ()

    def outputs(self, wanted: dict[str, Any], inputs: dict[str, Array]) -> dict[str, tuple[Any, Array]]:
        """Returns each gradient as the result and the array to write, which shares no memory with the inputs."""
        shapes = self.hidden.shape, self.weights.shape, self.weights.shape[:-1]
        found: dict[str, tuple[Any, Array]] = {}
        for (name, value), shape in zip(wanted.items(), shapes):
            if not is_wanted(value):
                continue
            type_ = "F64" if name == "hidden_gradient" else self.weights.type
            result = empty(self.call.given_lead, type_, shape) if value is True else value
            array = as_type(result, type_) if value is True else array_of(name, result, OUTPUT)
            if array.shape != shape:
                raise ShapeError(f"{name} is {array}, hidden is {self.hidden}; expected {name} of shape {list(shape)}")
            if not self.call.fits(array.type):
                raise DTypeError(f"{name} is {array}, hidden is {self.hidden}; expected {name} of type "
                                 f"{self.call.allowed}")
            self.call.require_writable(name, array)
            _require_apart(name, array, {**inputs, **{other: theirs for other, (_, theirs) in found.items()}})
            found[name] = result, array
        return found

    def write(self, gradient: Any, written: dict[str, tuple[Any, Array]]) -> None:
        for _, array in written.values():
            self.call.tell_autograd_of(array)
        write_gradients(as_type(gradient, "F64"), self.hidden, self.weights,
                        {name: array for name, (_, array) in written.items()})

    def linear_gradients(self, upstream: Any, outputs: dict[str, Any], threads: int | None) -> dict[str, Any]:
        assert self.loss
        require_as_before(self.call.lent_tensors(), self.versions)
        written = self.outputs(outputs, {} if upstream is None else {"upstream": array_of("upstream", upstream)})
        self.write(self.loss.backward(upstream, threads=threads), written)
        return {name: result for name, (result, _) in written.items()}


def _layers(hidden: Any, weights: Array, inputs: dict[str, Any], outputs: dict[str, Any], top_count: int,
            reductions: Reductions, given: dict[str, Any], threads: int | None, save: bool) -> LinearLoss:
    """One linear layer for each index of the inner dimensions of the weights; their hidden gradients are added."""
    lent, inner = array_of("hidden", present("hidden", hidden)), weights.shape[1:-1]
    if not lent.shape or lent.type not in ("F32", "F16", "BF16"):
        raise (DTypeError if lent.shape else ShapeError)(
            f"hidden is {lent}; expected float32, float16 or bfloat16 with the features along the last axis")
    given_arrays = {name: array_of(name, value) for name, value in inputs.items() if value is not None}
    layers = _Layers(hidden, lent, weights, given_arrays)
    arrays = {name: _spread_over(name, array, layers.rows, weights.shape[0], inner, layers.whole)
              for name, array in given_arrays.items()}
    results, written, sums = layers.outputs(outputs, top_count, arrays["targets"].shape)
    parts, one = [], False
    for index in layers.indices:
        of = {name: array if name == "class_weights" else array.at(index, len(array.shape) - len(inner))
              for name, array in arrays.items()}
        to = layers.at(index, written, sums)
        call, struct, one = _layer(hidden, weights.at(index, 1), {**dict.fromkeys(inputs), **of},
                                   {**dict.fromkeys(outputs), **to}, top_count, given)
        for name, array in to.items():
            call.write(name, array)
        if save:
            call.keep_statistics()
        call.prepare(threads)
        parts.append(call)
    if sums:
        parts[0].require_writable("hidden_gradient", sums)
    made = sums_of("linear_cross_entropy", parts, reductions, one)
    if sums:
        layers.add(parts, sums)
    if save:
        saved = [Saved.of("linear_cross_entropy_backward", call, struct, reductions, made[-1]) for call in parts]
        layers = replace(layers, saved=saved, versions=versions_of(layers.tensors))
    return LinearLoss(*made, **results, _saved=layers if save else None)


@dataclass(frozen=True, eq=False)
class _Layers:
    """Several linear layers, with the statistics for later gradients if the call saves them."""

    hidden: Any
    lent: Array
    weights: Array
    inputs: dict[str, Array]
    saved: Sequence[Saved] = ()
    versions: Sequence[int] = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return Copied, ()

    @property
    def tensors(self) -> list[LentTensor]:
        """The PyTorch tensors except the hidden states, which each layer checks itself."""
        return lent_tensors({"weights": self.weights, **self.inputs})

    @property
    def rows(self) -> tuple[int, ...]:
        return self.lent.shape[:-1]

    @property
    def inner(self) -> tuple[int, ...]:
        return self.weights.shape[1:-1]

    @property
    def whole(self) -> tuple[int, ...]:
        """The shape of all logits."""
        return *self.rows, self.weights.shape[0], *self.inner

    @property
    def indices(self) -> Iterator[tuple[int, ...]]:
        return itertools.product(*map(range, self.inner))

    def outputs(self, wanted: dict[str, Any], top_count: int = 0, of_targets: tuple[int, ...] = (),
                upstream: Array | None = None) -> tuple[dict[str, Any], dict[str, Array], Array | None]:
        """Returns the results, the arrays that the layers write, and the sum of their hidden gradients."""
        rows, inner, weights = self.rows, self.inner, self.weights
        shapes = {"top_classes": (*rows, top_count, *inner), "top_log_probabilities": (*rows, top_count, *inner),
                  "target_gradient": of_targets, "hidden_gradient": self.lent.shape,
                  "weights_gradient": weights.shape, "bias_gradient": weights.shape[:-1]}
        types = {"correct": "BOOL", "argmax": "I64", "ranks": "I64", "top_classes": "I64",
                 "hidden_gradient": self.lent.type, "weights_gradient": weights.type, "bias_gradient": weights.type}
        results, written = {}, dict[str, Array]()
        inputs = {"hidden": self.lent, "weights": weights, **self.inputs, **({"upstream": upstream} if upstream else {})}
        for name, value in wanted.items():
            if not is_wanted(value):
                continue
            shape, type_ = shapes.get(name, (*rows, *inner)), types.get(name, "F32")
            results[name] = empty(self.hidden, type_, shape) if value is True else value
            array = written[name] = as_type(results[name], "U8" if type_ == "BOOL" else type_) if value is True else array_of(name, value, OUTPUT)
            if array.shape != shape:
                raise ShapeError(f"{name} is {array}, logits is {list(self.whole)} of hidden {self.lent} and weights "
                                 f"{weights}; expected {name} of shape {list(shape)}")
            if value is not True:  # one layer writes before another reads
                _require_apart(name, array, {other: theirs for other, theirs in (inputs | written).items() if other != name})
        sums = written.pop("hidden_gradient", None)
        if sums and sums.type not in ("F32", "F16", "BF16"):
            raise DTypeError(f"hidden_gradient is {sums}, hidden is {self.lent}; expected hidden_gradient of type "
                             f"float32, float16 or bfloat16")
        return results, written, sums

    def at(self, index: Sequence[int], written: dict[str, Array], sums: Array | None) -> dict[str, Array]:
        """The arrays that one layer writes."""
        to = {name: array.at(index, 1 if name == "weights_gradient" else len(array.shape) - len(index), True)
              for name, array in written.items()}
        return {**to, "hidden_gradient": as_type(empty(self.hidden, "F32", self.lent.shape), "F32")} if sums else to

    def add(self, parts: Sequence[Call], sums: Array) -> None:
        parts[0].tell_autograd_of(sums)
        add_rounded(sums, [call.arrays["hidden_gradient"] for call in parts])

    def linear_gradients(self, upstream: Any, outputs: dict[str, Any], threads: int | None) -> dict[str, Any]:
        require_as_before(self.tensors, self.versions)
        given = None if upstream is None else array_of("upstream", upstream)
        results, written, sums = self.outputs(outputs, upstream=given)
        if given:
            upstream = _spread_over("upstream", given, self.rows, self.weights.shape[0],
                                    self.inner, self.whole)
        parts = []
        for index, saved in zip(self.indices, self.saved):
            of_rows = None if upstream is None else upstream.at(index, len(self.rows))
            parts.append(saved.linear_call(of_rows, self.at(index, written, sums), threads))
        if sums:
            parts[0][0].require_writable("hidden_gradient", sums)
        for saved, part in zip(self.saved, parts):
            saved.run_linear(*part)
        if sums:
            self.add([call for call, _, _ in parts], sums)
        return results


def _spread_over(name: str, array: Array, rows: tuple[int, ...], classes: int, inner: tuple[int, ...],
                 whole: tuple[int, ...]) -> Array:
    """Broadcasts an input of several layers to all their dimensions."""
    if name in ("class_weights", "bias"):
        expected = (classes, *inner) if name == "bias" else (classes,)
        if array.shape != expected:
            raise ShapeError(f"{name} is {array}; expected the shape {list(expected)}")
        return array
    if name in ("targets", "target_weights"):
        fits = len(array.shape) == len(whole) or array.shape == (*rows, *inner)
        if not fits or array.shape[:len(rows)] != rows or array.shape[len(array.shape) - len(inner):] != inner:
            raise ShapeError(f"{name} is {array}; expected class indices of the shape {[*rows, *inner]}, or "
                             f"probabilities of the shape {list(whole)}")
        return array
    expected = whole if name == "class_mask" else (*rows, *inner)
    if name == "class_mask" and array.shape == (classes,):
        array = Array(array.address, array.type, (classes, *(1 for _ in inner)),
                      (array.strides[0], *(0 for _ in inner)), array.read_only, array.owner)
    missing = len(expected) - len(array.shape)
    if missing < 0 or any(n not in (1, most) for n, most in zip(array.shape, expected[missing:])):
        raise ShapeError(f"{name} is {array}; expected a shape that broadcasts to {list(expected)}")
    strides = [0] * missing + [0 if n == 1 else stride for n, stride in zip(array.shape, array.strides)]
    return Array(array.address, array.type, expected, strides, array.read_only, array.owner)


def linear_gradients_of_saved(hidden: Any, weights: Any, bias: Any, targets: Any, upstream: Any, statistics: Any,
                              divisor: float, wanted: Sequence[bool], threads: int | None, *, reduction: str,
                              class_weights: Any, **given: Any) -> LinearGradients:
    """The requested gradients of hidden states, weights and bias of a linear layer, likewise."""
    inputs = dict(dict.fromkeys(("target_weights", "class_mask", "sink", "row_weights")), bias=bias, targets=targets,
                  class_weights=class_weights)
    outputs = dict(zip(_OF_LINEAR, (asked or None for asked in wanted)))
    none = dict.fromkeys((*_OF_WHOLE_ROWS, *_OF_LINEAR, "correct", "log_probabilities"))
    unused = dict(smoothing="uniform", focal_gamma=None, probability_clamp=None)
    call, struct, _ = _layer(hidden, weights, inputs, none, 0, {**unused, **given})
    call.statistics = statistics
    reductions = Reductions(reduction, None, 1.0, None, "nan")
    saved = Saved("linear_cross_entropy_backward", call, struct, reductions, divisor)
    results = saved.linear_gradients(upstream, outputs, threads)
    return LinearGradients(*(results.get(name) for name in outputs))
