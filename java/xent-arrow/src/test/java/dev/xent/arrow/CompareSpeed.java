// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import dev.xent.Execution;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.support.Turns;
import java.lang.foreign.Arena;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.types.Types.MinorType;

/**
 * Softmax of the numbers of a vector, by hand: through a view, through a tensor of its own memory,
 * and by a loop of get and set. Prints medians of runs that took turns.
 */
final class CompareSpeed {
  private CompareSpeed() {}

  public static void main(String[] arguments) throws Exception {
    compare(1, 1000);
    compare(64, 1000);
    compare(8, 32_000);
  }

  private static void compare(int rows, int classes) throws Exception {
    try (BufferAllocator allocator = new RootAllocator();
        FixedSizeListVector in = Vectors.fixed(allocator, MinorType.FLOAT4, rows, classes);
        FixedSizeListVector out = Vectors.fixed(allocator, MinorType.FLOAT4, rows, classes);
        Arena arena = Arena.ofConfined()) {
      Float4Vector from = (Float4Vector) in.getDataVector();
      Float4Vector to = (Float4Vector) out.getDataVector();
      for (int i = 0; i < rows * classes; i++) {
        from.set(i, (float) Math.sin(i));
      }
      Tensor inView = ArrowTensors.view(in);
      Tensor outView = ArrowTensors.view(out);
      Tensor x = ArrowTensors.copy(in, 0, arena);
      Tensor y = ArrowTensors.copy(out, 0, arena);
      Softmax softmax = Softmax.builder().execution(Execution.sequential()).build();
      Turns.Call[] ways = {
        () -> softmax.forward(inView, outView),
        () -> softmax.forward(x, y),
        () -> loop(from, to, rows, classes)
      };
      double[] nanos = Turns.medians(Math.max(1, 200_000 / (rows * classes)), ways);
      System.out.printf(
          "%4d x %5d: view %9.2f µs, plain %9.2f µs, loop %9.2f µs%n",
          rows, classes, nanos[0] / 1e3, nanos[1] / 1e3, nanos[2] / 1e3);
    }
  }

  private static void loop(Float4Vector in, Float4Vector out, int rows, int classes) {
    for (int row = 0; row < rows * classes; row += classes) {
      float max = Float.NEGATIVE_INFINITY;
      for (int c = 0; c < classes; c++) {
        max = Math.max(max, in.get(row + c));
      }
      float sum = 0;
      for (int c = 0; c < classes; c++) {
        float e = (float) Math.exp(in.get(row + c) - max);
        out.set(row + c, e);
        sum += e;
      }
      for (int c = 0; c < classes; c++) {
        out.set(row + c, out.get(row + c) / sum);
      }
    }
  }
}
