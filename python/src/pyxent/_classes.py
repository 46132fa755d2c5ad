# SPDX-License-Identifier: Apache-2.0
"""The largest classes, and log-probabilities of selected classes."""
from __future__ import annotations

from typing import Any

from pyxent._check import OF_TOP, How, Row, check
from pyxent._plans import operation
from pyxent._results import Saved, Selected, TopK
from pyxent._rows import as_floats
from pyxent._types import ArrayLike, FullyMasked, Input, Number, Output, Small


def _largest(how: How, run: Any) -> TopK:
    run.run(how.function)
    return TopK(run.results["top_classes"], run.results["top_log_probabilities"])


def _selected(how: How, run: Any) -> Selected:
    run.run("check_targets")
    run.run(how.function)
    saved = Saved.of(f"{how.function}_backward", run) if how.saves else None
    return Selected(run.results["log_probabilities"], run.results.get("gradient"), saved)


@operation(check, Row("cross_entropy", _largest, OF_TOP, {"top_classes": "classes", "top_log_probabilities": "log_probabilities"},
                      convert=as_floats, ready=lambda call, given: call.ask_for_top("k", given["k"], (True,))))
def top_k(logits: ArrayLike, k: int, *, axis: int = -1, classes: Output = None,
          log_probabilities: Output = None, temperature: Number | None = None, softcap: float | None = None,
          class_mask: Small = None, sink: Small = None, row_offsets: Input = None, fully_masked: FullyMasked | None = "nan",
          threads: int | None = None) -> TopK:
    """The k classes of the largest logits of each row, and their log-probabilities over all classes, in one read.

    Logits are in descending order; of equal logits, the lower class comes first. If fewer than k classes are not
    masked, the rest are class -1 with -inf; in a row that is NaN, all are class -1 with NaN. `classes` (int32 or int64)
    and `log_probabilities` may be your arrays. Integers are copied as float64, which must represent them exactly. Options
    as in `softmax`.

    >>> import numpy as np, pyxent
    >>> top = pyxent.top_k(np.array([[2.0, 1, 0], [0, 3, 1]]), 2)
    >>> top.classes.tolist()
    [[0, 1], [1, 2]]
    >>> np.exp(top.log_probabilities).round(3).tolist()
    [[0.665, 0.245], [0.844, 0.114]]
    """


@operation(check, Row("selected_log_probabilities", _selected, ("log_probabilities",),
                      targets=lambda call, given: call.take_selected(given["targets"])))
def selected_log_probabilities(
        logits: ArrayLike, targets: ArrayLike, *, axis: int = -1, log_probabilities: Output = None,
        upstream: Input = None, gradient: Output = None, save_statistics: bool = False,
        gradient_scale: float | None = None, ignore_index: int | None = None, temperature: Number | None = None,
        softcap: float | None = None, class_mask: Small = None, sink: Small = None, row_offsets: Input = None,
        fully_masked: FullyMasked | None = "nan", threads: int | None = None) -> Selected:
    """`log softmax(x)` of one class of each row, or of up to 256, without storing those of the other classes.

    targets   the classes: in the shape of the logits without the class axis, or with several classes of each row along
              it. A target equal to `ignore_index` adds nothing to the gradient, and its log-probability is +0
    gradient  True, or your array, which may be the logits: the gradient of `gradient_scale * sum g log p`, with g =
              `upstream` in the shape of the targets (None: 1 for each)
    save_statistics  keeps the statistics from which `backward` of the result computes the gradient later; `gradient`
                     cannot then be the logits

    >>> import numpy as np, pyxent
    >>> tokens = np.array([0, 1])
    >>> pyxent.selected_log_probabilities(np.zeros((2, 4)), tokens).log_probabilities.round(4).tolist()
    [-1.3863, -1.3863]
    """
