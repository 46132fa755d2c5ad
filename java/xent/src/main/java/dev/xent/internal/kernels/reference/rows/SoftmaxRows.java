// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.rows;

import static dev.xent.internal.kernels.Array.LOG_SUM_EXP;
import static dev.xent.internal.kernels.Array.STATISTICS;
import static dev.xent.internal.kernels.reference.call.GivenArrays.has;

import dev.xent.internal.kernels.Status;
import dev.xent.internal.kernels.reference.call.Request;
import dev.xent.internal.kernels.reference.emit.SoftmaxOutput;
import dev.xent.internal.kernels.reference.results.RowResults;
import dev.xent.internal.kernels.reference.sum.FirstPass;
import dev.xent.internal.kernels.reference.sum.RowScratch;

/** Softmax, log-softmax and log-sum-exp of the rows of a call. */
public final class SoftmaxRows {
  private SoftmaxRows() {}

  /** Softmax or log-softmax. If statistics is NULL, they are computed here. */
  public static int forward(RowScratch work, boolean logarithms) {
    Request call = work.call;
    work.begin();
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      work.row.go(row);
      if (has(call.given.of(STATISTICS))) {
        work.statistics.load(call.given.of(STATISTICS), row);
      } else {
        FirstPass.row(work);
      }
      SoftmaxOutput.write(work, logarithms);
    }
    return Status.OK;
  }

  public static int logSumExp(RowScratch work) {
    Request call = work.call;
    work.begin();
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      work.row.go(row);
      FirstPass.row(work);
      double value = RowResults.logSumExp(work);
      work.row.storeNumber(value, call.given.of(LOG_SUM_EXP), call.shape.of(LOG_SUM_EXP));
    }
    return Status.OK;
  }
}
