// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.call.Binding;
import dev.xent.internal.plan.call.Outputs;
import org.jspecify.annotations.Nullable;

/**
 * A call of an operation on logits, with its tensors, to run once or often: {@link Softmax#on} and
 * the {@code on} of others return it, and so does the {@code onBackward} of losses. The first two
 * runs check everything. Later ones check only what can change: whether the memory may still be
 * used, and what it holds. From the fourth on they allocate nothing once the JVM has compiled them,
 * except for one of the first thousand; the first time that a process makes frequent calls, one of
 * them takes ten to thirty milliseconds more.
 *
 * <p>One thread at a time may use it. A second one gets a {@link
 * java.util.ConcurrentModificationException}, also for a run within a run.
 */
public final class BoundCall {
  final Binding bound;
  private final @Nullable Outputs saved;

  BoundCall(Binding bound) {
    this.bound = bound;
    this.saved = null;
  }

  /** Of a call that saves statistics in outputs, or reads those that another one saved. */
  BoundCall(Binding bound, LossOutputs saved) {
    this.bound = bound;
    this.saved = Outputs.saved(saved);
  }

  /**
   * Sets further inputs of all later runs. Default: none.
   *
   * @param inputs what the operation takes: a class mask, a sink, row weights, row offsets
   */
  public BoundCall inputs(Inputs inputs) {
    bound.inputs(InputViews.of(inputs));
    return this;
  }

  /** Computes what the memory of the tensors holds now. */
  public void run() {
    bound.run(saved, 0);
  }
}
