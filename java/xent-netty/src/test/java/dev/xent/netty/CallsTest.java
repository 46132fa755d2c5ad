// SPDX-License-Identifier: Apache-2.0
package dev.xent.netty;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.CrossEntropy;
import dev.xent.DType;
import dev.xent.Execution;
import dev.xent.Tensor;
import dev.xent.support.Allocation;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Calls on views return the bits of calls on arrays, and allocate nothing. */
class CallsTest {
  private static final int ROWS = 7;
  private static final int CLASSES = 1003;

  private final float[] logits = new float[ROWS * CLASSES];
  private final int[] labels = new int[ROWS];
  private final ByteBuf logitBytes = PooledByteBufAllocator.DEFAULT.directBuffer();
  private final ByteBuf labelBytes = PooledByteBufAllocator.DEFAULT.directBuffer();
  private final ByteBuf gradientBytes =
      PooledByteBufAllocator.DEFAULT.directBuffer().writeZero(ROWS * CLASSES * Float.BYTES);

  CallsTest() {
    Random random = new Random(1);
    for (int i = 0; i < logits.length; i++) {
      logits[i] = (float) (5 * random.nextGaussian());
      logitBytes.writeFloatLE(logits[i]);
    }
    for (int i = 0; i < ROWS; i++) {
      labels[i] = random.nextInt(CLASSES);
      labelBytes.writeIntLE(labels[i]);
    }
  }

  @AfterEach
  void release() {
    logitBytes.release();
    labelBytes.release();
    gradientBytes.release();
  }

  @Test
  void lossAndGradientHaveTheBitsOfAPlainCall() {
    CrossEntropy loss = CrossEntropy.builder().labelSmoothing(0.1).build();
    float[] expected = new float[logits.length];
    double plain =
        loss.forwardBackward(
            Tensor.of(logits, ROWS, CLASSES),
            Tensor.of(labels),
            Tensor.of(expected, ROWS, CLASSES));

    double viewed =
        loss.forwardBackward(
            NettyTensors.view(logitBytes, DType.F32, ROWS, CLASSES),
            NettyTensors.view(labelBytes, DType.I32),
            NettyTensors.view(gradientBytes, DType.F32, ROWS, CLASSES));

    assertThat(Double.doubleToRawLongBits(viewed)).isEqualTo(Double.doubleToRawLongBits(plain));
    for (int i = 0; i < expected.length; i++) {
      assertThat(gradientBytes.getIntLE(4 * i)).isEqualTo(Float.floatToRawIntBits(expected[i]));
    }
  }

  @Test
  void callsAllocateNothing() {
    Tensor x = NettyTensors.view(logitBytes, DType.F32, ROWS, CLASSES);
    Tensor y = NettyTensors.view(labelBytes, DType.I32);
    Tensor dx = NettyTensors.view(gradientBytes, DType.F32, ROWS, CLASSES);
    CrossEntropy loss = CrossEntropy.builder().execution(Execution.sequential()).build();
    Allocation.requireNone(() -> loss.forwardBackward(x, y, dx));
  }
}
