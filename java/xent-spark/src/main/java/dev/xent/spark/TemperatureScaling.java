// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import java.io.Serial;
import org.apache.spark.ml.Estimator;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.DefaultParamsWritable;
import org.apache.spark.ml.util.Identifiable$;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.types.StructType;

/**
 * Finds the temperature at which the mean loss of labels is smallest, and fits a {@link
 * SoftmaxTransformer} with it. Fit it to rows that the classifier was not fitted to:
 *
 * {@snippet file="dev/xent/spark/PipelineTest.java" region="temperatureScaling" :
 * SoftmaxTransformer calibrated = new TemperatureScaling().fit(classifier.transform(held));
 * double temperature = (double) calibrated.getOrDefault(calibrated.temperature());
 * }
 *
 * <p>The temperature is that of {@link dev.xent.calibration.TemperatureScaling}, to the bit for any
 * partitions. Each of some ten to twenty passes is a job; the rows are cached meanwhile. Logits are
 * vectors or arrays; rows without logits or label do not count.
 */
public final class TemperatureScaling extends Estimator<SoftmaxTransformer>
    implements DefaultParamsWritable {
  @Serial private static final long serialVersionUID = 1L;

  private static final CalibrationRows.Kind<dev.xent.calibration.TemperatureScaling> PASS =
      new CalibrationRows.Kind<>(
          dev.xent.calibration.TemperatureScaling::ofBytes,
          dev.xent.calibration.TemperatureScaling::add,
          dev.xent.calibration.TemperatureScaling::add,
          dev.xent.calibration.TemperatureScaling::toBytes);

  private final String uid;
  private final Param<String> rawPredictionCol;
  private final Param<String> labelCol;
  private final Param<String> probabilityCol;
  private final Param<String> predictionCol;

  /** Creates an estimator with the defaults. */
  public TemperatureScaling() {
    this(Identifiable$.MODULE$.randomUID("temperatureScaling"));
  }

  /** Creates an estimator with an identifier, as Spark does when it loads one. */
  public TemperatureScaling(String uid) {
    this.uid = uid;
    rawPredictionCol = new Param<>(this, "rawPredictionCol", "column of logits");
    labelCol = new Param<>(this, "labelCol", "column of labels");
    probabilityCol = new Param<>(this, "probabilityCol", "output column of probabilities");
    predictionCol = new Param<>(this, "predictionCol", "output column of the largest class");
    setDefault(rawPredictionCol, "rawPrediction");
    setDefault(labelCol, "label");
    setDefault(probabilityCol, "probability");
    setDefault(predictionCol, "prediction");
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

  /** The column of probabilities of the transformer. Default: {@code probability}. */
  public Param<String> probabilityCol() {
    return probabilityCol;
  }

  /** The column of the largest class of the transformer. Default: {@code prediction}. */
  public Param<String> predictionCol() {
    return predictionCol;
  }

  /** Sets {@link #rawPredictionCol()}. */
  public TemperatureScaling setRawPredictionCol(String value) {
    set(rawPredictionCol, value);
    return this;
  }

  /** Sets {@link #labelCol()}. */
  public TemperatureScaling setLabelCol(String value) {
    set(labelCol, value);
    return this;
  }

  /** Sets {@link #probabilityCol()}. */
  public TemperatureScaling setProbabilityCol(String value) {
    set(probabilityCol, value);
    return this;
  }

  /** Sets {@link #predictionCol()}. */
  public TemperatureScaling setPredictionCol(String value) {
    set(predictionCol, value);
    return this;
  }

  @Override
  public SoftmaxTransformer fit(Dataset<?> dataset) {
    transformSchema(dataset.schema());
    CalibrationRows rows =
        new CalibrationRows(dataset, getOrDefault(rawPredictionCol), getOrDefault(labelCol)).keep();
    var scaling = dev.xent.calibration.TemperatureScaling.ofClasses();
    try {
      do {
        scaling = rows.sum(PASS, scaling.toBytes());
      } while (scaling.next());
    } finally {
      rows.close();
    }
    return new SoftmaxTransformer()
        .setRawPredictionCol(getOrDefault(rawPredictionCol))
        .setProbabilityCol(getOrDefault(probabilityCol))
        .setPredictionCol(getOrDefault(predictionCol))
        .setTemperature(scaling.temperature())
        .setParent(this);
  }

  @Override
  public StructType transformSchema(StructType schema) {
    return new SoftmaxTransformer()
        .setRawPredictionCol(getOrDefault(rawPredictionCol))
        .setProbabilityCol(getOrDefault(probabilityCol))
        .setPredictionCol(getOrDefault(predictionCol))
        .transformSchema(schema);
  }

  @Override
  public TemperatureScaling copy(ParamMap extra) {
    return defaultCopy(extra);
  }

  /** Returns a reader of estimators that {@code write} or {@code save} wrote. */
  public static MLReader<TemperatureScaling> read() {
    return new DefaultParamsReader<>();
  }

  /** Loads an estimator that {@code save} wrote. */
  public static TemperatureScaling load(String path) {
    return read().load(path);
  }
}
