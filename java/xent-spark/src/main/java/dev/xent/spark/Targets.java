// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import dev.xent.DType;
import dev.xent.Tensor;
import java.io.Serializable;
import org.jspecify.annotations.Nullable;

/**
 * The targets of rows: labels, or probabilities.
 *
 * @param probabilities the format of probabilities; null for labels
 */
record Targets(@Nullable Logits probabilities) implements Serializable {
  /** Labels of any integer type. */
  static final Targets LABELS = new Targets(null);

  /** Whether they are labels. */
  boolean areLabels() {
    return probabilities == null;
  }

  /** Memory for the targets of a row. */
  Room room() {
    return new Room(probabilities == null ? DType.I64 : probabilities.type());
  }

  /**
   * The targets of a row.
   *
   * @param target Spark's value
   */
  Tensor read(Object target, Room room) {
    if (probabilities != null) {
      return probabilities.read(target, room);
    }
    Tensor tensor = room.of(1);
    tensor.setLong(((Number) target).longValue(), 0, 0);
    return tensor;
  }
}
