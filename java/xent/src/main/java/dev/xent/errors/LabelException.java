// SPDX-License-Identifier: Apache-2.0
package dev.xent.errors;

import java.io.Serial;
import java.util.Locale;

/**
 * A label that is no class, or a masked one, and not the ignore index; or a token that came before
 * and is no class.
 */
public final class LabelException extends IllegalArgumentException implements XentException {
  @Serial private static final long serialVersionUID = 1L;

  /** What marks places without a label in images of labels. */
  private static final int LARGEST_BYTE = 255;

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
    this(
        String.format(
            Locale.ROOT,
            "row %d has label %d; %s: give a class index%s",
            row,
            label,
            classes == 0 ? "it has no class" : "classes are 0 to " + (classes - 1),
            isMark(label) ? ", or ignoreIndex(" + label + ") if such rows do not count" : ""),
        row,
        label,
        classes);
  }

  /** Whether a label that is no class is rather a mark of rows that do not count than a mistake. */
  private static boolean isMark(long label) {
    return label < 0 || label == LARGEST_BYTE;
  }

  private LabelException(String message, long row, long label, long classes) {
    super(message);
    this.row = row;
    this.label = label;
    this.classes = classes;
  }

  /**
   * Refuses a label of an element that is neither 0 nor 1.
   *
   * @param element the first element with such a label: its index in the targets in row-major order
   * @param label the label found there
   * @return what is to be thrown
   */
  public static LabelException ofElement(long element, long label) {
    return new LabelException(
        String.format(
            Locale.ROOT,
            "element %d has label %d: give 0 or 1%s",
            element,
            label,
            isMark(label) ? ", or ignoreIndex(" + label + ") if such elements do not count" : ""),
        element,
        label,
        2);
  }

  /**
   * Refuses a label whose class the class mask leaves out.
   *
   * @param row the first row with such a label: its index in the targets in row-major order
   * @param label the label found there
   * @param classes how many classes there are
   * @return what is to be thrown
   */
  public static LabelException ofMaskedClass(long row, long label, long classes) {
    return new LabelException(
        String.format(
            Locale.ROOT,
            "row %d has label %d, which classMask leaves out: give another class, or let that one take part",
            row,
            label),
        row,
        label,
        classes);
  }

  /**
   * Refuses a token that came before.
   *
   * @param name of the tensor that has it
   * @param row the first row with such a token
   * @param token the number found there
   * @param classes how many classes there are
   * @return what is to be thrown
   */
  public static LabelException ofToken(String name, long row, long token, long classes) {
    return new LabelException(
        String.format(
            Locale.ROOT,
            "%s of row %d has %d; classes are 0 to %d: give a class index, or -1 for none",
            name,
            row,
            token,
            classes - 1),
        row,
        token,
        classes);
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
