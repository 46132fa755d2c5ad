// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

import dev.xent.options.Smoothing;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * A batch of rows with one combination of the options of cross-entropy, and its loss with about 106
 * bits as a function of logits and targets.
 */
final class OptionCase {
  /** What targets are. */
  enum Kind {
    LABELS,
    PROBABILITIES,
    SPARSE
  }

  static final int ROWS = 2;
  static final int CLASSES = 7;
  static final int ENTRIES = 3;
  static final double SCALE = -1.5;

  final Kind kind;
  final double eps;
  final Smoothing smoothing;
  final boolean classWeighted;
  final boolean rowWeighted;
  final boolean masked;
  final boolean sunk;
  final double temperature;
  final double softcap;
  final double zLoss;

  final float[] x;
  final int[] labels = {2, 5};

  /** Of sparse targets: a class twice, and the ignore index. */
  final int[] entries = {2, 5, 2, 4, -100, 1};

  /** Probabilities, or those of the entries. */
  final float[] q;

  final float[] classWeights;
  final float[] rowWeights;
  final float[] sink;
  final byte[] mask;

  private OptionCase(int bits, Kind kind, double eps, Smoothing smoothing) {
    this.kind = kind;
    this.eps = eps;
    this.smoothing = smoothing;
    classWeighted = (bits & 1) != 0;
    rowWeighted = (bits & 2) != 0;
    masked = (bits & 4) != 0;
    sunk = (bits & 8) != 0;
    temperature = (bits & 16) != 0 ? 0.5 : 0;
    softcap = (bits & 32) != 0 ? 5 : 0;
    zLoss = (bits & 64) != 0 ? 0.01 : 0;
    SplittableRandom random = new SplittableRandom(bits + 1000L * kind.ordinal());
    x = numbers(random, ROWS * CLASSES, -4, 4);
    q = numbers(random, kind == Kind.SPARSE ? ROWS * ENTRIES : ROWS * CLASSES, 0.01, 0.4);
    classWeights = numbers(random, CLASSES, 0.1, 2);
    rowWeights = numbers(random, ROWS, 0.1, 3);
    sink = numbers(random, ROWS, -2, 3);
    mask = new byte[CLASSES];
    for (int k = 0; k < CLASSES; k++) {
      mask[k] = (byte) (masked && (k == 0 || k == 6) ? 0 : 1);
    }
  }

  private static float[] numbers(SplittableRandom random, int count, double least, double most) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextDouble(least, most);
    }
    return values;
  }

  /** Every combination. */
  static List<OptionCase> all() {
    List<OptionCase> cases = new ArrayList<>();
    for (int bits = 0; bits < 128; bits++) {
      for (Kind kind : Kind.values()) {
        cases.add(new OptionCase(bits, kind, 0, Smoothing.UNIFORM));
        cases.add(new OptionCase(bits, kind, 0.3, Smoothing.UNIFORM));
      }
      cases.add(new OptionCase(bits, Kind.LABELS, 0.3, Smoothing.OTHERS));
    }
    return cases;
  }

  boolean isCounted(int clazz) {
    return mask[clazz] != 0;
  }

  private double validRows() {
    double counted = 0;
    for (byte flag : mask) {
      counted += flag;
    }
    return counted;
  }

  double classWeight(int clazz) {
    return classWeighted ? classWeights[clazz] : 1;
  }

  double rowWeight(int row) {
    return rowWeighted ? rowWeights[row] : 1;
  }

  /** w q' of a class. */
  DoubleDouble target(int row, int clazz, DoubleDouble[] probabilities) {
    DoubleDouble kept = DoubleDouble.ZERO;
    boolean label = kind == Kind.LABELS && labels[row] == clazz;
    if (label) {
      kept = DoubleDouble.ONE;
    } else if (kind == Kind.PROBABILITIES) {
      kept = probabilities[row * CLASSES + clazz];
    } else if (kind == Kind.SPARSE) {
      for (int j = row * ENTRIES; j < (row + 1) * ENTRIES; j++) {
        kept = entries[j] == clazz ? kept.plus(probabilities[j]) : kept;
      }
    }
    boolean others = smoothing == Smoothing.OTHERS;
    DoubleDouble share =
        DoubleDouble.of(eps).dividedBy(DoubleDouble.of(validRows() - (others ? 1 : 0)));
    DoubleDouble smoothed = kept.times(DoubleDouble.sum(1, -eps));
    return (label && others ? smoothed : smoothed.plus(share)).times(classWeight(clazz));
  }

  DoubleDouble[] exactTargets() {
    return exact(q);
  }

  static DoubleDouble[] exact(float[] values) {
    DoubleDouble[] exact = new DoubleDouble[values.length];
    for (int i = 0; i < values.length; i++) {
      exact[i] = DoubleDouble.of(values[i]);
    }
    return exact;
  }

  /** What a row's formulas see of a logit. */
  DoubleDouble prepared(DoubleDouble logit) {
    DoubleDouble capped = logit;
    if (softcap != 0) {
      DoubleDouble e = Elementary.exp(logit.times(2 / softcap));
      capped = e.plus(-1).dividedBy(e.plus(1)).times(softcap);
    }
    return temperature == 0 ? capped : capped.dividedBy(DoubleDouble.of(temperature));
  }

  /** Log-sum-exp of a row. */
  DoubleDouble logSumExp(int row, DoubleDouble[] logits) {
    DoubleDouble sum = sunk ? Elementary.exp(DoubleDouble.of(sink[row])) : DoubleDouble.ZERO;
    for (int k = 0; k < CLASSES; k++) {
      if (isCounted(k)) {
        sum = sum.plus(Elementary.exp(prepared(logits[row * CLASSES + k])));
      }
    }
    return Elementary.log(sum);
  }

  /** The scaled loss of a row. */
  DoubleDouble loss(int row, DoubleDouble[] logits, DoubleDouble[] probabilities) {
    DoubleDouble logSumExp = logSumExp(row, logits);
    DoubleDouble loss = logSumExp.times(logSumExp).times(zLoss);
    for (int k = 0; k < CLASSES; k++) {
      if (isCounted(k)) {
        DoubleDouble below = logSumExp.minus(prepared(logits[row * CLASSES + k]));
        loss = loss.plus(target(row, k, probabilities).times(below));
      }
    }
    return loss.times(rowWeight(row)).times(SCALE);
  }

  @Override
  public String toString() {
    return "%s, eps %s %s, class weights %s, row weights %s, mask %s, sink %s, tau %s, cap %s, zeta %s"
        .formatted(
            kind,
            eps,
            smoothing,
            classWeighted,
            rowWeighted,
            masked,
            sunk,
            temperature,
            softcap,
            zLoss);
  }
}
