// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.call;

import dev.xent.internal.ffi.xent_report;
import dev.xent.internal.kernels.Field;
import dev.xent.internal.kernels.Status;
import java.lang.foreign.MemorySegment;

/** The results and errors of a call: {@code xent_report}, stored when the call ends. */
public final class Report {
  public long validRows;
  public long again;

  /** The denominator if rows or classes have weights; otherwise it is the number of valid rows. */
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

  /** Reports an error with a field and a number. */
  public int refuse(int status, int ofField, long number) {
    field = ofField;
    integer = number;
    return status;
  }

  /** Reports an invalid number in an array, with its index, and no label that was found first. */
  public int refuseValue(int status, int ofField, double number, long beside) {
    row = -1;
    label = 0;
    value = number;
    return refuse(status, ofField, beside);
  }

  /** Reports an invalid shape of a row. */
  public int refuseShape(int ofField, long ofRow, long number) {
    row = ofRow;
    return refuse(Status.INVALID_SHAPE, ofField, number);
  }

  /** Reports an invalid label. */
  public int refuseLabel(long ofRow, long number) {
    return refuseLabel(Field.TARGETS, ofRow, number);
  }

  /** Reports an invalid class in an array. */
  public int refuseLabel(int ofField, long ofRow, long number) {
    field = ofField;
    row = ofRow;
    label = number;
    return Status.INVALID_LABEL;
  }

  /** Reports a draft that cannot have been drawn with this probability. */
  public int refuseDraft(long ofRow, long token, double probability) {
    refuseLabel(Field.DRAFT_PROBABILITIES, ofRow, token);
    value = probability;
    return Status.INVALID_OPTION;
  }

  /** Reports an invalid label of an element. */
  public int refuseLabel(long ofRow, long ofClass, long number) {
    integer = ofClass;
    return refuseLabel(ofRow, number);
  }

  /** Reports invalid states or statistics of a row. */
  public int refuseRow(int ofField, long ofRow) {
    field = ofField;
    row = ofRow;
    return Status.INVALID_ARGUMENT;
  }

  /** Stores the report, unless the struct is NULL. */
  public void store(MemorySegment struct) {
    if (!GivenArrays.has(struct)) {
      return;
    }
    xent_report.field(struct, field);
    xent_report.path(struct, 0); // the reference has only one
    xent_report.row(struct, row);
    xent_report.label(struct, label);
    xent_report.integer(struct, integer);
    xent_report.value(struct, value);
    xent_report.valid_rows(struct, validRows);
    xent_report.denominator(struct, weighted ? weight : (double) validRows);
    xent_report.unfinished(struct, again);
  }
}
