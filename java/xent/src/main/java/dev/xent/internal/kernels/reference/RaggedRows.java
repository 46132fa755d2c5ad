// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.Array.ROW_OFFSETS;

import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Field;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.reference.call.GivenArrays;

/** Checks the offsets of ragged rows: rows + 1 numbers that never decrease. */
final class RaggedRows {
  private RaggedRows() {}

  /**
   * Checks the offsets of the call's rows, if rows are ragged. Sets whether they are, and where they
   * end.
   */
  static int check(ReferenceCall call) {
    if (!GivenArrays.has(call.given.of(ROW_OFFSETS))) {
      return Status.OK;
    }
    long before = at(call, call.rowBegin);
    boolean negative = before < 0;
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      long after = at(call, row + 1);
      if (negative || after < before || after - before > call.shape.classes) {
        return call.report.refuseShape(Field.ROW_OFFSETS, row, negative ? before : after);
      }
      before = after;
    }
    call.raggedEnd = before;
    call.ragged = true;
    return Status.OK;
  }

  private static long at(ReferenceCall call, long row) {
    return ElementType.of(call.shape.of(ROW_OFFSETS).type)
        .getInteger(call.given.of(ROW_OFFSETS), row);
  }
}
