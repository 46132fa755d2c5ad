// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.kernels.Status;

/** Where ragged rows begin: rows + 1 numbers that do not fall. */
final class RowOffsets {
  private RowOffsets() {}

  /** Checks those of the call's rows, if rows are ragged. */
  static int check(Call call) {
    if (!CallArrays.has(call.given.rowOffsets)) {
      return Status.OK;
    }
    int field = XentH.XENT_FIELD_ROW_OFFSETS();
    int type = call.shape.rowOffsets.type;
    if (!ElementType.isIn(type, ElementType.CLASSES)) {
      return call.report.refuse(Status.UNSUPPORTED, field, type);
    }
    if (!Addresses.isAligned(call.given.rowOffsets, ElementType.byteSize(type))) {
      return call.report.refuse(Status.INVALID_ARGUMENT, field, 0);
    }
    if (call.shape.inner != 1) {
      return call.report.refuse(Status.INVALID_SHAPE, field, call.shape.inner);
    }
    long before = at(call, call.rowBegin);
    boolean negative = before < 0;
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      long after = at(call, row + 1);
      if (negative || after < before || after - before > call.shape.classes) {
        return call.report.refuseShape(field, row, negative ? before : after);
      }
      before = after;
    }
    call.raggedEnd = before;
    call.raggedElements = Math.max(at(call, call.shape.outer), before);
    call.ragged = true;
    call.general = true;
    return Status.OK;
  }

  /** Whether an array that is written has bytes of the offsets. */
  static boolean areIn(Call call, ArrayArgument written) {
    if (!call.ragged || written.bytes == 0) {
      return false;
    }
    long size = ElementType.byteSize(call.shape.rowOffsets.type);
    long bytes = (call.shape.outer + 1) * size; // the last of them has been read
    return Addresses.overlap(written.address, written.bytes, call.given.rowOffsets, bytes);
  }

  /** An offset as far as it lies within what was checked; it may have changed since. */
  static long within(Call call, long row) {
    return Math.clamp(at(call, row), 0, call.raggedEnd);
  }

  private static long at(Call call, long row) {
    return Labels.get(call.given.rowOffsets, call.shape.rowOffsets.type, row);
  }
}
