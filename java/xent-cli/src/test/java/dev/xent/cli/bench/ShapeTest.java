// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ShapeTest {
  @Test
  void hasItsClassesAlongTheLastAxisOrTheOneThatIsNamed() {
    Shape rows = Shape.of("64x1000");
    assertThat(rows.sizes()).isEqualTo(List.of(64L, 1000L));
    assertThat(rows.axis()).isOne();
    assertThat(rows.classes()).isEqualTo(1000);
    assertThat(rows.elements()).isEqualTo(64_000);
    assertThat(rows.rowDims()).containsExactly(64);
    assertThat(rows.isRows()).isTrue();

    Shape columns = Shape.of("2x64x56x56@1");
    assertThat(columns.classes()).isEqualTo(64);
    assertThat(columns.dims()).containsExactly(2, 64, 56, 56);
    assertThat(columns.rowDims()).containsExactly(2, 56, 56);
    assertThat(columns.isRows()).isFalse();

    assertThat(Shape.of("7").rowDims()).containsExactly(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"7", "64x1000", "2x64x56x56@1", "3x4@0"})
  void isShownAsItIsTyped(String word) {
    assertThat(Shape.of(word)).hasToString(word);
  }

  @Test
  void isShownWithoutTheAxisThatItHasAnyway() {
    assertThat(Shape.of("64x1000@1")).hasToString("64x1000").isEqualTo(Shape.of("64x1000"));
  }

  @Test
  void hasDefaultsOfRowsAndColumns() {
    for (boolean quick : new boolean[] {true, false}) {
      List<Shape> shapes = Shape.defaults(quick);
      assertThat(shapes).doesNotHaveDuplicates().anyMatch(Shape::isRows);
      assertThat(shapes).anyMatch(shape -> !shape.isRows());
    }
    assertThat(Shape.defaults(false)).hasSizeGreaterThan(Shape.defaults(true).size());
  }
}
