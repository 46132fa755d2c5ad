# SPDX-License-Identifier: Apache-2.0
"""The functions of Xent in Spark SQL as columns of PySpark, classic and with Spark Connect. The session needs the jars
and the setting in docs/spark.md; `register` adds the functions to an existing session.

>>> from pyxent.spark import cross_entropy, softmax
>>> rows.select(softmax("logits"), cross_entropy("logits", "label", label_smoothing=0.1))  # doctest: +SKIP

Pass columns by name or as Column. With bad_rows="null", a function returns NULL for a row that would otherwise raise an
error, and `loss` and `linear_loss` count it in nulls. Options with the value None are not set.
"""
from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence, Set
from functools import wraps
from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from pyxent._functions import LogitNumbers, LossNumbers, SamplingNumbers
from pyxent._names import Function, unexpected
from pyxent._options import shown

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["LossOptions", "Options", "ShardedLoss", "SigmoidOptions", "argmax", "binary_cross_entropy", "cross_entropy",
           "cross_entropy_gradient", "entropy", "linear_loss", "log_sigmoid", "log_softmax", "log_sum_exp", "loss",
           "register", "sample", "sigmoid", "softmax", "top_k"]

BadRows = Literal["error", "null"]
_EXTENSION = "spark.sql.extensions=dev.xent.spark.XentExtensions"


class _NumberOptions(TypedDict, total=False):
    type: Literal["float16", "bfloat16", "float32", "float64"] | None  # of binary logits
    classes: int | None


class SigmoidOptions(_NumberOptions, total=False):
    """The options of sigmoids."""

    temperature: float | None


class Options(_NumberOptions, LogitNumbers, total=False):
    """The options of functions of logits: the table of docs/spark.md."""

    fully_masked: Literal["nan", "zero"] | None


class LossOptions(Options, LossNumbers, total=False):
    """The options of losses and gradients: the table of docs/spark.md."""

    ignore_index: int | None
    class_weights: Sequence[float] | None


class _TopKOptions(Options, total=False):
    log: bool | None


class _GradientOptions(LossOptions, total=False):
    denominator: float | None


class _TotalOptions(LossOptions, total=False):
    top_k: int | None


class _LinearOptions(_TotalOptions, total=False):
    weights: str
    bias: str | None


class _BinaryOptions(_NumberOptions, total=False):
    ignore_index: int | None
    focal_gamma: float | None
    focal_alpha: float | None
    positive_weights: Sequence[float] | None


class _SampleOptions(_NumberOptions, SamplingNumbers, total=False):
    seed: int | None


def _text(name: str, value: Any) -> str:
    if isinstance(value, Column):
        raise TypeError(f"{name} is a Column; expected a constant, which is the same in all rows")
    if isinstance(value, (Mapping, Set)):
        raise TypeError(f"{name} is {shown(value)}; expected a list with a number per class")
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else ",".join(map(str, value)) if hasattr(value, "__iter__") else str(value)


def _column(name: str, value: Any) -> Column:
    if isinstance(value, Column):
        return value
    if isinstance(value, str):
        return F.col(value)
    if isinstance(value, Mapping):
        fix = ". Pass options by name: temperature=2"
    elif isinstance(value, (list, tuple)):
        of = ", ".join(map(repr, value)) if all(isinstance(each, str) for each in value) else "'a', 'b', 'c'"
        fix = f". For columns that have a class each: pyspark.sql.functions.array({of})"
    else:
        fix = f": pyspark.sql.functions.lit({value!r})" if isinstance(value, (int, float)) else ""
    raise TypeError(f"{name} is {shown(value)}; expected the name of a column or a Column{fix}")


def _camel(name: str) -> str:
    return re.sub("_(.)", lambda found: found[1].upper(), name)


def _texts(function: str, known: Any, options: Mapping[str, Any]) -> dict[str, str]:
    """The options in the form of Java."""
    unknown = [name for name in options if name not in known.__annotations__]
    if unknown:
        raise TypeError(f"{function}() got an unexpected keyword argument {unknown[0]!r}; expected one of "
                        f"{', '.join(known.__annotations__)}")
    return {_camel(name): _text(name, value) for name, value in options.items() if value is not None}


