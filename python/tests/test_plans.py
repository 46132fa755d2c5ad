# SPDX-License-Identifier: Apache-2.0
"""Calls whose plan is kept: they have the bits and errors of calls that are checked."""
import gc
import threading
import weakref

import numpy as np
import pytest

import pyxent
from pyxent import _draw, _plans
from test_bind import CASES, LABELS, X, bits, fill


@pytest.fixture(autouse=True)
def no_plans():
    _plans._PLANS.clear()


@pytest.mark.parametrize("operation, arrays", [(case[0], case[1:]) for case in CASES])
def test_a_call_again_has_the_bits_of_one_that_is_checked(operation, arrays):
    *arrays, options = arrays
    for _ in range(4):
        fill()
        again = bits(operation(*arrays, **options))
        kept = dict(_plans._PLANS)
        _plans._PLANS.clear()
        assert again == bits(operation(*arrays, **options))
        _plans._PLANS.update(kept)


PLANNED = [
    (pyxent.softmax, dict(temperature=2.0, class_mask=np.array([1, 0, 1, 1, 1], bool), sink=0.5 * np.ones(6, np.float32))),
    (pyxent.log_softmax, dict(axis=0, dtype="float16")), (pyxent.log_sum_exp, dict(keepdims=True)),
    (pyxent.softmax_backward, dict(upstream=X)), (pyxent.argmax, {}), (pyxent.entropy, dict(softcap=3.0)),
    (pyxent.top_k, dict(k=2)), (pyxent.selected_log_probabilities, dict(targets=np.zeros(6, int), gradient=True)),
    (pyxent.cross_entropy, dict(targets=np.zeros(6, int), losses=True, correct=True, label_smoothing=0.1, z_loss=1e-4)),
    (pyxent.cross_entropy, dict(targets=np.full((6, 5), 0.2, np.float32), gradient=True, reduction="sum")),
    (pyxent.binary_cross_entropy, dict(targets=np.ones((6, 5), np.int8), gradient=True)),
    (pyxent.total_variation, dict(teacher=X + 1, gradient=True)), (pyxent.cross_entropy_hvp, dict(upstream=X)),
    (pyxent.sample, dict(seed=1, step=3, top_p=0.9, ranks=True))]


@pytest.mark.parametrize("operation, options", PLANNED)
def test_a_call_again_needs_no_check(operation, options, monkeypatch):
    first = bits(operation(X, **options))
    assert len(_plans._PLANS) == 1
    monkeypatch.setattr(_plans.Checked, "now", None)
    assert bits(operation(X.copy(), **options)) == first


@pytest.mark.parametrize("one, other", [
    (dict(axis=1), dict(axis=True)), (dict(fully_masked="nan"), dict(fully_masked="zero")),
    (dict(threads=1), dict(threads=True)),
    (dict(temperature=2), dict(temperature=True)), (dict(out=np.zeros_like(X)), dict(out=np.zeros_like(X)[:, ::-1]))])
def test_options_that_are_equal_and_of_another_type_have_another_plan(one, other):
    pyxent.softmax(X, **one)
    try:
        expected = bits(pyxent.softmax(X.copy(), **other))
    except (TypeError, pyxent.XentError) as error:
        expected = str(error)
    pyxent.softmax(X, **one)
    try:
        assert bits(pyxent.softmax(X, **other)) == expected
    except (TypeError, pyxent.XentError) as error:
        assert str(error) == expected


def test_a_negative_zero_has_another_plan():
    labels = np.zeros(6, int)
    for scale in (0.0, -0.0, 0.0):
        found = pyxent.cross_entropy(X, labels, gradient=True, gradient_scale=scale)
        _plans._PLANS.clear()
        assert bits(found) == bits(pyxent.cross_entropy(X, labels, gradient=True, gradient_scale=scale))


def test_errors_are_those_of_a_call_that_is_checked():
    labels, out = np.zeros(6, int), np.zeros_like(X)
    pyxent.softmax(X, out=out)
    pyxent.cross_entropy(X, labels, gradient=out)
    pyxent.cross_entropy(X, labels, class_weights=np.ones(5, np.float32))
    shared = np.zeros(33, np.float32)
    x, beside = shared[:30].reshape(6, 5), shared[3:].reshape(6, 5)
    with pytest.raises(pyxent.ArrayMemoryError, match="out and logits lie within each other's span of memory"):
        pyxent.softmax(x, out=beside)
    labels[3] = 5
    with pytest.raises(pyxent.LabelError, match="row 3 has label 5; classes are 0 to 4"):
        pyxent.cross_entropy(X, labels, gradient=out)
    labels[3] = 0
    with pytest.raises(pyxent.OptionError, match="class_weights of class 0 is -1.0; expected finite numbers that are 0 or more"):
        pyxent.cross_entropy(X, labels, class_weights=-np.ones(5, np.float32))
    out.flags.writeable = False
    with pytest.raises(pyxent.ArrayMemoryError, match="out is read-only"):
        pyxent.softmax(X, out=out)


