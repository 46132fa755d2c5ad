# SPDX-License-Identifier: Apache-2.0
"""Columns of pandas, Polars and Arrow as arguments: read where they lie, or refused with the line that works."""
import numpy as np
import pytest

import pyxent
from pyxent._arrays import array_of

X = np.array([[2, 1, 0], [0, 3, 1], [1, 1, 4]], np.float32)
LABELS = np.array([0, 1, 2])
ROWS = X.tolist()
ONE_MASKED = np.array([True, False, True])


@pytest.fixture
def pandas():
    return pytest.importorskip("pandas")


@pytest.fixture
def polars():
    return pytest.importorskip("polars")


@pytest.fixture
def arrow():
    return pytest.importorskip("pyarrow")


def expect_as(column, expected, memory=None):
    lent = array_of("logits", column)
    assert lent.shape == expected.shape
    if memory is not None:
        assert lent.address == memory.__array_interface__["data"][0]
    np.testing.assert_array_equal(pyxent.softmax(column), pyxent.softmax(expected))
    np.testing.assert_array_equal(pyxent.softmax(column, axis=None), pyxent.softmax(expected, axis=None))
    np.testing.assert_array_equal(pyxent.softmax(column, dtype="float64"), pyxent.softmax(expected, dtype="float64"))


def expect_labels(column):
    assert pyxent.cross_entropy(X, column).loss == pyxent.cross_entropy(X, LABELS).loss


def mended(call, column):
    """What an argument is after the line in the message."""
    with pytest.raises(pyxent.XentError) as error:
        call(column)
    code = str(error.value).replace("for instance ", "expected its numbers: ").rpartition(": ")[2]
    names = {"numpy": np, "logits": column, "targets": column, "class_mask": column}
    values, _, option = code.partition(", with ")
    return eval(values, names), eval(option.partition("=")[2], names) if option else None


def expect_ignored(column):
    """Labels whose second one is missing."""
    labels, ignored = mended(lambda labels: pyxent.cross_entropy(X, labels), column)
    assert ignored == -100
    loss = pyxent.cross_entropy(X, np.asarray(labels), ignore_index=ignored).loss
    assert loss == pyxent.cross_entropy(X, LABELS, row_weights=np.array([1, 0, 1], np.uint8)).loss


def test_pandas(pandas):
    frame = pandas.DataFrame(X)
    expect_as(frame, X, frame.to_numpy())
    expect_as(frame[1:], X[1:], frame[1:].to_numpy())
    expect_as(frame[::2], X[::2], frame.to_numpy())
    expect_as(frame[0], X[:, 0], frame[0].to_numpy())
    expect_as(pandas.Series(X[0], dtype="Float32"), X[0])
    expect_labels(pandas.Series(LABELS))
    pytest.importorskip("pyarrow")
    expect_as(pandas.Series(X[0], dtype="float[pyarrow]"), X[0])


def test_pandas_without_one_array(pandas):
    frame = pandas.DataFrame({"a": X[:, 0], "b": X[:, 1].astype(int), "c": X[:, 2]})
    expect_as(mended(pyxent.softmax, frame)[0], X)
    expect_as(mended(pyxent.softmax, pandas.Series([1, None], dtype="Float32"))[0], np.array([1, np.nan], np.float32))
    expect_as(mended(pyxent.softmax, pandas.Series(ROWS))[0], X.astype(float))
    expect_labels(mended(lambda labels: pyxent.cross_entropy(X, labels), pandas.Series(["a", "b", "c"], dtype="category"))[0])
    with pytest.raises(pyxent.ArrayMemoryError, match="out is read-only"):
        pyxent.softmax(X.copy(), out=pandas.DataFrame(X))


@pytest.mark.parametrize("dtype", ["Int64", "float64", "object"])
def test_labels_of_pandas_without_some(pandas, dtype):
    expect_ignored(pandas.Series([0, None, 2], dtype=dtype))


