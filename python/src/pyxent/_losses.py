# SPDX-License-Identifier: Apache-2.0
"""Cross-entropy, and what all losses share: they count rows, compute and reduce."""
from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, TypeVar, cast

from pyxent._arrays import FLOATS, Array, array_of, as_type, empty
from pyxent._begin import as_doubles, begin_call, present
from pyxent._call import Call, Checked
from pyxent._native import ExactSum
from pyxent._options import Reductions, is_wanted, shown, truth
from pyxent._plans import operation
from pyxent._results import Loss, Saved, require_even_rows
from pyxent._rows import Rows, copied, doubles_of, have_signs, is_several, parts_of_signs, subtract, sum_of_doubles
from pyxent._types import (Small, ArrayLike, Axes, DType, EmptyMean, FullyMasked, Input, Isa, Number, Output, Reduction,
                           Smoothing)
from pyxent.errors import OptionError


@operation
def cross_entropy(
        logits: ArrayLike, targets: ArrayLike, *, axis: Axes = -1, reduction: Reduction = "mean",
        gradient: Output = None, losses: Output = None, log_sum_exp: Output = None, correct: Output = None,
        log_probabilities: Output = None, argmax: Output = None, ranks: Output = None, entropies: Output = None,
        top_count: int = 0, top_classes: Output = None, top_log_probabilities: Output = None,
        target_gradient: Output = None, save_statistics: bool = False, ignore_index: int | None = None,
        label_smoothing: float | None = None, smoothing: Smoothing = "uniform", class_weights: Small = None,
        row_weights: Small = None, target_weights: Input = None, class_mask: Small = None, sink: Small = None,
        row_offsets: Input = None, temperature: Number | None = None, softcap: float | None = None,
        z_loss: float | None = None, probability_clamp: float | None = None, focal_gamma: float | None = None,
        gradient_reduction: Reduction | None = None, gradient_scale: float = 1.0, denominator: float | None = None,
        empty_mean: EmptyMean = "nan", fully_masked: FullyMasked = "nan", dtype: DType | None = None, isa: Isa = "best",
        threads: int | None = None) -> Loss:
    """`loss = u sum w q (lse - x) + u z_loss lse^2` of each row, reduced, and its gradient in the same read of the
    logits.

    axis             the class axis; for several axes, or None for all, labels and class weights count the classes
                     through all of them, in the order of the dimensions
    targets          integers: labels, in the shape of the logits without the class axis; floats: probability rows, in
                     the shape of the logits, whose sums and signs are not checked; with `target_weights`: integers,
                     several classes of each row along the class axis
    reduction        "mean" or "sum"; `gradient_reduction` if that of the gradient differs
    ignore_index     rows with this label do not count; None, the default, ignores no row (PyTorch's default is -100)
    label_smoothing  eps: targets become `(1 - eps) q + eps / classes`; with smoothing="others", eps is spread over all
                     classes except the label
    class_weights    w, one per class; with NumPy and without `save_statistics` also below 0, unlike in Java and C
    row_weights      u, one per row; a row with 0 or False is ignored, and not read
    z_loss, softcap, temperature, probability_clamp, focal_gamma  as in Java and C
    gradient_scale   multiplies every gradient
    denominator      the divisor of means, for a batch in several calls
    empty_mean       the mean over no row: "nan", "zero" or "error"
    dtype            "float64" computes with a float64 copy of the logits; new arrays are then float64
    class_mask, sink, row_offsets, fully_masked, isa, threads  as in `softmax`

    Outputs: `True` returns a new array; an array that you pass is overwritten. They are `gradient` (which may be the
    logits), `losses`, `log_sum_exp`, `correct`, `log_probabilities`, `argmax`, `ranks`, `entropies`; `top_classes` and
    `top_log_probabilities` of the `top_count` largest classes; `target_gradient` of probability rows or target weights.
    `save_statistics` keeps 64 bytes per row, from which `backward` of the result computes the gradient later. It reads
    the logits again, so `gradient` cannot be the logits.

    Raises the errors of `softmax`, LabelError for a label outside the classes, and EmptyMeanError, before it writes
    anything.

    >>> import numpy as np, pyxent
    >>> logits, labels = np.array([[2.0, 1, 0], [0, 3, 1]]), np.array([0, 1])
    >>> result = pyxent.cross_entropy(logits, labels, gradient=True, losses=True, label_smoothing=0.1)
    >>> round(result.loss, 4), result.losses.round(4).tolist()
    (0.4221, [0.5076, 0.3365])
    >>> result.gradient.round(3).tolist()
    [[-0.134, 0.106, 0.028], [0.004, -0.045, 0.04]]
    """
    numbers: dict[str, Any] = dict(
        label_smoothing=label_smoothing, softcap=softcap, z_loss=z_loss, probability_clamp=probability_clamp,
        focal_gamma=focal_gamma)
    if is_several(axis):
        return _of_several_axes(logits, targets, axis, row_offsets, threads, save_statistics, dict(
            class_mask=class_mask, class_weights=class_weights, row_weights=row_weights, sink=sink,
            target_weights=target_weights, temperature=temperature), dict(
            gradient=gradient, target_gradient=target_gradient), dict(
            reduction=reduction, losses=losses, log_sum_exp=log_sum_exp, correct=correct,
            log_probabilities=log_probabilities, argmax=argmax, ranks=ranks, entropies=entropies, top_count=top_count,
            top_classes=top_classes, top_log_probabilities=top_log_probabilities, ignore_index=ignore_index,
            smoothing=smoothing, gradient_reduction=gradient_reduction, gradient_scale=gradient_scale,
            denominator=denominator, empty_mean=empty_mean, fully_masked=fully_masked, dtype=dtype, isa=isa, **numbers))
    reductions = Reductions(reduction, gradient_reduction, gradient_scale, denominator, empty_mean)
    given: dict[str, Any] = dict(
        isa=isa, fully_masked=fully_masked, smoothing=smoothing, ignore_index=ignore_index, temperature=temperature,
        **numbers)
    logits, targets, class_weights, row_weights, target_weights, sink = as_doubles(
        dtype, threads, logits, targets=targets, class_weights=class_weights, row_weights=row_weights,
        target_weights=target_weights, sink=sink)
    call = begin_call("logits", logits, cast(int, axis), row_offsets, labels=targets, **given)
    kind = call.take_targets(present("targets", targets), target_weights)
    require_options_for(kind, call, given)
    for name, value in (("class_mask", class_mask), ("sink", sink), ("row_weights", row_weights),
                        ("class_weights", class_weights)):
        call.take(name, value)
    call.ask_for_top("top_count", top_count, (top_classes, top_log_probabilities))
    outputs = {"losses": losses, "log_sum_exp": log_sum_exp, "correct": correct, "log_probabilities": log_probabilities,
               "argmax": argmax, "ranks": ranks, "entropies": entropies, "top_classes": top_classes,
               "top_log_probabilities": top_log_probabilities, "target_gradient": target_gradient}
    require_outputs(kind, outputs)
    call.of_signs = partial(_of_signs, reductions=reductions, kind=kind, given=given)
    return cast(Loss, loss_of(Loss, "cross_entropy", call, reductions, gradient, outputs, threads,
                              save=truth("save_statistics", save_statistics)))


