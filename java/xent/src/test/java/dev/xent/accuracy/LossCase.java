// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

import dev.xent.Samples;
import dev.xent.Tensor;
import dev.xent.options.Reduction;
import java.util.Arrays;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A loss over a batch of rows, and what it would be with about 106 bits.
 *
 * @param labels class indices, or null: probability rows
 * @param ignored the index of rows to ignore, or null
 * @param reduction of loss and gradient
 * @param denominator of a mean, or 0: the valid rows
 * @param upstream whether each row has its own factor
 */
record LossCase(
    int @Nullable [] labels,
    float[] probabilities,
    @Nullable Long ignored,
    double smoothing,
    Reduction reduction,
    double denominator,
    double scale,
    boolean upstream) {
  static final int ROWS = 4;
  static final int CLASSES = 21;
  private static final float[] FACTORS = {1.5f, -2, 0, 0.1f};

  static Stream<LossCase> all() {
    return Stream.of(false, true)
        .flatMap(
            upstream ->
                Stream.of(
                    labels(null, 0, Reduction.MEAN, 0, 1, upstream),
                    labels(null, 0, Reduction.SUM, 0, 1, upstream),
                    labels(null, 0, Reduction.MEAN, 7, -2.5, upstream),
                    labels(5L, 0, Reduction.MEAN, 0, 1, upstream),
                    labels(5L, 0, Reduction.SUM, 0, 1, upstream),
                    labels(5L, 0.3, Reduction.MEAN, 1e6, 1e9, upstream),
                    labels(null, 0.1, Reduction.MEAN, 0, 1, upstream),
                    labels(null, 1, Reduction.SUM, 0, 1, upstream),
                    probabilities(0, Reduction.MEAN, 0, 1, upstream),
                    probabilities(0, Reduction.SUM, 0, 1, upstream),
                    probabilities(0.2, Reduction.MEAN, 0.5, -1, upstream)));
  }

  private static LossCase labels(
      @Nullable Long ignored,
      double smoothing,
      Reduction reduction,
      double denominator,
      double scale,
      boolean upstream) {
    int[] labels = {3, 5, 0, 20};
    return new LossCase(
        labels, new float[0], ignored, smoothing, reduction, denominator, scale, upstream);
  }

  private static LossCase probabilities(
      double smoothing, Reduction reduction, double denominator, double scale, boolean upstream) {
    float[] q = Samples.logits(ROWS * CLASSES, 0.2, 9);
    q[2] = 0;
    return new LossCase(null, q, null, smoothing, reduction, denominator, scale, upstream);
  }

  /** Logits of the batch; those of the last row are so far from 0 that it is shifted first. */
  static float[] logits() {
    float[] x = Samples.logits(ROWS * CLASSES, 3, 3);
    for (int k = 0; k < CLASSES; k++) {
      x[(ROWS - 1) * CLASSES + k] -= 20_000;
    }
    return x;
  }

  Tensor targets() {
    return labels == null ? Tensor.of(probabilities, ROWS, CLASSES) : Tensor.of(labels);
  }

  @Nullable Tensor upstreams() {
    return upstream ? Tensor.of(FACTORS) : null;
  }

  Target target(int row) {
    return labels == null
        ? Target.probabilities(
            Arrays.copyOfRange(probabilities, row * CLASSES, (row + 1) * CLASSES), smoothing)
        : Target.label(labels[row], CLASSES, smoothing);
  }

  /** What the loss of a row is multiplied by in the function that the gradient is of. */
  double factor(int row) {
    if (isIgnored(row)) {
      return 0;
    }
    int counted = 0;
    for (int r = 0; r < ROWS; r++) {
      counted += isIgnored(r) ? 0 : 1;
    }
    double divisor = reduction != Reduction.MEAN ? 1 : denominator == 0 ? counted : denominator;
    return (upstream ? FACTORS[row] : 1) * scale / divisor;
  }

  private boolean isIgnored(int row) {
    return labels != null && ignored != null && labels[row] == ignored;
  }

  @Override
  public String toString() {
    return "%s, ignored %s, smoothing %s, %s over %s, scale %s, %s"
        .formatted(
            labels == null ? "probabilities" : "labels",
            ignored,
            smoothing,
            reduction,
            denominator == 0 ? "rows" : denominator,
            scale,
            upstream ? "upstream per row" : "no upstream");
  }
}
