// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import dev.xent.DType;
import dev.xent.Inputs;
import dev.xent.Tensor;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/** The weight of a row as an input of a loss, reused for the next row. One thread. */
final class RowWeight {
  /** Where the functions of rows have their weight, after logits or states, and labels. */
  static final int INDEX = 2;

  private final DType type;
  private final Tensor weight;
  private final Inputs without;
  private final Inputs with;

  /**
   * Allocates the memory of a weight.
   *
   * @param type that weights are rounded to: the type of the results
   */
  RowWeight(DType type) {
    this(type, Inputs.none(), Inputs::withRowWeights);
  }

  /**
   * The same in addition to other inputs.
   *
   * @param with adds the weight to inputs
   */
  RowWeight(DType type, Inputs others, BiFunction<Inputs, Tensor, Inputs> with) {
    this.type = type;
    weight = new Room(type).of(1);
    without = others;
    this.with = with.apply(others, weight);
  }

  /** The inputs with a weight, or without if it is null. */
  Inputs inputs(@Nullable Double given) {
    if (given == null) {
      return without;
    }
    weight.setDouble(Losses.requireWeight(given, type), 0, 0);
    return with;
  }

  /** The weight among the arguments of a row, or null in a call without weights. */
  static @Nullable Double of(@Nullable Object[] arguments, int index) {
    return arguments.length > index ? (Double) arguments[index] : null;
  }

  /** Whether one of the arguments is NULL, so that the result is too. */
  static boolean anyNull(@Nullable Object[] arguments) {
    for (Object argument : arguments) {
      if (argument == null) {
        return true;
      }
    }
    return false;
  }
}
