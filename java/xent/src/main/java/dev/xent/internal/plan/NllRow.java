// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import dev.xent.DType;
import dev.xent.internal.kernels.reference.Lanes;
import java.lang.foreign.MemorySegment;

/**
 * The negative log-likelihood of one row of log-probabilities l under the targets q' = (1 - eps) q
 * + eps / K: loss = -sum q' l, and its gradient -c q'.
 *
 * <p>Sums over classes run as those of cross-entropy do: in sixteen double lanes per chunk, class i
 * in lane i mod 16, the lanes of a chunk in a tree, the chunks in order. So the bits depend on the
 * row alone. A class whose q' is 0 is not looked at. Every NaN is the canonical one, and no zero is
 * negative.
 */
final class NllRow {
  private final Lanes dot = new Lanes();
  private final Lanes mass = new Lanes();

  /** eps. */
  private double smoothing;

  /** K. */
  private long classes;

  /** eps / K. */
  private double spread;

  private DType logsType = DType.F32;
  private DType targetsType = DType.F32;
  private DType gradientType = DType.F32;

  /** Whether results are rounded to float before they are rounded to the type of an array. */
  private boolean narrow;

  /**
   * What the rows to come have in common.
   *
   * @param lead whose type decides on the arithmetic
   */
  void prepare(double newSmoothing, long newClasses, DType lead) {
    smoothing = newSmoothing;
    classes = newClasses;
    spread = newSmoothing / newClasses;
    narrow = lead != DType.F64;
  }

  /** The types of the arrays of floats, those that are there. */
  void types(Part logs, Part targets, Part gradient) {
    logsType = typeOf(logs);
    targetsType = typeOf(targets);
    gradientType = typeOf(gradient);
  }

  private static DType typeOf(Part part) {
    return part.view == null ? DType.F32 : part.view.type;
  }

  // ---- class indices ---------------------------------------------------------------------------

  /**
   * The loss of a row whose first element is at index {@code at}, with {@code stride} between
   * classes.
   */
  double loss(MemorySegment logs, long at, long stride, long label) {
    double atLabel = smoothing == 1 ? 0 : 0.0 - get(logs, at + label * stride);
    if (smoothing == 0) {
      return rounded(atLabel);
    }
    double average = (0.0 - sum(logs, at, stride)) / classes;
    return rounded(
        smoothing == 1 ? average : Math.fma(1 - smoothing, atLabel, smoothing * average));
  }

  private double sum(MemorySegment logs, long at, long stride) {
    double sum = 0;
    for (long chunk = 0; chunk < classes; chunk += Chunks.SIZE) {
      int count = (int) Math.min(Chunks.SIZE, classes - chunk);
      dot.clear();
      for (int i = 0; i < count; i++) {
        dot.add(i, get(logs, at + (chunk + i) * stride));
      }
      sum += dot.tree();
    }
    return sum;
  }

  /** Writes the gradient of the row's loss, scaled. */
  void gradient(MemorySegment gradient, long at, long stride, long label, double scale) {
    double others = value(spread, scale);
    for (long k = 0; k < classes; k++) {
      set(gradient, at + k * stride, others);
    }
    double weight = smoothing == 0 ? 1 : (1 - smoothing) + spread;
    set(gradient, at + label * stride, value(weight, scale));
  }

  /** Writes the gradient of a row that does not count. */
  void noGradient(MemorySegment gradient, long at, long stride) {
    for (long k = 0; k < classes; k++) {
      set(gradient, at + k * stride, 0);
    }
  }

  /** Whether the label is the first of the largest; false when that is infinite or any is NaN. */
  boolean hit(MemorySegment logs, long at, long stride, long label) {
    double best = get(logs, at + label * stride);
    if (!Double.isFinite(best)) {
      return false;
    }
    for (long k = 0; k < classes; k++) {
      double other = get(logs, at + k * stride);
      if (k < label ? !(other < best) : !(other <= best)) {
        return false;
      }
    }
    return true;
  }

  // ---- probability rows ------------------------------------------------------------------------

  /** The loss against a row of probabilities; NaN when their sum is not finite. */
  double loss(
      MemorySegment logs,
      long at,
      long stride,
      MemorySegment targets,
      long targetsAt,
      long targetsStride) {
    double product = 0;
    double total = 0;
    for (long chunk = 0; chunk < classes; chunk += Chunks.SIZE) {
      int count = (int) Math.min(Chunks.SIZE, classes - chunk);
      dot.clear();
      mass.clear();
      for (int i = 0; i < count; i++) {
        double weight = weight(targets, targetsAt + (chunk + i) * targetsStride);
        if (weight != 0) {
          dot.addProduct(i, weight, get(logs, at + (chunk + i) * stride));
        }
        mass.add(i, weight);
      }
      product += dot.tree();
      total += mass.tree();
    }
    return Double.isFinite(total) ? rounded(0.0 - product) : Double.NaN;
  }

  /** Writes the gradient of the row's loss against probabilities, scaled. */
  void gradient(
      MemorySegment gradient,
      long at,
      long stride,
      MemorySegment targets,
      long targetsAt,
      long targetsStride,
      double scale) {
    boolean finite = Double.isFinite(total(targets, targetsAt, targetsStride));
    for (long k = 0; k < classes; k++) {
      double weight = weight(targets, targetsAt + k * targetsStride);
      set(gradient, at + k * stride, finite ? value(weight, scale) : Double.NaN);
    }
  }

  private double total(MemorySegment targets, long at, long stride) {
    double total = 0;
    for (long chunk = 0; chunk < classes; chunk += Chunks.SIZE) {
      int count = (int) Math.min(Chunks.SIZE, classes - chunk);
      mass.clear();
      for (int i = 0; i < count; i++) {
        mass.add(i, weight(targets, at + (chunk + i) * stride));
      }
      total += mass.tree();
    }
    return total;
  }

  /** q'. */
  private double weight(MemorySegment targets, long index) {
    double q = Floats.get(targets, targetsType, index);
    return smoothing == 0 ? q : Math.fma(1 - smoothing, q, spread);
  }

  // ---- elements --------------------------------------------------------------------------------

  private double value(double weight, double scale) {
    return weight == 0 ? 0 : rounded(0.0 - scale * weight);
  }

  /** As it is handed out, and added up. */
  private double rounded(double value) {
    return narrow ? (float) value : value;
  }

  private double get(MemorySegment logs, long index) {
    return Floats.get(logs, logsType, index);
  }

  private void set(MemorySegment gradient, long index, double value) {
    Floats.set(gradient, gradientType, index, value);
  }
}
