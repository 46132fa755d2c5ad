// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.when;

import java.io.Serial;
import java.util.Arrays;
import org.apache.spark.ml.Model;
import org.apache.spark.ml.functions;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.ml.param.DoubleParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.DefaultParamsWritable;
import org.apache.spark.ml.util.Identifiable$;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.ml.util.SchemaUtils;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import scala.Function2;

/**
 * Adds the softmax of a column of logits, and its largest class, as a stage of a pipeline: vectors
 * in the column {@code probability}, doubles in {@code prediction}.
 *
 * {@snippet file="dev/xent/spark/PipelineTest.java" region="pipeline" :
 * Pipeline pipeline =
 *     new Pipeline().setStages(new PipelineStage[] {classifier, new SoftmaxTransformer()});
 * }
 *
 * <p>{@link TemperatureScaling} fits one with a temperature.
 *
 * <p>Logits are as for {@link XentFunctions}: a row without logits gets null in both columns. An
 * output column with an empty name is omitted. An output column that exists already is an error.
 */
public final class SoftmaxTransformer extends Model<SoftmaxTransformer>
    implements DefaultParamsWritable {
  @Serial private static final long serialVersionUID = 1L;

  private final String uid;
  private final Param<String> rawPredictionCol;
  private final Param<String> probabilityCol;
  private final Param<String> predictionCol;
  private final DoubleParam temperature;

  /** Creates a transformer with the defaults. */
  public SoftmaxTransformer() {
    this(Identifiable$.MODULE$.randomUID("softmax"));
  }

  /** Creates a transformer with an identifier, as Spark does when it loads one. */
  public SoftmaxTransformer(String uid) {
    this.uid = uid;
    rawPredictionCol = new Param<>(this, "rawPredictionCol", "column of logits");
    probabilityCol = new Param<>(this, "probabilityCol", "output column of probabilities");
    predictionCol = new Param<>(this, "predictionCol", "output column of the largest class");
    temperature =
        new DoubleParam(
            this, "temperature", "what logits are divided by", SoftmaxTransformer::requirePositive);
    setDefault(rawPredictionCol, "rawPrediction");
    setDefault(probabilityCol, "probability");
    setDefault(predictionCol, "prediction");
    setDefault(temperature, 1.0);
  }

  private static boolean requirePositive(Object value) {
    if (!(value instanceof Double number) || !(number > 0)) {
      throw new IllegalArgumentException("temperature is " + value + "; expected a number above 0");
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

  /** The column of probabilities. Default: {@code probability}. */
  public Param<String> probabilityCol() {
    return probabilityCol;
  }

  /** The column of the largest class. Default: {@code prediction}. */
  public Param<String> predictionCol() {
    return predictionCol;
  }

  /** The divisor of the logits. Default: 1. */
  public DoubleParam temperature() {
    return temperature;
  }

  /** Sets {@link #rawPredictionCol()}. */
  public SoftmaxTransformer setRawPredictionCol(String value) {
    set(rawPredictionCol, value);
    return this;
  }

  /** Sets {@link #probabilityCol()}. */
  public SoftmaxTransformer setProbabilityCol(String value) {
    set(probabilityCol, value);
    return this;
  }

  /** Sets {@link #predictionCol()}. */
  public SoftmaxTransformer setPredictionCol(String value) {
    set(predictionCol, value);
    return this;
  }

  /** Sets {@link #temperature()}. */
  public SoftmaxTransformer setTemperature(double value) {
    set(temperature, value);
    return this;
  }

  @Override
  public Dataset<Row> transform(Dataset<?> dataset) {
    transformSchema(dataset.schema());
    Xent.register(dataset.sparkSession());
    Column logits = col(getOrDefault(rawPredictionCol));
    XentOptions options = XentOptions.none().temperature((double) getOrDefault(temperature));
    Dataset<Row> result = dataset.toDF();
    if (!getOrDefault(probabilityCol).isEmpty()) {
      Column softmax = XentFunctions.softmax(logits, options).cast("array<double>");
      // array_to_vector fails for a null.
      Column probability = when(logits.isNotNull(), functions.array_to_vector(softmax));
      result = result.withColumn(getOrDefault(probabilityCol), probability);
    }
    if (!getOrDefault(predictionCol).isEmpty()) {
      Column argmax = XentFunctions.argmax(logits).cast("double");
      result = result.withColumn(getOrDefault(predictionCol), argmax);
    }
    return result;
  }

  @Override
  public StructType transformSchema(StructType schema) {
    SchemaUtils.getSchemaField(schema, getOrDefault(rawPredictionCol)); // throws if it is missing
    StructType result = add(schema, getOrDefault(probabilityCol), true);
    return add(result, getOrDefault(predictionCol), false);
  }

  private static StructType add(StructType schema, String name, boolean vector) {
    // As withColumn, which would replace a column whose name differs in case.
    Function2<String, String, Object> resolver = SQLConf.get().resolver();
    if (Arrays.stream(schema.fieldNames()).anyMatch(each -> (boolean) resolver.apply(each, name))) {
      throw new IllegalArgumentException(
          "output column "
              + name
              + " exists already; expected another name, or \"\" to leave it out");
    }
    return name.isEmpty()
        ? schema
        : schema.add(name, vector ? SQLDataTypes.VectorType() : DataTypes.DoubleType);
  }

  @Override
  public SoftmaxTransformer copy(ParamMap extra) {
    return defaultCopy(extra);
  }

  /** Returns a reader of transformers that {@code write} or {@code save} wrote. */
  public static MLReader<SoftmaxTransformer> read() {
    return new DefaultParamsReader<>();
  }

  /** Loads a transformer that {@code save} wrote. */
  public static SoftmaxTransformer load(String path) {
    return read().load(path);
  }
}
