# SPDX-License-Identifier: Apache-2.0
"""Cursors: the tokens of `sample`, whose steps they count."""
import array
import copy
import pickle
import sys
import threading

import numpy as np
import pytest

import pyxent

LOGITS = np.array([2, 1, 0, 1.5], np.float32)
TOKENS_OF_JAVA = [5, 2, 5, 1, 6, 4, 5, 0, 2, 7, 6, 7, 1, 5, 0, 1, 7, 5, 0, 7, 5, 6, 1, 1]
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
    options = {"seed": 3, "repetition_penalty": 1.5, "frequency_penalty": 0.1}
    cursor, history, prompt = pyxent.Sampler(**options).start(prompt_tokens=[2]), [], np.array([2])
    for step in range(8):
        before = {"prompt_tokens": prompt, **({"output_tokens": np.array(history)} if history else {})}
        expected = pyxent.sample(LOGITS, **options, **before, step=step, log_probabilities=True)
        found = cursor.sample(LOGITS, log_probabilities=True)
        assert (found.tokens, found.log_probabilities) == (expected.tokens, expected.log_probabilities)
        history.append(int(found.tokens))
    assert cursor.next(LOGITS, class_mask=np.arange(4) == 2) == 2
    cursor.rewind(3)
    assert [cursor.next(LOGITS) for _ in range(5)] == history[3:]
    cursor.rewind(3)
    cursor.accept(history[3])
    assert [cursor.next(LOGITS) for _ in range(4)] == history[4:]
    for step, logits in enumerate((np.append(LOGITS, 3), LOGITS), 8):  # of more classes, and again of as many
        before = {"prompt_tokens": prompt, "output_tokens": np.array(history)}
        expected = pyxent.sample(logits.astype(np.float32), **options, **before, step=step)
        assert cursor.next(logits.astype(np.float32)) == expected.tokens
        cursor.rewind(step)
        cursor.accept(history[0])
        history.append(history[0])


class Texts:
    """Random options of a text, and what they say of a token, looked for place by place."""

    def __init__(self, random):
        self.ngram = 0 if random.integers(3) == 0 else int(random.integers(1, 6))
        self.banned = [random.integers(0, 5, random.integers(1, 4)).tolist() for _ in range(random.integers(3))]
        self.multiplier, self.base = float(random.choice([0, 0.8, 3])), float(random.choice([1, 1.75]))
        self.allowed, self.range = int(random.integers(1, 4)), [None, 7][random.integers(2)]
        self.breakers = [random.integers(0, 5, random.integers(1, 3)).tolist() for _ in range(random.integers(3))]
        self.options = {
            "no_repeat_ngram": self.ngram, "banned_sequences": self.banned, "dry_multiplier": self.multiplier,
            "dry_base": self.base, "dry_allowed_length": self.allowed, "dry_range": self.range,
            "dry_breakers": [each[0] if len(each) == 1 and seed % 2 else each for seed, each in enumerate(self.breakers)]}

    def bias(self, text):
        def same(place, most):
            length = 0
            while length < most and text[place - 1 - length] == text[-1 - length]:
                length += 1
            return length

        bias, count = np.zeros(5, np.float32), len(text)
        begin = 0 if self.range is None else max(0, count - self.range)
        ends = [end for each in self.breakers for end in range(begin + len(each), count + 1)
                if text[end - len(each):end] == each]
        since = count - max(ends, default=begin)
        for place in range(begin, count):
            length = min(since, same(place, place - begin))
            if self.multiplier and length >= self.allowed and [text[place]] not in self.breakers:
                penalty = self.multiplier
                for _ in range(self.allowed, length):
                    penalty *= self.base
                bias[text[place]] = min(bias[text[place]], -penalty)
        for place in range(self.ngram - 1, count if self.ngram else 0):
            if same(place, self.ngram - 1) == self.ngram - 1:
                bias[text[place]] = -np.inf
        for *before, last in self.banned:
            if len(before) <= count and text[count - len(before):] == before:
                bias[last] = -np.inf
        return bias


