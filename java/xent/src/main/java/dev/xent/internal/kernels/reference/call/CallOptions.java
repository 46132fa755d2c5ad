// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.call;

import dev.xent.internal.ffi.XentH;

/** The options of a call: {@code xent_options}. */
public final class CallOptions extends OptionFields {
  /** Whether smoothing excludes the label. */
  public boolean smoothsOthers() {
    return smoothing == XentH.XENT_SMOOTHING_OTHERS();
  }

  /** c: the factor of every gradient of cross-entropy; -0 stands for 0. */
  public double scale() {
    return Double.doubleToRawLongBits(gradientScale) == 0 ? 1 : gradientScale + 0.0;
  }

  /** Whether a row's share is not of smoothing, but the scale of its gradient. */
  public boolean scalesGradients() {
    return focalGamma > 0;
  }

  public boolean maskedIsZero() {
    return fullyMasked == XentH.XENT_FULLY_MASKED_ZERO();
  }

  boolean ignores(long label) {
    return hasIgnoreIndex == 1 && label == ignoreIndex;
  }
}
