// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import dev.xent.DType;
import dev.xent.PartialStatesException;
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
 * @param tally of the losses so far
 */
public record FinishedRows(
    @Nullable TargetKind kind,
    boolean wide,
    long[] shape,
    int axis,
    long again,
    double countedWeight,
    MemorySegment statistics,
    MemorySegment tally) {

  /** Refuses rows of something else. */
  void require(Call call, @Nullable TargetKind given) {
    boolean sameKind = given == null ? kind == null : kind == States.kindOf(given);
    if (!sameKind
        || wide != (call.lead().type == DType.F64)
        || axis != call.dimensions.axis
        || !call.dimensions.hasRowsOfEntries(shape)
        || call.allClasses != shape[axis]) {
      throw new PartialStatesException(
          "the statistics are of %s %s%s with classes along axis %d, %s is %s and belongs to %d classes: give those of the same rows"
              .formatted(
                  kind == null ? "softmax" : kind.text,
                  Arrays.toString(shape),
                  wide ? " in F64" : "",
                  axis,
                  call.leading().name,
                  call.lead(),
                  call.allClasses));
    }
  }

  /** Refuses states of other rows than those of which the first round was. */
  void require(States states) {
    if (kind != states.kind()
        || wide != states.wide()
        || axis != states.axis()
        || !Arrays.equals(shape, states.shape())) {
      throw new PartialStatesException(
          "the statistics are of %s %s%s with classes along axis %d, the partial states are of %s: give those of the same rows"
              .formatted(
                  kind == null ? "softmax" : kind.text,
                  Arrays.toString(shape),
                  wide ? " in F64" : "",
                  axis,
                  states));
    }
  }

  /** The number of rows. */
  public long rows() {
    return States.rows(shape, axis);
  }

  /** Refuses rows that are not finished. */
  void requireFinished() {
    if (again > 0) {
      throw new PartialStatesException(
          again + " rows need a second round: make their states once more, and finish again");
    }
  }
}
