// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.targets;

import static dev.xent.internal.kernels.reference.math.Constants.CHUNK;

import dev.xent.internal.kernels.reference.call.Kind;
import dev.xent.internal.kernels.reference.load.Chunk;
import dev.xent.internal.kernels.reference.load.Row;
import dev.xent.internal.kernels.reference.math.Arithmetic;
import dev.xent.internal.kernels.reference.math.Pair;

/**
 * Sums over the targets of a chunk. They use M - x instead of x, so that no term is negative if no
 * target is negative, and nothing cancels. A class without a target adds +0 for any logit.
 */
public final class TargetSums {
  /**
   * Sum of target times (max - logit). In a row with a label, of weight times (max - logit), over
   * the even set only.
   */
  public double dot;

  /**
   * Sum of the targets. In a row with a label, of the weights of the even set; in float32
   * arithmetic without weights it is 0, because the sum is the size of the set.
   */
  public double mass;

  private final Arithmetic arithmetic;
  private final Row row;
  private final Targets targets;
  private final double[] t = new double[CHUNK];
  private final double[] terms = new double[CHUNK];
  private final Pair dots;
  private final Pair masses;

  public TargetSums(Arithmetic arithmetic, Row row, Targets targets) {
    this.arithmetic = arithmetic;
    this.row = row;
    this.targets = targets;
    dots = arithmetic.pair();
    masses = arithmetic.pair();
  }

  /**
   * Computes both sums.
   *
   * @param max the largest logit of the chunk
   */
  public void compute(Chunk chunk, long begin, double max) {
    double from = Double.isFinite(max) ? max : 0;
    dot = 0;
    mass = 0;
    if (targets.areDense()) {
      targets.loadDense(chunk, begin, t, terms);
      add(chunk, from);
    } else if (row.kind == Kind.LABEL && targets.smooth()) {
      targets.loadEven(chunk, begin, t);
      addDots(chunk, from);
      mass = targets.areWeighted() || arithmetic.wide ? sum(t, chunk.count) : 0;
    } else if (row.sparse) {
      addEven(chunk, begin, from);
      addEntries(chunk, begin, from);
    }
  }

  private void add(Chunk chunk, double max) {
    addDots(chunk, max);
    mass = sum(t, chunk.count);
  }

  private void addDots(Chunk chunk, double max) {
    for (int i = 0; i < chunk.count; i++) {
      double below = arithmetic.round(max - chunk.x[i]);
      terms[i] = t[i] == 0 ? 0 : arithmetic.round(t[i] * below);
    }
    dot = sum(terms, chunk.count);
  }

  private double sum(double[] values, int count) {
    arithmetic.sum(values, count, dots);
    return dots.value();
  }

  /** Adds the smoothing share of the classes of a sparse row. */
  private void addEven(Chunk chunk, long begin, double max) {
    if (targets.share == 0) {
      return;
    }
    targets.loadEven(chunk, begin, t);
    double share = arithmetic.round(targets.share);
    for (int i = 0; i < chunk.count; i++) {
      t[i] = arithmetic.round(share * t[i]);
    }
    add(chunk, max);
  }

  /** Adds the entries of a sparse row, in their order and in double. */
  private void addEntries(Chunk chunk, long begin, double max) {
    dots.set(dot, 0);
    masses.set(mass, 0);
    for (long j = 0; j < row.entries(); j++) {
      long clazz = row.entryClass(j);
      if (clazz < begin || clazz >= begin + chunk.count) {
        continue;
      }
      double target = targets.ofEntry(row.entryWeight(j), clazz);
      if (target != 0) {
        dots.add(target * (max - chunk.x[(int) (clazz - begin)]));
        masses.add(target);
      }
    }
    dot = dots.value();
    mass = masses.value();
  }
}
