// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.xent.BinaryCrossEntropy;
import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.Inputs;
import dev.xent.LinearCrossEntropy;
import dev.xent.LogSoftmax;
import dev.xent.Sampler;
import dev.xent.SamplerRequests;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.TopK;
import dev.xent.TopKResult;
import dev.xent.options.Reduction;
import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The functions of rows have the bits of the library, however Spark evaluates them. */
class FunctionsTest {
  private static final int ROWS = 40;
  private static final int CLASSES = 100;
  private static final float[][] LOGITS = Spark.logits(ROWS, CLASSES);

  private final SparkSession spark = Spark.session();

  private List<float[]> computed(Dataset<Row> rows, Column column) {
    return rows.orderBy("id").select(column).collectAsList().stream()
        .map(row -> Spark.floats(row, 0))
        .toList();
  }

  private static List<float[]> expected(BiConsumer<Tensor, Tensor> operation) {
    List<float[]> results = new ArrayList<>();
    for (float[] row : LOGITS) {
      float[] result = new float[CLASSES];
      operation.accept(Tensor.of(row, 1, CLASSES), Tensor.of(result, 1, CLASSES));
      results.add(result);
    }
    return results;
  }

  private static void assertSame(List<float[]> actual, List<float[]> expected) {
    assertThat(actual).hasSameSizeAs(expected);
    for (int i = 0; i < expected.size(); i++) {
      assertThat(actual.get(i)).as("row %d", i).isEqualTo(expected.get(i));
    }
  }

  @ParameterizedTest
  @CsvSource({"CODEGEN_ONLY, true", "CODEGEN_ONLY, false", "NO_CODEGEN, false"})
  void rowsInAnyWayThatSparkEvaluates(String factory, boolean wholeStage) {
    spark.conf().set("spark.sql.codegen.factoryMode", factory);
    spark.conf().set("spark.sql.codegen.wholeStage", wholeStage);
    try {
      Dataset<Row> rows = Spark.rows(LOGITS).repartition(3);
      assertSame(
          computed(rows, XentFunctions.softmax(col("logits"), Map.of())),
          expected(Softmax.builder().build()::forward));
      assertSame(
          computed(rows, XentFunctions.logSoftmax(col("logits"), Map.of("Temperature", "2"))),
          expected(LogSoftmax.builder().temperature(2).build()::forward));
    } finally {
      spark.conf().unset("spark.sql.codegen.factoryMode");
      spark.conf().unset("spark.sql.codegen.wholeStage");
    }
  }

