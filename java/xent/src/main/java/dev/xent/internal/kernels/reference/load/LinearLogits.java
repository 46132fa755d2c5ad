// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels.reference.load;

import static dev.xent.internal.kernels.Array.BIAS;
import static dev.xent.internal.kernels.Array.HIDDEN;
import static dev.xent.internal.kernels.Array.WEIGHTS;
import static dev.xent.internal.kernels.reference.call.GivenArrays.has;
import static dev.xent.internal.kernels.reference.math.DotProducts.BLOCK;

import dev.xent.internal.kernels.ElementType;
import dev.xent.internal.kernels.reference.call.GivenArrays;
import dev.xent.internal.kernels.reference.call.Layout;
import dev.xent.internal.kernels.reference.call.Shape;
import dev.xent.internal.kernels.reference.math.DotProducts;
import java.lang.foreign.MemorySegment;

/** Logits as products of hidden states and weights (conformance/numerics.md, section 13). */
final class LinearLogits {
  private final GivenArrays given;
  private final Shape shape;
  private final Matrix matrix = new Matrix();
  private final float[] features = new float[BLOCK];
  private final float[] weights = new float[BLOCK * BLOCK];
  private final float[] chains = new float[BLOCK];

  LinearLogits(GivenArrays given, Shape shape) {
    this.given = given;
    this.shape = shape;
  }

  /** Computes the logits of some classes of a row. */
  void load(long row, long begin, int count, double[] x) {
    for (int i = 0; i < count; i += BLOCK) {
      loadBlock(row, begin + i, Math.min(BLOCK, count - i), x, i);
    }
  }

  private void loadBlock(long row, long begin, int count, double[] x, int to) {
    for (long k = 0; k < shape.features; k += BLOCK) {
      int terms = (int) Math.min(BLOCK, shape.features - k);
      long at = shape.offset(shape.of(HIDDEN), row);
      matrix.load(given.of(HIDDEN), shape.of(HIDDEN), at, k, terms, features, 0, 1);
      for (int i = 0; i < count; i++) {
        long own = (begin + i) * shape.of(WEIGHTS).outer;
        matrix.load(given.of(WEIGHTS), shape.of(WEIGHTS), own, k, terms, weights, i, BLOCK);
      }
      DotProducts.multiply(features, 0, 1, terms, weights, false, chains, count);
      for (int i = 0; i < count; i++) {
        x[to + i] = k == 0 ? chains[i] : x[to + i] + chains[i];
      }
    }
    for (int i = 0; i < count; i++) {
      x[to + i] = (float) (has(given.of(BIAS)) ? x[to + i] + bias(begin + i) : x[to + i]);
    }
  }

  private double bias(long clazz) {
    MemorySegment bias = given.of(BIAS);
    Layout layout = shape.of(BIAS);
    return ElementType.of(layout.type).get(bias, clazz * layout.classes);
  }
}