def test_a_text_without_repetitions():
    random = np.random.default_rng(20261127)
    found = {"none": 0, "bias": 0, "no bias": 0}
    for seed in range(60):
        texts = Texts(random)
        prompt = random.integers(0, 5, random.integers(6)).tolist()
        cursor = pyxent.Sampler(seed=seed, **texts.options).start(prompt_tokens=prompt)
        text = list(prompt)
        for step in range(40):
            logits, bias = random.normal(size=5).astype(np.float32), texts.bias(text)
            expected = int(pyxent.sample(logits, seed=seed, step=step, bias=bias).tokens)
            if expected < 0:
                found["none"] += 1
                with pytest.raises(pyxent.XentError):
                    cursor.next(logits)
                expected = 0
                cursor.accept(expected)
            else:
                found["bias" if bias.any() else "no bias"] += 1
                assert cursor.next(logits) == expected
            text.append(expected)
    assert min(found.values()) > 50, found


def test_the_tokens_of_java():
    sampler = pyxent.Sampler(temperature=0.8, top_p=0.9, repetition_penalty=1.1, no_repeat_ngram=4,
                             banned_sequences=[[3], [1, 2]], dry_multiplier=0.7, dry_allowed_length=1, dry_breakers=[5],
                             seed=11)
    cursor = sampler.start(prompt_tokens=[1, 2, 4, 1, 2])
    logits = [np.array([(7 * i + 3 * step) % 11 / 4 for i in range(8)], np.float32) for step in range(24)]
    assert [cursor.next(row) for row in logits] == TOKENS_OF_JAVA


def test_drafts():
    sampler = pyxent.Sampler(repetition_penalty=1.2, no_repeat_ngram=3, seed=5)
    rows = np.random.default_rng(1).normal(size=(30, 9)).astype(np.float32)
    alone = sampler.start()
    expected = [alone.next(row) for row in rows]
    cursor, text = sampler.start(), []
    while len(text) < 26:
        drafts = expected[len(text):len(text) + 3]
        if len(text) % 2:
            drafts[1] = (drafts[1] + 1) % 9
        tokens = cursor.verify(rows[len(text):len(text) + 4], drafts)
        assert len(tokens) == (2 if len(text) % 2 else 4)
        text += tokens
        assert cursor.step == len(text)
    assert text == expected[:len(text)]
    broken = rows[:2].copy()
    broken[1, 0] = np.nan
    cursor = sampler.start()
    with pytest.raises(pyxent.NoTokenError, match=r"^logits\[1\] is float32 \[9\] with nan in class 0, and no token"):
        cursor.verify(broken, expected[:1])
    assert cursor.step == 0 and cursor.next(rows[0]) == expected[0]


def test_drafts_with_probabilities():
    p, q = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.1, 0.2, 0.4, 0.3])
    x, y, n = np.log(p).astype(np.float32), np.log(q).astype(np.float32), 3000
    drafts = pyxent.sample(np.tile(y, (n, 1)), seed=3, step=0).tokens  # the seed of the tokens
    tokens = pyxent.sample(np.tile(x, (n, 1)), seed=3, step=0, draft_tokens=drafts,
                           draft_probabilities=np.tile(q.astype(np.float32), (n, 1))).tokens
    counts = np.bincount(tokens, minlength=4)
    assert ((counts - n * p) ** 2 / (n * p)).sum() < 16.3
    assert abs((tokens == drafts).mean() - np.minimum(p, q).sum()) < 0.04
    for stream in range(200):
        cursor = pyxent.Sampler(seed=3, stream=stream).start()
        given = [pyxent.Sampler(seed=4, stream=stream).start(step).next(y) for step in range(2)]
        got = cursor.verify(np.tile(x, (3, 1)), given, np.tile(q.astype(np.float32), (2, 1)))
        assert got[:-1] == given[:len(got) - 1] and (len(got) == 3 or got[-1] != given[len(got) - 1])
        assert cursor.step == len(got)


