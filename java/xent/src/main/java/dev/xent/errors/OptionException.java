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

  /**
   * Creates an exception for an option whose value is out of its range.
   *
   * @param option the name of the option
   * @param value what it is
   * @param expected what it must be
   */
  public OptionException(String option, String value, String expected) {
    super(option, value, expected);
  }
}
