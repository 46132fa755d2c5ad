// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import java.util.Arrays;
import java.util.Set;
import java.util.function.Supplier;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.catalyst.trees.CurrentOrigin;
import org.apache.spark.sql.catalyst.trees.Origin;
import org.apache.spark.sql.internal.SqlApiConf$;
import scala.Option;

/**
 * The line of a program that made a column, which Spark's errors name. Without it, they name a line
 * of Xent, because Spark only leaves out its own classes.
 */
final class CallSite {
  private static final Set<String> OURS =
      Set.of(
          CallSite.class.getName(),
          XentFunctions.class.getName(),
          ShardedLoss.class.getName(),
          SoftmaxTransformer.class.getName(),
          CrossEntropyEvaluator.class.getName());

  private CallSite() {}

  /** Makes a column whose origin is the caller of Xent. */
  static Column of(Supplier<Column> column) {
    Origin origin = CurrentOrigin.get();
    if (origin.stackTrace().isDefined()) {
      return column.get();
    }
    StackTraceElement[] trace = Thread.currentThread().getStackTrace();
    int caller = 1; // after getStackTrace
    while (caller < trace.length && OURS.contains(trace[caller].getClassName())) {
      caller++;
    }
    int depth = SqlApiConf$.MODULE$.get().stackTracesInDataFrameContext();
    int end = Math.min(trace.length, caller + depth);
    // As in Spark: the first element is the function that the others call.
    StackTraceElement[] context = Arrays.copyOfRange(trace, caller - 1, end);
    Origin located =
        origin.copy(
            origin.line(),
            origin.startPosition(),
            origin.startIndex(),
            origin.stopIndex(),
            origin.sqlText(),
            origin.objectType(),
            origin.objectName(),
            Option.apply(context),
            origin.pysparkErrorContext(),
            origin.positionMapper());
    return CurrentOrigin.withOrigin(located, column::get);
  }
}
