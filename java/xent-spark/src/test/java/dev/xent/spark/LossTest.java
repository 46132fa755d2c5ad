// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.rand;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.CrossEntropy;
import dev.xent.LossOutputs;
import dev.xent.Tensor;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Observation;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The aggregate has the bits of one call over all rows, for any partitions. */
class LossTest {
  private static final int ROWS = 300;
  private static final int CLASSES = 50;
  private static final float[][] LOGITS = Spark.logits(ROWS, CLASSES);

  private final SparkSession spark = Spark.session();

  /** What the library says of some rows, in the order of {@link LossBuffer#RESULT}. */
  private static List<Object> expected(int[] rows) {
    float[] all = new float[rows.length * CLASSES];
    int[] labels = new int[rows.length];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(LOGITS[rows[i]], 0, all, i * CLASSES, CLASSES);
      labels[i] = Spark.label(rows[i], CLASSES);
    }
    LossOutputs outputs = LossOutputs.create().countCorrect(true);
    double mean =
        CrossEntropy.builder()
            .ignoreIndex(7)
            .build()
            .on(Tensor.of(all, rows.length, CLASSES), Tensor.of(labels))
            .outputs(outputs)
            .run();
    return List.of(
        mean,
        outputs.sum(),
        outputs.denominator(),
        StrictMath.exp(mean),
        (double) outputs.correctRows() / outputs.validRows(),
        (long) rows.length,
        outputs.validRows(),
        outputs.correctRows(),
        0L);
  }

  private static List<Object> values(Row row) {
    return IntStream.range(0, row.length()).mapToObj(row::get).toList();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 7, 64})
  void ofAnyPartitions(int partitions) {
    Dataset<Row> rows = Spark.rows(LOGITS).orderBy(rand(partitions)).repartition(partitions);
    Row row =
        rows.agg(
                XentFunctions.loss(col("logits"), col("label"), Map.of("ignoreIndex", "7"))
                    .as("loss"))
            .select("loss.*")
            .first();
    assertThat(values(row)).isEqualTo(expected(IntStream.range(0, ROWS).toArray()));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 128})
  void ofGroups(int groupsInMemory) {
    spark.conf().set("spark.sql.objectHashAggregate.sortBased.fallbackThreshold", groupsInMemory);
    try {
      Spark.rows(LOGITS).repartition(5).createOrReplaceTempView("rows");
      List<Row> groups =
          spark
              .sql(
                  "SELECT g, l.* FROM (SELECT id % 4 AS g, xent_loss(logits, label,"
                      + " map('ignoreIndex', '7')) AS l FROM rows GROUP BY id % 4) ORDER BY g")
              .collectAsList();
      for (int g = 0; g < 4; g++) {
        int group = g;
        List<Object> actual = values(groups.get(g));
        assertThat(actual.subList(1, actual.size()))
            .isEqualTo(expected(IntStream.range(0, ROWS).filter(i -> i % 4 == group).toArray()));
      }
    } finally {
      spark.conf().unset("spark.sql.objectHashAggregate.sortBased.fallbackThreshold");
    }
  }

  @Test
  void ofWindows() {
    Spark.rows(LOGITS).createOrReplaceTempView("rows");
    List<Row> rows =
        spark
            .sql(
                "SELECT id, l.* FROM (SELECT id, xent_loss(logits, label, map('ignoreIndex', '7'))"
                    + " OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS l FROM rows)"
                    + " ORDER BY id")
            .collectAsList();
    for (int i = 2; i < 30; i++) {
      List<Object> actual = values(rows.get(i));
      assertThat(actual.subList(1, actual.size()))
          .isEqualTo(expected(IntStream.rangeClosed(i - 2, i).toArray()));
    }
  }

  @Test
  void nullsAreCountedAlone() {
    Row row =
        spark
            .sql(
                "SELECT l.rows, l.nulls, l.mean FROM (SELECT xent_loss(x, y) AS l FROM VALUES"
                    + " (array(2F, 1F, 0F), 0), (NULL, 0), (array(2F, 1F, 0F), NULL) t(x, y))")
            .first();
    assertThat(row.getLong(0)).isEqualTo(1);
    assertThat(row.getLong(1)).isEqualTo(2);
    assertThat(row.getDouble(2)).isEqualTo(0.40760594606399536);
  }

  @Test
  void ofNoRows() {
    Row row =
        Spark.rows(LOGITS)
            .filter("id < 0")
            .agg(expr("xent_loss(logits, label) AS l"))
            .select("l.*")
            .first();
    assertThat(values(row)).containsExactly(null, 0.0, 0.0, null, null, 0L, 0L, 0L, 0L);
  }

  /** Where Spark makes no buffer: it asks the aggregate what it gives of nothing. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "SELECT l.* FROM (SELECT (SELECT xent_loss(x, y) FROM rows r WHERE r.id = o.id + 1) AS l"
            + " FROM rows o)",
        "SELECT l.* FROM rows o, LATERAL (SELECT xent_loss(x, y) AS l FROM rows r WHERE r.id = o.id"
            + " + 1)",
        "SELECT l.* FROM (SELECT xent_loss(x, y) AS l, count(DISTINCT id) AS a, count(DISTINCT -id)"
            + " AS b FROM rows WHERE id > 9) WHERE a = b"
      })
  void ofNoRowsAndNoBuffer(String query) {
    for (String form : List.of("", "try_")) {
      spark
          .sql("SELECT id, array(2F, 1F) AS x, 0 AS y FROM range(1)")
          .createOrReplaceTempView("rows");
      Row row = spark.sql(query.replace("xent_loss", form + "xent_loss")).first();
      assertThat(values(row)).containsExactly(null, 0.0, 0.0, null, null, 0L, 0L, 0L, 0L);
    }
  }

  /** Spark gives an aggregate null for the rows of the other columns. */
  @Test
  void pivotedFieldsAreOfTheirColumn() {
    String pivot =
        "SELECT * FROM (SELECT id % 2 AS g, array(2F, 1F) AS x, 0 AS y FROM range(7))"
            + " PIVOT (xent_loss(x, y).rows AS r, xent_loss(x, y).nulls AS n FOR g IN (0, 1))";
    assertThat(values(spark.sql(pivot).first())).containsExactly(4L, 0L, 3L, 0L);
    Row whole = spark.sql(pivot.replaceFirst("\\.rows AS r.*FOR", " FOR")).first();
    assertThat(whole.getStruct(0).<Long>getAs("rows")).isEqualTo(4);
    assertThat(whole.getStruct(0).<Long>getAs("nulls")).isEqualTo(3);
  }

  /** Else one would be the other, and a table could not have both. */
  @Test
  void columnsAndPlansHaveOptions() {
    String query =
        "SELECT xent_loss(x, y), xent_loss(x, y, map('temperature', '2')), xent_loss(DISTINCT x, y,"
            + " map('temperature', '2')) FROM VALUES (array(2F, 1F), 0) t(x, y)";
    assertThat(spark.sql(query).columns())
        .containsExactly(
            "xent_loss(x, y)",
            "xent_loss(x, y, {temperature=2})",
            "xent_loss(DISTINCT x, y, {temperature=2})");
    assertThat(spark.sql("EXPLAIN " + query).first().getString(0))
        .containsPattern("partial_xent_loss\\(x#\\d+, y#\\d+, \\{temperature=2}\\)")
        .doesNotContain("LossOperation");
  }

  /** Two rows of three classes, then two of two. */
  private Dataset<Row> rowsOfUnequalLength(int partitions) {
    return spark
        .range(0, 4, 1, partitions)
        .selectExpr("slice(array(2F, 1F, 0F), 1, 3 - CAST(id DIV 2 AS INT)) AS x", "0 AS y");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void rowsOfUnequalLengthAreRefused(int partitions) {
    Dataset<Row> rows = rowsOfUnequalLength(partitions);
    // The rows of 2 classes are the third and the fourth of one partition, or have one alone.
    String two = "row " + (partitions == 1 ? 2 : 0) + " of partition " + (partitions - 1);
    String three = "row 0 of partition 0";
    String remedy =
        "; rows of a group must have equal length; try_xent_loss with option classes counts other"
            + " rows in nulls";
    assertThatThrownBy(() -> rows.agg(expr("xent_loss(x, y)")).collectAsList())
        .satisfiesAnyOf(
            e ->
                assertThat(e)
                    .hasStackTraceContaining(
                        "), "
                            + two
                            + ": the row has length 2, "
                            + three
                            + " has length 3"
                            + remedy),
            e ->
                assertThat(e)
                    .hasStackTraceContaining(
                        "), "
                            + three
                            + ": the row has length 3, "
                            + two
                            + " has length 2"
                            + remedy));
  }

  /** Spark logs what it is told when it adds up observations of partitions, and goes on. */
  @Test
  void observationsOfUnequalLengthAreNan() throws InterruptedException {
    Observation observation = new Observation("losses");
    rowsOfUnequalLength(2).observe(observation, expr("xent_loss(x, y) AS loss")).collectAsList();
    Row loss = (Row) observation.getAsJava().get("loss");
    assertThat(loss.<Double>getAs("mean")).isNaN();
    assertThat(loss.<Double>getAs("sum")).isNaN();
    assertThat(loss.<Double>getAs("perplexity")).isNaN();
    assertThat(loss.<Double>getAs("accuracy")).isNaN();
  }

  @Test
  void optionsThatCannotBeAreRefusedWithTheQuery() {
    Dataset<Row> rows = Spark.rows(LOGITS);
    Column loss = XentFunctions.loss(col("logits"), col("label"), Map.of("temperature", "-1"));
    assertThatThrownBy(() -> rows.agg(loss))
        .hasStackTraceContaining("due to data type mismatch: option temperature is -1; ");
  }

  @Test
  void aBadLabelIsToldWithItsPlace() {
    Dataset<Row> rows =
        Spark.rows(LOGITS).withColumn("label", expr("IF(id = 17, 50, label)")).coalesce(1);
    assertThatThrownBy(() -> rows.agg(expr("xent_loss(logits, label)")).collectAsList())
        .hasStackTraceContaining("row 17 of partition 0: label 50 is not in [0, 50)");
  }
}
