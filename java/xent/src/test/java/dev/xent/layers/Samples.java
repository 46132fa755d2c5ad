// SPDX-License-Identifier: Apache-2.0
package dev.xent.layers;

import dev.xent.Tensor;
import java.util.Random;

/** Numbers for the tests of the layers: the same in every run. */
final class Samples {

  private Samples() {}

  /** Normally distributed values with the standard deviation {@code scale}. */
  static float[] normal(long seed, int count, double scale) {
    Random random = new Random(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (random.nextGaussian() * scale);
    }
    return values;
  }

  /** Labels in [0, classes). */
  static int[] labels(long seed, int count, int classes) {
    return new Random(seed).ints(count, 0, classes).toArray();
  }

  static float[] oneHot(int[] labels, int classes) {
    float[] rows = new float[labels.length * classes];
    for (int i = 0; i < labels.length; i++) {
      rows[i * classes + labels[i]] = 1f;
    }
    return rows;
  }

  /** Bit patterns, so that signs of zero and NaN are compared too. */
  static int[] bits(Tensor tensor) {
    float[] values = tensor.toFloatArray();
    int[] bits = new int[values.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Float.floatToRawIntBits(values[i]);
    }
    return bits;
  }
}
