// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import dev.xent.Softmax;
import dev.xent.Tensor;

/** A program for {@link LoaderTest}: the first call of a JVM. */
public final class FirstCallProbe {
  private FirstCallProbe() {}

  /** Prints a probability. */
  public static void main(String[] arguments) {
    float[] probabilities = new float[2];
    Softmax.along(-1).forward(Tensor.of(new float[2], 2), Tensor.of(probabilities, 2));
    System.out.println(probabilities[0]);
  }
}
