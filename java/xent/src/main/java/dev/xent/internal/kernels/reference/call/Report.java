// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.call;

import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Field;
import dev.xent.internal.kernels.Status;
import java.lang.foreign.MemorySegment;

/** What a call has to say: {@code xent_report}, handed out when the call ends. */
public final class Report {
  public long validRows;
  public long again;

  /** Where rows or classes have weights; else the denominator is the number of valid rows. */
  public double weight;

  public boolean weighted;

  private int field;
  private long row;
  private long label;
  private long integer;
  private double value;

  public void clear() {
    validRows = 0;
    again = 0;
    weight = 0;
    weighted = false;
    field = Field.NONE;
    row = -1;
    label = 0;
    integer = 0;
    value = 0;
  }

  /** A refusal that speaks of a field and a number. */
  public int refuse(int status, int ofField, long number) {
    field = ofField;
    integer = number;
    return status;
  }

  /** A refusal of a number that an array holds, with its index. */
  public int refuseValue(int status, int ofField, double number, long beside) {
    value = number;
    return refuse(status, ofField, beside);
  }

  /** A refusal of the shape of a row. */
  public int refuseShape(int ofField, long ofRow, long number) {
    row = ofRow;
    return refuse(Status.INVALID_SHAPE, ofField, number);
  }

  /** A refusal of a label. */
  public int refuseLabel(long ofRow, long number) {
    return refuseLabel(Field.TARGETS, ofRow, number);
  }

  /** A refusal of a class that an array names. */
  public int refuseLabel(int ofField, long ofRow, long number) {
    field = ofField;
    row = ofRow;
    label = number;
    return Status.INVALID_LABEL;
  }

  /** A refusal of the label of an element. */
  public int refuseLabel(long ofRow, long ofClass, long number) {
    integer = ofClass;
    return refuseLabel(ofRow, number);
  }

  /** A refusal of the states or the statistics of a row. */
  public int refuseRow(int ofField, long ofRow) {
    field = ofField;
    row = ofRow;
    return Status.INVALID_ARGUMENT;
  }

  /** Hands the report out where it is wanted. */
  public void store(MemorySegment struct) {
    if (!GivenArrays.has(struct)) {
      return;
    }
    xent_report.field(struct, field);
    xent_report.schedule(struct, 0); // there is but one
    xent_report.row(struct, row);
    xent_report.label(struct, label);
    xent_report.integer(struct, integer);
    xent_report.value(struct, value);
    xent_report.valid_rows(struct, validRows);
    xent_report.denominator(struct, weighted ? weight : (double) validRows);
    xent_report.unfinished(struct, again);
  }
}
