// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.emit;

import static dev.xent.internal.kernels.Array.OUTPUT;
import static dev.xent.internal.kernels.reference.math.Constants.CHUNK;

import dev.xent.internal.kernels.reference.call.Kind;
import dev.xent.internal.kernels.reference.load.Row;
import dev.xent.internal.kernels.reference.math.Arithmetic;
import dev.xent.internal.kernels.reference.sum.RowScratch;
import dev.xent.internal.kernels.reference.sum.Statistics;
import java.util.Arrays;

/** Softmax and log-softmax of a row whose statistics are in the work. */
public final class SoftmaxOutput {
  private SoftmaxOutput() {}

  /** Writes the outputs of the call's class range. */
  public static void write(RowScratch work, boolean logarithms) {
    Row row = work.row;
    Statistics statistics = work.statistics;
    for (long begin = work.call.classBegin; begin < row.end(); begin += CHUNK) {
      int count = Row.chunkSize(begin, row.end());
      if (statistics.isSpecial()) {
        double zero = logarithms ? Double.NEGATIVE_INFINITY : 0;
        Arrays.fill(work.y, 0, count, statistics.is(Kind.MASKED_ROW) ? zero : Double.NaN);
      } else {
        work.chunk.load(row, begin, count, statistics.shift);
        if (logarithms) {
          logarithms(work, count);
        } else {
          probabilities(work, count);
        }
      }
      row.store(work.y, count, work.call.given.of(OUTPUT), work.call.shape.of(OUTPUT), begin);
    }
  }

  /**
   * Exponentials divided by their sum. If one class has the whole sum, its probability is exactly
   * 1.
   */
  private static void probabilities(RowScratch work, int count) {
    Statistics row = work.statistics;
    Arithmetic arithmetic = work.arithmetic;
    double[] y = work.y;
    double total = row.total();
    double largest = row.largestTerm(arithmetic);
    arithmetic.exponentials(work.chunk.x, 0, count, row.reference, y);
    if (arithmetic.wide && total <= largest) {
      for (int i = 0; i < count; i++) {
        y[i] /= total;
      }
    } else {
      arithmetic.probabilities(y, count, total);
    }
    if (work.row.wholeRow == 1 && work.chunk.x[0] == row.max && total == largest) {
      y[0] = 1;
    }
  }

  /** (x - M) / temperature - D. */
  private static void logarithms(RowScratch work, int count) {
    Arithmetic arithmetic = work.arithmetic;
    double minusDistance = arithmetic.round(0 - work.statistics.distance(arithmetic));
    for (int i = 0; i < count; i++) {
      work.y[i] = work.logProbability(work.chunk.x[i], minusDistance);
    }
  }
}
