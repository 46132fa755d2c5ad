// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.expr;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.Tensor;
import dev.xent.errors.OptionException;
import dev.xent.files.Npy;
import java.nio.file.Path;
import java.util.Map;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Observation;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Aggregates that try have the bits of the rows that are left, and count the others as null. */
class TryLossTest {
  private static final int ROWS = 2 * LinearLosses.MOST + 44;
  private static final int CLASSES = 30;
  private static final float[][] LOGITS = Spark.logits(ROWS, CLASSES);

  /** Labels and rows that are rejected, some of them next to each other. */
  private static final String BAD_LABEL = "id IN (0, 5, 6, 127, 128, 200, 299)";

  private static final String BAD_ROW = "id IN (1, 126, 250)";
  private static final int BAD = 10;

  @TempDir private static Path folder;

  private static XentOptions options;

  @BeforeAll
  static void weights() {
    float[] all = new float[CLASSES * CLASSES];
    for (int i = 0; i < all.length; i++) {
      all[i] = LOGITS[i / CLASSES][i % CLASSES];
    }
    Path weights = folder.resolve("weights.npy");
    Npy.write(weights, Tensor.of(all, CLASSES, CLASSES));
    options = XentOptions.none().weights(weights.toString());
  }

  private static Column loss(boolean linear, boolean tries) {
    XentOptions all = linear ? options : XentOptions.none();
    return loss(linear, tries ? all.badRowsAsNull() : all);
  }

  private static Column loss(boolean linear, XentOptions all) {
    Column x = col("logits");
    Column label = col("label");
    return (linear ? XentFunctions.linearLoss(x, label, all) : XentFunctions.loss(x, label, all))
        .as("loss");
  }

  private static Dataset<Row> withBad(Dataset<Row> rows) {
    return rows.withColumn("label", expr("IF(" + BAD_LABEL + ", id + 30, label)"))
        .withColumn("logits", expr("IF(" + BAD_ROW + ", transform(logits, e -> NULL), logits)"));
  }

  @ParameterizedTest
  @CsvSource({"false, 1", "false, 7", "true, 1", "true, 7"})
  void badRowsCountAsNull(boolean linear, int partitions) {
    Dataset<Row> rows = Spark.rows(LOGITS);
    Row expected =
        rows.filter("NOT (" + BAD_LABEL + " OR " + BAD_ROW + ")")
            .agg(loss(linear, false))
            .select("loss.*")
            .first();
    Row actual =
        withBad(rows).repartition(partitions).agg(loss(linear, true)).select("loss.*").first();
    assertThat(expected.<Long>getAs("rows")).isEqualTo(ROWS - BAD);
    assertThat(actual.<Long>getAs("nulls")).isEqualTo(BAD);
    for (int i = 0; i < 8; i++) {
      assertThat(actual.get(i)).as(actual.schema().fieldNames()[i]).isEqualTo(expected.get(i));
    }
  }

  /** A row that waits for others is named by its own number. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void withoutTryingTheFirstOneIsRefused(boolean linear) {
    Dataset<Row> rows =
        Spark.rows(LOGITS).withColumn("label", expr("IF(" + BAD_LABEL + ", id + 30, label)"));
    assertThatThrownBy(() -> rows.coalesce(1).agg(loss(linear, false)).collectAsList())
        .hasStackTraceContaining("row 0 of partition 0: label 30 is not in [0, 30)");
  }

  /** As a sum that overflows is with try_sum: no row is the wrong one. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4})
  void rowsOfUnequalLengthGiveNull(int partitions) {
    Dataset<Row> rows =
        Spark.session()
            .range(0, 4, 1, partitions)
            .selectExpr(
                "slice(array(2F, 1F, 0F), 1, 3 - CAST(id DIV 2 AS INT)) AS logits", "0 AS label");
    assertThat(rows.agg(loss(false, true)).first().isNullAt(0)).isTrue();
    Row longer =
        rows.agg(loss(false, XentOptions.none().classes(3).badRowsAsNull()))
            .select("loss.*")
            .first();
    assertThat(longer.<Long>getAs("rows")).isEqualTo(2);
    assertThat(longer.<Long>getAs("nulls")).isEqualTo(2);
    assertThat(longer.<Double>getAs("mean")).isEqualTo(0.40760594606399536);
  }

  @Test
  void ofObservations() throws InterruptedException {
    Observation observation = new Observation("losses");
    withBad(Spark.rows(LOGITS))
        .repartition(3)
        .observe(observation, loss(true, true))
        .collectAsList();
    Row loss = (Row) observation.getAsJava().get("loss");
    assertThat(loss.<Long>getAs("nulls")).isEqualTo(BAD);
    assertThat(loss.<Long>getAs("rows")).isEqualTo(ROWS - BAD);
  }

  /** An error that is not of a row is thrown all the same. */
  @Test
  void weightsThatAreNotThere() {
    Column loss = loss(true, XentOptions.none().weights("/nowhere.npy").badRowsAsNull());
    assertThatThrownBy(() -> Spark.rows(LOGITS).agg(loss).collectAsList())
        .hasStackTraceContaining("/nowhere.npy does not exist");
  }

