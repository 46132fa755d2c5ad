// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.errors.MemoryException;
import dev.xent.errors.OptionException;
import dev.xent.errors.ShapeException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Consumer;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** The last values that are allowed, and the first that are not. */
class LimitsTest {
  private static final Tensor LOGITS = Tensor.of(new float[] {1, 2, 3, 4}, 2, 2);
  private static final Tensor LABELS = Tensor.of(new int[] {0, 1});

  private static void option(ThrowingCallable call, String message) {
    assertThatThrownBy(call).isInstanceOf(OptionException.class).hasMessageContaining(message);
  }

  @Test
  void powersOfTemperaturesAndSoftcapsAreNormalNumbers() {
    Tensor wide = Tensor.of(new double[] {1, 2, 3, 4}, 2, 2);
    for (double value : new double[] {0x1p-32, 1, 0x1p32}) {
      CrossEntropy loss = CrossEntropy.builder().temperature(value).softcap(value).build();
      loss.forward(LOGITS, LABELS);
      loss.forward(wide, LABELS);
    }
    for (double value :
        new double[] {Math.nextDown(0x1p-32), Math.nextUp(0x1p32), 0, -1, Double.NaN}) {
      option(() -> CrossEntropy.builder().temperature(value), "temperature is " + value);
      option(() -> CrossEntropy.builder().softcap(value), "softcap is " + value);
    }
  }

  @Test
  void zLossIsFiniteAndNotNegative() {
    CrossEntropy.builder().zLoss(0).zLoss(Double.MAX_VALUE).build();
    option(() -> CrossEntropy.builder().zLoss(-Double.MIN_VALUE), "zLoss is -4.9E-324");
    option(() -> CrossEntropy.builder().zLoss(Double.POSITIVE_INFINITY), "zLoss is Infinity");
  }

  @Test
  void probabilityClampIsAboveNothingAndAtMostAHalf() {
    CrossEntropy.builder().probabilityClamp(Double.MIN_VALUE).probabilityClamp(0.5).build();
    option(() -> CrossEntropy.builder().probabilityClamp(0), "probabilityClamp is 0.0");
    option(
        () -> CrossEntropy.builder().probabilityClamp(Math.nextUp(0.5)), "probabilityClamp is 0.5");
  }

  @Test
  void nothingNeedsNoAddress() {
    Tensor none = Tensor.ofAddress(0, 0, this, DType.F32, 0);
    assertThat(none.elements()).isZero();
    assertThat(none.isContiguous()).isTrue();
  }

  @Test
  void indicesEndBeforeTheSizeOfTheirAxis() {
    assertThat(LOGITS.getFloat(1, 1)).isEqualTo(4);
    assertThatThrownBy(() -> LOGITS.getFloat(1, 2))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("index 2 of axis 1")
        .hasMessageContaining("indices go from 0 to 1");
  }

  @Test
  void axesWithoutStepsAndWithoutElementsHaveNoGaps() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(64, 8);
      assertThat(strided(memory, new long[] {1, 3}, 7, 1).isContiguous()).isTrue();
      assertThat(strided(memory, new long[] {2, 3}, 4, 1).isContiguous()).isFalse();
      assertThat(strided(memory, new long[] {2, 0}, 5, 3).isContiguous()).isTrue();
      assertThat(strided(memory, new long[] {0, 3}, 1, 4).isContiguous()).isTrue();
    }
  }

  private static Tensor strided(MemorySegment memory, long[] shape, long... strides) {
    return Tensor.strided(memory, DType.F32, shape, strides);
  }

  /** An output has one place for each index. */
  @Test
  void outputsWhoseIndicesMeetAreRefused() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(256, 8);
      Tensor input = Tensor.of(new float[8], 4, 2);
      Softmax.along(-1).forward(input, strided(memory, new long[] {4, 2}, 2, 1));
      Softmax.along(-1).forward(input, strided(memory, new long[] {4, 2}, 1, 4));
      for (long[] strides : List.of(new long[] {2, 4}, new long[] {1, 1}, new long[] {1, 3})) {
        Tensor meets = strided(memory, new long[] {4, 2}, strides);
        assertThatThrownBy(() -> Softmax.along(-1).forward(input, meets))
            .isInstanceOf(MemoryException.class)
            .hasMessageContaining("has strides that put several indices on one element");
      }
    }
  }

  @Test
  void closedMemoryIsRefusedByEveryAccess() {
    Tensor floats;
    Tensor integers;
    try (Arena arena = Arena.ofConfined()) {
      floats = Tensor.allocate(arena, DType.F32, 2);
      integers = Tensor.allocate(arena, DType.I32, 2);
    }
    Tensor open = Tensor.of(new float[2]);
    List<Consumer<Tensor>> accesses =
        List.of(
            x -> x.getFloat(0),
            x -> x.getDouble(0),
            x -> x.setFloat(1, 0),
            x -> x.setDouble(1, 0),
            Tensor::toFloatArray,
            Tensor::toDoubleArray,
            x -> x.copyFrom(open),
            open::copyFrom,
            x -> integers.getLong(0),
            x -> integers.toLongArray());
    for (Consumer<Tensor> access : accesses) {
      assertThatThrownBy(() -> access.accept(floats))
          .isInstanceOf(MemoryException.class)
          .hasMessageContaining("is in a closed arena");
    }
  }
}
