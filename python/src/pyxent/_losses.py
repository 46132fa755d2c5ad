# SPDX-License-Identifier: Apache-2.0
"""Cross-entropy, and what all losses share: they count rows, compute and reduce."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pyxent._begin import begin_call, present
from pyxent._call import Call, Checked
from pyxent._functions import FUNCTIONS, RULES
from pyxent._native import ExactSum
from pyxent._options import Reductions, is_wanted, truth
from pyxent._plans import operation
from pyxent._results import Loss, Saved, require_even_rows
from pyxent._types import Small, ArrayLike, Input, LossOptions, Number, Output, Reduction
from pyxent.errors import OptionError

if TYPE_CHECKING:
    from typing_extensions import Unpack


@operation
def cross_entropy(logits: ArrayLike, targets: ArrayLike, *, axis: int = -1, reduction: Reduction = "mean",
                  gradient: Output = None, losses: Output = None, save_statistics: bool = False,
                  ignore_index: int | None = None, label_smoothing: float | None = None, class_weights: Small = None,
                  row_weights: Small = None, class_mask: Small = None, row_offsets: Input = None,
                  temperature: Number | None = None, threads: int | None = None, **options: Unpack[LossOptions]) -> Loss:
    """`loss = u sum w q (lse - x) + u z_loss lse^2` of each row, reduced, and its gradient in the same read of the
    logits.

    axis             the class axis
    targets          integers: labels, in the shape of the logits without the class axis; floats: probability rows, in
                     the shape of the logits, whose sums and signs are not checked; with `target_weights`: integers,
                     several classes of each row along the class axis
    reduction        "mean" or "sum", of the loss and of its gradient
    ignore_index     rows with this label do not count; None, the default, ignores no row (PyTorch's default is -100)
    label_smoothing  eps: targets become `(1 - eps) q + eps / classes`; with smoothing="others", eps is spread over all
                     classes except the label
    class_weights    w, one per class
    row_weights      u, one per row; a row with 0 or False is ignored, and not read
    z_loss           adds z times the square of each log-sum-exp, as the formula says
    probability_clamp  d: the loss takes the probability of a label as a number in [d, 1 - d]
    focal_gamma      multiplies each loss by `(1 - p)^gamma`, with p the probability of the label
    gradient_scale   multiplies every gradient
    denominator      the divisor of means, for a batch in several calls
    empty_mean       the mean over no row: "nan", "zero" or "error"
    class_mask, sink, row_offsets, temperature, softcap, fully_masked, threads  as in `softmax`

    `options` are those named here that the signature lacks. Outputs: `True` returns a new array; an array that you
    pass is overwritten. They are `gradient` (which may be the logits), `losses`, `log_sum_exp`, `correct`,
    `log_probabilities`, `argmax`, `ranks`, `entropies`; `top_classes` and `top_log_probabilities` of the `top_count`
    largest classes; `target_gradient` of probability rows or target weights. `save_statistics` keeps 64 bytes per
    row, from which `backward` of the result computes the gradient later. It reads the logits again, so `gradient`
    cannot be the logits.

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
    given: dict[str, Any] = dict(
        options, targets=targets, losses=losses, ignore_index=ignore_index, label_smoothing=label_smoothing,
        class_weights=class_weights, row_weights=row_weights, class_mask=class_mask, temperature=temperature)

    def begin(numbers: Mapping[str, Any]) -> Call:
        return begin_call("cross_entropy", logits, axis, row_offsets, labels=targets, **numbers)

    call, reductions, outputs = call_of_targets(begin, reduction, given)
    return cast(Loss, loss_of(Loss, "cross_entropy", call, reductions, gradient, outputs, threads,
                              save=truth("save_statistics", save_statistics)))


_NUMBERS = ("ignore_index", "label_smoothing", "smoothing", "temperature", "softcap", "z_loss", "probability_clamp",
            "focal_gamma", "fully_masked")
_INPUTS = ("class_mask", "sink", "row_weights", "class_weights")
_OUTPUTS = {rule.array for rule in map(RULES.__getitem__, FUNCTIONS["linear_cross_entropy"].rules) if rule.written}
OF_TOP = ("top_classes", "top_log_probabilities")


def call_of_targets(begin: Callable[[Mapping[str, Any]], Call], reduction: str,
                    given: Mapping[str, Any]) -> tuple[Call, Reductions, dict[str, Any]]:
    """A loss of targets without its outputs yet; returns these too."""
    reductions = reductions_of(reduction, given)
    call = begin({name: given.get(name) for name in _NUMBERS})
    kind = call.take_targets(present("targets", given["targets"]), given.get("target_weights"))
    require_options_for(kind, call, given)
    for name in _INPUTS:
        call.take(name, given.get(name))
    call.ask_for_top("top_count", given.get("top_count"), [given.get(name) for name in OF_TOP])
    outputs = {name: value for name, value in given.items() if name in _OUTPUTS}
    require_outputs(kind, outputs)
    return call, reductions, outputs


def reductions_of(reduction: str, given: Mapping[str, Any]) -> Reductions:
    return Reductions(reduction, given.get("gradient_scale"), given.get("denominator"), given.get("empty_mean"))


def require_options_for(kind: str, call: Call, given: Mapping[str, Any]) -> None:
    """Rejects options of other kinds of targets."""
    targets = call.arrays["targets"]
    if kind == "probability rows" and given.get("ignore_index") is not None:
        raise OptionError(f"ignore_index is {given['ignore_index']}, targets are probability rows {targets}; expected "
                          f"class indices, or leave ignore_index out")
    if kind != "class indices":
        for name, usual in (("smoothing", "uniform"), ("focal_gamma", 0)):
            if given.get(name) and given[name] != usual:
                raise OptionError(f"{name} is {given[name]}, targets are {kind} {targets}; expected class indices, or "
                                  f"leave {name} out")


def require_outputs(kind: str, outputs: dict[str, Any]) -> None:
    """Rejects outputs of other kinds of targets."""
    if kind == "class indices" and is_wanted(outputs.get("target_gradient")):
        raise OptionError("target_gradient is requested, targets are class indices; expected probability rows or "
                          "sparse targets, or outputs without it")
    for name in ("correct", "log_probabilities", "ranks") if kind != "class indices" else ():
        if is_wanted(outputs.get(name)):
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
    call.write("gradient", gradient, in_place=not save)
    if save:
        call.keep_statistics()

    def compute(run: Any) -> AnyLoss:
        made = sums_of(function, run, reductions, whole)
        saved = Saved.of(f"{function}_backward", run, reductions, made[-1]) if save else None
        return kind(*made, **run.results, _saved=saved)

    return call.checked(threads, compute)


def sums_of(function: str, run: Any, reductions: Reductions, whole: bool) -> Sums:
    """Computes a call; returns the five numbers of every `Loss`."""
    library, rows = run.library, run.units
    gradients = tuple([name for name in run.results if name.endswith("gradient")])
    counted, weights = count_rows(function, run)
    divisor = reductions.denominator(library.exact_sum_value(weights) if weights else float(counted))
    zero, scale = False, None
    if not divisor:
        reductions.require_mean(divisor)
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
    call = begin_call("cross_entropy_backward", logits, axis, **given)
    call.take_targets(targets)
    call.take("class_weights", class_weights)
    call.statistics = statistics
    reductions = Reductions(reduction)
    return Saved("cross_entropy_backward", call, reductions, divisor).gradient(upstream, None, threads)
