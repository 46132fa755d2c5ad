// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.Constants.CHUNK;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** The gradient of a row of a general call: {@code cc (p pull - t)}, times the softcap's slope. */
final class GeneralGradient {
  private double scale;

  /**
   * Writes the call's class range of a row whose statistics are in the work.
   *
   * @param c gradient scale, row weight and upstream gradient
   */
  void write(Call call, GeneralWork work, double c) {
    begin(call, work, c);
    for (long begin = call.classBegin; begin < end(call, work.row); begin += CHUNK) {
      int count = FirstPass.chunkSize(begin, end(call, work.row));
      if (work.statistics.isSpecial()) {
        Arrays.fill(work.y, 0, count, work.statistics.is(Kind.NAN_ROW) ? Double.NaN : 0);
      } else {
        compute(call, work, begin, count);
      }
      work.row.store(work.y, count, call.given.gradient, call.shape.gradient, begin);
    }
  }

  /** Behind the last class of the call's range; a ragged row may end before. */
  static long end(Call call, GeneralRow row) {
    return Math.min(call.classEnd, row.classes);
  }

  private void begin(Call call, GeneralWork work, double c) {
    GeneralStatistics row = work.statistics;
    double temperature = call.options.temperature;
    scale = temperature == 0 ? c : c / temperature;
    work.arithmetic.gradientTerm.begin(row.total(), scale, row.pull);
  }

  private void compute(Call call, GeneralWork work, long begin, int count) {
    GeneralRow row = work.row;
    PreparedChunk chunk = work.chunk;
    double[] gradient = work.y;
    chunk.load(call, row, begin, count, work.statistics.shift);
    if (row.kind == Kind.PROBABILITIES && !row.sparse) {
      row.loadProbabilities(begin, count, work.q);
    }
    for (int i = 0; i < count; i++) {
      gradient[i] = ofClass(work, i, target(work, begin, i));
    }
    if (row.sparse) {
      addEntries(call, work, begin, count);
    }
    if (row.labelIsIn(begin, count)) {
      gradient[(int) (row.label - begin)] = ofLabel(call, work);
    }
    for (int i = 0; i < count; i++) {
      if (!chunk.counted[i]) {
        gradient[i] = 0;
      } else if (chunk.hasSoftcap()) {
        gradient[i] = work.arithmetic.product(gradient[i], chunk.slope[i]);
      }
    }
  }

  /** t of a class that is no label; of a sparse row what smoothing gives it. */
  private static double target(GeneralWork work, long begin, int i) {
    if (!work.chunk.counted[i]) {
      return 0;
    }
    if (work.row.kind == Kind.PROBABILITIES && !work.row.sparse) {
      return work.targets.ofProbability(work.q[i], begin + i);
    }
    return work.targets.share == 0 ? 0 : work.targets.ofShare(begin + i);
  }

  private static double ofClass(GeneralWork work, int i, double target) {
    double e = work.arithmetic.exponential(work.chunk.x[i], work.statistics.reference);
    return work.arithmetic.gradientTerm.of(e, target);
  }

  /** The classes of a sparse row, each with the sum of its entries. */
  private static void addEntries(Call call, GeneralWork work, long begin, int count) {
    GeneralRow row = work.row;
    long entries = call.shape.targetCount;
    for (long j = 0; j < entries; j++) {
      long clazz = row.entryClass(j);
      if (clazz < begin || clazz >= begin + count) {
        continue;
      }
      double target = 0;
      for (long k = 0; k < entries; k++) {
        if (row.entryClass(k) == clazz) {
          target += work.targets.ofEntry(row.entryWeight(k), clazz);
        }
      }
      if (work.targets.share != 0) {
        target += work.targets.ofShare(clazz);
      }
      int i = (int) (clazz - begin);
      work.y[i] = ofClass(work, i, target);
    }
  }

  private double ofLabel(Call call, GeneralWork work) {
    GeneralStatistics row = work.statistics;
    WeightedTargets targets = work.targets;
    double total = row.total();
    double othersShare = row.sum / total;
    if (targets.labelSumsToOne() && call.options.zLoss == 0) {
      return work.arithmetic.round(((0 - othersShare) + targets.labelLessOne()) * scale);
    }
    double own = targets.ofLabel();
    double even =
        targets.isEven(work.row.label) && targets.share != 0 ? targets.ofShare(work.row.label) : 0;
    double sum = (0 - othersShare) * own + row.mass / total * (row.pull - own) - even;
    return work.arithmetic.round(sum * scale);
  }

  /** Writes c (1 - eps) w (lse - x) in the form of the targets. */
  static void writeOfTargets(Call call, GeneralWork work, double c, MemorySegment to) {
    if (work.row.sparse) {
      writeOfEntries(call, work, c, to);
      return;
    }
    Layout layout = call.shape.targetGradient;
    for (long begin = 0; begin < work.row.classes; begin += CHUNK) {
      int count = FirstPass.chunkSize(begin, work.row.classes);
      work.chunk.load(call, work.row, begin, count, work.statistics.shift);
      for (int i = 0; i < count; i++) {
        work.y[i] =
            work.chunk.counted[i] || work.statistics.isSpecial()
                ? ofTarget(work, begin + i, work.chunk.x[i], c)
                : 0;
      }
      work.row.store(work.y, count, to, layout, begin);
    }
  }

  private static void writeOfEntries(Call call, GeneralWork work, double c, MemorySegment to) {
    Layout layout = call.shape.targetGradient;
    for (long j = 0; j < call.shape.targetCount; j++) {
      long clazz = work.row.entryClass(j);
      double value = 0;
      if (work.statistics.isSpecial()) {
        value = ofTarget(work, clazz, 0, c);
      } else if (clazz != GeneralRow.NO_LABEL) {
        work.chunk.load(call, work.row, clazz, 1, work.statistics.shift);
        value = ofTarget(work, clazz, work.chunk.x[0], c);
      }
      work.row.storeEntry(value, to, layout, j);
    }
  }

  private static double ofTarget(GeneralWork work, long clazz, double x, double c) {
    GeneralStatistics row = work.statistics;
    if (row.isSpecial()) {
      return row.is(Kind.NAN_ROW) ? Double.NaN : 0;
    }
    double factor = c * work.targets.slope(clazz);
    return factor == 0
        ? 0
        : work.arithmetic.round(factor * ((row.max - x) + row.distance(work.arithmetic)));
  }
}
