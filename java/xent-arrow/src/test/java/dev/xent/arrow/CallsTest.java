// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.CrossEntropy;
import dev.xent.Execution;
import dev.xent.Inputs;
import dev.xent.LossCall;
import dev.xent.Tensor;
import dev.xent.options.Reduction;
import dev.xent.support.Allocation;
import java.util.Arrays;
import java.util.Random;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.types.Types.MinorType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Calls on views return the bits of calls on arrays, and allocate nothing. */
class CallsTest {
  private static final int ROWS = 7;
  private static final int CLASSES = 1003;

  private final float[] logits = new float[ROWS * CLASSES];
  private final int[] labels = new int[ROWS];
  private final BufferAllocator allocator = new RootAllocator();
  private final FixedSizeListVector logitLists =
      Vectors.fixed(allocator, MinorType.FLOAT4, ROWS, CLASSES);
  private final FixedSizeListVector gradientLists =
      Vectors.fixed(allocator, MinorType.FLOAT4, ROWS, CLASSES);
  private final IntVector labelVector = (IntVector) Vectors.numbers(allocator, MinorType.INT, ROWS);

  CallsTest() {
    Random random = new Random(1);
    for (int i = 0; i < logits.length; i++) {
      logits[i] = (float) (5 * random.nextGaussian());
      ((Float4Vector) logitLists.getDataVector()).set(i, logits[i]);
    }
    for (int i = 0; i < ROWS; i++) {
      labels[i] = random.nextInt(CLASSES);
      labelVector.set(i, labels[i]);
    }
  }

  @AfterEach
  void release() {
    logitLists.close();
    labelVector.close();
    gradientLists.close();
    allocator.close();
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
            ArrowTensors.view(logitLists),
            ArrowTensors.view(labelVector),
            ArrowTensors.view(gradientLists));

    assertThat(Double.doubleToRawLongBits(viewed)).isEqualTo(Double.doubleToRawLongBits(plain));
    for (int i = 0; i < expected.length; i++) {
      assertThat(Float.floatToRawIntBits(((Float4Vector) gradientLists.getDataVector()).get(i)))
          .isEqualTo(Float.floatToRawIntBits(expected[i]));
    }
  }

  @Test
  void callsAllocateNothing() {
    Tensor x = ArrowTensors.view(logitLists);
    Tensor y = ArrowTensors.view(labelVector);
    Tensor dx = ArrowTensors.view(gradientLists);
    CrossEntropy loss = CrossEntropy.builder().execution(Execution.sequential()).build();
    Allocation.requireNone(() -> loss.forwardBackward(x, y, dx));
  }

  @Test
  void raggedRowsHaveTheBitsOfRowsOnTheirOwnAndAllocateNothing() {
    try (ListVector lists = Vectors.lists(allocator, 5, 900, 1);
        IntVector classes = (IntVector) Vectors.numbers(allocator, MinorType.INT, 3)) {
      classes.set(2, 0);
      Float4Vector values = (Float4Vector) lists.getDataVector();
      for (int i = 0; i < values.getValueCount(); i++) {
        values.set(i, logits[i]);
      }
      Ragged x = ArrowTensors.viewRagged(lists);
      Inputs inputs = x.inputs();
      Tensor y = ArrowTensors.view(classes);
      float[] gradient = new float[values.getValueCount()];
      Tensor dx = Tensor.of(gradient);
      CrossEntropy loss =
          CrossEntropy.builder().reduction(Reduction.SUM).execution(Execution.sequential()).build();
      LossCall call = loss.on(x.values(), y, dx).inputs(inputs);
      Allocation.requireNone(call::run);

      for (int row = 0, from = 0; row < 3; row++) {
        int to = lists.getOffsetBuffer().getInt(4L * (row + 1));
        float[] plain = Arrays.copyOfRange(logits, from, to);
        loss.forwardBackward(
            Tensor.of(plain, 1, plain.length),
            Tensor.of(new int[] {classes.get(row)}),
            Tensor.of(plain, 1, plain.length));
        assertThat(Arrays.copyOfRange(gradient, from, to)).containsExactly(plain);
        from = to;
      }
    }
  }
}
