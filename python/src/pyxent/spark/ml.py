# SPDX-License-Identifier: Apache-2.0
"""Softmax and cross-entropy as stages of `pyspark.ml`. The session needs the functions, as for `pyxent.spark`."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.ml import Estimator, Transformer
from pyspark.ml.evaluation import Evaluator
from pyspark.ml.functions import array_to_vector
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.param.shared import HasLabelCol, HasPredictionCol, HasProbabilityCol, HasRawPredictionCol
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DoubleType, FloatType

from pyxent.spark import argmax, loss, softmax

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["CrossEntropyEvaluator", "SoftmaxTransformer", "TemperatureScaling"]

_FIELDS = {"crossEntropy": "mean", "perplexity": "perplexity", "accuracy": "accuracy"}
_OF_CALIBRATION = ("brier", "expectedCalibrationError")


def _metric(value: Any) -> str:
    if value not in (*_FIELDS, *_OF_CALIBRATION):
        raise TypeError(f"metricName is {value!r}; expected one of {', '.join((*_FIELDS, *_OF_CALIBRATION))}")
    return str(value)


class SoftmaxTransformer(Transformer, HasRawPredictionCol, HasProbabilityCol, HasPredictionCol,
                         DefaultParamsReadable["SoftmaxTransformer"], DefaultParamsWritable):
    """Adds the softmax of a column of logits, and its largest class. An empty name omits that column. A row without
    logits gets null in both.

    >>> Pipeline(stages=[classifier, SoftmaxTransformer()])  # doctest: +SKIP
    """

    temperature: Param[float] = Param(Params._dummy(), "temperature", "what logits are divided by",
                                      TypeConverters.toFloat)

    def __init__(self, *, rawPredictionCol: str = "rawPrediction", probabilityCol: str = "probability",
                 predictionCol: str = "prediction", temperature: float = 1.0) -> None:
        super().__init__()
        self._set(rawPredictionCol=rawPredictionCol, probabilityCol=probabilityCol, predictionCol=predictionCol,
                  temperature=temperature)

    def setRawPredictionCol(self, value: str) -> Self:
        self._set(rawPredictionCol=value)
        return self

    def setProbabilityCol(self, value: str) -> Self:
        self._set(probabilityCol=value)
        return self

    def setPredictionCol(self, value: str) -> Self:
        self._set(predictionCol=value)
        return self

    def setTemperature(self, value: float) -> Self:
        self._set(temperature=value)
        return self

    def _transform(self, dataset: DataFrame) -> DataFrame:
        logits, outputs = F.col(self.getRawPredictionCol()), (self.getProbabilityCol(), self.getPredictionCol())
        # withColumn replaces a column whose name differs in case
        same = str if dataset.sparkSession.conf.get("spark.sql.caseSensitive") == "true" else str.lower
        known = set(map(same, dataset.columns))
        for name in filter(None, outputs):
            if same(name) in known:
                raise ValueError(f"output column {name} exists already; expected another name, or '' to leave it out")
            known.add(same(name))
        if outputs[0]:
            probabilities = softmax(logits, temperature=self.getOrDefault(self.temperature)).cast("array<double>")
            vectors = F.when(logits.isNotNull(), array_to_vector(probabilities))  # array_to_vector fails for a null
            dataset = dataset.withColumn(outputs[0], vectors)
        if outputs[1]:
            dataset = dataset.withColumn(outputs[1], argmax(logits).cast("double"))
        return dataset


def _jvm(dataset: DataFrame) -> Any:
    """The package dev.xent.spark in the driver."""
    jvm: Any = getattr(dataset.sparkSession, "_jvm", None)
    if jvm is None:
        raise TypeError("dataset is of Spark Connect; expected one of a session with its own driver")
    return jvm.dev.xent.spark


class TemperatureScaling(Estimator[SoftmaxTransformer], HasRawPredictionCol, HasProbabilityCol, HasPredictionCol, HasLabelCol,
                         DefaultParamsReadable["TemperatureScaling"], DefaultParamsWritable):
    """Finds the temperature at which the mean loss of labels is smallest, and fits a `SoftmaxTransformer` with it. Fit it
    to rows that the classifier was not fitted to. The driver of the session must be here: not for Spark Connect.

    >>> calibrated = TemperatureScaling().fit(classifier.transform(held))  # doctest: +SKIP
    """

    def __init__(self, *, rawPredictionCol: str = "rawPrediction", labelCol: str = "label",
                 probabilityCol: str = "probability", predictionCol: str = "prediction") -> None:
        super().__init__()
        self._set(rawPredictionCol=rawPredictionCol, labelCol=labelCol, probabilityCol=probabilityCol,
                  predictionCol=predictionCol)

    def _fit(self, dataset: DataFrame) -> SoftmaxTransformer:
        scaling = _jvm(dataset).TemperatureScaling()
        scaling.setRawPredictionCol(self.getRawPredictionCol()).setLabelCol(self.getLabelCol())
        fitted = scaling.setProbabilityCol("").setPredictionCol("").fit(dataset._jdf)
        return SoftmaxTransformer(rawPredictionCol=self.getRawPredictionCol(), probabilityCol=self.getProbabilityCol(),
                                  predictionCol=self.getPredictionCol(),
                                  temperature=fitted.getOrDefault(fitted.temperature()))


class CrossEntropyEvaluator(Evaluator, HasRawPredictionCol, HasLabelCol, DefaultParamsReadable["CrossEntropyEvaluator"],
                            DefaultParamsWritable):
    """The exact mean loss, the perplexity or the accuracy of a column of logits and a column of labels; or, without
    weights and not for Spark Connect, `brier` or `expectedCalibrationError` of their calibration."""

    weightCol: Param[str] = Param(Params._dummy(), "weightCol", "column of weights of rows; empty: none",
                                  TypeConverters.toString)
    metricName: Param[str] = Param(Params._dummy(), "metricName", "crossEntropy, perplexity, accuracy, brier or expectedCalibrationError", _metric)

    def __init__(self, *, rawPredictionCol: str = "rawPrediction", labelCol: str = "label", weightCol: str = "",
                 metricName: str = "crossEntropy") -> None:
        super().__init__()
        self._set(rawPredictionCol=rawPredictionCol, labelCol=labelCol, weightCol=weightCol, metricName=metricName)

    def setRawPredictionCol(self, value: str) -> Self:
        self._set(rawPredictionCol=value)
        return self

    def setLabelCol(self, value: str) -> Self:
        self._set(labelCol=value)
        return self

    def setWeightCol(self, value: str) -> Self:
        self._set(weightCol=value)
        return self

    def setMetricName(self, value: str) -> Self:
        self._set(metricName=value)
        return self

    def _evaluate(self, dataset: DataFrame) -> float:
        metric, name = self.getOrDefault(self.metricName), self.getLabelCol()
        if metric in _OF_CALIBRATION:
            evaluator = _jvm(dataset).CrossEntropyEvaluator().setRawPredictionCol(self.getRawPredictionCol())
            evaluator.setLabelCol(name).setWeightCol(self.getOrDefault(self.weightCol)).setMetricName(metric)
            return float(evaluator.evaluate(dataset._jdf))
        label = F.col(name)
        if isinstance(dataset.select(label).schema[0].dataType, (DoubleType, FloatType)):  # the labels of pyspark.ml are doubles
            message = F.concat(F.lit(f"column {name} has the label "), label.cast("string"),
                               F.lit("; expected a whole number"))
            whole = label.try_cast("bigint")  # null if no whole number can be it
            label = F.when(label.isNull() | (label == whole), whole).otherwise(F.raise_error(message))
        losses = loss(self.getRawPredictionCol(), label, self.getOrDefault(self.weightCol) or None)
        row = dataset.agg(losses.getField(_FIELDS[metric])).first()
        value = row and row[0]
        return float("nan") if value is None else float(value)

    def isLargerBetter(self) -> bool:
        return bool(self.getOrDefault(self.metricName) == "accuracy")
