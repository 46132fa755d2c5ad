// SPDX-License-Identifier: Apache-2.0

/**
 * Functions of Spark SQL: {@link dev.xent.spark.XentExtensions} registers them, {@link
 * dev.xent.spark.XentFunctions} makes columns of them, {@link dev.xent.spark.ShardedLoss} takes
 * rows whose classes lie in different partitions.
 *
 * <p>Nothing is null unless it is marked {@code @Nullable}.
 */
@NullMarked
package dev.xent.spark;

import org.jspecify.annotations.NullMarked;
