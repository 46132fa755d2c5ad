// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import org.apache.spark.sql.types.DataType;
import org.jspecify.annotations.Nullable;

/** A function of rows. */
interface Operation extends Named {
  /** The type of its results. */
  DataType type();

  /** A computation of it for one thread. */
  Rows start();

  /** Computes the function row by row. */
  @FunctionalInterface
  interface Rows {
    /**
     * The result of a row, owned by the caller.
     *
     * @param arguments Spark's value of each argument; null for NULL
     */
    @Nullable Object of(@Nullable Object[] arguments);
  }
}
