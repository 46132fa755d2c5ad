// SPDX-License-Identifier: Apache-2.0
package dev.xent.netty;

import dev.xent.DType;
import dev.xent.Execution;
import dev.xent.Softmax;
import dev.xent.Tensor;
import dev.xent.support.Turns;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.lang.foreign.Arena;

/**
 * Softmax of the numbers in a buffer, by hand: through a view, through a tensor of its own memory,
 * and by a loop of getFloatLE and setFloatLE. Prints medians of runs that took turns.
 */
final class CompareSpeed {
  private CompareSpeed() {}

  public static void main(String[] arguments) throws Exception {
    compare(1, 1000);
    compare(64, 1000);
    compare(8, 32_000);
  }

  private static void compare(int rows, int classes) throws Exception {
    int elements = rows * classes;
    int room = 4 * elements + 512; // so that the pool does not put the two a power of 2 apart
    ByteBuf in = PooledByteBufAllocator.DEFAULT.directBuffer(room);
    ByteBuf out = PooledByteBufAllocator.DEFAULT.directBuffer(room);
    for (int i = 0; i < elements; i++) {
      in.writeFloatLE((float) Math.sin(i));
    }
    out.writeZero(4 * elements);
    try (Arena arena = Arena.ofConfined()) {
      Tensor x = NettyTensors.copy(in, arena, DType.F32, rows, classes);
      Tensor y = Tensor.allocate(arena, DType.F32, rows, classes);
      Tensor inView = NettyTensors.view(in, DType.F32, rows, classes);
      Tensor outView = NettyTensors.view(out, DType.F32, rows, classes);
      Softmax softmax = Softmax.builder().execution(Execution.sequential()).build();
      Turns.Call[] ways = {
        () -> softmax.forward(inView, outView),
        () -> softmax.forward(x, y),
        () -> loop(in, out, rows, classes)
      };
      double[] nanos = Turns.medians(Math.max(1, 200_000 / elements), ways);
      System.out.printf(
          "%4d x %5d: view %9.2f µs, plain %9.2f µs, loop %9.2f µs%n",
          rows, classes, nanos[0] / 1e3, nanos[1] / 1e3, nanos[2] / 1e3);
    } finally {
      in.release();
      out.release();
    }
  }

  private static void loop(ByteBuf in, ByteBuf out, int rows, int classes) {
    for (int r = 0; r < rows; r++) {
      int row = 4 * r * classes;
      float max = Float.NEGATIVE_INFINITY;
      for (int c = 0; c < classes; c++) {
        max = Math.max(max, in.getFloatLE(row + 4 * c));
      }
      float sum = 0;
      for (int c = 0; c < classes; c++) {
        float e = (float) Math.exp(in.getFloatLE(row + 4 * c) - max);
        out.setFloatLE(row + 4 * c, e);
        sum += e;
      }
      for (int c = 0; c < classes; c++) {
        out.setFloatLE(row + 4 * c, out.getFloatLE(row + 4 * c) / sum);
      }
    }
  }
}
