// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.order;

import static dev.xent.internal.kernels.Array.ENTROPIES;
import static dev.xent.internal.kernels.Array.SINK;
import static dev.xent.internal.kernels.reference.call.GivenArrays.has;
import static dev.xent.internal.kernels.reference.math.Constants.CHUNK;

import dev.xent.internal.kernels.reference.call.Kind;
import dev.xent.internal.kernels.reference.load.Row;
import dev.xent.internal.kernels.reference.math.Arithmetic;
import dev.xent.internal.kernels.reference.math.Fma;
import dev.xent.internal.kernels.reference.math.Pair;
import dev.xent.internal.kernels.reference.sum.RowScratch;
import dev.xent.internal.kernels.reference.sum.Statistics;

/** The entropy of a row: -sum p log p. */
public final class RowEntropy {
  private final RowScratch work;

  public RowEntropy(RowScratch work) {
    this.work = work;
  }

  /** Writes the entropy if the call has an array for it. */
  public void write() {
    if (has(work.call.given.of(ENTROPIES))) {
      work.row.storeNumber(value(), work.call.given.of(ENTROPIES), work.call.shape.of(ENTROPIES));
    }
  }

  /** D P + sum e (max - x) / S, where P is the probability of all classes, without the sink. */
  private double value() {
    Statistics row = work.statistics;
    if (row.isSpecial()) {
      return row.is(Kind.MASKED_ROW) ? 0 : Double.NaN;
    }
    Arithmetic arithmetic = work.arithmetic;
    double below = termsBelowMax() * arithmetic.unscale * arithmetic.inverse;
    double distance = row.distance(arithmetic);
    double total = row.total();
    if (!has(work.call.given.of(SINK))) {
      return arithmetic.round(distance + below / total);
    }
    double e = arithmetic.exponential(work.sink(row.shift), row.reference);
    double ofClasses = (total - e * arithmetic.unscale) / total;
    return arithmetic.round(Fma.fma(distance, ofClasses, below / total));
  }

  /** Sum of e (max - x), by groups, lanes, tree and chunks. */
  private double termsBelowMax() {
    Statistics row = work.statistics;
    Arithmetic arithmetic = work.arithmetic;
    double[] x = work.chunk.x;
    double[] terms = work.terms;
    Pair sum = work.rowSum;
    sum.clear();
    for (long begin = 0; begin < work.row.classes; begin += CHUNK) {
      int count = Row.chunkSize(begin, work.row.classes);
      work.chunk.load(work.row, begin, count, row.shift);
      arithmetic.exponentials(x, 0, count, row.reference, terms);
      for (int i = 0; i < count; i++) {
        double below = arithmetic.round(row.max - x[i]);
        terms[i] = terms[i] == 0 ? 0 : arithmetic.round(terms[i] * below);
      }
      arithmetic.sum(terms, count, work.chunkSum);
      sum.add(work.chunkSum);
    }
    return sum.value();
  }
}
