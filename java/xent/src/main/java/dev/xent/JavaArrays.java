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
    return Tensor.copyOf(requireRows(values, name));
  }

  /** The label of a row. */
  static Tensor label(int label) {
    return Tensor.of(new int[] {label});
  }

  /** Returns the loss of rows. */
  static double forward(Loss loss, String name, float[][] input, int[] labels) {
    requireRows(input, name);
    Tensor targets = labels(labels);
    return loss.forward(Tensor.copyOf(input), targets);
  }

  /** Returns the loss of rows, and copies its gradient into rows. */
  static double forwardBackward(
      Loss loss, String name, float[][] input, int[] labels, float[][] gradient) {
    requireRows(input, name);
    requireRows(gradient, "gradient");
    Tensor targets = labels(labels);
    Tensor written = Tensor.copyOf(gradient);
    double reduced = loss.forwardBackward(Tensor.copyOf(input), targets, written);
    for (int i = 0; i < gradient.length; i++) {
      Tensor.of(gradient[i]).copyFrom(written.select(0, i));
    }
    return reduced;
  }

  private static Tensor labels(int[] labels) {
    return Tensor.of(NullChecks.require(labels, "labels", "an array"));
  }

  private static float[][] requireRows(float[][] values, String name) {
    return NullChecks.require(values, name, "an array of rows");
  }
}
