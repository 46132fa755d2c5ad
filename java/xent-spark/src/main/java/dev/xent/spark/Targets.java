// SPDX-License-Identifier: Apache-2.0
package dev.xent.spark;

import static dev.xent.spark.Messages.message;

import dev.xent.DType;
import dev.xent.Tensor;
import dev.xent.errors.ShapeException;
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
   * @param classes of the row
   * @throws ShapeException if it has another number of probabilities
   */
  Tensor read(Object target, Room room, long classes) {
    if (probabilities == null) {
      return read(target, room);
    }
    Tensor tensor = probabilities.read(target, room);
    if (tensor.dim(1) != classes) {
      throw new ShapeException(
          message(
              "the label has %d probabilities, the row has %d classes; expected one probability per class",
              tensor.dim(1), classes));
    }
    return tensor;
  }

  /** The label of a row. */
  Tensor read(Object target, Room room) {
    Tensor tensor = room.of(1);
    tensor.setLong(((Number) target).longValue(), 0, 0);
    return tensor;
  }
}
