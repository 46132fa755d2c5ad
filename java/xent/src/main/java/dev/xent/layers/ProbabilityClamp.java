// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import dev.xent.CrossEntropy;
import dev.xent.LogSoftmax;
import dev.xent.NllLoss;
import dev.xent.OptionException;
import dev.xent.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * {@code - sum q log(max(p, bound))}: the log-softmax, raised to the log of the bound, then the
 * loss.
 */
final class ProbabilityClamp implements AutoCloseable {

  private final float lowest;
  private final int axis;
  private final LogSoftmax logSoftmax;
  private final NllLoss nllLoss;
  private final OwnedTensor logProbabilities = new OwnedTensor();

  ProbabilityClamp(double bound, CrossEntropy operation, int axis) {
    if (!(bound > 0 && bound <= 1)) {
      throw new OptionException(
          "the probability clamp is "
              + bound
              + ": give a number above 0 and at most 1, such as 1e-9");
    }
    lowest = (float) Math.log(bound);
    this.axis = axis;
    logSoftmax = LogSoftmax.along(axis);
    nllLoss = operation.onLogProbabilities();
  }

  /**
   * Computes the loss once more, under the clamp.
   *
   * @param losses those without the clamp, which are replaced
   */
  double loss(Tensor inputs, Tensor targets, CrossEntropy.Outcome outcome, Tensor losses) {
    Tensor clamped = logProbabilities.shaped(inputs.shape());
    logSoftmax.forward(inputs, clamped);
    raise(clamped, losses);
    return nllLoss.forward(clamped, targets, outcome);
  }

  /**
   * Rows without a loss keep none: under the policy for fully masked rows they have no
   * probabilities that could be clamped.
   */
  private void raise(Tensor logs, Tensor losses) {
    long[] shape = logs.shape();
    int classAxis = axis < 0 ? axis + shape.length : axis;
    long outer = Elements.product(shape, 0, classAxis);
    long classes = shape[classAxis];
    long inner = Elements.product(shape, classAxis + 1, shape.length);
    MemorySegment values = logs.segment();
    MemorySegment rows = losses.segment();
    long element = 0;
    for (long o = 0; o < outer; o++) {
      for (long k = 0; k < classes; k++) {
        for (long i = 0; i < inner; i++, element++) {
          if (Elements.get(rows, o * inner + i) == 0) {
            Elements.set(values, element, 0f);
          } else if (Elements.get(values, element) < lowest) {
            Elements.set(values, element, lowest);
          }
        }
      }
    }
  }

  @Override
  public void close() {
    logProbabilities.close();
  }
}
