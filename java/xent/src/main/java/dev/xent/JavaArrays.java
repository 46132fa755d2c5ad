// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import dev.xent.internal.plan.arrays.NullChecks;

/** The tensors of the short forms, which take Java arrays of floats and of labels. */
final class JavaArrays {
  private JavaArrays() {}

  /** A row, which the tensor shares. */
  static Tensor row(float[] values, String name) {
    return Tensor.of(NullChecks.require(values, name, "an array"));
  }

  /** A copy of rows. */
  static Tensor rows(float[][] values, String name) {
    return Tensor.copyOf(NullChecks.require(values, name, "an array of rows"));
  }

  /** The label of a row. */
  static Tensor label(int label) {
    return Tensor.of(new int[] {label});
  }

  /** A label for each row. */
  static Tensor labels(int[] labels) {
    return Tensor.of(NullChecks.require(labels, "labels", "an array"));
  }

  /** Returns the loss of rows, and copies its gradient into rows. */
  static double forwardBackward(Loss loss, Tensor input, int[] labels, float[][] gradient) {
    Tensor written = rows(gradient, "gradient");
    double reduced = loss.forwardBackward(input, labels(labels), written);
    for (int i = 0; i < gradient.length; i++) {
      Tensor.of(gradient[i]).copyFrom(written.select(0, i));
    }
    return reduced;
  }
}
