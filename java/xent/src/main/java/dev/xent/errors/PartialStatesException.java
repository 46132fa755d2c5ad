// SPDX-License-Identifier: Apache-2.0
package dev.xent.errors;

import java.io.Serial;

/** Partial states that cannot be used: of other rows, classes, kinds or versions, or no states. */
public final class PartialStatesException extends XentException {
  @Serial private static final long serialVersionUID = 1L;

  /**
   * Creates an exception with a message.
   *
   * @param message one line: the argument, the problem and the fix
   */
  public PartialStatesException(String message) {
    super(message);
  }
}