def _of_several_axes(logits: Any, targets: Any, axis: Any, row_offsets: Any, threads: Any, save: Any,
                     inputs: dict[str, Any], outputs: dict[str, Any], options: dict[str, Any]) -> Loss:
    """Cross-entropy with several class axes; `inputs` and `outputs` are the arrays that have these axes."""
    lent = array_of("logits", present("logits", logits))
    if truth("save_statistics", save):
        raise OptionError(f"axis is {shown(axis)} and save_statistics is True; expected one axis. Reshape logits so "
                          f"that one axis has the classes")
    for name, output in outputs.items():
        rows = Rows.of("logits", lent, logits, axis, False, output if is_wanted(output) else None, row_offsets,
                       threads, name)
    for name in ("row_weights", "sink", "temperature"):
        inputs[name] = rows.per_row(name, inputs[name])
    inputs["class_mask"] = rows.mask("class_mask", inputs["class_mask"])
    inputs["class_weights"] = rows.per_class("class_weights", inputs["class_weights"])
    if array_of("targets", present("targets", targets), lent).type in FLOATS:
        targets = rows.like("targets", targets)
    result = cross_entropy(rows.flat, targets, row_offsets=row_offsets, threads=threads, **inputs, **outputs, **options)
    of_all_classes = ["gradient"] if inputs["target_weights"] is not None else [*outputs]
    return replace(result, **{name: rows.whole(found) for name in of_all_classes
                              if (found := getattr(result, name)) is not None})


