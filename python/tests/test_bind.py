# SPDX-License-Identifier: Apache-2.0
"""Calls that are bound: each run has the results and errors of the ordinary call on what memory holds then."""
import array
import copy
import dataclasses
import functools
import gc
import pickle
import threading

import numpy as np
import pytest

import pyxent
from pyxent import _call, _plans, _threads

RANDOM = np.random.default_rng(36)
X, Y, FEATURES = (np.zeros((6, 5), np.float32) for _ in range(3))
ROWS, LABELS, ONES, TOKENS = np.zeros(6, np.float32), np.zeros(6, int), np.zeros((6, 5), np.int8), np.zeros((6, 2), int)
MASK, STEPS, TEMPERATURES = np.zeros(5, bool), np.zeros(6, np.uint32), np.ones(6, np.float32)
STEP, WARMTH = np.zeros((), np.uint32), np.ones(())
SHARES, CLASSES = np.zeros((6, 5), np.float32), np.zeros((6, 2), int)


def fill():
    """Other numbers everywhere; from run to run more or fewer rows count."""
    for floats in (X, Y, FEATURES):
        floats[...] = RANDOM.normal(size=floats.shape) * 3
    for integers, least, end in ((ROWS, 0, 3), (LABELS, -1, 5), (ONES, 0, 2), (TOKENS, -1, 5), (STEPS, 0, 99)):
        integers[...] = RANDOM.integers(least, end, integers.shape)
    MASK[...] = np.arange(5) != RANDOM.integers(0, 5)
    TEMPERATURES[...] = RANDOM.integers(1, 4, 6)
    STEP[...], WARMTH[...] = RANDOM.integers(0, 99), RANDOM.integers(0, 2)
    SHARES[...] = RANDOM.uniform(0, 1 / 5, SHARES.shape)
    CLASSES[...] = RANDOM.integers(0, 5, CLASSES.shape)


GRADIENT = dict(gradient=True)
CASES = [
    (pyxent.softmax, X, {}),
    (pyxent.softmax, X, dict(axis=0, temperature=2, softcap=9, sink=ROWS[:5], dtype="float16", threads=1)),
    (pyxent.softmax, np.broadcast_to(X[:, None, None], (6, 3, 2, 5)).transpose(2, 0, 1, 3), {}),  # copied in blocks
    (pyxent.log_softmax, X, dict(class_mask=MASK)),
    (pyxent.log_sum_exp, X.reshape(-1), dict(row_offsets=np.array([0, 5, 11, 30]))),
    (pyxent.softmax_backward, X, Y, {}),
    (pyxent.log_softmax_backward, X, Y, dict(temperature=3)),
    (pyxent.top_k, X, 2, {}),
    (pyxent.selected_log_probabilities, X, LABELS, dict(ignore_index=-1, upstream=ROWS, **GRADIENT)),
    (pyxent.cross_entropy, X, LABELS, dict(ignore_index=-1)),
    (pyxent.cross_entropy, X, LABELS, dict(
        ignore_index=-1, losses=True, correct=True, ranks=True, entropies=True, top_count=2, top_classes=True,
        label_smoothing=0.1, row_weights=ROWS, class_weights=np.ones(5, np.float32), **GRADIENT)),
    (pyxent.cross_entropy, X, SHARES, dict(reduction="sum", **GRADIENT)),
    (pyxent.cross_entropy, X.T, LABELS, dict(axis=0, ignore_index=-1, reduction="sum", **GRADIENT)),
    (pyxent.cross_entropy, X, CLASSES, dict(target_weights=SHARES[:, :2], **GRADIENT)),
    (pyxent.binary_cross_entropy, X, ONES, dict(losses=True, **GRADIENT)),
    (pyxent.linear_cross_entropy, X, FEATURES, LABELS, dict(ignore_index=-1, hidden_gradient=True,
                                                            weights_gradient=True)),
    (pyxent.jensen_shannon_divergence, X, Y, dict(row_weights=ROWS, **GRADIENT)),
    (pyxent.cross_entropy_hvp, X, Y, dict(row_weights=ROWS)),
    (pyxent.sample, X, dict(seed=0, step=STEPS, top_p=0.9, kept=True)),
    (pyxent.softmax, X, dict(temperature=TEMPERATURES)),
    (pyxent.cross_entropy, X, LABELS, dict(ignore_index=-1, temperature=TEMPERATURES[:, None], **GRADIENT)),
    (pyxent.sample, X, dict(seed=STEP, step=STEP, temperature=WARMTH, ranks=True, processed_log_probabilities=True)),
    (pyxent.sample, X, dict(seed=3, step=0, prompt_tokens=TOKENS, repetition_penalty=1.5)),
    (functools.partial(pyxent.softmax, axis=0), X, {}),
]


