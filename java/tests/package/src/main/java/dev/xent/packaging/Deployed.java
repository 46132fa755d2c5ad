// SPDX-License-Identifier: Apache-2.0
package dev.xent.packaging;

import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.Execution;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.XentRuntime;
import dev.xent.options.Backend;
import java.lang.foreign.Arena;
import java.util.Locale;

/** What an application does with Xent: a small call, and one that threads of the pool help with. */
public final class Deployed implements Runnable {
  private static final int CLASSES = 1000;

  /** The least number of rows that is divided. */
  private static final int MANY = 525;

  /** To be made by the class loader of an application. */
  public Deployed() {}

  @Override
  public void run() {
    try (Arena arena = Arena.ofShared()) {
      Tensor one = Tensor.allocate(arena, DType.F32, 1, CLASSES);
      Softmax.along(-1).forward(one, one);
      require(one.getFloat(0, 7), 1f / CLASSES);

      // The reference would take as long as all else for many rows.
      int rows = XentRuntime.get().backend() == Backend.NATIVE ? MANY : 1;
      Tensor logits = Tensor.allocate(arena, DType.F32, rows, CLASSES);
      Tensor labels = Tensor.of(new int[rows]);
      CrossEntropy loss =
          CrossEntropy.builder().execution(Execution.defaults().withThreads(2)).build();
      require((float) loss.forwardBackward(logits, labels, logits), (float) Math.log(CLASSES));
    }
  }

  private static void require(float actual, float expected) {
    if (actual != expected) {
      throw new AssertionError(String.format(Locale.ROOT, "%s instead of %s", actual, expected));
    }
  }
}
