# SPDX-License-Identifier: Apache-2.0
"""Whether probabilities are right, and the temperature that corrects them. Needs NumPy.

>>> import numpy as np
>>> from pyxent.calibration import Calibration, TemperatureScaling
>>> logits = np.array([[4.0, 0, 0], [0, 4, 0], [4, 0, 0], [0, 0, 4]])
>>> labels = np.array([0, 1, 1, 2])  # 3 of 4 are right, with a confidence of 0.96
>>> round(Calibration().add(logits, labels).expected_error, 4)
0.2147
>>> scaling = TemperatureScaling().fit(logits, labels)
>>> round(scaling.temperature_, 4)
2.2324
>>> scaling.predict_proba(logits)[0].round(3).tolist()
[0.75, 0.125, 0.125]
>>> round(Calibration(temperature=scaling.temperature_).add(logits, labels).expected_error, 4)
0.0

Everything is computed in float64 and added up exactly, as by the package dev.xent.calibration in Java: batches, in any
order and division, give the same bits.
"""
from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

import pyxent
from pyxent._native import TYPES, ExactSum, library, sized
from pyxent.errors import EmptyMeanError, OptionError, ShapeError

__all__ = ["Bin", "Calibration", "TemperatureScaling"]

_UNIT = 2.0**-32  # confidences are added as whole multiples of it
_BLOCK = 1 << 16
_LARGEST = 2.0**32
_MOST_PASSES = 100
_CLOSE = 2.0**-40

Doubles = NDArray[np.float64]
Labels = NDArray[np.int64]


class _Sum:
    """An exact sum of doubles."""

    def __init__(self) -> None:
        self.sum = sized(ExactSum)

    def add(self, terms: Doubles) -> None:
        terms = np.ascontiguousarray(terms).reshape(-1)
        library().c.xent_exact_sum_add(ctypes.addressof(self.sum), terms.ctypes.data, TYPES["F64"], 1, terms.size)

    def merge(self, other: _Sum) -> None:
        library().merge(self.sum, other.sum)

    @property
    def value(self) -> float:
        return library().exact_sum_value(self.sum)

    def __getstate__(self) -> bytes:
        return bytes(self.sum)

    def __setstate__(self, state: bytes) -> None:
        self.sum = ExactSum.from_buffer_copy(state)


