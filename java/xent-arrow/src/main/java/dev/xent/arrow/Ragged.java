// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import dev.xent.Inputs;
import dev.xent.Tensor;
import java.util.Objects;

/**
 * Rows of different lengths, as lists of numbers are: all values behind each other, and where the
 * rows begin and end.
 *
 * {@snippet file="dev/xent/arrow/ExamplesTest.java" region="ragged" :
 * Ragged logits = ArrowTensors.viewRagged(vector);
 * softmax.on(logits.values(), logits.values()).inputs(logits.inputs()).run();
 * }
 *
 * @param values one dimension; values before the first row and behind the last one belong to others
 * @param rowOffsets I32 or I64, one more than there are rows: row {@code r} has the values from
 *     {@code rowOffsets[r]} up to {@code rowOffsets[r + 1]}
 */
public record Ragged(Tensor values, Tensor rowOffsets) {
  /** Both of them. */
  public Ragged {
    Objects.requireNonNull(values, "values is null; expected a tensor");
    Objects.requireNonNull(rowOffsets, "rowOffsets is null; expected a tensor");
  }

  /** What a call needs beside the values. */
  public Inputs inputs() {
    return Inputs.none().rowOffsets(rowOffsets);
  }

  /** The number of rows. */
  public long rows() {
    return rowOffsets.elements() - 1;
  }
}
