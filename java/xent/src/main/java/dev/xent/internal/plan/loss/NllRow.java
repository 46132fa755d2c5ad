// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.loss;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.reference.math.Lanes;
import dev.xent.internal.plan.arrays.ArrayRow;
import dev.xent.internal.plan.call.Chunks;
import dev.xent.internal.plan.call.Run;
import dev.xent.internal.plan.call.WrongLabels;
import dev.xent.internal.plan.options.OptionRange;
import dev.xent.internal.plan.options.Options;
import dev.xent.options.Smoothing;
import java.util.Set;

/**
 * The negative log-likelihood of one row of log-probabilities l with the targets q' = (1 - eps) q +
 * eps h and the class weights w. The loss is -sum w q' l, its gradient -c w q', and the gradient of
 * the targets -c (1 - eps) w l. h is 1 / H for each of the H classes that smoothing adds to.
 *
 * <p>Sums over classes have the same order as in cross-entropy: sixteen double lanes per chunk with
 * class i in lane i mod 16, a tree over the lanes of a chunk, and the chunks in order. The classes
 * of sparse targets are added last. So the bits depend on the row alone. A class with w q' = 0 is
 * not read, and neither is a masked class. Every NaN is the canonical one, and no zero is negative.
 */
final class NllRow {
  /** The numeric options that it computes. */
  static final Set<OptionRange> NUMBERS = Set.of(OptionRange.LABEL_SMOOTHING);

  private final Lanes dot = new Lanes();
  private final Lanes mass = new Lanes();

  private final ArrayRow logs = new ArrayRow();
  private final ArrayRow targets = new ArrayRow();
  private final ArrayRow targetWeights = new ArrayRow();
  private final ArrayRow classWeights = new ArrayRow();
  private final ArrayRow mask = new ArrayRow();
  private final ArrayRow gradient = new ArrayRow();
  private final ArrayRow targetGradient = new ArrayRow();

  private Options options;

  /** The smoothing eps. */
  private double smoothing;

  /** Whether smoothing adds nothing to the label's class. */
  private boolean others;

  /** Whether results are rounded to float before they are rounded to the type of an array. */
  private boolean narrow;

  private boolean masked;
  private boolean weighted;

  private Run run;

  // ---- the current row -------------------------------------------------------------------------

  private long row;

  /** The number of classes of the row, including masked ones. */
  private long classes;

  /** H, the number of classes among which smoothing is divided, if there is smoothing. */
  private long smoothedClasses;

  /** eps / H. */
  private double spread;

  NllRow() {}

  static NllRow of(Run run) {
    NllRow own = run.scratch(NllRow.class, NllRow::new);
    own.run = run;
    return own;
  }

  /** Sets what is the same for all rows of the current piece. */
  void prepare(Options newOptions) {
    options = newOptions;
    smoothing = options.number(OptionRange.LABEL_SMOOTHING);
    others = options.smoothing() == Smoothing.OTHERS;
    narrow = run.call.leadType() != ElementType.F64;
    take(logs, Array.LOGITS);
    take(targets, Array.TARGETS);
    take(targetWeights, Array.TARGET_WEIGHTS);
    take(gradient, Array.GRADIENT);
    take(targetGradient, Array.TARGET_GRADIENT);
    weighted = take(classWeights, Array.CLASS_WEIGHTS);
    masked = take(mask, Array.CLASS_MASK);
    classes = run.call.dimensions.classes;
    countSmoothed();
  }

  /** Uses the current piece of an array. Returns false if the call does not have it. */
  private boolean take(ArrayRow row, Array array) {
    boolean has = run.has(array);
    if (has) {
      row.take(run.array(array), run.segment(array));
    }
    return has;
  }

  /** Drops the references to the memory of the call. */
  void release() {
    run = null;
    logs.release();
    targets.release();
    targetWeights.release();
    classWeights.release();
    mask.release();
    gradient.release();
    targetGradient.release();
  }

  /** Moves to a row of the current piece. */
  void enter(long newRow) {
    row = newRow;
    long inner = run.call.pieces.inner;
    targets.enter(row, inner);
    targetWeights.enter(row, inner);
    targetGradient.enter(row, inner);
    if (run.call.dimensions.ragged) {
      enterRagged();
    } else {
      logs.enter(row, inner);
      gradient.enter(row, inner);
      mask.enter(row, inner);
    }
    if (masked || run.call.dimensions.ragged) {
      countSmoothed();
    }
  }

  private void enterRagged() {
    long first = run.call.firstOfRow(row);
    classes = run.call.lengthOfRow(row);
    logs.enterRagged(first);
    gradient.enterRagged(first);
    mask.enterRagged(first);
    if (!run.call.hasLabels() && run.call.shape.targetCount == 0) {
      targets.enterRagged(first);
      targetGradient.enterRagged(first);
    }
  }