class _Batches:
    """Passes batches on in blocks of rows, as float64."""

    def __init__(self, elements: bool, ignore_index: int | None, temperature: float) -> None:
        self.elements, self.ignore_index, self.temperature = elements, ignore_index, float(temperature)
        self.rows, self.losses = 0, _Sum()

    def take(self, logits: ArrayLike, labels: ArrayLike, use: Callable[[Doubles, Doubles, Labels], None]) -> None:
        x, y = np.asarray(logits), np.asarray(labels)
        if not self.elements and not x.ndim:
            raise ShapeError("logits is a number; expected rows, with the classes along the last axis")
        rows = x.shape if self.elements else x.shape[:-1]
        if y.shape != rows:
            raise ShapeError(f"labels has shape {list(y.shape)}, logits {list(x.shape)}; expected labels of shape "
                             f"{list(rows)}")
        x, y = x.reshape(-1, 1 if self.elements else x.shape[-1]), y.reshape(-1)
        most = max(1, _BLOCK // max(x.shape[1], 1))
        for begin in range(0, len(x), most):
            self._block(np.array(x[begin:begin + most], np.float64), y[begin:begin + most], use)

    def _block(self, x: Doubles, labels: Any, use: Callable[[Doubles, Doubles, Labels], None]) -> None:
        if self.elements:
            x *= 1 / self.temperature
            loss = pyxent.binary_cross_entropy(x[:, 0], labels, reduction="sum", losses=True, ignore_index=self.ignore_index)
            p = pyxent.sigmoid(x)
        else:
            loss = pyxent.cross_entropy(x, labels, reduction="sum", losses=True, temperature=self.temperature,
                                        ignore_index=self.ignore_index)
            p = pyxent.softmax(x, temperature=self.temperature)
        self.losses.add(loss.losses)
        y = labels.astype(np.int64)
        counted = np.ones(len(y), bool) if self.ignore_index is None else y != self.ignore_index
        self.rows += int(counted.sum())
        use(x[counted], p[counted], y[counted])

    def merge(self, other: _Batches) -> None:
        self.rows += other.rows
        self.losses.merge(other.losses)

    def mean(self, total: float) -> float:
        if not self.rows:
            raise EmptyMeanError("no row counts; expected rows with labels that are not the ignore index")
        return total / self.rows


@dataclass(frozen=True)
class Bin:
    """The rows with a confidence above `lower`, in the first bin also of `lower`, and at most `upper`: their number,
    mean confidence and the share that is right, NaN without rows."""

    lower: float
    upper: float
    count: int
    confidence: float
    accuracy: float


class Calibration:
    """Measures whether probabilities are right, over any number of batches.

    of            None: of each row, the largest probability of its softmax, right if the label is that class; a number:
                  the probability of this class, right if it is the label; "elements": the sigmoid of each element,
                  right if its label is 1
    bins          the number of bins, 1 to 65536
    equal_counts  bins between quantiles of the confidences, instead of equal widths; keeps every confidence
    temperature   divides the logits
    ignore_index  rows, or elements, with this label do not count

    Not safe for use by several threads at once. Can be pickled, and merged with another of the same arguments.
    """

    def __init__(self, *, of: int | str | None = None, bins: int = 15, equal_counts: bool = False,
                 temperature: float = 1.0, ignore_index: int | None = None) -> None:
        if not 1 <= bins <= 1 << 16:
            raise OptionError(f"bins is {bins}; expected 1 to 65536")
        if of not in (None, "elements") and (not isinstance(of, int) or of < 0):
            raise OptionError(f"of is {of!r}; expected None, the index of a class, or 'elements'")
        self._arguments = (of, bins, equal_counts, float(temperature), ignore_index)
        self._batches, self._squares = _Batches(of == "elements", ignore_index, temperature), _Sum()
        self._table = np.zeros((3, bins), np.int64)
        self._kept: list[tuple[Doubles, NDArray[np.bool_]]] = []
        self._quantiles: tuple[Doubles, NDArray[np.int64]] | None = None  # of the kept ones

    def add(self, logits: ArrayLike, labels: ArrayLike) -> Calibration:
        """Adds a batch: logits with the classes along the last axis, and a label per row, or per element."""
        self._batches.take(logits, labels, self._take)
        return self

    def _take(self, x: Doubles, p: Doubles, labels: Labels) -> None:
        of = self._arguments[0]
        if isinstance(of, int) and of >= p.shape[1]:
            raise ShapeError(f"logits have {p.shape[1]} classes, the calibration is of class {of}; expected more classes")
        hit = (labels[:, None] == 1) if of == "elements" else labels[:, None] == np.arange(p.shape[1])
        distance = p - hit
        self._squares.add(distance * distance)
        which = p.argmax(1) if of is None else np.zeros(len(p), int) if of == "elements" else np.full(len(p), of)
        rows = np.arange(len(p))
        confidence, right = p[rows, which], hit[rows, which]
        kept = ~np.isnan(confidence)
        if self._arguments[2]:
            self._kept.append((confidence[kept], right[kept]))
            self._quantiles = None
        else:
            self._table += _table(self._bounds(), confidence[kept], right[kept])

    def merge(self, other: Calibration) -> Calibration:
        """Adds the rows of another object."""
        if self._arguments != other._arguments:
            raise OptionError(f"the other calibration has the arguments {other._arguments}; expected {self._arguments}")
        self._batches.merge(other._batches)
        self._squares.merge(other._squares)
        self._table += other._table
        self._kept += other._kept
        self._quantiles = None
        return self

    def _bounds(self) -> Doubles:
        return np.arange(self._arguments[1] + 1) / self._arguments[1]

    def _binned(self) -> tuple[Doubles, NDArray[np.int64]]:
        if not self._arguments[2]:
            return self._bounds(), self._table
        if self._quantiles is not None:
            return self._quantiles
        confidence = np.concatenate([np.empty(0), *[each for each, _ in self._kept]])
        right = np.concatenate([np.empty(0, bool), *[each for _, each in self._kept]])
        bounds = np.zeros(self._arguments[1] + 1)
        if confidence.size:
            ordered, place = np.sort(confidence), self._bounds() * (confidence.size - 1)
            below = place.astype(int)
            upper = ordered[np.minimum(below + 1, confidence.size - 1)]
            bounds = ordered[below] + (upper - ordered[below]) * (place - below)
        self._quantiles = bounds, _table(bounds, confidence, right)
        return self._quantiles

    @property
    def rows(self) -> int:
        """The number of rows or elements that count."""
        return self._batches.rows

    @property
    def loss(self) -> float:
        """The mean loss in nats."""
        return self._batches.mean(self._batches.losses.value)

    @property
    def brier(self) -> float:
        """The mean of the squared distance of the probabilities to the label, summed over the classes."""
        return self._batches.mean(self._squares.value)

    @property
    def accuracy(self) -> float:
        """The share of rows that are right."""
        return self._batches.mean(float(self._binned()[1][1].sum()))

    @property
    def confidence(self) -> float:
        """The mean confidence."""
        return self._batches.mean(float(self._binned()[1][2].sum()) * _UNIT)

    @property
    def expected_error(self) -> float:
        """The mean over the rows of |accuracy - confidence| of their bins."""
        total = 0.0
        for _, right, confidence in self._binned()[1].T.tolist():
            total += abs(right - confidence * _UNIT)
        return self._batches.mean(total)

    @property
    def maximum_error(self) -> float:
        """The largest |accuracy - confidence| of a bin with rows."""
        self._batches.mean(0)
        return max((abs(each.accuracy - each.confidence) for each in self.bins if each.count), default=0.0)

    @property
    def bins(self) -> list[Bin]:
        """The bins, of increasing confidence."""
        bounds, table = self._binned()
        return [Bin(float(lower), float(upper), count, *((confidence * _UNIT / count, right / count) if count
                                                          else (math.nan, math.nan)))
                for lower, upper, (count, right, confidence) in zip(bounds, bounds[1:], table.T.tolist())]

    def __repr__(self) -> str:
        names = ("of", "bins", "equal_counts", "temperature", "ignore_index")
        return f"Calibration({', '.join(f'{n}={v!r}' for n, v in zip(names, self._arguments))}, rows={self.rows})"


def _table(bounds: Doubles, confidence: Doubles, right: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The rows, the right rows and the confidences of each bin, as whole numbers."""
    bins, table = np.searchsorted(bounds[1:-1], confidence), np.zeros((3, len(bounds) - 1), np.int64)
    np.add.at(table[0], bins, 1)
    np.add.at(table[1], bins, right)
    np.add.at(table[2], bins, np.floor(confidence / _UNIT + 0.5).astype(np.int64))
    return table


class TemperatureScaling:
    """Finds the temperature at which the mean loss of labels is smallest, and divides logits by it.

    >>> logits, labels = np.array([[4.0, 0], [0, 4], [4, 0]]), np.array([0, 1, 1])
    >>> scaling = TemperatureScaling().fit(logits, labels)
    >>> round(scaling.temperature_, 5)
    5.77078
    >>> scaling.predict_proba([[4.0, 0]]).round(4).tolist()
    [[0.6667, 0.3333]]

    elements      logits are independent elements with labels 0 and 1: for `sigmoid`
    ignore_index  rows, or elements, with this label do not count

    scikit-learn accepts it in a Pipeline, after a step that returns logits, and in `clone`. Labels are class indices.

    Data in batches is passed several times, until `next()` returns False:

    >>> batches = [(logits[:2], labels[:2]), (logits[2:], labels[2:])]
    >>> scaling = TemperatureScaling()
    >>> more = True
    >>> while more:
    ...     for x, y in batches:
    ...         scaling = scaling.add(x, y)
    ...     more = scaling.next()
    >>> round(scaling.temperature_, 5)
    5.77078

    The loss is convex in 1 / temperature; the root of its derivative is bracketed by factors of 4, then found by the
    Illinois method. All sums are exact, so the temperature does not depend on the batches. It is within [2^-32, 2^32],
    and at an end of it if every row is right, or if the logits are no better than chance.

    Not safe for use by several threads at once. Objects of the same pass can be pickled and merged.
    """

    def __init__(self, *, elements: bool = False, ignore_index: int | None = None) -> None:
        self.elements, self.ignore_index = elements, ignore_index
        self._reset()

    def _reset(self) -> None:
        self._inverse, self._low, self._high, self._at_low, self._at_high, self._last = 1.0, math.nan, math.nan, 0.0, 0.0, 0.0
        self.passes, self.done = 0, False
        self.loss_before, self.loss, self.rows = math.nan, math.nan, 0
        self._begin()

    def _begin(self) -> None:
        self._batches, self._slope = _Batches(self.elements, self.ignore_index, 1 / self._inverse), _Sum()

    def fit(self, logits: ArrayLike, labels: ArrayLike) -> TemperatureScaling:
        """Finds the temperature of these rows, and forgets earlier ones."""
        self._reset()
        self.classes_ = np.arange(2 if self.elements else np.shape(logits)[-1])  # scorers of scikit-learn ask for it
        self.add(logits, labels)
        while self.next():
            self.add(logits, labels)
        return self

    def transform(self, logits: ArrayLike) -> Doubles:
        """Divides logits by the temperature."""
        return np.asarray(logits, np.float64) / self.temperature_

    def predict_proba(self, logits: ArrayLike) -> Doubles:
        """The softmax of logits divided by the temperature; of elements the sigmoid."""
        function = pyxent.sigmoid if self.elements else pyxent.softmax
        return np.asarray(function(np.array(logits, np.float64), temperature=self.temperature_))

    def predict(self, logits: ArrayLike) -> Labels:
        """The most probable class of each row, which no temperature changes; of elements, whether 1 is more probable."""
        x = np.asarray(logits)
        return (x > 0).astype(np.int64) if self.elements else x.argmax(-1)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments of the constructor by name, for `sklearn.base.clone`."""
        return {"elements": self.elements, "ignore_index": self.ignore_index}

    def set_params(self, **params: Any) -> TemperatureScaling:
        """Sets arguments of the constructor, and forgets all rows."""
        for name, value in params.items():
            if name not in self.get_params():
                raise OptionError(f"{name} is no parameter of TemperatureScaling; expected {' or '.join(self.get_params())}")
            setattr(self, name, value)
        self._reset()
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return self.done

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, Tags, TargetTags, TransformerTags  # which calls this
        return Tags(estimator_type="classifier", target_tags=TargetTags(required=True), classifier_tags=ClassifierTags(),
                    transformer_tags=TransformerTags())

    def add(self, logits: ArrayLike, labels: ArrayLike) -> TemperatureScaling:
        """Adds a batch to the current pass."""
        self._require_search()
        self._batches.take(logits, labels, self._take)
        return self

    def _take(self, x: Doubles, p: Doubles, labels: Labels) -> None:
        if self.elements:
            share, distance = p - labels[:, None], x
        else:
            share = p
            with np.errstate(invalid="ignore"):  # of two infinities
                distance = x - x[np.arange(len(x)), labels][:, None]
        with np.errstate(invalid="ignore"):
            self._slope.add(np.where(share == 0, 0.0, share * distance))

    def merge(self, other: TemperatureScaling) -> TemperatureScaling:
        """Adds what another object has of the same pass, of other rows."""
        if repr((self.get_params(), self._state())) != repr((other.get_params(), other._state())):
            raise OptionError("the two are of different passes; expected copies of one object, made before the pass")
        self._batches.merge(other._batches)
        self._slope.merge(other._slope)
        return self

    def _state(self) -> tuple[float, ...]:
        return self._inverse, self._low, self._high, self._at_low, self._at_high, self._last, self.passes, self.done

    def next(self) -> bool:
        """Ends a pass over all rows; returns whether another pass is needed."""
        self._require_search()
        loss, at = self._batches.mean(self._batches.losses.value), self._slope.value
        if not (math.isfinite(loss) and math.isfinite(at)):
            raise ArithmeticError(f"the mean loss of {self._batches.rows} rows is {loss}; expected finite logits, and a label "
                                  f"whose logit is above -infinity, in every row")
        self.loss_before = self.loss_before if self.passes else loss
        self.loss, self.rows = loss, self._batches.rows
        self.passes += 1
        following = self._after(at)
        self.done = (following == self._inverse or abs(following - self._inverse) <= _CLOSE * self._inverse
                     or self.passes == _MOST_PASSES)
        if not self.done:
            self._inverse = following
            self._begin()
        return not self.done

    def _after(self, at: float) -> float:
        """The next 1 / temperature after a pass whose derivative is known; the same one at the end."""
        inverse = self._inverse
        if at == 0:
            return inverse
        if at < 0:
            if self._last < 0:  # the same end moves again: the Illinois method
                self._at_high /= 2
            self._low, self._at_low = inverse, at
        else:
            if self._last > 0:
                self._at_low /= 2
            self._high, self._at_high = inverse, at
        self._last = at
        if math.isnan(self._low) or math.isnan(self._high):
            return min(max(inverse * 4 if at < 0 else inverse / 4, 1 / _LARGEST), _LARGEST)
        following = (self._low * self._at_high - self._high * self._at_low) / (self._at_high - self._at_low)
        return following if self._low < following < self._high else inverse

    def _require_search(self) -> None:
        if self.done:
            raise OptionError("the search has ended: next() returned False; expected a new object for other rows")

    @property
    def temperature_(self) -> float:
        """The temperature that was found."""
        if not self.done:
            raise OptionError("the search has not ended; call next() after each pass until it returns False")
        return 1 / self._inverse
