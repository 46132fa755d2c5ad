// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.functions;
import org.jspecify.annotations.Nullable;

/**
 * The functions as columns of Datasets. The session needs {@link XentExtensions}, or {@link
 * Xent#register}.
 *
 * {@snippet file="dev/xent/spark/ExamplesTest.java" region="functions" :
 * Dataset<Row> probabilities =
 *     rows.select(XentFunctions.softmax(col("logits"), XentOptions.none().temperature(2)));
 * Dataset<Row> mean = rows.agg(XentFunctions.loss(col("logits"), col("label")).getField("mean"));
 * }
 *
 * <p><b>Logits</b> are {@code array<float>}, computed as F32; {@code array<double>}, computed as
 * F64, as are arrays of integers and decimals; or {@code binary}: contiguous little-endian numbers
 * of the type in the option {@code type}, which is then required: float16, bfloat16, float32 or
 * float64. Results are double for double logits and float for others, with the same bits as
 * everywhere in Xent.
 *
 * <p><b>Nulls.</b> If logits or label are null, so is the result, and an aggregate counts the row
 * only in {@code nulls}. A bad row, such as one with a null among the logits or a label that is not
 * a class, is an error of the condition {@code FAILED_EXECUTE_UDF}. It names the function, the
 * columns, the partition, and the number of the row among those that the function has read there.
 * With {@link XentOptions#badRowsAsNull} the result is null instead.
 *
 * <p><b>Options</b> are a map of strings, whose names ignore case, or {@link XentOptions}; null
 * sets no options.
 *
 * <p>A task computes on its own thread. All methods may be called from any thread.
 */
public final class XentFunctions {
  private XentFunctions() {}

  /** Returns the probabilities of a row. */
  public static Column softmax(Column logits) {
    return softmax(logits, null);
  }

  /** Returns the same with options. */
  public static Column softmax(Column logits, @Nullable Map<String, String> options) {
    return call(SqlFunction.SOFTMAX, options, required(logits, "logits"));
  }

  /** Returns the log-probabilities of a row. */
  public static Column logSoftmax(Column logits) {
    return logSoftmax(logits, null);
  }

  /** Returns the same with options. */
  public static Column logSoftmax(Column logits, @Nullable Map<String, String> options) {
    return call(SqlFunction.LOG_SOFTMAX, options, required(logits, "logits"));
  }

  /** Returns the sigmoid of each logit of a row: scores of independent yes-or-no classes. */
  public static Column sigmoid(Column logits) {
    return sigmoid(logits, null);
  }

  /** Returns the same with options. */
  public static Column sigmoid(Column logits, @Nullable Map<String, String> options) {
    return call(SqlFunction.SIGMOID, options, required(logits, "logits"));
  }

  /** Returns the logarithm of the sigmoid of each logit of a row. */
  public static Column logSigmoid(Column logits) {
    return logSigmoid(logits, null);
  }

  /** Returns the same with options. */
  public static Column logSigmoid(Column logits, @Nullable Map<String, String> options) {
    return call(SqlFunction.LOG_SIGMOID, options, required(logits, "logits"));
  }

  /**
   * Returns the {@code k} largest classes of a row, {@code struct<classes array<int>, values
   * array<float>>}.
   *
   * @param k at least 1, and at most the number of classes of the row
   */
  public static Column topK(Column logits, int k) {
    return topK(logits, k, null);
  }

  /** Returns the same with options. */
  public static Column topK(Column logits, int k, @Nullable Map<String, String> options) {
    return call(SqlFunction.TOP_K, options, required(logits, "logits"), functions.lit(k));
  }

  /**
   * Returns the class of the largest logit of a row, an int: the lowest of equal classes, -1 in a
   * row with NaN or +Infinity, or with -Infinity only.
   */
  public static Column argmax(Column logits) {
    return argmax(logits, null);
  }

  /** Returns the same with options. */
  public static Column argmax(Column logits, @Nullable Map<String, String> options) {
    return call(SqlFunction.ARGMAX, options, required(logits, "logits"));
  }

  /** Returns the entropy of the probabilities of a row, a double. */
  public static Column entropy(Column logits) {
    return entropy(logits, null);
  }

