// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import java.io.Serializable;
import org.apache.spark.sql.types.DataType;
import org.jspecify.annotations.Nullable;

/** A function of rows with its options: immutable, comparable, and sent to executors. */
interface Operation extends Serializable {
  /** Its name in SQL. */
  String name();

  /** Options that are not the defaults, for plans and names of columns; or nothing. */
  String options();

  /** The type of its results. */
  DataType type();

  /** What computes it, for one thread. */
  Rows start();

  /** Computes the function of one row after the other. */
  @FunctionalInterface
  interface Rows {
    /**
     * The result of a row, which is the caller's own.
     *
     * @param arguments what Spark has for each argument; null where SQL says so
     */
    @Nullable Object of(@Nullable Object[] arguments);
  }
}
