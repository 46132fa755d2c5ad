// SPDX-License-Identifier: Apache-2.0
// Written by tools/functions.py: edit its sources, not this file.
package dev.xent.internal.kernels.reference.call;

import dev.xent.internal.ffi.xent_options;
import java.lang.foreign.MemorySegment;

/** The members of {@code xent_options}. */
public class OptionFields {
  public int fullyMasked;
  public int hasIgnoreIndex;
  public int smoothing;
  public long ignoreIndex;
  public double labelSmoothing;
  public double gradientScale;
  public double temperature;
  public double softcap;
  public double zLoss;
  public double probabilityClamp;
  public double focalGamma;
  public double focalAlpha;

  /** The numbers that a digest of statistics has only if they are not 0. */
  public final double[] digestedIfUsed = new double[1];

  OptionFields() {}

  /** Reads a struct. */
  public final void read(MemorySegment struct) {
    fullyMasked = xent_options.fully_masked(struct);
    hasIgnoreIndex = xent_options.has_ignore_index(struct);
    smoothing = xent_options.smoothing(struct);
    ignoreIndex = xent_options.ignore_index(struct);
    labelSmoothing = xent_options.label_smoothing(struct);
    gradientScale = xent_options.gradient_scale(struct);
    temperature = xent_options.temperature(struct);
    softcap = xent_options.softcap(struct);
    zLoss = xent_options.z_loss(struct);
    probabilityClamp = xent_options.probability_clamp(struct);
    focalGamma = xent_options.focal_gamma(struct);
    focalAlpha = xent_options.focal_alpha(struct);
    digestedIfUsed[0] = focalGamma;
  }
}
