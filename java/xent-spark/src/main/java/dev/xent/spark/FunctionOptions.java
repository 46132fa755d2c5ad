// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static dev.xent.spark.Messages.message;

import dev.xent.BinaryCrossEntropy;
import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.Entropy;
import dev.xent.Execution;
import dev.xent.LinearCrossEntropy;
import dev.xent.LogSigmoid;
import dev.xent.LogSoftmax;
import dev.xent.LogSumExp;
import dev.xent.LogitBuilder;
import dev.xent.LogitLossBuilder;
import dev.xent.Sampler;
import dev.xent.Sigmoid;
import dev.xent.SigmoidBuilder;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.TopK;
import dev.xent.errors.OptionException;
import dev.xent.options.FullyMasked;
import dev.xent.options.Reduction;
import java.io.Serializable;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.DoubleConsumer;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The options of a function, from its map of strings: their names and values. Names ignore case, as
 * everywhere in Spark.
 */
record FunctionOptions(SortedMap<String, String> given) implements Serializable {
  /** Stricter than Java, which also reads 2d, 0x1p1, spaces, and digits of other scripts. */
  private static final Pattern DECIMAL =
      Pattern.compile("[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?");

  private static final Pattern WHOLE = Pattern.compile("[+-]?\\d+");

  /** The options that a function can have. */
  enum Kind {
    NUMBERS(null, "type", "classes"),
    LOGITS(NUMBERS, List.of(), NumberOptions.OF_LOGITS, "fullyMasked"),
    SIGMOID(NUMBERS, "temperature"),
    TOP(LOGITS, "log"),
    LOSS(LOGITS, List.of("ignoreIndex"), NumberOptions.OF_LOSSES, "classWeights"),
    GRADIENT(LOSS, "denominator"),
    TOTAL(LOSS, "topK"),
    BINARY(NUMBERS, "ignoreIndex", "focalGamma", "focalAlpha", "positiveWeights"),
    SAMPLE(NUMBERS, List.of("seed"), NumberOptions.OF_SAMPLING),
    LINEAR(TOTAL, "weights", "bias") {
      @Override
      boolean has(String name) {
        return !name.equals("classes") && super.has(name);
      }
    };

    private final List<String> names;

    Kind(@Nullable Kind base, String... more) {
      this(base, List.of(), List.of(), more);
    }

    Kind(
        @Nullable Kind base,
        List<String> first,
        List<? extends NumberOptions.Number<?>> numbers,
        String... last) {
      names =
          Stream.of(
                  base == null ? List.<String>of() : base.names,
                  first,
                  numbers.stream().map(NumberOptions.Number::name).toList(),
                  List.of(last))
              .flatMap(List::stream)
              .toList();
    }

    /** Whether an option is one of these or of those of the base. */
    boolean has(String name) {
      return true;
    }

    /** Their names. */
    List<String> names() {
      return names.stream().filter(this::has).toList();
    }
  }

  /**
   * The options of a map.
   *
   * @throws OptionException for a name that the function does not have, or that occurs twice
   */
  static FunctionOptions of(Kind kind, Map<String, String> map) {
    SortedMap<String, String> given = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    map.forEach(
        (name, value) -> {
          String known =
              kind.names().stream()
                  .filter(name::equalsIgnoreCase)
                  .findFirst()
                  .orElseThrow(
                      () ->
                          new OptionException(
                              message(
                                  "unknown option %s; expected one of %s",
                                  name, String.join(", ", kind.names()))));
          if (value == null) {
            throw new OptionException(message("option %s is null; expected a value", name));
          }
          if (value.isEmpty()) {
            throw new OptionException(
                message("option %s is empty; expected a value, or no such option", name));
          }
          if (given.put(known, value) != null) {
            throw new OptionException(message("option %s is set twice; set it once", name));
          }
        });
    return new FunctionOptions(Collections.unmodifiableSortedMap(given));
  }

  /**
   * Rejects an option that does not apply to the arguments of a call.
   *
   * @param why the arguments
   */
  void requireAbsent(String name, String why) {
    String value = given.get(name);
    if (value != null) {
      throw refused(name, value, why + ". Remove it");
    }
  }

  /** Whether the type of a binary column is set. */
  boolean hasBinaryType() {
    return given.containsKey("type");
  }

  /**
   * The type of the numbers in a binary column. It has no default, because the number of bytes does
   * not distinguish float16 from float32.
   */
  DType binaryType() {
    DType type =
        this.<@Nullable DType>get(
            "type",
            null,
            value ->
                switch (value.toLowerCase(Locale.ROOT)) {
                  case "float16" -> DType.F16;
                  case "bfloat16" -> DType.BF16;
                  case "float32" -> DType.F32;
                  case "float64" -> DType.F64;
                  default ->
                      throw new OptionException("expected float16, bfloat16, float32 or float64");
                });
    if (type == null) {
      throw new OptionException(
          "option type is missing; set it to the type of the binary numbers, such as map('type',"
              + " 'float32')");
    }
    return type;
  }