def bits(result):
    """Of a result all that compares, but what statistics are of."""
    if dataclasses.is_dataclass(result):
        return [bits(getattr(result, field.name)) for field in dataclasses.fields(result) if field.name != "_saved"]
    if isinstance(result, tuple):
        return [bits(item) for item in result]
    return (result.dtype, result.shape, result.tobytes()) if hasattr(result, "tobytes") else (type(result), str(result))


@pytest.mark.parametrize("operation, arrays", [(case[0], case[1:]) for case in CASES])
def test_every_run_is_the_ordinary_call(operation, arrays):
    *arrays, options = arrays
    fill()
    call, before = pyxent.bind(operation, *arrays, **options), []
    for _ in range(4):
        got = bits(call())
        assert got == bits(operation(*arrays, **options)) and got not in before
        before.append(got)
        fill()


@pytest.mark.parametrize("operation", [pyxent.softmax, pyxent.log_softmax, pyxent.cross_entropy])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_in_place(operation, dtype):
    x, labels = RANDOM.normal(size=(1, 10)).astype(dtype), np.array([3])
    given = ((x,), dict(out=x)) if operation is not pyxent.cross_entropy else ((x, labels), dict(gradient=x))
    call = pyxent.bind(operation, *given[0], **given[1])
    for _ in range(3):
        copy = x.copy()
        expected = operation(copy, *given[0][1:], **dict.fromkeys(given[1], copy))
        assert bits(call()) == bits(expected) and x.tobytes() == copy.tobytes()


def test_bfloat16_and_other_lenders():
    x, out = array.array("H", [0x3F80] * 4), array.array("H", [0] * 4)
    call = pyxent.bind(pyxent.softmax, pyxent.bfloat16(x), out=pyxent.bfloat16(out))
    for first in (0x3F80, 0x4000):
        x[0] = first
        call()
        expected = np.zeros(4, np.uint16)
        pyxent.softmax(pyxent.bfloat16(x), out=pyxent.bfloat16(expected))
        assert out.tobytes() == expected.tobytes()
    with pytest.raises(BufferError):
        x.append(0)  # would move what is bound


def test_labels_are_looked_at_in_each_run():
    fill()
    labels, gradient = np.abs(LABELS), np.zeros_like(X)
    call = pyxent.bind(pyxent.cross_entropy, X, labels, gradient=gradient)
    good = bits(call())
    labels[4] = 5
    gradient[...] = 7
    for _ in range(2):
        with pytest.raises(pyxent.LabelError, match="row 4 has label 5; classes are 0 to 4") as raised:
            call()
        assert (raised.value.row, raised.value.label) == (4, 5) and (gradient == 7).all()
    labels[4] = abs(LABELS[4])
    assert bits(call()) == good
    bad = pyxent.bind(pyxent.cross_entropy, X, np.full(6, 9))  # fails in a run, not before
    with pytest.raises(pyxent.LabelError, match="row 0 has label 9"):
        bad()


def test_rows_that_count_may_change_to_none():
    fill()
    labels, gradient = np.full(6, 2), np.ones_like(X)
    bound = {policy: pyxent.bind(pyxent.cross_entropy, X, labels, ignore_index=-1, gradient=gradient, empty_mean=policy)
             for policy in ("nan", "zero", "error")}
    for counted in (6, 3, 0, 6):
        labels[:] = np.where(np.arange(6) < counted, 2, -1)
        expected = pyxent.cross_entropy(X, labels, ignore_index=-1, gradient=True)
        for policy, call in bound.items():
            if not counted and policy == "error":
                with pytest.raises(pyxent.EmptyMeanError):
                    call()
                continue
            result = call()
            assert result.valid_rows == counted and result.gradient.tobytes() == expected.gradient.tobytes()
            assert result.loss == expected.loss or policy == "zero" and result.loss == 0 or np.isnan(result.loss)