  private void countSmoothed() {
    if (smoothing == 0) {
      spread = 0;
      return;
    }
    long allowed = classes;
    if (masked) {
      allowed = 0;
      for (long k = 0; k < classes; k++) {
        allowed += isUnmasked(k) ? 1 : 0;
      }
    }
    smoothedClasses = others ? allowed - 1 : allowed;
    spread = smoothedClasses <= 0 ? 0 : smoothing / smoothedClasses;
  }

  long label() {
    return targets.integer(0);
  }

  // ---- class indices ---------------------------------------------------------------------------

  /**
   * The loss for a label.
   *
   * @param times the weight of the row
   */
  double loss(long label, double times) {
    double own = labelWeight(label);
    double atLabel = own == 0 ? 0 : 0.0 - log(label);
    if (spread == 0) {
      return rounded(times * (own * atLabel));
    }
    double even = smoothing * ((0.0 - sumOfSmoothed(label)) / smoothedClasses);
    return rounded(times * (own == 0 ? even : Math.fma(own, atLabel, even)));
  }

  private double labelWeight(long label) {
    double kept = 1 - smoothing;
    return weighted ? kept * weight(label) : kept;
  }

  /** The sum of w l over the classes that smoothing adds to. */
  private double sumOfSmoothed(long label) {
    double sum = 0;
    for (long chunk = 0; chunk < classes; chunk += Chunks.SIZE) {
      int count = (int) Math.min(Chunks.SIZE, classes - chunk);
      dot.clear();
      for (int i = 0; i < count; i++) {
        long k = chunk + i;
        if (!isSmoothed(k, label)) {
          continue;
        }
        if (!weighted) {
          dot.add(i, log(k));
        } else if (weight(k) != 0) {
          dot.addProduct(i, weight(k), log(k));
        }
      }
      sum += dot.tree();
    }
    return sum;
  }

  private boolean isSmoothed(long k, long label) {
    return isUnmasked(k) && !(others && k == label);
  }

  /** Writes the scaled gradient of the row's loss. */
  void gradient(long label, double scale) {
    double plain = value(spread, scale);
    for (long k = 0; k < classes; k++) {
      double value = weighted ? value(spread * weight(k), scale) : plain;
      gradient.set(k, isSmoothed(k, label) ? value : 0);
    }
    double target = smoothing == 0 ? 1 : others ? 1 - smoothing : (1 - smoothing) + spread;
    gradient.set(label, value(weighted ? target * weight(label) : target, scale));
  }

  /**
   * Whether the label is the first of the largest; false if the largest is infinite or any is NaN.
   */
  boolean hit(long label) {
    double best = log(label);
    if (!Double.isFinite(best)) {
      return false;
    }
    for (long k = 0; k < classes; k++) {
      if (isUnmasked(k)) {
        double other = log(k);
        if (k < label ? !(other < best) : !(other <= best)) {
          return false;
        }
      }
    }
    return true;
  }

  // ---- probability rows ------------------------------------------------------------------------

  /**
   * The loss for a row of probabilities; NaN if their weighted sum is not finite.
   *
   * @param times the weight of the row
   */
  double lossOfProbabilities(double times) {
    double product = 0;
    double total = 0;
    for (long chunk = 0; chunk < classes; chunk += Chunks.SIZE) {
      int count = (int) Math.min(Chunks.SIZE, classes - chunk);
      dot.clear();
      mass.clear();
      for (int i = 0; i < count; i++) {
        double target = isUnmasked(chunk + i) ? target(chunk + i) : 0;
        if (target != 0) {
          dot.addProduct(i, target, log(chunk + i));
        }
        mass.add(i, target);
      }
      product += dot.tree();
      total += mass.tree();
    }
    return Double.isFinite(total) ? rounded(times * (0.0 - product)) : Double.NaN;
  }

  /** Writes the scaled gradient of the row's loss for probabilities. */
  void gradientOfProbabilities(double scale) {
    boolean finite = Double.isFinite(sumOfProbabilities());
    for (long k = 0; k < classes; k++) {
      double value = isUnmasked(k) ? value(target(k), scale) : 0;
      gradient.set(k, finite ? value : Double.NaN);
    }
  }

  /** Writes the scaled gradient of the probabilities. */
  void targetGradientOfProbabilities(double scale) {
    boolean finite = Double.isFinite(sumOfProbabilities());
    for (long k = 0; k < classes; k++) {
      double value = isUnmasked(k) ? targetSlope(k, scale) : 0;
      targetGradient.set(k, finite ? value : Double.NaN);
    }
  }

  private double sumOfProbabilities() {
    double total = 0;
    for (long chunk = 0; chunk < classes; chunk += Chunks.SIZE) {
      int count = (int) Math.min(Chunks.SIZE, classes - chunk);
      mass.clear();
      for (int i = 0; i < count; i++) {
        mass.add(i, isUnmasked(chunk + i) ? target(chunk + i) : 0);
      }
      total += mass.tree();
    }
    return total;
  }

  /** The weighted smoothed target w q'. */
  private double target(long k) {
    double q = targets.get(k);
    double smoothed = smoothing == 0 ? q : Math.fma(1 - smoothing, q, spread);
    return weighted ? smoothed * weight(k) : smoothed;
  }

