// SPDX-License-Identifier: Apache-2.0
package dev.xent.errors;

import java.io.Serial;

/** An element type that the operation does not take in this place. */
public final class DTypeException extends XentException {
  @Serial private static final long serialVersionUID = 1L;

  /**
   * Creates an exception with a message.
   *
   * @param message one line: the argument, the problem and the fix
   */
  public DTypeException(String message) {
    super(message);
  }
}
