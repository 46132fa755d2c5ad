// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import static dev.xent.cli.Messages.message;

/** The contents of the file of targets. */
enum TargetKind {
  /** One class per row. */
  LABELS,
  /** A number per row and class. */
  PROBABILITIES,
  /** Several classes per row, whose probabilities are in a separate file. */
  SPARSE,
  /** The logits of a teacher. */
  TEACHER;

  /** The error for an option that requires labels. */
  CommandException refusal(String option, InputFile file) {
    return new CommandException(
        message("%1$s requires labels, but %2$s holds %3$s; remove %1$s", option, file, text()));
  }

  private String text() {
    return switch (this) {
      case LABELS -> "labels";
      case PROBABILITIES -> "probabilities";
      case SPARSE -> "several classes per row";
      case TEACHER -> "logits";
    };
  }
}
