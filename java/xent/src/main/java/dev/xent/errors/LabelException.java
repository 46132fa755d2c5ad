// SPDX-License-Identifier: Apache-2.0
package dev.xent.errors;

import java.io.Serial;

/**
 * A label that is not a class, or is masked, and is not the ignore index; or an earlier token that
 * is not a class.
 */
public final class LabelException extends XentException {
  @Serial private static final long serialVersionUID = 1L;

  /** The usual mark of pixels without a label in label images. */
  private static final int LARGEST_BYTE = 255;

  private final long row;
  private final long label;
  private final boolean unsigned;
  private final long classes;

  /**
   * Creates an exception with a message.
   *
   * @param message one line: the problem, what is expected, and the fix
   * @param row the first row with such a label: its index in the targets in row-major order
   * @param label the label found there
   * @param unsigned whether labels are U64: from 2^63 on {@code label} is the long of the same bits
   * @param classes the number of classes
   */
  public LabelException(String message, long row, long label, boolean unsigned, long classes) {
    super(message);
    this.row = row;
    this.label = label;
    this.unsigned = unsigned;
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
   * @return the label; of U64 the long of the same bits, which is negative from 2^63 on
   */
  public long label() {
    return label;
  }

  /**
   * Returns the label found there as text.
   *
   * @return its digits: of U64 up to 18446744073709551615
   */
  public String labelText() {
    return unsigned ? Long.toUnsignedString(label) : Long.toString(label);
  }

  /**
   * Returns whether the label probably marks rows that do not count: a negative number or 255.
   *
   * @return whether an ignore index is likely meant
   */
  public boolean isMark() {
    return (label < 0 && !unsigned) || label == LARGEST_BYTE;
  }

  /**
   * Returns the number of classes; labels are below this number.
   *
   * @return the number of classes
   */
  public long classes() {
    return classes;
  }
}
