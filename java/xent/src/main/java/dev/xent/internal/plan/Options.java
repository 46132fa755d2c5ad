// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import dev.xent.FullyMasked;
import dev.xent.internal.ffi.xent_options;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * What an operation tells the kernels in every call.
 *
 * @param isa its code
 * @param fullyMasked its code
 * @param hasIgnoreIndex whether {@code ignoreIndex} counts
 * @param ignoreIndex the label of rows to be ignored
 * @param labelSmoothing in [0, 1]
 */
public record Options(
    int isa, int fullyMasked, boolean hasIgnoreIndex, long ignoreIndex, double labelSmoothing) {

  /** For operations without targets. */
  public static Options of(Engine engine, FullyMasked fullyMasked) {
    return new Options(engine.isa(), fullyMasked.code(), false, 0, 0);
  }

  /** For operations with targets. */
  public static Options of(
      Engine engine, FullyMasked fullyMasked, @Nullable Long ignoreIndex, double labelSmoothing) {
    return new Options(
        engine.isa(),
        fullyMasked.code(),
        ignoreIndex != null,
        ignoreIndex == null ? 0 : ignoreIndex,
        labelSmoothing);
  }

  /** Fills an xent_options. */
  void write(MemorySegment struct, double gradientScale) {
    xent_options.isa(struct, isa);
    xent_options.fully_masked(struct, fullyMasked);
    xent_options.has_ignore_index(struct, hasIgnoreIndex ? 1 : 0);
    xent_options.ignore_index(struct, ignoreIndex);
    xent_options.label_smoothing(struct, labelSmoothing);
    xent_options.has_gradient_scale(struct, 1);
    xent_options.gradient_scale(struct, gradientScale);
  }
}
