# SPDX-License-Identifier: Apache-2.0
"""Log-sum-exp of terms with weights of any sign, against exact sums and SciPy's rules."""
import math
import sys
from decimal import Context, Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest

import pyxent

INF, NAN = math.inf, math.nan
RANDOM = np.random.default_rng(31)
X = RANDOM.normal(size=(3, 4, 5)) * 4
WEIGHTS = RANDOM.normal(size=X.shape)
WEIGHTS[:, :, 1] = 0
WEIGHTS[1] = abs(WEIGHTS[1])
WEIGHTS[::2, :, 0] = -abs(WEIGHTS[::2, :, 0])


def exact(x, weights):
    """The sum of w exp(x) of one row, and that of its terms without their signs, to 120 digits."""
    with localcontext(Context(prec=120, Emax=10**6, Emin=-10**6)):
        terms = [Decimal(float(w)) * Decimal(float(a)).exp() for a, w in zip(x, weights) if w]
        return sum(terms, Decimal(0)), sum(map(abs, terms), Decimal(0))


def logarithm(total):
    with localcontext(Context(prec=120, Emax=10**6, Emin=-10**6)):
        return float(abs(total).ln()) if total else -INF


def require_exact(x, weights, rounding=2**-53):
    """Within 4 roundings of the result and of the terms that cancel."""
    got, signs = pyxent.log_sum_exp(x, weights=weights, return_sign=True, fully_masked="zero")
    rows = np.broadcast_to(weights, x.shape).reshape(-1, x.shape[-1])
    for row, w, found, sign in zip(x.reshape(rows.shape), rows, got.ravel(), signs.ravel()):
        total, terms = exact(row, w)
        assert sign == (total > 0) - (total < 0)
        if total:
            most = rounding * max(abs(float(found)), 1) + 2**-53 * (float(terms / abs(total)) + np.abs(row).max())
            assert abs(found - logarithm(total)) <= 4 * most
        else:
            assert found == -INF
    return got


@pytest.mark.parametrize("scale", [0.1, 4, 300])
@pytest.mark.parametrize("classes", [1, 2, 3, 17, 400])
def test_against_exact_sums(scale, classes):
    x = RANDOM.normal(size=(12, classes)) * scale
    for weights in (RANDOM.normal(size=x.shape), RANDOM.random(x.shape), RANDOM.integers(-2, 3, x.shape),
                    RANDOM.normal(size=classes) * 1e-200, RANDOM.normal(size=(12, 1)) * 1e200):
        require_exact(x, weights)


@pytest.mark.parametrize("dtype", ["f2", "f4"])
def test_floats_are_rounded_once(dtype):
    x, weights = X.astype(dtype), WEIGHTS.astype(dtype)
    got = require_exact(x, weights, 2**-24)
    assert got.dtype == np.float32
    doubles = pyxent.log_sum_exp(x.astype(float), weights=weights.astype(float), return_sign=True)[0]
    np.testing.assert_array_equal(got, doubles.astype("f4"))
    wide = pyxent.log_sum_exp(x, weights=weights, return_sign=True, dtype="float64")[0]
    assert wide.dtype == np.float64
    np.testing.assert_array_equal(wide, doubles)
    narrow = pyxent.log_sum_exp(x, weights=weights, return_sign=True, dtype="float16")
    assert [each.dtype for each in narrow] == ["f2", "f2"]
    np.testing.assert_array_equal(narrow[0], got.astype("f2"))


@pytest.mark.parametrize("x, weights, log, sign", [
    ([3.3] * 3, [1, 2, -3], -INF, 0),
    ([3.3] * 4, [0.1, 0.2, 0.3, -1], logarithm(exact([3.3] * 4, [0.1, 0.2, 0.3, -1])[0]), -1),
    ([100, 60, 100], [1, 1, -1], 60, 1),
    ([100, 60, 100], [-1, -1, 1], 60, -1),
    ([0, 0, 0], [1, 1e-17, -1], math.log(1e-17), 1),
    ([1e6, 1e6], [1, -0.999999], 1e6 + math.log(1 - 0.999999), 1),
    ([0, -40], [1, -1], -math.exp(-40), 1),
    ([0, -40], [-1, -1], math.exp(-40), -1),
    ([-1e308, -1e308], [1, -2], -1e308, -1),
    ([1000, -1000], [1, -1], 1000, 1),
    ([0, 0], [1e-320, -2e-320], math.log(1e-320), -1),
])
def test_terms_that_cancel(x, weights, log, sign):
    got = pyxent.log_sum_exp(np.array(x, float), weights=np.array(weights), return_sign=True)
    assert got[1] == sign and got[0] == pytest.approx(log, rel=1e-14, abs=0)
    alone = pyxent.log_sum_exp(np.array(x, float), weights=np.array(weights))
    np.testing.assert_array_equal(alone, NAN if sign < 0 else got[0])


