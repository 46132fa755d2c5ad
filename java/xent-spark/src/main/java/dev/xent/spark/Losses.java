// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import dev.xent.DType;
import dev.xent.errors.OptionException;
import org.jspecify.annotations.Nullable;

/** The computation of an {@link AggregateOperation}. One thread. */
interface Losses {
  /**
   * Adds the loss of a row, or stores the row for {@link #finish}. The caller calls finish when
   * {@link LinearLosses#MOST} rows are stored.
   *
   * @param x Spark's value of the logits, states or hidden states
   * @param target its label, any integer type of Spark, or its probabilities
   * @param weight of the row; null if rows have no weights
   * @param row its number in the partition
   */
  void add(LossBuffer buffer, Object x, Object target, @Nullable Double weight, long row);

  /** Adds the losses of the rows stored in the buffer. */
  default void finish(LossBuffer buffer) {}

  /**
   * The weight of a row, rounded to the type of the results.
   *
   * @throws OptionException unless it is finite and at least 0
   */
  static double requireWeight(double given, DType type) {
    double weight = type == DType.F64 ? given : (float) given;
    if (!(weight >= 0 && weight <= Double.MAX_VALUE)) {
      throw new OptionException("weight", Double.toString(weight), "a finite number, at least 0");
    }
    return weight;
  }
}
