// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.functions;

/**
 * The functions as columns of Datasets. The session needs {@link XentExtensions}.
 *
 * {@snippet file="dev/xent/spark/ExamplesTest.java" region="functions" :
 * Dataset<Row> probabilities =
 *     rows.select(XentFunctions.softmax(col("logits"), Map.of("temperature", "2")));
 * Dataset<Row> mean =
 *     rows.agg(XentFunctions.loss(col("logits"), col("label"), Map.of()).getField("mean"));
 * }
 *
 * <p><b>Logits</b> are {@code array<float>}, computed as F32; {@code array<double>}, computed as
 * F64, as those of whole numbers and decimals are; or {@code binary}, whose numbers lie one after
 * the other, little-endian, of the type that the option {@code type} must name: float16, bfloat16,
 * float32 or float64. Results are double for double logits and float for others, with the bits that
 * Xent gives everywhere.
 *
 * <p><b>Nulls.</b> Where logits or label are null, so is the result, and an aggregate counts the
 * row in {@code nulls} alone. A null among the logits is refused, as is a label that is no class:
 * by an error of the condition {@code FAILED_EXECUTE_UDF}, which names function, columns, partition
 * and the row that the function has seen there. The functions whose names begin with {@code try}
 * give null in its place.
 *
 * <p><b>Options</b> are strings, their names without regard to case: {@code type}, of binary logits
 * alone; {@code classes}, which every row must have; {@code temperature}, {@code softcap}, {@code
 * fullyMasked} ({@code nan}, {@code zero}); of losses also {@code ignoreIndex}, {@code
 * labelSmoothing}, {@code zLoss}, {@code probabilityClamp} and {@code focalGamma}, as {@link
 * dev.xent.CrossEntropy.Builder} says; of gradients {@code denominator}; of {@link #topK} {@code
 * log}.
 *
 * <p>A task computes on its own thread. All methods may be called from any thread.
 */
public final class XentFunctions {
  private XentFunctions() {}

  /** The probabilities of a row. */
  public static Column softmax(Column logits, Map<String, String> options) {
    return call(SqlFunction.SOFTMAX, options, required(logits, "logits"));
  }

  /** What {@link #softmax} gives, and null for a row that it refuses. */
  public static Column trySoftmax(Column logits, Map<String, String> options) {
    return call(SqlFunction.SOFTMAX.sqlName(true), options, required(logits, "logits"));
  }

  /** The log-probabilities of a row. */
  public static Column logSoftmax(Column logits, Map<String, String> options) {
    return call(SqlFunction.LOG_SOFTMAX, options, required(logits, "logits"));
  }

  /** What {@link #logSoftmax} gives, and null for a row that it refuses. */
  public static Column tryLogSoftmax(Column logits, Map<String, String> options) {
    return call(SqlFunction.LOG_SOFTMAX.sqlName(true), options, required(logits, "logits"));
  }

  /**
   * The {@code k} largest classes of a row, {@code struct<classes array<int>, values
   * array<float>>}.
   *
   * @param k 1 or more, and no more than the row has classes
   */
  public static Column topK(Column logits, int k, Map<String, String> options) {
    return call(SqlFunction.TOP_K, options, required(logits, "logits"), functions.lit(k));
  }

  /** What {@link #topK} gives, and null for a row that it refuses. */
  public static Column tryTopK(Column logits, int k, Map<String, String> options) {
    return call(
        SqlFunction.TOP_K.sqlName(true), options, required(logits, "logits"), functions.lit(k));
  }

  /**
   * The loss of a row, a double.
   *
   * @param logits a row, or the partial states of its shards
   * @param label the class that is right, any whole number
   */
  public static Column crossEntropy(Column logits, Column label, Map<String, String> options) {
    return call(
        SqlFunction.CROSS_ENTROPY, options, required(logits, "logits"), required(label, "label"));
  }

