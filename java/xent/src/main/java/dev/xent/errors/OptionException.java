// SPDX-License-Identifier: Apache-2.0
package dev.xent.errors;

import java.io.Serial;
import org.jspecify.annotations.Nullable;

/** An option or setting whose value is not allowed, or that this build or machine does not have. */
public final class OptionException extends XentException {
  @Serial private static final long serialVersionUID = 1L;

  private final @Nullable String expected;

  /**
   * Creates an exception with a message.
   *
   * @param message one line: the argument, the problem and the fix
   */
  public OptionException(String message) {
    super(message);
    expected = null;
  }

  /**
   * Creates an exception for an option whose value is out of its range.
   *
   * @param option the name of the option
   * @param value what it is
   * @param expected what it must be
   */
  public OptionException(String option, String value, String expected) {
    super(option + " is " + value + "; expected " + expected);
    this.expected = expected;
  }

  /**
   * Returns what the option must be, such as "a number from 0 to 1", so that a program that has its
   * own names for options can write its own message; null if the message says something else.
   */
  public @Nullable String expected() {
    return expected;
  }
}
