# SPDX-License-Identifier: Apache-2.0
"""Calibration and temperatures, with the bits of Java: CalibrationTest.java has the same rows and numbers."""
import copy
import pickle

import numpy as np
import pytest

import pyxent
from pyxent.calibration import Bin, Calibration, TemperatureScaling
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
    assert TemperatureScaling().fit(LOGITS, LABELS).temperature_ == TEMPERATURE
    assert TemperatureScaling(elements=True).fit(LOGITS, MARKS).temperature_ == 2.6402643906490684
    assert Calibration(temperature=TEMPERATURE).add(LOGITS, LABELS).loss == 1.1497182717703034


@pytest.mark.parametrize("parts", [2, 7, 64])
def test_divisions_have_the_same_bits(parts):
    pieces = np.array_split(np.arange(ROWS)[::-1], parts)
    for equal in (False, True):
        whole = Calibration(equal_counts=equal).add(LOGITS, LABELS)
        divided, batches = Calibration(equal_counts=equal), Calibration(equal_counts=equal)
        for piece in pieces:
            other = Calibration(equal_counts=equal).add(LOGITS[piece], LABELS[piece])
            divided.merge(pickle.loads(pickle.dumps(other)))
            assert results(divided) == results(batches.add(LOGITS[piece], LABELS[piece]))
        assert results(divided) == results(batches) == results(whole)
    scaling, more = TemperatureScaling(), True
    while more:
        begun = copy.deepcopy(scaling)
        for piece in pieces:
            scaling.merge(copy.deepcopy(begun).add(LOGITS[piece], LABELS[piece]))
        more = scaling.next()
    assert scaling.temperature_ == TEMPERATURE
    assert scaling.passes < 20


def test_edges():
    sure = np.eye(2)
    assert TemperatureScaling().fit(sure, np.array([0, 1])).temperature_ < 0.01
    assert TemperatureScaling().fit(sure, np.array([1, 0])).temperature_ == 2.0**32
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
        _ = scaling.temperature_
    with pytest.raises(EmptyMeanError):
        scaling.next()
    scaling.add(np.array([[-np.inf, 0]]), np.array([0]))
    with pytest.raises(ArithmeticError):
        scaling.next()


def test_an_estimator():
    scaling = TemperatureScaling(ignore_index=-100)
    assert scaling.fit(LOGITS[:5], LABELS[:5]).fit(LOGITS, LABELS).temperature_ == TEMPERATURE
    assert scaling.loss == Calibration(temperature=TEMPERATURE).add(LOGITS, LABELS).loss
    assert (scaling.predict_proba(LOGITS) == pyxent.softmax(LOGITS.astype(float), temperature=TEMPERATURE)).all()
    assert (scaling.transform(LOGITS) == LOGITS.astype(float) / TEMPERATURE).all()
    assert (scaling.predict(LOGITS) == LOGITS.argmax(1)).all()
    assert scaling.set_params(elements=True).get_params() == {"elements": True, "ignore_index": -100}
    assert not scaling.done
    scaling.fit(LOGITS, MARKS)
    assert ((scaling.predict_proba(LOGITS) > 0.5) == scaling.predict(LOGITS)).all()
    with pytest.raises(OptionError, match="elements or ignore_index"):
        scaling.set_params(temperature=2)


def test_scikit_learn_accepts_it():
    sklearn = pytest.importorskip("sklearn")
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer
    from sklearn.utils.validation import check_is_fitted

    scaling = TemperatureScaling(ignore_index=-100)
    pipeline = make_pipeline(FunctionTransformer(lambda x: x * 2), scaling).fit(LOGITS / 2, LABELS)
    assert pipeline[-1].temperature_ == TEMPERATURE
    assert (pipeline.predict_proba(LOGITS / 2) == scaling.predict_proba(LOGITS)).all()
    assert (pipeline.predict(LOGITS / 2) == LOGITS.argmax(1)).all()
    counted = LABELS != -100
    from sklearn.metrics import get_scorer
    score = get_scorer("neg_log_loss")(scaling, LOGITS[counted], LABELS[counted])
    assert score == pytest.approx(-scaling.loss, rel=1e-12)
    copied = sklearn.base.clone(scaling)
    assert copied.get_params() == scaling.get_params()
    check_is_fitted(scaling)
    with pytest.raises(sklearn.exceptions.NotFittedError):
        check_is_fitted(copied)
    assert (make_pipeline(scaling, FunctionTransformer()).fit_transform(LOGITS, LABELS) == scaling.transform(LOGITS)).all()