def test_lists_of_pandas(pandas):
    arrow = pytest.importorskip("pyarrow")
    for type_ in (arrow.list_(arrow.float32()), arrow.list_(arrow.float32(), 3)):
        column = pandas.Series(ROWS, dtype=pandas.ArrowDtype(type_))
        expect_as(mended(pyxent.softmax, column)[0].astype(np.float32), X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_labels_of_numpy_without_some(dtype):
    expect_ignored(np.array([0, np.nan, 2], dtype))


def test_polars(polars):
    column = polars.Series(X[0])
    expect_as(column, X[0], column.to_numpy())
    expect_as(polars.Series(ROWS, dtype=polars.Array(polars.Float32, 3))[1:], X[1:])
    expect_labels(polars.Series(LABELS))


def test_polars_without_one_array(polars):
    expect_as(mended(pyxent.softmax, polars.DataFrame(X))[0], X)
    chunks = polars.concat([polars.Series(X[0]), polars.Series(X[1])], rechunk=False)
    expect_as(mended(pyxent.softmax, chunks)[0], X[:2].ravel())
    expect_ignored(polars.Series([0, None, 2]))
    pytest.importorskip("pyarrow")
    values, offsets = mended(pyxent.softmax, polars.Series(ROWS, dtype=polars.List(polars.Float32)))
    np.testing.assert_array_equal(pyxent.softmax(values, row_offsets=offsets), pyxent.softmax(X).ravel())


def test_arrow(arrow):
    rows = arrow.array(ROWS, arrow.list_(arrow.float32(), 3))
    expect_as(rows, X, rows.values.to_numpy())
    expect_as(rows[1:], X[1:])
    expect_as(arrow.chunked_array([rows]), X)
    expect_as(arrow.chunked_array([X[0]]), X[0])
    expect_labels(arrow.chunked_array([LABELS]))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("large", [False, True])
def test_lists_of_arrow(arrow, large):
    type_ = (arrow.large_list if large else arrow.list_)(arrow.float32())
    lists = arrow.array([[9.0], [1.0, 2.0], [3.0]], type_)[1:]
    for column in (lists, arrow.chunked_array([lists]), arrow.chunked_array([lists[:1], lists[1:]])):
        values, offsets = mended(pyxent.softmax, column)
        got = pyxent.softmax(values, row_offsets=offsets)
        np.testing.assert_allclose(got[-3:], [0.26894142, 0.73105858, 1], rtol=1e-6)


def test_arrow_without_one_array(arrow):
    rows = arrow.array(ROWS, arrow.list_(arrow.float32(), 3))
    expect_as(mended(pyxent.softmax, arrow.chunked_array([rows[:1], rows[1:]]))[0], X)
    expect_as(mended(pyxent.softmax, arrow.chunked_array([X[0], X[1]]))[0], X[:2].ravel())
    expect_as(mended(pyxent.softmax, arrow.array([*ROWS, None], rows.type))[0], X)
    with pytest.raises(pyxent.ArrayMemoryError, match="logits is an array of lists with null rows; drop the same"):
        pyxent.softmax(arrow.array([*ROWS, None], rows.type))


@pytest.mark.filterwarnings("error")
def test_nulls_of_arrow(arrow):
    masked, row = X.copy(), [1, None, 4]
    masked[2, 1] = -np.inf
    expect_as(mended(pyxent.softmax, arrow.array(row, arrow.float32()))[0], masked[2])
    expect_ignored(arrow.array([0, None, 2]))
    for chunks in ([[0, None, 2]], [[0, None], [2]]):
        expect_ignored(arrow.chunked_array(chunks))
    fixed, lists = arrow.list_(arrow.float32(), 3), arrow.list_(arrow.float32())
    expect_as(mended(pyxent.softmax, arrow.array([*ROWS[:2], row], fixed))[0], masked)
    expect_as(mended(pyxent.softmax, arrow.chunked_array([arrow.array([*ROWS[:2], row], fixed)]))[0], masked)
    for column in (arrow.array([*ROWS[:2], row], lists), arrow.chunked_array([ROWS[:2], [row]], lists)):
        values, offsets = mended(pyxent.softmax, column)
        np.testing.assert_array_equal(pyxent.softmax(values, row_offsets=offsets), pyxent.softmax(masked).ravel())
    for flags in ([True, False, True], [True, None, True]):
        for column in (arrow.array(flags), arrow.chunked_array([flags])):
            mask, _ = mended(lambda mask: pyxent.softmax(X, class_mask=mask), column)
            np.testing.assert_array_equal(pyxent.softmax(X, class_mask=mask), pyxent.softmax(X, class_mask=ONE_MASKED))
    for other in (arrow.scalar(1.0), arrow.scalar([1.0]), arrow.array([{"a": 1}, None]), arrow.array([True, None])):
        with pytest.raises(pyxent.XentError):
            pyxent.softmax(other)
