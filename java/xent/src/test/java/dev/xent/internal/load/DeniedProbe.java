// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.load;

import dev.xent.DType;
import dev.xent.Inputs;
import dev.xent.LogSumExp;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.errors.MemoryException;
import java.lang.foreign.Arena;

/** A program for {@link LoaderTest}: calls that are worth helpers, on memory of one thread. */
public final class DeniedProbe {
  private static final int ROWS = 300;
  private static final int CLASSES = 1000;

  /** Whose offsets take more than is kept from call to call. */
  private static final int RAGGED_ROWS = 200_000;

  private DeniedProbe() {}

  /**
   * Prints a line for each kind of call: what it computed, or the exception.
   *
   * @param arguments how often each call is made
   */
  public static void main(String[] arguments) {
    int calls = Integer.parseInt(arguments[0]);
    try (Arena arena = Arena.ofConfined()) {
      Tensor x = Tensor.allocate(arena, DType.F32, ROWS, CLASSES);
      Tensor values = Tensor.allocate(arena, DType.F32, 2 * RAGGED_ROWS);
      Tensor sums = Tensor.of(new float[RAGGED_ROWS]);
      long[] offsets = new long[RAGGED_ROWS + 1];
      for (int row = 0; row <= RAGGED_ROWS; row++) {
        offsets[row] = 2L * row;
      }
      Inputs ragged = Inputs.none().rowOffsets(Tensor.of(offsets));
      Softmax softmax = Softmax.along(-1);
      LogSumExp logSumExp = LogSumExp.along(-1);
      for (int i = 0; i < calls; i++) {
        softmax.forward(x, x);
        logSumExp.on(values, sums).inputs(ragged).run();
        logSumExp.on(Tensor.of(new float[2 * RAGGED_ROWS]), sums).inputs(ragged).run();
      }
      System.out.println(x.getFloat(0, 0));
      System.out.println(sums.getFloat(0));
      Tensor.ofAddress(x.segment().address(), Float.BYTES, null, DType.F32, 1);
    } catch (MemoryException e) {
      System.out.println(e.getMessage());
    }
  }
}
