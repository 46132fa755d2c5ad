# SPDX-License-Identifier: Apache-2.0
"""Errors and results travel between processes."""
import copy
import inspect
import multiprocessing
import pickle

import numpy as np
import pytest

import pyxent
from pyxent import errors

LOGITS, LABELS = np.array([[2, 1, 0], [0, 3, 1]], np.float32), np.array([0, 1])
CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, pyxent.XentError)]


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_every_error_is_copied_whole(kind, again):
    error = kind("row 1 has label 9", *((1, 9, 3) if kind is pyxent.LabelError else ()))
    error.seen_by = "a test"
    copied = again(error)
    assert type(copied) is kind and str(copied) == str(error) and copied.args == error.args
    assert copied.__dict__ == error.__dict__


def wrong_label(label):
    return pyxent.cross_entropy(LOGITS, np.array([0, label])).loss


def test_no_array_is_a_type_error():
    for call in (lambda: pyxent.softmax("x"), lambda: pyxent.cross_entropy(LOGITS, LABELS > 0)):
        with pytest.raises(TypeError) as error:
            call()
        assert isinstance(error.value, pyxent.DTypeError) and isinstance(error.value, ValueError)


def test_an_error_comes_back_from_a_process():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        with pytest.raises(pyxent.LabelError) as error:
            pool.apply_async(wrong_label, (-100,)).get(timeout=60)
    assert (error.value.row, error.value.label, error.value.classes) == (1, -100, 3)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda result: pickle.loads(pickle.dumps(result))])
def test_copies_of_results(again):
    given = dict(reduction="sum", losses=True, save_statistics=True)
    copied = again(pyxent.cross_entropy(LOGITS, LABELS, **given))
    assert copied.loss == pyxent.cross_entropy(LOGITS, LABELS, **given).loss and copied.losses.shape == (2,)
    with pytest.raises(pyxent.OptionError) as error:
        copied.backward()
    assert str(error.value) == ("statistics stay with the result that the call gave, and this is a copy of it: call "
                                "backward of the former")
    selected = pyxent.selected_log_probabilities(LOGITS, LABELS, save_statistics=True)
    np.testing.assert_array_equal(again(selected).log_probabilities, selected.log_probabilities)
    assert again(pyxent.sample(LOGITS)).tokens.shape == again(pyxent.top_k(LOGITS, 1)).classes[:, 0].shape


def test_results_are_compared_hashed_and_written():
    result = pyxent.cross_entropy(LOGITS, LABELS, gradient=True)
    assert result == result and result != pyxent.cross_entropy(LOGITS, LABELS, gradient=True)
    assert {result: 1}[result] == 1
    assert f"{result:.3f}" == "0.289" and f"{result}" == str(result) == repr(result)