  /** Generated code reads columns, as they are decoded, without making rows of them first. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void columnarBatches(boolean offHeap, @TempDir Path folder) {
    spark.conf().set("spark.sql.columnVector.offheap.enabled", offHeap);
    try {
      String path = folder.resolve("rows").toString();
      Spark.rows(LOGITS).coalesce(1).write().parquet(path);
      Dataset<Row> rows = spark.read().parquet(path);
      Dataset<Row> results =
          rows.select(col("id"), XentFunctions.softmax(col("logits"), Map.of()).as("p"));
      assertThat(results.queryExecution().executedPlan().toString())
          .contains("*(1) Project")
          .contains("ColumnarToRow");
      assertSame(computed(results, col("p")), expected(Softmax.builder().build()::forward));
    } finally {
      spark.conf().unset("spark.sql.columnVector.offheap.enabled");
    }
  }

  @ParameterizedTest
  @CsvSource({"float16, F16", "bfloat16, BF16", "float32, F32", "float64, F64"})
  void bytesOfEveryType(String option, DType type) {
    List<Row> rows = new ArrayList<>();
    List<float[]> expected = new ArrayList<>();
    for (int i = 0; i < ROWS; i++) {
      byte[] bytes = new byte[CLASSES * type.byteSize()];
      ByteBuffer buffer = ByteBuffer.allocateDirect(bytes.length).order(ByteOrder.nativeOrder());
      Tensor x = Tensor.of(buffer, type, 1, CLASSES);
      x.copyFrom(Tensor.of(LOGITS[i], 1, CLASSES));
      buffer.get(0, bytes);
      rows.add(RowFactory.create((long) i, bytes));
      float[] result = new float[CLASSES];
      if (type == DType.F64) {
        double[] wide = new double[CLASSES];
        Softmax.builder().build().forward(x, Tensor.of(wide, 1, CLASSES));
        for (int k = 0; k < CLASSES; k++) {
          result[k] = (float) wide[k];
        }
      } else {
        Softmax.builder().build().forward(x, Tensor.of(result, 1, CLASSES));
      }
      expected.add(result);
    }
    Dataset<Row> binary =
        spark.createDataFrame(
            rows,
            new StructType().add("id", DataTypes.LongType).add("logits", DataTypes.BinaryType));
    assertSame(
        computed(
            binary,
            XentFunctions.softmax(col("logits"), Map.of("type", option)).cast("array<float>")),
        expected);
  }

  /** A new option of an operation is one here too, or says here why it is none. */
  @Test
  void everyOptionOfABuilderIsOneOfAFunction() {
    Map<String, String> others =
        Map.of(
            "axis", "a row has one axis",
            "reduction", "aggregates are means and sums",
            "gradientReduction", "denominator",
            "gradientScale", "multiply the gradients",
            "denominator", "of gradients alone",
            "emptyMean", "null",
            "smoothing", "not offered yet",
            "workspace", "chosen by rows");
    Map<FunctionOptions.Kind, Class<?>> builders =
        Map.of(
            FunctionOptions.Kind.BINARY, BinaryCrossEntropy.Builder.class,
            FunctionOptions.Kind.SAMPLE, Sampler.Builder.class,
            FunctionOptions.Kind.LOGITS, Softmax.Builder.class,
            FunctionOptions.Kind.TOP, TopK.Builder.class,
            FunctionOptions.Kind.LOSS, CrossEntropy.Builder.class,
            FunctionOptions.Kind.LINEAR, LinearCrossEntropy.Builder.class);
    builders.forEach(
        (kind, builder) ->
            assertThatThrownBy(() -> FunctionOptions.of(kind, Map.of("?", "")))
                .message()
                .satisfies(
                    message ->
                        assertThat(message.split("[, ]+"))
                            .contains(
                                Stream.of(builder.getMethods())
                                    .filter(method -> method.getDeclaringClass() != Object.class)
                                    .filter(method -> !method.isBridge())
                                    .filter(method -> method.getParameterCount() == 1)
                                    .filter(method -> isOption(method.getParameterTypes()[0]))
                                    .map(Method::getName)
                                    .filter(name -> !others.containsKey(name))
                                    .filter(name -> !isUnused(kind, name))
                                    .toArray(String[]::new))));
  }

  /** Options of tokens before a row, and of other random bits. */
  private static boolean isUnused(FunctionOptions.Kind kind, String name) {
    return switch (kind) {
      case SAMPLE ->
          name.matches(".*Penalty|dry.*|noRepeatNgram") // a row has no text
              || Set.of("rules", "ties", "draw", "stream").contains(name);
      default -> false;
    };
  }

  @Test
  void thePageNamesEveryOption() throws IOException {
    Path page = Path.of(System.getProperty("basedir"), "..", "..", "docs", "spark.md");
    String text = Files.readString(page);
    for (FunctionOptions.Kind kind : FunctionOptions.Kind.values()) {
      assertThatThrownBy(() -> FunctionOptions.of(kind, Map.of("?", "")))
          .message()
          .satisfies(
              message ->
                  assertThat(message.replaceFirst(".*expected one of ", "").split(", "))
                      .hasSizeGreaterThan(1)
                      .allSatisfy(name -> assertThat(text).contains("`" + name + "`")));
    }
  }

  private static boolean isOption(Class<?> type) {
    return type.isEnum() || type == double.class || type == long.class || type == int.class;
  }

  @Test
  void doublesAreComputedAsDoubles() {
    double[] x = {2, 1, 0};
    double[] p = new double[3];
    Softmax.builder().build().forward(Tensor.of(x, 1, 3), Tensor.of(p, 1, 3));
    Row row = spark.sql("SELECT xent_softmax(array(2D, 1D, 0D))").first();
    assertThat(row.<Double>getList(0)).containsExactly(p[0], p[1], p[2]);
  }

