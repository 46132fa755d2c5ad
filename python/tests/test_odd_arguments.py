# SPDX-License-Identifier: Apache-2.0
"""Odd values for every argument of every function: an error of Xent, or a result; never an error of NumPy."""
import traceback
from pathlib import Path

import numpy as np
import pytest

import pyxent
from pyxent._names import parameters_of

X, LABELS = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32), np.array([0, 2, 1, 1])
SHARES = abs(X) % 1
CALLS = {
    "softmax": (X,), "log_softmax": (X,), "log_sum_exp": (X,), "softmax_backward": (X, X), "top_k": (X, 2),
    "sigmoid": (X,), "log_sigmoid": (X,), "sigmoid_backward": (X, X), "log_sigmoid_backward": (X, X),
    "log_softmax_backward": (X, X), "argmax": (X,), "entropy": (X,), "selected_log_probabilities": (X, LABELS),
    "cross_entropy": (X, LABELS), "binary_cross_entropy": (X, SHARES), "linear_cross_entropy": (X, X[:3], LABELS),
    "nll_loss": (X, LABELS), "kl_div": (X, SHARES), "kl_divergence": (X, X), "jensen_shannon_divergence": (X, X),
    "total_variation": (X, X), "cross_entropy_hvp": (X, X),
    "sample": (X,)}


class Unequal:
    """As arrays of NumPy, it has no single answer."""

    def __eq__(self, other):
        return np.array([True, False])

    __hash__ = None


ODD = [None, True, 0, -1, 2**70, 1.5, float("nan"), float("inf"), "x", "", b"a", bytearray(2), [], [1], [[1]], (1, 2), {},
       {"a": 1}, np.array([1.0, 2]), np.array([]), np.array(1), np.array(1.5), np.zeros((4, 3)), np.array(["a", "b"]),
       np.array([None, 1], object), np.array([True, False]), np.array(1 + 2j), np.zeros((4, 3), np.float16), 1 + 2j,
       object(), Unequal(), range(4), iter([1]), int, np.bool_(True), np.ma.masked_array(X, X > 0), np.datetime64("nat"),
       np.zeros(4, [("a", "f4")]), memoryview(b"abcd"), np.ones((2, 4))[:, ::-1]]


def test_all_functions_are_here():
    of_arrays = {name for name in pyxent.__all__ if name.islower() and name not in (
        "bfloat16", "bind", "isas", "numerics_version")}
    assert of_arrays == CALLS.keys()


class OnlyDLPack:
    """A scalar or an array that lends its memory by DLPack, and has no other method."""

    def __init__(self, numbers):
        self.numbers = np.asarray(numbers)

    def __dlpack__(self, **options):
        return self.numbers.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.numbers.__dlpack_device__()

    def __repr__(self):
        return "OnlyDLPack()"


@pytest.mark.parametrize("call, name, expected", [
    (lambda value: pyxent.softmax(X, temperature=value), "temperature", "a number"),
    (lambda value: pyxent.sample(X, temperature=value), "temperature", "a number"),
    (lambda value: pyxent.sample(X, seed=1, step=value), "step", "an integer"),
    (lambda value: pyxent.Sampler(top_p=value), "top_p", "a number"),
    (lambda value: pyxent.cross_entropy(X, LABELS, label_smoothing=value), "label_smoothing", "a number"),
    (lambda value: pyxent.cross_entropy(X, LABELS, denominator=value), "denominator", "a number"),
    (lambda value: pyxent.cross_entropy(X, LABELS, ignore_index=value), "ignore_index", "an integer"),
    (lambda value: pyxent.top_k(X, value), "k", "an integer"),
    (lambda value: pyxent.softmax(X, axis=value), "axis", "an integer")])
def test_numbers_that_only_dlpack_lends(call, name, expected):
    """The fix in the message works."""
    with pytest.raises(TypeError) as error:
        call(OnlyDLPack(1))
    assert str(error.value) == f"{name} is OnlyDLPack(); expected {expected}. Convert it: numpy.from_dlpack({name})"
    call(np.from_dlpack(OnlyDLPack(1)))
    if name in ("temperature", "step"):
        call(np.from_dlpack(OnlyDLPack(np.ones(4, np.float32 if name == "temperature" else int))))


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("is_bound", [False, True])
def test_odd_values(name, is_bound):
    function, package = getattr(pyxent, name), Path(pyxent.__file__).parent
    for i, argument in enumerate(parameters_of(function)):
        for value in ODD:
            arguments, options = [array.copy() if isinstance(array, np.ndarray) else array for array in CALLS[name]], {}
            if i < len(arguments):
                arguments[i] = value
            else:
                options[argument] = value
            try:
                if is_bound:
                    pyxent.bind(function, *arguments, **options)()
                else:
                    function(*arguments, **options)
            except pyxent.XentError:
                pass
            except TypeError as error:  # of Xent: of what no array and no number is
                last = traceback.extract_tb(error.__traceback__)[-1]
                assert Path(last.filename).parent == package and str(error).endswith((
                    "expected a number", "expected an integer", "expected True or False", "expected an array",
                    "expected an array, or None for a new one", "together")) or "expected one of" in str(error), (
                    argument, value, error)
