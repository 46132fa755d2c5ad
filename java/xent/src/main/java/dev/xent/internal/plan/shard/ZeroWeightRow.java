// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.shard;

import dev.xent.internal.ffi.xent_layout;
import dev.xent.internal.ffi.xent_options;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.ShapeStruct;
import dev.xent.internal.plan.arrays.CallArray;
import dev.xent.internal.plan.call.Call;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The structs for a row with weight 0, for kernels that do not support row weights. They declare at
 * most one target class, and that class as the ignore index. So the states are those of an ignored
 * row.
 */
final class ZeroWeightRow {
  final MemorySegment shape = ShapeStruct.allocate(Arena.ofAuto());
  final MemorySegment options = Arena.ofAuto().allocate(xent_options.layout());

  private ZeroWeightRow() {}

  /** The structs of a row of the current piece, whose targets are class indices or sparse. */
  static ZeroWeightRow of(Call call, long row) {
    ZeroWeightRow own = call.scratch(ZeroWeightRow.class, made -> new ZeroWeightRow());
    own.take(call, row);
    return own;
  }

  private void take(Call call, long row) {
    CallArray targets = call.array(Array.TARGETS);
    long place = targets.at(call.pieces, row);
    shape.copyFrom(call.structs.shape);
    options.copyFrom(call.structs.options);
    if (targets.isU64()) {
      xent_layout.type(
          ShapeStruct.layout(shape, Array.TARGETS),
          ElementType.I64.number()); // any integer can be an ignore index
    }
    ShapeStruct.targetCount(shape, Math.min(call.targetCount, 1));
    xent_options.has_ignore_index(options, 1);
    xent_options.ignore_index(options, targets.view.type.getInteger(targets.segment(), place));
  }
}
