// SPDX-License-Identifier: Apache-2.0
package dev.xent.errors;

import java.io.Serial;
import org.jspecify.annotations.Nullable;

/**
 * Memory that cannot be used: read-only for an output, overlapping, misaligned, too small, in
 * another byte order, of a closed arena, or confined to another thread.
 */
public final class MemoryException extends XentException {
  @Serial private static final long serialVersionUID = 1L;

  /**
   * Creates an exception with a message.
   *
   * @param message one line: the argument, the problem and the fix
   */
  public MemoryException(String message) {
    super(message);
  }

  /**
   * Creates an exception with a message and its cause.
   *
   * @param message one line: the argument, the problem and the fix
   * @param cause the exception that showed it, or null
   */
  public MemoryException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
