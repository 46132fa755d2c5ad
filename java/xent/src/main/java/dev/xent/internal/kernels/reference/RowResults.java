// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * What a row of cross-entropy gives beside the gradient; arrays that are not asked for are NULL.
 */
final class RowResults {
  private MemorySegment losses;
  private MemorySegment logSumExp;
  private MemorySegment hits;
  private MemorySegment statistics;
  private MemorySegment tally;

  RowResults() {
    clear();
  }

  /** Forgets the arrays. */
  void clear() {
    set(
        MemorySegment.NULL,
        MemorySegment.NULL,
        MemorySegment.NULL,
        MemorySegment.NULL,
        MemorySegment.NULL);
  }

  void set(
      MemorySegment toLosses,
      MemorySegment toLogSumExp,
      MemorySegment toHits,
      MemorySegment toStatistics,
      MemorySegment toTally) {
    losses = toLosses;
    logSumExp = toLogSumExp;
    hits = toHits;
    statistics = toStatistics;
    tally = toTally;
  }

  MemorySegment losses() {
    return losses;
  }

  MemorySegment logSumExp() {
    return logSumExp;
  }

  MemorySegment hits() {
    return hits;
  }

  MemorySegment statistics() {
    return statistics;
  }

  MemorySegment tally() {
    return tally;
  }

  /** Writes the results of a row whose statistics and fold are in the scratch. */
  void write(Call call, long row) {
    Shape shape = call.shape;
    Statistics own = call.scratch.statistics;
    if (!Addresses.isNull(losses) || !Addresses.isNull(tally)) {
      writeLoss(call, row);
    }
    if (!Addresses.isNull(logSumExp)) {
      Floats.set(logSumExp, shape.offset(shape.logSumExp, row), own.logSumExp());
    }
    if (!Addresses.isNull(hits)) {
      boolean hit = !own.is(Kind.SPECIAL) && call.scratch.fold.hit();
      hits.set(ValueLayout.JAVA_BYTE, shape.offset(shape.hits, row), (byte) (hit ? 1 : 0));
    }
    if (!Addresses.isNull(statistics)) {
      own.store(statistics, row);
    }
  }

  private void writeLoss(Call call, long row) {
    Shape shape = call.shape;
    Scratch scratch = call.scratch;
    float loss = Loss.of(scratch.statistics, scratch.fold, scratch.smoothing, shape.classes);
    if (!Addresses.isNull(losses)) {
      Floats.set(losses, shape.offset(shape.losses, row), loss);
    }
    if (!Addresses.isNull(tally)) {
      Tally.add(tally, loss);
    }
  }
}
