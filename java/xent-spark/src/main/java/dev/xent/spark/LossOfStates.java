// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import dev.xent.CrossEntropy;
import dev.xent.DType;

/** A loss of partial states. Its class weights have the type of their arithmetic. */
final class LossOfStates {
  private final CrossEntropy ofFloats;
  private final CrossEntropy ofDoubles;

  LossOfStates(FunctionOptions options) {
    ofFloats = options.crossEntropy(DType.F32);
    ofDoubles = options.crossEntropy(DType.F64);
  }

  CrossEntropy of(RowStates states) {
    return states.type() == DType.F64 ? ofDoubles : ofFloats;
  }
}
