// SPDX-License-Identifier: Apache-2.0
package dev.xent.errors;

import java.io.Serial;

/** An option or setting whose value is not allowed, or that this build or machine does not have. */
public final class OptionException extends XentException {
  @Serial private static final long serialVersionUID = 1L;

  /**
   * Creates an exception with a message.
   *
   * @param message one line: the argument, the problem and the fix
   */
  public OptionException(String message) {
    super(message);
  }
}
