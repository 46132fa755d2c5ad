// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.sum;

import static dev.xent.internal.kernels.Array.UPSTREAM;

import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.reference.call.GivenArrays;
import dev.xent.internal.kernels.reference.call.Kind;
import dev.xent.internal.kernels.reference.call.Request;
import dev.xent.internal.kernels.reference.load.Row;

/**
 * The selected classes of a row and their targets, which are the negated upstream gradients. The
 * class with the largest logit becomes the label of the row.
 */
public final class Selection {
  /** The maximum number of selected classes of a row. */
  public static final int MOST = 256;

  public final long[] classes = new long[MOST];

  /** The logits of the classes, before the shift. */
  public final double[] x = new double[MOST];

  public int count;

  /** The sums of all targets, and of all targets except the label's. */
  public double all;

  public double others;

  /** Whether a class other than the label is selected. */
  public boolean hasOthers;

  private final double[] targets = new double[MOST];

  /** Moves to a row of the call and sets its label. Returns an error for an invalid class. */
  public int go(RowScratch work, long toRow) {
    Request call = work.call;
    Row row = work.row;
    count = (int) Math.max(1, call.shape.targetCount);
    row.kind = Kind.SOFTMAX; // the label is not known yet
    row.sparse = false;
    row.go(toRow);
    row.kind = Kind.LABEL;
    int status = row.checkEntries(count);
    if (status == Status.OK) {
      read(work, call, row);
    }
    return status;
  }

  private void read(RowScratch work, Request call, Row row) {
    int apart = -1;
    for (int j = 0; j < count; j++) {
      classes[j] = row.entryClass(j);
      if (classes[j] == Row.NO_LABEL) {
        continue;
      }
      boolean weighted = GivenArrays.has(call.given.of(UPSTREAM));
      targets[j] = weighted ? -row.entry(call.given.of(UPSTREAM), call.shape.of(UPSTREAM), j) : -1;
      work.chunk.load(row, classes[j], 1, 0);
      x[j] = work.chunk.x[0];
      apart = apart < 0 || x[j] > x[apart] ? j : apart;
    }
    row.ignored = apart < 0;
    row.label = apart < 0 ? Row.NO_LABEL : classes[apart];
    all = sum(Row.NO_LABEL, Row.NO_LABEL);
    others = sum(Row.NO_LABEL, row.label);
    hasOthers = false;
    for (int j = 0; j < count; j++) {
      hasOthers |= classes[j] != Row.NO_LABEL && classes[j] != row.label;
    }
  }

  /** The sum of the targets of a class. */
  public double targetOf(long clazz) {
    return sum(clazz, Row.NO_LABEL);
  }

  /** The sum of the targets of {@code only}, or of all classes, without those of {@code but}. */
  private double sum(long only, long but) {
    double sum = -0.0; // a single -0 keeps its sign
    for (int j = 0; j < count; j++) {
      long clazz = classes[j];
      if (clazz != Row.NO_LABEL && clazz != but && (only == Row.NO_LABEL || clazz == only)) {
        sum += targets[j];
      }
    }
    return sum;
  }

  /** A target in units of the gradient of the logits. */
  public double scaled(RowScratch work, double target) {
    return work.cooled(work.call.options.scale() * target);
  }
}
