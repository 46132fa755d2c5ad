// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.arrays;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.internal.kernels.ElementType;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

/** Which shapes go with the rows and the classes of a call. */
class DimensionsTest {
  private final Dimensions dimensions = new Dimensions();

  private Dimensions of(int axis, long... shape) {
    MemorySegment memory = MemorySegment.ofArray(new float[(int) Strides.elements(shape)]);
    View view = View.of(memory, ElementType.F32, shape, Strides.rowMajor(shape), null);
    dimensions.take("logits", view, axis);
    return dimensions;
  }

  private boolean isRows(boolean repeats, long... shape) {
    return dimensions.isRowShape(shape, repeats);
  }

  @Test
  void oneNumberPerRow() {
    of(1, 2, 4, 3);
    assertThat(isRows(false, 2, 3)).isTrue();
    assertThat(isRows(false, 2, 1, 3)).isTrue();
    assertThat(isRows(false, 2, 4, 3)).isFalse();
    assertThat(isRows(false, 3, 2)).isFalse();
    assertThat(isRows(false, 2)).isFalse();
    assertThat(isRows(false, 2, 1, 3, 1)).isFalse();
    assertThat(isRows(false, 1, 3)).isFalse();
  }

  @Test
  void numbersThatHoldForSeveralRows() {
    of(1, 2, 4, 3);
    assertThat(isRows(true, 2, 3)).isTrue();
    assertThat(isRows(true, 1, 3)).isTrue();
    assertThat(isRows(true, 2, 1, 1)).isTrue();
    assertThat(isRows(true, 2, 2)).isFalse();
    assertThat(isRows(true, 1)).isFalse();
  }

  @Test
  void someNumbersAlongTheClassAxis() {
    of(1, 2, 4, 3);
    assertThat(dimensions.hasRowsOfEntries(new long[] {2, 9, 3})).isTrue();
    assertThat(dimensions.hasRowsOfEntries(new long[] {2, 9, 4})).isFalse();
    assertThat(dimensions.hasRowsOfEntries(new long[] {1, 9, 3})).isFalse();
    assertThat(dimensions.hasRowsOfEntries(new long[] {2, 9})).isFalse();
  }

  @Test
  void aNumberPerClass() {
    of(1, 2, 4, 3);
    assertThat(dimensions.isClassShape(new long[] {2, 4, 3}, 4)).isTrue();
    assertThat(dimensions.isClassShape(new long[] {1, 4, 3}, 4)).isTrue();
    assertThat(dimensions.isClassShape(new long[] {1, 4, 1}, 4)).isTrue();
    assertThat(dimensions.isClassShape(new long[] {1, 1, 1}, 4)).isFalse();
    assertThat(dimensions.isClassShape(new long[] {3, 4, 3}, 4)).isFalse();
    assertThat(dimensions.isClassShape(new long[] {2, 4, 2}, 4)).isFalse();
    assertThat(dimensions.isClassShape(new long[] {2, 4}, 4)).isFalse();
  }

  @Test
  void inAMessage() {
    assertThat(of(-2, 2, 4, 3)).hasToString("[2, 4, 3] with classes along axis 1");
    dimensions.takeRagged(5, 7);
    assertThat(dimensions).hasToString("5 ragged rows of at most 7 classes");
  }
}
