// SPDX-License-Identifier: Apache-2.0
package dev.xent.arrow;

import dev.xent.Inputs;
import dev.xent.Tensor;
import java.util.Objects;

/**
 * Rows of different lengths, such as lists of numbers: the contiguous values of all rows, and the
 * offsets of the rows.
 *
 * {@snippet file="dev/xent/arrow/ExamplesTest.java" region="ragged" :
 * Ragged logits = ArrowTensors.viewRagged(vector);
 * softmax.on(logits.values(), logits.values()).inputs(logits.inputs()).run();
 * }
 *
 * @param values one dimension; values before the first row and after the last row are not used
 * @param rowOffsets I32 or I64, one more than the number of rows: row {@code r} has the values from
 *     {@code rowOffsets[r]} up to {@code rowOffsets[r + 1]}
 */
public record Ragged(Tensor values, Tensor rowOffsets) {
  /** Checks that neither tensor is null. */
  public Ragged {
    Objects.requireNonNull(values, "values is null; expected a tensor");
    Objects.requireNonNull(rowOffsets, "rowOffsets is null; expected a tensor");
  }

  /** The inputs of a call on the values: the row offsets. */
  public Inputs inputs() {
    return Inputs.none().withRowOffsets(rowOffsets);
  }

  /** The number of rows. */
  public long rows() {
    return rowOffsets.elements() - 1;
  }
}
