// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import com.google.errorprone.annotations.CheckReturnValue;

/**
 * A loss of one tensor and its targets, the common interface of such losses:
 *
 * {@snippet file="dev/xent/ExamplesTest.java" region="loss" :
 * void train(Loss loss) {
 *   LossCall call = loss.on(logits, targets, gradient);
 *   while (batches.next(logits, targets)) {
 *     call.run();
 *     model.update(gradient);
 *   }
 * }
 *
 * }
 *
 * <p>{@link LossOutputs} request what else a call computes, and say which losses have it. {@link
 * LinearCrossEntropy}, a loss of hidden states, reads weights too and does not implement this
 * interface.
 *
 * <p>Instances are immutable; any number of threads may share one.
 */
public sealed interface Loss permits CrossEntropy, NllLoss, BinaryCrossEntropy, Divergence {

  /**
   * Returns the reduced loss.
   *
   * @param logits the logits; of {@link NllLoss} log-probabilities
   * @param targets what they are compared with; of {@link Divergence} the logits of the teacher
   */
  double forward(Tensor logits, Tensor targets);

  /**
   * Returns the reduced loss and writes its gradient.
   *
   * @param logits as in {@link #forward}
   * @param targets as in {@link #forward}
   * @param gradient in the shape of the logits; may be {@code logits} itself, but not overlap
   *     anything in any other way
   */
  double forwardBackward(Tensor logits, Tensor targets, Tensor gradient);

  /**
   * Returns the reduced loss with what it was reduced from: the losses of the rows, in a new
   * tensor.
   *
   * @param logits as in {@link #forward}
   * @param targets as in {@link #forward}
   */
  LossResult evaluate(Tensor logits, Tensor targets);

  /**
   * Returns a call of the loss alone that can be run often, with everything that a call can have.
   *
   * @param logits as in {@link #forward}
   * @param targets as in {@link #forward}; also sparse ones, if the loss supports them
   */
  LossCall on(Tensor logits, Tensor targets);

  /**
   * Returns a call that can be run often and writes the gradient.
   *
   * @param logits as in {@link #forward}
   * @param targets as in {@link #on(Tensor, Tensor)}
   * @param gradient as in {@link #forwardBackward}
   */
  LossCall on(Tensor logits, Tensor targets, Tensor gradient);

  /**
   * Returns this operation with another denominator, for means over more rows than one call sees.
   *
   * @param denominator as {@link ReducedBuilder#denominator}
   */
  @CheckReturnValue
  Loss withDenominator(double denominator);
}
