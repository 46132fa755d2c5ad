// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference;

import static dev.xent.internal.kernels.reference.Constants.TANH;
import static dev.xent.internal.kernels.reference.Constants.TANH_SPLIT;

/** The hyperbolic tangent in float, for the softcap. */
final class HyperbolicTangent {
  /** From here on it is 1, to the last bit. */
  private static final float ONE_FROM = 10;

  /** e(x; this) is exp(x). */
  private static final float OWN_SCALE = 30;

  private HyperbolicTangent() {}

  static float of(float x) {
    float v = Math.min(Math.abs(x), ONE_FROM);
    return Math.copySign(v > TANH_SPLIT ? fromExponential(v) : polynomial(v), x);
  }

  private static float fromExponential(float v) {
    return 1 - 2 / (Exponential.of(2 * v, OWN_SCALE) + 1);
  }

  private static float polynomial(float v) {
    float z = v * v;
    float p = TANH[TANH.length - 1];
    for (int i = TANH.length - 2; i >= 0; i--) {
      p = Math.fma(p, z, TANH[i]);
    }
    return Math.fma(v * z, p, v);
  }
}
