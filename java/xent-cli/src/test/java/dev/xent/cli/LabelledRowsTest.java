// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.xent.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LabelledRowsTest {
  private static final int CLASSES = 2;

  /** Rows of 8 bytes: of 3 sequences of 4 positions, or of 12 positions. */
  @ParameterizedTest
  @CsvSource({
    "3, 4, 1000, 1",
    "3, 4, 48, 2",
    "3, 4, 24, 3",
    "3, 4, 16, 6",
    "3, 4, 15, 9",
    "3, 4, 1, 9",
    "1, 12, 1000, 1",
    "1, 12, 16, 6",
    "1, 12, 1, 11"
  })
  void blocksHaveEachRowOnceInOrder(int sequences, int positions, long bytes, int count) {
    int rows = sequences * positions;
    long[] ids = new long[rows];
    float[] values = new float[rows * CLASSES];
    for (int i = 0; i < rows; i++) {
      ids[i] = i;
      values[i * CLASSES] = i;
    }
    Tensor logits = Tensor.of(values, sequences, positions, CLASSES);
    Tensor tokens = Tensor.of(ids, sequences, positions);
    List<LabelledRows> blocks = LabelledRows.shifted(logits, tokens).blocks(bytes);
    List<Long> seen = new ArrayList<>();
    for (LabelledRows block : blocks) {
      assertThat(block.logits().elements() * Float.BYTES)
          .isLessThanOrEqualTo(Math.max(bytes, CLASSES * Float.BYTES));
      addTo(seen, block.logits(), block.labels());
    }
    assertThat(blocks).hasSize(count);
    assertThat(seen).hasSize(rows - sequences).isSorted().doesNotHaveDuplicates();
    for (int b = 0; b < sequences; b++) {
      assertThat(seen).doesNotContain((long) b * positions);
    }
  }

  private static void addTo(List<Long> seen, Tensor logits, Tensor labels) {
    if (labels.rank() > 1) {
      for (long i = 0; i < labels.dim(0); i++) {
        addTo(seen, logits.select(0, i), labels.select(0, i));
      }
      return;
    }
    for (long i = 0; i < labels.dim(0); i++) {
      assertThat(logits.getFloat(i, 0)).isEqualTo(labels.getLong(i) - 1);
      seen.add(labels.getLong(i));
    }
  }
}
