// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import java.io.Serial;

/**
 * Thrown when a file cannot be read or written. The message is one line with the cause and the fix;
 * control characters in names are escaped.
 */
public final class FileException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  FileException(String message) {
    super(Shown.line(message));
  }

  FileException(String message, Throwable cause) {
    super(Shown.line(message), cause);
  }
}
