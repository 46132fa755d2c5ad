// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import dev.xent.internal.ffi.XentH;
import dev.xent.internal.ffi.xent_options;

/** The options of a call: {@code xent_options}. */
final class Options {
  int isa;
  int fullyMasked;
  int hasIgnoreIndex;
  int reserved;
  long ignoreIndex;
  double labelSmoothing;
  double gradientScale;

  final SizedStruct copy = new SizedStruct(xent_options.layout());

  /** Reads the fields from the copy. */
  void read() {
    isa = xent_options.isa(copy.struct);
    fullyMasked = xent_options.fully_masked(copy.struct);
    hasIgnoreIndex = xent_options.has_ignore_index(copy.struct);
    reserved = xent_options.reserved(copy.struct);
    ignoreIndex = xent_options.ignore_index(copy.struct);
    labelSmoothing = xent_options.label_smoothing(copy.struct);
    gradientScale = xent_options.gradient_scale(copy.struct);
  }

  boolean maskedIsZero() {
    return fullyMasked == XentH.XENT_FULLY_MASKED_ZERO();
  }

  boolean ignores(long label) {
    return hasIgnoreIndex == 1 && label == ignoreIndex;
  }
}