def test_an_argument_too_many_has_no_plan():
    pyxent.cross_entropy(X, np.zeros(6, int))
    with pytest.raises(TypeError, match="got 3 positional arguments; expected 2"):
        pyxent.cross_entropy(X, np.zeros(6, int), X[0])


def test_the_oldest_plan_is_dropped_alone(monkeypatch):
    monkeypatch.setattr(_plans, "_MOST_PLANS", 3)
    for n in range(1, 6):
        pyxent.softmax(np.zeros((1, n)))
    assert [plan.classes for plan in _plans._PLANS.values()] == [3, 4, 5]


def test_a_plan_keeps_no_array():
    fill()
    kept = []
    for operation, options in PLANNED[:11]:
        x = X.copy()
        options = {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in options.items()}
        operation(x, **options), operation(x, **options)
        kept += [weakref.ref(array) for array in (x, *options.values()) if isinstance(array, np.ndarray)]
    del x, options
    gc.collect()
    assert len(kept) > 15 and not [each for each in kept if each() is not None]


def test_threads_that_use_one_plan():
    fill()
    labels = np.abs(LABELS)
    inputs = [X * k for k in range(1, 5)]
    expected = [bits(pyxent.cross_entropy(x, labels, gradient=True, losses=True)) for x in inputs]
    wrong, start = [], threading.Barrier(4)

    def many(k):
        start.wait()
        wrong.extend(k for _ in range(500) if bits(pyxent.cross_entropy(inputs[k], labels, gradient=True, losses=True))
                     != expected[k])

    threads = [threading.Thread(target=many, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


PENALTIES = dict(repetition_penalty=1.3, frequency_penalty=0.2, presence_penalty=0.1)
TEXTS = [{}, dict(temperature=0), PENALTIES, dict(no_repeat_ngram=2), dict(dry_multiplier=0.8, dry_breakers=[3]),
         dict(banned_sequences=[[1, 2], [4]]), dict(no_repeat_ngram=2, dry_multiplier=0.8, **PENALTIES),
         dict(class_mask=np.array([0b1011011101], np.int32)), dict(class_mask=np.arange(10) != 3, **PENALTIES),
         dict(class_mask=np.array([0b1011011101], np.int32), ranks=True, **PENALTIES),
         dict(bias_tokens=np.array([1, 2]), bias_values=np.array([2, 1], np.float32)),
         dict(bias=np.arange(10, dtype=np.float32), top_k=3, top_p=0.9, min_p=0.1, scale=0.5)]


@pytest.mark.parametrize("options", TEXTS)
@pytest.mark.parametrize("prompt", [[], [1, 2, 1, 2, 5]])
def test_a_cursor_draws_the_tokens_of_checked_calls(options, prompt, monkeypatch):
    random = np.random.default_rng(8)
    rows = [random.normal(size=10).astype(np.float32) for _ in range(40)]
    rows[9], rows[17:19] = rows[9].astype(np.float16), [np.repeat(row, 2)[::2] for row in rows[17:19]]
    found = []
    for _ in range(2):
        cursor = pyxent.Sampler(seed=5, stream=2, **options).start(prompt_tokens=prompt)
        tokens = [cursor.next(row) for row in rows[:30]]
        cursor.rewind(20)
        fork = cursor.fork()
        tokens += [each.next(row) for row in rows[30:] for each in (cursor, fork)]
        found.append(tokens)
        monkeypatch.setattr(_draw.Draw, "of", lambda *_: None)
    assert found[0] == found[1] and (len(set(found[0])) > 2 or "temperature" in options)


def test_a_cursor_checks_once(monkeypatch):
    row = np.arange(10, dtype=np.float32)
    for options in TEXTS:
        cursor = pyxent.Sampler(seed=5, **options).start(prompt_tokens=[1])
        cursor.next(row)
        monkeypatch.setattr(_plans.Checked, "now", None)
        for _ in range(8):
            cursor.next(row.copy())
        monkeypatch.undo()
    cursor = pyxent.Sampler(seed=5, repetition_penalty=1.1).start()
    cursor.next(row)
    for wrong, message in ((np.full(10, np.nan, np.float32), "nan in class 0"),
                           (np.full(10, -np.inf, np.float32), "-inf in all")):
        with pytest.raises(pyxent.NoTokenError, match=message):
            cursor.next(wrong)
    cursor.accept(9)
    with pytest.raises(pyxent.LabelError, match="the text of this cursor has token 9, logits has 9 classes"):
        cursor.next(row[:9])
    assert cursor.step == 2
