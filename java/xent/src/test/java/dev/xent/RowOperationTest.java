// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.DTypeException;
import dev.xent.errors.ShapeException;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What argmax, entropy and log-sum-exp have in common, called through their common type. */
class RowOperationTest {
  private static List<RowOperation> operations() {
    return List.of(Argmax.along(1), Entropy.along(1), LogSumExp.along(1));
  }

  @Test
  void theseAreAll() {
    assertThat(operations())
        .extracting(Object::getClass)
        .containsExactlyInAnyOrder((Class[]) RowOperation.class.getPermittedSubclasses());
  }

  @Test
  void eachCallHasTheSameResult() {
    for (DType type : List.of(DType.F32, DType.F64, DType.BF16)) {
      Tensor logits = Tensor.allocate(type, 2, 3);
      logits.copyFrom(Tensor.of(new float[] {1, 2, 3, 7, -4, 0}, 2, 3));
      for (RowOperation operation : operations()) {
        Tensor made = operation.forward(logits);
        DType numbers = type == DType.F64 ? DType.F64 : DType.F32;
        assertThat(made.type()).isEqualTo(operation instanceof Argmax ? DType.I32 : numbers);
        assertThat(made.shape()).containsExactly(2);
        Tensor written = Tensor.allocate(made.type(), 2, 1);
        operation.forward(logits, written);
        Tensor bound = Tensor.allocate(made.type(), 2);
        operation.on(logits, bound).run();
        for (long row = 0; row < 2; row++) {
          assertThat(text(made, row)).isEqualTo(text(bound, row)).isEqualTo(text(written, row, 0));
        }
      }
    }
  }

  /** Their results would not fit into memory. */
  @Test
  void wrongLogitsAreRefusedBeforeResultsAreAllocated() {
    MemorySegment one = MemorySegment.ofArray(new int[1]);
    Tensor integers = Tensor.strided(one, DType.I32, new long[] {1L << 45, 3}, new long[] {0, 0});
    Tensor line = Tensor.of(new float[10]);
    for (RowOperation operation : operations()) {
      assertThatThrownBy(() -> operation.forward(integers))
          .isInstanceOf(DTypeException.class)
          .hasMessageEndingWith("; expected a tensor of type F32, F16, BF16 or F64");
      assertThatThrownBy(() -> operation.forward(line))
          .isInstanceOf(ShapeException.class)
          .hasMessageStartingWith("logits is F32 [10] with one dimension, the operation has");
    }
  }

  private static String text(Tensor tensor, long... index) {
    return tensor.type().isInteger()
        ? Long.toString(tensor.getLong(index))
        : Double.toString(tensor.getDouble(index));
  }

  @Test
  void theOptionsAreThoseOfTheBuilder() {
    RowOperation entropy = Entropy.builder().axis(1).temperature(2).build();
    assertThat(entropy.axis()).isEqualTo(1);
    assertThat(entropy).hasToString("Entropy[axis=1, temperature=2.0]");
    assertThat(operations()).extracting(RowOperation::axis).containsOnly(1);
  }

  @Test
  void arraysHaveTheResultsOfTensors() {
    float[] row = {2, 1, 3};
    float[][] rows = {row, {0, 3, 1}};
    LogSumExp logSumExp = LogSumExp.along(-1);
    Tensor given = Tensor.copyOf(rows);
    assertThat(logSumExp.forward(row)).isEqualTo(logSumExp.forward(given).getFloat(0));
    assertThat(logSumExp.forward(rows)).isEqualTo(logSumExp.forward(given).toFloatArray());
    Entropy entropy = Entropy.along(-1);
    assertThat(entropy.forward(row)).isEqualTo(entropy.forward(given).getFloat(0));
    assertThat(entropy.forward(rows)).isEqualTo(entropy.forward(given).toFloatArray());
    assertThat(Argmax.along(-1).forward(row)).isEqualTo(2);
    assertThat(Argmax.along(-1).forward(rows)).containsExactly(2, 1);
  }
}