@pytest.mark.parametrize("refused, options", [
    (pyxent.ShapeError, dict(axis=2)), (pyxent.OptionError, dict(temperature=-1)),
    (pyxent.DTypeError, dict(dtype="int8")),
    (pyxent.ArrayMemoryError, dict(out=X[:, ::-1])), (pyxent.OptionError, dict(threads=0)), (TypeError, dict(dim=1)),
    (TypeError, dict(threads="all"))])
def test_what_is_refused_when_it_is_bound(refused, options):
    if "out" in options:
        options = dict(out=X.reshape(-1)[1:26].reshape(5, 5))
    with pytest.raises(refused) as ordinary:
        pyxent.softmax(X[:5], **options)
    with pytest.raises(refused) as bound:
        pyxent.bind(pyxent.softmax, X[:5], **options)
    assert str(bound.value) == str(ordinary.value)


def test_results_are_in_the_same_arrays():
    fill()
    call = pyxent.bind(pyxent.cross_entropy, X, np.abs(LABELS), gradient=True)
    first, second = call(), call()
    assert first is not second and first.gradient is second.gradient
    out = np.zeros_like(X)
    assert pyxent.bind(pyxent.softmax, X, out=out)() is out


@pytest.mark.parametrize("threads", [None, 1, 3])
def test_large_calls_are_divided(threads, monkeypatch):
    x, labels = RANDOM.normal(size=(2048, 1000)).astype(np.float32), RANDOM.integers(0, 1000, 2048)
    bounds, invoke = [], _call.Call.invoke

    def recorded(self, function, options, begin, end, *rest, **named):
        bounds.append((function, begin))
        return invoke(self, function, options, begin, end, *rest, **named)

    monkeypatch.setattr(_threads, "processors", lambda: 3)
    expected = bits(pyxent.cross_entropy(x, labels, gradient=True, threads=threads))
    call = pyxent.bind(pyxent.cross_entropy, x, labels, gradient=True, threads=threads)
    monkeypatch.setattr(_call.Call, "invoke", recorded)
    for _ in range(3):
        assert bits(call()) == expected
        parts = {function: len({begin for f, begin in bounds if f == function}) for function, _ in bounds}
        assert set(parts.values()) == {threads or 3}
    labels[1999] = 1000
    with pytest.raises(pyxent.LabelError, match="row 1999"):
        call()


def test_arrays_are_kept():
    x = RANDOM.normal(size=(1, 10))
    expected, call = pyxent.softmax(x), pyxent.bind(pyxent.softmax, x.copy(), out=np.zeros((1, 10)))
    del x
    gc.collect()
    others = [np.full((1, 10), 9.0) for _ in range(100)]
    assert call().tobytes() == expected.tobytes() and others


def test_two_are_independent_and_a_run_that_fails_leaves_nothing():
    fill()
    x, labels = X.copy(), np.abs(LABELS)
    one, other = (pyxent.bind(pyxent.cross_entropy, logits, labels, gradient=True, losses=True) for logits in (X, x))
    for _ in range(3):
        x *= 2
        expected = bits(pyxent.cross_entropy(X, labels, gradient=True, losses=True))
        assert bits(one()) == expected != bits(other())
        labels[0] = -7
        with pytest.raises(pyxent.LabelError):
            other()
        labels[0] = 1


def test_threads_that_run_it_at_once():
    fill()
    labels = np.abs(LABELS)
    expected, call, wrong = bits(pyxent.cross_entropy(X, labels, gradient=True, row_weights=ROWS)), pyxent.bind(
        pyxent.cross_entropy, X, labels, gradient=True, row_weights=ROWS), []
    start = threading.Barrier(4)

    def many():
        start.wait()
        wrong.extend(1 for _ in range(500) if bits(call()) != expected)

    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def in_thread(function):
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


