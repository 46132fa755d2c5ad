// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import dev.xent.DType;
import dev.xent.Tensor;
import java.io.Serializable;
import org.jspecify.annotations.Nullable;

/**
 * What rows have for targets: labels, or probabilities.
 *
 * @param probabilities how they are read; null: labels
 */
record Targets(@Nullable Logits probabilities) implements Serializable {
  /** Any whole numbers. */
  static final Targets LABELS = new Targets(null);

  /** Whether they are labels. */
  boolean areLabels() {
    return probabilities == null;
  }

  /** Room for those of a row. */
  Room room() {
    return new Room(probabilities == null ? DType.I64 : probabilities.type());
  }

  /**
   * Those of a row.
   *
   * @param target as Spark has it
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
