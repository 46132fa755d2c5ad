// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.CallArrays.has;
import static dev.xent.internal.kernels.reference.Constants.CHUNK;

import java.lang.foreign.ValueLayout;

/** What a row of a general call gives beside gradients; arrays not asked for are NULL. */
final class GeneralResults {
  private static final long NO_CLASS = -1;

  private GeneralResults() {}

  /** Those that come from the statistics, the fold and the hit in the work. */
  static void write(Call call, GeneralWork work, long row) {
    CallArrays given = call.given;
    Shape shape = call.shape;
    GeneralStatistics statistics = work.statistics;
    if (has(given.losses) || has(given.tally)) {
      double loss = GeneralLoss.of(call, work);
      work.row.storeNumber(loss, given.losses, shape.losses);
      if (has(given.tally)) {
        work.arithmetic.addLoss(given.tally, loss);
      }
    }
    work.row.storeNumber(logSumExp(work), given.logSumExp, shape.logSumExp);
    if (has(given.hits)) {
      boolean hit = !statistics.isSpecial() && work.hit;
      given.hits.set(ValueLayout.JAVA_BYTE, shape.offset(shape.hits, row), (byte) (hit ? 1 : 0));
    }
    if (has(given.statistics)) {
      statistics.store(given.statistics, row);
    }
  }

  static double logSumExp(GeneralWork work) {
    GeneralStatistics row = work.statistics;
    if (row.is(Kind.MASKED_ROW)) {
      return Double.NEGATIVE_INFINITY;
    }
    return row.isSpecial() ? Double.NaN : work.arithmetic.round(row.logSumExp(work.arithmetic));
  }

  /** Those that need the row's logits once more. */
  static void writeFurther(Call call, GeneralWork work) {
    CallArrays given = call.given;
    Shape shape = call.shape;
    work.row.storeNumber(
        logProbability(call, work), given.logProbabilities, shape.logProbabilities);
    if (has(given.argmax)
        || has(given.ranks)
        || has(given.topClasses)
        || has(given.topLogProbabilities)) {
      writeOrder(call, work);
    }
    if (has(given.entropies)) {
      work.row.storeNumber(entropy(call, work), given.entropies, shape.entropies);
    }
  }

  /** log p of the label. */
  private static double logProbability(Call call, GeneralWork work) {
    GeneralStatistics row = work.statistics;
    if (row.is(Kind.MASKED_ROW)) {
      return Double.NEGATIVE_INFINITY;
    }
    return row.isSpecial() || work.row.kind != Kind.LABEL
        ? Double.NaN
        : work.arithmetic.round(0 - GeneralLoss.ofLabelAlone(call, work));
  }

  /** argmax, rank and top classes compare logits without the shift. */
  private static void writeOrder(Call call, GeneralWork work) {
    GeneralRow row = work.row;
    PreparedChunk chunk = work.chunk;
    TopClasses top = work.top;
    boolean ordered = !work.statistics.isSpecial();
    boolean hasLabel = ordered && row.hasLabel();
    double labelLogit = 0;
    if (hasLabel) {
      chunk.load(call, row, row.label, 1, 0);
      labelLogit = chunk.x[0];
    }
    long rank = 0;
    top.begin((int) Math.max(call.shape.topCount, 1));
    for (long begin = 0; ordered && begin < row.classes; begin += CHUNK) {
      chunk.load(call, row, begin, FirstPass.chunkSize(begin, row.classes), 0);
      for (int i = 0; i < chunk.count; i++) {
        if (!chunk.counted[i]) {
          continue;
        }
        top.add(begin + i, chunk.x[i]);
        boolean before =
            chunk.x[i] > labelLogit || (chunk.x[i] == labelLogit && begin + i < row.label);
        rank += before ? 1 : 0;
      }
    }
    CallArrays given = call.given;
    Shape shape = call.shape;
    row.storeClass(top.found == 0 ? NO_CLASS : top.clazz(0), given.argmax, shape.argmax);
    row.storeClass(hasLabel ? rank : NO_CLASS, given.ranks, shape.ranks);
    writeTop(call, work);
  }

  private static void writeTop(Call call, GeneralWork work) {
    CallArrays given = call.given;
    Shape shape = call.shape;
    for (int j = 0; j < shape.topCount; j++) {
      boolean there = j < work.top.found;
      if (has(given.topClasses)) {
        long clazz = there ? work.top.clazz(j) : NO_CLASS;
        work.row.storeEntryClass(clazz, given.topClasses, shape.topClasses, j);
      }
      if (has(given.topLogProbabilities)) {
        double value = there ? topLogProbability(work, work.top.value(j)) : missing(work);
        work.row.storeEntry(value, given.topLogProbabilities, shape.topLogProbabilities, j);
      }
    }
  }

  private static double topLogProbability(GeneralWork work, double x) {
    double shifted = GeneralFirstPass.shifted(work, x, work.statistics.shift);
    return GeneralSoftmax.logProbability(work, shifted);
  }

  /** The log-probability of a class that is not there. */
  private static double missing(GeneralWork work) {
    GeneralStatistics row = work.statistics;
    return row.isSpecial() && !row.is(Kind.MASKED_ROW) ? Double.NaN : Double.NEGATIVE_INFINITY;
  }

  /** - sum p log p = D P + sum e (max - x) / S, P being what the classes have of the row. */
  private static double entropy(Call call, GeneralWork work) {
    GeneralStatistics row = work.statistics;
    if (row.isSpecial()) {
      return row.is(Kind.MASKED_ROW) ? 0 : Double.NaN;
    }
    Arithmetic arithmetic = work.arithmetic;
    double terms = termsBelowMax(call, work) * Exponential.UNSCALE;
    double distance = row.distance(arithmetic);
    double total = row.total();
    if (!has(call.given.sink)) {
      return arithmetic.round(distance + terms / total);
    }
    double sink = work.row.number(call.given.sink, call.shape.sink);
    double shifted = GeneralFirstPass.shifted(work, sink, row.shift);
    double ofSink = arithmetic.exponential(shifted, row.reference) * Exponential.UNSCALE;
    return arithmetic.round(Math.fma(distance, (total - ofSink) / total, terms / total));
  }

  /** Sum of e (max - x), in groups, lanes, tree and chunks. */
  private static double termsBelowMax(Call call, GeneralWork work) {
    GeneralStatistics row = work.statistics;
    Arithmetic arithmetic = work.arithmetic;
    PreparedChunk chunk = work.chunk;
    Pair sum = work.rowSum;
    sum.clear();
    for (long begin = 0; begin < work.row.classes; begin += CHUNK) {
      int count = FirstPass.chunkSize(begin, work.row.classes);
      chunk.load(call, work.row, begin, count, row.shift);
      for (int i = 0; i < count; i++) {
        double e = arithmetic.exponential(chunk.x[i], row.reference);
        double below = arithmetic.difference(row.max, chunk.x[i]);
        work.y[i] = e == 0 ? 0 : arithmetic.product(e, below);
      }
      arithmetic.sumTerms(work.y, count, work.sum.sum);
      arithmetic.addChunk(sum, work.sum.sum);
    }
    return sum.value();
  }
}
