// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.rand;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.offset;

import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.Inputs;
import dev.xent.LinearCrossEntropy;
import dev.xent.LossCall;
import dev.xent.LossOutputs;
import dev.xent.Tensor;
import dev.xent.files.Npy;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Weights, probabilities and the k largest: the bits of one call over all rows. */
class WeightedLossTest {
  private static final int ROWS = LinearLosses.MOST + 72;
  private static final int CLASSES = 30;
  private static final float[][] LOGITS = Spark.logits(ROWS, CLASSES);

  private final SparkSession spark = Spark.session();

  /** Every third row has the weight 0 and a label that is not a class. */
  private static float weight(int row) {
    return row % 3 == 0 ? 0 : 0.1F * row;
  }

  private static Dataset<Row> rows() {
    return Spark.rows(LOGITS)
        .withColumn("weight", expr("IF(id % 3 = 0, 0F, 0.1F * CAST(id AS FLOAT))"))
        .withColumn("label", expr("IF(id % 3 = 0, -5, label)"));
  }

  private static Tensor flat(float[][] rows) {
    float[] all = new float[rows.length * rows[0].length];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(rows[i], 0, all, i * rows[0].length, rows[0].length);
    }
    return Tensor.of(all, rows.length, rows[0].length);
  }

  private static Tensor labels() {
    int[] labels = new int[ROWS];
    for (int i = 0; i < ROWS; i++) {
      labels[i] = i % 3 == 0 ? -5 : Spark.label(i, CLASSES);
    }
    return Tensor.of(labels);
  }

  private static Inputs weights() {
    float[] weights = new float[ROWS];
    for (int i = 0; i < ROWS; i++) {
      weights[i] = weight(i);
    }
    return Inputs.none().withRowWeights(Tensor.of(weights));
  }

  private static void assertLoss(Row loss, LossCall call, int k) {
    Tensor ranks = Tensor.of(new int[ROWS]);
    LossOutputs outputs = LossOutputs.create().countCorrect(true).ranks(ranks);
    double mean = call.inputs(weights()).outputs(outputs).run();
    long found = 0;
    for (int i = 0; i < ROWS; i++) {
      found += ranks.getLong(i) >= 0 && ranks.getLong(i) < k ? 1 : 0;
    }
    assertThat(loss.<Double>getAs("mean")).isEqualTo(mean);
    assertThat(loss.<Double>getAs("sum")).isEqualTo(outputs.sum());
    assertThat(loss.<Double>getAs("denominator")).isEqualTo(outputs.denominator());
    assertThat(loss.<Long>getAs("rows")).isEqualTo(ROWS);
    assertThat(loss.<Long>getAs("valid_rows")).isEqualTo(outputs.validRows());
    assertThat(loss.<Long>getAs("correct")).isEqualTo(outputs.correctRows());
    assertThat(loss.<Double>getAs("top_k_accuracy"))
        .isEqualTo((double) found / outputs.validRows())
        .isGreaterThan(loss.<Double>getAs("accuracy"));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 7})
  void ofAnyPartitions(int partitions) {
    Map<String, String> options = XentOptions.none().topK(5);
    Row row =
        rows()
            .orderBy(rand(partitions))
            .repartition(partitions)
            .agg(XentFunctions.loss(col("logits"), col("label"), col("weight"), options).as("l"))
            .select("l.*")
            .first();
    assertLoss(row, CrossEntropy.mean().on(flat(LOGITS), labels()), 5);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void ofHiddenStates(int partitions, @TempDir Path folder) {
    Path weights = folder.resolve("weights.npy");
    int classes = CLASSES + 3; // other than the number of features
    Tensor layer = flat(Spark.logits(classes, CLASSES));
    Npy.write(weights, layer);
    float[] classWeights = new float[classes];
    double[] same = new double[classes];
    for (int k = 0; k < classes; k++) {
      classWeights[k] = 0.3F * k;
      same[k] = classWeights[k];
    }
    Map<String, String> options =
        XentOptions.none().weights(weights.toString()).topK(4).classWeights(same);
    Row row =
        rows()
            .repartition(partitions)
            .agg(
                XentFunctions.linearLoss(col("logits"), col("label"), col("weight"), options)
                    .as("l"))
            .select("l.*")
            .first();
    LinearCrossEntropy loss =
        LinearCrossEntropy.builder().classWeights(Tensor.of(classWeights)).build();
    assertLoss(row, loss.on(flat(LOGITS), layer, labels()), 4);
  }

  @ParameterizedTest
  @ValueSource(strings = {"FLOAT", "DOUBLE"})
  void weightsOfClasses(String type) {
    double[] weights = {0.1, 2, 0.7};
    CrossEntropy.Builder builder = CrossEntropy.builder();
    Tensor x;
    if (type.equals("FLOAT")) {
      builder.classWeights(Tensor.of(new float[] {0.1F, 2, 0.7F}));
      x = Tensor.of(new float[] {2, 1, 0, 0, 3, 1}, 2, 3);
    } else {
      builder.classWeights(Tensor.of(weights));
      x = Tensor.of(new double[] {2, 1, 0, 0, 3, 1}, 2, 3);
    }
    double mean = builder.build().forward(x, Tensor.of(new int[] {0, 2}));
    String table =
        " FROM VALUES (CAST(array(2, 1, 0) AS ARRAY<%s>), 0), (CAST(array(0, 3, 1) AS ARRAY<%s>), 2) t(x, y)"
            .replace("%s", type);
    String options = ", map('classWeights', '0.1,2, 0.7')";
    assertThat(one("SELECT xent_loss(x, y" + options + ").mean" + table)).isEqualTo(mean);
    Tensor gradient = x.type() == DType.F32 ? Tensor.of(new float[6], 2, 3) : x;
    builder.build().forwardBackward(x, Tensor.of(new int[] {0, 2}), gradient);
    double denominator = type.equals("FLOAT") ? 0.1F + (double) 0.7F : 0.1 + 0.7;
    List<Row> rows =
        spark
            .sql(
                "SELECT CAST(xent_cross_entropy_gradient(x, y, map('classWeights', '0.1,2, 0.7',"
                    + " 'denominator', '"
                    + denominator
                    + "')) AS ARRAY<DOUBLE>)"
                    + table)
            .collectAsList();
    for (int i = 0; i < 6; i++) {
      assertThat(rows.get(i / 3).getList(0).get(i % 3)).isEqualTo(gradient.getDouble(i / 3, i % 3));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void ofProbabilities(int partitions) {
    float[][] targets = new float[ROWS][CLASSES];
    for (int i = 0; i < ROWS; i++) {
      targets[i][i % CLASSES] = 0.75F;
      targets[i][(i + 1) % CLASSES] += 0.25F;
    }
    LossOutputs outputs = LossOutputs.create();
    CrossEntropy loss = CrossEntropy.builder().labelSmoothing(0.1).build();
    double mean = loss.on(flat(LOGITS), flat(targets)).inputs(weights()).outputs(outputs).run();
    String at = "IF(k = id % 30, 0.75%s, IF(k = (id + 1) % 30, 0.25%s, 0%s))";
    for (String type : List.of("F", "D")) {
      Row row =
          rows()
              .repartition(partitions)
              .withColumn(
                  "t", expr("transform(sequence(0, 29), k -> " + at.replace("%s", type) + ")"))
              .agg(
                  XentFunctions.loss(
                          col("logits"),
                          col("t"),
                          col("weight"),
                          XentOptions.none().labelSmoothing(0.1))
                      .as("l"))
              .select("l.*")
              .first();
      assertThat(row.<Double>getAs("mean")).isEqualTo(mean);
      assertThat(row.<Double>getAs("sum")).isEqualTo(outputs.sum());
      assertThat(row.<Long>getAs("valid_rows")).isEqualTo(outputs.validRows());
      assertThat(row.<Object>getAs("correct")).isNull();
      assertThat(row.<Object>getAs("accuracy")).isNull();
    }
  }

  @Test
  void ofOneHotProbabilities() {
    String x = "array(2F, 1F, 0F)";
    assertThat(one("SELECT xent_cross_entropy(" + x + ", array(0, 1, 0))"))
        .isEqualTo(one("SELECT xent_cross_entropy(" + x + ", 1)"));
    assertThat(one("SELECT xent_cross_entropy_gradient(" + x + ", array(0, 1, 0))"))
        .isEqualTo(one("SELECT xent_cross_entropy_gradient(" + x + ", 1)"));
    assertThat(one("SELECT xent_cross_entropy(" + x + ", CAST(NULL AS ARRAY<FLOAT>))")).isNull();
  }

  /** The loss and the gradient of each row, of F32 and F64. */
  @ParameterizedTest
  @ValueSource(strings = {"FLOAT", "DOUBLE"})
  void ofEachRow(String type) {
    DType arithmetic = type.equals("FLOAT") ? DType.F32 : DType.F64;
    Tensor all = Tensor.allocate(arithmetic, ROWS, CLASSES);
    Tensor rowWeights = Tensor.allocate(arithmetic, ROWS);
    for (int i = 0; i < ROWS; i++) {
      for (int k = 0; k < CLASSES; k++) {
        all.setDouble(LOGITS[i][k], i, k);
      }
      rowWeights.setDouble(weight(i), i);
    }
    Tensor losses = Tensor.allocate(arithmetic, ROWS);
    Tensor gradient = Tensor.allocate(arithmetic, ROWS, CLASSES);
    CrossEntropy.sum()
        .on(all, labels(), gradient)
        .inputs(Inputs.none().withRowWeights(rowWeights))
        .outputs(LossOutputs.create().losses(losses))
        .run();
    Column logits = col("logits").cast("ARRAY<" + type + ">");
    List<Row> found =
        rows()
            .orderBy("id")
            .select(
                XentFunctions.crossEntropy(logits, col("label"), col("weight"), null),
                XentFunctions.crossEntropyGradient(logits, col("label"), col("weight"), null))
            .collectAsList();
    for (int i = 0; i < ROWS; i++) {
      assertThat(found.get(i).getDouble(0)).isEqualTo(losses.getDouble(i));
      List<? extends Number> numbers = found.get(i).getList(1);
      for (int k = 0; k < CLASSES; k++) {
        assertThat(numbers.get(k).doubleValue()).isEqualTo(gradient.getDouble(i, k));
      }
    }
    XentOptions tries = XentOptions.none().badRowsAsNull();
    assertThat(
            rows()
                .select(
                    XentFunctions.crossEntropy(logits, col("label"), lit(-1), tries),
                    XentFunctions.crossEntropyGradient(logits, col("label"), lit(-1), tries))
                .collectAsList())
        .hasSize(ROWS)
        .allMatch(row -> row.isNullAt(0) && row.isNullAt(1));
  }

  @Test
  void nullWeightsCountAsNulls() {
    Row row =
        spark
            .sql(
                "SELECT l.rows, l.nulls, l.mean FROM (SELECT xent_loss(x, 0, w) AS l FROM VALUES"
                    + " (array(2F, 1F, 0F), 2), (array(9F, 1F, 0F), NULL) t(x, w))")
            .first();
    assertThat(List.of(row.get(0), row.get(1), row.get(2)))
        .containsExactly(1L, 1L, 0.40760594606399536);
  }

  /** Of any type of numbers, rounded to that of the logits. */
  @ParameterizedTest
  @ValueSource(strings = {"TINYINT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL(3, 1)"})
  void weightsOfEveryType(String type) {
    assertThat(
            one(
                "SELECT xent_loss(array(2F, 1F, 0F), 0, CAST(2 AS %s)).denominator"
                    .replace("%s", type)))
        .isEqualTo(2.0);
  }

  @ParameterizedTest
  @CsvSource({
    "-1, weight is -1.0",
    "double('NaN'), weight is NaN",
    "double('Infinity'), weight is Infinity",
    "1e39D, weight is Infinity"
  })
  void badWeights(String weight, String message, @TempDir Path folder) {
    Path weights = folder.resolve("weights.npy");
    Npy.write(weights, flat(Spark.logits(3, 3)));
    String linear = "linear_loss(x, 0, w, map('weights', '" + weights + "'))";
    for (String call : List.of("loss(x, 0, w)", linear)) {
      String table =
          " FROM VALUES (array(2F, 1F, 0F), 1D), (array(2F, 1F, 0F), " + weight + ") t(x, w)";
      assertThatThrownBy(() -> one("SELECT xent_" + call + table))
          .hasStackTraceContaining(message + "; expected a finite number, at least 0");
      assertThat(one("SELECT try_xent_" + call + ".nulls" + table)).isEqualTo(1L);
      assertThat(one("SELECT try_xent_" + call + ".rows" + table)).isEqualTo(1L);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "xent_loss(x, y, map('classWeights', '1, 2')) | the row has length 3, option classWeights"
            + " has 2 numbers",
        "xent_loss(x, y, map('classWeights', '1,,2')) | option classWeights is 1,,2; expected"
            + " decimal numbers, separated by commas",
        "xent_loss(x, y, map('classWeights', '1,2,')) | option classWeights is 1,2,; expected"
            + " decimal numbers",
        "xent_loss(x, y, map('classWeights', '1,-2,3')) | option classWeights is 1,-2,3; must be at"
            + " least 0",
        "xent_loss(x, y, map('classWeights', '1,1e39,3')) | option classWeights is 1,1e39,3; must"
            + " be at least 0 and finite",
        "xent_loss(x, y, map('classWeights', '1,2', 'classes', '3')) | option classes is 3; option"
            + " classWeights has 2 numbers",
        "xent_loss(x, y, map('topK', '0')) | option topK is 0; must be at least 1",
        "xent_loss(x, y, map('topK', '9999999999')) | option topK is 9999999999; must be at most"
            + " 2147483647",
        "xent_cross_entropy(x, y, map('topK', '2')) | unknown option topK",
        "xent_loss(x, x, map('topK', '2')) | option topK is 2; probabilities have none. Remove it",
        "xent_loss(x, x, map('ignoreIndex', '2')) | option ignoreIndex is 2; probabilities have"
            + " none",
        "xent_cross_entropy_gradient(x, x, map('focalGamma', '2')) | option focalGamma is 2;"
            + " probabilities have none",
        "xent_loss(x, array(1F, 0F)) | the label has 2 probabilities, the row has 3 classes",
        "xent_loss(x, array(1F, 0F, NULL)) | element 2 of 3 is null; pass a number",
        "xent_loss(array(X'00'), 1, map('topK', '3')) | option topK is 3; partial states have none",
        "xent_loss(array(X'00'), x) | The second parameter requires the",
        "xent_linear_loss(x, x, map('weights', 'w')) | The second parameter requires the",
        "xent_loss(x, y, 'w') | The third parameter requires the",
        "xent_argmax(x, map('temperature', '2')) | unknown option temperature; expected one of"
            + " type, classes",
      })
  void refusals(String call, String message) {
    Throwable thrown =
        catchThrowable(() -> one("SELECT " + call + " FROM VALUES (array(2F, 1F, 0F), 1) t(x, y)"));
    assertThat(thrown).as(call).hasStackTraceContaining(message);
    if (!message.startsWith("the row") && !call.contains("array(1F")) {
      assertThat(thrown).isInstanceOf(AnalysisException.class);
    }
  }

  /** The wrong length of the weights is not an error of a row. */
  @Test
  void noRowHasTheLengthOfTheWeights() {
    assertThatThrownBy(
            () -> one("SELECT try_xent_loss(array(1F), 0, map('classWeights', '1,2')).mean"))
        .hasStackTraceContaining("has it: correct option classWeights");
  }

  /** The number of the row, as one call over all of them has it. */
  @Test
  void numbersOfRows() {
    String x = "array(2F, 1F, 0F)";
    assertThat(one("SELECT xent_argmax(" + x + ")")).isEqualTo(0);
    assertThat(one("SELECT xent_argmax(array(1F, 5F, 5F))")).isEqualTo(1);
    assertThat(one("SELECT xent_argmax(array(1F, float('NaN')))")).isEqualTo(-1);
    assertThat(one("SELECT xent_argmax(array(1F, float('Infinity')))")).isEqualTo(-1);
    assertThat(one("SELECT xent_argmax(array(float('-Infinity')))")).isEqualTo(-1);
    assertThat(one("SELECT xent_log_sum_exp(array(1F, float('Infinity')))"))
        .isEqualTo(Double.POSITIVE_INFINITY);
    assertThat(one("SELECT xent_argmax(CAST(NULL AS ARRAY<FLOAT>))")).isNull();
    assertThat((double) one("SELECT xent_log_sum_exp(" + x + ")")).isEqualTo((double) 2.407606F);
    assertThat((double) one("SELECT xent_entropy(array(1D, 1D), map('temperature', '3'))"))
        .isEqualTo(Math.log(2));
    assertThat((double) one("SELECT xent_log_sum_exp(array(2D, 1D, 0D), map('temperature', '2'))"))
        .isCloseTo(1.6802, offset(1e-4));
    List<Row> rows =
        Spark.rows(LOGITS)
            .select(
                XentFunctions.argmax(col("logits")),
                XentFunctions.topK(col("logits"), 1).getField("classes").getItem(0),
                XentFunctions.entropy(col("logits")),
                XentFunctions.logSumExp(col("logits")))
            .collectAsList();
    for (Row row : rows) {
      assertThat(row.get(0)).isEqualTo(row.get(1));
      assertThat(row.getDouble(2)).isPositive();
      assertThat(row.getDouble(3)).isGreaterThan(5);
    }
  }

  private Object one(String query) {
    return spark.sql(query).first().get(0);
  }
}
