// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import dev.xent.DType;
import dev.xent.errors.OptionException;
import java.io.Serializable;
import org.jspecify.annotations.Nullable;

/** The losses that an aggregate adds up. One thread. */
interface Losses {
  /**
   * Adds the loss of a row, or lets it wait for {@link #finish}, which must be called when {@link
   * LinearLosses#MOST} rows wait.
   *
   * @param x what the row has for a loss, as Spark has it
   * @param target its label, any whole number of Spark's, or its probabilities
   * @param weight of the row; null if rows have none
   * @param row which row of its partition it is
   */
  void add(LossBuffer buffer, Object x, Object target, @Nullable Double weight, long row);

  /** Adds the rows that wait in the buffer. */
  default void finish(LossBuffer buffer) {}

  /**
   * The weight of a row, rounded to the type of the results.
   *
   * @throws OptionException unless it is finite and at least 0
   */
  static double requireWeight(double given, DType type) {
    double weight = type == DType.F64 ? given : (float) given;
    if (!(weight >= 0 && weight <= Double.MAX_VALUE)) {
      throw new OptionException("weight is " + weight + "; expected a finite number, at least 0");
    }
    return weight;
  }

  /** The losses with their options: immutable, comparable, and sent to executors. */
  interface Source extends Serializable {
    /** The name of the aggregate in SQL. */
    String name();

    /** Options that are not the defaults, for plans and names of columns; or nothing. */
    String options();

    /** Whether a row that is refused counts as null. */
    boolean tries();

    /** Whether rows have labels; else they have probabilities, and none of them is correct. */
    boolean labelled();

    /** How many of the largest classes count as found; 0 if that is not asked. */
    int topK();

    /** What to correct if no row has the length that is required. */
    String remedy();

    /** What computes them, for one thread. */
    Losses losses();
  }
}
