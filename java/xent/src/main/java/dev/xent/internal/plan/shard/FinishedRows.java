// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.shard;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.errors.PartialStatesException;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.plan.call.Call;
import dev.xent.internal.plan.options.Options;
import dev.xent.internal.plan.options.TargetKind;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What folding the states of whole rows gave: their statistics, which every shard writes with.
 *
 * @param kind of the targets; null: there are none
 * @param wide whether they were computed in double
 * @param shape of the rows, with all classes along the axis
 * @param axis of the classes
 * @param again how many rows need a second round
 * @param countedWeight what a mean divides by, unless the operation knows another number
 * @param statistics an xent_statistics per row
 * @param exactSum of the losses so far
 * @param options of the operation
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
    Options options) {

  /** Refuses rows of something else. */
  void require(Call call, @Nullable TargetKind given, Options operation) {
    require(operation);
    boolean sameKind = given == null ? kind == null : kind == States.kindOf(given);
    if (!sameKind
        || wide != (call.lead().type == ElementType.F64)
        || axis != call.dimensions.axis
        || !call.dimensions.hasRowsOfEntries(shape)
        || call.allClasses != shape[axis]) {
      throw new PartialStatesException(
          message(
              "the statistics are of %s %s%s with classes along axis %d, %s is %s and belongs to %s; expected statistics of the same rows",
              kind == null ? "softmax" : kind.text,
              Arrays.toString(shape),
              wide ? " in F64" : "",
              axis,
              call.leading().name,
              call.lead(),
              plural(call.allClasses, "class")));
    }
  }

  /** Refuses an operation with options of which the statistics would be others. */
  void require(Options operation) {
    if (!operation.hasStatisticsOf(options, kind)) {
      throw new PartialStatesException(
          message(
              "the statistics are of another operation%s than this one%s; expected statistics of one operation",
              options.ofStatistics(kind), operation.ofStatistics(kind)));
    }
  }

  /** Refuses states of other rows than those of which the first round was. */
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

  /** In messages. */
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

  /** The number of rows. */
  public long rows() {
    return States.rows(shape, axis);
  }

  /** Refuses rows that are not finished. */
  void requireFinished() {
    if (again > 0) {
      throw new PartialStatesException(
          plural(again, "row")
              + (again == 1 ? " needs" : " need")
              + " a second round: make the states once more, and finish again");
    }
  }
}
