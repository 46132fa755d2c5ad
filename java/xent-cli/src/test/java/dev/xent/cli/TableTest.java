// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.Tensor;
import org.junit.jupiter.api.Test;

class TableTest {
  private static void assertTable(Tensor tensor, String... lines) {
    assertThat(Table.of(tensor, "-o Y.npy").lines()).containsExactly(lines);
  }

  @Test
  void aMatrixHasALineForEachRow() {
    assertTable(
        Tensor.of(new float[] {1, 0.25f, -3, Float.NaN, Float.NEGATIVE_INFINITY, 1e-9f}, 2, 3),
        "     0     1       2",
        "0  1.0  0.25    -3.0",
        "1  nan  -inf  1.0E-9",
        "f32 [2, 3]");
  }

  @Test
  void moreDimensionsHaveAnIndexForEachRow() {
    assertTable(
        Tensor.of(new long[] {1, 2, 3, 4, 5, 6, 7, 8}, 2, 2, 2),
        "        0  1",
        "[0, 0]  1  2",
        "[0, 1]  3  4",
        "[1, 0]  5  6",
        "[1, 1]  7  8",
        "i64 [2, 2, 2]");
  }

  @Test
  void oneDimensionIsAColumn() {
    assertTable(Tensor.of(new double[] {0.5, 1}, 2), "0  0.5", "1  1.0", "f64 [2]");
  }

  @Test
  void noNumberHasNoLine() {
    assertTable(Tensor.of(new float[0], 0, 3), "f32 [0, 3]");
    assertTable(Tensor.of(new float[0], 3, 0), "f32 [3, 0]");
    assertTable(Tensor.of(new float[0], 0), "f32 [0]");
  }

  @Test
  void whatDoesNotFitIsLeftOutAndSaid() {
    assertThat(Table.of(Tensor.of(new float[1200], 12, 100), "-o Y.npy").lines())
        .hasSize(12)
        .allSatisfy(line -> assertThat(line).hasSizeLessThanOrEqualTo(80))
        .startsWith("     0    1    2    3    4    5    6    7    8    9   10   11   12   13  ...")
        .endsWith("f32 [12, 100]; shown: the first 10 rows and 14 columns, -o Y.npy writes all");
    assertThat(Table.of(Tensor.of(new float[24], 12, 2), "-o Y.npy"))
        .endsWith("f32 [12, 2]; shown: the first 10 rows, -o Y.npy writes all");
    assertThat(Table.of(Tensor.of(new float[100], 1, 100), "-o Y.npy"))
        .endsWith("f32 [1, 100]; shown: the first 14 columns, -o Y.npy writes all");
  }
}