def _call(function: str, bad_rows: BadRows, known: Any, options: Mapping[str, Any],
          **columns: Column | str | None) -> Column:
    if bad_rows not in ("error", "null"):
        raise ValueError(f"bad_rows is {bad_rows!r}; expected 'error' or 'null'")
    texts = _texts(function, known, options)
    arguments = [_column(name, column) for name, column in columns.items()
                 if column is not None or name not in ("weight", "step")]
    if texts:
        arguments.append(F.create_map(*[F.lit(text) for option in texts.items() for text in option]))
    return F.call_function(("try_xent_" if bad_rows == "null" else "xent_") + function, *arguments)


def _with_names(function: Function) -> Function:
    """A function whose error about a positional argument says that it has a name."""
    most = sum(each.kind is each.POSITIONAL_OR_KEYWORD for each in inspect.signature(function).parameters.values())

    @wraps(function)
    def checked(*given: Any, **named: Any) -> Any:
        if len(given) > most:
            raise unexpected(function, {}, given[most:])
        return function(*given, **named)

    return cast(Function, checked)


def register(spark: SparkSession) -> None:
    """Adds the functions to an existing session, for example in a notebook.

    The session must have the jars in `spark.jars`. A server of Spark Connect needs the setting instead.
    """
    if type(spark).__module__.startswith("pyspark.sql.connect."):
        raise TypeError(f"spark is a session of Spark Connect; expected one with its own driver. Start the server with "
                        f"{_EXTENSION}")
    if not hasattr(spark, "_jsparkSession"):
        raise TypeError(f"spark is {shown(spark)}; expected a session: pyspark.sql.SparkSession.builder.getOrCreate()")
    xent: Any = spark._jvm.dev.xent.spark.Xent
    if type(xent).__name__ == "JavaPackage":  # py4j's object for unknown names, which has all attributes
        raise RuntimeError("the session has no jar of xent-spark; expected the jars xent and xent-spark in spark.jars "
                           "when it started")
    xent.register(spark._jsparkSession)


@_with_names
def softmax(logits: Column | str, *, bad_rows: BadRows = "error", **options: Unpack[Options]) -> Column:
    """The probabilities of a row: array<float>, or array<double> of double logits."""
    return _call("softmax", bad_rows, Options, options, logits=logits)


@_with_names
def log_softmax(logits: Column | str, *, bad_rows: BadRows = "error", **options: Unpack[Options]) -> Column:
    """The log-probabilities of a row."""
    return _call("log_softmax", bad_rows, Options, options, logits=logits)


@_with_names
def sigmoid(logits: Column | str, *, bad_rows: BadRows = "error", **options: Unpack[SigmoidOptions]) -> Column:
    """The sigmoid of each logit of a row: array<float>, or array<double> of double logits."""
    return _call("sigmoid", bad_rows, SigmoidOptions, options, logits=logits)


@_with_names
def log_sigmoid(logits: Column | str, *, bad_rows: BadRows = "error", **options: Unpack[SigmoidOptions]) -> Column:
    """The logarithm of the sigmoid of each logit of a row."""
    return _call("log_sigmoid", bad_rows, SigmoidOptions, options, logits=logits)


@_with_names
def argmax(logits: Column | str, *, bad_rows: BadRows = "error", **options: Unpack[_NumberOptions]) -> Column:
    """The class of the largest logit, an int: the lowest of equal classes, -1 in a row with NaN."""
    return _call("argmax", bad_rows, _NumberOptions, options, logits=logits)


@_with_names
def entropy(logits: Column | str, *, bad_rows: BadRows = "error", **options: Unpack[Options]) -> Column:
    """The entropy of the probabilities of a row, a double."""
    return _call("entropy", bad_rows, Options, options, logits=logits)


@_with_names
def log_sum_exp(logits: Column | str, *, bad_rows: BadRows = "error", **options: Unpack[Options]) -> Column:
    """The log-sum-exp of a row, a double."""
    return _call("log_sum_exp", bad_rows, Options, options, logits=logits)


@_with_names
def top_k(logits: Column | str, k: int, *, bad_rows: BadRows = "error", **options: Unpack[_TopKOptions]) -> Column:
    """The k largest classes and their probabilities, or log-probabilities with log=True: struct<classes, values>."""
    return _call("top_k", bad_rows, _TopKOptions, options, logits=logits, k=F.lit(k))


