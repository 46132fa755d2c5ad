// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.spark.SparkRuntimeException;
import org.apache.spark.SparkThrowable;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The rules of Spark's own functions, each of every function and of its form that tries. */
class SqlRulesTest {
  private static final String X = "array(2F, 1F, 0F, -1F)";
  private static final Map<SqlFunction, Map<String, String>> CALLS =
      Map.ofEntries(
          call(SqlFunction.SOFTMAX, "logits", X),
          call(SqlFunction.LOG_SOFTMAX, "logits", X),
          call(SqlFunction.SIGMOID, "logits", X),
          call(SqlFunction.LOG_SIGMOID, "logits", X),
          call(SqlFunction.ARGMAX, "logits", X),
          call(SqlFunction.ENTROPY, "logits", X),
          call(SqlFunction.LOG_SUM_EXP, "logits", X),
          call(SqlFunction.TOP_K, "logits", X, "k", "2"),
          call(SqlFunction.CROSS_ENTROPY, "logits", X, "label", "1", "weight", "2"),
          call(SqlFunction.CROSS_ENTROPY_GRADIENT, "logits", X, "label", "1", "weight", "2"),
          call(
              SqlFunction.BINARY_CROSS_ENTROPY,
              "logits",
              X,
              "label",
              "array(1, 0, 0.5, 1)",
              "weight",
              "2"),
          call(SqlFunction.SAMPLE, "logits", X, "stream", "7", "step", "1"),
          call(SqlFunction.LOSS, "logits", X, "label", "1", "weight", "2"),
          call(
              SqlFunction.LINEAR_LOSS,
              "hidden",
              X,
              "label",
              "1",
              "weight",
              "2",
              "options",
              "map('weights', '" + Spark.example("weights.npy") + "')"),
          call(
              SqlFunction.PARTIAL_STATES,
              "logits",
              X,
              "label",
              "1",
              "first_class",
              "0",
              "all_classes",
              "4",
              "states",
              states("1"),
              "weight",
              "2"),
          call(
              SqlFunction.SHARD_GRADIENT,
              "logits",
              X,
              "label",
              "1",
              "first_class",
              "0",
              "all_classes",
              "4",
              "states",
              states("1"),
              "weight",
              "2"),
          call(
              SqlFunction.SHARD_LOG_SOFTMAX,
              "logits",
              X,
              "label",
              "NULL",
              "first_class",
              "0",
              "all_classes",
              "4",
              "states",
              states("NULL")),
          call(SqlFunction.NEEDS_SECOND_ROUND, "states", states("1"), "label", "1", "weight", "2"));

  /** Functions for which no label has a meaning. */
  private static final Set<SqlFunction> UNLABELLED =
      Set.of(
          SqlFunction.PARTIAL_STATES,
          SqlFunction.SHARD_LOG_SOFTMAX,
          SqlFunction.NEEDS_SECOND_ROUND);

  private final SparkSession spark = Spark.session();

  private static String states(String label) {
    return "array(xent_partial_states(" + X + ", " + label + ", 0, 4))";
  }