def require_options_for(kind: str, call: Call, given: dict[str, Any]) -> None:
    """Rejects options of other kinds of targets."""
    targets = call.arrays["targets"]
    if kind == "probability rows" and given["ignore_index"] is not None:
        raise OptionError(f"ignore_index is {given['ignore_index']}, targets are probability rows {targets}; expected "
                          f"class indices, or leave ignore_index out")
    if kind != "class indices":
        for name, usual in (("smoothing", "uniform"), ("focal_gamma", 0)):
            if given[name] and given[name] != usual:
                raise OptionError(f"{name} is {given[name]}, targets are {kind} {targets}; expected class indices, or "
                                  f"leave {name} out")


def require_outputs(kind: str, outputs: dict[str, Any]) -> None:
    """Rejects outputs of other kinds of targets."""
    if kind == "class indices" and is_wanted(outputs["target_gradient"]):
        raise OptionError("target_gradient is requested, targets are class indices; expected probability rows or "
                          "sparse targets, or outputs without it")
    for name in ("correct", "log_probabilities", "ranks") if kind != "class indices" else ():
        if is_wanted(outputs[name]):
            raise OptionError(f"{name} is requested, targets are {kind}; expected class indices, or outputs without "
                               f"{name}")


AnyLoss = TypeVar("AnyLoss", bound=Loss)


Sums = tuple[float, float, int, int, float]  # the loss and the other four numbers of every Loss


def loss_of(kind: type[AnyLoss], function: str, call: Call, reductions: Reductions, gradient: Any,
            outputs: dict[str, Any], threads: int | None, whole: bool = False, save: bool = False) -> Checked:
    """Counts, computes and reduces.

    `whole`: some results are sums over all rows, so one call of the kernel computes them.
    """
    for name, value in outputs.items():
        call.write(name, value)
    # backward reads the logits again, so the gradient cannot overwrite them.
    call.write("gradient", gradient, [] if save else ["logits"])
    if save:
        call.keep_statistics()

    def compute(run: Any) -> AnyLoss:
        try:
            made = sums_of(function, run, reductions, whole)
        except OptionError:  # nothing has been written yet
            if save or not run.of_signs or not have_signs(run.arrays.get("class_weights")):
                raise
            made = run.of_signs(run)
        saved = Saved.of(f"{function}_backward", run, reductions, made[-1]) if save else None
        return kind(*made, **run.results, _saved=saved)

    return call.checked(threads, compute)


_WEIGHTED = ("losses", "gradient", "target_gradient")


