// SPDX-License-Identifier: Apache-2.0
package dev.xent.errors;

import java.io.Serial;

/**
 * A shape, axis or stride that the operation cannot take, or shapes that do not belong together.
 */
public final class ShapeException extends XentException {
  @Serial private static final long serialVersionUID = 1L;

  /**
   * Creates an exception with a message.
   *
   * @param message one line: the argument, the problem and the fix
   */
  public ShapeException(String message) {
    super(message);
  }

  /**
   * Creates an exception for an argument with a wrong value.
   *
   * @param argument its name
   * @param value what it is
   * @param expected what it must be
   */
  public ShapeException(String argument, String value, String expected) {
    super(argument, value, expected);
  }
}
