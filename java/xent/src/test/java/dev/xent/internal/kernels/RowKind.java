// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import java.util.SplittableRandom;

/** Rows of every kind that the bits are tested on, the same kinds as in native/test/rows.h. */
enum RowKind {
  NORMAL,
  WIDE,
  OFFSET_1000,
  VERY_WIDE,
  HALF_MINUS_INFINITY,
  RISING,
  FALLING,
  ONE_NAN,
  ONE_PLUS_INFINITY,
  ALL_MINUS_INFINITY,
  SUBNORMAL,
  SCALE_1E30,
  ANY_FINITE_BITS,
  MOSTLY_MASKED,
  SIGNED_ZEROS,
  OFFSET_MINUS_20000,
  HUGE_OFFSET,
  FIRST_CHUNK_MINUS_INFINITY,
  SPIKE_OVER_FLAT_TAIL,
  ALL_EQUAL,
  MINUS_INFINITY_AND_NAN,
  SCALE_1E_MINUS_35;

  void fill(float[] x, SplittableRandom random) {
    for (int i = 0; i < x.length; i++) {
      x[i] = value(i, x.length, random);
    }
    int somewhere = random.nextInt(x.length);
    switch (this) {
      case ONE_NAN, MINUS_INFINITY_AND_NAN ->
          x[somewhere] = Float.intBitsToFloat(0x7fc00000 | random.nextInt() & 0x803fffff);
      case ONE_PLUS_INFINITY -> x[somewhere] = Float.POSITIVE_INFINITY;
      case SPIKE_OVER_FLAT_TAIL -> x[somewhere] = 3;
      default -> {}
    }
  }

  private float value(int i, int classes, SplittableRandom random) {
    float g = (float) random.nextGaussian();
    return switch (this) {
      case NORMAL -> 4 * g;
      case WIDE -> 40 * g;
      case OFFSET_1000 -> 1000 + g;
      case VERY_WIDE -> 1000 * g;
      case HALF_MINUS_INFINITY -> random.nextBoolean() ? Float.NEGATIVE_INFINITY : g;
      case RISING -> i * 0.01f;
      case FALLING -> i * -0.05f;
      case ONE_NAN, ONE_PLUS_INFINITY -> g;
      case ALL_MINUS_INFINITY, MINUS_INFINITY_AND_NAN -> Float.NEGATIVE_INFINITY;
      case SUBNORMAL -> Float.intBitsToFloat(random.nextInt() & 0x807fffff);
      case SCALE_1E30 -> 1e30f * g;
      case ANY_FINITE_BITS -> finite(random);
      case MOSTLY_MASKED -> random.nextInt(10) < 9 ? -1e9f : 3 * g;
      case SIGNED_ZEROS -> random.nextBoolean() ? 0.0f : -0.0f;
      case OFFSET_MINUS_20000 -> -20000 + g;
      case HUGE_OFFSET -> 3e38f + 1e37f * g;
      case FIRST_CHUNK_MINUS_INFINITY -> i < 8192 && i < classes - 1 ? Float.NEGATIVE_INFINITY : g;
      case SPIKE_OVER_FLAT_TAIL -> -15;
      case ALL_EQUAL -> 2.5f;
      case SCALE_1E_MINUS_35 -> 1e-35f * g;
    };
  }

  private static float finite(SplittableRandom random) {
    float v;
    do {
      v = Float.intBitsToFloat(random.nextInt());
    } while (!Float.isFinite(v));
    return v;
  }
}
