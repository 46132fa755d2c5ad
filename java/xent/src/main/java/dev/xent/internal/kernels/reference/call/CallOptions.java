// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.call;

import dev.xent.internal.ffi.XentH;

/** The options of a call: {@code xent_options}. */
public final class CallOptions extends OptionFields {
  /** Whether smoothing leaves the label out. */
  public boolean smoothsOthers() {
    return smoothing == XentH.XENT_SMOOTHING_OTHERS();
  }

  /** c: what every gradient of cross-entropy is multiplied by. */
  public double scale() {
    return hasGradientScale == 1 ? gradientScale : 1;
  }

  public boolean maskedIsZero() {
    return fullyMasked == XentH.XENT_FULLY_MASKED_ZERO();
  }

  boolean ignores(long label) {
    return hasIgnoreIndex == 1 && label == ignoreIndex;
  }
}