  /** Returns the same with options. */
  public static Column entropy(Column logits, @Nullable Map<String, String> options) {
    return call(SqlFunction.ENTROPY, options, required(logits, "logits"));
  }

  /** Returns the log-sum-exp of a row, a double. */
  public static Column logSumExp(Column logits) {
    return logSumExp(logits, null);
  }

  /** Returns the same with options. */
  public static Column logSumExp(Column logits, @Nullable Map<String, String> options) {
    return call(SqlFunction.LOG_SUM_EXP, options, required(logits, "logits"));
  }

  /**
   * Returns the loss of a row, a double.
   *
   * @param logits a row, or the partial states of its shards
   * @param label the correct class, any integer type; or an array of probabilities
   */
  public static Column crossEntropy(Column logits, Column label) {
    return crossEntropy(logits, label, null);
  }

  /** Returns the same with options. */
  public static Column crossEntropy(
      Column logits, Column label, @Nullable Map<String, String> options) {
    return call(
        SqlFunction.CROSS_ENTROPY, options, required(logits, "logits"), required(label, "label"));
  }

  /**
   * Returns the loss of a row, multiplied by the weight of the row.
   *
   * @param weight finite and 0 or more; the loss of a row of weight 0 is 0
   */
  public static Column crossEntropy(
      Column logits, Column label, Column weight, @Nullable Map<String, String> options) {
    return weighted(SqlFunction.CROSS_ENTROPY, options, required(logits, "logits"), label, weight);
  }

  /**
   * Returns the gradient of the loss of a row with respect to its logits.
   *
   * @param label the correct class, any integer type; or an array of probabilities
   */
  public static Column crossEntropyGradient(Column logits, Column label) {
    return crossEntropyGradient(logits, label, null);
  }

  /** Returns the same with options. */
  public static Column crossEntropyGradient(
      Column logits, Column label, @Nullable Map<String, String> options) {
    return call(
        SqlFunction.CROSS_ENTROPY_GRADIENT,
        options,
        required(logits, "logits"),
        required(label, "label"));
  }

  /**
   * Returns the gradient of the loss of a row, multiplied by the weight of the row.
   *
   * @param weight finite and 0 or more; the gradient of a row of weight 0 is 0
   */
  public static Column crossEntropyGradient(
      Column logits, Column label, Column weight, @Nullable Map<String, String> options) {
    return weighted(
        SqlFunction.CROSS_ENTROPY_GRADIENT, options, required(logits, "logits"), label, weight);
  }

  /**
   * Returns {@link #binaryCrossEntropy(Column, Column, Column, Map)} without weights and options.
   */
  public static Column binaryCrossEntropy(Column logits, Column label) {
    return binaryCrossEntropy(logits, label, null);
  }

  /** Returns the same with options. */
  public static Column binaryCrossEntropy(
      Column logits, Column label, @Nullable Map<String, String> options) {
    return call(
        SqlFunction.BINARY_CROSS_ENTROPY,
        options,
        required(logits, "logits"),
        required(label, "label"));
  }

  /**
   * Returns the sum of the binary cross-entropies of the elements of a row, multiplied by the
   * weight of the row, a double; see {@link dev.xent.BinaryCrossEntropy}.
   *
   * @param logits a row, or one number
   * @param label for each logit 0 or 1, of any integer type, or a probability, which is not
   *     checked: an array, or one number
   * @param weight finite and 0 or more; the loss of a row of weight 0 is 0
   */
  public static Column binaryCrossEntropy(
      Column logits, Column label, Column weight, @Nullable Map<String, String> options) {
    return weighted(
        SqlFunction.BINARY_CROSS_ENTROPY, options, required(logits, "logits"), label, weight);
  }

  /** Returns {@link #sample(Column, Column, Column, Map)} of step 0 without options. */
  public static Column sample(Column logits, Column stream) {
    return sample(logits, stream, null);
  }

  /** Returns the same with options. */
  public static Column sample(Column logits, Column stream, @Nullable Map<String, String> options) {
    return call(
        SqlFunction.SAMPLE, options, required(logits, "logits"), required(stream, "stream"));
  }