  @Test
  void losses() {
    Dataset<Row> rows = Spark.rows(LOGITS).repartition(3);
    CrossEntropy loss = CrossEntropy.builder().labelSmoothing(0.1).reduction(Reduction.SUM).build();
    List<Row> actual =
        rows.orderBy("id")
            .select(
                XentFunctions.crossEntropy(
                    col("logits"), col("label"), Map.of("labelSmoothing", "0.1")))
            .collectAsList();
    for (int i = 0; i < ROWS; i++) {
      Tensor label = Tensor.of(new int[] {Spark.label(i, CLASSES)});
      assertThat(actual.get(i).getDouble(0))
          .isEqualTo(loss.forward(Tensor.of(LOGITS[i], 1, CLASSES), label));
    }
  }

  @Test
  void gradientsOfAMean() {
    float[] all = new float[ROWS * CLASSES];
    int[] labels = new int[ROWS];
    for (int i = 0; i < ROWS; i++) {
      System.arraycopy(LOGITS[i], 0, all, i * CLASSES, CLASSES);
      labels[i] = Spark.label(i, CLASSES);
    }
    Tensor gradient = Tensor.of(all, ROWS, CLASSES);
    CrossEntropy.mean().forwardBackward(gradient, Tensor.of(labels), gradient);
    List<float[]> expected = new ArrayList<>();
    for (int i = 0; i < ROWS; i++) {
      expected.add(gradient.slice(0, i, i + 1).toFloatArray());
    }
    assertSame(
        computed(
            Spark.rows(LOGITS),
            XentFunctions.crossEntropyGradient(
                col("logits"), col("label"), Map.of("denominator", "" + ROWS))),
        expected);
  }

  @Test
  void largestClasses() {
    List<Row> actual =
        Spark.rows(LOGITS)
            .orderBy("id")
            .select(XentFunctions.topK(col("logits"), 3, Map.of("log", "true")).as("top"))
            .select("top.classes", "top.values")
            .collectAsList();
    for (int i = 0; i < ROWS; i++) {
      TopKResult best = TopK.of(3).logProbabilities(Tensor.of(LOGITS[i], 1, CLASSES));
      assertThat(actual.get(i).<Integer>getList(0).stream().mapToLong(Integer::longValue))
          .containsExactly(
              best.classes().getLong(0, 0),
              best.classes().getLong(0, 1),
              best.classes().getLong(0, 2));
      assertThat(Spark.floats(actual.get(i), 1)).isEqualTo(best.values().toFloatArray());
    }
  }

  /** Rows of numbers, with a weight, and single numbers. */
  @Test
  void binaryLosses() {
    float[] targets = new float[CLASSES];
    float[] positive = new float[CLASSES];
    for (int k = 0; k < CLASSES; k++) {
      targets[k] = k % 3 == 0 ? 0.25F : k % 2;
      positive[k] = 1 + k % 5;
    }
    BinaryCrossEntropy loss =
        BinaryCrossEntropy.builder()
            .reduction(Reduction.SUM)
            .focalGamma(2)
            .focalAlpha(0.25)
            .build();
    Inputs inputs = Inputs.none().withPositiveWeights(Tensor.of(positive));
    Inputs weighted = inputs.withElementWeights(Tensor.of(new float[] {0.5F}, 1, 1));
    double[] weights = new double[CLASSES];
    Arrays.setAll(weights, k -> positive[k]);
    XentOptions options =
        XentOptions.none().focalGamma(2).focalAlpha(0.25).positiveWeights(weights);
    Column label = lit(targets);
    List<Row> actual =
        Spark.rows(LOGITS)
            .orderBy("id")
            .select(
                XentFunctions.binaryCrossEntropy(col("logits"), label, options),
                XentFunctions.binaryCrossEntropy(col("logits"), label, lit(0.5), options))
            .collectAsList();
    Tensor t = Tensor.of(targets, 1, CLASSES);
    for (int i = 0; i < ROWS; i++) {
      Tensor x = Tensor.of(LOGITS[i], 1, CLASSES);
      assertThat(actual.get(i).getDouble(0)).isEqualTo(loss.on(x, t).inputs(inputs).run());
      assertThat(actual.get(i).getDouble(1)).isEqualTo(loss.on(x, t).inputs(weighted).run());
    }
    Row single =
        spark
            .sql(
                "SELECT xent_binary_cross_entropy(2F, 1), xent_binary_cross_entropy(array(2F),"
                    + " array(1)), xent_binary_cross_entropy(2, 0.5), xent_binary_cross_entropy(2D,"
                    + " 0.5D), xent_binary_cross_entropy(2, NULL), xent_binary_cross_entropy(NULL,"
                    + " 1), try_xent_binary_cross_entropy(2F, id),"
                    + " try_xent_binary_cross_entropy(2F, array(1, id)) FROM range(3, 4)")
            .first();
    assertThat(single.getDouble(0)).isEqualTo(single.getDouble(1)).isBetween(0.126, 0.127);
    assertThat(single.getDouble(2)).isEqualTo(single.getDouble(3)).isBetween(1.126, 1.127);
    assertThat(IntStream.range(4, single.size()).allMatch(single::isNullAt)).isTrue();
  }

