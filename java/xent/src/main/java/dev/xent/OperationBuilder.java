// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.internal.plan.Engine;
import java.util.Objects;

/**
 * The option that all operations have in common.
 *
 * @param <B> the builder itself, which every option returns
 */
public abstract sealed class OperationBuilder<B extends OperationBuilder<B>>
    permits Argmax.Builder, LogitBuilder, ReducedBuilder, Sampler.Builder {
  private Execution execution = Execution.defaults();

  OperationBuilder() {}

  /** Sets who computes. Default: {@link Execution#defaults}. */
  public B execution(Execution value) {
    execution = Objects.requireNonNull(value, "execution");
    return self();
  }

  /** Who computes, as this process has it. */
  Engine engine() {
    return execution.engine();
  }

  /** This builder. */
  abstract B self();
}
