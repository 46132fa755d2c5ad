// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;
import static org.assertj.core.api.Assertions.assertThat;

import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;

/** The examples of the Javadoc, which a test of the library compares with these. */
class ExamplesTest {
  private final Dataset<Row> rows = Spark.rows(Spark.logits(3, 50));

  @Test
  void register() {
    SparkSession spark = Spark.session();
    // @start region="register" :
    Xent.register(spark);
    spark.sql("SELECT xent_softmax(array(2F, 1F, 0F))");
    // @end
    assertThat(spark.catalog().functionExists("xent_softmax")).isTrue();
  }

  @Test
  void functions() {
    // @start region="functions" :
    Dataset<Row> probabilities =
        rows.select(XentFunctions.softmax(col("logits"), XentOptions.none().temperature(2)));
    Dataset<Row> mean = rows.agg(XentFunctions.loss(col("logits"), col("label")).getField("mean"));
    // @end
    assertThat(probabilities.count()).isEqualTo(3);
    assertThat(mean.first().getDouble(0)).isPositive();
  }

  @Test
  void options() {
    // @start region="options" :
    XentOptions options = XentOptions.none().temperature(2).labelSmoothing(0.1);
    // @end
    assertThat(options).containsEntry("labelSmoothing", "0.1");
  }

  @Test
  void shardedLoss() {
    Dataset<Row> shards = rows.withColumn("row", col("id")).withColumn("first_class", lit(0L));
    long classes = 50;
    // @start region="shardedLoss" :
    ShardedLoss loss = new ShardedLoss(shards, classes);
    loss.losses(); // row, label, loss
    loss.total(); // mean, sum, denominator, perplexity, …
    loss.gradients(); // row, first_class, gradient
    // @end
    assertThat(loss.losses().columns()).containsExactly("row", "label", "loss");
    assertThat(loss.gradients().columns()).containsExactly("row", "first_class", "gradient");
    assertThat(loss.total().columns()).startsWith("mean", "sum", "denominator", "perplexity");
  }
}
