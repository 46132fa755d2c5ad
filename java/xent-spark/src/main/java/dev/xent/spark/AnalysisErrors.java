// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static dev.xent.spark.Messages.message;
import static scala.jdk.javaapi.CollectionConverters.asScala;

import dev.xent.errors.OptionException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.spark.QueryContext;
import org.apache.spark.QueryContextType;
import org.apache.spark.SparkThrowableHelper;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.catalyst.expressions.ExpectsInputTypes;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.NamedArgumentExpression;
import org.apache.spark.sql.catalyst.trees.CurrentOrigin;
import org.apache.spark.sql.catalyst.util.package$;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.NumericType;
import org.apache.spark.sql.types.StringType;
import scala.Option;

/**
 * Spark's errors for invalid arguments of a call, thrown while Spark reads the query: the
 * conditions and SQLSTATEs of Spark's own functions. Spark adds the place in the query.
 */
final class AnalysisErrors {
  private final String function;
  private final List<Expression> arguments;

  AnalysisErrors(String function, List<Expression> arguments) {
    this.function = function;
    this.arguments = arguments;
  }

  /** An argument of the wrong type. */
  RuntimeException wrongType(int index, Expression argument, DataType... needed) {
    return mismatch(
        "UNEXPECTED_INPUT_TYPE",
        Map.of(
            "paramIndex",
            ExpectsInputTypes.ordinalNumber(index),
            "requiredType",
            alternatives(needed),
            "inputSql",
            ExpectsInputTypes.toSQLExpr(argument),
            "inputType",
            ExpectsInputTypes.toSQLType(argument.dataType())));
  }

  private static String alternatives(DataType... types) {
    String all =
        Arrays.stream(types).map(ExpectsInputTypes::toSQLType).collect(Collectors.joining(" or "));
    return types.length == 1 ? all : "(" + all + ")";
  }

  /**
   * Numbers of the wrong type, with the conversion if there is one.
   *
   * @param what the numbers, in the plural
   */
  RuntimeException wrongNumbers(String what, Expression argument, DataType... needed) {
    DataType type = argument.dataType();
    String written = written(argument);
    String fix;
    if (type instanceof ArrayType array
        && (array.elementType() instanceof NumericType
            || array.elementType() instanceof StringType)) {
      fix = "Convert them: CAST(" + written + " AS ARRAY<FLOAT>)";
    } else if (type instanceof StringType) {
      fix = "Convert them: from_json(" + written + ", 'array<float>')";
    } else if (type instanceof NumericType) {
      fix = "For columns that have a class each: array(a, b, c)";
    } else {
      return wrongType(0, argument, needed);
    }
    String types =
        Arrays.stream(needed)
            .map(DataType::sql)
            .collect(Collectors.joining(", "))
            .replaceFirst(", (\\S+)$", " or $1");
    return mismatch(
        message("the %s have the type %s; expected %s. %s", what, type.sql(), types, fix));
  }

  /** An argument that is not a constant. */
  RuntimeException notConstant(String name, Expression argument, DataType type) {
    return mismatch(
        "NON_FOLDABLE_INPUT",
        Map.of(
            "inputName",
            ExpectsInputTypes.toSQLId(name),
            "inputType",
            ExpectsInputTypes.toSQLType(type),
            "inputExpr",
            ExpectsInputTypes.toSQLExpr(argument)));
  }

  /** A required argument that is NULL. */
  RuntimeException isNull(String name) {
    return mismatch("UNEXPECTED_NULL", Map.of("exprName", ExpectsInputTypes.toSQLId(name)));
  }

  /** A number that is too small or too large. */
  RuntimeException outOfRange(String name, String range, Number value) {
    return mismatch(
        "VALUE_OUT_OF_RANGE",
        Map.of(
            "exprName",
            ExpectsInputTypes.toSQLId(name),
            "valueRange",
            range,
            "currentValue",
            value.toString()));
  }

  /** An error for which Spark has no own condition. */
  RuntimeException mismatch(String why) {
    return mismatch("TYPE_CHECK_FAILURE_WITH_HINT", Map.of("msg", why, "hint", ""));
  }

  private RuntimeException mismatch(String kind, Map<String, String> parameters) {
    Map<String, String> all = new HashMap<>(parameters);
    all.put("sqlExpr", call());
    return thrown("DATATYPE_MISMATCH." + kind, all);
  }

  /** The call as Spark quotes expressions. */
  private String call() {
    return arguments.stream()
        .map(AnalysisErrors::written)
        .collect(Collectors.joining(", ", "\"" + function + "(", ")\""));
  }

  /** An argument as Spark quotes expressions. */
  static String written(Expression argument) {
    return argument instanceof NamedArgumentExpression named
        ? named.key() + " => " + written(named.value())
        : package$.MODULE$.toPrettySQL(argument, true);
  }

  /** Options that are not a map of strings. */
  RuntimeException noStrings(DataType type) {
    return thrown(
        "INVALID_OPTIONS.NON_STRING_TYPE", Map.of("mapType", ExpectsInputTypes.toSQLType(type)));
  }

  /** An unknown option, or an option with an invalid value. */
  RuntimeException option(OptionException refusal) {
    return mismatch(String.valueOf(refusal.getMessage()));
  }

  static scala.collection.immutable.Map<String, String> scalaMap(Map<String, String> map) {
    return scala.collection.immutable.Map$.MODULE$.from(asScala(map));
  }

  /** An error at the call. Spark adds the line of SQL to the message, but no other place. */
  private static RuntimeException thrown(String condition, Map<String, String> parameters) {
    QueryContext[] context = CurrentOrigin.get().getQueryContext();
    String summary =
        Arrays.stream(context)
            .filter(place -> place.contextType() == QueryContextType.DataFrame)
            .map(QueryContext::summary)
            .collect(Collectors.joining());
    return thrown(
        new AnalysisException(
            SparkThrowableHelper.getMessage(condition, scalaMap(parameters), summary),
            Option.empty(),
            Option.empty(),
            Option.empty(),
            Option.apply(condition),
            scalaMap(parameters),
            context));
  }

  /** Throws a checked exception that the Scala interface does not declare. */
  @SuppressWarnings("unchecked")
  private static <E extends Throwable> RuntimeException thrown(AnalysisException exception)
      throws E {
    throw (E) exception;
  }
}
