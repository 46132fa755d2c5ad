# SPDX-License-Identifier: Apache-2.0
"""Copies and pickles of results, samplers and bfloat16 arrays, with and without NumPy."""
import array
import copy
import gc
import pickle
import subprocess
import sys

import numpy as np
import pytest

import pyxent

WAYS = [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))]


@pytest.mark.parametrize("way", WAYS)
def test_bfloat16_has_its_own_memory(way):
    bits = np.array([[0x3F80, 0x4000, 0, 1], [0x4040, 0, 0, 1]], np.uint16)[:, ::2]
    again = way(pyxent.bfloat16(bits))
    expected = pyxent.softmax(pyxent.bfloat16(bits), dtype="float32").tolist()
    bits[:] = 0
    del bits
    gc.collect()
    assert pyxent.softmax(again, dtype="float32").tolist() == expected


def test_bfloat16_goes_to_another_process():
    program = "import pickle, pyxent, sys; print(float(pyxent.log_sum_exp(pickle.load(sys.stdin.buffer), dtype='float32')))"
    sent = pickle.dumps(pyxent.bfloat16(np.full(5000, 0x3F80, np.uint16)))
    run = subprocess.run([sys.executable, "-c", program], input=sent, capture_output=True, check=True, timeout=60)
    assert float(run.stdout) == pytest.approx(1 + np.log(5000), abs=1e-5)


@pytest.fixture
def without_numpy(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", None)


def rows():
    return memoryview(array.array("f", [1, 2, 3, 4, 5, 7])).cast("B").cast("f", (2, 3))


@pytest.mark.parametrize("way", [*WAYS, copy.copy])
@pytest.mark.parametrize("call", [
    lambda: pyxent.cross_entropy(rows(), array.array("q", [1, 0]), losses=True, gradient=True, save_statistics=True),
    lambda: pyxent.linear_cross_entropy(rows(), rows(), array.array("q", [1, 0]), hidden_gradient=True),
    lambda: pyxent.selected_log_probabilities(rows(), array.array("q", [1, 0]), gradient=True),
    lambda: pyxent.top_k(rows(), 2),
    lambda: pyxent.sample(rows(), seed=1, step=0, entropies=True),
    lambda: pyxent.LinearGradients(hidden=rows())])
def test_results_without_numpy(without_numpy, call, way):
    result = call()
    again = way(result)
    assert type(again) is type(result)
    names = getattr(result, "_fields", None) or list(vars(result))
    memory = [name for name in names if isinstance(getattr(result, name), memoryview)]
    assert memory
    for name in memory:
        before, after = getattr(result, name), getattr(again, name)
        assert (after.tolist(), after.shape, after.format) == (before.tolist(), before.shape, before.format)
        assert not after.readonly
        before[(0,) * before.ndim] = 9
        assert (after.tolist() == before.tolist()) == (way is copy.copy)
    for name in set(names) - {*memory, "_saved"}:
        assert getattr(again, name) == getattr(result, name)


@pytest.mark.parametrize("way", [*WAYS, copy.copy])
def test_samplers_without_numpy(without_numpy, way):
    logits = memoryview(array.array("f", [1, 2, 3]))
    sampler = pyxent.Sampler(class_mask=memoryview(b"\1\1\0").cast("?"), bias=memoryview(array.array("f", [2, 0, 0])),
                             seed=3)
    again = way(sampler)
    assert repr(again).startswith("Sampler(class_mask=<memory")
    assert [again.start(step).next(logits) for step in range(9)] == [sampler.start(step).next(logits) for step in range(9)]
    cursor = sampler.start()
    cursor.next(logits)
    assert way(cursor).next(logits) == cursor.next(logits)


def test_a_result_without_elements(without_numpy):
    empty = memoryview(bytearray()).cast("f")
    result = pyxent.Selected(log_probabilities=empty)
    assert pickle.loads(pickle.dumps(result)).log_probabilities.shape == (0,)