  private static Map.Entry<SqlFunction, Map<String, String>> call(
      SqlFunction function, String... namesAndValues) {
    Map<String, String> arguments = new LinkedHashMap<>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      arguments.put(namesAndValues[i], namesAndValues[i + 1]);
    }
    return Map.entry(function, Collections.unmodifiableMap(arguments));
  }

  static Stream<Arguments> functions() {
    return Stream.of(SqlFunction.values())
        .flatMap(function -> Stream.of(arguments(function, ""), arguments(function, "try_")));
  }

  /** Functions of rows that begin with numbers, not with states. */
  static Stream<Arguments> functionsOfNumbers() {
    return functions()
        .filter(function -> !rowParameter((SqlFunction) function.get()[0]).equals("states"));
  }

  /** Each parameter for which NULL returns NULL. */
  static Stream<Arguments> nullableParameters() {
    return parameters()
        .filter(
            parameter ->
                !parameter.get()[2].equals("k")
                    && !(parameter.get()[2].equals("label")
                        && UNLABELLED.contains(parameter.get()[0])));
  }

  /** Each parameter but options. */
  static Stream<Arguments> parameters() {
    return functions()
        .flatMap(
            function ->
                CALLS.get(function.get()[0]).keySet().stream()
                    .filter(name -> !name.equals("options"))
                    .map(name -> arguments(function.get()[0], function.get()[1], name)));
  }

  private static String name(SqlFunction function, String form) {
    return form + "xent_" + function.name().toLowerCase(Locale.ROOT);
  }

  private static boolean isAggregate(SqlFunction function) {
    return function == SqlFunction.LOSS || function == SqlFunction.LINEAR_LOSS;
  }

  private static String positional(
      SqlFunction function, String form, Map<String, String> arguments) {
    return name(function, form) + "(" + String.join(", ", arguments.values()) + ")";
  }

  /** The arguments with another one, at the end if the name is new. */
  private static Map<String, String> with(SqlFunction function, String name, String value) {
    Map<String, String> arguments = new LinkedHashMap<>(CALLS.get(function));
    arguments.put(name, value);
    return arguments;
  }

  private static String rowParameter(SqlFunction function) {
    return CALLS.get(function).keySet().iterator().next();
  }

  private Object result(String call) {
    return spark.sql("SELECT " + call + " FROM range(0, 1, 1, 1)").first().get(0);
  }

  private DataType type(String call) {
    return spark.sql("SELECT " + call).schema().fields()[0].dataType();
  }

  private Throwable thrown(String call) {
    return catchThrowable(
        () -> spark.sql("SELECT " + call + " FROM range(0, 1, 1, 1)").collectAsList());
  }

  private void assertRefused(String call, String condition, String state) {
    Throwable thrown = thrown(call);
    assertThat(thrown).as(call).isInstanceOf(AnalysisException.class);
    AnalysisException refusal = (AnalysisException) thrown;
    assertThat(refusal.getCondition()).as(call).isEqualTo(condition);
    assertThat(refusal.getSqlState()).as(call).isEqualTo(state);
    assertThat(refusal.startPosition().get()).as("position of " + call).isEqualTo(7);
  }

  @ParameterizedTest
  @MethodSource("functions")
  void argumentsMayBeNamed(SqlFunction function, String form) {
    List<String> named = new ArrayList<>();
    CALLS.get(function).forEach((name, value) -> named.addFirst(name + " => " + value));
    if (function != SqlFunction.LINEAR_LOSS) {
      named.addFirst("OPTIONS => map()");
    }
    Object expected = result(positional(function, form, CALLS.get(function)));
    assertThat(result(name(function, form) + "(" + String.join(", ", named) + ")"))
        .isEqualTo(expected)
        .isNotNull();
  }

  @ParameterizedTest
  @MethodSource("functions")
  void otherNamesAndCountsAreRefused(SqlFunction function, String form) {
    String arguments = String.join(", ", CALLS.get(function).values());
    String name = name(function, form);
    assertRefused(name + "(" + arguments + ", heat => 2)", "UNRECOGNIZED_PARAMETER_NAME", "4274K");
    assertRefused(name + "()", "REQUIRED_PARAMETER_NOT_FOUND", "4274K");
    assertRefused(
        name + "(" + arguments + ", 1, 2, 3)", "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605");
    assertRefused(
        name + "(" + arguments + ", " + rowParameter(function) + " => " + X + ")",
        "DUPLICATE_ROUTINE_PARAMETER_ASSIGNMENT.BOTH_POSITIONAL_AND_NAMED",
        "4274K");
  }

  @ParameterizedTest
  @MethodSource("parameters")
  void anotherTypeIsRefused(SqlFunction function, String form, String parameter) {
    assertRefused(
        positional(function, form, with(function, parameter, "DATE'2026-01-01'")),
        "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE",
        "42K09");
  }

  /** Without a cast, as a literal. */
  @ParameterizedTest
  @MethodSource("nullableParameters")
  void nullGivesNull(SqlFunction function, String form, String parameter) {
    String call = positional(function, form, with(function, parameter, "NULL"));
    Object result = result(call);
    if (isAggregate(function)) {
      assertThat(((Row) result).<Long>getAs("nulls")).isEqualTo(1);
      assertThat(((Row) result).<Double>getAs("mean")).isNull();
    } else {
      assertThat(result).isNull();
    }
    assertThat(type(call)).isEqualTo(type(positional(function, form, CALLS.get(function))));
  }

  @ParameterizedTest
  @CsvSource({
    "NULL, UNEXPECTED_NULL",
    "CAST(NULL AS INT), UNEXPECTED_NULL",
    "0, VALUE_OUT_OF_RANGE",
    "-1, VALUE_OUT_OF_RANGE",
    "2147483648, VALUE_OUT_OF_RANGE",
    "CAST(id AS INT), NON_FOLDABLE_INPUT"
  })
  void countsThatCannotBeAreRefused(String k, String condition) {
    for (String form : List.of("", "try_")) {
      String call = positional(SqlFunction.TOP_K, form, with(SqlFunction.TOP_K, "k", k));
      assertRefused(call, "DATATYPE_MISMATCH." + condition, "42K09");
      assertThat(thrown(call))
          .hasMessageContaining(form + "xent_top_k(")
          .hasMessageContaining("`k`");
    }
  }

  /** A refused call is quoted as it was written. */
  @Test
  void namesOfArgumentsAreQuoted() {
    String call = "xent_top_k(logits => " + X + ", k => CAST(id AS INT))";
    assertThat(thrown(call))
        .hasMessageContaining(
            "Cannot resolve \"xent_top_k(logits => array(2.0, 1.0, 0.0, -1.0), k => CAST(id AS INT))\"");
  }

  @ParameterizedTest
  @MethodSource("functions")
  void optionsThatCannotBeAreRefused(SqlFunction function, String form) {
    Map<String, String> options =
        Map.of(
            "NULL", "UNEXPECTED_NULL",
            "CAST(NULL AS MAP<STRING, STRING>)", "UNEXPECTED_NULL",
            "3", "UNEXPECTED_INPUT_TYPE",
            "map('temperature', CAST(id AS STRING))", "NON_FOLDABLE_INPUT",
            "map('heat', '2')", "TYPE_CHECK_FAILURE_WITH_HINT",
            "map('temperature', 'hot')", "TYPE_CHECK_FAILURE_WITH_HINT",
            "map('temperature', '-1', 'weights', 'w')", "TYPE_CHECK_FAILURE_WITH_HINT",
            "map('temperature', CAST(NULL AS STRING))", "TYPE_CHECK_FAILURE_WITH_HINT",
            "map('softcap', '2', 'Softcap', '3')", "TYPE_CHECK_FAILURE_WITH_HINT");
    options.forEach(
        (value, condition) ->
            assertRefused(
                positional(function, form, with(function, "options", value)),
                "DATATYPE_MISMATCH." + condition,
                "42K09"));
    assertRefused(
        positional(function, form, with(function, "options", "map('temperature', 2)")),
        "INVALID_OPTIONS.NON_STRING_TYPE",
        "42K06");
  }

  /** Numbers that Spark casts to double, as it does for its own functions of real numbers. */
  @ParameterizedTest
  @MethodSource("functionsOfNumbers")
  void wholeNumbersAndDecimals(SqlFunction function, String form) {
    String parameter = rowParameter(function);
    boolean single = parameter.equals("hidden") || function == SqlFunction.SAMPLE;
    String type = single ? "FLOAT" : "DOUBLE";
    String floats = positional(function, form, CALLS.get(function));
    Object expected = result(floats.replace(X, "CAST(" + X + " AS ARRAY<" + type + ">)"));
    for (String given : List.of("array(2, 1, 0, -1)", "array(2.0, 1.0, 0.0, -1.0)")) {
      String call = floats.replace(X, given);
      assertThat(result(call)).as(call).isEqualTo(expected).isNotNull();
      assertThat(spark.sql("SELECT " + call).columns()[0]).doesNotContain("CAST(array");
    }
  }

  /** A null among logits, or bytes that are no states. */
  private static String ofBadRow(SqlFunction function, String form) {
    String parameter = rowParameter(function);
    String bad =
        parameter.equals("states")
            ? "array(CAST(CAST(id AS STRING) AS BINARY))"
            : "transform(" + X + ", e -> nullif(e, CAST(id AS FLOAT)))";
    return positional(function, form, with(function, parameter, bad));
  }

  @ParameterizedTest
  @MethodSource("functions")
  void aBadRow(SqlFunction function, String form) {
    String call = ofBadRow(function, form);
    if (form.isEmpty()) {
      SparkThrowable refusal = (SparkThrowable) thrown(call);
      assertThat(refusal).isInstanceOf(SparkRuntimeException.class);
      assertThat(refusal.getCondition()).isEqualTo("FAILED_EXECUTE_UDF");
      assertThat(refusal.getSqlState()).isEqualTo("39000");
      assertThat(refusal.getMessageParameters().get("functionName"))
          .isEqualTo(name(function, form));
      assertThat(refusal.getMessageParameters().get("reason"))
          .contains(", row 0 of partition 0: ", "; try_" + name(function, "") + " ");
      assertThat(refusal.getQueryContext()[0].fragment()).isEqualTo(call);
    } else if (isAggregate(function)) {
      assertThat(((Row) result(call)).<Long>getAs("nulls")).isEqualTo(1);
      assertThat(((Row) result(call)).<Long>getAs("rows")).isZero();
    } else {
      assertThat(result(call)).isNull();
    }
  }

  /** Good rows have the results of the other form. */
  @ParameterizedTest
  @MethodSource("functions")
  void goodRows(SqlFunction function, String form) {
    assertThat(result(positional(function, form, CALLS.get(function))))
        .isEqualTo(result(positional(function, "", CALLS.get(function))));
  }

  /** The signature of {@code DESCRIBE FUNCTION} has the names. */
  @ParameterizedTest
  @MethodSource("functions")
  void namesAreDescribed(SqlFunction function, String form) {
    String described =
        spark.sql("DESCRIBE FUNCTION EXTENDED " + name(function, form)).collectAsList().toString();
    String required =
        CALLS.get(function).keySet().stream()
            .filter(name -> !name.equals("states") || function != SqlFunction.PARTIAL_STATES)
            .filter(name -> !Set.of("weight", "step", "options").contains(name))
            .collect(Collectors.joining(", "));
    assertThat(described).contains(name(function, form) + "(" + required);
  }
}