  // ---- sparse targets --------------------------------------------------------------------------

  /**
   * The loss for sparse targets; NaN if the sum of the targets is not finite.
   *
   * @param times the weight of the row
   */
  double lossOfEntries(double times) {
    double product = 0;
    double total = 0;
    if (spread != 0) {
      product = spread * sumOfSmoothed(-1);
      total = sumOfWeights();
    }
    for (long j = 0; j < run.call.shape.targetCount; j++) {
      long k = entry(j);
      if (isSkipped(k)) {
        continue;
      }
      requireClass(k);
      double target = entryTarget(j, k);
      if (target != 0) {
        product = Math.fma(target, log(k), product);
      }
      total += target;
    }
    return Double.isFinite(total) ? rounded(times * (0.0 - product)) : Double.NaN;
  }

  /** Writes the scaled gradient of the row's loss for sparse targets. */
  void gradientOfEntries(double scale) {
    double total = spread == 0 ? 0 : sumOfWeights();
    for (long k = 0; k < classes; k++) {
      gradient.set(k, isUnmasked(k) ? value(smoothedTarget(k), scale) : 0);
    }
    for (long j = 0; j < run.call.shape.targetCount; j++) {
      long k = entry(j);
      if (isSkipped(k)) {
        continue;
      }
      requireClass(k);
      total += entryTarget(j, k);
      double target = 0;
      for (long other = 0; other < run.call.shape.targetCount; other++) {
        target += entry(other) == k ? entryTarget(other, k) : 0;
      }
      gradient.set(k, value(target + smoothedTarget(k), scale));
    }
    if (!Double.isFinite(total)) {
      for (long k = 0; k < classes; k++) {
        gradient.set(k, Double.NaN);
      }
    }
  }

  /** Writes the scaled gradient of the weights of sparse targets. */
  void targetGradientOfEntries(double scale) {
    boolean finite = Double.isFinite(sumOfEntries());
    for (long j = 0; j < run.call.shape.targetCount; j++) {
      long k = entry(j);
      double value = 0;
      if (!isSkipped(k)) {
        requireClass(k);
        value = targetSlope(k, scale);
      }
      targetGradient.set(j, finite ? value : Double.NaN);
    }
  }

  private double sumOfEntries() {
    double total = spread == 0 ? 0 : sumOfWeights();
    for (long j = 0; j < run.call.shape.targetCount; j++) {
      long k = entry(j);
      if (!isSkipped(k)) {
        requireClass(k);
        total += entryTarget(j, k);
      }
    }
    return total;
  }

  /** The sum of the targets that smoothing adds to all classes. */
  private double sumOfWeights() {
    double total = 0;
    for (long k = 0; k < classes; k++) {
      total += isUnmasked(k) ? smoothedTarget(k) : 0;
    }
    return total;
  }

  private double smoothedTarget(long k) {
    return weighted ? spread * weight(k) : spread;
  }

  private double entryTarget(long j, long k) {
    double weight = targetWeights.get(j);
    double kept = smoothing == 0 ? weight : (1 - smoothing) * weight;
    return weighted ? kept * weight(k) : kept;
  }

  private boolean isSkipped(long k) {
    return options.isIgnored(run.array(Array.TARGETS).type, k);
  }

  private long entry(long j) {
    return targets.integer(j);
  }

  // ---- rows that are not valid -----------------------------------------------------------------

  /** Writes the gradients of a row that is not valid, which are 0. */
  void noGradient() {
    for (long k = 0; k < classes; k++) {
      gradient.set(k, 0);
    }
  }

  /** Writes the gradient of the targets of a row that is not valid, which is 0. */
  void noTargetGradient() {
    long count = run.call.shape.targetCount == 0 ? classes : run.call.shape.targetCount;
    for (long j = 0; j < count; j++) {
      targetGradient.set(j, 0);
    }
  }

  // ---- elements --------------------------------------------------------------------------------

  /**
   * Rejects a label that is not an unmasked class. Labels were checked before, but another thread
   * may have changed them.
   */
  void requireClass(long label) {
    long index = run.firstRow + row;
    if (label < 0 || label >= classes) {
      throw WrongLabels.outOfRange(index, label, run.array(Array.TARGETS).type, classes);
    }
    if (!isUnmasked(label)) {
      throw WrongLabels.ofMaskedClass(index, label, classes);
    }
  }

  private boolean isUnmasked(long k) {
    return !masked || mask.flag(k);
  }

  private double weight(long k) {
    return classWeights.get(k);
  }

  private double log(long k) {
    return logs.get(k);
  }

  /** The gradient of a target: c (1 - eps) w times -l. */
  private double targetSlope(long k, double scale) {
    double factor = scale * labelWeight(k);
    return factor == 0 ? 0 : rounded(factor * (0.0 - log(k)));
  }

  private double value(double weight, double scale) {
    return weight == 0 ? 0 : rounded(0.0 - scale * weight);
  }

  /** Rounds a value to the precision in which it is stored and added up. */
  private double rounded(double value) {
    return narrow ? (float) value : value;
  }
}
