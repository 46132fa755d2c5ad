// SPDX-License-Identifier: Apache-2.0
package dev.xent.cli;

import java.io.Serial;

/** The failure of a command; the message is one line with cause and fix. */
public final class CommandException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  /** Creates an exception with the line to print after {@code xent: }. */
  public CommandException(String message) {
    super(message);
  }
}
