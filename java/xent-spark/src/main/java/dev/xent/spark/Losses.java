// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import java.io.Serializable;

/** The losses that an aggregate adds up. One thread. */
interface Losses {
  /**
   * Adds the loss of a row, or lets it wait for {@link #finish}, which must be called when {@link
   * LinearLosses#MOST} rows wait.
   *
   * @param x what the row has for a loss, as Spark has it
   * @param label any whole number of Spark's
   * @param row which row of its partition it is
   */
  void add(LossBuffer buffer, Object x, Object label, long row);

  /** Adds the rows that wait in the buffer. */
  default void finish(LossBuffer buffer) {}

  /** The losses with their options: immutable, comparable, and sent to executors. */
  interface Source extends Serializable {
    /** The name of the aggregate in SQL. */
    String name();

    /** Options that are not the defaults, for plans and names of columns; or nothing. */
    String options();

    /** Whether a row that is refused counts as null. */
    boolean tries();

    /** What to correct if no row has the length that is required. */
    String remedy();

    /** What computes them, for one thread. */
    Losses losses();
  }
}