def test_without_a_seed():
    sampler = pyxent.Sampler()
    for cursor in (sampler.start(), sampler.start()):
        expected = [pyxent.sample(BATCH, seed=sampler.seed, stream=cursor.stream, step=i).tokens.tolist() for i in range(5)]
        assert [cursor.next(BATCH).tolist() for _ in range(5)] == expected
    assert pyxent.Sampler().seed != sampler.seed


def test_texts():
    sampler = pyxent.Sampler(top_k=2, seed=1)
    assert repr(sampler) == "Sampler(top_k=2, seed=1)"
    assert repr(sampler.start(3)) == "SamplerCursor(step=3, Sampler(top_k=2, seed=1))"


@pytest.mark.parametrize("row, options", [
    ([0, np.nan], {}), ([-np.inf] * 2, {}), ([0, 1], {"class_mask": np.zeros(2, bool)}),
    ([0, 1], {"bias": np.full(2, -np.inf, np.float32)})])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_logits_without_a_token_do_not_count(row, options, dtype):
    cursor, row = pyxent.Sampler(seed=1).start(), np.array(row, dtype)
    with pytest.raises(pyxent.NoTokenError):
        cursor.next(row, **options)
    assert cursor.step == 0
    assert cursor.next(row[None], **options).tolist() == [-1] and cursor.step == 1


def test_penalties_of_a_batch_need_its_tokens():
    for options in ({"repetition_penalty": 1.5}, {"presence_penalty": [0.5, None, 1]}):
        cursor, before = pyxent.Sampler(temperature=0, **options).start(), np.tile(np.array([1, -1]), (3, 1))
        expected = pyxent.sample(BATCH, temperature=0, **options, output_tokens=before).tokens
        np.testing.assert_array_equal(cursor.next(BATCH, output_tokens=before), expected)
        cursor.next(BATCH, output_tokens=np.zeros((3, 0), int))
        cursor.next(BATCH, prompt_tokens=before)
        assert cursor.step == 3
        with pytest.raises(pyxent.OptionError) as error:
            cursor.next(BATCH)
        name = next(iter(options))
        assert str(error.value) == (f"{name} is set, logits has 2 dimensions and no tokens are passed; a cursor keeps no "
                                    "tokens of a batch: pass output_tokens to each call")
    assert pyxent.Sampler(repetition_penalty=1, presence_penalty=0).start().next(BATCH).shape == (3,)


def test_penalties_before_the_first_token():
    numbers = dict(repetition_penalty=1.5, frequency_penalty=0.1, presence_penalty=0.2)
    expected = pyxent.sample(LOGITS, seed=3, step=0).tokens
    assert pyxent.sample(LOGITS, seed=3, step=0, output_tokens=np.zeros(0, int), **numbers).tokens == expected
    assert pyxent.Sampler(seed=3, **numbers).start().next(LOGITS) == expected
    assert pyxent.sample(LOGITS, repetition_penalty=1, frequency_penalty=0, presence_penalty=None).sampled == 1


def test_a_call_that_raises_does_not_count():
    cursor = pyxent.Sampler(seed=1).start()
    with pytest.raises(pyxent.DTypeError):
        cursor.next(LOGITS.astype(float))
    assert cursor.step == 0


class WithoutShape:
    """As arrays of Arrow, it has no attribute `shape`."""

    def __init__(self, array):
        self.array = array

    @property
    def __array_interface__(self):
        return self.array.__array_interface__


@pytest.mark.parametrize("options", [{"repetition_penalty": 3.0}, {"no_repeat_ngram": 1}, {"dry_multiplier": 2}])
def test_logits_without_a_shape(options):
    logits = np.array([1, 1.2, 1.1, 0], np.float32)
    expected, cursor = (pyxent.Sampler(seed=1, temperature=0, **options).start() for _ in range(2))
    assert [cursor.next(WithoutShape(logits)) for _ in range(4)] == [expected.next(logits) for _ in range(4)]
    with pytest.raises(pyxent.DTypeError, match="logits is a list"):
        cursor.next([1.0, 2.0])


