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
   * Refuses with a message.
   *
   * @param message one line: what was given, what is needed, and the fix
   */
  public MemoryException(String message) {
    super(message);
  }

  /**
   * Refuses with a message and what was behind it.
   *
   * @param message one line: what was given, what is needed, and the fix
   * @param cause the exception that showed it, or null
   */
  public MemoryException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
