// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.Field;
import dev.xent.internal.kernels.Form;
import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.reference.call.Addresses;
import dev.xent.internal.kernels.reference.call.Layout;
import dev.xent.internal.kernels.reference.call.Report;
import java.lang.foreign.MemorySegment;

/** The arrays of a call: types, strides, extents, NULLs, alignment, overlaps. */
final class ArrayChecks {
  /** Of each array, from the first to behind the last element; 0 where it is absent. */
  private final long[] bytes = new long[32];

  private final Extent extent = new Extent();

  /** Checks all arrays of a function, in their order, then their overlaps. */
  int check(Call call) {
    ArrayRule[] rules = Rules.of(call.function);
    int status = RowOffsets.check(call);
    if (status != Status.OK) {
      return status;
    }
    if (Rules.TARGET_WEIGHTS.isIn(call) && call.shape.targetCount == 0) {
      // They belong to the classes of sparse rows.
      return call.report.refuse(Status.INVALID_ARGUMENT, Field.TARGET_WEIGHTS, 0);
    }
    for (int i = 0; i < rules.length; i++) {
      ArrayRule rule = rules[i];
      status = checkOne(call, rule, Rules.isNeeded(call.function, i) || rule.isNeeded(call), i);
      if (status != Status.OK) {
        return status;
      }
    }
    for (int i = 0; i < rules.length; i++) {
      if (rules[i].written && bytes[i] != 0 && overlapsAnother(call, rules, i)) {
        return call.report.refuse(Status.OVERLAP, rules[i].field, 0);
      }
    }
    return Status.OK;
  }

  private int checkOne(Call call, ArrayRule rule, boolean needed, int i) {
    bytes[i] = 0;
    MemorySegment array = rule.of(call);
    if (Addresses.isNull(array) && !needed) {
      return Status.OK;
    }
    Layout layout = rule.layout(call);
    Form form = rule.form(call);
    int status = checkLayout(call, rule, form, layout);
    if (status != Status.OK) {
      return status;
    }
    int elementSize = ElementType.of(layout.type).byteSize();
    extent.set(call, form, layout);
    long span = extent.bytes(elementSize);
    if (span < 0) {
      if (form != Form.OFFSETS) {
        long stride = form == Form.ONE_ROW ? layout.classes : layout.outer;
        return call.report.refuse(Status.INVALID_SHAPE, rule.field, stride);
      }
      span = Long.MAX_VALUE;
    }
    if (span == 0) {
      return Status.OK;
    }
    if (Addresses.isNull(array) || !Addresses.isAligned(array, elementSize)) {
      return call.report.refuse(Status.INVALID_ARGUMENT, rule.field, 0);
    }
    if (rule.written && !extent.isApart()) {
      return call.report.refuse(Status.OVERLAP, rule.field, 0);
    }
    bytes[i] = span;
    return Status.OK;
  }

  private static int checkLayout(Call call, ArrayRule rule, Form form, Layout l) {
    Report report = call.report;
    if (!ElementType.exists(l.type)) {
      return report.refuse(Status.INVALID_ARGUMENT, rule.field, l.type);
    }
    if (!rule.holds(l.type, call)) {
      return report.refuse(Status.UNSUPPORTED, rule.field, l.type);
    }
    if (l.reserved != 0) {
      return report.refuse(Status.UNSUPPORTED, rule.field, l.reserved);
    }
    boolean ofRows = form != Form.ONE_ROW && form != Form.OFFSETS;
    if (ofRows && l.outer < 0) {
      return report.refuse(Status.INVALID_SHAPE, rule.field, l.outer);
    }
    if (form != Form.PER_ROW && form != Form.OFFSETS && l.classes < 0) {
      return report.refuse(Status.INVALID_SHAPE, rule.field, l.classes);
    }
    return ofRows && l.inner < 0
        ? report.refuse(Status.INVALID_SHAPE, rule.field, l.inner)
        : Status.OK;
  }

  private boolean overlapsAnother(Call call, ArrayRule[] rules, int i) {
    ArrayRule written = rules[i];
    for (int j = 0; j < rules.length; j++) {
      ArrayRule other = rules[j];
      if (i != j
          && bytes[j] != 0
          && Addresses.overlap(written.of(call), bytes[i], other.of(call), bytes[j])
          && !written.isInPlaceOf(other, call)) {
        return true;
      }
    }
    return false;
  }
}