def test_logits_of_arrow():
    arrow = pytest.importorskip("pyarrow")
    cursor = pyxent.Sampler(seed=1, temperature=0, no_repeat_ngram=1).start()
    assert [cursor.next(arrow.array(LOGITS)) for _ in range(3)] == [0, 3, 1]


@pytest.mark.parametrize("tokens", [np.zeros(1, int), np.zeros((), np.int32), np.zeros(1, np.int32),
                                    array.array("q", [0]), memoryview(array.array("i", [0]))])
def test_tokens_in_an_array_of_the_caller_belong_to_the_text(tokens):
    cursor = pyxent.Sampler(seed=1, temperature=0, repetition_penalty=3.0).start()
    logits, found = np.array([1, 1.2, 1.1, 0], np.float32), []
    for _ in range(4):
        found.append(cursor.next(logits, tokens=tokens))
        assert np.asarray(tokens).item() == found[-1] and type(found[-1]) is int
    assert found == [1, 2, 0, 1] and cursor.step == 4
    cursor.rewind(0)
    assert cursor.sample(logits, tokens=tokens).tokens is tokens and cursor.step == 1
    with pytest.raises(pyxent.NoTokenError):
        cursor.next(np.full(4, np.nan, np.float32), tokens=tokens)
    assert cursor.step == 1


def test_tokens_of_a_batch_in_an_array_of_the_caller():
    cursor, tokens = pyxent.Sampler(seed=1, temperature=0).start(), array.array("q", [0, 0, 0])
    assert cursor.next(BATCH, tokens=tokens) is tokens and cursor.step == 1
    assert tokens.tolist() == BATCH.argmax(-1).tolist()


def test_a_ban_of_the_text_is_among_the_causes():
    cursor = pyxent.Sampler(banned_sequences=[[1]], seed=1).start()
    with pytest.raises(pyxent.NoTokenError, match="no class left by class_mask and the options of the text, and no token"):
        cursor.next(np.array([1, 2], np.float32), class_mask=np.array([False, True]))
    with pytest.raises(pyxent.NoTokenError, match="no class left by the options of the text, and no token"):
        cursor.next(np.array([-np.inf, 2], np.float32))


def test_without_numpy(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", None)
    cursor = pyxent.Sampler(temperature=0, no_repeat_ngram=1).start()
    assert [cursor.next(array.array("f", [1, 2])) for _ in range(2)] == [1, 0]


def test_a_sampler_is_no_cursor():
    sampler = pyxent.Sampler(seed=1)
    names = {name for name in vars(pyxent.SamplerCursor) if not name.startswith("_")}
    for name in {*names, "x"}:
        with pytest.raises(AttributeError) as error:
            getattr(sampler, name)
        fix = f"; expected start().{name}, of its cursor" if name in names else ""
        assert str(error.value) == f"Sampler has no attribute {name!r}{fix}"
    assert len(names) == 8 and copy.deepcopy(sampler).options == sampler.options


def texts(cursors):
    """The tokens that cursors draw from the same logits."""
    return [tuple(cursor.next(np.zeros(1000, np.float32)) for _ in range(4)) for cursor in cursors]


def test_each_text_of_a_sampler_without_a_seed_has_a_stream():
    sampler = pyxent.Sampler(temperature=0.8)
    cursors = [sampler.start() for _ in range(9)]
    drawn = texts(cursors)
    assert len(set(drawn)) == 9
    again = pyxent.Sampler(temperature=0.8, seed=sampler.seed)
    assert texts(again.start(stream=cursor.stream) for cursor in cursors) == drawn
    copies = [pickle.loads(pickle.dumps(sampler)) for _ in range(2)]
    assert len(set(texts([*(copy.start() for copy in copies), *(copy.start() for copy in copies)]))) == 4
    batch = np.zeros((3, 1000), np.float32)
    assert sampler.start().next(batch).tolist() != sampler.start().next(batch).tolist()


@pytest.mark.parametrize("options", [{"seed": 3}, {"stream": 5}, {"seed": 3, "stream": 5}])
def test_a_seed_or_a_stream_repeats_the_text(options):
    sampler = pyxent.Sampler(**options)
    assert len(set(texts(sampler.start() for _ in range(3)))) == 1
    assert len(set(texts(sampler.start(stream=stream) for stream in (options.get("stream", 0), 6, 7)))) == 3
    assert sampler.start().stream == options.get("stream", 0) and sampler.start(stream=-7).stream == -7
    assert pyxent.Sampler(seed=1, stream=[4, 5]).start().stream == [4, 5]


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda cursor: pickle.loads(pickle.dumps(cursor)),
                                 lambda cursor: cursor.fork()])
