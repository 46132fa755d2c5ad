// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import java.io.Serial;

/** A command that cannot be carried out; the message is one line with cause and fix. */
public final class CommandException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  /** With the line that is shown after {@code xent: }. */
  public CommandException(String message) {
    super(message);
  }
}
