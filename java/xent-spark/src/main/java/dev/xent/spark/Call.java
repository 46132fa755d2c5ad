// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static dev.xent.spark.Messages.message;
import static scala.jdk.javaapi.CollectionConverters.asJava;

import dev.xent.errors.LabelException;
import dev.xent.errors.XentException;
import java.io.Serializable;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.spark.QueryContext;
import org.apache.spark.SparkRuntimeException;
import org.apache.spark.sql.catalyst.expressions.Cast;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.trees.CurrentOrigin;
import org.apache.spark.sql.types.DataType;
import scala.collection.immutable.Seq;

/**
 * A call as written in the query, for messages: in tasks, columns have numbers instead of names.
 *
 * @param function its name
 * @param written the function with its columns and options
 * @param types of its arguments
 * @param result the type of its results
 * @param context its place in the query
 */
record Call(
    String function, String written, String types, String result, List<QueryContext> context)
    implements Serializable {
  /** The call that Spark is reading. */
  static Call of(String function, Seq<Expression> arguments, String options, DataType result) {
    return new Call(
        function,
        RowExpression.call(function, arguments, Call::written, options),
        asJava(arguments).stream()
            .map(argument -> argument.dataType().simpleString())
            .collect(Collectors.joining(", ")),
        result.typeName(),
        List.of(CurrentOrigin.get().getQueryContext()));
  }

  /** An argument without the cast that {@link Arguments} adds. */
  private static String written(Expression argument) {
    return argument instanceof Cast cast && cast.getTagValue(Cast.USER_SPECIFIED_CAST()).isEmpty()
        ? cast.child().sql()
        : argument.sql();
  }

  /**
   * The error for a rejected row.
   *
   * @param row its number in the partition
   * @param otherwise an alternative for the user, or an empty string
   */
  SparkRuntimeException refused(
      long partition, long row, IllegalArgumentException cause, String otherwise) {
    // Xent has read a single row, so its row number is replaced.
    String why =
        cause instanceof LabelException label
            ? message(
                "label %d is not in [0, %d); correct it, or set option ignoreIndex to leave such rows"
                    + " out",
                label.label(), label.classes())
            : cause instanceof XentException e && "firstClass".equals(e.argument())
                ? message("first_class is %s; expected %s", e.value(), e.expected())
                : cause.getMessage();
    return failed(
        message("%s, row %d of partition %d: %s%s", written, row, partition, why, otherwise),
        cause);
  }

  /** A failure, with Spark's condition and SQLSTATE for user-defined functions. */
  SparkRuntimeException failed(String reason, RuntimeException cause) {
    return new SparkRuntimeException(
        "FAILED_EXECUTE_UDF",
        AnalysisErrors.scalaMap(
            Map.of(
                "functionName", function, "signature", types, "result", result, "reason", reason)),
        cause,
        context.toArray(QueryContext[]::new),
        context.stream().map(QueryContext::summary).collect(Collectors.joining()));
  }

  /** As plans show it. */
  @Override
  public String toString() {
    return written;
  }
}
