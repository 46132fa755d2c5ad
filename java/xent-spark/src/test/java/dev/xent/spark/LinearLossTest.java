// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.rand;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.Inputs;
import dev.xent.LinearCrossEntropy;
import dev.xent.LossOutputs;
import dev.xent.Tensor;
import dev.xent.files.Npy;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Observation;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.expressions.Window;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Losses of hidden states have the bits of one call over all rows, for any partitions. */
class LinearLossTest {
  private static final int ROWS = 2 * LinearLosses.MOST + 44;
  private static final int FEATURES = 30;
  private static final int CLASSES = FEATURES; // as the labels of Spark.rows
  private static final float[][] HIDDEN = Spark.logits(ROWS, FEATURES);
  private static final Tensor WEIGHTS =
      Tensor.of(flat(Spark.logits(CLASSES, FEATURES)), CLASSES, FEATURES);
  private static final Tensor BIAS = Tensor.of(Spark.logits(1, CLASSES)[0], CLASSES);

  @TempDir private static Path folder;

  private static Map<String, String> options;

  @BeforeAll
  static void files() {
    Path weights = folder.resolve("weights.npy");
    Path bias = folder.resolve("bias.npy");
    Npy.write(weights, WEIGHTS);
    Npy.write(bias, BIAS);
    options = Map.of("weights", weights.toString(), "bias", bias.toString(), "ignoreIndex", "7");
  }

