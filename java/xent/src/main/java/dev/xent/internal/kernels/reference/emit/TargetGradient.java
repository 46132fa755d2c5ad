// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.emit;

import static dev.xent.internal.kernels.Array.TARGET_GRADIENT;
import static dev.xent.internal.kernels.reference.call.GivenArrays.has;
import static dev.xent.internal.kernels.reference.math.Constants.CHUNK;

import dev.xent.internal.kernels.reference.call.Layout;
import dev.xent.internal.kernels.reference.load.Row;
import dev.xent.internal.kernels.reference.math.Arithmetic;
import dev.xent.internal.kernels.reference.sum.RowScratch;
import dev.xent.internal.kernels.reference.sum.Statistics;
import java.util.Arrays;

/** The gradient of soft targets: c (1 - eps) w (lse - x), in the form of the targets. */
public final class TargetGradient {
  private final RowScratch work;
  private final Row row;
  private final Arithmetic arithmetic;
  private double scale;
  private double keep;
  private double distance;

  public TargetGradient(RowScratch work) {
    this.work = work;
    row = work.row;
    arithmetic = work.arithmetic;
  }

  /**
   * Writes the gradient if the call has an array for it.
   *
   * @param c gradient scale and row weight
   */
  public void write(double c) {
    if (!has(work.call.given.of(TARGET_GRADIENT))) {
      return;
    }
    Statistics statistics = work.statistics;
    keep = 1 - work.targets.epsilon;
    scale = c;
    distance = statistics.isSpecial() ? 0 : arithmetic.round(statistics.distance(arithmetic));
    if (row.sparse) {
      writeEntries();
    } else {
      writeClasses();
    }
  }

  private void writeClasses() {
    for (long begin = 0; begin < row.classes; begin += CHUNK) {
      int count = Row.chunkSize(begin, row.classes);
      if (work.statistics.isSpecial()) {
        Arrays.fill(work.y, 0, count, work.statistics.special(0));
      } else {
        work.chunk.load(row, begin, count, work.statistics.shift);
        work.targets.loadWeights(begin, count, work.terms);
        for (int i = 0; i < count; i++) {
          work.y[i] = of(work.chunk.x[i], work.terms[i]);
        }
        work.chunk.fillMasked(work.y, 0);
      }
      row.store(
          work.y,
          count,
          work.call.given.of(TARGET_GRADIENT),
          work.call.shape.of(TARGET_GRADIENT),
          begin);
    }
  }

  private void writeEntries() {
    Layout layout = work.call.shape.of(TARGET_GRADIENT);
    for (long j = 0; j < row.entries(); j++) {
      long clazz = row.entryClass(j);
      double value = 0;
      if (work.statistics.isSpecial()) {
        value = work.statistics.special(0);
      } else if (clazz != Row.NO_LABEL) {
        work.chunk.load(row, clazz, 1, work.statistics.shift);
        value = of(work.chunk.x[0], work.targets.weight(clazz));
      }
      row.storeEntry(value, work.call.given.of(TARGET_GRADIENT), layout, j);
    }
  }

  private double of(double x, double weight) {
    double factor =
        arithmetic.wide
            ? scale * (keep * weight)
            : arithmetic.round(arithmetic.round(scale * keep) * weight);
    double below = arithmetic.round(work.statistics.max - x);
    double v = arithmetic.fma(below, arithmetic.inverseHigh, distance);
    return factor == 0 ? 0 : arithmetic.round(v * factor);
  }
}
