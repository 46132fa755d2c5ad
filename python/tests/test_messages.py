# SPDX-License-Identifier: Apache-2.0
"""What functions reject, or did without an error: one row for each call, with its error and message."""
import numpy as np
import pytest

import pyxent

X, LABELS, ROW = np.zeros((3, 5), np.float32), np.zeros(3, int), np.zeros(5, np.float32)
HIDDEN, LAYER = np.zeros((3, 4), np.float32), np.zeros((5, 4), np.float32)
PROBABILITIES = [pyxent.softmax, pyxent.log_softmax, pyxent.log_sum_exp]


def cursor(**options):
    return pyxent.Sampler(seed=1, **options).start()


OUT = {operation: np.zeros(3 if operation is pyxent.log_sum_exp else (3, 5), np.float32) for operation in PROBABILITIES}
REJECTED = [
    *((lambda f=f: f(X, out=OUT[f], dtype="float64"), pyxent.OptionError,
       f"dtype is float64, out is float32 {list(OUT[f].shape)}; expected an out of this type, or no dtype")
      for f in PROBABILITIES),
    *((lambda f=f: pyxent.bind(f, X, out=OUT[f], dtype="float16"), pyxent.OptionError,
       f"dtype is float16, out is float32 {list(OUT[f].shape)}; expected an out of this type, or no dtype")
      for f in PROBABILITIES),
    *((call, pyxent.OptionError, "top_count is 2 without top_classes and top_log_probabilities; expected one of them too")
      for call in (lambda: pyxent.cross_entropy(X, LABELS, top_count=2), lambda: pyxent.sample(X, top_count=2),
                   lambda: pyxent.linear_cross_entropy(HIDDEN, LAYER, LABELS, top_count=2))),
    *((call, TypeError, "step is given to a cursor, which counts the steps; expected step of the cursor: cursor.step = 3")
      for call in (lambda: cursor().next(ROW, step=3), lambda: cursor().sample(ROW, step=3))),
    (lambda: pyxent.bind(cursor().next, ROW), TypeError,
     "operation is next; expected a function of Xent that computes from arrays, such as pyxent.softmax"),
    (lambda: pyxent.Sampler(dry_multiplier="x"), TypeError, "dry_multiplier is 'x'; expected a number"),
    (lambda: pyxent.Sampler(dry_base=[1]), TypeError, "dry_base is [1]; expected a number"),
    (lambda: pyxent.Sampler(dry_multiplier=-1), pyxent.OptionError, "dry_multiplier is -1; expected a number of 0 or more"),
    (lambda: pyxent.Sampler(dry_base=np.inf), pyxent.OptionError, "dry_base is inf; expected a number of 1 or more"),
    (lambda: pyxent.Sampler(dry_breakers=5), TypeError, "dry_breakers is 5; expected tokens, such as [5]"),
    (lambda: cursor().verify(X, 5), TypeError, "drafts is 5; expected tokens, such as [5]"),
    (lambda: pyxent.Sampler().start(prompt_tokens=5), TypeError, "prompt_tokens is 5; expected tokens, such as [5]"),
    (lambda: cursor().next(ROW, repetition_penalty=1.2), pyxent.OptionError,
     "repetition_penalty is given to one step; expected Sampler(repetition_penalty=...), whose cursors keep their tokens"),
    (lambda: cursor(repetition_penalty=[1.2]).next(ROW), pyxent.OptionError,
     "repetition_penalty has a number for each row; expected one number for a text"),
    *((lambda given={name: value}: pyxent.Sampler(**given), error, message) for name, value, error, message in (
        ("softcap", "x", TypeError, "softcap is 'x'; expected a number"),
        ("threads", 0, pyxent.OptionError, "threads is 0; expected 1 or more"),
        ("axis", "y", TypeError, "axis is 'y'; expected an integer"))),
]