  /** These options but one. */
  FunctionOptions without(String name) {
    SortedMap<String, String> others = new TreeMap<>(given);
    others.remove(name);
    return new FunctionOptions(Collections.unmodifiableSortedMap(others));
  }

  /** The format of the numbers of a row, and the required number of classes. */
  Logits logits(DType type) {
    long classes = get("classes", -1L, FunctionOptions::positive);
    String name = given.containsKey("classWeights") ? "classWeights" : "positiveWeights";
    double[] weights = ofClasses(name);
    if (weights == null) {
      return new Logits(type, classes, "classes", "is " + classes);
    }
    String numbers = message("has %d numbers", weights.length);
    if (classes >= 0 && classes != weights.length) {
      throw refused("classes", Long.toString(classes), message("option %s %s", name, numbers));
    }
    return new Logits(type, weights.length, name, numbers);
  }

  /** A number per class, or null. */
  private double @Nullable [] ofClasses(String name) {
    return this.<double @Nullable []>get(
        name,
        null,
        value ->
            Stream.of(value.split(",", -1))
                .map(String::strip)
                .mapToDouble(FunctionOptions::weight)
                .toArray());
  }

  /** The same as a tensor. */
  private @Nullable Tensor ofClasses(String name, DType type) {
    double[] weights = ofClasses(name);
    if (weights == null) {
      return null;
    }
    Tensor tensor = type == DType.F64 ? Tensor.of(weights) : Tensor.of(new float[weights.length]);
    for (int k = 0; k < weights.length; k++) {
      tensor.setDouble(weights[k], k);
    }
    return tensor;
  }

  private static double weight(String value) {
    if (!DECIMAL.matcher(value).matches()) {
      throw new OptionException("expected decimal numbers, separated by commas");
    }
    double weight = Double.parseDouble(value);
    if (!(weight >= 0 && weight <= Float.MAX_VALUE)) {
      throw new OptionException("must be at least 0 and finite");
    }
    return weight;
  }

  /** The k of top-k accuracy; 0 without it. */
  int topK() {
    return get(
        "topK",
        0,
        value -> {
          long k = positive(value);
          if (k > Integer.MAX_VALUE) {
            throw new OptionException("must be at most " + Integer.MAX_VALUE);
          }
          return (int) k;
        });
  }

  /** Whether the result for the largest classes is log-probabilities. */
  boolean log() {
    return get(
        "log",
        false,
        value ->
            switch (value.toLowerCase(Locale.ROOT)) {
              case "true" -> true;
              case "false" -> false;
              default -> throw new OptionException("expected true or false");
            });
  }

  Softmax softmax() {
    return with(Softmax.builder()).build();
  }

  Entropy entropy() {
    return with(Entropy.builder()).build();
  }

  LogSumExp logSumExp() {
    return with(LogSumExp.builder()).build();
  }

  LogSoftmax logSoftmax() {
    return with(LogSoftmax.builder()).build();
  }

  Sigmoid sigmoid() {
    return withTemperature(Sigmoid.builder()).build();
  }

  LogSigmoid logSigmoid() {
    return withTemperature(LogSigmoid.builder()).build();
  }

  private <B extends SigmoidBuilder<B>> B withTemperature(B builder) {
    number("temperature", builder::temperature);
    return builder.execution(Execution.sequential());
  }

  TopK topK(int k) {
    return with(TopK.builder(k)).build();
  }

  private <B extends LogitBuilder<B>> B with(B builder) {
    numbers(NumberOptions.OF_LOGITS, builder);
    return builder.execution(Execution.sequential()).fullyMasked(fullyMasked());
  }

  /**
   * The loss of rows. Its gradient is that of the sum, or of the mean over a denominator.
   *
   * @param type of the logits, or of the arithmetic of partial states
   */
  CrossEntropy crossEntropy(DType type) {
    CrossEntropy.Builder builder = with(CrossEntropy.builder(), type);
    number("denominator", value -> builder.gradientReduction(Reduction.MEAN).denominator(value));
    return builder.build();
  }

  /** The loss of hidden states. */
  LinearCrossEntropy linearCrossEntropy() {
    return with(LinearCrossEntropy.builder(), DType.F32).build();
  }

