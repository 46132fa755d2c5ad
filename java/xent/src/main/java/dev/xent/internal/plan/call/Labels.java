// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import dev.xent.internal.plan.arrays.CallArray;
import dev.xent.internal.plan.options.Options;

/** Properties of single labels of a call. */
public final class Labels {
  private Labels() {}

  /**
   * Whether a negative label stands for an unsigned number that exceeds a long, which is never the
   * ignore index.
   */
  public static boolean areUnsigned(CallArray labels) {
    return labels.isU64();
  }

  /** Whether a label is the ignore index. */
  public static boolean isIgnored(CallArray labels, Options options, long label) {
    return options.hasIgnoreIndex()
        && label == options.ignoreIndex()
        && (label >= 0 || !areUnsigned(labels));
  }
}
