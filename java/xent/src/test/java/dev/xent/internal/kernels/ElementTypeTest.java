// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.xent.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class ElementTypeTest {
  @Test
  void isWhatTheFacadeCallsAType() {
    assertThat(DType.values())
        .extracting(DType::name)
        .containsExactlyElementsOf(Arrays.stream(ElementType.values()).map(Enum::name).toList());
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void agreesWithTheFacade(DType type) {
    ElementType element = ElementType.valueOf(type.name());
    assertThat(ElementType.of(element.number())).isEqualTo(element);
    assertThat(element.isUnsigned()).isEqualTo(type.isUnsigned());
    assertThat(element.byteSize()).isEqualTo(type.byteSize());
    assertThat(ElementType.holds(element.number(), ElementType.NUMBERS)).isEqualTo(type.isFloat());
    assertThat(ElementType.holds(element.number(), ElementType.LABELS)).isEqualTo(type.isInteger());
    assertThat(ElementType.isWide(element.number())).isEqualTo(type == DType.F64);
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 0, 13, Integer.MIN_VALUE, Integer.MAX_VALUE})
  void numbersThatAreNoTypeHoldNothing(int number) {
    assertThat(ElementType.exists(number)).isFalse();
    assertThat(ElementType.holds(number, -1)).isFalse();
    assertThat(ElementType.isWide(number)).isFalse();
  }

  @ParameterizedTest
  @EnumSource(
      value = ElementType.class,
      names = {"F32", "F64", "F16", "BF16"})
  void loadsWhatWasStoredOneByOneAndInRows(ElementType type) {
    double[] values = {0, -0.0, 1.5, -2, Double.POSITIVE_INFINITY, Double.NaN};
    double[] loaded = new double[values.length];
    for (int stride : new int[] {1, 3}) {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment array = arena.allocate((long) type.byteSize() * stride * values.length);
        float[] floats = new float[ElementType.SCRATCH];
        type.store(values, values.length, array, 0, stride, floats);
        type.load(array, 0, stride, loaded, loaded.length, floats);
        assertThat(loaded).containsExactly(values);
        for (int i = 0; i < values.length; i++) {
          assertThat(type.get(array, (long) i * stride)).isEqualTo(Double.valueOf(values[i]));
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = ElementType.class,
      names = {"I8", "U8", "I16", "I32", "I64", "U16", "U32", "U64"})
  void loadsIntegersWithTheSignOfTheirType(ElementType type) {
    MemorySegment ones = MemorySegment.ofArray(new long[] {-1});
    boolean extended = type.isUnsigned() && type != ElementType.U64;
    assertThat(type.getInteger(ones, 0))
        .isEqualTo(extended ? (1L << type.byteSize() * Byte.SIZE) - 1 : -1);
  }

  @Test
  void storesIntegersAlone() {
    MemorySegment array = MemorySegment.ofArray(new long[1]);
    ElementType.I64.setInteger(array, 0, -1);
    assertThat(ElementType.I64.getInteger(array, 0)).isEqualTo(-1);
    ElementType.I32.setInteger(array, 0, 7);
    assertThat(ElementType.I32.getInteger(array, 0)).isEqualTo(7);
    ElementType.I16.setInteger(array, 0, -3);
    assertThat(ElementType.I16.getInteger(array, 0)).isEqualTo(-3);
    ElementType.U8.setInteger(array, 0, 200);
    assertThat(ElementType.U8.getInteger(array, 0)).isEqualTo(200);
    ElementType.I8.setInteger(array, 0, -56);
    assertThat(ElementType.I8.getInteger(array, 0)).isEqualTo(-56);
    assertThatThrownBy(() -> ElementType.F16.setInteger(array, 0, 1))
        .isInstanceOf(AssertionError.class);
  }
}
