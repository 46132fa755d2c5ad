// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.kernels.Array;
import dev.xent.internal.kernels.Function;
import dev.xent.internal.kernels.Rule;
import dev.xent.internal.plan.arrays.ArrayViews;
import java.util.EnumSet;
import java.util.Set;

/**
 * The optional inputs that the statistics of a call depend on, as bits. A backward pass must have
 * the same ones as its forward pass.
 */
final class StatisticsInputs {
  /**
   * Inputs that every call has, that belong to the kind of targets, or that statistics do not
   * depend on.
   */
  private static final Set<Array> OTHERS =
      EnumSet.of(
          Array.LOGITS,
          Array.HIDDEN,
          Array.WEIGHTS,
          Array.TARGETS,
          Array.TARGET_WEIGHTS,
          Array.UPSTREAM);

  private static final long ALL = all();

  private StatisticsInputs() {}

  /** The optional inputs of a call that statistics depend on. */
  static long of(Checked call) {
    return call.arrays() & ALL;
  }

  /** Returns the names of inputs for an error message. */
  static String names(long inputs) {
    StringBuilder names = new StringBuilder();
    for (long left = inputs; left != 0; left &= left - 1) {
      Array array = ArrayViews.first(left);
      names.append(names.isEmpty() ? " with " : ", ").append(array.text);
    }
    return names.toString();
  }

  /** Returns the inputs that a forward pass and its backward pass both take. */
  private static long all() {
    long inputs = 0;
    for (Function backward : Function.values()) {
      if (backward.name().endsWith("_BACKWARD")) {
        String name = backward.name();
        Function forward = Function.valueOf(name.substring(0, name.lastIndexOf('_')));
        for (Array array : Array.values()) {
          Rule before = forward.rule(array);
          Rule after = backward.rule(array);
          boolean both = before != null && after != null && !before.written && !after.written;
          if (both && array.ordinal() < Array.LAYOUTS && !OTHERS.contains(array)) {
            inputs |= 1L << array.ordinal();
          }
        }
      }
    }
    return inputs;
  }
}
