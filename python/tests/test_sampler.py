# SPDX-License-Identifier: Apache-2.0
"""Cursors: the tokens of `sample`, whose steps they count."""
import re

import numpy as np
import pytest

import pyxent

LOGITS = np.array([2, 1, 0, 1.5], np.float32)
BATCH = np.random.default_rng(0).normal(size=(3, 50)).astype(np.float32)


@pytest.mark.parametrize("options", [{}, {"temperature": 0.7, "top_p": 0.9}, {"rules": "vllm", "top_k": 2},
                                     {"temperature": [0, 1, 2], "seed": [1, 2, 3]}, {"stream": 9, "draw": 2}])
def test_tokens_are_those_of_the_function(options):
    sampler = pyxent.Sampler(**{"seed": 7, **options})
    logits = [BATCH + i for i in range(20)]
    expected = [pyxent.sample(x, **{"seed": 7, **options}, step=i).tokens for i, x in enumerate(logits)]
    for first in (0, 5):
        cursor = sampler.start(first)
        np.testing.assert_array_equal([cursor.next(x) for x in logits[first:]], expected[first:])
        assert cursor.step == len(logits)
    assert len({tuple(tokens) for tokens in expected}) > 1


def test_one_row_has_integers():
    cursor = pyxent.Sampler(seed=42).start()
    tokens = [cursor.next(LOGITS) for _ in range(50)]
    assert tokens == [pyxent.sample(LOGITS, seed=42, step=i).tokens for i in range(50)]
    assert {type(token) for token in tokens} == {int} and len(set(tokens)) > 1
    cursor.step = 10
    assert cursor.next(LOGITS) == tokens[10]


def test_history_and_outputs():
    options = {"seed": 3, "repetition_penalty": 1.5}
    cursor, history = pyxent.Sampler(**options).start(), []
    for step in range(8):
        before = {"output_tokens": np.array(history)} if history else {}
        expected = pyxent.sample(LOGITS, **options, **before, step=step, log_probabilities=True)
        found = cursor.sample(LOGITS, **before, log_probabilities=True)
        assert (found.tokens, found.log_probabilities) == (expected.tokens, expected.log_probabilities)
        history.append(int(found.tokens))
    assert cursor.next(LOGITS, class_mask=np.arange(4) == 2) == 2


def test_without_a_seed():
    sampler = pyxent.Sampler()
    first, second = ([cursor.next(BATCH).tolist() for _ in range(5)] for cursor in (sampler.start(), sampler.start()))
    assert first == second == [pyxent.sample(BATCH, seed=sampler.seed, step=i).tokens.tolist() for i in range(5)]
    assert pyxent.Sampler().seed != sampler.seed


def test_texts():
    sampler = pyxent.Sampler(top_k=2, seed=1)
    assert repr(sampler) == "Sampler(top_k=2, seed=1)"
    assert repr(sampler.start(3)) == "SamplerCursor(step=3, Sampler(top_k=2, seed=1))"


@pytest.mark.parametrize("row", [[0, np.nan], [0, np.inf], [-np.inf, -np.inf]])
def test_logits_without_a_token_do_not_count(row):
    cursor, row = pyxent.Sampler(seed=1).start(), np.array(row, np.float32)
    with pytest.raises(pyxent.XentError, match=r"logits has no token that can be drawn; expected logits without NaN"):
        cursor.next(row)
    assert cursor.step == 0
    assert cursor.next(row[None]).tolist() == [-1] and cursor.step == 1


def test_a_call_that_raises_does_not_count():
    cursor = pyxent.Sampler(seed=1).start()
    with pytest.raises(pyxent.DTypeError):
        cursor.next(LOGITS.astype(float))
    assert cursor.step == 0


@pytest.mark.parametrize("call, error, message", [
    (lambda: pyxent.Sampler(step=1), TypeError, "Sampler() got the argument 'step'; expected it in start(step=...)"),
    (lambda: pyxent.Sampler(temprature=1), TypeError, "'temprature'; expected temperature"),
    (lambda: pyxent.Sampler(temperature=-1), pyxent.OptionError, "temperature is -1; expected 0"),
    (lambda: pyxent.Sampler(rules="ggml"), pyxent.OptionError, "rules is ggml; expected one of xent"),
    (lambda: pyxent.Sampler(seed=0.5), TypeError, "seed is 0.5; expected an integer"),
    (lambda: pyxent.Sampler().start(-1), pyxent.OptionError, "step is -1; expected a number from 0"),
    (lambda: pyxent.Sampler().start().next(LOGITS, seeds=1), TypeError, "'seeds'; expected seed"),
])
def test_mistakes(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()
