// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.math;

import static dev.xent.internal.kernels.reference.math.Constants.LOG1P;

/**
 * What sigmoids and softplus of one element have in common, in float. Only one exponential is
 * needed, u = exp(-|x|): both sigmoids are computed from 1 / (1 + u), and softplus(x) = max(x, 0) +
 * log1p(u), so nothing cancels.
 */
final class SigmoidParts {
  /** u 2^30. */
  float e;

  /** 1 / (1 + u), the larger of sigmoid(x) and sigmoid(-x). */
  float s;

  /** The smaller one, times 2^30. */
  float v;

  /** log1p(u) 2^30. */
  float l;

  /** Sets the parts from u 2^30. */
  void take(float exponential) {
    e = exponential;
    float u = e * 0x1p-30f;
    s = 1 / (1 + u);
    v = e * s;
    float p = LOG1P[LOG1P.length - 1];
    for (int i = LOG1P.length - 2; i >= 0; i--) {
      p = Fma.fma(p, u, LOG1P[i]);
    }
    l = e * Fma.fma(p, u, 1);
  }
}
