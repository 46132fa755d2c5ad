// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.Inputs;
import org.jspecify.annotations.Nullable;

/** A loss of partial states. Weights have the type of their arithmetic. One thread. */
final class LossOfStates {
  private final CrossEntropy ofFloats;
  private final CrossEntropy ofDoubles;
  private final RowWeight weightOfFloats = new RowWeight(DType.F32);
  private final RowWeight weightOfDoubles = new RowWeight(DType.F64);

  LossOfStates(FunctionOptions options) {
    ofFloats = options.crossEntropy(DType.F32);
    ofDoubles = options.crossEntropy(DType.F64);
  }

  CrossEntropy of(RowStates states) {
    return states.type() == DType.F64 ? ofDoubles : ofFloats;
  }

  /** The inputs with the weight of a row, or without if it is null. */
  Inputs inputs(RowStates states, @Nullable Double weight) {
    return (states.type() == DType.F64 ? weightOfDoubles : weightOfFloats).inputs(weight);
  }
}