  private <B extends LogitLossBuilder<B>> B with(B builder, DType type) {
    builder.execution(Execution.sequential()).reduction(Reduction.SUM).fullyMasked(fullyMasked());
    numbers(NumberOptions.OF_LOGITS, builder);
    numbers(NumberOptions.OF_LOSSES, builder);
    get("ignoreIndex", builder, value -> builder.ignoreIndex(whole(value)));
    builder.classWeights(ofClasses("classWeights", type));
    return builder;
  }

  /** The loss of the elements of a row, added up. */
  BinaryCrossEntropy binaryCrossEntropy() {
    BinaryCrossEntropy.Builder builder =
        BinaryCrossEntropy.builder().execution(Execution.sequential()).reduction(Reduction.SUM);
    get("ignoreIndex", builder, value -> builder.ignoreIndex(whole(value)));
    number("focalGamma", builder::focalGamma);
    number("focalAlpha", builder::focalAlpha);
    return builder.build();
  }

  /** The factors of positive elements, one per class, or null. */
  @Nullable Tensor positiveWeights(DType type) {
    return ofClasses("positiveWeights", type);
  }

  /** The sampler, whose random bits do not depend on the run. */
  Sampler sampler() {
    Sampler.Builder builder = Sampler.builder().execution(Execution.sequential());
    numbers(NumberOptions.OF_SAMPLING, builder);
    return builder.seed(get("seed", 0L, FunctionOptions::whole)).build();
  }

  /**
   * The file of the weights.
   *
   * @throws OptionException if the option is not set
   */
  Path requireWeights() {
    Path file = file("weights");
    if (file == null) {
      throw new OptionException(
          "option weights is missing; set it to the .npy file of the weights: map('weights',"
              + " '/models/head.npy')");
    }
    return file;
  }

  /** The label of ignored rows, or null. */
  @Nullable Long ignoreIndex() {
    return get("ignoreIndex", null, FunctionOptions::whole);
  }

  /** The file of the bias, or null. */
  @Nullable Path bias() {
    return file("bias");
  }

  private @Nullable Path file(String name) {
    return get(
        name,
        null,
        value -> {
          if (value.indexOf('\0') >= 0) {
            throw new OptionException("expected the path or name of a .npy file");
          }
          return Path.of(value);
        });
  }

  private FullyMasked fullyMasked() {
    return get(
        "fullyMasked",
        FullyMasked.NAN,
        value ->
            switch (value.toLowerCase(Locale.ROOT)) {
              case "nan" -> FullyMasked.NAN;
              case "zero" -> FullyMasked.ZERO;
              default -> throw new OptionException("expected nan or zero");
            });
  }

  private <B> void numbers(List<? extends NumberOptions.Number<? super B>> all, B builder) {
    for (NumberOptions.Number<? super B> each : all) {
      set(
          each.name(),
          each.isWhole() ? FunctionOptions::whole : FunctionOptions::decimal,
          value -> each.setter().accept(builder, value));
    }
  }

  private void number(String name, DoubleConsumer setter) {
    set(name, FunctionOptions::decimal, setter);
  }

  private void set(String name, ToDoubleFunction<String> number, DoubleConsumer setter) {
    get(
        name,
        null,
        value -> {
          setter.accept(number.applyAsDouble(value));
          return null;
        });
  }

  private static double decimal(String value) {
    if (!DECIMAL.matcher(value).matches()) {
      throw new OptionException("expected a decimal number");
    }
    return Double.parseDouble(value);
  }

  private static long whole(String value) {
    if (!WHOLE.matcher(value).matches()) {
      throw new OptionException("expected a whole number");
    }
    try {
      return Long.parseLong(value);
    } catch (NumberFormatException tooLong) {
      OptionException refused =
          new OptionException("expected a whole number from -2^63 to 2^63 - 1");
      refused.initCause(tooLong);
      throw refused;
    }
  }

  private static long positive(String value) {
    long number = whole(value);
    if (number < 1) {
      throw new OptionException("must be at least 1");
    }
    return number;
  }

  /** The parsed value, or the default. Errors name the option. */
  private <T extends @Nullable Object> T get(
      String name, T otherwise, Function<String, ? extends T> meaning) {
    String value = given.get(name);
    if (value == null) {
      return otherwise;
    }
    try {
      return meaning.apply(value);
    } catch (OptionException e) {
      String expected = e.expected();
      String why = expected == null ? e.getMessage() : "expected " + expected;
      OptionException refused = refused(name, value, why);
      refused.initCause(e);
      throw refused;
    }
  }

  private static OptionException refused(String name, String value, @Nullable String why) {
    return new OptionException(message("option %s is %s; %s", name, value, why));
  }

  /** The options as in SQL, or an empty string. */
  @Override
  public String toString() {
    return given.isEmpty() ? "" : given.toString();
  }
}