  /**
   * Returns a class of a row, an int, drawn as by {@link dev.xent.Sampler}; -1 if no class is left.
   * It depends on the arguments alone, not on partitions or runs.
   *
   * @param logits a row, not of doubles
   * @param stream a whole number of the row, such as its id: rows with the same one have the same
   *     random bits
   * @param step how many tokens came before, from 0 to 2^32 - 1
   */
  public static Column sample(
      Column logits, Column stream, Column step, @Nullable Map<String, String> options) {
    return call(
        SqlFunction.SAMPLE,
        options,
        required(logits, "logits"),
        required(stream, "stream"),
        required(step, "step"));
  }

  /**
   * Returns the losses of all rows of a group or window: {@code struct<mean, sum, denominator,
   * perplexity, accuracy, rows, valid_rows, correct, nulls>}, and {@code top_k_accuracy} with
   * option {@code topK}. Sums are exact and rounded once, so the partitions do not change a bit.
   * All rows must have the same number of classes.
   *
   * @param logits rows, or the partial states of their shards
   * @param label the correct class, any integer type; or an array of probabilities
   */
  public static Column loss(Column logits, Column label) {
    return loss(logits, label, null);
  }

  /** Returns the same with options. */
  public static Column loss(Column logits, Column label, @Nullable Map<String, String> options) {
    return call(SqlFunction.LOSS, options, required(logits, "logits"), required(label, "label"));
  }

  /**
   * Returns the losses of rows with weights: each loss is multiplied by the weight of its row, and
   * the mean divides by the sum of the weights.
   *
   * @param weight finite and 0 or more; a row of weight 0 is ignored
   */
  public static Column loss(
      Column logits, Column label, Column weight, @Nullable Map<String, String> options) {
    return weighted(SqlFunction.LOSS, options, required(logits, "logits"), label, weight);
  }

  /**
   * Returns the result of {@link #loss(Column, Column)} for the logits of hidden states and a
   * linear layer, which are never all in memory, see {@link dev.xent.LinearCrossEntropy}. Needs the
   * module {@code xent-files}.
   *
   * @param hidden rows of features
   * @param label the correct class, any integer type
   * @param options with {@code weights}, a .npy file of shape [classes, features], and optionally
   *     {@code bias}, one of shape [classes]: absolute paths on all executors, or names of files
   *     that {@code --files} or {@code SparkContext.addFile} sent there
   */
  public static Column linearLoss(Column hidden, Column label, Map<String, String> options) {
    return call(
        SqlFunction.LINEAR_LOSS, options, required(hidden, "hidden"), required(label, "label"));
  }

  /**
   * Returns the losses of rows with weights: each loss is multiplied by the weight of its row, and
   * the mean divides by the sum of the weights.
   *
   * @param weight finite and 0 or more; a row of weight 0 is ignored
   */
  public static Column linearLoss(
      Column hidden, Column label, Column weight, Map<String, String> options) {
    return weighted(SqlFunction.LINEAR_LOSS, options, required(hidden, "hidden"), label, weight);
  }

  /** A function of rows with labels and weights. */
  private static Column weighted(
      SqlFunction function,
      @Nullable Map<String, String> options,
      Column rows,
      Column label,
      Column weight) {
    return call(function, options, rows, required(label, "label"), required(weight, "weight"));
  }

  static Column required(Column column, String name) {
    return Objects.requireNonNull(column, name);
  }

  /** A call of the function in SQL whose result for bad rows the options ask for. */
  static Column call(
      SqlFunction function, @Nullable Map<String, String> options, Column... columns) {
    List<Column> arguments = new ArrayList<>(List.of(columns));
    List<Column> ofSql = new ArrayList<>();
    boolean tries = false;
    Map<String, String> inOrder = new TreeMap<>(options == null ? Map.of() : options);
    for (Map.Entry<String, String> option : inOrder.entrySet()) {
      if (XentOptions.BAD_ROWS.equalsIgnoreCase(option.getKey())) {
        tries = XentOptions.badRowsAreNull(option.getValue());
      } else {
        ofSql.add(functions.lit(option.getKey()));
        ofSql.add(functions.lit(option.getValue()));
      }
    }
    if (!ofSql.isEmpty()) {
      arguments.add(functions.map(ofSql.toArray(Column[]::new)));
    }
    String name = function.sqlName(tries);
    return CallSite.of(() -> functions.call_function(name, arguments.toArray(Column[]::new)));
  }
}
