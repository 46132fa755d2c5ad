// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.Tensor;
import dev.xent.errors.OptionException;
import java.lang.foreign.Arena;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.types.Types.MinorType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Copies, in which a number stands for null. */
class CopyTest {
  private final BufferAllocator allocator = new RootAllocator();

  @AfterEach
  void nothingLeaks() {
    allocator.close();
  }

  @ParameterizedTest
  @EnumSource(names = {"FLOAT2", "FLOAT4", "FLOAT8", "TINYINT", "SMALLINT", "INT", "BIGINT"})
  void aNumberStandsForNull(MinorType type) {
    try (FieldVector vector = Vectors.numbers(allocator, type, 12);
        Arena arena = Arena.ofConfined()) {
      vector.setNull(0);
      vector.setNull(9);
      Tensor copy = ArrowTensors.copy(vector, -100, arena);
      for (int i = 0; i < 12; i++) {
        double value = copy.type().isFloat() ? copy.getDouble(i) : copy.getLong(i);
        assertThat(value).isEqualTo(i == 0 || i == 9 ? -100 : i);
      }
      assertThat(copy.segment().address()).isNotEqualTo(vector.getDataBuffer().memoryAddress());
    }
  }

  @Test
  void allNumbersOfAListThatIsNull() {
    try (FixedSizeListVector vector = Vectors.fixed(allocator, MinorType.FLOAT4, 3, 2, 2);
        Arena arena = Arena.ofConfined()) {
      vector.setNull(1);
      ((FixedSizeListVector) vector.getDataVector()).setNull(5);
      ((Float4Vector) ((FixedSizeListVector) vector.getDataVector()).getDataVector()).setNull(0);
      Tensor copy = ArrowTensors.copy(vector, -1, arena);
      assertThat(copy.shape()).containsExactly(3, 2, 2);
      assertThat(copy.toFloatArray()).containsExactly(-1, 1, 2, 3, -1, -1, -1, -1, 8, 9, -1, -1);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "UINT1, 0xff, 0x100",
    "UINT2, 0xffff, 0x10000",
    "UINT4, 0xffffffff, 0x100000000",
    "UINT8, 0x7ffffffffffffc00, -1"
  })
  void aNumberWithoutASignIsNotNegative(MinorType type, String most, String beyond) {
    try (FieldVector vector = Vectors.numbers(allocator, type, 2);
        Arena arena = Arena.ofConfined()) {
      vector.setNull(0);
      long largest = Long.decode(most);
      assertThat(ArrowTensors.copy(vector, largest, arena).toLongArray())
          .containsExactly(largest, 1);
      for (double other : new double[] {Long.decode(beyond), -1, 0.5, Double.NaN, 0x1p64}) {
        assertThatThrownBy(() -> ArrowTensors.copy(vector, other, arena))
            .isInstanceOf(OptionException.class);
      }
    }
  }

  @Test
  void theNumberMustBeOfTheType() {
    try (FieldVector bytes = Vectors.numbers(allocator, MinorType.UINT1, 3);
        FieldVector longs = Vectors.numbers(allocator, MinorType.BIGINT, 3);
        Arena arena = Arena.ofConfined()) {
      bytes.setNull(1);
      assertThat(ArrowTensors.copy(bytes, 255, arena).toLongArray()).containsExactly(0, 255, 2);
      assertThatThrownBy(() -> ArrowTensors.copy(bytes, -100, arena))
          .isInstanceOf(OptionException.class)
          .hasMessage(
              "forNull is -100.0, the vector has numbers of U8; expected a number that is one of these");
      assertThatThrownBy(() -> ArrowTensors.copy(longs, Double.NaN, arena))
          .isInstanceOf(OptionException.class);
      // One more than the largest, which a double does not have.
      assertThatThrownBy(() -> ArrowTensors.copy(longs, 0x1p63, arena))
          .isInstanceOf(OptionException.class);
      longs.setNull(0);
      assertThat(ArrowTensors.copy(longs, -0x1p63, arena).getLong(0)).isEqualTo(Long.MIN_VALUE);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "FLOAT2, 65519.99, 65504, 65520",
    "FLOAT4, 0x1.fffffefffffffp127, 0x1.fffffep127, 0x1.ffffffp127",
    "FLOAT8, 0x1.fffffffffffffp1023, 0x1.fffffffffffffp1023, NaN"
  })
  void theNumberMustNotBecomeInfinite(MinorType type, double most, double rounded, double beyond) {
    try (FieldVector vector = Vectors.numbers(allocator, type, 2);
        Arena arena = Arena.ofConfined()) {
      vector.setNull(0);
      for (int sign = -1; sign <= 1; sign += 2) {
        double given = sign * most;
        assertThat(ArrowTensors.copy(vector, given, arena).getDouble(0)).isEqualTo(sign * rounded);
        double infinite = sign * Double.POSITIVE_INFINITY;
        assertThat(ArrowTensors.copy(vector, infinite, arena).getDouble(0)).isEqualTo(infinite);
        if (beyond > 0) {
          double tooLarge = sign * beyond;
          assertThatThrownBy(() -> ArrowTensors.copy(vector, tooLarge, arena))
              .isInstanceOf(OptionException.class)
              .hasMessage(
                  "forNull is %s, the vector has numbers of %s; expected a number that is one of these",
                  tooLarge, type == MinorType.FLOAT2 ? "F16" : "F32");
        }
      }
      assertThat(ArrowTensors.copy(vector, Double.NaN, arena).getDouble(0)).isNaN();
    }
  }
}