  /** The tokens depend on the arguments alone. */
  @Test
  void sampledClasses() {
    Sampler sampler = Sampler.builder().temperature(0.9).topK(20).topP(0.95).seed(42).build();
    XentOptions options = XentOptions.none().temperature(0.9).topK(20).topP(0.95).seed(42);
    List<Row> actual =
        Spark.rows(LOGITS)
            .repartition(3)
            .select(
                col("id"),
                XentFunctions.sample(col("logits"), col("id"), options),
                XentFunctions.sample(col("logits"), lit(-1), col("id"), options),
                XentFunctions.sample(col("logits"), col("id")))
            .orderBy("id")
            .collectAsList();
    for (int i = 0; i < ROWS; i++) {
      Tensor x = Tensor.of(LOGITS[i], 1, CLASSES);
      assertThat(actual.get(i).getInt(1)).isEqualTo(drawn(sampler, x, i, 0));
      assertThat(actual.get(i).getInt(2)).isEqualTo(drawn(sampler, x, -1, i));
      assertThat(actual.get(i).getInt(3))
          .isEqualTo(drawn(Sampler.builder().seed(0).build(), x, i, 0));
    }
    assertThat(actual.stream().map(row -> row.getInt(1)).distinct().count()).isGreaterThan(10);
    String none = "array(CAST('-Infinity' AS FLOAT))";
    Row odd =
        spark
            .sql(
                "SELECT xent_sample("
                    + none
                    + ", 0), xent_sample(array(1F, 2F), 0, NULL),"
                    + " try_xent_sample(array(1F, 2F), 0, id - 4)"
                    + " FROM range(3, 4)")
            .first();
    assertThat(odd.get(0)).isEqualTo(-1);
    assertThat(odd.isNullAt(1) && odd.isNullAt(2)).isTrue();
  }

  private static int drawn(Sampler sampler, Tensor x, long stream, long step) {
    Tensor token = Tensor.allocate(DType.I64, 1);
    sampler.on(x, token).run(SamplerRequests.create().add(sampler, stream, step));
    return (int) token.getLong(0);
  }

  @Test
  void nullGivesNull() {
    Row row =
        spark
            .sql(
                "SELECT xent_softmax(x), xent_top_k(x, 2), xent_cross_entropy(x, 0),"
                    + " xent_cross_entropy(array(1F), CAST(NULL AS INT)) FROM VALUES"
                    + " (CAST(NULL AS ARRAY<FLOAT>)) t(x)")
            .first();
    assertThat(List.of(row.isNullAt(0), row.isNullAt(1), row.isNullAt(2), row.isNullAt(3)))
        .containsOnly(true);
  }