@pytest.mark.parametrize("call, error, message", REJECTED)
def test_what_is_rejected(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert str(raised.value) == message and isinstance(raised.value, error)


def test_drafts_are_verified_with_rows_of_every_library():
    random = np.random.default_rng(3)
    logits, q = random.normal(size=(3, 50)).astype(np.float32) * 3, np.full((2, 50), 1 / 50, np.float32)
    drafts = [cursor().next(logits[0]), 30]
    expected = [cursor().verify(logits, drafts), cursor().verify(logits, drafts, q)]
    assert len(expected[0]) == 3

    def of_frames(array):
        return pytest.importorskip("pandas").DataFrame(array)

    def of_torch(array):
        return pytest.importorskip("torch").tensor(array)

    for converted in (memoryview, np.asfortranarray, lambda array: np.repeat(array, 2, 1)[:, ::2], of_torch, of_frames):
        assert [cursor().verify(converted(logits), drafts), cursor().verify(converted(logits), drafts, converted(q))] == expected


def test_flags_are_booleans():
    result = pyxent.cross_entropy(X, LABELS, correct=True)
    assert result.correct.dtype == bool and X[result.correct].shape == (3, 5)
    assert pyxent.linear_cross_entropy(HIDDEN, LAYER, LABELS, correct=True).correct.dtype == bool
    assert pyxent.sample(X, kept_mask=True).kept_mask.dtype == bool
    torch = pytest.importorskip("torch")
    for _ in range(2):
        assert pyxent.cross_entropy(torch.zeros(3, 5), torch.zeros(3, dtype=int), correct=True).correct.dtype == torch.bool


@pytest.mark.parametrize("wanted", [np.True_, np.False_])
def test_outputs_are_requested_by_booleans_of_numpy(wanted):
    for _ in range(2):
        assert (pyxent.cross_entropy(X, LABELS, gradient=wanted).gradient is not None) == bool(wanted)


def test_numbers_of_rows_may_be_a_range():
    assert pyxent.softmax(X, temperature=range(1, 4)).tobytes() == pyxent.softmax(X, temperature=[1, 2, 3]).tobytes()


def test_none_turns_each_option_off():
    of_rows = dict.fromkeys(("temperature", "top_k", "min_keep", "top_p", "scale", "xtc_threshold", "dynatemp_exponent"))
    assert pyxent.sample(X, seed=1, step=0, **of_rows).tokens.tolist() == pyxent.sample(X, seed=1, step=0).tokens.tolist()
    pyxent.Sampler(dry_multiplier=None, dry_base=None, dry_allowed_length=None, no_repeat_ngram=None, banned_sequences=None,
                   dry_breakers=None).start().next(ROW)


def test_the_fix_for_nulls_is_a_number_of_the_argument():
    arrow = pytest.importorskip("pyarrow")
    numbers = arrow.array([0.5, None, 0.5], arrow.float32())
    for call, fix in ((lambda: pyxent.sample(X, top_p=numbers), "top_p.to_pylist()"),
                      (lambda: pyxent.cross_entropy(X, LABELS, row_weights=numbers), "row_weights.fill_null(0)"),
                      (lambda: pyxent.softmax(numbers), "logits.fill_null(float('-inf'))")):
        with pytest.raises(pyxent.ArrayMemoryError) as raised:
            call()
        assert str(raised.value).endswith(f"is a column with nulls; expected numbers: {fix}")


MASK, TWO = np.array([1, 1, 0, 1, 1], bool), np.array([0.5, 2, 1, 3, 1])
SMALL = [(dict(class_weights=TWO.tolist()), dict(class_weights=TWO)), (dict(row_weights=[1, 2, 0.5]), dict(row_weights=TWO[:3])),
         (dict(class_mask=MASK.tolist()), dict(class_mask=MASK)), (dict(sink=0.5), dict(sink=TWO[:1])),
         (dict(class_mask=[1, 1, 0, 1, 1]), dict(class_mask=MASK)),
         (dict(row_weights=[True, False, True]), dict(row_weights=np.array([1, 0, 1], bool)))]


@pytest.mark.parametrize("logits", [X, X.astype(np.float16), X.astype(float)])
@pytest.mark.parametrize("plain, arrays", SMALL)
def test_small_inputs_are_converted(plain, arrays, logits):
    if "row_weights" in plain:
        arrays = dict(row_weights=np.array(plain["row_weights"]))
    exact = {name: value if value.dtype == bool else value.astype(logits.dtype) for name, value in arrays.items()}
    for _ in range(2):
        found = [pyxent.cross_entropy(logits, LABELS, gradient=True, **given) for given in (plain, arrays, exact)]
        assert len({(each.loss, each.denominator, each.gradient.tobytes()) for each in found}) == 1
    with pytest.raises(pyxent.OptionError, match="which is copied, and the call is bound"):
        pyxent.bind(pyxent.cross_entropy, logits, LABELS, **plain)


def test_the_contents_of_a_list_are_read_in_each_call():
    weights, results = [1.0, 1, 1, 1, 1], []
    for weights[0] in (1, 2, 3):
        results.append(pyxent.cross_entropy(X, LABELS, class_weights=weights).denominator)
    assert results == [3, 6, 9]
