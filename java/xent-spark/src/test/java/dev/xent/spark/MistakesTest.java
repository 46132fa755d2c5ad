// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static org.apache.spark.sql.functions.lit;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.xent.errors.OptionException;
import java.util.HashMap;
import java.util.Map;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Messages about usual mistakes, in the words of docs/spark.md. */
class MistakesTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        // Labels of spark.ml are doubles.
        "xent_loss(x, d) | the label has the type DOUBLE; expected whole numbers, or probabilities in an array. Convert it: CAST(d AS INT)",
        "xent_cross_entropy(x, 1.0) | the label has the type DECIMAL(2,1); expected whole numbers, or probabilities in an array. Convert it: CAST(1.0 AS INT)",
        "xent_partial_states(x, d, 0, 3) | the label has the type DOUBLE; expected whole numbers. Convert it: CAST(d AS INT)",
        "xent_linear_loss(x, d, map('weights', 'w')) | the label has the type DOUBLE; expected whole numbers. Convert it: CAST(d AS INT)",
        // Columns of CSV files are text.
        "xent_loss(x, s) | the label has the type STRING; expected whole numbers, or probabilities in an array. Convert it: CAST(s AS INT)",
        "xent_softmax(s) | the logits have the type STRING; expected ARRAY<FLOAT>, ARRAY<DOUBLE> or BINARY. Convert them: from_json(s, 'array<float>')",
        "xent_softmax(d) | the logits have the type DOUBLE; expected ARRAY<FLOAT>, ARRAY<DOUBLE> or BINARY. For columns that have a class each: array(a, b, c)",
        "xent_softmax(array('1', '2')) | the logits have the type ARRAY<STRING>; expected ARRAY<FLOAT>, ARRAY<DOUBLE> or BINARY. Convert them: CAST(array(1, 2) AS ARRAY<FLOAT>)",
        "xent_linear_loss(array(1D), y, map('weights', 'w')) | the hidden states have the type ARRAY<DOUBLE>; expected ARRAY<FLOAT> or BINARY. Convert them: CAST(array(1.0) AS ARRAY<FLOAT>)",
        // As the option was written in other cases.
        "xent_loss(x, y, map('LABELSMOOTHING', '2')) | option labelSmoothing is 2",
        // The value is there once.
        "xent_softmax(x, map('temperature', '0')) | data type mismatch: option temperature is 0; expected a number from 2^-32 to 2^32.",
        "xent_loss(x, y, map('labelSmoothing', '2')) | data type mismatch: option labelSmoothing is 2; expected a number from 0 to 1.",
        "xent_cross_entropy_gradient(x, y, map('denominator', '-1')) | data type mismatch: option denominator is -1; expected a finite number that is 0 or more.",
      })
  void ofTheQuery(String call, String message) {
    assertThat(thrown(call)).isInstanceOf(AnalysisException.class).hasMessageContaining(message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "xent_softmax(substring(b, 1, 9), map('type', 'float32')) | 9 bytes are not a multiple of the 4 bytes of float32; correct the column or option type;",
        "xent_loss(x, array(0.5, 0.5)) | the label has 2 probabilities, the row has 3 classes; expected one probability per class;",
        "xent_cross_entropy_gradient(x, array(0, 0, 0, 1)) | the label has 4 probabilities, the row has 3 classes; expected one probability per class;",
        "xent_partial_states(x, y, 100, 103) | first_class is 100; expected a multiple of 8192;",
      })
  void ofRows(String call, String message) {
    assertThat(thrown(call)).hasStackTraceContaining("row 0 of partition 0: " + message);
  }

  private static Throwable thrown(String call) {
    return catchThrowable(
        () ->
            Spark.session()
                .sql(
                    "SELECT "
                        + call
                        + " FROM VALUES (array(2F, 1F, 0F), 1, 1D, CAST('12 bytes ...' AS BINARY), 'a') t(x, y, d, b, s)")
                .collectAsList());
  }

  /** As Python passes them, whose maps have values of any type. */
  @Test
  @SuppressWarnings({"unchecked", "rawtypes"})
  void optionsThatAreNotStrings() {
    Dataset<Row> shards =
        Spark.rows(Spark.logits(2, 5))
            .withColumnRenamed("id", "row")
            .withColumn("first_class", lit(0));
    Map<String, String> options = new HashMap<>();
    ((Map) options).put("temperature", 2);
    assertThatThrownBy(() -> new ShardedLoss(shards, 5, options))
        .isInstanceOf(OptionException.class)
        .hasMessage("option temperature is 2 of class java.lang.Integer; expected a string, '2'");
    options.put("temperature", null);
    assertThatThrownBy(() -> new ShardedLoss(shards, 5, options))
        .isInstanceOf(OptionException.class)
        .hasMessage("option temperature is null; expected a value");
  }

  @Test
  void evaluatorWithoutItsLabels() {
    Dataset<Row> rows = Spark.rows(Spark.logits(2, 5));
    assertThatThrownBy(() -> new CrossEntropyEvaluator().setLabelCol("y").evaluate(rows))
        .isInstanceOf(AnalysisException.class)
        .hasMessageContaining("with name `y` cannot be resolved")
        .hasMessageContaining("`label`");
  }
}
