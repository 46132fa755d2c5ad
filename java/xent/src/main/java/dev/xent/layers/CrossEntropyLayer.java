// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import dev.xent.CrossEntropy;
import dev.xent.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * {@code loss = - sum q log softmax(x)} of logits and targets, and back: {@code dx = c *
 * (softmax(x) * sum q - q)}, both from one read of the logits.
 *
 * <p>Targets, reductions and ownership: {@link LossLayer}; the rules at the edges: {@link
 * CrossEntropy}.
 *
 * <p><b>Probability clamp.</b> Some systems report {@code - sum q log(max(p, 1e-9))}, so that no
 * class costs more than {@code -ln 1e-9 = 20.723}. {@link #clamped} reports the loss like that, for
 * numbers that can be compared with theirs. The gradient stays that of the loss without the clamp:
 * with it, the rows that need correction most would get none. The clamped loss takes a second pass
 * over the logits.
 */
public final class CrossEntropyLayer extends LossLayer {

  private final CrossEntropy crossEntropy;
  private final @Nullable ProbabilityClamp clamp;

  /**
   * The mean over the rows, with classes along axis 1, or 0 where the shape has no other.
   *
   * @param shape of the logits, {@link Layer#ANY} where a size changes from call to call
   */
  public CrossEntropyLayer(long... shape) {
    this(CrossEntropy.mean(), null, shape);
  }

  private CrossEntropyLayer(
      CrossEntropy crossEntropy, @Nullable ProbabilityClamp clamp, long... shape) {
    super(crossEntropy.axis(shape.length), shape);
    this.crossEntropy = crossEntropy;
    this.clamp = clamp;
  }

  /** The mean over the rows, with classes along another axis; negative ones count from the end. */
  public static CrossEntropyLayer along(int axis, long... shape) {
    return of(CrossEntropy.builder().axis(axis).build(), shape);
  }

  /** With the options of an operation. */
  public static CrossEntropyLayer of(CrossEntropy operation, long... shape) {
    return new CrossEntropyLayer(operation, null, shape);
  }

  /**
   * With the options of an operation, and a reported loss in which no probability is below a bound.
   *
   * @param probability the bound, above 0 and at most 1: 1e-9 in the systems that clamp
   * @throws dev.xent.OptionException for any other
   */
  public static CrossEntropyLayer clamped(
      double probability, CrossEntropy operation, long... shape) {
    ProbabilityClamp clamp =
        new ProbabilityClamp(probability, operation, operation.axis(shape.length));
    return new CrossEntropyLayer(operation, clamp, shape);
  }

  @Override
  double run(Tensor inputs, Tensor targets, Tensor gradient, CrossEntropy.Outcome outcome) {
    double loss = crossEntropy.forwardBackward(inputs, targets, gradient, outcome);
    return clamp == null ? loss : clamp.loss(inputs, targets, outcome, losses.writable());
  }

  /** A thousandth. */
  @Override
  public double defaultRate() {
    return 0.001;
  }

  @Override
  void free() {
    super.free();
    if (clamp != null) {
      clamp.close();
    }
  }
}