def test_a_weight_of_1_keeps_the_digits_near_0():
    for weights in ([1, 1], [1, 1.0]):
        got = pyxent.log_sum_exp(np.array([0.0, -40]), weights=np.array(weights))
        assert got == pytest.approx(math.exp(-40), rel=1e-15, abs=0)


EDGES = [
    ([NAN, 1], [1, 1], NAN, NAN), ([NAN, 1], [1, -1], NAN, NAN), ([NAN, 1], [0, 1], 1, 1), ([NAN, 1], [0, -1], 1, -1),
    ([INF, 1], [0, 1], 1, 1), ([INF, 1], [0, -1], 1, -1), ([INF, 1], [1, -1], INF, 1), ([INF, 1], [-1, 1], INF, -1),
    ([INF, INF], [1, -1], NAN, NAN), ([INF, NAN], [1, -1], NAN, NAN), ([INF, 1], [1, 1], INF, 1),
    ([1, 2], [NAN, 1], NAN, NAN), ([1, 2], [NAN, -1], NAN, NAN), ([1, 2], [INF, 1], INF, 1), ([1, 2], [INF, -1], INF, 1),
    ([1, 2], [-INF, 1], INF, -1), ([1, 2], [INF, -INF], NAN, NAN), ([-INF, 0], [INF, 1], NAN, NAN),
    ([-INF, 0], [-INF, 1], NAN, NAN), ([-INF, 1], [-1, 1], 1, 1), ([-INF, 1], [1, -1], 1, -1),
    ([-INF, -INF], [1, 1], -INF, 0), ([-INF, -INF], [1, -1], -INF, 0), ([1, 2], [0, 0], -INF, 0),
    ([1, 2], [-0.0, 0.0], -INF, 0), ([NAN, INF], [0, 0], -INF, 0),
]


@pytest.mark.parametrize("x, weights, log, sign", EDGES)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_edges(x, weights, log, sign, dtype):
    x, weights = np.array(x, dtype), np.array(weights, dtype)
    got = pyxent.log_sum_exp(x, weights=weights, return_sign=True, fully_masked="zero")
    np.testing.assert_array_equal(got, [log, sign])
    np.testing.assert_array_equal(pyxent.log_sum_exp(x, weights=weights, fully_masked="zero"), NAN if sign < 0 else log)
    rows = pyxent.log_sum_exp(np.stack([x, [3, 4]]), weights=np.stack([weights, [1, -1]]), return_sign=True)
    none = [NAN, NAN] if sign == 0 else [log, sign]
    np.testing.assert_array_equal([each[0] for each in rows], none)
    assert rows[1][1] == -1
    special = pytest.importorskip("scipy.special")
    if not weights.any() and np.isnan(x).any():
        return  # SciPy ignores what has the weight 0 only if the sum is not 0
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(got, special.logsumexp(x, b=weights, return_sign=True))


def test_signs_without_weights():
    x = np.array([[1, 2], [-INF, -INF], [NAN, 1]], np.float32)
    got, signs = pyxent.log_sum_exp(x, return_sign=True, fully_masked="zero", temperature=2)
    np.testing.assert_array_equal(got, pyxent.log_sum_exp(x, fully_masked="zero", temperature=2))
    np.testing.assert_array_equal(signs, [1, 0, NAN])
    assert signs.dtype == np.float32
    np.testing.assert_array_equal(pyxent.log_sum_exp(x, return_sign=True)[1], [1, NAN, NAN])
    assert [each.shape for each in pyxent.log_sum_exp(x, axis=None, keepdims=True, return_sign=True)] == [(1, 1)] * 2
    for out in (np.zeros(3, np.float32), np.zeros(3, np.float16)):
        found = pyxent.log_sum_exp(x, return_sign=True, out=out)
        assert found[0] is out and found[1].dtype == out.dtype