def _of_signs(call: Call, reductions: Reductions, kind: str, given: dict[str, Any]) -> Sums:
    """A cross-entropy with negative class weights: that of the positive weights, minus that of the others."""
    inputs: dict[str, Any] = {name: call.arrays[name] for name in (
        "logits", "targets", "target_weights", "class_mask", "sink", "row_weights", "row_offsets")
        if name in call.arrays}
    plain: dict[str, Any] = dict(given, axis=-1 if call.ragged else call.axis, reduction="sum", threads=call.threads)
    # Labels have one weight per row, so one of the two parts is 0. For other targets, both are added in double.
    mixed = kind != "class indices" or bool(given["label_smoothing"] or given["z_loss"])
    exact = call.lead.type == "F64"
    wider: dict[str, Any] = {name: copied(doubles_of(array)) if mixed and not exact and array.type in FLOATS else array
             for name, array in inputs.items()}
    positive, negative = parts_of_signs(call.arrays["class_weights"], "F64" if mixed or exact else "F32")

    def part(weights: Array, **options: Any) -> Loss:
        of_part: dict[str, Any] = {**plain, "z_loss": given["z_loss"] if weights is positive else None}
        return cross_entropy(**wider, **{**of_part, **options}, class_weights=weights)

    above, below = part(positive), part(negative)
    divisor = reductions.denominator(above.denominator - (below.denominator if kind == "class indices" else 0))
    wanted = [name for name in _WEIGHTED if name in call.results]
    gradients = [name for name in wanted if name != "losses"]
    reductions.require_mean(divisor, bool(gradients))
    zero = bool(gradients) and reductions.gradient_is_zero(divisor)
    scale = reductions.scale_of(divisor) if gradients and not zero else 1.0
    types = {name: "F64" if mixed or exact else call.arrays[name].type if name in gradients else "F32"
             for name in {"losses", *wanted}}

    def new(name: str) -> Array:
        shape = {"losses": call.row_shape, "target_gradient": call.arrays["targets"].shape}.get(name, call.whole_shape)
        return as_type(empty(None, types[name], shape), types[name])

    found = [{name: new(name) for name in types if not zero or name == "losses"} for _ in range(2)]
    for weights, outputs in zip((positive, negative), found):
        part(weights, gradient_scale=scale, **outputs)
    others: dict[str, Any] = {name: array for name, array in call.arrays.items()
                              if name in call.results and name not in wanted}
    if others:
        cross_entropy(**inputs, **plain, **others)
    call.tell_autograd()
    for name in gradients:
        if zero:
            call.clear(name)
        else:
            subtract(call.arrays[name], found[0][name], found[1][name], exact)
    losses = subtract(call.arrays.get("losses"), found[0]["losses"], found[1]["losses"], exact)
    total = sum_of_doubles(call.library, losses)
    return reductions.reduce(total, divisor), total, call.rows, above.valid_rows, divisor


def sums_of(function: str, run: Any, reductions: Reductions, whole: bool) -> Sums:
    """Computes a call; returns the five numbers of every `Loss`."""
    library, rows = run.library, run.units
    gradients = tuple([name for name in run.results if name.endswith("gradient")])
    counted, weights = count_rows(function, run)
    divisor = reductions.denominator(library.exact_sum_value(weights) if weights else float(counted))
    zero, scale = False, None
    if not divisor:
        reductions.require_mean(divisor, bool(gradients))
        zero = bool(gradients) and reductions.gradient_is_zero(divisor)
    if gradients:
        scale = 1.0 if zero else reductions.scale_of(divisor)
    if whole:
        require_even_rows(run)
    _, total = run.run(function, True, gradients if zero else (), scale, whole)
    if zero or whole and not rows:
        for name in gradients:
            run.clear(name)
    loss = library.exact_sum_value(total)
    return reductions.reduce(loss, divisor), loss, rows, counted, divisor


def count_rows(function: str, run: Any) -> tuple[int, ExactSum | None]:
    """Returns the number of rows that count, and the sum of their weights if there are weights.

    Reads all labels before anything is written.
    """
    if function == "binary_cross_entropy":
        return cast(int, run.run(function, False, ("losses", "gradient"))[0]), None
    arrays = run.arrays
    weighted = "row_weights" in arrays
    if "targets" in arrays:
        weighted = weighted or "class_weights" in arrays
        counted, weights = run.run("check_targets", weighted)
    elif weighted:
        counted, weights = run.count_weighted()
    else:
        return run.rows, None
    return counted, weights if weighted else None


def statistics_of(result: Loss) -> Any:
    """The memory of the statistics that the call saved."""
    return result._saved.call.statistics


def gradient_of_saved(logits: Any, targets: Any, upstream: Any, statistics: Any, divisor: float, axis: int,
                      threads: int | None, *, reduction: str, class_weights: Any, **given: Any) -> Any:
    """The gradient of a cross-entropy, from the memory of its statistics and its divisor."""
    call = begin_call("logits", logits, axis, **given)
    call.take_targets(targets)
    call.take("class_weights", class_weights)
    call.statistics = statistics
    reductions = Reductions(reduction, None, 1.0, None, "nan")
    return Saved("cross_entropy_backward", call, reductions, divisor).gradient(upstream, None, threads)
