// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import dev.xent.internal.kernels.Status;
import java.lang.foreign.MemorySegment;

/** The arrays of a call: types, strides, extents, NULLs, alignment, overlaps. */
final class ArrayChecks {
  private static final int MOST = 24;

  private final ArrayArgument[] arrays = new ArrayArgument[MOST];
  private final Extent extent = new Extent();
  private int count;

  ArrayChecks() {
    for (int i = 0; i < MOST; i++) {
      arrays[i] = new ArrayArgument();
    }
  }

  /** Forgets all arrays: no segment outlives its call. */
  void clear() {
    for (int i = 0; i < count; i++) {
      arrays[i].address = MemorySegment.NULL;
    }
    count = 0;
  }

  ArrayArgument read(MemorySegment address, Layout layout, int field, int types) {
    return add(address, layout, field, types, false);
  }

  ArrayArgument written(MemorySegment address, Layout layout, int field, int types) {
    return add(address, layout, field, types, true);
  }

  private ArrayArgument add(
      MemorySegment address, Layout layout, int field, int types, boolean isWritten) {
    ArrayArgument array = arrays[count++];
    array.begin(address, layout, field, types, isWritten);
    return array;
  }

  /** Checks all that have been named, in their order, then their overlaps. */
  int check(Call call) {
    Shape shape = call.shape;
    Report report = call.report;
    for (int i = 0; i < count; i++) {
      call.general |= isNarrowOrWide(arrays[i]);
      int status = checkOne(arrays[i], call);
      if (status != Status.OK) {
        return status;
      }
    }
    for (int i = 0; i < count; i++) {
      if (arrays[i].written
          && !arrays[i].isNull()
          && (overlapsAnother(i, shape) || RowOffsets.areIn(call, arrays[i]))) {
        return report.refuse(Status.OVERLAP, arrays[i].field, 0);
      }
    }
    return Status.OK;
  }

  private static boolean isNarrowOrWide(ArrayArgument a) {
    return !a.isNull() && ElementType.isNarrowOrWide(a.layout.type);
  }

  private int checkOne(ArrayArgument a, Call call) {
    Report report = call.report;
    if (a.optional && a.isNull()) {
      return Status.OK;
    }
    int status = checkLayout(a, report);
    if (status != Status.OK) {
      return status;
    }
    int elementSize = ElementType.byteSize(a.layout.type);
    extent.set(call, a);
    a.bytes = extent.bytes(elementSize);
    if (a.bytes < 0) {
      return report.refuse(Status.INVALID_SHAPE, a.field, a.layout.outer);
    }
    if (a.bytes == 0) {
      return Status.OK;
    }
    if (a.isNull() || !Addresses.isAligned(a.address, elementSize)) {
      return report.refuse(Status.INVALID_ARGUMENT, a.field, 0);
    }
    if (a.written && !extent.isApart()) {
      return report.refuse(Status.OVERLAP, a.field, 0);
    }
    return Status.OK;
  }

  private static int checkLayout(ArrayArgument a, Report report) {
    Layout l = a.layout;
    if (!ElementType.exists(l.type)) {
      return report.refuse(Status.INVALID_ARGUMENT, a.field, l.type);
    }
    if (!ElementType.isIn(l.type, a.types)) {
      return report.refuse(Status.UNSUPPORTED, a.field, l.type);
    }
    if (l.reserved != 0) {
      return report.refuse(Status.UNSUPPORTED, a.field, l.reserved);
    }
    if (l.outer < 0) {
      return report.refuse(Status.INVALID_SHAPE, a.field, l.outer);
    }
    if ((a.entries != 0 || !a.perRow) && l.classes < 0) {
      return report.refuse(Status.INVALID_SHAPE, a.field, l.classes);
    }
    if (l.inner < 0) {
      return report.refuse(Status.INVALID_SHAPE, a.field, l.inner);
    }
    return Status.OK;
  }

  private boolean overlapsAnother(int i, Shape shape) {
    for (int j = 0; j < count; j++) {
      if (i != j
          && !arrays[j].isNull()
          && arrays[i].overlaps(arrays[j])
          && !arrays[i].isInPlaceOf(arrays[j], shape)) {
        return true;
      }
    }
    return false;
  }
}
