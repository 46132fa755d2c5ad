// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.options.FullyMasked;

/**
 * The same options for different operations.
 *
 * @param temperature 0: none
 * @param softcap 0: none
 */
public record AnyBuilder(
    Execution execution, int axis, FullyMasked fullyMasked, double temperature, double softcap) {

  /** A builder with these options. */
  public <B extends LogitBuilder<B>> B with(B builder) {
    builder.execution(execution).axis(axis).fullyMasked(fullyMasked);
    if (temperature != 0) {
      builder.temperature(temperature);
    }
    if (softcap != 0) {
      builder.softcap(softcap);
    }
    return builder;
  }
}
