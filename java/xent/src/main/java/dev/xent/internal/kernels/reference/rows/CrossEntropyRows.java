// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.rows;

import static dev.xent.internal.kernels.Array.GRADIENT;
import static dev.xent.internal.kernels.Array.STATISTICS;
import static dev.xent.internal.kernels.Array.UPSTREAM;
import static dev.xent.internal.kernels.reference.call.GivenArrays.has;

import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.reference.call.Kind;
import dev.xent.internal.kernels.reference.call.Request;
import dev.xent.internal.kernels.reference.emit.Gradient;
import dev.xent.internal.kernels.reference.emit.TargetGradient;
import dev.xent.internal.kernels.reference.order.Order;
import dev.xent.internal.kernels.reference.order.RowEntropy;
import dev.xent.internal.kernels.reference.results.RowResults;
import dev.xent.internal.kernels.reference.sum.FirstPass;
import dev.xent.internal.kernels.reference.sum.RowScratch;

/** Cross-entropy of the rows of a call. */
public final class CrossEntropyRows {
  public final RowScratch work;

  private final Order order;
  private final RowEntropy entropy;
  private final Gradient gradient;
  private final TargetGradient targetGradient;

  public CrossEntropyRows(RowScratch work) {
    this.work = work;
    order = new Order(work);
    entropy = new RowEntropy(work);
    gradient = new Gradient(work);
    targetGradient = new TargetGradient(work);
  }

  /** Computes all results, in an order in which the gradient may overwrite the logits. */
  public int forward() {
    Request call = work.call;
    work.begin();
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      int status = work.row.go(row);
      if (status != Status.OK) {
        return status;
      }
      if (work.row.ignored) {
        work.statistics.clear(work.kind() | Kind.IGNORED_ROW, work.digest);
      } else {
        call.report.validRows += work.row.kind == Kind.SOFTMAX ? 0 : 1;
        FirstPass.row(work);
      }
      RowResults.write(work, row);
      order.write();
      entropy.write();
      double scale = call.options.scale() * work.row.weight;
      targetGradient.write(scale);
      if (has(call.given.of(GRADIENT))) {
        gradient.write(scale);
      }
    }
    return Status.OK;
  }

  /** Computes the gradient only; upstream NULL means 1 for every row. */
  public int backward() {
    Request call = work.call;
    work.begin();
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      int status = goBackward(row);
      if (status != Status.OK) {
        return status;
      }
      gradient.write(scale());
    }
    return Status.OK;
  }

  /** Computes the gradient of at most a chunk of classes of a row, in the work's y. */
  int gradient(long row, long begin, int count) {
    int status = goBackward(row);
    if (status == Status.OK) {
      gradient.begin(scale());
      gradient.compute(begin, count);
    }
    return status;
  }

  private int goBackward(long row) {
    Request call = work.call;
    int status = work.row.go(row);
    if (status == Status.OK && work.row.ignored) {
      work.statistics.clear(work.kind() | Kind.IGNORED_ROW, work.digest);
    } else if (status == Status.OK) {
      work.statistics.load(call.given.of(STATISTICS), row - call.firstStatistics);
      work.targets.share = call.options.scalesGradients() ? 0 : work.statistics.share;
    }
    return status;
  }

  /** The scale of the gradient of the backward pass's current row. */
  private double scale() {
    Request call = work.call;
    double scale = call.options.scale() * work.row.weight;
    return has(call.given.of(UPSTREAM))
        ? scale * work.row.number(call.given.of(UPSTREAM), call.shape.of(UPSTREAM))
        : scale;
  }
}