@pytest.mark.parametrize("axis", [0, 1, -1, (0, 2), (-1,), None])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("shape", [(3, 4, 5), (4, 5), (1, 4, 1), (3, 1, 1), (1,), ()])
def test_axes_and_shapes(axis, keepdims, shape):
    weights = RANDOM.normal(size=shape)
    got = pyxent.log_sum_exp(X, axis=axis, keepdims=keepdims, weights=weights, return_sign=True)
    axes = tuple(range(3)) if axis is None else axis
    total = (np.broadcast_to(weights, X.shape) * np.exp(X)).sum(axes, keepdims=keepdims)
    assert got[0].shape == got[1].shape == total.shape
    np.testing.assert_array_equal(got[1], np.sign(total))
    np.testing.assert_allclose(got[0], np.log(abs(total)), rtol=1e-12)


def test_a_weight_per_class_and_types_of_weights():
    weights = np.array([1, -1, 2, 0])
    expected = pyxent.log_sum_exp(X, axis=1, weights=weights[:, None] + np.zeros(X.shape), return_sign=True)
    for given in (weights, weights.astype("i1"), weights.astype("f2"), weights.astype("f4"), pyxent.bfloat16(
            (weights.astype("f4").view("u4") >> 16).astype("u2"))):
        for x in (X, X.astype("f4")):
            got = pyxent.log_sum_exp(x, axis=1, weights=given, return_sign=True)
            np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)
    masked = pyxent.log_sum_exp(X, axis=1, weights=weights != 0)
    np.testing.assert_array_equal(masked, pyxent.log_sum_exp(X, axis=1, class_mask=weights != 0))
    whole = np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(pyxent.log_sum_exp(whole, weights=np.array([1, -1, 1])),
                                  pyxent.log_sum_exp(whole.astype(float), weights=np.array([1.0, -1, 1])))


@pytest.mark.parametrize("axis", [-1, 1, (1, 2)])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_mask_is_weights_of_0(axis, dtype):
    x, mask = X.astype(dtype), RANDOM.random(X.shape) < 0.6
    x[~mask] = RANDOM.choice([NAN, INF, 1], (~mask).sum())
    options = dict(axis=axis, return_sign=True, fully_masked="zero")
    np.testing.assert_array_equal(pyxent.log_sum_exp(x, weights=WEIGHTS, class_mask=mask, **options),
                                  pyxent.log_sum_exp(x, weights=np.where(mask, WEIGHTS, 0), **options))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_weights_of_1_change_no_result(dtype):
    x = X.astype(dtype)
    np.testing.assert_allclose(pyxent.log_sum_exp(x, weights=np.ones(5)), pyxent.log_sum_exp(x),
                               rtol=1e-7 if dtype == "f4" else 0)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_rows_are_computed_one_by_one(dtype):
    x, weights = X.astype(dtype), WEIGHTS.astype(dtype)
    whole = pyxent.log_sum_exp(x, weights=weights, return_sign=True)
    for index in np.ndindex(3, 4):
        for got, expected in zip(pyxent.log_sum_exp(x[index], weights=weights[index], return_sign=True), whole):
            assert got.shape == () and got == expected[index]
    order = RANDOM.permutation(5)
    for got, expected in zip(pyxent.log_sum_exp(x[..., order], weights=weights[..., order], return_sign=True), whole):
        np.testing.assert_array_equal(got[[0, 2]], expected[[0, 2]])  # exact sums: in any order


@pytest.mark.parametrize("first", [0, 2])
def test_rows_of_different_lengths(first):
    offsets = np.array([0, 3, 3, 7, 8, 8]) + first
    x, weights = X.ravel()[:12].copy(), WEIGHTS.ravel()[:12].copy()
    mask = RANDOM.random(12) < 0.7
    for given in (None, mask):
        got = pyxent.log_sum_exp(x, weights=weights, row_offsets=offsets, class_mask=given, return_sign=True)
        for row, (begin, end) in enumerate(zip(offsets, offsets[1:])):
            part = None if given is None else given[begin:end]
            one = pyxent.log_sum_exp(x[begin:end], weights=weights[begin:end], class_mask=part, return_sign=True)
            np.testing.assert_array_equal([got[0][row], got[1][row]], one)


