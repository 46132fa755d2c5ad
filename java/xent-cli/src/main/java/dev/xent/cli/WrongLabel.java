// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

import dev.xent.errors.LabelException;

/** The line for a label outside the classes, or a masked label. */
final class WrongLabel {
  private WrongLabel() {}

  /** Names the position in a file of these rows, in the form of {@code verify}. */
  static CommandException in(Rows rows, LabelException e) {
    long label = e.label();
    String place = rows.place(e.row());
    if (rows.areElements()) {
      return new CommandException(
          message(
              "label %s of element %s is neither 0 nor 1; correct it%s",
              e.labelText(),
              place,
              e.isMark() ? ", or leave such elements out: --ignore-index " + label : ""));
    }
    if (label >= 0 && label < e.classes()) {
      return new CommandException(
          message(
              "label %d in row %s is masked out by --class-mask; correct one of them",
              label, place));
    }
    return of(message("label %s in row %s", e.labelText(), place), e);
  }

  /** The line for a label that is no class. */
  static CommandException of(String which, LabelException e) {
    long label = e.label();
    return new CommandException(
        message(
            "%s is not in [0, %d); %scorrect it%s",
            which,
            e.classes(),
            label == e.classes() ? "labels count from 0, " : "",
            e.isMark() ? ", or leave such rows out: --ignore-index " + label : ""));
  }
}
