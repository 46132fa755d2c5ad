// SPDX-License-Identifier: Apache-2.0

/** Rows in parts: long rows of one call, and rows whose classes several processes share. */
@NullMarked
package dev.xent.internal.plan.shard;

import org.jspecify.annotations.NullMarked;
