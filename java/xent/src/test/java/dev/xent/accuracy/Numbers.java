// SPDX-License-Identifier: Apache-2.0
package dev.xent.accuracy;

import java.util.SplittableRandom;

/** Random numbers that are the same in every run. */
final class Numbers {
  private Numbers() {}

  static float[] normal(long seed, int count, double spread) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (random.nextGaussian() * spread);
    }
    return values;
  }
}
