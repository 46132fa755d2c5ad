// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.order;

import static dev.xent.internal.kernels.Array.ARGMAX;
import static dev.xent.internal.kernels.Array.RANKS;
import static dev.xent.internal.kernels.Array.TOP_CLASSES;
import static dev.xent.internal.kernels.Array.TOP_LOG_PROBABILITIES;
import static dev.xent.internal.kernels.reference.call.GivenArrays.has;
import static dev.xent.internal.kernels.reference.math.Constants.CHUNK;

import dev.xent.internal.kernels.reference.call.GivenArrays;
import dev.xent.internal.kernels.reference.call.Kind;
import dev.xent.internal.kernels.reference.call.Shape;
import dev.xent.internal.kernels.reference.load.Chunk;
import dev.xent.internal.kernels.reference.load.Row;
import dev.xent.internal.kernels.reference.sum.RowScratch;
import dev.xent.internal.kernels.reference.sum.Statistics;

/** Argmax, the label's rank and the top classes, which compare logits without the shift. */
public final class Order {
  private static final long NO_CLASS = -1;

  private final RowScratch work;
  private final Chunk chunk;
  private final TopClasses top = new TopClasses();
  private long rank;

  public Order(RowScratch work) {
    this.work = work;
    chunk = work.chunk;
  }

  /** Writes the results of the row for which the call has arrays. */
  public void write() {
    GivenArrays given = work.call.given;
    Shape shape = work.call.shape;
    boolean ofTop = has(given.of(TOP_CLASSES)) || has(given.of(TOP_LOG_PROBABILITIES));
    if (!ofTop && !has(given.of(ARGMAX)) && !has(given.of(RANKS))) {
      return;
    }
    top.begin((int) Math.max(shape.topCount, 1));
    rank = NO_CLASS;
    if (!work.statistics.isSpecial()) {
      compare();
    }
    work.row.storeClass(
        top.found == 0 ? NO_CLASS : top.clazz(0), given.of(ARGMAX), shape.of(ARGMAX));
    work.row.storeClass(rank, given.of(RANKS), shape.of(RANKS));
    if (ofTop) {
      writeTop(given, shape);
    }
  }

  private void compare() {
    Row row = work.row;
    double labelLogit = Double.NaN;
    if (row.hasLabel()) {
      chunk.load(row, row.label, 1, 0);
      labelLogit = chunk.x[0];
      rank = 0;
    }
    for (long begin = 0; begin < row.classes; begin += CHUNK) {
      chunk.load(row, begin, Row.chunkSize(begin, row.classes), 0);
      for (int i = 0; i < chunk.count; i++) {
        if (!chunk.takesPart(i)) {
          continue;
        }
        double x = chunk.x[i];
        top.add(begin + i, x);
        rank += x > labelLogit || (x == labelLogit && begin + i < row.label) ? 1 : 0;
      }
    }
  }

  private void writeTop(GivenArrays given, Shape shape) {
    Statistics row = work.statistics;
    double minusDistance =
        row.isSpecial() ? 0 : work.arithmetic.round(0 - row.distance(work.arithmetic));
    boolean isNan = row.isSpecial() && !row.is(Kind.MASKED_ROW);
    for (int j = 0; j < shape.topCount; j++) {
      long clazz = NO_CLASS;
      double value = isNan ? Double.NaN : Double.NEGATIVE_INFINITY;
      if (j < top.found) {
        clazz = top.clazz(j);
        value = work.logProbability(work.shifted(top.value(j), row.shift), minusDistance);
      }
      if (has(given.of(TOP_CLASSES))) {
        work.row.storeEntryClass(clazz, given.of(TOP_CLASSES), shape.of(TOP_CLASSES), j);
      }
      if (has(given.of(TOP_LOG_PROBABILITIES))) {
        work.row.storeEntry(
            value, given.of(TOP_LOG_PROBABILITIES), shape.of(TOP_LOG_PROBABILITIES), j);
      }
    }
  }
}
