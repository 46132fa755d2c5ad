// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.internal.plan.options.Engine;
import dev.xent.internal.plan.options.OptionNumbers;
import java.util.Objects;

/**
 * What options of all operations have in common. The bases of builders and outputs say what an
 * option does; a builder says again which options it has, with its own type, so that an option may
 * move from base to base under programs that are compiled already.
 */
abstract class OperationBuilder {
  /** The numbers among its options. */
  final OptionNumbers numbers = new OptionNumbers();

  private Execution execution = Execution.defaults();

  /** Sets who computes. Default: {@link Execution#defaults}. */
  protected OperationBuilder execution(Execution value) {
    execution = Objects.requireNonNull(value, "execution");
    return this;
  }

  /** Who computes, as this process has it. */
  Engine engine() {
    return execution.engine();
  }
}
