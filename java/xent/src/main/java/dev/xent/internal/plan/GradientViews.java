// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan;

import org.jspecify.annotations.Nullable;

/** The gradients of a linear layer that are asked for. */
public final class GradientViews {
  public @Nullable View hidden;
  public @Nullable View weights;
  public @Nullable View bias;

  /** None of them. */
  public GradientViews() {}

  /** Whether any is a sum over rows. */
  boolean areOfClasses() {
    return weights != null || bias != null;
  }

  /** Writes +0 to all of them. */
  void clear() {
    Memory.clearIfPresent(hidden);
    Memory.clearIfPresent(weights);
    Memory.clearIfPresent(bias);
  }

  @Override
  public String toString() {
    return new Described("Gradients")
        .option("hidden", hidden, null)
        .option("weights", weights, null)
        .option("bias", bias, null)
        .toString();
  }
}
