// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.CallArrays.has;
import static dev.xent.internal.kernels.reference.Constants.CHUNK;

import dev.xent.internal.kernels.Status;
import java.util.Arrays;

/** Softmax, log-softmax and log-sum-exp of general calls. */
final class GeneralSoftmax {
  private GeneralSoftmax() {}

  /** Softmax or log-softmax; statistics NULL: computed here. */
  static int forward(Call call, boolean logarithms) {
    GeneralWork work = call.work().begin(call);
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      work.row.go(row);
      if (has(call.given.statistics)) {
        work.statistics.load(call.given.statistics, row);
      } else {
        GeneralFirstPass.row(call, work);
      }
      write(call, work, logarithms);
    }
    return Status.OK;
  }

  static int logSumExp(Call call) {
    GeneralWork work = call.work().begin(call);
    for (long row = call.rowBegin; row < call.rowEnd; row++) {
      work.row.go(row);
      GeneralFirstPass.row(call, work);
      work.row.storeNumber(
          GeneralResults.logSumExp(work), call.given.logSumExp, call.shape.logSumExp);
    }
    return Status.OK;
  }

  private static void write(Call call, GeneralWork work, boolean logarithms) {
    GeneralRow row = work.row;
    GeneralStatistics statistics = work.statistics;
    long end = Math.min(call.classEnd, row.classes);
    for (long begin = call.classBegin; begin < end; begin += CHUNK) {
      int count = FirstPass.chunkSize(begin, end);
      if (statistics.isSpecial()) {
        double zero = logarithms ? Double.NEGATIVE_INFINITY : 0;
        Arrays.fill(work.y, 0, count, statistics.is(Kind.MASKED_ROW) ? zero : Double.NaN);
      } else {
        work.chunk.load(call, row, begin, count, statistics.shift);
        for (int i = 0; i < count; i++) {
          double x = work.chunk.x[i];
          work.y[i] = logarithms ? logProbability(work, x) : probability(work, x);
        }
      }
      row.store(work.y, count, call.given.output, call.shape.output, begin);
    }
  }

  /** e(x; N) 2^-30 / S; 1 for a row of one class, if there is no sink that counts. */
  private static double probability(GeneralWork work, double x) {
    GeneralStatistics row = work.statistics;
    Arithmetic arithmetic = work.arithmetic;
    double total = row.total();
    if (work.row.wholeRow == 1 && x == row.max && total == row.largestTerm(arithmetic)) {
      return 1;
    }
    return arithmetic.probability(arithmetic.exponential(x, row.reference), total);
  }

  /** (x - M) - D. */
  static double logProbability(GeneralWork work, double x) {
    GeneralStatistics row = work.statistics;
    Arithmetic arithmetic = work.arithmetic;
    double minusDistance = arithmetic.round(0 - row.distance(arithmetic));
    return arithmetic.sum(arithmetic.difference(x, row.max), minusDistance);
  }
}