  @Test
  void aNanGoesThrough() {
    Row row =
        spark
            .sql(
                "SELECT xent_cross_entropy(array(float('NaN'), 1F), 1),"
                    + " xent_softmax(array(float('NaN'), 1F))")
            .first();
    assertThat(row.getDouble(0)).isNaN();
    assertThat(Spark.floats(row, 1)).containsOnly(Float.NaN);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "xent_softmax(array(1F, NULL)) | element 1 of 2 is null",
        "xent_softmax(x, map('classes', '4')) | (t.x, {classes=4}), row 0 of partition 0: the row"
            + " has length 3, option classes is 4",
        "xent_cross_entropy(x, y) | xent_cross_entropy(t.x, t.y), row 0 of partition 0: label 7 is"
            + " not in [0, 3)",
        "xent_softmax(X'0102', map('type', 'float32')) | 2 bytes are not a multiple of the 4 bytes"
            + " of float32",
        "xent_softmax(x, map('heat', '2')) | unknown option heat; expected one of type, classes",
        "xent_softmax(x, map('temperature', 'hot')) | option temperature is hot; expected a decimal"
            + " number",
        "xent_softmax(x, map('temperature', '-1')) | option temperature is -1; ",
        "xent_softmax(x, map('classes', '3', 'Classes', '4')) | is set twice; set it once",
        "xent_softmax(X'00', map('type', 'int8')) | option type is int8; expected float16",
        "xent_softmax(x, map('type', 'float16')) | option type is float16; only BINARY has one, and"
            + " the first argument is ARRAY<FLOAT>. Remove it",
        "xent_softmax(array(1D), map('Type', 'float64')) | option type is float64; only BINARY has"
            + " one, and the first argument is ARRAY<DOUBLE>",
        "xent_softmax(array(1), map('type', 'float32')) | option type is float32; only BINARY has"
            + " one, and the first argument is ARRAY<INT>",
        "xent_loss(x, y, map('type', 'bfloat16')) | option type is bfloat16; only BINARY has one",
        "xent_partial_states(x, y, 0, 3, map('type', 'float32')) | option type is float32; only"
            + " BINARY has one",
        "xent_linear_loss(x, y, map('type', 'float32', 'weights', 'w')) | option type is float32;"
            + " only BINARY has one",
        "xent_loss(array(X'00'), 1, map('type', 'float32')) | option type is float32; partial"
            + " states have none. Remove it",
        "xent_cross_entropy(array(X'00'), 1, map('classes', '3')) | option classes is 3; partial"
            + " states have none. Remove it",
        "xent_needs_second_round(array(X'00'), 1, map('type', 'float32')) | option type is float32;"
            + " partial states have none",
        "xent_softmax(X'0000803F') | option type is missing; set it to the type of the binary"
            + " numbers, such as map('type', 'float32')",
        "try_xent_loss(X'0000803F', 0, map('classes', '1')) | option type is missing",
        "xent_linear_loss(X'0000803F', 0, map('weights', 'w')) | option type is missing",
        "xent_softmax(x, map(s, '1')) | the input `options` should be a foldable \"MAP<STRING,"
            + " STRING>\" expression",
        "xent_softmax(map('a', 1F)) | The first parameter requires the (\"ARRAY<FLOAT>\" or"
            + " \"ARRAY<DOUBLE>\" or \"BINARY\") type",
        "xent_softmax(array(1F), map('classes', '3')) | the row has length 1, option classes is 3",
        "xent_cross_entropy(x, 1.5F) | the label has the type FLOAT; expected whole numbers, or"
            + " probabilities in an array. Convert it: CAST(1.5 AS INT)",
        "xent_top_k(x, y) | the input `k` should be a foldable \"INT\" expression; however, got"
            + " \"y\"",
        "xent_top_k(x, 0) | \"xent_top_k(x, 0)\" due to data type mismatch: The `k` must be between"
            + " [1, 2147483647] (current value = 0)",
        "xent_top_k(x, 3000000000) | The `k` must be between [1, 2147483647] (current value ="
            + " 3000000000)",
        "xent_top_k(x, 4) | (t.x, 4), row 0 of partition 0: k is 4, the row has 3 classes: request"
            + " at most that number",
        "xent_cross_entropy(array(X'00'), 1) | the bytes hold no partial states",
        "xent_cross_entropy(CAST(array() AS ARRAY<BINARY>), 1) | the row has no states",
        "xent_cross_entropy(array(CAST(NULL AS BINARY)), 1) | state 0 of 1 is null; pass the states"
            + " of all shards",
        "xent_shard_gradient(x, 1, 0, 3, x) | The 5th parameter requires the \"ARRAY<BINARY>\""
            + " type",
        "xent_shard_log_softmax(x, y, 0, 3, array(X'00')) | The second parameter requires the"
            + " \"VOID\" type, however \"y\" has the type \"INT\"",
      })
  void refusals(String call, String message) {
    Dataset<Row> rows =
        spark.createDataFrame(
            List.of(RowFactory.create(new float[] {2, 1, 0}, 7, "temperature")),
            new StructType()
                .add("x", DataTypes.createArrayType(DataTypes.FloatType))
                .add("y", DataTypes.IntegerType)
                .add("s", DataTypes.StringType));
    rows.createOrReplaceTempView("t");
    assertThatThrownBy(() -> spark.sql("SELECT " + call + " FROM t").collectAsList())
        .hasStackTraceContaining(message);
  }

  /** Words that only Java reads as numbers, among them digits of other scripts. */
  @ParameterizedTest
  @ValueSource(strings = {"2d", "2D", "2f", "0x1p1", " 2", "2 ", "\uff12", ".", "2e", "NaN"})
  void onlyDecimalNumbers(String word) {
    for (String option : List.of("temperature", "denominator")) {
      assertNoNumber(option, word, "expected a decimal number");
    }
    for (String option : List.of("classes", "ignoreIndex")) {
      assertNoNumber(option, word, "expected a whole number");
    }
  }

  private void assertNoNumber(String option, String word, String why) {
    String call =
        "xent_cross_entropy_gradient(array(2F), 0, map('" + option + "', '" + word + "'))";
    assertThatThrownBy(() -> spark.sql("SELECT " + call))
        .as(call)
        .hasMessageContaining("option " + option + " is " + word + "; " + why);
  }

  /** In each function, also in the forms that do not compute with the option. */
  @Test
  void anEmptyValueIsRefused() {
    for (String call :
        List.of(
            "xent_softmax(array(2F), map('TYPE', ''))",
            "xent_top_k(array(2F), 1, map('TYPE', ''))",
            "xent_loss(array(2F), 0, map('TYPE', ''))",
            "xent_linear_loss(array(2F), 0, map('weights', 'w', 'TYPE', ''))",
            "xent_shard_log_softmax(array(2F), NULL, 0, 1, NULL, map('TYPE', ''))")) {
      String[] names = {"type", "classes", "temperature", "fullyMasked", "zLoss", "log", "bias"};
      for (String name : names) {
        String option = call.replace("TYPE", name);
        Throwable thrown = catchThrowable(() -> spark.sql("SELECT " + option));
        assertThat(thrown)
            .as(option)
            .message()
            .containsAnyOf(
                "option " + name + " is empty; expected a value, or no such option",
                "unknown option " + name);
      }
    }
    Column logits = col("logits");
    Dataset<Row> rows = Spark.rows(LOGITS);
    assertThatThrownBy(() -> rows.select(XentFunctions.softmax(logits, Map.of("temperature", ""))))
        .hasMessageContaining("option temperature is empty");
    assertThatThrownBy(
            () ->
                new ShardedLoss(
                        rows.selectExpr("id AS row", "0L AS first_class", "logits", "label"),
                        CLASSES,
                        Map.of("classes", ""))
                    .losses())
        .hasMessageContaining("option classes is empty");
  }

  /** Options that a function does not compute with are read as in all others. */
  @Test
  void optionsOfAShardWithoutLabelAreChecked() {
    assertThatThrownBy(
            () ->
                spark.sql(
                    "SELECT xent_partial_states(array(2F), NULL, 0, 1, map('labelSmoothing',"
                        + " 'x'))"))
        .hasMessageContaining("option labelSmoothing is x; expected a decimal number");
  }

  @ParameterizedTest
  @ValueSource(strings = {"2", "+2", "2.", "2.0", ".2e1", "20E-1"})
  void decimalNumbers(String word) {
    String call = "xent_softmax(array(2F, 1F, 0F), map('temperature', '%s'))";
    assertThat(Spark.floats(spark.sql("SELECT " + call.replace("%s", word)).first(), 0))
        .isEqualTo(Spark.floats(spark.sql("SELECT " + call.replace("%s", "2")).first(), 0));
  }

  @Test
  void wholeNumbersBeyond64Bits() {
    assertNoNumber(
        "ignoreIndex", "9223372036854775808", "expected a whole number from -2^63 to 2^63 - 1");
  }

  /** NULL may stand for a column of any type. */
  @Test
  void nullHasTheTypeOfBinary() {
    Dataset<Row> nulls = spark.sql("SELECT xent_softmax(NULL, map('type', 'float64'))");
    assertThat(nulls.first().isNullAt(0)).isTrue();
    assertThat(nulls.schema().fields()[0].dataType().simpleString()).isEqualTo("array<double>");
  }

  /** What `DESCRIBE FUNCTION EXTENDED` shows is what the examples give. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void examples(boolean tries) {
    for (SqlFunction function : SqlFunction.values()) {
      assertExample(function, tries);
    }
  }

  private void assertExample(SqlFunction function, boolean tries) {
    List<String> lines = function.info(tries).getExamples().lines().map(String::strip).toList();
    int at = lines.indexOf("Examples:");
    spark.sparkContext().addFile(Spark.example("weights.npy").toString());
    String name = function.sqlName(tries);
    String query = lines.get(at + 1).replaceFirst("^> (.*);$", "$1").replace("_FUNC_", name);
    String shown = spark.sql("SELECT CAST((" + query + ") AS STRING)").first().getString(0);
    String column = spark.sql(query).schema().fields()[0].dataType().typeName();
    assertThat(column.equals("struct") ? json(query) : shown.replace(", ", ","))
        .isEqualTo(lines.get(at + 2));
    assertThat(spark.sql("DESCRIBE FUNCTION EXTENDED " + name).collectAsList().toString())
        .contains(name + "(", "* options - ", "Since: 0.1.0");
  }

  private String json(String query) {
    return spark.sql(query).toJSON().first().replaceFirst("^\\{\"[^\"]*\":(.*)\\}$", "$1");
  }

  @Test
  void columnsHaveTheNameOfTheCall() {
    assertThat(
            Spark.rows(LOGITS)
                .selectExpr("xent_softmax(logits, map('temperature', '2'))")
                .columns())
        .containsExactly("xent_softmax(logits, {temperature=2})");
  }

  @Test
  void allAreThere() {
    assertThat(spark.sql("SHOW FUNCTIONS LIKE 'xent_*|try_xent_*'").collectAsList())
        .hasSize(2 * SqlFunction.values().length);
  }

  @Test
  void withoutOptions() {
    Dataset<Row> rows = Spark.rows(LOGITS);
    Column x = col("logits");
    Column y = col("label");
    List<List<Column>> same =
        List.of(
            List.of(XentFunctions.softmax(x), XentFunctions.softmax(x, null)),
            List.of(XentFunctions.topK(x, 2), XentFunctions.topK(x, 2, Map.of())),
            List.of(
                XentFunctions.crossEntropy(x, y),
                XentFunctions.crossEntropy(x, y, XentOptions.none().badRowsAsNull())));
    for (List<Column> columns : same) {
      Row row = rows.select(columns.get(0), columns.get(1)).first();
      assertThat(row.get(0)).isNotNull().isEqualTo(row.get(1));
    }
    Row losses = rows.agg(XentFunctions.loss(x, y), XentFunctions.loss(x, y, null)).first();
    assertThat(losses.get(0)).isEqualTo(losses.get(1));
  }

  /** Plans of the same call are equal, in whichever order a map has its options. */
  @Test
  void optionsAreInOneOrder() {
    Map<String, String> options = new LinkedHashMap<>();
    for (String name : List.of("topK", "temperature", "softcap", "classes")) {
      options.put(name, "2");
    }
    assertThat(XentFunctions.loss(col("x"), col("y"), options))
        .hasToString(XentFunctions.loss(col("x"), col("y"), new TreeMap<>(options)).toString())
        .asString()
        .contains("softcap");
  }

  @Test
  void nullArgumentsAreNamed() {
    assertThatThrownBy(() -> XentFunctions.softmax(null, Map.of()))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("logits");
    assertThatThrownBy(() -> XentFunctions.crossEntropy(col("x"), null, Map.of()))
        .hasMessage("label");
    assertThatThrownBy(() -> new XentExtensions().apply(null)).hasMessage("extensions");
    assertThatThrownBy(() -> new ShardedLoss(null, 1, Map.of())).hasMessage("shards");
  }
}
