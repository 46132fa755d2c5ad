// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.call;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_options;

/** The options of a call: {@code xent_options}. */
public final class Options {
  /** The size in the first version. */
  private static final long LEAST_SIZE = 104;

  public int isa;
  public int fullyMasked;
  public int hasIgnoreIndex;
  public int hasGradientScale;
  public long ignoreIndex;
  public double labelSmoothing;
  public double gradientScale;
  public int smoothing;
  public int reserved;
  public double temperature;
  public double softcap;
  public double zLoss;
  public double probabilityClamp;
  public double focalGamma;
  public double focalAlpha;

  public final SizedStruct copy = new SizedStruct(xent_options.sizeof(), LEAST_SIZE);

  /** Reads the fields from the copy. */
  public void read() {
    isa = xent_options.isa(copy.struct);
    fullyMasked = xent_options.fully_masked(copy.struct);
    hasIgnoreIndex = xent_options.has_ignore_index(copy.struct);
    hasGradientScale = xent_options.has_gradient_scale(copy.struct);
    ignoreIndex = xent_options.ignore_index(copy.struct);
    labelSmoothing = xent_options.label_smoothing(copy.struct);
    gradientScale = xent_options.gradient_scale(copy.struct);
    smoothing = xent_options.smoothing(copy.struct);
    reserved = xent_options.reserved(copy.struct);
    temperature = xent_options.temperature(copy.struct);
    softcap = xent_options.softcap(copy.struct);
    zLoss = xent_options.z_loss(copy.struct);
    probabilityClamp = xent_options.probability_clamp(copy.struct);
    focalGamma = xent_options.focal_gamma(copy.struct);
    focalAlpha = xent_options.focal_alpha(copy.struct);
  }

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
