// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_options;

/** The options of a call: {@code xent_options}. */
final class Options {
  /** The size of version 1. */
  private static final long LEAST_SIZE = 88;

  int isa;
  int fullyMasked;
  int hasIgnoreIndex;
  int hasGradientScale;
  long ignoreIndex;
  double labelSmoothing;
  double gradientScale;
  int smoothing;
  int reserved;
  double temperature;
  double softcap;
  double zLoss;
  double probabilityClamp;

  final SizedStruct copy = new SizedStruct(xent_options.layout(), LEAST_SIZE);

  /** Reads the fields from the copy. */
  void read() {
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
  }

  /** Whether one of the options is used that a plain call leaves 0. */
  boolean isGeneral() {
    return smoothing != XentH.XENT_SMOOTHING_UNIFORM()
        || temperature != 0
        || softcap != 0
        || zLoss != 0
        || probabilityClamp != 0;
  }

  /** Whether smoothing leaves the label out. */
  boolean smoothsOthers() {
    return smoothing == XentH.XENT_SMOOTHING_OTHERS();
  }

  /** c: what every gradient of cross-entropy is multiplied by. */
  double scale() {
    return hasGradientScale == 1 ? gradientScale : 1;
  }

  boolean maskedIsZero() {
    return fullyMasked == XentH.XENT_FULLY_MASKED_ZERO();
  }

  boolean ignores(long label) {
    return hasIgnoreIndex == 1 && label == ignoreIndex;
  }
}