  private static float[] flat(float[][] rows) {
    float[] all = new float[rows.length * rows[0].length];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(rows[i], 0, all, i * rows[0].length, rows[0].length);
    }
    return all;
  }

  private static void assertLoss(Row loss, int[] rows) {
    float[][] hidden = new float[rows.length][];
    int[] labels = new int[rows.length];
    for (int i = 0; i < rows.length; i++) {
      hidden[i] = HIDDEN[rows[i]];
      labels[i] = Spark.label(rows[i], CLASSES);
    }
    LossOutputs outputs = LossOutputs.create().countCorrect(true);
    double mean =
        LinearCrossEntropy.builder()
            .ignoreIndex(7)
            .build()
            .on(Tensor.of(flat(hidden), rows.length, FEATURES), WEIGHTS, Tensor.of(labels))
            .inputs(Inputs.none().withBias(BIAS))
            .outputs(outputs)
            .run();
    assertThat(loss.<Double>getAs("mean")).isEqualTo(mean);
    assertThat(loss.<Double>getAs("sum")).isEqualTo(outputs.sum());
    assertThat(loss.<Long>getAs("rows")).isEqualTo(rows.length);
    assertThat(loss.<Long>getAs("valid_rows")).isEqualTo(outputs.validRows());
    assertThat(loss.<Long>getAs("correct")).isEqualTo(outputs.correctRows());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 7, 64})
  void ofAnyPartitions(int partitions) {
    Row loss =
        Spark.rows(HIDDEN)
            .orderBy(rand(partitions))
            .repartition(partitions)
            .agg(XentFunctions.linearLoss(col("logits"), col("label"), options).as("loss"))
            .select("loss.*")
            .first();
    assertLoss(loss, IntStream.range(0, ROWS).toArray());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 128})
  void ofGroups(int groupsInMemory) {
    String fallback = "spark.sql.objectHashAggregate.sortBased.fallbackThreshold";
    Spark.session().conf().set(fallback, groupsInMemory);
    try {
      Dataset<Row> groups =
          Spark.rows(HIDDEN)
              .groupBy(expr("id % 3").as("g"))
              .agg(XentFunctions.linearLoss(col("logits"), col("label"), options).as("loss"))
              .orderBy("g")
              .select("loss.*");
      for (int g = 0; g < 3; g++) {
        int group = g;
        assertLoss(
            groups.collectAsList().get(g),
            IntStream.range(0, ROWS).filter(i -> i % 3 == group).toArray());
      }
    } finally {
      Spark.session().conf().unset(fallback);
    }
  }

  /** Among rows that are computed together, and among the last ones. */
  @ParameterizedTest
  @ValueSource(ints = {130, ROWS - 1})
  void aBadLabelIsToldWithItsPlace(int bad) {
    Dataset<Row> rows =
        Spark.rows(HIDDEN).withColumn("label", expr("IF(id = " + bad + ", 30, label)")).coalesce(1);
    assertThatThrownBy(
            () ->
                rows.agg(XentFunctions.linearLoss(col("logits"), col("label"), options))
                    .collectAsList())
        .hasStackTraceContaining("row " + bad + " of partition 0: label 30 is not in [0, 30)");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "logits, label, map() | option weights is missing; set it to the .npy file of the weights",
        "logits, label, map('weights', '/nowhere/head.npy') | failed due to: /nowhere/head.npy does"
            + " not exist; check the name",
        "logits, label, map('weights', 'head.npy') | option weights is head.npy, and no such file"
            + " was sent; send it with --files or SparkContext.addFile, or pass an absolute path",
        "logits, label, map('weights', 'WEIGHTS', 'bias', 'b.npy') | option bias is b.npy, and no"
            + " such file was sent",
        "logits, label, map('weights', 'WEIGHTS', 'classes', '30') | unknown option classes",
        "slice(logits, 1, 7), label, map('weights', 'WEIGHTS') | row 0 of partition 0: the row has"
            + " 7 features, the file of weights has the shape [30, 30]; expected [classes, 7]",
        "CAST(logits AS ARRAY<DOUBLE>), label, map('weights', 'WEIGHTS') | the hidden states have"
            + " the type ARRAY<DOUBLE>; expected ARRAY<FLOAT> or BINARY",
        "X'00', label, map('weights', 'WEIGHTS', 'type', 'float64') | hidden states are BINARY of"
            + " type float64; expected float16, bfloat16 or float32",
        "logits, label, map('weights', 'BIAS') | failed due to: weights is F32 [30]; expected a"
            + " .npy file of shape [classes, features]",
        "logits, label, map('weights', 'WEIGHTS', 'bias', 'WEIGHTS') | bias is F32 [30, 30],"
            + " weights is F32 [30, 30]; expected a number for each class",
        "array(1F, NULL), label, map('weights', 'WEIGHTS') | row 0 of partition 0: element 1 of 2"
            + " is null",
        "logits, 1.5, map('weights', 'WEIGHTS') | the label has the type DECIMAL(2,1); expected"
            + " whole numbers. Convert it: CAST(1.5 AS INT)",
      })
  void refusals(String arguments, String message) {
    String call =
        "xent_linear_loss("
            + arguments
                .replace("WEIGHTS", options.get("weights"))
                .replace("BIAS", options.get("bias"))
            + ")";
    assertThatThrownBy(() -> Spark.rows(HIDDEN).coalesce(1).agg(expr(call)).collectAsList())
        .hasStackTraceContaining(message);
  }

  /** No row is the reason, and none counts as null. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {"1", "30", "30,1,30", "2,15,30", "0,30", "30,0"})
  void weightsOfAnotherShapeAreToldWhetherOrNotRowsAreTried(String shape) {
    int[] dims = Arrays.stream(shape.split(",")).mapToInt(Integer::parseInt).toArray();
    Path file = folder.resolve("shape.npy");
    Npy.write(
        file,
        Tensor.of(
            new float[Arrays.stream(dims).reduce(1, (a, b) -> a * b)],
            Arrays.stream(dims).asLongStream().toArray()));
    for (String form : List.of("", "try_")) {
      String call = form + "xent_linear_loss(logits, label, map('weights', '" + file + "'))";
      assertThatThrownBy(() -> Spark.rows(HIDDEN).coalesce(1).agg(expr(call)).collectAsList())
          .as(call)
          .hasStackTraceContaining(
              "failed due to: weights is F32 ["
                  + shape.replace(",", ", ")
                  + "]; expected a .npy file of shape [classes, features], each at least 1");
    }
  }

  /** While the query is read, whether or not rows are tried. */
  @ParameterizedTest
  @CsvSource({"weights, 'a\0b'", "bias, 'a\0b'"})
  void namesThatNoFileHas(String option, String name) {
    String files = "map('weights', 'head.npy', '" + option + "', '" + name + "')";
    if (option.equals("weights")) {
      files = "map('weights', '" + name + "')";
    }
    for (String form : List.of("", "try_")) {
      String call = form + "xent_linear_loss(logits, label, " + files + ")";
      assertThatThrownBy(() -> Spark.rows(HIDDEN).agg(expr(call)))
          .as(call)
          .isInstanceOf(AnalysisException.class)
          .hasMessageContaining("option " + option + " is ")
          .hasMessageContaining("expected the path or name of a .npy file");
    }
  }

  @Test
  void ofWindows() {
    Spark.rows(HIDDEN).createOrReplaceTempView("rows");
    List<Row> losses =
        Spark.session()
            .table("rows")
            .withColumn(
                "loss",
                XentFunctions.linearLoss(col("logits"), col("label"), options)
                    .over(Window.orderBy("id").rowsBetween(-129, 0)))
            .orderBy("id")
            .select("loss.*")
            .collectAsList();
    for (int i : new int[] {0, 127, 128, 129, 130, ROWS - 1}) {
      assertLoss(losses.get(i), IntStream.rangeClosed(Math.max(i - 129, 0), i).toArray());
    }
  }

  /** Spark adds up what the parts of a task observe without a serializer between. */
  @Test
  void ofObservations() throws InterruptedException {
    Observation observation = new Observation("losses");
    Spark.rows(HIDDEN)
        .repartition(7)
        .observe(
            observation, XentFunctions.linearLoss(col("logits"), col("label"), options).as("loss"))
        .coalesce(1)
        .collectAsList();
    assertLoss((Row) observation.getAsJava().get("loss"), IntStream.range(0, ROWS).toArray());
  }

  @Test
  void nullsAreCountedAlone() {
    Row loss =
        Spark.rows(HIDDEN)
            .withColumn("label", expr("IF(id = 3, NULL, label)"))
            .withColumn("logits", expr("IF(id = 4, NULL, logits)"))
            .agg(XentFunctions.linearLoss(col("logits"), col("label"), options).as("loss"))
            .select("loss.*")
            .first();
    assertThat(loss.<Long>getAs("nulls")).isEqualTo(2);
    assertLoss(loss, IntStream.range(0, ROWS).filter(i -> i != 3 && i != 4).toArray());
  }

  /**
   * Where rows are refused, the last ones or all that are computed together, and none of them alone
   * is the reason.
   */
  @ParameterizedTest
  @ValueSource(ints = {5, LinearLosses.MOST + 2})
  void aBadBiasIsToldWithTheFirstRow(int count) {
    String files = "map('weights', '" + options.get("weights") + "', 'bias', '";
    String call = "xent_linear_loss(logits, label, " + files + options.get("weights") + "'))";
    Dataset<Row> rows = Spark.rows(HIDDEN).limit(count).coalesce(1);
    assertThatThrownBy(() -> rows.agg(expr(call)).collectAsList())
        .hasStackTraceContaining("row 0 of partition 0: bias is F32 [30, 30], ");
  }

  @Test
  void weightsThatSparkSends() {
    Spark.session().sparkContext().addFile(Spark.example("weights.npy").toString());
    Row row =
        Spark.session()
            .sql(
                "SELECT xent_linear_loss(h, y, map('weights', 'weights.npy')).mean FROM VALUES"
                    + " (array(1F, 0F, 0.5F, -1F), 0), (array(0F, 2F, -1F, 0.5F), 1) t(h, y)")
            .first();
    assertThat(row.getDouble(0)).isEqualTo(0.07387246564030647);
  }
}
