// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Status;
import java.lang.foreign.MemorySegment;

/** What a call has to say: {@code xent_report}, handed out when the call ends. */
final class Report {
  long counted;
  long again;

  private final SizedStruct out = new SizedStruct(xent_report.layout());

  private int field;
  private long row;
  private long label;
  private long integer;
  private double value;

  void clear() {
    counted = 0;
    again = 0;
    field = XentH.XENT_FIELD_NONE();
    row = -1;
    label = 0;
    integer = 0;
    value = 0;
  }

  /** A refusal that speaks of a field and a number. */
  int refuse(int status, int ofField, long number) {
    field = ofField;
    integer = number;
    return status;
  }

  /** A refusal of an option's value. */
  int refuseOption(int ofField, double number) {
    field = ofField;
    value = number;
    return Status.INVALID_OPTION;
  }

  /** A refusal of a label. */
  int refuseLabel(long ofRow, long number) {
    field = XentH.XENT_FIELD_TARGETS();
    row = ofRow;
    label = number;
    return Status.INVALID_LABEL;
  }

  /** A refusal of the states of a row. */
  int refuseStates(long ofRow) {
    field = XentH.XENT_FIELD_STATES();
    row = ofRow;
    return Status.INVALID_ARGUMENT;
  }

  /** Hands the report out where it is wanted. */
  void store(MemorySegment report) {
    if (!SizedStruct.isUsable(report)) {
      return;
    }
    MemorySegment struct = out.struct;
    xent_report.field(struct, field);
    xent_report.row(struct, row);
    xent_report.label(struct, label);
    xent_report.integer(struct, integer);
    xent_report.value(struct, value);
    xent_report.counted(struct, counted);
    xent_report.denominator(struct, (double) counted);
    xent_report.again(struct, again);
    out.store(report);
  }
}