def test_copies_of_a_cursor_do_not_share_tokens(way):
    logits = np.array([2, 1, 0, 1.5], np.float32)
    sampler = pyxent.Sampler(repetition_penalty=1.5, no_repeat_ngram=2, seed=3, temperature=0.9)

    def continued(cursor, tokens):
        for token in tokens:
            cursor.accept(token)
        return cursor.next(logits), cursor.step, repr(cursor)

    def start():
        cursor = sampler.start(prompt_tokens=[0, 1, 2])
        return cursor, [cursor.next(logits), cursor.next(logits)]

    first, drawn = start()
    second = way(first)
    found = continued(first, [3, 3]), continued(second, [1])
    expected = []
    for tokens in ([3, 3], [1]):
        cursor, again = start()
        assert again == drawn
        expected.append(continued(cursor, tokens))
    assert found == tuple(expected)
    for cursor in (first, second):
        cursor.rewind(0)
        assert [cursor.next(logits), cursor.next(logits)] == drawn


USES = {
    "next": lambda cursor: cursor.next(LOGITS),
    "sample": lambda cursor: cursor.sample(LOGITS),
    "accept": lambda cursor: cursor.accept(1),
    "rewind": lambda cursor: cursor.rewind(0),
    "verify": lambda cursor: cursor.verify(np.stack([LOGITS, LOGITS]), [1]),
    "step": lambda cursor: setattr(cursor, "step", cursor.step),
    "fork": lambda cursor: cursor.fork(),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": pickle.dumps,
}


def in_use_by_an_array(cursor, use):
    """The logits of a call use its cursor, in the thread of the call and in another; returns what each use raised."""
    raised = []

    def attempt():
        try:
            use(cursor)
            raised.append(None)
        except RuntimeError as error:
            raised.append(str(error))

    class Logits:
        @property
        def __array_interface__(self):
            attempt()
            thread = threading.Thread(target=attempt)
            thread.start()
            thread.join()
            return LOGITS.__array_interface__

    return Logits(), raised


@pytest.mark.parametrize("options", [{}, {"repetition_penalty": 1.5, "dry_multiplier": 1.0, "no_repeat_ngram": 3}])
@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_use_within_a_use(use, options):
    sampler = pyxent.Sampler(seed=3, **options)
    expected, cursor = sampler.start(prompt_tokens=[1, 2]), sampler.start(prompt_tokens=[1, 2])
    logits, raised = in_use_by_an_array(cursor, use)
    for _ in range(3):
        assert cursor.next(logits) == expected.next(LOGITS)
    assert set(raised) == {"this cursor is in use, by another thread or by an array that its call reads; expected a cursor "
                           "for each: fork()"}
    use(cursor)


def test_a_call_that_fails_or_is_interrupted_leaves_its_cursor_free():
    cursor = pyxent.Sampler(seed=3).start()

    class Interrupted:
        @property
        def __array_interface__(self):
            raise KeyboardInterrupt

    for logits, kind in ((Interrupted(), KeyboardInterrupt), ("x", pyxent.DTypeError)):
        with pytest.raises(kind):
            cursor.next(logits)
    assert cursor.next(LOGITS) == pyxent.Sampler(seed=3).start().next(LOGITS)
