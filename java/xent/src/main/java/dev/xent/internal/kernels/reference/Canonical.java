// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

/** Every NaN that is written is the canonical quiet one, whatever made it. */
final class Canonical {
  private Canonical() {}

  static float of(float v) {
    return v == v ? v : Float.NaN;
  }

  static double of(double v) {
    return v == v ? v : Double.NaN;
  }
}
