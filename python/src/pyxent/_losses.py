# SPDX-License-Identifier: Apache-2.0
"""Cross-entropy, and what all losses share: they count rows, compute and reduce."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from pyxent._call import Call
from pyxent._check import Given, How, Row, check, reductions_of, taken
from pyxent._functions import OF_LABELS
from pyxent._native import ExactSum
from pyxent._options import is_wanted
from pyxent._plans import operation
from pyxent._results import Loss, Saved, require_even_rows
from pyxent._types import Small, ArrayLike, Input, LossOptions, Number, Output, Reduction
from pyxent.errors import OptionError

if TYPE_CHECKING:
    from typing_extensions import Unpack

OF_LAYER = {"weights_gradient", "bias_gradient"}  # sums over all rows, so one call of the core computes them


def take_targets(call: Call, given: Given) -> None:
    """Takes the targets, and rejects options and outputs of targets of other kinds."""
    kind = call.take_targets(given["targets"], given.get("target_weights"))
    targets = call.arrays["targets"]
    if kind == "probability rows" and given.get("ignore_index") is not None:
        raise OptionError(f"ignore_index is {given['ignore_index']}, targets are probability rows {targets}; expected "
                          f"class indices, or leave ignore_index out")
    if kind == "class indices":
        if is_wanted(given.get("target_gradient")):
            raise OptionError("target_gradient is requested, targets are class indices; expected probability rows or "
                              "sparse targets, or outputs without it")
        return
    for name in ("smoothing", *OF_LABELS):
        if given.get(name) and given[name] != "uniform":
            raise OptionError(f"{name} is {given[name]}, targets are {kind} {targets}; expected class indices, or leave "
                              f"{name} out")
    for name in ("correct", "log_probabilities", "ranks"):
        if is_wanted(given.get(name)):
            raise OptionError(f"{name} is requested, targets are {kind}; expected class indices, or outputs without {name}")


Sums = tuple[float, float, int, int, float]  # the loss and the other four numbers of every Loss


def loss_of(kind: Callable[..., Loss], how: How, run: Any) -> Loss:
    """Counts, computes and reduces."""
    made = sums_of(how, run)
    saved = Saved.of(f"{how.function}_backward", run, how.reductions, made[-1]) if how.saves else None
    return kind(*made, **run.results, _saved=saved)


def sums_of(how: How, run: Any) -> Sums:
    """Computes a call; returns the five numbers of every `Loss`."""
    function, reductions, library, rows = how.function, how.reductions, run.library, run.units
    assert reductions
    whole = not OF_LAYER.isdisjoint(run.results)
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


OF_LOSS = partial(loss_of, Loss)
CROSS_ENTROPY = Row("cross_entropy", OF_LOSS, targets=take_targets)


@operation(check, CROSS_ENTROPY)
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


def statistics_of(result: Loss) -> Any:
    """The memory of the statistics that the call saved."""
    return result._saved.call.statistics


def of_saved(row: Row, given: Given, statistics: Any, divisor: float) -> Saved:
    """The saved call of a loss, from the memory of its statistics and its divisor."""
    call = taken(row, given)
    call.statistics = statistics
    return Saved(f"{row.function}_backward", call, reductions_of(given), divisor)
