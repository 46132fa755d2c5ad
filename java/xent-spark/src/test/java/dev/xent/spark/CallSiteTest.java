// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static org.apache.spark.sql.functions.col;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.util.Map;
import org.apache.spark.QueryContext;
import org.apache.spark.SparkThrowable;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.Test;

/** Errors name the line of the program that called a function of columns. */
class CallSiteTest {
  private static final String HERE = CallSiteTest.class.getName() + ".";

  private final Dataset<Row> rows =
      Spark.session().sql("SELECT array(2F, 1F, 0F) AS logits, 9 AS label, 'a' AS text");

  private static void assertNamed(Throwable thrown, String function, String caller) {
    assertThat(thrown).isInstanceOf(SparkThrowable.class);
    QueryContext[] context = ((SparkThrowable) thrown).getQueryContext();
    assertThat(context).hasSize(1);
    assertThat(context[0].fragment()).isEqualTo(function);
    assertThat(context[0].callSite()).startsWith(HERE + caller + "(CallSiteTest.java:");
    assertThat(thrown.getMessage())
        .contains("\"" + function + "\" was called from\n" + HERE + caller + "(CallSiteTest.java:");
  }

  @Test
  void ofBadRows() {
    Column loss = XentFunctions.crossEntropy(col("logits"), col("label"));
    assertNamed(
        catchThrowable(() -> rows.select(loss).collectAsList()), "crossEntropy", "ofBadRows");
    Column mean = XentFunctions.loss(col("logits"), col("label"), Map.of("topK", "2"));
    assertNamed(catchThrowable(() -> rows.agg(mean).collectAsList()), "loss", "ofBadRows");
  }

  @Test
  void ofWrongArguments() {
    Column softmax = XentFunctions.softmax(col("logits"), XentOptions.none().temperature(-1));
    Throwable thrown = catchThrowable(() -> rows.select(softmax));
    assertThat(thrown).isInstanceOf(AnalysisException.class);
    assertNamed(thrown, "softmax", "ofWrongArguments");
    Column text = XentFunctions.softmax(col("text"));
    assertNamed(catchThrowable(() -> rows.select(text)), "softmax", "ofWrongArguments");
  }

  @Test
  void ofStages() {
    CrossEntropyEvaluator evaluator = new CrossEntropyEvaluator().setRawPredictionCol("logits");
    Throwable thrown = catchThrowable(() -> evaluator.evaluate(rows));
    assertThat(((SparkThrowable) thrown).getQueryContext()[0].callSite()).startsWith(HERE);
  }

  /** SQL has its own place, as before. */
  @Test
  void ofSql() {
    Throwable thrown =
        catchThrowable(() -> Spark.session().sql("SELECT xent_softmax('a') FROM range(1)"));
    assertThat(thrown).hasMessageContaining("line 1 pos 7").hasMessageNotContaining("DataFrame");
    assertThat(((SparkThrowable) thrown).getQueryContext()[0].fragment())
        .isEqualTo("xent_softmax('a')");
  }
}
