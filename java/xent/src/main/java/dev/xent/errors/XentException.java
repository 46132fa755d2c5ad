// SPDX-License-Identifier: Apache-2.0
package dev.xent.errors;

import java.io.Serial;
import org.jspecify.annotations.Nullable;

/**
 * An invalid argument, option or file of states: catch this class for all of them. The message is
 * one line: the argument, the problem and the fix.
 *
 * <p>Unless documented otherwise, nothing has been written when one is thrown. A native library
 * that is required and cannot be loaded is a {@link NativeLibraryException} instead.
 */
public abstract sealed class XentException extends IllegalArgumentException
    permits DTypeException,
        LabelException,
        MemoryException,
        EmptyMeanException,
        NoTokenException,
        OptionException,
        PartialStatesException,
        ShapeException {
  @Serial private static final long serialVersionUID = 1L;

  private final @Nullable String argument;
  private final @Nullable String value;
  private final @Nullable String expected;

  XentException(String message) {
    super(message); // initCause throws after super(message, null)
    argument = null;
    value = null;
    expected = null;
  }

  XentException(String message, @Nullable Throwable cause) {
    super(message, cause);
    argument = null;
    value = null;
    expected = null;
  }

  XentException(String argument, String value, String expected) {
    super(argument + " is " + value + "; expected " + expected);
    this.argument = argument;
    this.value = value;
    this.expected = expected;
  }

  /**
   * Returns the argument or option whose value alone is wrong, such as {@code temperature}, so that
   * a program that has its own names can write its own message with {@link #value} and {@link
   * #expected}; null if the message says something else.
   */
  public @Nullable String argument() {
    return argument;
  }

  /** Returns the value of the {@link #argument}, or null. */
  public @Nullable String value() {
    return value;
  }

  /** Returns what the {@link #argument} must be, such as "a number from 0 to 1", or null. */
  public @Nullable String expected() {
    return expected;
  }
}