  /** What {@link #crossEntropy} gives, and null for a row that it refuses. */
  public static Column tryCrossEntropy(Column logits, Column label, Map<String, String> options) {
    return call(
        SqlFunction.CROSS_ENTROPY.sqlName(true),
        options,
        required(logits, "logits"),
        required(label, "label"));
  }

  /**
   * The gradient of the loss of a row with respect to its logits.
   *
   * @param label the class that is right, any whole number
   */
  public static Column crossEntropyGradient(
      Column logits, Column label, Map<String, String> options) {
    return call(
        SqlFunction.CROSS_ENTROPY_GRADIENT,
        options,
        required(logits, "logits"),
        required(label, "label"));
  }

  /** What {@link #crossEntropyGradient} gives, and null for a row that it refuses. */
  public static Column tryCrossEntropyGradient(
      Column logits, Column label, Map<String, String> options) {
    return call(
        SqlFunction.CROSS_ENTROPY_GRADIENT.sqlName(true),
        options,
        required(logits, "logits"),
        required(label, "label"));
  }

  /**
   * The losses of all rows of a group or window: {@code struct<mean, sum, denominator, perplexity,
   * accuracy, rows, valid_rows, correct, nulls>}. Sums are exact and rounded once, so the
   * partitions do not change a bit. All rows must have the same number of classes.
   *
   * @param logits rows, or the partial states of their shards
   * @param label the class that is right, any whole number
   */
  public static Column loss(Column logits, Column label, Map<String, String> options) {
    return call(SqlFunction.LOSS, options, required(logits, "logits"), required(label, "label"));
  }

  /**
   * What {@link #loss} gives, with a row that it refuses counted in {@code nulls} alone. Of rows of
   * unequal length it is null, unless option {@code classes} sets the right length; if no row of a
   * group has that length, it fails.
   */
  public static Column tryLoss(Column logits, Column label, Map<String, String> options) {
    return call(
        SqlFunction.LOSS.sqlName(true),
        options,
        required(logits, "logits"),
        required(label, "label"));
  }

  /**
   * What {@link #loss} gives of hidden states and the layer behind them, whose logits are computed
   * piece by piece and never kept: those of {@link dev.xent.LinearCrossEntropy}. A task computes
   * many rows of a group at a time; it needs the module {@code xent-files} beside this one.
   *
   * @param hidden rows of features, as logits are given
   * @param label the class that is right, any whole number
   * @param options of losses, without {@code classes}; {@code weights}, a .npy file of the shape
   *     [classes, features], and perhaps {@code bias}, one of the shape [classes]: absolute paths
   *     on all executors, or names of files that {@code --files} or {@code SparkContext.addFile}
   *     sent there
   */
  public static Column linearLoss(Column hidden, Column label, Map<String, String> options) {
    return call(
        SqlFunction.LINEAR_LOSS, options, required(hidden, "hidden"), required(label, "label"));
  }

  /**
   * What {@link #linearLoss} gives, with a row that it refuses counted in {@code nulls} alone. If
   * no row of a group has the number of features of the weights, it fails.
   */
  public static Column tryLinearLoss(Column hidden, Column label, Map<String, String> options) {
    return call(
        SqlFunction.LINEAR_LOSS.sqlName(true),
        options,
        required(hidden, "hidden"),
        required(label, "label"));
  }

  static Column required(Column column, String name) {
    return Objects.requireNonNull(column, name);
  }

  static Column call(SqlFunction function, Map<String, String> options, Column... columns) {
    return call(function.sqlName(false), options, columns);
  }

  private static Column call(String function, Map<String, String> options, Column... columns) {
    Objects.requireNonNull(options, "options");
    List<Column> arguments = new ArrayList<>(Arrays.asList(columns));
    if (!options.isEmpty()) {
      arguments.add(
          functions.map(
              options.entrySet().stream()
                  .flatMap(
                      option ->
                          List.of(functions.lit(option.getKey()), functions.lit(option.getValue()))
                              .stream())
                  .toArray(Column[]::new)));
    }
    return functions.call_function(function, arguments.toArray(Column[]::new));
  }
}
