// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.collect_list;
import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.lit;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.Inputs;
import dev.xent.LogSoftmax;
import dev.xent.LossOutputs;
import dev.xent.LossSum;
import dev.xent.Tensor;
import dev.xent.errors.OptionException;
import dev.xent.options.Reduction;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Rows in three shards have the bits of undivided rows, in whatever partitions the shards lie. */
class ShardedLossTest {
  private static final int ROWS = 5;
  private static final int CLASSES = 20000;
  private static final int[] ENDS = {0, 8192, 16384, CLASSES};
  private static final float[][] LOGITS = Spark.logits(ROWS, CLASSES);

  /** A logit that needs a second round. */
  @BeforeAll
  static void beyond() {
    LOGITS[3][17000] = 20000;
  }

  private static Dataset<Row> shards(int partitions) {
    List<Row> shards = new ArrayList<>();
    for (int s = 0; s < 3; s++) {
      for (int i = 0; i < ROWS; i++) {
        float[] part = Arrays.copyOfRange(LOGITS[i], ENDS[s], ENDS[s + 1]);
        shards.add(RowFactory.create("row " + i, (long) ENDS[s], part, Spark.label(i, CLASSES)));
      }
    }
    return Spark.session()
        .createDataFrame(
            shards,
            new StructType()
                .add("row", DataTypes.StringType)
                .add("first_class", DataTypes.LongType)
                .add("logits", DataTypes.createArrayType(DataTypes.FloatType))
                .add("label", DataTypes.IntegerType))
        .repartition(partitions);
  }

  /** In the order of rows and shards. Spark would compute everything once more to find it. */
  private static List<Row> sorted(Dataset<Row> results) {
    boolean shards = Arrays.asList(results.columns()).contains("first_class");
    List<Row> sorted = new ArrayList<>(results.collectAsList());
    sorted.sort(
        Comparator.comparing((Row row) -> row.getString(0))
            .thenComparing(row -> shards ? row.getLong(1) : 0));
    return sorted;
  }