@pytest.mark.parametrize("shape, axis", [((2, 0), -1), ((0, 2), 0), ((2, 0, 0), (1, 2)), ((0, 2), 1), ((0,), None)])
def test_no_classes_or_rows(shape, axis):
    x = np.zeros(shape)
    for policy, log, sign in (("nan", NAN, NAN), ("zero", -INF, 0)):
        for weights in (None, x, np.array(-1.0)):
            got = pyxent.log_sum_exp(x, axis=axis, weights=weights, return_sign=True, fully_masked=policy)
            rows = x.sum(axis if axis is not None else (0,)).shape
            np.testing.assert_array_equal(got, [np.full(rows, log), np.full(rows, sign)])


def test_no_dimension():
    got = pyxent.log_sum_exp(np.array(3.0), weights=np.array(-2.0), return_sign=True, keepdims=True)
    assert [each.shape for each in got] == [(), ()] and got[1] == -1 and got[0] == pytest.approx(3 + math.log(2))


def test_arrays_of_the_caller_and_bound_calls():
    x, weights = X.astype(np.float32), WEIGHTS.astype(np.float32)
    expected = pyxent.log_sum_exp(x, axis=1, weights=weights, return_sign=True)
    out = np.zeros((3, 1, 5), np.float32)[:, 0]
    got = pyxent.log_sum_exp(x, axis=1, weights=weights, return_sign=True, out=out)
    assert got[0] is out
    step = pyxent.bind(pyxent.log_sum_exp, x, axis=1, weights=weights, return_sign=True)
    for found in (got, step()):
        np.testing.assert_array_equal(found, expected)
    x += 1
    weights *= -1
    np.testing.assert_allclose(step(), [expected[0] + 1, -expected[1]], rtol=1e-6)
    assert step()[1] is step()[1]
    with pytest.raises(pyxent.ArrayMemoryError, match="out and weights lie within"):
        pyxent.log_sum_exp(x, weights=weights, out=weights[..., 0])


@pytest.mark.parametrize("call, kind, message", [
    (lambda: pyxent.log_sum_exp(X, weights=X, temperature=1), pyxent.OptionError, "weights and temperature are both set: "
     "leave one of them out"),
    (lambda: pyxent.log_sum_exp(X, weights=X, softcap=1), pyxent.OptionError, "weights and softcap are both set: leave "
     "one of them out"),
    (lambda: pyxent.log_sum_exp(X, weights=X, sink=np.array(1.0)), pyxent.OptionError, "weights and sink are both set: "
     "leave one of them out"),
    (lambda: pyxent.log_sum_exp(X, return_sign="no"), TypeError, "return_sign is 'no'; expected True or False"),
    (lambda: pyxent.log_sum_exp(X, weights=X[:, :3]), pyxent.ShapeError, "weights is float64 [3, 3, 5], logits is "
     "float64 [3, 4, 5] with 5 classes along axis 2; expected one number per class in its shape, in which any other size "
     "may be 1, or in the shape [5]"),
    (lambda: pyxent.log_sum_exp(X, weights=X[:, :3], axis=None), pyxent.ShapeError, "weights is float64 [3, 3, 5], logits is "
     "float64 [3, 4, 5] with classes along axes [0, 1, 2]; expected a shape that broadcasts to that of logits"),
    (lambda: pyxent.log_sum_exp(X, weights=X.astype(complex)), pyxent.DTypeError, "weights has elements of type complex128; "
     "expected floats of 16, 32 or 64 bits, integers or booleans in the byte order of this machine"),
])
def test_refusals(call, kind, message):
    with pytest.raises(kind) as error:
        call()
    assert str(error.value) == message