def test_no_thread_overwrites_the_results_of_another():
    fill()
    x = X.copy()
    call = pyxent.bind(pyxent.cross_entropy, x, np.abs(LABELS), gradient=True)
    mine = call().gradient
    before = mine.copy()
    x[...] = RANDOM.normal(size=x.shape)
    others = [in_thread(lambda: call().gradient) for _ in range(2)]
    assert mine.tobytes() == before.tobytes()
    assert bits(others[0]) == bits(others[1]) != bits(mine) and others[0] is not others[1]
    assert call().gradient is mine and bits(mine) == bits(others[0])
    of_thread = in_thread(lambda: (call().gradient, call().gradient))
    assert of_thread[0] is of_thread[1]


def test_a_run_during_a_run_of_the_same_thread(monkeypatch):
    x, inner, run = np.zeros((2, 3), np.float32), [], _plans.Run.run

    def interrupted(self, *given, **named):  # as by the handler of a signal
        if not inner:
            inner.append(None)
            inner[0] = call()
        return run(self, *given, **named)

    call = pyxent.bind(pyxent.softmax, x)
    monkeypatch.setattr(_plans.Run, "run", interrupted)
    assert call() is not inner[0] and bits(call()) == bits(inner[0])


def test_statistics_are_of_the_last_run():
    fill()
    labels, upstream = np.abs(LABELS), RANDOM.normal(size=6).astype(np.float32)
    call = pyxent.bind(pyxent.cross_entropy, X, labels, save_statistics=True)
    for _ in range(3):
        expected = pyxent.cross_entropy(X, labels, save_statistics=True)
        result = call()
        assert result.backward(upstream).tobytes() == expected.backward(upstream).tobytes()
        assert bits(result) == bits(expected)
        X[...] *= 0.5
    again, selected = call(), pyxent.bind(pyxent.selected_log_probabilities, X, labels, save_statistics=True)
    earlier = selected()
    selected()
    for each in (result, earlier):
        with pytest.raises(pyxent.OptionError) as error:
            each.backward(upstream)
        assert str(error.value) == ("this result is of an earlier run of a bound call, and the statistics are of the "
                                    "last one; expected backward before the next run")
    assert again.backward(upstream).shape == X.shape


def test_no_row():
    x = np.zeros((0, 3))
    call = pyxent.bind(pyxent.cross_entropy, x, np.zeros(0, int), gradient=True)
    assert np.isnan(call().loss) and call().gradient.shape == (0, 3)


def test_tensors_of_pytorch():
    torch = pytest.importorskip("torch")
    x = torch.randn(2, 10, dtype=torch.bfloat16)
    call = pyxent.bind(pyxent.softmax, x)
    for _ in range(2):
        assert torch.equal(call(), pyxent.softmax(x))
        x.mul_(2)
    version = call()._version
    assert call()._version > version  # a backward that saved it raises
    x.requires_grad_()
    with pytest.raises(pyxent.ArrayMemoryError, match="logits requires its gradient"):
        call()
    x.requires_grad_(False)
    x.resize_(4, 1000)
    with pytest.raises(pyxent.ArrayMemoryError, match="logits has other memory or another shape than when the call was "
                                                    "bound: bind it again"):
        call()


def test_an_array_that_became_read_only():
    fill()
    gradient = np.full_like(X, 7)
    call = pyxent.bind(pyxent.cross_entropy, X, np.abs(LABELS), gradient=gradient)
    gradient.flags.writeable = False
    with pytest.raises(pyxent.ArrayMemoryError) as ordinary:
        pyxent.cross_entropy(X, np.abs(LABELS), gradient=gradient)
    with pytest.raises(pyxent.ArrayMemoryError) as bound:
        call()
    assert str(bound.value) == str(ordinary.value) and (gradient == 7).all()
    gradient.flags.writeable = True
    assert call().gradient is gradient and not (gradient == 7).all()
    made = pyxent.bind(pyxent.softmax, X)
    made().flags.writeable = False
    with pytest.raises(pyxent.ArrayMemoryError, match="out is read-only"):
        made()


@pytest.mark.parametrize("lent", [lambda a: a, lambda a: a[2:8], memoryview, lambda a: memoryview(a)[1:],
                                  lambda a: pyxent.bfloat16(a.view(np.uint16)), lambda a: np.asarray(memoryview(a))])
