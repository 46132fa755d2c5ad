// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.errors.OptionException;
import dev.xent.internal.kernels.Array;
import dev.xent.internal.plan.arrays.InputViews;
import dev.xent.internal.plan.arrays.View;
import dev.xent.internal.plan.logits.SelectedOperation;
import java.lang.foreign.Arena;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A call of {@link SelectedLogProbabilities} with its tensors, to run once or often: {@link
 * SelectedLogProbabilities#on} returns it. The first two runs check everything. Later ones check
 * only what can change: whether the memory may still be used, and what it holds; they allocate
 * nothing.
 *
 * <p>One thread at a time may use it. A second one gets a {@link
 * java.util.ConcurrentModificationException}, also for a run within a run.
 */
public final class SelectedCall {
  final SelectedOperation.Bound bound;

  SelectedCall(SelectedOperation.Bound bound) {
    this.bound = bound;
  }

  /**
   * Sets further inputs of all later runs. Default: none.
   *
   * @param inputs a class mask, a sink, row offsets
   */
  public SelectedCall inputs(Inputs inputs) {
    bound.inputs(InputViews.of(inputs));
    return this;
  }

  /**
   * Sets the gradient that all later runs write. Default: none.
   *
   * @param gradient {@code dx}, in the shape of the logits; may be the logits themselves, but not
   *     overlap anything in any other way
   */
  public SelectedCall gradient(Tensor gradient) {
    bound.set(Array.GRADIENT, View.of(gradient, "gradient"));
    return this;
  }

  /**
   * Sets the factors of the gradients that all later runs write. Default: 1 for every class.
   *
   * @param upstream {@code g}, of a type that fits the logits, in the shape of the targets; null: 1
   *     for every class
   */
  public SelectedCall upstream(@Nullable Tensor upstream) {
    bound.set(Array.UPSTREAM, (View) upstream);
    return this;
  }

  /**
   * Makes all later runs save the statistics that {@link #backward} reads, 64 bytes per row.
   *
   * @param arena provides the memory; a run with more rows than all runs before takes new memory
   *     from it
   */
  public SelectedCall saveStatistics(Arena arena) {
    Objects.requireNonNull(arena, "arena");
    bound.saveStatistics(arena);
    return this;
  }

  /**
   * Makes all later runs save the statistics that {@link #backward} reads, in memory that is freed
   * some time after this call is no longer reachable.
   */
  public SelectedCall saveStatistics() {
    return saveStatistics(Arena.ofAuto());
  }

  /** Writes the log-probabilities of what the logits hold now. */
  public void run() {
    bound.compute();
  }

  /**
   * Writes the gradient alone, of the last run over the same logits and targets. The bits are those
   * that the run would have written with a gradient.
   *
   * @throws OptionException when the last run saved no statistics or failed, and when this call has
   *     no gradient to write
   */
  public void backward() {
    bound.backward();
  }
}
