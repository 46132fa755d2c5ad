// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.CallShape;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.plan.arrays.Layout;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The structs for a row with weight 0, for kernels that do not support row weights. They declare at
 * most one target class, and that class as the ignore index. So the states are those of an ignored
 * row.
 */
final class ZeroWeightRow {
  final CallShape shape = new CallShape();
  final MemorySegment options = Arena.ofAuto().allocate(xent_options.layout());

  private ZeroWeightRow() {}

  /** The structs of a row of the current piece, whose targets are class indices or sparse. */
  static ZeroWeightRow of(Run run, long row) {
    ZeroWeightRow own = run.scratch(ZeroWeightRow.class, ZeroWeightRow::new);
    own.take(run, row);
    return own;
  }

  private void take(Run run, long row) {
    Layout targets = run.array(Array.TARGETS);
    long place = targets.at(run.call.pieces, row);
    shape.copyFrom(run.call.shape);
    options.copyFrom(run.call.options);
    if (targets.type == ElementType.U64) {
      shape.type(Array.TARGETS, ElementType.I64); // any integer can be an ignore index
    }
    shape.targetCount = Math.min(run.call.shape.targetCount, 1);
    xent_options.has_ignore_index(options, 1);
    xent_options.ignore_index(options, targets.type.getInteger(run.segment(Array.TARGETS), place));
  }
}
