# SPDX-License-Identifier: Apache-2.0
"""Calibration and temperatures, with the bits of Java: CalibrationTest.java has the same rows and numbers."""
import copy
import pickle

import numpy as np
import pytest

from pyxent.calibration import Bin, Calibration, TemperatureScaling, fit_temperature
from pyxent.errors import EmptyMeanError, LabelError, OptionError, ShapeError

ROWS, CLASSES = 97, 5
TEMPERATURE = 2.443178484529338
INDICES = np.arange(ROWS * CLASSES)
LOGITS = (INDICES * 37 % 101 / 10 - 5).astype(np.float32).reshape(ROWS, CLASSES)
LABELS = np.where(np.arange(ROWS) % 3 == 0, np.arange(ROWS) * 7 % 5, LOGITS.argmax(1)).astype(np.int32)
MARKS = np.where(LOGITS.ravel() > 0, INDICES % 4 != 0, INDICES % 5 == 0).astype(np.int8).reshape(ROWS, CLASSES)


def results(of):
    return of.loss, of.brier, of.accuracy, of.confidence, of.expected_error, of.maximum_error


def test_results_are_those_of_java():
    classes = Calibration().add(LOGITS, LABELS)
    assert results(classes) == (1.5386751810233914, 0.48983253867810866, 0.7216494845360825, 0.8112125663499626,
                                0.08956308181388016, 0.11348332126584393)
    assert classes.bins[10] == Bin(10 / 15, 11 / 15, 51, 0.7150467874062266, 0.6470588235294118)
    counts = Calibration(bins=4, equal_counts=True).add(LOGITS, LABELS)
    assert counts.expected_error == 0.1566634487994399
    assert counts.bins[0] == Bin(0.7131092919009356, 0.7131093874679895, 25, 0.7131093389075249, 0.48)
    assert results(Calibration(of=2, bins=10).add(LOGITS, LABELS)) == (
        1.5386751810233914, 0.48983253867810866, 0.32989690721649484, 0.25643900287644844, 0.07345790434004643,
        0.08291590043251783)
    assert fit_temperature(LOGITS, LABELS) == TEMPERATURE
    assert fit_temperature(LOGITS, MARKS, elements=True) == 2.6402643906490684
    assert Calibration(temperature=TEMPERATURE).add(LOGITS, LABELS).loss == 1.1497182717703034


@pytest.mark.parametrize("parts", [2, 7, 64])
def test_divisions_have_the_same_bits(parts):
    pieces = np.array_split(np.arange(ROWS)[::-1], parts)
    for equal in (False, True):
        whole, divided = Calibration(equal_counts=equal).add(LOGITS, LABELS), Calibration(equal_counts=equal)
        for piece in pieces:
            other = Calibration(equal_counts=equal).add(LOGITS[piece], LABELS[piece])
            divided.merge(pickle.loads(pickle.dumps(other)))
        assert results(divided) == results(whole)
    scaling, more = TemperatureScaling(), True
    while more:
        begun = copy.deepcopy(scaling)
        for piece in pieces:
            scaling.merge(copy.deepcopy(begun).add(LOGITS[piece], LABELS[piece]))
        more = scaling.next()
    assert scaling.temperature == TEMPERATURE
    assert scaling.passes < 20


def test_edges():
    sure = np.eye(2)
    assert fit_temperature(sure, np.array([0, 1])) < 0.01
    assert fit_temperature(sure, np.array([1, 0])) == 2.0**32
    ignored = LABELS.copy()
    ignored[3] = -100
    some = Calibration(ignore_index=-100).add(LOGITS, ignored)
    rest = np.delete(np.arange(ROWS), 3)
    assert results(some) == results(Calibration().add(LOGITS[rest], LABELS[rest]))
    assert np.isnan(Calibration().add(LOGITS, LABELS).bins[0].confidence)
    assert Calibration(of="elements").add(LOGITS, MARKS).rows == ROWS * CLASSES


def test_mistakes():
    with pytest.raises(EmptyMeanError):
        _ = Calibration().loss
    with pytest.raises(ShapeError, match=r"expected labels of shape \[97\]"):
        Calibration().add(LOGITS, LABELS[1:])
    with pytest.raises(LabelError):
        Calibration().add(LOGITS, LABELS + 5)
    with pytest.raises(ShapeError, match="class 5"):
        Calibration(of=5).add(LOGITS, LABELS)
    for wrong in (dict(bins=0), dict(of=-1), dict(of="rows")):
        with pytest.raises(OptionError):
            Calibration(**wrong)
    with pytest.raises(OptionError):
        Calibration(bins=3).merge(Calibration())
    scaling = TemperatureScaling()
    with pytest.raises(OptionError, match="has not ended"):
        _ = scaling.temperature
    with pytest.raises(EmptyMeanError):
        scaling.next()
    scaling.add(np.array([[-np.inf, 0]]), np.array([0]))
    with pytest.raises(ArithmeticError):
        scaling.next()
