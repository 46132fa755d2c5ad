// SPDX-License-Identifier: Apache-2.0
package dev.xent.errors;

import java.io.Serial;
import java.util.Locale;

/**
 * A label that is no class, or a masked one, and not the ignore index; or a token that came before
 * and is no class.
 */
public final class LabelException extends XentException {
  @Serial private static final long serialVersionUID = 1L;

  /** What marks places without a label in images of labels. */
  private static final int LARGEST_BYTE = 255;

  private final long row;
  private final long label;
  private final boolean unsigned;
  private final long classes;

  /**
   * Refuses a label.
   *
   * @param row the first row with a label out of range: its index in the targets in row-major order
   * @param label the label found there
   * @param unsigned whether labels are U64: from 2^63 on {@code label} is the long of the same bits
   * @param classes how many classes there are
   */
  public LabelException(long row, long label, boolean unsigned, long classes) {
    this(
        String.format(
            Locale.ROOT,
            "row %d has label %s; %s: give a class index%s",
            row,
            text(label, unsigned),
            classes == 0 ? "it has no class" : "classes are 0 to " + (classes - 1),
            isMark(label, unsigned)
                ? ", or ignoreIndex(" + label + ") if such rows do not count"
                : ""),
        row,
        label,
        unsigned,
        classes);
  }

  private static boolean isMark(long label, boolean unsigned) {
    return (label < 0 && !unsigned) || label == LARGEST_BYTE;
  }

  private static String text(long label, boolean unsigned) {
    return unsigned ? Long.toUnsignedString(label) : Long.toString(label);
  }

  private LabelException(String message, long row, long label, boolean unsigned, long classes) {
    super(message);
    this.row = row;
    this.label = label;
    this.unsigned = unsigned;
    this.classes = classes;
  }

  /**
   * Refuses a label of an element that is neither 0 nor 1.
   *
   * @param element the first element with such a label: its index in the targets in row-major order
   * @param label the label found there
   * @param unsigned whether labels are U64
   * @return what is to be thrown
   */
  public static LabelException ofElement(long element, long label, boolean unsigned) {
    return new LabelException(
        String.format(
            Locale.ROOT,
            "element %d has label %s: give 0 or 1%s",
            element,
            text(label, unsigned),
            isMark(label, unsigned)
                ? ", or ignoreIndex(" + label + ") if such elements do not count"
                : ""),
        element,
        label,
        unsigned,
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
        false,
        classes);
  }

  /**
   * Refuses a token that came before.
   *
   * @param name of the tensor that has it
   * @param row the first row with such a token
   * @param token the number found there
   * @param unsigned whether tokens have no sign, so that no number of theirs stands for none
   * @param classes how many classes there are
   * @return what is to be thrown
   */
  public static LabelException ofToken(
      String name, long row, long token, boolean unsigned, long classes) {
    return new LabelException(
        String.format(
            Locale.ROOT,
            "%s of row %d has %s; classes are 0 to %d: give a class index, or %s-1 for none",
            name,
            row,
            text(token, unsigned),
            classes - 1,
            unsigned ? "tokens of a signed type with " : ""),
        row,
        token,
        unsigned,
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
    return text(label, unsigned);
  }

  /**
   * Returns whether the label is rather a mark of rows that do not count than a mistake: a negative
   * number or 255.
   *
   * @return whether an ignore index is likely meant
   */
  public boolean isMark() {
    return isMark(label, unsigned);
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
