// SPDX-License-Identifier: Apache-2.0
package dev.xent;

import java.io.Serial;

/** A label that is no class and not the ignore index. */
public final class LabelException extends XentException {
  @Serial private static final long serialVersionUID = 1L;

  private final long row;
  private final long label;
  private final long classes;

  /**
   * Refuses a label.
   *
   * @param row the first row with a label out of range: its index in the targets in row-major order
   * @param label the label found there
   * @param classes how many classes there are
   */
  public LabelException(long row, long label, long classes) {
    super(
        "row %d has label %d; classes are 0 to %d: give a class index, or ignoreIndex(%d) if such rows do not count"
            .formatted(row, label, classes - 1, label),
        null);
    this.row = row;
    this.label = label;
    this.classes = classes;
  }

  /**
   * Returns the first row with a label out of range.
   *
   * @return the index in the targets in row-major order
   */
  public long row() {
    return row;
  }

  /**
   * Returns the label found there.
   *
   * @return the label
   */
  public long label() {
    return label;
  }

  /**
   * Returns how many classes there are; labels are below this number.
   *
   * @return the number of classes
   */
  public long classes() {
    return classes;
  }
}
