// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static dev.xent.spark.Messages.message;

import dev.xent.errors.OptionException;
import dev.xent.options.FullyMasked;
import java.util.Arrays;
import java.util.Collections;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Options of {@link XentFunctions} and {@link ShardedLoss}: a map of strings whose names the
 * compiler checks.
 *
 * {@snippet file="dev/xent/spark/ExamplesTest.java" region="options" :
 * XentOptions options = XentOptions.none().temperature(2).labelSmoothing(0.1);
 * }
 *
 * <p>Each method returns another instance; instances are immutable. Values are checked when Spark
 * reads the query.
 */
public final class XentOptions extends NumberOptions {
  /** The option that chooses between a function and its form with try in SQL. */
  static final String BAD_ROWS = "badRows";

  private static final XentOptions NONE = new XentOptions(Map.of());

  private final Map<String, String> given;

  private XentOptions(Map<String, String> given) {
    this.given = given;
  }

  /** Returns options with all the defaults. */
  public static XentOptions none() {
    return NONE;
  }

  /** Sets the type of binary logits: float16, bfloat16, float32 or float64. */
  public XentOptions type(String value) {
    return with("type", value);
  }

  /** Sets the number of classes that every row must have. */
  public XentOptions classes(long value) {
    return with("classes", value);
  }

  /** Sets {@link dev.xent.LogitBuilder#fullyMasked}. */
  public XentOptions fullyMasked(FullyMasked value) {
    return with(
        "fullyMasked",
        Objects.requireNonNull(value, "fullyMasked").name().toLowerCase(Locale.ROOT));
  }

  /** Makes {@link XentFunctions#topK} return log-probabilities instead of probabilities. */
  public XentOptions log(boolean value) {
    return with("log", value);
  }

  /** Sets {@link dev.xent.CrossEntropy.Builder#ignoreIndex}. */
  public XentOptions ignoreIndex(long value) {
    return with("ignoreIndex", value);
  }

  /** Sets {@link dev.xent.CrossEntropy.Builder#classWeights}. */
  public XentOptions classWeights(double... values) {
    return with("classWeights", numbers(values));
  }

  private static String numbers(double... values) {
    return Arrays.stream(values).mapToObj(Double::toString).collect(Collectors.joining(","));
  }

  /** Sets {@link dev.xent.BinaryCrossEntropy.Builder#focalAlpha}. */
  public XentOptions focalAlpha(double value) {
    return with("focalAlpha", value);
  }

  /** Sets {@link dev.xent.Inputs#withPositiveWeights}. */
  public XentOptions positiveWeights(double... values) {
    return with("positiveWeights", numbers(values));
  }

  /** Sets {@link dev.xent.Sampler.Builder#seed}. Default: 0. */
  public XentOptions seed(long value) {
    return with("seed", value);
  }

  /**
   * Sets {@link dev.xent.Sampler.Builder#topK}, or makes {@link XentFunctions#loss} return {@code
   * top_k_accuracy}.
   */
  public XentOptions topK(int value) {
    return with("topK", value);
  }

  /** Sets the divisor for the gradient of a mean; without it, gradients are those of the sum. */
  public XentOptions denominator(double value) {
    return with("denominator", value);
  }

  /** Sets the .npy file of the weights of a linear layer. */
  public XentOptions weights(String file) {
    return with("weights", file);
  }

  /** Sets the .npy file of the bias of a linear layer. */
  public XentOptions bias(String file) {
    return with("bias", file);
  }

  /**
   * Makes the result of a bad row null, as in SQL the functions with the prefix {@code try_}.
   * {@link XentFunctions#loss} and {@link XentFunctions#linearLoss} count bad rows only in {@code
   * nulls}. For rows of unequal length the result of {@code loss} is null, unless option {@code
   * classes} sets the right length. If no row of a group has the length that option {@code classes}
   * or the weights of {@code linearLoss} set, the query fails.
   *
   * <p>In a map of strings, the option is {@code badRows}: {@code null}, or {@code error}, the
   * default.
   */
  public XentOptions badRowsAsNull() {
    return with(BAD_ROWS, "null");
  }

  /** Whether the result of a bad row is null. */
  static boolean badRowsAreNull(String value) {
    return switch (Objects.requireNonNull(value, BAD_ROWS).toLowerCase(Locale.ROOT)) {
      case "null" -> true;
      case "error" -> false;
      default ->
          throw new OptionException(message("option badRows is %s; expected error or null", value));
    };
  }

  @Override
  XentOptions with(String name, Object value) {
    Map<String, String> all = new TreeMap<>(given);
    all.put(name, Objects.requireNonNull(value, name).toString());
    return new XentOptions(all);
  }

  @Override
  public Set<Entry<String, String>> entrySet() {
    return Collections.unmodifiableMap(given).entrySet();
  }
}
