// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.DTypeException;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What softmax and log-softmax have in common, called through their common type. */
class SoftmaxOperationTest {
  private static final long[] SHAPE = {2, 3};
  private static final float[] LOGITS = {1, 2, 3, 0, -4, 7};
  private static final float[] UPSTREAM = {1, 0, -2, 0.5f, 0, 3};

  private static Tensor tensor(float[] values) {
    return Tensor.of(values.clone(), SHAPE);
  }

  @Test
  void eachCallHasTheSameResult() {
    for (SoftmaxOperation operation : List.of(Softmax.along(-1), LogSoftmax.along(-1))) {
      Tensor x = tensor(LOGITS);
      Tensor y = tensor(new float[6]);
      operation.on(x, y).run();
      Tensor written = tensor(new float[6]);
      operation.forward(x, written);
      assertThat(operation.forward(x).toFloatArray())
          .isEqualTo(y.toFloatArray())
          .isEqualTo(written.toFloatArray());

      Tensor dy = tensor(UPSTREAM);
      Tensor dx = tensor(new float[6]);
      Tensor bound = tensor(new float[6]);
      operation.backward(y, dy, dx);
      operation.onBackward(y, dy, bound).run();
      Tensor made = operation.backward(y, dy);
      assertThat(made.type()).isEqualTo(DType.F32);
      assertThat(made.shape()).isEqualTo(SHAPE);
      assertThat(dx.toFloatArray()).isEqualTo(bound.toFloatArray()).isEqualTo(made.toFloatArray());
      for (int row = 0; row < 2; row++) {
        assertThat(dx.getFloat(row, 0) + dx.getFloat(row, 1) + dx.getFloat(row, 2))
            .isCloseTo(0, org.assertj.core.data.Offset.offset(1e-6f));
      }
    }
  }

  /** Their results would not fit into memory. */
  @Test
  void integersAreRefusedBeforeResultsAreAllocated() {
    MemorySegment one = MemorySegment.ofArray(new int[1]);
    Tensor integers = Tensor.strided(one, DType.I32, new long[] {1L << 45, 3}, new long[] {0, 0});
    for (SoftmaxOperation operation : List.of(Softmax.along(-1), LogSoftmax.along(-1))) {
      assertThatThrownBy(() -> operation.forward(integers))
          .isInstanceOf(DTypeException.class)
          .hasMessageStartingWith("logits is I32");
      assertThatThrownBy(() -> operation.backward(integers, integers))
          .isInstanceOf(DTypeException.class)
          .hasMessageStartingWith("output is I32");
    }
  }

  @Test
  void theOptionsAreThoseOfTheBuilder() {
    SoftmaxOperation softmax = Softmax.builder().axis(1).temperature(2).build();
    assertThat(softmax.axis()).isEqualTo(1);
    assertThat(softmax).hasToString("Softmax[axis=1, temperature=2.0]");
    assertThat(LogSoftmax.along(0).axis()).isZero();
    assertThat(softmax.shard(0, 3).axis()).isEqualTo(1);
  }

  @Test
  void arraysHaveTheBitsOfTensors() {
    float[] row = {2, 1, 0};
    float[][] rows = {{2, 1, 0}, {0, 3, 1}};
    for (SoftmaxOperation operation : List.of(Softmax.along(-1), LogSoftmax.along(-1))) {
      float[] expected = operation.forward(Tensor.of(row.clone())).toFloatArray();
      assertThat(operation.forward(row)).isEqualTo(expected);
      assertThat(row).containsExactly(2, 1, 0);
      assertThat(operation.forward(rows)[0]).isEqualTo(expected);
      assertThat(operation.forward(rows))
          .isEqualTo(operation.forward(Tensor.copyOf(rows)).toFloatArrays());
      assertThatThrownBy(() -> operation.forward((float[]) null))
          .isInstanceOf(NullPointerException.class)
          .hasMessage("logits is null; expected an array");
    }
  }
}
