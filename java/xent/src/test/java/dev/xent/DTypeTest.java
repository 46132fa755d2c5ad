// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumSet;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class DTypeTest {
  private static final EnumSet<DType> FLOATS =
      EnumSet.of(DType.F32, DType.F64, DType.F16, DType.BF16);
  private static final EnumSet<DType> UNSIGNED =
      EnumSet.of(DType.U8, DType.U16, DType.U32, DType.U64);

  @ParameterizedTest
  @EnumSource
  void isWhatItsNameSays(DType type) {
    int bits = Integer.parseInt(type.name().replaceAll("[A-Z]+", ""));
    assertThat(type.byteSize()).isEqualTo(bits / 8);
    assertThat(type.isFloat()).isEqualTo(FLOATS.contains(type));
    assertThat(type.isInteger()).isEqualTo(!FLOATS.contains(type));
    assertThat(type.isUnsigned()).isEqualTo(UNSIGNED.contains(type));
  }

  /** The types inside the library are found by their place. */
  @ParameterizedTest
  @EnumSource
  void isTheTypeOfThatNameInside(DType type) {
    assertThat(type.element.name()).isEqualTo(type.name());
    assertThat(DType.of(type.element)).isSameAs(type);
  }
}
