# SPDX-License-Identifier: Apache-2.0
"""The rules by which Xent differs from PyTorch and ONNX Runtime on purpose, and a test for each.

If two systems agree, no rule applies: NaN for rows that are all -inf and for the mean of zero rows; the label's class
weights in the denominator of a mean, but only rows there for probabilities; class weights in every term of smoothing;
PyTorch's ignore_index of -100."""
import numpy as np

IGNORED = "an ignored row is not read"
FACTOR = "a term whose weight or target is 0 is 0"
NOTHING = "a mean over a denominator of 0 has no gradient"
PLUS_INFINITY = "a row with +inf is NaN"
RULES = {
    IGNORED: "its gradient is 0 in Xent whatever the row holds, NaN there where the row holds NaN or an infinity",
    FACTOR: "also where the logit is -inf; 0 times the infinite loss of that class is NaN there",
    NOTHING: "the mean is NaN in both, its gradient 0 in Xent, NaN there where rows count but all their weights are 0",
    PLUS_INFINITY: "also where the label is another class; +inf there in double, NaN in float",
}


def rule_of(peer, call, reduction, what, index, ours, theirs):
    """The name of the rule that a difference follows, or None."""
    rows = row_of(call, reduction, what, index)
    if peer == "ONNX Runtime" and np.isnan(ours) and theirs == np.inf:
        return PLUS_INFINITY if any((call.by_rows(call.logits)[row] == np.inf).any() for row in rows) else None
    if not np.isnan(theirs):
        return None
    if what == "gradient" and ours == 0 and all(is_ignored(call, row) and is_not_finite(call, row) for row in rows):
        return IGNORED
    if what == "gradient" and reduction == "mean" and ours == 0 and denominator_of(call) == 0:
        return NOTHING
    if any(has_void_term(call, row) for row in rows):
        return FACTOR
    return None


def row_of(call, reduction, what, index):
    """The rows that a value depends on."""
    if what == "gradient":
        index = tuple(n for k, n in enumerate(index) if k != call.axis)
    elif reduction != "none":
        return range(len(call.by_rows(call.logits)))
    lengths = [n for k, n in enumerate(call.shape) if k != call.axis]
    return [int(np.ravel_multi_index(index, lengths)) if lengths else 0]


def denominator_of(call):
    """Of a mean over labels: the weights of their classes. Of probability rows: the number of rows."""
    rows = range(len(call.by_rows(call.logits)))
    if call.probabilities is not None:
        return len(rows)
    labels = [call.labels.reshape(-1)[row] for row in rows if not is_ignored(call, row)]
    return len(labels) if call.weights is None else sum(call.weights[labels])


def is_ignored(call, row):
    return call.probabilities is None and call.labels.reshape(-1)[row] == call.ignore_index


def is_not_finite(call, row):
    values = call.by_rows(call.logits)[row]
    return bool(np.isnan(values).any() or (values == np.inf).any() or (values == -np.inf).all())


def has_void_term(call, row):
    """A class with logit -inf and a target or weight of 0, which is computed nevertheless."""
    if is_ignored(call, row) or is_not_finite(call, row):
        return False
    weights = np.ones(call.classes) if call.weights is None else call.weights
    if call.probabilities is not None:
        target = call.by_rows(call.probabilities)[row] * (1 - call.smoothing) + call.smoothing / call.classes
        void = weights * target == 0
    elif call.smoothing:
        void = weights == 0
    else:
        void = (weights == 0) & (np.arange(call.classes) == call.labels.reshape(-1)[row])
    return bool((void & (call.by_rows(call.logits)[row] == -np.inf)).any())
