// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.errors.OptionException;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.call.LossBinding;
import dev.xent.internal.plan.call.Outputs;
import org.jspecify.annotations.Nullable;

/**
 * A call of a loss, with its tensors, inputs and outputs, to run once or often: {@link
 * CrossEntropy#on} and the {@code on} of other losses return it. The first two runs check
 * everything. Later ones check only what can change: whether the memory may still be used, and what
 * it holds. From the fourth on they allocate nothing once the JVM has compiled them; the first time
 * that a process makes frequent calls, one of them takes ten to thirty milliseconds more.
 *
 * <p>One thread at a time may use it. A second one gets a {@link
 * java.util.ConcurrentModificationException}, also for a run within a run.
 */
public final class LossCall {
  final LossBinding bound;
  private final boolean linear;

  LossCall(LossBinding bound, boolean linear) {
    this.bound = bound;
    this.linear = linear;
  }

  /**
   * Sets further inputs of all later runs. Default: none.
   *
   * @param inputs what the operation takes: weights, masks, a sink, row offsets
   */
  public LossCall inputs(Inputs inputs) {
    bound.inputs(InputViews.of(inputs));
    return this;
  }

  /**
   * Sets the gradient that all later runs write. Default: none.
   *
   * @param gradient {@code dx}, in the shape of the logits; may be the logits themselves, but not
   *     overlap anything in any other way
   * @throws OptionException for a linear layer, whose gradients are arguments of its {@code on}
   */
  public LossCall gradient(Tensor gradient) {
    if (linear) {
      throw new OptionException(
          "gradient is for losses of logits; expected gradients of the layer, as an argument of on(...)");
    }
    bound.set(Array.GRADIENT, View.of(gradient, "gradient"));
    return this;
  }

  /**
   * Sets further outputs of all later runs. Default: none.
   *
   * @param outputs receive the numbers of each run; their tensors are filled
   */
  public LossCall outputs(LossOutputs outputs) {
    bound.outputs(Outputs.of(outputs));
    return this;
  }

  /** Returns the reduced loss of what the memory of the tensors holds now. */
  public double run() {
    return bound.loss();
  }

  /**
   * Writes the gradient alone, of an earlier run over the same logits and targets. The bits are
   * those that the run would have written with a gradient.
   *
   * @param saved the outputs of that run, with the statistics that they saved; a {@link NllLoss}
   *     reads the numbers of the run alone
   * @throws OptionException when the outputs have no statistics of such a run, when this call has
   *     no gradient to write, and for a {@link BinaryCrossEntropy} or {@link Divergence}, which
   *     save none
   */
  public void backward(LossOutputs saved) {
    bound.backward(Outputs.saved(saved), null);
  }

  /**
   * Writes the gradient alone, of an earlier run over the same logits and targets, multiplied by
   * the upstream of each row.
   *
   * @param saved as in {@link #backward(LossOutputs)}
   * @param upstream one number per row, of a type that fits the logits; null: 1 for every row
   * @throws OptionException as in {@link #backward(LossOutputs)}
   */
  public void backward(LossOutputs saved, @Nullable Tensor upstream) {
    bound.backward(Outputs.saved(saved), (View) upstream);
  }
}