  /** If no row of a group has the length, the weights or the option are wrong, and not the rows. */
  @ParameterizedTest
  @CsvSource({"true, 1", "true, 3", "false, 1", "false, 3"})
  void rowsOfWhichNoneHasTheLength(boolean linear, int partitions) {
    Dataset<Row> rows =
        Spark.rows(LOGITS)
            .withColumn("logits", expr("IF(id = 9, NULL, slice(logits, 1, 7))"))
            .coalesce(partitions);
    assertThatThrownBy(() -> rows.agg(ofLength(linear)).collectAsList())
        .hasStackTraceContaining("partition 0: the row has length 7; expected 30, and no row of")
        .hasStackTraceContaining(
            linear ? "has it: correct the file of weights" : "has it: correct option classes");
  }

  /** A row with the length shows that it is right, even if that row has other errors. */
  @ParameterizedTest
  @CsvSource({"true, 1", "true, 3", "false, 1", "false, 3"})
  void rowsOfWhichOneHasTheLength(boolean linear, int partitions) {
    for (String label : new String[] {"label", "30"}) {
      Row loss =
          Spark.rows(LOGITS)
              .withColumn("logits", expr("IF(id = 9, logits, slice(logits, 1, 7))"))
              .withColumn("label", expr(label))
              .repartition(partitions)
              .agg(ofLength(linear))
              .select("loss.*")
              .first();
      long good = label.equals("label") ? 1 : 0;
      assertThat(loss.<Long>getAs("rows")).isEqualTo(good);
      assertThat(loss.<Long>getAs("nulls")).isEqualTo(ROWS - good);
    }
  }

  private static Column ofLength(boolean linear) {
    return loss(linear, (linear ? options : XentOptions.none().classes(30)).badRowsAsNull());
  }

  @Test
  void functionsOfRows() {
    Dataset<Row> rows = Spark.rows(LOGITS).withColumn("label", expr("IF(id = 3, 30, label)"));
    Column x = col("logits");
    Column label = col("label");
    Column bad = expr("IF(id = 3, transform(logits, e -> NULL), logits)");
    XentOptions tries = XentOptions.none().badRowsAsNull();
    Dataset<Row> results =
        rows.filter("id IN (2, 3, 4)")
            .coalesce(1)
            .orderBy("id")
            .select(
                XentFunctions.softmax(bad, tries),
                XentFunctions.logSoftmax(bad, tries.temperature(2)),
                XentFunctions.topK(bad, 2, tries),
                XentFunctions.argmax(bad, Map.of("BADROWS", "NULL")),
                XentFunctions.entropy(bad, tries),
                XentFunctions.logSumExp(bad, tries),
                XentFunctions.crossEntropy(x, label, tries),
                XentFunctions.crossEntropyGradient(x, label, tries));
    Row[] all = (Row[]) results.collect();
    for (int i = 0; i < results.columns().length; i++) {
      assertThat(all[0].isNullAt(i)).as(results.columns()[i]).isFalse();
      assertThat(all[1].isNullAt(i)).as(results.columns()[i]).isTrue();
      assertThat(all[2].isNullAt(i)).as(results.columns()[i]).isFalse();
    }
  }

  @Test
  void theOptionInAMap() {
    Column x = col("logits");
    assertThat(XentFunctions.softmax(x, Map.of("badRows", "error")))
        .hasToString(XentFunctions.softmax(x).toString());
    assertThatThrownBy(() -> XentFunctions.softmax(x, Map.of("badRows", "drop")))
        .isInstanceOf(OptionException.class)
        .hasMessage("option badRows is drop; expected error or null");
  }
}
