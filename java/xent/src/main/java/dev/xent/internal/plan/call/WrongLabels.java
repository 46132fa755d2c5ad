// SPDX-License-Identifier: Apache-2.0
package dev.xent.internal.plan.call;

import static dev.xent.internal.text.Messages.message;
import static dev.xent.internal.text.Messages.plural;

import dev.xent.errors.LabelException;
import dev.xent.internal.kernels.ElementType;

/** Exceptions for labels and tokens, with their messages. */
public final class WrongLabels {
  /** The value that marks pixels without a label in label images. */
  private static final int LARGEST_BYTE = 255;

  private WrongLabels() {}

  /** The exception for a label that is neither a class nor the ignore index. */
  public static LabelException outOfRange(long row, long label, ElementType targets, long classes) {
    boolean unsigned = targets == ElementType.U64;
    return new LabelException(
        message(
            "row %d has label %s; %s%s",
            row,
            text(label, unsigned),
            classes == 0
                ? "expected none, as the row has no class"
                : "expected 0 to " + (classes - 1),
            label == classes && classes > 0
                ? "; labels begin at 0"
                : ifByte(label, targets, classes) + ifMark(label, unsigned, "rows")),
        row,
        label,
        unsigned,
        classes);
  }

  /** The exception for an element label that is neither 0 nor 1. */
  static LabelException ofElement(long element, long label, boolean unsigned) {
    return new LabelException(
        message(
            "element %d has label %s; expected 0 or 1%s",
            element, text(label, unsigned), ifMark(label, unsigned, "elements")),
        element,
        label,
        unsigned,
        2);
  }

  /** The exception for a label whose class is excluded by the class mask. */
  public static LabelException ofMaskedClass(long row, long label, long classes) {
    return new LabelException(
        message(
            "row %d has label %d, which is masked by classMask; expected an unmasked class",
            row, label),
        row,
        label,
        false,
        classes);
  }

  /** The exception for a token of a prompt or an output that is not a class. */
  public static LabelException ofToken(
      String name, long row, long token, boolean unsigned, long classes) {
    return new LabelException(
        message(
            "%s of row %d has %s; expected 0 to %d, or %s-1 for no token",
            name, row, text(token, unsigned), classes - 1, unsigned ? "with a signed type " : ""),
        row,
        token,
        unsigned,
        classes);
  }

  /**
   * The exception for a token of a cursor that is not a class of the logits.
   *
   * @param holder the subject and the verb of the message
   */
  public static LabelException ofCursor(String holder, long token, long classes) {
    return new LabelException(
        message(
            "%s %d, logits has %s; expected 0 to %d%s",
            holder,
            token,
            plural(classes, "class"),
            classes - 1,
            token == classes ? "; tokens begin at 0" : ""),
        0,
        token,
        false,
        classes);
  }

  /** Rejects drafts that are not classes. */
  public static void requireDrafts(int[] drafts, long classes) {
    for (int i = 0; i < drafts.length; i++) {
      if (drafts[i] < 0 || drafts[i] >= classes) {
        throw ofCursor("drafts[" + i + "] is", drafts[i], classes);
      }
    }
  }

  /** A hint at unsigned types for a negative byte label: bytes are signed in Java. */
  private static String ifByte(long label, ElementType targets, long classes) {
    boolean fits = label < 0 && label + LARGEST_BYTE + 1 < classes;
    return fits && targets == ElementType.I8 ? ". Unsigned bytes need a tensor of type U8" : "";
  }

  private static String ifMark(long label, boolean unsigned, String what) {
    return (label < 0 && !unsigned) || label == LARGEST_BYTE
        ? ". To leave such " + what + " out, set ignoreIndex(" + label + ")"
        : "";
  }

  private static String text(long label, boolean unsigned) {
    return unsigned ? Long.toUnsignedString(label) : Long.toString(label);
  }
}
