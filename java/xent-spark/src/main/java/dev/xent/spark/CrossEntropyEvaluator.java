// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.concat;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.raise_error;
import static org.apache.spark.sql.functions.when;

import dev.xent.calibration.Calibration;
import java.io.Serial;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.apache.spark.ml.evaluation.Evaluator;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.DefaultParamsWritable;
import org.apache.spark.ml.util.Identifiable$;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;

/**
 * The exact mean loss of a column of logits and a column of labels, for {@code CrossValidator}: the
 * numbers of {@link XentFunctions#loss(Column, Column)}, for any partitions. Labels may be doubles
 * with integer values, as in spark.ml.
 */
public final class CrossEntropyEvaluator extends Evaluator implements DefaultParamsWritable {
  @Serial private static final long serialVersionUID = 1L;

  private static final String ACCURACY = "accuracy";
  private static final Map<String, String> FIELDS =
      Map.of("crossEntropy", "mean", "perplexity", "perplexity", ACCURACY, ACCURACY);

  private static final Map<String, ToDoubleFunction<Calibration>> OF_CALIBRATION =
      Map.of("brier", Calibration::brier, "expectedCalibrationError", Calibration::expectedError);

  private static final CalibrationRows.Kind<Calibration> SUM =
      new CalibrationRows.Kind<>(
          Calibration::ofBytes, Calibration::add, Calibration::add, Calibration::toBytes);

  private static final String METRICS =
      "crossEntropy, perplexity, accuracy, brier or expectedCalibrationError";

  private final String uid;
  private final Param<String> rawPredictionCol;
  private final Param<String> labelCol;
  private final Param<String> weightCol;
  private final Param<String> metricName;

  /** Creates an evaluator with the defaults. */
  public CrossEntropyEvaluator() {
    this(Identifiable$.MODULE$.randomUID("crossEntropy"));
  }

  /** Creates an evaluator with an identifier, as Spark does when it loads one. */
  public CrossEntropyEvaluator(String uid) {
    this.uid = uid;
    rawPredictionCol = new Param<>(this, "rawPredictionCol", "column of logits");
    labelCol = new Param<>(this, "labelCol", "column of labels");
    weightCol = new Param<>(this, "weightCol", "column of weights of rows; empty: none");
    metricName = new Param<>(this, "metricName", METRICS, CrossEntropyEvaluator::requireMetric);
    setDefault(rawPredictionCol, "rawPrediction");
    setDefault(labelCol, "label");
    setDefault(weightCol, "");
    setDefault(metricName, "crossEntropy");
  }

  /** Spark's own message has no list of metrics. */
  private static boolean requireMetric(Object value) {
    if (!(value instanceof String name)
        || !(FIELDS.containsKey(name) || OF_CALIBRATION.containsKey(name))) {
      throw new IllegalArgumentException("metricName is " + value + "; expected " + METRICS);
    }
    return true;
  }

  @Override
  public String uid() {
    return uid;
  }

  /** The column of logits. Default: {@code rawPrediction}. */
  public Param<String> rawPredictionCol() {
    return rawPredictionCol;
  }

  /** The column of labels. Default: {@code label}. */
  public Param<String> labelCol() {
    return labelCol;
  }

  /** The column of row weights, or an empty name. Default: none. */
  public Param<String> weightCol() {
    return weightCol;
  }

  /**
   * The metric to return: {@code crossEntropy}, {@code perplexity} or {@code accuracy}; {@code
   * brier} or {@code expectedCalibrationError} of {@link Calibration#ofClasses}, without weights.
   * Default: {@code crossEntropy}.
   */
  public Param<String> metricName() {
    return metricName;
  }

  /** Sets {@link #rawPredictionCol()}. */
  public CrossEntropyEvaluator setRawPredictionCol(String value) {
    set(rawPredictionCol, value);
    return this;
  }

  /** Sets {@link #labelCol()}. */
  public CrossEntropyEvaluator setLabelCol(String value) {
    set(labelCol, value);
    return this;
  }

  /** Sets {@link #weightCol()}. */
  public CrossEntropyEvaluator setWeightCol(String value) {
    set(weightCol, value);
    return this;
  }

  /** Sets {@link #metricName()}. */
  public CrossEntropyEvaluator setMetricName(String value) {
    set(metricName, value);
    return this;
  }

  /** Returns the metric, or NaN for an empty dataset. */
  @Override
  public double evaluate(Dataset<?> dataset) {
    Xent.register(dataset.sparkSession());
    Column logits = col(getOrDefault(rawPredictionCol));
    String weight = getOrDefault(weightCol);
    var ofCalibration = OF_CALIBRATION.get(getOrDefault(metricName));
    if (ofCalibration != null) {
      if (!weight.isEmpty()) {
        throw new IllegalArgumentException(
            "weightCol is " + weight + "; expected none for " + getOrDefault(metricName));
      }
      return ofCalibration(dataset, ofCalibration);
    }
    Column label = label(dataset, getOrDefault(labelCol));
    Column loss =
        weight.isEmpty()
            ? XentFunctions.loss(logits, label)
            : XentFunctions.loss(logits, label, col(weight), null);
    Row row = dataset.toDF().agg(loss.getField(FIELDS.get(getOrDefault(metricName)))).first();
    return row.isNullAt(0) ? Double.NaN : row.getDouble(0);
  }

  private double ofCalibration(Dataset<?> dataset, ToDoubleFunction<Calibration> metric) {
    CalibrationRows rows =
        new CalibrationRows(dataset, getOrDefault(rawPredictionCol), getOrDefault(labelCol));
    Calibration sum = rows.sum(SUM, Calibration.ofClasses().toBytes());
    return sum.rows() == 0 ? Double.NaN : metric.applyAsDouble(sum);
  }

  /** Labels of spark.ml are doubles. */
  static Column label(Dataset<?> dataset, String name) {
    Column label = col(name);
    DataType type = dataset.select(label).schema().apply(0).dataType();
    if (!type.equals(DataTypes.DoubleType) && !type.equals(DataTypes.FloatType)) {
      return label;
    }
    Column whole = label.try_cast("bigint"); // null if no whole number can be it
    Column message =
        concat(
            lit("column " + name + " has the label "),
            label.cast("string"),
            lit("; expected a whole number"));
    return when(label.isNull().or(label.equalTo(whole)), whole).otherwise(raise_error(message));
  }

  @Override
  public boolean isLargerBetter() {
    return getOrDefault(metricName).equals(ACCURACY);
  }

  @Override
  public CrossEntropyEvaluator copy(ParamMap extra) {
    return defaultCopy(extra);
  }

  /** Returns a reader of evaluators that {@code write} or {@code save} wrote. */
  public static MLReader<CrossEntropyEvaluator> read() {
    return new DefaultParamsReader<>();
  }

  /** Loads an evaluator that {@code save} wrote. */
  public static CrossEntropyEvaluator load(String path) {
    return read().load(path);
  }
}