@_with_names
def cross_entropy(logits: Column | str, label: Column | str, weight: Column | str | None = None, *,
                  bad_rows: BadRows = "error", **options: Unpack[LossOptions]) -> Column:
    """The loss of a row times its weight, a double. The label is a class, or an array of probabilities."""
    return _call("cross_entropy", bad_rows, LossOptions, options, logits=logits, label=label, weight=weight)


@_with_names
def cross_entropy_gradient(logits: Column | str, label: Column | str, weight: Column | str | None = None, *,
                           bad_rows: BadRows = "error", **options: Unpack[_GradientOptions]) -> Column:
    """The gradient of the loss of a row; with `denominator`, the gradient of the mean over all rows."""
    return _call("cross_entropy_gradient", bad_rows, _GradientOptions, options, logits=logits, label=label, weight=weight)


@_with_names
def binary_cross_entropy(logits: Column | str, label: Column | str, weight: Column | str | None = None, *,
                         bad_rows: BadRows = "error", **options: Unpack[_BinaryOptions]) -> Column:
    """The sum over the elements of a row, or the loss of one number, a double. Labels are 0 and 1, or probabilities."""
    return _call("binary_cross_entropy", bad_rows, _BinaryOptions, options, logits=logits, label=label, weight=weight)


@_with_names
def sample(logits: Column | str, stream: Column | str, step: Column | str | None = None, *, bad_rows: BadRows = "error",
           **options: Unpack[_SampleOptions]) -> Column:
    """The token of a row, an int; -1 if no class is left. Rows with the same stream have the same random bits."""
    return _call("sample", bad_rows, _SampleOptions, options, logits=logits, stream=stream, step=step)


@_with_names
def loss(logits: Column | str, label: Column | str, weight: Column | str | None = None, *, bad_rows: BadRows = "error",
         **options: Unpack[_TotalOptions]) -> Column:
    """An aggregate: struct<mean, sum, denominator, perplexity, accuracy, rows, valid_rows, correct, nulls>, exact for
    any partitions; with top_k also top_k_accuracy.

    >>> rows.agg(loss("logits", "label")["mean"])  # doctest: +SKIP
    """
    return _call("loss", bad_rows, _TotalOptions, options, logits=logits, label=label, weight=weight)


@_with_names
def linear_loss(hidden: Column | str, label: Column | str, weight: Column | str | None = None, *,
                bad_rows: BadRows = "error", **options: Unpack[_LinearOptions]) -> Column:
    """The result of `loss` for hidden states and the .npy files weights and bias of a linear layer, without logits."""
    return _call("linear_loss", bad_rows, _LinearOptions, options, hidden=hidden, label=label, weight=weight)


class ShardedLoss:
    """The losses of rows whose classes are in different partitions: lines with the columns row, first_class (a multiple
    of 8192), logits and label. Needs a session with its own driver.

    >>> ShardedLoss(shards, 128256).total()  # doctest: +SKIP
    """

    def __init__(self, shards: DataFrame, classes: int, /, *, weight_col: str | None = None,
                 **options: Unpack[_GradientOptions]) -> None:
        texts = _texts("ShardedLoss", _GradientOptions, options)
        session: Any = shards.sparkSession
        if not hasattr(session, "_jvm"):
            raise TypeError("shards is of a session of Spark Connect; expected one with its own driver. Use the functions "
                            "of these steps in SQL: xent_partial_states, xent_shard_gradient")
        loss = session._jvm.dev.xent.spark.ShardedLoss(shards._jdf, classes, texts)
        self._session, self._loss = session, loss if weight_col is None else loss.withWeightCol(weight_col)

    def losses(self) -> DataFrame:
        """row, label, loss."""
        return DataFrame(self._loss.losses(), self._session)

    def total(self) -> DataFrame:
        """The struct of `loss`, as columns."""
        return DataFrame(self._loss.total(), self._session)

    def gradients(self) -> DataFrame:
        """row, first_class, gradient."""
        return DataFrame(self._loss.gradients(), self._session)

    def log_probabilities(self) -> DataFrame:
        """row, first_class, log_probabilities."""
        return DataFrame(self._loss.logProbabilities(), self._session)
