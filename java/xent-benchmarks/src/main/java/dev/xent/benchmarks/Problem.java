// SPDX-License-Identifier: Apache-2.0
package dev.xent.benchmarks;

import dev.xent.DType;
import dev.xent.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;

/** Logits of a shape with labels, and room for what is made of them, off the heap. */
final class Problem implements AutoCloseable {
  private final Arena arena = Arena.ofShared();
  final Tensor logits;
  final Tensor labels;
  final Tensor output;

  Problem(String shape) {
    String[] sizes = shape.split("x");
    long rows = Long.parseLong(sizes[0]);
    long classes = Long.parseLong(sizes[1]);
    SplittableRandom random = new SplittableRandom(1);
    logits = Tensor.allocate(arena, DType.F32, rows, classes);
    for (long i = 0; i < rows * classes; i++) {
      logits.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, 4 * (float) random.nextGaussian());
    }
    labels = Tensor.allocate(arena, DType.I32, rows);
    for (long i = 0; i < rows; i++) {
      labels.segment().setAtIndex(ValueLayout.JAVA_INT, i, (int) random.nextLong(classes));
    }
    output = Tensor.allocate(arena, DType.F32, rows, classes);
  }

  @Override
  public void close() {
    arena.close();
  }
}
