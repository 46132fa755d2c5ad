// SPDX-License-Identifier: Apache-2.0

/**
 * Functions of Spark SQL: {@link dev.xent.spark.XentExtensions} registers them, {@link
 * dev.xent.spark.XentFunctions} returns them as columns, {@link dev.xent.spark.ShardedLoss}
 * computes rows whose classes are in different partitions.
 *
 * <p>Nothing is null unless it is marked {@code @Nullable}.
 */
@NullMarked
package dev.xent.spark;

import org.jspecify.annotations.NullMarked;