  private static Tensor label(int i) {
    return Tensor.of(new int[] {Spark.label(i, CLASSES)});
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7})
  void losses(int partitions) {
    List<Row> losses =
        sorted(
            new ShardedLoss(shards(partitions), CLASSES, Map.of("labelSmoothing", "0.1")).losses());
    CrossEntropy loss = CrossEntropy.builder().labelSmoothing(0.1).build();
    assertThat(losses).hasSize(ROWS);
    for (int i = 0; i < ROWS; i++) {
      assertThat(losses.get(i).<Double>getAs("loss"))
          .isEqualTo(loss.forward(Tensor.of(LOGITS[i], 1, CLASSES), label(i)));
    }
  }

  /** Options of binary logits and of gradients mean nothing for the other steps. */
  @Test
  void optionsOfSomeSteps() {
    Dataset<Row> floats = shards(2);
    List<Row> binary = new ArrayList<>();
    for (Row shard : floats.collectAsList()) {
      List<Float> logits = shard.getList(2);
      ByteBuffer bytes =
          ByteBuffer.allocate(logits.size() * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
      logits.forEach(bytes::putFloat);
      binary.add(RowFactory.create(shard.get(0), shard.get(1), bytes.array(), shard.get(3)));
    }
    Dataset<Row> shards =
        Spark.session()
            .createDataFrame(
                binary,
                new StructType()
                    .add("row", DataTypes.StringType)
                    .add("first_class", DataTypes.LongType)
                    .add("logits", DataTypes.BinaryType)
                    .add("label", DataTypes.IntegerType));
    ShardedLoss actual =
        new ShardedLoss(shards, CLASSES, Map.of("Type", "float32", "denominator", "3"));
    ShardedLoss expected = new ShardedLoss(floats, CLASSES, Map.of());
    assertThat(sorted(actual.losses())).isEqualTo(sorted(expected.losses()));
    assertThat(actual.total().first()).isEqualTo(expected.total().first());
    assertThat(sorted(actual.logProbabilities())).isEqualTo(sorted(expected.logProbabilities()));
    assertThat(actual.gradients().count()).isEqualTo(expected.gradients().count());
  }

  @Test
  void totals() {
    float[] all = new float[ROWS * CLASSES];
    int[] labels = new int[ROWS];
    for (int i = 0; i < ROWS; i++) {
      System.arraycopy(LOGITS[i], 0, all, i * CLASSES, CLASSES);
      labels[i] = Spark.label(i, CLASSES);
    }
    Row total = new ShardedLoss(shards(4), CLASSES, Map.of()).total().first();
    assertThat(total.<Double>getAs("mean"))
        .isEqualTo(CrossEntropy.mean().forward(Tensor.of(all, ROWS, CLASSES), Tensor.of(labels)));
    assertThat(total.<Long>getAs("rows")).isEqualTo(ROWS);
  }

  /** Weights of all classes, in the type of the arithmetic, and a weight of each row. */
  @ParameterizedTest
  @ValueSource(strings = {"FLOAT", "DOUBLE"})
  void weights(String type) {
    double[] numbers = new double[CLASSES];
    DType arithmetic = type.equals("FLOAT") ? DType.F32 : DType.F64;
    Tensor classWeights = Tensor.allocate(arithmetic, CLASSES);
    for (int k = 0; k < CLASSES; k++) {
      numbers[k] = 0.1 * (k % 5);
      classWeights.setDouble(numbers[k], k);
    }
    Tensor all = Tensor.allocate(arithmetic, ROWS, CLASSES);
    Tensor rowWeights = Tensor.allocate(arithmetic, ROWS);
    int[] labels = new int[ROWS];
    for (int i = 0; i < ROWS; i++) {
      for (int k = 0; k < CLASSES; k++) {
        all.setDouble(LOGITS[i][k], i, k);
      }
      rowWeights.setDouble(0.75 * i, i);
      labels[i] = Spark.label(i, CLASSES);
    }
    CrossEntropy loss = CrossEntropy.builder().classWeights(classWeights).build();
    Map<String, String> options = XentOptions.none().classWeights(numbers);
    Dataset<Row> shards = shards(3).withColumn("logits", col("logits").cast("ARRAY<" + type + ">"));
    ShardedLoss sharded = new ShardedLoss(shards, CLASSES, options);
    assertThat(sharded.total().first().<Double>getAs("mean"))
        .isEqualTo(loss.forward(all, Tensor.of(labels)));

    Tensor gradient = Tensor.allocate(arithmetic, ROWS, CLASSES);
    CrossEntropy sum =
        CrossEntropy.builder().classWeights(classWeights).reduction(Reduction.SUM).build();
    sum.forwardBackward(all, Tensor.of(labels), gradient);
    List<Row> parts = sorted(sharded.gradients());
    for (int i = 0; i < ROWS; i++) {
      for (int s = 0; s < 3; s++) {
        List<? extends Number> found = parts.get(3 * i + s).getList(2);
        assertThat(found.stream().mapToDouble(Number::doubleValue).toArray())
            .as("shard %d of row %d", s, i)
            .isEqualTo(gradient.slice(1, ENDS[s], ENDS[s + 1]).select(0, i).toDoubleArray());
      }
    }

    Dataset<Row> states =
        shards
            .filter("row <> 'row 3'") // which needs a second round
            .groupBy("row", "label")
            .agg(
                collect_list(
                        XentFunctions.call(
                            SqlFunction.PARTIAL_STATES,
                            options,
                            col("logits"),
                            col("label"),
                            col("first_class"),
                            lit((long) CLASSES)))
                    .as("states"))
            .withColumn("weight", expr("0.75 * CAST(substring(row, 5) AS INT)"));
    Row weighted =
        states
            .agg(XentFunctions.loss(col("states"), col("label"), col("weight"), options).as("l"))
            .select("l.*")
            .first();
    LossOutputs outputs = LossOutputs.create();
    rowWeights.setDouble(0, 3);
    double mean =
        loss.on(all, Tensor.of(labels))
            .inputs(Inputs.none().withRowWeights(rowWeights))
            .outputs(outputs)
            .run();
    assertThat(weighted.<Double>getAs("mean")).isEqualTo(mean);
    assertThat(weighted.<Double>getAs("denominator")).isEqualTo(outputs.denominator());
    assertThat(weighted.<Long>getAs("valid_rows")).isEqualTo(outputs.validRows());
  }

  /** Row 2 has the weight 0 and a label that is not a class; row 3 needs a second round. */
  private static Dataset<Row> weighted(Dataset<Row> shards) {
    return shards
        .withColumn("u", expr("CAST((CAST(substring(row, 5) AS INT) - 2) * 0.3 AS DOUBLE)"))
        .withColumn("u", expr("IF(u < 0, -u, u)"))
        .withColumn("label", expr("IF(u = 0, -5, label)"));
  }

  /** Losses, totals and gradients of row weights, in both types of the arithmetic. */
  @ParameterizedTest
  @CsvSource({"FLOAT, 1", "FLOAT, 7", "DOUBLE, 2"})
  void rowWeights(String type, int partitions) {
    DType arithmetic = type.equals("FLOAT") ? DType.F32 : DType.F64;
    Tensor all = Tensor.allocate(arithmetic, ROWS, CLASSES);
    Tensor rowWeights = Tensor.allocate(arithmetic, ROWS);
    int[] labels = new int[ROWS];
    for (int i = 0; i < ROWS; i++) {
      for (int k = 0; k < CLASSES; k++) {
        all.setDouble(LOGITS[i][k], i, k);
      }
      rowWeights.setDouble(Math.abs(i - 2) * 0.3, i);
      labels[i] = i == 2 ? -5 : Spark.label(i, CLASSES);
    }
    Tensor losses = Tensor.allocate(arithmetic, ROWS);
    Tensor gradient = Tensor.allocate(arithmetic, ROWS, CLASSES);
    LossOutputs outputs = LossOutputs.create().losses(losses).countCorrect(true);
    CrossEntropy loss = CrossEntropy.builder().labelSmoothing(0.1).build();
    Inputs inputs = Inputs.none().withRowWeights(rowWeights);
    double mean = loss.on(all, Tensor.of(labels)).inputs(inputs).outputs(outputs).run();
    loss.withDenominator(3).on(all, Tensor.of(labels), gradient).inputs(inputs).run();

    Dataset<Row> shards = shards(partitions);
    ShardedLoss sharded =
        new ShardedLoss(
                weighted(ofType(shards, type)),
                CLASSES,
                Map.of("labelSmoothing", "0.1", "denominator", "3"))
            .withWeightCol("u");
    List<Row> rows = sorted(sharded.losses());
    assertThat(rows).hasSize(ROWS);
    for (int i = 0; i < ROWS; i++) {
      assertThat(rows.get(i).<Integer>getAs("label")).isEqualTo(labels[i]);
      assertThat(rows.get(i).<Double>getAs("loss")).isEqualTo(losses.getDouble(i));
    }
    Row total = sharded.total().first();
    assertThat(total.<Double>getAs("sum")).isEqualTo(outputs.sum());
    assertThat(total.<Double>getAs("denominator")).isEqualTo(outputs.denominator());
    assertThat(total.<Double>getAs("mean")).isEqualTo(mean);
    assertThat(total.<Long>getAs("rows")).isEqualTo(ROWS);
    assertThat(total.<Long>getAs("valid_rows")).isEqualTo(ROWS - 1);
    assertThat(total.<Long>getAs("correct")).isEqualTo(outputs.correctRows());
    List<Row> parts = sorted(sharded.gradients());
    assertThat(parts).hasSize(3 * ROWS);
    for (int i = 0; i < ROWS; i++) {
      for (int s = 0; s < 3; s++) {
        List<? extends Number> found = parts.get(3 * i + s).getList(2);
        assertThat(found.stream().mapToDouble(Number::doubleValue).toArray())
            .as("shard %d of row %d", s, i)
            .isEqualTo(gradient.slice(1, ENDS[s], ENDS[s + 1]).select(0, i).toDoubleArray());
      }
    }
    assertThat(sorted(sharded.logProbabilities()))
        .isEqualTo(sorted(new ShardedLoss(ofType(shards, type), CLASSES).logProbabilities()));
  }

  private static Dataset<Row> ofType(Dataset<Row> shards, String type) {
    return shards.withColumn("logits", col("logits").cast("ARRAY<" + type + ">"));
  }

  /** A null weight makes the loss and the gradients of its row null, but no log-probabilities. */
  @ParameterizedTest
  @ValueSource(strings = {"IF(row = 'row 3', NULL, 2)", "NULL"})
  void nullWeights(String weight) {
    ShardedLoss some =
        new ShardedLoss(shards(3).withColumn("weight", expr(weight)), CLASSES)
            .withWeightCol("weight");
    int nulls = weight.equals("NULL") ? ROWS : 1;
    assertThat(some.losses().filter("loss IS NULL").count()).isEqualTo(nulls);
    assertThat(some.gradients().filter("gradient IS NULL").count()).isEqualTo(3L * nulls);
    assertThat(some.logProbabilities().filter("log_probabilities IS NULL").count()).isZero();
    Row total = some.total().first();
    assertThat(total.<Long>getAs("nulls")).isEqualTo(nulls);
    assertThat(total.<Long>getAs("rows")).isEqualTo(ROWS - nulls);
  }

  @Test
  void aWeightThatIsNotOne() {
    ShardedLoss negative =
        new ShardedLoss(shards(2).withColumn("w", lit(-1)), CLASSES).withWeightCol("w");
    assertThatThrownBy(() -> negative.total().collectAsList())
        .hasStackTraceContaining("weight is -1.0; expected a finite number, at least 0");
    ShardedLoss loss = new ShardedLoss(shards(1), CLASSES);
    assertThatThrownBy(() -> loss.withWeightCol("row"))
        .isInstanceOf(OptionException.class)
        .hasMessage("column row has the type STRING; expected numbers, the weights of rows");
    assertThatThrownBy(() -> loss.withWeightCol("w"))
        .isInstanceOf(AnalysisException.class)
        .hasMessageContaining("`w`")
        .hasMessageContaining("`first_class`");
  }

  /** Shards of a row whose weights differ are shards of different rows. */
  @Test
  void anotherWeightInAnotherShard() {
    ShardedLoss loss =
        new ShardedLoss(shards(2).withColumn("w", col("first_class")), CLASSES).withWeightCol("w");
    assertThatThrownBy(() -> loss.losses().collectAsList())
        .hasStackTraceContaining("PartialStatesException");
  }

  @Test
  void gradients() {
    List<Row> gradients =
        sorted(new ShardedLoss(shards(2), CLASSES, Map.of("denominator", "3")).gradients());
    CrossEntropy loss = CrossEntropy.mean().withDenominator(3);
    for (int i = 0; i < ROWS; i++) {
      float[] expected = new float[CLASSES];
      loss.forwardBackward(
          Tensor.of(LOGITS[i], 1, CLASSES), label(i), Tensor.of(expected, 1, CLASSES));
      assertParts(gradients, i, expected);
    }
  }

  @Test
  void logProbabilities() {
    List<Row> results = sorted(new ShardedLoss(shards(2), CLASSES, Map.of()).logProbabilities());
    for (int i = 0; i < ROWS; i++) {
      float[] expected = new float[CLASSES];
      LogSoftmax.builder()
          .build()
          .forward(Tensor.of(LOGITS[i], 1, CLASSES), Tensor.of(expected, 1, CLASSES));
      assertParts(results, i, expected);
    }
  }

  private static void assertParts(List<Row> parts, int i, float[] expected) {
    assertThat(parts).hasSize(3 * ROWS);
    for (int s = 0; s < 3; s++) {
      assertThat(Spark.floats(parts.get(3 * i + s), 2))
          .as("shard %d of row %d", s, i)
          .isEqualTo(Arrays.copyOfRange(expected, ENDS[s], ENDS[s + 1]));
    }
  }

  @Test
  void logProbabilitiesNeedNoLabels() {
    List<Row> expected = sorted(new ShardedLoss(shards(3), CLASSES, Map.of()).logProbabilities());
    List<Row> some =
        sorted(
            new ShardedLoss(
                    shards(3).withColumn("label", expr("IF(first_class = 0, label, NULL)")),
                    CLASSES,
                    Map.of())
                .logProbabilities());
    assertThat(some).hasSize(3 * ROWS).isEqualTo(expected);
  }

  /** A null label, null logits of a shard, or bad rows that count as null, make the row null. */
  @ParameterizedTest
  @CsvSource({"NULL, NULL, error", "20000, 'transform(logits, e -> NULL)', null"})
  void nulls(String label, String logits, String badRows) {
    ShardedLoss some =
        new ShardedLoss(
            shards(3)
                .withColumn("label", expr("IF(row = 'row 1', " + label + ", label)"))
                .withColumn(
                    "logits",
                    expr("IF(row = 'row 3' AND first_class = 8192, " + logits + ", logits)")),
            CLASSES,
            Map.of("badRows", badRows));
    List<Row> losses = sorted(some.losses());
    List<Row> gradients = sorted(some.gradients());
    List<Row> logProbabilities = sorted(some.logProbabilities());
    assertThat(losses).hasSize(ROWS);
    assertThat(gradients).hasSize(3 * ROWS);
    assertThat(logProbabilities).hasSize(3 * ROWS);
    LossSum lossSum = LossSum.create();
    for (int i = 0; i < ROWS; i++) {
      boolean isNull = i == 1 || i == 3;
      assertThat(losses.get(i).isNullAt(2)).as("loss of row %d", i).isEqualTo(isNull);
      if (!isNull) {
        CrossEntropy.mean()
            .on(Tensor.of(LOGITS[i], 1, CLASSES), label(i))
            .outputs(LossOutputs.create().lossSum(lossSum))
            .run();
      }
      for (int s = 3 * i; s < 3 * i + 3; s++) {
        assertThat(gradients.get(s).isNullAt(2)).as("gradient of row %d", i).isEqualTo(isNull);
        assertThat(logProbabilities.get(s).isNullAt(2))
            .as("log-probabilities of row %d", i)
            .isEqualTo(i == 3);
      }
    }
    Row total = some.total().first();
    assertThat(total.<Double>getAs("mean")).isEqualTo(lossSum.mean());
    assertThat(total.<Long>getAs("rows")).isEqualTo(ROWS - 2);
    assertThat(total.<Long>getAs("nulls")).isEqualTo(2);
  }

  /** Of the row that needs a second round. */
  @Test
  void aNullNamesARowAsWell() {
    List<Row> gradients =
        new ShardedLoss(
                shards(2).withColumn("row", expr("nullif(row, 'row 3')")), CLASSES, Map.of())
            .gradients()
            .orderBy(expr("coalesce(row, 'row 3')"), col("first_class"))
            .collectAsList();
    float[] expected = new float[CLASSES];
    CrossEntropy.sum()
        .forwardBackward(
            Tensor.of(LOGITS[3], 1, CLASSES), label(3), Tensor.of(expected, 1, CLASSES));
    assertParts(gradients, 3, expected);
  }

  /** The column NULL holds no label, as a column of nulls does not. */
  @Test
  void gradientsOfNoLabelAreNull() {
    Dataset<Row> unlabelled = shards(1).withColumn("label", lit(null));
    assertThat(new ShardedLoss(unlabelled, CLASSES, Map.of()).gradients().collectAsList())
        .hasSize(3 * ROWS)
        .allMatch(row -> row.isNullAt(2));
  }

  @ParameterizedTest
  @CsvSource({"first_class <> 8192, missing", "first_class >= 0, twice"})
  void aShardThatIsMissingOrThereTwice(String kept, String what) {
    Dataset<Row> some = shards(2).filter(kept);
    Dataset<Row> all = what.equals("twice") ? some.union(some.filter("first_class = 0")) : some;
    assertThatThrownBy(() -> new ShardedLoss(all, CLASSES, Map.of()).losses().collectAsList())
        .hasStackTraceContaining("PartialStatesException")
        .hasStackTraceContaining("row 0 of partition ");
  }

  @Test
  void noClasses() {
    assertThatThrownBy(() -> new ShardedLoss(shards(1), 0, Map.of()))
        .isInstanceOf(OptionException.class)
        .hasMessage("classes is 0; expected the number of all classes, at least 1");
  }
}
