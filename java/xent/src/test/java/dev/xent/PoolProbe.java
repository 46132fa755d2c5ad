// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import java.util.stream.Collectors;

/** A program for {@link PoolTest}: computes and prints the names of Xent's threads. */
public final class PoolProbe {
  private PoolProbe() {}

  /**
   * Prints one line.
   *
   * @param arguments the number of rows of a thousand classes
   */
  public static void main(String[] arguments) {
    int rows = Integer.parseInt(arguments[0]);
    Tensor x = Tensor.of(new float[rows * 1000], rows, 1000);
    for (int i = 0; i < 10; i++) {
      Softmax.along(-1).forward(x, x);
    }
    System.out.println(
        Thread.getAllStackTraces().keySet().stream()
            .map(Thread::getName)
            .filter(name -> name.startsWith("xent-"))
            .sorted()
            .collect(Collectors.joining(" ", XentRuntime.get().threads() + ":", "")));
  }
}
