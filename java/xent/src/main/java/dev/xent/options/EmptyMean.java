// SPDX-License-Identifier: Apache-2.0
package dev.xent.options;

import dev.xent.errors.EmptyMeanException;

/** The mean loss if its denominator is zero, as when every row of a batch is ignored. */
public enum EmptyMean {
  /** NaN: zero rows have no mean. */
  NAN,
  /** Zero, so that a batch without rows changes nothing. */
  ZERO,
  /** {@link EmptyMeanException}, before anything is written. */
  ERROR
}
