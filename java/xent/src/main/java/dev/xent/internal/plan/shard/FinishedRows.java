// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.shard;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.RowStatistics;
import dev.xent.errors.PartialStatesException;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.plan.arrays.NullChecks;
import dev.xent.internal.plan.call.Checked;
import dev.xent.internal.plan.call.Run;
import dev.xent.internal.plan.options.Options;
import dev.xent.internal.plan.options.TargetKind;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The statistics of whole rows, folded from the states of all shards. Every shard needs them to
 * write its outputs.
 *
 * @param kind the kind of targets; null for a softmax
 * @param wide whether the states were computed in double
 * @param shape the shape of the rows, with all classes along the axis
 * @param axis the class axis
 * @param again the number of rows that need a second round
 * @param countedWeight the divisor of a mean, unless the operation uses another one
 * @param statistics an xent_statistics per row
 * @param exactSum the exact sum of the losses so far
 * @param options the options of the operation
 */
public record FinishedRows(
    @Nullable TargetKind kind,
    boolean wide,
    long[] shape,
    int axis,
    long again,
    double countedWeight,
    MemorySegment statistics,
    MemorySegment exactSum,
    Options options)
    implements RowStatistics {

  /** The statistics of an argument. */
  public static FinishedRows of(RowStatistics statistics, String name) {
    return (FinishedRows)
        NullChecks.require(statistics, name, "what an exchange or finish returned");
  }

  /** Rejects statistics that do not fit a call's targets, type, shape or options. */
  void require(Run run, Options operation) {
    require(operation);
    Checked call = run.call;
    if (kind != States.kindOf(call.kind)
        || wide != (call.leadType() == ElementType.F64)
        || axis != call.dimensions.axis
        || !call.dimensions.hasRowsOfEntries(shape)
        || call.shape.allClasses != shape[axis]) {
      throw new PartialStatesException(
          message(
              "the statistics are of %s %s%s with classes along axis %d, %s is %s and belongs to %s; expected statistics of the same rows",
              kind == null ? "softmax" : kind.text,
              Arrays.toString(shape),
              wide ? " in F64" : "",
              axis,
              Array.LOGITS.text,
              run.view(Array.LOGITS),
              plural(call.shape.allClasses, "class")));
    }
  }

  /** Rejects an operation whose options would produce other statistics. */
  void require(Options operation) {
    if (!operation.hasStatisticsOf(options, kind)) {
      throw new PartialStatesException(
          message(
              "the statistics are of another operation%s than this one%s; expected statistics of one operation",
              options.ofStatistics(kind), operation.ofStatistics(kind)));
    }
  }

  /** Rejects states of other rows than those of the first round. */
  void require(States states) {
    if (kind != states.kind()
        || wide != states.wide()
        || axis != states.axis()
        || !Arrays.equals(shape, states.shape())) {
      throw new PartialStatesException(
          message(
              "the statistics are of %s %s%s with classes along axis %d, the partial states are of %s; expected statistics of the same rows",
              kind == null ? "softmax" : kind.text,
              Arrays.toString(shape),
              wide ? " in F64" : "",
              axis,
              states));
    }
  }

  /** The description in error messages. */
  @Override
  public String toString() {
    return message(
        "%s of %s along axis %d, in %s%s",
        kind == null ? "softmax" : kind.text,
        Arrays.toString(shape),
        axis,
        wide ? "F64" : "F32",
        again > 0 ? ", " + plural(again, "row") + " for a second round" : "");
  }

  @Override
  public boolean needsSecondRound() {
    return again > 0;
  }

  @Override
  public long rows() {
    return States.rows(shape, axis);
  }

  /** Rejects rows that are not finished. */
  void requireFinished() {
    if (again > 0) {
      throw new PartialStatesException(
          plural(again, "row")
              + (again == 1 ? " needs" : " need")
              + " a second round: make the states once more, and finish again");
    }
  }
}