def test_without_numpy(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", None)
    x = memoryview(bytearray(8)).cast("f")
    for options in (dict(weights=x), dict(return_sign=True)):
        with pytest.raises(ImportError, match=f"log_sum_exp with {next(iter(options))} needs NumPy"):
            pyxent.log_sum_exp(x, **options)


def test_tensors():
    torch = pytest.importorskip("torch")
    expected = pyxent.log_sum_exp(X, axis=(0, 1), weights=WEIGHTS, return_sign=True)
    for dtype, most in ((torch.float64, 0), (torch.float32, 1e-5), (torch.bfloat16, 0.2)):
        x, weights = (torch.from_numpy(each).to(dtype) for each in (X, WEIGHTS))
        got = pyxent.log_sum_exp(x, axis=(0, 1), weights=weights, return_sign=True)
        for found, value in zip(got, expected):
            assert found.dtype == (dtype if dtype == torch.float64 else torch.float32)
            np.testing.assert_allclose(found.numpy(), value, rtol=most, atol=most)
    out = torch.zeros(3, 4)
    version = out._version
    assert pyxent.log_sum_exp(torch.from_numpy(X).float(), weights=torch.ones(5), out=out) is out
    assert out._version > version and torch.allclose(out, torch.from_numpy(X).float().logsumexp(-1))


@pytest.mark.parametrize(("x", "weights", "expected", "sign"), [
    ([np.inf, 800], [1, -1], np.inf, 1),
    ([0, -1000], [-1, np.inf], np.inf, 1),
    ([np.inf, np.inf], [1, -1], np.nan, np.nan),
    ([0, -800], [-1e-200, 1e200], 200 * np.log(10) - 800, 1),
    ([0, 0, 0], [1.7e308, 1.7e308, -1], np.log(3.4) + 308 * np.log(10), 1),
    ([0, 0], [-1.7e308, -1.7e308], np.log(3.4) + 308 * np.log(10), -1),
    ([0, 0], [2e-320, -1e-320], np.log(2024.0) - 1074 * np.log(2), 1),
])
def test_terms_that_are_no_doubles_alone(x, weights, expected, sign):
    total, signs = pyxent.log_sum_exp(np.array(x, float), weights=np.array(weights, float), return_sign=True)
    np.testing.assert_allclose(total, expected, rtol=1e-14)
    np.testing.assert_equal(signs, np.array(sign, float))


def test_a_sum_that_rounds_to_nothing_has_a_sign():
    x = np.array([[-3e38, -3e38], [-np.inf, -np.inf], [0, 1]], np.float32)
    sums, signs = pyxent.log_sum_exp(x, temperature=0.5, fully_masked="zero", return_sign=True)
    assert sums[:2].tolist() == [-np.inf, -np.inf]
    assert signs.tolist() == [1, 0, 1]


@pytest.mark.parametrize("axis", [0, 1, 2, (0, 1), None])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("shape", [(2, 2, 3), (2, 1, 3), (3, 2, 4), (1, 1, 1), (3, 2, 0), (4, 4, 4)])
@pytest.mark.parametrize("dtype", ["f4", "f2", "f8"])
def test_signs_of_rows_in_any_shape(axis, keepdims, shape, dtype):
    x = np.zeros(shape, dtype)
    x[0] = -np.inf
    x[..., -1:] = -np.inf
    options = dict(axis=axis, keepdims=keepdims, fully_masked="zero")
    with np.errstate(all="ignore"):
        total = np.exp(x.astype(float)).sum(axis, keepdims=keepdims)
        expected = np.log(total).astype("f8" if dtype == "f8" else "f4"), np.sign(total)
    results = [pyxent.log_sum_exp(x, return_sign=True, **options)]
    if isinstance(axis, int):
        out = np.zeros(total.shape, "f8" if dtype == "f8" else "f4")
        results += [pyxent.log_sum_exp(x, return_sign=True, out=out, **options),
                    pyxent.bind(pyxent.log_sum_exp, x, return_sign=True, **options)()]
    for sums, signs in results:
        assert sums.shape == signs.shape == total.shape
        np.testing.assert_allclose(sums, expected[0], rtol=1e-6, atol=1e-7)
        np.testing.assert_array_equal(signs, expected[1])


@pytest.mark.parametrize("keepdims", [False, True])
def test_signs_of_sums_that_float16_rounds_to_nothing(keepdims):
    x = np.full((2, 3, 2), -70000, np.float32)
    x[1, 2] = -np.inf
    out = np.zeros((2, 3, 1) if keepdims else (2, 3), np.float16)
    sums, signs = pyxent.log_sum_exp(x, out=out, keepdims=keepdims, return_sign=True, fully_masked="zero")
    assert sums is out and (out == -np.inf).all() and signs.ravel().tolist() == [1, 1, 1, 1, 1, 0]


@pytest.mark.parametrize("x, weights, log, sign", [
    ([1000, 1000, 0], [1, -1, 1], 0, 1),
    ([0, 0, -800], [1, -1, 1], -800, 1),
    ([0, 0, -740], [1, -1, 1], -740, 1),
    ([0, 0, -720], [3, -3, -2], math.log(2) - 720, -1),
    ([0, -745, 0, -745, -2000], [1, 2, -1, -2, -3], math.log(3) - 2000, -1),
    ([5, 5, -2000, -2000], [1, -1, 2, -2], -INF, 0),
    ([0, 0, -1e300, -800], [1e300, -1e300, 1, 1e-300], math.log(1e-300) - 800, 1),
    ([0, 0, -INF, -900], [1, -1, 1, 1], -900, 1),
])
def test_terms_that_others_hide_until_they_cancel(x, weights, log, sign):
    x, weights = np.array(x, float), np.array(weights, float)
    rows = np.stack([x, np.arange(len(x))[::-1] * 1.0]), np.stack([weights, np.full(len(x), -1.0)])
    for sums, signs in (pyxent.log_sum_exp(x, weights=weights, return_sign=True), [
            each[0] for each in pyxent.log_sum_exp(rows[0], weights=rows[1], return_sign=True)]):
        assert signs == sign and sums == pytest.approx(log, rel=1e-14, abs=0)
    joined = pyxent.log_sum_exp(np.tile(x, 2), weights=np.tile(weights, 2), return_sign=True,
                                row_offsets=np.array([0, len(x), 2 * len(x)]))
    np.testing.assert_array_equal(joined[1], [sign, sign])


def exact_logarithm(x, weights):
    """The logarithm of the sum of w exp(x) without its sign, and its sign, of numbers of any size."""
    sums = {}
    for a, w in zip(x, weights):
        if a > -INF:
            sums[a] = sums.get(a, Fraction(0)) + Fraction(w)
    sums = {a: total for a, total in sums.items() if total}
    if not sums:
        return -INF, 0
    most = Decimal(max(sums))
    with localcontext(Context(prec=700, Emax=10**9, Emin=-10**9)):
        total = sum(Decimal(w.numerator) / Decimal(w.denominator) * (Decimal(a) - most).exp() if Decimal(a) - most > -10**6
                    else 0 for a, w in sums.items())
        return (float(most + abs(total).ln()), 1 if total > 0 else -1) if total else (-INF, 0)


LARGE = [1e300, math.nextafter(1e300, 0), -1e300, 2.0**62, 2.0**62 - 512, 2.0**62 - 1024, 2.0**53, -INF, 0.0, -800.0]


@pytest.mark.parametrize("x, weights, log, sign", [
    ([-INF, 1e300, 1e300], [-0.995, 5e-324, 1], 1e300, 1),
    ([1e300, 1e300, -INF], [5e-324, -1, 1], 1e300, -1),
    ([1e300, 1e300], [-5e-324, 1e300], 1e300, 1),
    ([2.0**62, 2.0**62, 0], [1e-300, -1e300, 1], 2.0**62 + math.log(1e300), -1),
    ([2.0**62 - 1024, 2.0**62, 0], [1, 1, -1], 2.0**62, 1),
    ([0, 0, -2.0**62, -2.0**62], [1, -1, 5e-324, -1], -2.0**62, -1),
])
def test_terms_whose_sizes_round_to_the_same(x, weights, log, sign):
    assert exact_logarithm(x, weights) == (log, sign)
    got = pyxent.log_sum_exp(np.array(x), weights=np.array(weights), return_sign=True)
    np.testing.assert_array_equal(got, [log, sign])


def test_large_terms_against_exact_sums():
    random = np.random.default_rng(5)
    x = random.choice(LARGE, (4000, 3))
    weights = random.choice([5e-324, -5e-324, 1e-300, -0.995, 1.0, -1.0, 2.5, -1e300, 1e300], x.shape)
    weights[(weights > 0).all(1), 0] = -1
    got, signs = pyxent.log_sum_exp(x, weights=weights, return_sign=True, fully_masked="zero")
    for row, w, log, sign in zip(x.tolist(), weights.tolist(), got, signs):
        expected = exact_logarithm(row, w)
        assert sign == expected[1], (row, w)
        assert log == pytest.approx(expected[0], rel=1e-15, abs=1e-13), (row, w)