def test_numpy_moves_no_array_that_is_bound(lent):
    memory = np.ones(1000, np.float32)
    call = pyxent.bind(pyxent.log_sum_exp, lent(memory))
    result = pyxent.cross_entropy(memory[None, :], np.array([0]), save_statistics=True)
    for resize in (lambda: memory.resize(4, refcheck=False), lambda: memory.resize(4000, refcheck=False)):
        with pytest.raises(ValueError, match="cannot resize"):
            resize()
    del call
    with pytest.raises(ValueError, match="cannot resize"):  # a later gradient is computed from it
        memory.resize(4, refcheck=False)
    del result
    memory.resize(4, refcheck=False)


@pytest.mark.parametrize("operation, name", [(pyxent.cross_entropy, "logits"), (pyxent.cross_entropy, "targets"),
                                             (pyxent.selected_log_probabilities, "logits")])
@pytest.mark.parametrize("moved", [lambda t: t.resize_(10_000_000), lambda t: t.untyped_storage().resize_(0)])
def test_a_later_gradient_of_memory_that_has_gone(operation, name, moved):
    torch = pytest.importorskip("torch")
    given = {"logits": torch.zeros(2, 3), "targets": torch.tensor([0, 1])}
    ordinary = operation(*given.values(), save_statistics=True)
    bound = pyxent.bind(operation, *given.values(), save_statistics=True)()
    assert ordinary.backward().shape == (2, 3)
    moved(given[name])
    for result in (ordinary, bound):
        with pytest.raises(pyxent.ArrayMemoryError, match=f"{name} has other memory or another shape than when the "
                                                        f"call was made: call again|{name} .* its storage was resized"):
            result.backward()


def test_what_cannot_be_bound():
    x = np.zeros((2, 4), np.float32)
    for call, message in (
            (lambda: pyxent.bind(np.sum, x), "operation is sum; expected a function of Xent that "
             "computes from arrays, such as pyxent.softmax"),
            (lambda: pyxent.bind(pyxent.isas), "operation is isas; expected a function of Xent "
             "that computes from arrays, such as pyxent.softmax"),
            (lambda: pyxent.bind(3), "operation is 3; expected a function of Xent that computes from arrays, such as "
             "pyxent.softmax"),
            (lambda: pyxent.bind(lambda **options: 3), "operation is <lambda>; expected a function of Xent "
             "that computes from arrays, such as pyxent.softmax"),
            (lambda: pyxent.bind(pyxent.bind, pyxent.softmax, x), "operation is pyxent.bind; expected a function of "
             "Xent that computes from arrays, such as pyxent.softmax"),
            (lambda: pyxent.bind(pyxent.cross_entropy, x, np.array([0, 1]), dim=1), "cross_entropy() got an unexpected "
             "keyword argument 'dim'; expected axis")):
        with pytest.raises(TypeError) as refused:
            call()
        assert str(refused.value) == message


def test_a_bound_call_is_shown_and_stays_here():
    call = pyxent.bind(pyxent.cross_entropy, np.zeros((2, 4), np.float32), LABELS[:2], gradient=True, ignore_index=-1)
    assert repr(call) == ("<bound call of pyxent.cross_entropy(float32 [2, 4], int64 [2], gradient=True, "
                          "ignore_index=-1)>")
    for copied in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError) as refused:
            copied(call)
        assert str(refused.value) == ("a bound call cannot be pickled or copied, because it holds the addresses of "
                                      "its arrays; bind the call again")


def test_a_bound_call_takes_no_arguments():
    step = pyxent.bind(pyxent.softmax, np.zeros((2, 3)))
    for call in (lambda: step(np.ones((2, 3))), lambda: step(logits=np.ones((2, 3)))):
        with pytest.raises(TypeError) as error:
            call()
        assert str(error.value) == "a bound call takes no arguments: write into the arrays that you bound"


def test_temperatures_are_checked_in_each_run():
    x, temperatures, out = np.zeros((2, 3)), np.ones(2), np.full((2, 3), 7.0)
    call = pyxent.bind(pyxent.softmax, x, temperature=temperatures, out=out)
    temperatures[1] = -1
    with pytest.raises(pyxent.OptionError, match="in row 1, temperature is -1.0"):
        call()
    assert (out == 7).all()
    temperatures[1] = 2
    assert call() is out and bits(out) == bits(pyxent.softmax(x, temperature=temperatures))
